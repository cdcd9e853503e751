/*
 * daemon/state: what is remembered between runs.
 */
#include "tests/unit/state_helpers.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "daemon/index.h"

/* ---- folders ---- */

START_TEST(test_a_mailbox_without_a_row_is_all_zero)
{
	struct state_folder folder;

	memset(&folder, 0xff, sizeof(folder));
	ck_assert(state_load_folder(state, span_of("INBOX"), &folder, &error));
	ck_assert_uint_eq(folder.uidvalidity, 0);
	ck_assert_uint_eq(folder.uidnext, 0);
	ck_assert_uint_eq(folder.highestmodseq, 0);
	ck_assert(!folder.is_held && !folder.is_gone);
	assert_uids("INBOX", "");
}
END_TEST

START_TEST(test_a_folder_comes_back_as_it_was)
{
	static const struct state_folder folders[] = {
	    {1, 2, 3, 0, false, false, 0, 0, 0, "F1"},
	    {UINT32_MAX, UINT32_MAX, INT64_MAX, UINT32_MAX, true, false,
		INT64_MAX, INT64_MAX, -1, "F2"},
	    {7, 8, UINT64_MAX, 6, false, true, 9, 10, 11, "F1"},
	};
	/* Bytes that are no text, as a mailbox's name may have them. */
	struct span mailbox = {"B\xe4ume\x01'\"", 8};
	struct state_change change = {.mailbox = mailbox};
	struct state_folder folder;

	for (int i = 0; i < COUNT(folders); i++) {
		change.folder = &folders[i];
		apply(&change);
		reopen();
		ck_assert(state_load_folder(state, mailbox, &folder, &error));
		ck_assert_uint_eq(folder.uidvalidity, folders[i].uidvalidity);
		ck_assert_uint_eq(folder.uidnext, folders[i].uidnext);
		ck_assert_uint_eq(
		    folder.highestmodseq, folders[i].highestmodseq);
		ck_assert_int_eq(folder.is_held, folders[i].is_held);
		ck_assert_uint_eq(
		    folder.stale_uidvalidity, folders[i].stale_uidvalidity);
		ck_assert_int_eq(folder.is_gone, folders[i].is_gone);
		ck_assert_int_eq(folder.last_full, folders[i].last_full);
		ck_assert_int_eq(folder.new_ns, folders[i].new_ns);
		ck_assert_int_eq(folder.cur_ns, folders[i].cur_ns);
		ck_assert_str_eq(folder.mailboxid, folders[i].mailboxid);
	}
}
END_TEST

START_TEST(test_a_change_without_a_folder_leaves_it)
{
	struct state_folder folder = {.uidvalidity = 5};
	struct state_change change = {
	    .mailbox = span_of("a"), .folder = &folder};

	apply(&change);
	change.folder = NULL;
	apply(&change);
	ck_assert(state_load_folder(state, span_of("a"), &folder, &error));
	ck_assert_uint_eq(folder.uidvalidity, 5);
}
END_TEST

struct folders {
	char text[256];
	size_t len;
};

static void
list_folder(void *user, struct span mailbox, const char *path,
    const struct state_folder *folder)
{
	struct folders *folders = user;

	folders->len += (size_t)snprintf(folders->text + folders->len,
	    sizeof(folders->text) - folders->len, "[%.*s %s %u]",
	    (int)mailbox.len, mailbox.at, path == NULL ? "-" : path,
	    folder->uidvalidity);
}

START_TEST(test_each_folder_is_listed)
{
	struct state_folder folder = {.uidvalidity = 5};
	struct state_change change = {
	    .mailbox = span_of("b"), .folder = &folder};
	struct folders folders = {.len = 0};

	ck_assert(state_set_path(state, span_of("c"), "C", &error));
	ck_assert(state_set_path(state, span_of(""), "", &error));
	apply(&change);
	ck_assert(state_each_folder(state, list_folder, &folders, &error));
	ck_assert_str_eq(folders.text, "[  0][b - 5][c C 0]");
}
END_TEST

/* ---- paths ---- */

static void
assert_string(char *string, const char *expected)
{
	if (expected == NULL)
		ck_assert_ptr_null(string);
	else
		ck_assert_str_eq(string, expected);
	mem_free(string);
}

START_TEST(test_a_path_is_remembered)
{
	assert_string(state_path(state, span_of("A")), NULL);
	ck_assert(state_set_path(state, span_of("A"), "x/\xc3\xa4", &error));
	ck_assert(state_set_path(state, span_of("A"), "x/\xc3\xa4", &error));
	ck_assert(state_set_path(state, span_of("INBOX"), "", &error));
	reopen();
	assert_string(state_path(state, span_of("A")), "x/\xc3\xa4");
	assert_string(state_path_owner(state, "x/\xc3\xa4"), "A");
	assert_string(state_path(state, span_of("INBOX")), "");
	assert_string(state_path_owner(state, ""), "INBOX");
	assert_string(state_path_owner(state, "X/\xc3\xa4"), NULL);
	assert_string(state_path(state, span_of("a")), NULL);
}
END_TEST

START_TEST(test_a_path_has_one_mailbox_only)
{
	ck_assert(state_set_path(state, span_of("A"), "x", &error));
	ck_assert(!state_set_path(state, span_of("B"), "x", &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_LOCAL);
	ck_assert_str_eq(error.text, "path taken: x");
	assert_string(state_path_owner(state, "x"), "A");
	assert_string(state_path(state, span_of("B")), NULL);
}
END_TEST

START_TEST(test_a_mailbox_keeps_its_path)
{
	ck_assert(state_set_path(state, span_of("A"), "x", &error));
	ck_assert(!state_set_path(state, span_of("A"), "y", &error));
	ck_assert_str_eq(error.text, "path taken: y");
	assert_string(state_path(state, span_of("A")), "x");
}
END_TEST

START_TEST(test_a_mailbox_with_a_row_can_get_a_path)
{
	put_uids("A", (uint32_t[]){1, 2}, 2);
	assert_string(state_path(state, span_of("A")), NULL);
	ck_assert(state_set_path(state, span_of("A"), "x", &error));
	assert_string(state_path(state, span_of("A")), "x");
	assert_uids("A", "1 2");
}
END_TEST

/* ---- messages ---- */

static void
list_place(void *user, const struct state_place *place)
{
	struct folders *places = user;

	places->len += (size_t)snprintf(places->text + places->len,
	    sizeof(places->text) - places->len, "[%.*s %s %u %u %u %u %u]",
	    (int)place->mailbox.len, place->mailbox.at, place->path,
	    place->uidvalidity, place->uid, place->flags, (unsigned)place->size,
	    (unsigned)place->date);
}

static const char *
places(const char *emailid)
{
	static struct folders found;

	found = (struct folders){.len = 0};
	ck_assert(state_find_emailid(
	    state, span_of(emailid), list_place, &found, &error));
	return found.text;
}

START_TEST(test_a_message_comes_back_as_it_was)
{
	static const struct state_message messages[] = {
	    {.uid = 1},
	    {2, INDEX_SEEN | 1U << 31, 1234, 1700000000, 99, {"M1", 2}, {0}},
	    {UINT32_MAX, UINT32_MAX, UINT64_MAX, INT64_MIN, UINT64_MAX,
		{"\0\xff", 2}, {"$a b\xc3\xa4", 6}},
	    {3, 1, 1, -86400, INT64_MAX, {0}, {"x", 1}},
	};
	const struct state_message *message = &messages[_i];
	struct state_change change = {
	    .mailbox = span_of("A"), .put = message, .put_count = 1};
	struct listing listing;

	apply(&change);
	reopen();
	listing = list("A");
	ck_assert_str_eq(listing.keywords, string_of(message->keywords));
	ck_assert_uint_eq(listing.count, 1);
	ck_assert_uint_eq(listing.last.uid, message->uid);
	ck_assert_uint_eq(listing.last.flags, message->flags);
	ck_assert_uint_eq(listing.last.size, message->size);
	ck_assert_int_eq(listing.last.date, message->date);
	ck_assert_uint_eq(listing.last.modseq, message->modseq);
}
END_TEST

START_TEST(test_messages_come_in_order_and_by_mailbox)
{
	put_uids("A", (uint32_t[]){9, 1, 4294967295, 5}, 4);
	put_uids("B", (uint32_t[]){2, 1}, 2);
	assert_uids("A", "1 5 9 4294967295");
	assert_uids("B", "1 2");
	assert_uids("C", "");
}
END_TEST

START_TEST(test_a_message_put_again_is_replaced)
{
	struct state_message message = {.uid = 5, .flags = INDEX_SEEN};
	struct state_change change = {
	    .mailbox = span_of("A"), .put = &message, .put_count = 1};

	put_uids("A", (uint32_t[]){5}, 1);
	apply(&change);
	ck_assert_uint_eq(list("A").count, 1);
	ck_assert_uint_eq(list("A").last.flags, INDEX_SEEN);
}
END_TEST

START_TEST(test_what_a_message_put_again_does_not_say_is_kept)
{
	struct state_message message = {
	    .uid = 5, .emailid = span_of("M5"), .keywords = span_of("x y")};
	struct state_change change = {
	    .mailbox = span_of("A"), .put = &message, .put_count = 1};

	ck_assert(state_set_path(state, span_of("A"), "a", &error));
	apply(&change);
	put_uids("A", (uint32_t[]){5}, 1);
	ck_assert_str_eq(places("M5"), "[A a 0 5 0 0 0]");
	ck_assert_str_eq(list("A").keywords, "x y");
	message.keywords = span_of("");
	apply(&change);
	ck_assert_str_eq(list("A").keywords, "");
	message.keywords = span_of("z");
	apply(&change);
	ck_assert_str_eq(list("A").keywords, "z");
}
END_TEST

START_TEST(test_forgetting_comes_before_putting)
{
	struct state_message message = {.uid = 5};
	struct state_change change = {.mailbox = span_of("A"),
	    .forget_messages = true,
	    .put = &message,
	    .put_count = 1};

	put_uids("A", (uint32_t[]){1, 2, 5}, 3);
	put_uids("B", (uint32_t[]){1}, 1);
	apply(&change);
	assert_uids("A", "5");
	assert_uids("B", "1");
}
END_TEST

START_TEST(test_ten_thousand_rows_are_one_transaction)
{
	static uint32_t uids[10000];

	for (uint32_t i = 0; i < 10000; i++)
		uids[i] = 10000 - i;
	put_uids("A", uids, 10000);
	reopen();
	ck_assert_uint_eq(list("A").count, 10000);
	ck_assert_uint_eq(list("A").last.uid, 10000);
}
END_TEST

START_TEST(test_a_change_that_fails_changes_nothing)
{
	static struct state_message messages[5000];
	struct state_folder folder = {.uidvalidity = 9};
	struct state_change change = {.mailbox = span_of("A"),
	    .folder = &folder,
	    .forget_messages = true,
	    .put = messages,
	    .put_count = 5000};
	sqlite3 *other;

	put_uids("A", (uint32_t[]){1, 2}, 2);
	/* A trigger stands for the disk that fails in the middle. */
	ck_assert_int_eq(sqlite3_open("dir/state/me.db", &other), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(other,
			     "CREATE TRIGGER t BEFORE INSERT ON chunk"
			     " WHEN new.id % 16777216 = 4000 / 256"
			     " BEGIN SELECT raise(FAIL, 'no space'); END",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(other);
	for (uint32_t i = 0; i < 5000; i++)
		messages[i].uid = i + 1;
	ck_assert(!state_apply(state, &change, &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_LOCAL);
	ck_assert_str_eq(error.text, "cannot write dir/state/me.db: no space");
	assert_uids("A", "1 2");
	ck_assert(state_load_folder(state, span_of("A"), &folder, &error));
	ck_assert_uint_eq(folder.uidvalidity, 0);
	/* The handle is not stuck in the transaction. */
	put_uids("A", (uint32_t[]){3}, 1);
	assert_uids("A", "1 2 3");
}
END_TEST

START_TEST(test_without_fsync_it_remembers_as_well)
{
	state = state_close(state);
	open_state(false);
	put_uids("A", (uint32_t[]){1, 2}, 2);
	reopen();
	assert_uids("A", "1 2");
}
END_TEST

static void *
use_state(void *user)
{
	(void)user;
	put_uids("A", (uint32_t[]){1, 2}, 2);
	return NULL;
}

START_TEST(test_another_thread_may_use_it)
{
	pthread_t thread;

	put_uids("A", (uint32_t[]){3}, 1);
	ck_assert_int_eq(pthread_create(&thread, NULL, use_state, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	assert_uids("A", "1 2 3");
}
END_TEST

/* ---- identity ---- */

/* A message of a mailbox with a path, if it has one. */
static void
put_emailid(
    const char *mailbox, const char *path, uint32_t uid, const char *emailid)
{
	struct state_folder folder = {.uidvalidity = 9};
	struct state_message message = {.uid = uid,
	    .flags = 16,
	    .size = 100,
	    .date = 200,
	    .emailid = span_of(emailid)};
	struct state_change change = {.mailbox = span_of(mailbox),
	    .folder = &folder,
	    .put = &message,
	    .put_count = 1};

	if (path != NULL)
		ck_assert(
		    state_set_path(state, span_of(mailbox), path, &error));
	apply(&change);
}

START_TEST(test_a_message_is_found_by_its_emailid_in_every_mailbox)
{
	put_emailid("A", "a", 5, "M1");
	put_emailid("B", "b", 7, "M1");
	put_emailid("B", "b", 8, "M2");
	put_emailid("C", NULL, 1, "M1");
	ck_assert_str_eq(
	    places("M1"), "[A a 9 5 16 100 200][B b 9 7 16 100 200]");
	ck_assert_str_eq(places("M2"), "[B b 9 8 16 100 200]");
	ck_assert_str_eq(places("M3"), "");
	ck_assert_str_eq(places(""), "");
}
END_TEST

START_TEST(test_a_renamed_mailbox_takes_its_messages_along)
{
	put_emailid("A", "a", 5, "M1");
	/* polled under its new name, never synced */
	ck_assert(state_set_path(state, span_of("B"), "b", &error));
	ck_assert(state_rename_folder(
	    state, span_of("A"), span_of("B"), "b", &error));
	reopen();
	assert_string(state_path(state, span_of("A")), NULL);
	assert_string(state_path(state, span_of("B")), "b");
	assert_uids("A", "");
	assert_uids("B", "5");
	ck_assert_str_eq(places("M1"), "[B b 9 5 16 100 200]");
}
END_TEST

START_TEST(test_a_mailbox_is_not_renamed_onto_another)
{
	put_emailid("A", "a", 5, "M1");
	put_emailid("B", "b", 6, "M2");
	ck_assert(!state_rename_folder(
	    state, span_of("A"), span_of("B"), "c", &error));
	error = (struct imap_error){0};
	ck_assert(!state_rename_folder(
	    state, span_of("A"), span_of("C"), "b", &error));
	ck_assert_str_eq(error.text, "path taken: b");
	assert_uids("A", "5");
	assert_uids("B", "6");
}
END_TEST

START_TEST(test_a_forgotten_mailbox_leaves_nothing)
{
	put_emailid("A", "a", 5, "M1");
	put_emailid("B", "b", 6, "M2");
	ck_assert(state_forget_folder(state, span_of("A"), &error));
	ck_assert(state_forget_folder(state, span_of("never"), &error));
	assert_string(state_path_owner(state, "a"), NULL);
	assert_uids("A", "");
	assert_uids("B", "6");
	put_emailid("C", "a", 1, "M3");
	assert_uids("C", "1");
}
END_TEST

/* ---- what is not here ---- */

static void
list_withheld(void *user, const struct state_withheld *withheld)
{
	struct folders *list = user;

	list->len += (size_t)snprintf(list->text + list->len,
	    sizeof(list->text) - list->len, "[%u %u %u %u]", withheld->uid,
	    (unsigned)withheld->size, withheld->tries,
	    (unsigned)withheld->next_try);
}

static const char *
withheld_of(const char *mailbox)
{
	static struct folders found;

	found = (struct folders){.len = 0};
	ck_assert(state_load_withheld(
	    state, span_of(mailbox), list_withheld, &found, &error));
	return found.text;
}

START_TEST(test_what_is_withheld_is_remembered_until_it_is_admitted)
{
	static const struct state_withheld withheld[] = {
	    {.uid = 7, .tries = 2, .next_try = 5000}, {.uid = 3, .size = 99}};
	struct uidset admitted = {0};
	struct state_change change = {
	    .mailbox = span_of("A"), .withheld = withheld, .withheld_count = 2};

	apply(&change);
	reopen();
	ck_assert_str_eq(withheld_of("A"), "[3 99 0 0][7 0 2 5000]");
	ck_assert_str_eq(withheld_of("B"), "");
	uidset_add_range(&admitted, 1, 7);
	change.admitted = &admitted;
	change.withheld_count = 1;
	apply(&change);
	ck_assert_str_eq(withheld_of("A"), "[7 0 2 5000]");
	change = (struct state_change){
	    .mailbox = span_of("A"), .forget_messages = true};
	apply(&change);
	ck_assert_str_eq(withheld_of("A"), "");
	uidset_free(&admitted);
}
END_TEST

/* ---- facts ---- */

START_TEST(test_a_fact_is_remembered_until_it_is_forgotten)
{
	assert_string(state_get_fact(state, "idle"), NULL);
	ck_assert(state_set_fact(state, "idle", "29", &error));
	ck_assert(state_set_fact(state, "idle", "10", &error));
	ck_assert(state_set_fact(state, "empty", "", &error));
	reopen();
	assert_string(state_get_fact(state, "idle"), "10");
	assert_string(state_get_fact(state, "empty"), "");
	ck_assert(state_set_fact(state, "idle", NULL, &error));
	ck_assert(state_set_fact(state, "idle", NULL, &error));
	assert_string(state_get_fact(state, "idle"), NULL);
}
END_TEST

/* ---- a full disk ---- */

START_TEST(test_a_full_disk_is_an_error_and_changes_nothing)
{
	static struct state_message messages[5000];
	struct state_change change = {
	    .mailbox = span_of("A"), .put = messages, .put_count = 5000};
	struct rlimit files;

	put_uids("A", (uint32_t[]){1, 2}, 2);
	for (uint32_t i = 0; i < 5000; i++)
		messages[i].uid = i + 3;
	/* Files that may not grow are as good as a disk that is full. */
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &files), 0);
	files.rlim_cur = 65536;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &files), 0);
	ck_assert(!state_apply(state, &change, &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_LOCAL);
	ck_assert_ptr_nonnull(
	    strstr(error.text, "cannot write dir/state/me.db: "));
	assert_uids("A", "1 2");
	files.rlim_cur = files.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &files), 0);
	put_uids("A", (uint32_t[]){3}, 1);
	assert_uids("A", "1 2 3");
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("state");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, test_a_mailbox_without_a_row_is_all_zero);
	tcase_add_test(tests, test_a_folder_comes_back_as_it_was);
	tcase_add_test(tests, test_a_change_without_a_folder_leaves_it);
	tcase_add_test(tests, test_each_folder_is_listed);
	tcase_add_test(tests, test_a_path_is_remembered);
	tcase_add_test(tests, test_a_path_has_one_mailbox_only);
	tcase_add_test(tests, test_a_mailbox_keeps_its_path);
	tcase_add_test(tests, test_a_mailbox_with_a_row_can_get_a_path);
	tcase_add_loop_test(tests, test_a_message_comes_back_as_it_was, 0, 4);
	tcase_add_test(tests, test_messages_come_in_order_and_by_mailbox);
	tcase_add_test(tests, test_a_message_put_again_is_replaced);
	tcase_add_test(
	    tests, test_what_a_message_put_again_does_not_say_is_kept);
	tcase_add_test(
	    tests, test_a_message_is_found_by_its_emailid_in_every_mailbox);
	tcase_add_test(tests, test_a_renamed_mailbox_takes_its_messages_along);
	tcase_add_test(tests, test_a_mailbox_is_not_renamed_onto_another);
	tcase_add_test(tests, test_a_forgotten_mailbox_leaves_nothing);
	tcase_add_test(
	    tests, test_what_is_withheld_is_remembered_until_it_is_admitted);
	tcase_add_test(tests, test_forgetting_comes_before_putting);
	tcase_add_test(tests, test_ten_thousand_rows_are_one_transaction);
	tcase_add_test(tests, test_a_change_that_fails_changes_nothing);
	tcase_add_test(tests, test_without_fsync_it_remembers_as_well);
	tcase_add_test(tests, test_another_thread_may_use_it);
	tcase_add_test(tests, test_a_fact_is_remembered_until_it_is_forgotten);
	tcase_add_test(tests, test_a_full_disk_is_an_error_and_changes_nothing);
	return run_case("state", tests);
}
