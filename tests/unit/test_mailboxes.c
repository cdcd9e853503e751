/*
 * daemon/mailboxes: what LIST told against `folders`, `exclude` and `watch`.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/mailboxes.h"
#include "libclient/base/mem.h"

static struct mailboxes all;
static struct settings_account settings;

static void
set_up(void)
{
	all = (struct mailboxes){0};
	settings = (struct settings_account){0};
}

static void
tear_down(void)
{
	mailboxes_free(&all);
}

#define WORDS(...)                                                \
	((struct settings_list){.items = (char *[]){__VA_ARGS__}, \
	    .count = sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)})

static void
add(const char *name, unsigned flags)
{
	mailboxes_add(&all,
	    &(struct imap_list){.mailbox = span_of(name),
		.name = span_of(name),
		.delimiter = '/',
		.flags = flags});
}

static void
assert_names(const char *expected)
{
	static const char *const marks[] = {
	    [MAILBOX_POLLED] = "",
	    [MAILBOX_IDLED] = "!",
	    [MAILBOX_NOTIFIED] = "?",
	};
	char text[1000] = "";
	size_t len = 0;

	for (uint32_t i = 0; i < all.count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s%s%s", i == 0 ? "" : " ", all.items[i].name,
		    marks[all.items[i].watch]);
	ck_assert_str_eq(text, expected);
}

/* ---- adding ---- */

START_TEST(test_a_mailbox_is_kept_as_it_was_told)
{
	struct imap_list list = {.mailbox = {"Entw&APw-rfe", 12},
	    .name = span_of("Entwürfe"),
	    .delimiter = '.',
	    .flags = IMAP_LIST_DRAFTS};
	const struct mailbox *mailbox;

	mailboxes_add(&all, &list);
	ck_assert_uint_eq(all.count, 1);
	mailbox = mailboxes_find(&all, list.mailbox);
	ck_assert_ptr_eq(mailbox, &all.items[0]);
	ck_assert_uint_eq(mailbox->bytes_len, 12);
	ck_assert_str_eq(mailbox->name, "Entwürfe");
	ck_assert(mailbox->is_valid);
	ck_assert_int_eq(mailbox->delimiter, '.');
	ck_assert_uint_eq(mailbox->flags, IMAP_LIST_DRAFTS);
	ck_assert_ptr_null(mailboxes_find(&all, span_of("Entwürfe")));
}
END_TEST

START_TEST(test_an_invalid_name_is_made_printable)
{
	mailboxes_add(&all,
	    &(struct imap_list){.mailbox = {"a\xff\x01"
					    "z",
				    4}});
	ck_assert_uint_eq(all.count, 1);
	ck_assert(!all.items[0].is_valid);
	ck_assert_uint_eq(all.items[0].bytes_len, 4);
	ck_assert_int_eq(memcmp(all.items[0].bytes,
			     "a\xff\x01"
			     "z",
			     4),
	    0);
	for (const char *c = all.items[0].name; *c != '\0'; c++)
		ck_assert(*c >= ' ' && *c < 0x7f);
}
END_TEST

START_TEST(test_what_no_command_can_carry_is_left_out)
{
	char *name = mem_alloc(MAILBOXES_MAX_NAME + 1);

	memset(name, 'x', MAILBOXES_MAX_NAME + 1);
	mailboxes_add(&all, &(struct imap_list){.mailbox = {"a\0b", 3}});
	mailboxes_add(&all, &(struct imap_list){.mailbox = {"a\rb", 3}});
	mailboxes_add(&all, &(struct imap_list){.mailbox = {"a\nb", 3}});
	mailboxes_add(&all,
	    &(struct imap_list){.mailbox = {name, MAILBOXES_MAX_NAME + 1}});
	ck_assert_uint_eq(all.count, 0);
	mem_free(name);
}
END_TEST

START_TEST(test_what_cannot_be_opened_is_left_out)
{
	add("a", IMAP_LIST_NOSELECT);
	add("b", IMAP_LIST_NONEXISTENT | IMAP_LIST_SUBSCRIBED);
	add("", 0);
	add("c", IMAP_LIST_NOINFERIORS);
	assert_names("c");
}
END_TEST

START_TEST(test_the_inbox_in_any_letters_is_one)
{
	add("inbox", 0);
	add("Inbox", 0);
	add("INBOX", 0);
	ck_assert_uint_eq(all.count, 1);
	ck_assert_str_eq(all.items[0].bytes, "INBOX");
	ck_assert_ptr_nonnull(mailboxes_find(&all, span_of("INBOX")));
}
END_TEST

START_TEST(test_more_than_are_kept_is_noted)
{
	char name[16];

	for (int i = 0; i <= MAILBOXES_MAX; i++) {
		ck_assert(!all.is_cut);
		(void)snprintf(name, sizeof(name), "%d", i);
		add(name, 0);
	}
	ck_assert(all.is_cut);
	ck_assert_uint_eq(all.count, MAILBOXES_MAX);
}
END_TEST

START_TEST(test_a_repetition_is_left_out)
{
	add("a", IMAP_LIST_SENT);
	add("a", 0);
	add("A", 0);
	assert_names("a A");
	ck_assert_uint_eq(all.items[0].flags, IMAP_LIST_SENT);
}
END_TEST

/* ---- choosing ---- */

static const struct {
	struct settings_list folders;
	struct settings_list exclude;
	const char *chosen;
} choices[] = {
    {{(char *[]){"INBOX"}, 1}, {0}, "INBOX"},
    {{(char *[]){"inbox"}, 1}, {0}, "INBOX"},
    {{(char *[]){"Sent", "INBOX"}, 2}, {0}, "Sent INBOX"},
    {{(char *[]){"*"}, 1}, {0}, "INBOX Bin Lists/a Lists/a/b Lists/c Sent"},
    {{(char *[]){"%"}, 1}, {0}, "INBOX Bin Sent"},
    {{(char *[]){"Lists/%"}, 1}, {0}, "Lists/a Lists/c"},
    /* the first pattern that matches gives the place */
    {{(char *[]){"Lists/c", "*"}, 2}, {0},
	"Lists/c INBOX Bin Lists/a Lists/a/b Sent"},
    {{(char *[]){"*"}, 1}, {(char *[]){"Lists/*", "INBOX"}, 2}, "Bin Sent"},
    {{(char *[]){"INBOX"}, 1}, {(char *[]){"*"}, 1}, ""},
    /* by special use, in any case, whatever the name */
    {{(char *[]){"\\Trash"}, 1}, {0}, "Bin"},
    {{(char *[]){"*"}, 1}, {(char *[]){"\\sent", "\\TRASH", "Lists*"}, 3},
	"INBOX"},
    {{(char *[]){"\\Archive"}, 1}, {0}, ""},
    {{(char *[]){"\\Nonsense"}, 1}, {0}, ""},
    {{(char *[]){"nothing"}, 1}, {0}, ""},
    {{0}, {0}, ""},
};

#define CHOICES (int)(sizeof(choices) / sizeof(*choices))

START_TEST(test_patterns_choose_and_order)
{
	add("Sent", IMAP_LIST_SENT);
	add("Lists/c", 0);
	add("Lists/a/b", 0);
	add("Bin", IMAP_LIST_TRASH);
	add("Lists/a", 0);
	add("INBOX", 0);
	settings.folders = choices[_i].folders;
	settings.exclude = choices[_i].exclude;
	mailboxes_choose(&all, &settings);
	assert_names(choices[_i].chosen);
}
END_TEST

START_TEST(test_the_delimiter_is_the_mailboxs_own)
{
	mailboxes_add(&all,
	    &(struct imap_list){.mailbox = span_of("a.b"),
		.name = span_of("a.b"),
		.delimiter = '.'});
	add("c.d", 0);
	settings.folders = WORDS("%");
	mailboxes_choose(&all, &settings);
	assert_names("c.d");
}
END_TEST

START_TEST(test_what_was_chosen_can_be_chosen_from_again)
{
	add("a", 0);
	add("b", 0);
	settings.folders = WORDS("*");
	mailboxes_choose(&all, &settings);
	add("c", 0);
	settings.exclude = WORDS("a");
	mailboxes_choose(&all, &settings);
	assert_names("b c");
}
END_TEST

/* ---- push ---- */

static void
assign(uint32_t connections, bool has_notify)
{
	mailboxes_assign_watch(&all, &settings,
	    (struct mailboxes_push){.connections = connections,
		.has_idle = true,
		.has_notify = has_notify});
}

static const struct {
	struct settings_list watch;
	const char *given;
	uint32_t connections;
	uint32_t watched;
} pushes[] = {
    {{0}, "a! b! c!", 5, 3},
    {{0}, "a! b! c", 2, 3},
    {{0}, "a b c", 0, 3},
    {{(char *[]){"b", "c"}, 2}, "a b! c", 1, 2},
    {{(char *[]){"c", "b"}, 2}, "a b! c", 1, 2},
    {{(char *[]){"*"}, 1}, "a! b! c!", 3, 3},
    {{(char *[]){"\\Sent"}, 1}, "a b c!", 5, 1},
    {{(char *[]){"nothing"}, 1}, "a b c", 5, 0},
};

#define PUSHES (int)(sizeof(pushes) / sizeof(*pushes))

START_TEST(test_the_first_watched_ones_get_the_connections)
{
	uint32_t watched = 0;

	add("a", 0);
	add("b", 0);
	add("c", IMAP_LIST_SENT);
	settings.watch = pushes[_i].watch;
	assign(pushes[_i].connections, false);
	assert_names(pushes[_i].given);
	for (uint32_t i = 0; i < all.count; i++)
		watched += all.items[i].is_watched;
	ck_assert_uint_eq(watched, pushes[_i].watched);
}
END_TEST

START_TEST(test_a_lower_limit_takes_push_away)
{
	add("a", 0);
	add("b", 0);
	assign(2, false);
	assert_names("a! b!");
	assign(1, false);
	assert_names("a! b");
}
END_TEST

/* "!": IDLE, "?": NOTIFY */
static const struct {
	struct settings_list watch;
	const char *given;
	uint32_t connections;
	uint32_t unnotified; /* from the end */
} notified[] = {
    {{0}, "a! b? c?", 5, 0},
    {{0}, "a! b? c?", 3, 0},
    {{0}, "a? b? c?", 2, 0},
    {{0}, "a? b? c?", 1, 0},
    {{(char *[]){"b", "c"}, 2}, "a b! c?", 3, 0},
    /* what NOTIFY does not tell of has what is left */
    {{0}, "a! b? c!", 4, 1},
    {{0}, "a! b? c", 3, 1},
    {{0}, "a! b! c", 4, 2},
    {{0}, "a b c", 2, 3},
};

#define NOTIFIED (int)(sizeof(notified) / sizeof(*notified))

START_TEST(test_notify_watches_all_but_the_first)
{
	add("a", 0);
	add("b", 0);
	add("c", 0);
	for (uint32_t i = 0; i < notified[_i].unnotified; i++)
		all.items[2 - i].is_unnotified = true;
	settings.watch = notified[_i].watch;
	assign(notified[_i].connections, true);
	assert_names(notified[_i].given);
}
END_TEST

START_TEST(test_notify_without_idle_watches_all)
{
	add("a", 0);
	add("b", 0);
	mailboxes_assign_watch(&all, &settings,
	    (struct mailboxes_push){.connections = 5, .has_notify = true});
	assert_names("a? b?");
	ck_assert_str_eq(mailbox_watch_name(all.items[0].watch), "NOTIFY");
}
END_TEST

START_TEST(test_twenty_thousand_mailboxes_take_no_time)
{
	char name[32];

	for (unsigned i = 0; i < MAILBOXES_MAX + 5; i++) {
		(void)snprintf(name, sizeof(name), "Lists/%u", i % 20001);
		add(name, 0);
	}
	ck_assert_uint_eq(all.count, MAILBOXES_MAX);
	settings.folders = WORDS("*9");
	mailboxes_choose(&all, &settings);
	ck_assert_uint_eq(all.count, MAILBOXES_MAX / 10);
	for (uint32_t i = 0; i < all.count; i++)
		ck_assert_ptr_eq(mailboxes_find(&all,
				     (struct span){all.items[i].bytes,
					 all.items[i].bytes_len}),
		    &all.items[i]);
	ck_assert_ptr_null(mailboxes_find(&all, span_of("Lists/1")));
}
END_TEST

START_TEST(test_an_empty_list_can_be_used)
{
	settings.folders = WORDS("*");
	mailboxes_choose(&all, &settings);
	assign(5, false);
	ck_assert_uint_eq(all.count, 0);
	ck_assert_ptr_null(mailboxes_find(&all, span_of("INBOX")));
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("mailboxes");
	Suite *suite = suite_create("mailboxes");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, test_a_mailbox_is_kept_as_it_was_told);
	tcase_add_test(tests, test_an_invalid_name_is_made_printable);
	tcase_add_test(tests, test_what_no_command_can_carry_is_left_out);
	tcase_add_test(tests, test_what_cannot_be_opened_is_left_out);
	tcase_add_test(tests, test_a_repetition_is_left_out);
	tcase_add_test(tests, test_the_inbox_in_any_letters_is_one);
	tcase_add_test(tests, test_more_than_are_kept_is_noted);
	tcase_add_loop_test(tests, test_patterns_choose_and_order, 0, CHOICES);
	tcase_add_test(tests, test_the_delimiter_is_the_mailboxs_own);
	tcase_add_test(tests, test_what_was_chosen_can_be_chosen_from_again);
	tcase_add_loop_test(
	    tests, test_the_first_watched_ones_get_the_connections, 0, PUSHES);
	tcase_add_test(tests, test_a_lower_limit_takes_push_away);
	tcase_add_loop_test(
	    tests, test_notify_watches_all_but_the_first, 0, NOTIFIED);
	tcase_add_test(tests, test_notify_without_idle_watches_all);
	tcase_add_test(tests, test_twenty_thousand_mailboxes_take_no_time);
	tcase_add_test(tests, test_an_empty_list_can_be_used);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
