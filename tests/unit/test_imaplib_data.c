/*
 * libclient/imaplib_data: what trees of values say, typed; what cannot be
 * understood is refused, and nothing else is lost by it.
 */
#include "libclient/imaplib_data.h"

#include <stdlib.h>

#include "imaplib_lines.h"

static struct imaplib_reply reply;

static void
set_up(void)
{
	reply = (struct imaplib_reply){0};
}

static void
tear_down(void)
{
	imaplib_reply_free(&reply);
}

/* ---- LIST ---- */

static const struct {
	const char *line;
	unsigned flags;
	char delimiter;
	const char *mailbox;
	const char *name; /* "": not valid */
} lists[] = {
    {"* LIST (\\HasNoChildren \\Sent) \"/\" INBOX",
	IMAP_LIST_HAS_NO_CHILDREN | IMAP_LIST_SENT, '/', "INBOX", "INBOX"},
    {"* LIST (\\noselect \\X) \".\" \"a b\"", IMAP_LIST_NOSELECT, '.', "a b",
	"a b"},
    {"* LIST () NIL Entw&APw-rfe", 0, '\0', "Entw&APw-rfe", "Entw\xc3\xbcrfe"},
    {"* LIST () \"/\" \"a&b\"", 0, '/', "a&b", ""},
    {"* LIST () \"/\" {3}\r\na\"b (CHILDINFO (SUBSCRIBED))", 0, '/', "a\"b",
	"a\"b"},
};

START_TEST(test_a_list_has_flags_delimiter_and_name)
{
	struct imap_list list;
	struct buf decoded;

	buf_init(&decoded, 1000);
	ck_assert(imaplib_data_list(
	    add_line(&reply, lists[_i].line), &decoded, &list));
	ck_assert_uint_eq(list.flags, lists[_i].flags);
	ck_assert_int_eq(list.delimiter, lists[_i].delimiter);
	assert_span(list.mailbox, lists[_i].mailbox);
	assert_span(list.name, lists[_i].name);
	buf_free(&decoded);
}
END_TEST

/* ---- STATUS ---- */

START_TEST(test_a_status_has_what_it_says)
{
	struct imap_status status;

	ck_assert(imaplib_data_status(
	    add_line(&reply,
		"* STATUS \"a b\" (UIDNEXT 5 messages 7 SIZE 5000000000)"),
	    &status));
	assert_span(status.mailbox, "a b");
	ck_assert_uint_eq(status.has, IMAP_STATUS_MESSAGES | IMAP_STATUS_SIZE);
	ck_assert_uint_eq(status.messages, 7);
	ck_assert_uint_eq(status.size, 5000000000);
	ck_assert(imaplib_data_status(
	    add_line(&reply, "* STATUS x (MESSAGES many SIZE -1 SIZE)"),
	    &status));
	ck_assert_uint_eq(status.has, 0);
}
END_TEST

/* ---- FETCH ---- */

START_TEST(test_a_fetch_has_uid_flags_and_size)
{
	struct span keywords[2];
	struct imap_fetch fetch;

	ck_assert(imaplib_data_fetch(
	    add_line(&reply,
		"* 3 FETCH (MODSEQ (9) FLAGS (\\seen $Forwarded a \"b\" c) "
		"RFC822.SIZE 12 UID 7)"),
	    keywords, 2, &fetch));
	ck_assert_uint_eq(fetch.uid, 7);
	ck_assert(fetch.has_flags);
	ck_assert_uint_eq(
	    fetch.flags.flags, IMAP_FLAG_SEEN | IMAP_FLAG_FORWARDED);
	ck_assert_uint_eq(fetch.flags.keyword_count, 2);
	assert_span(fetch.flags.keywords[0], "a");
	assert_span(fetch.flags.keywords[1], "b");
	ck_assert(fetch.has_size);
	ck_assert_uint_eq(fetch.size, 12);
}
END_TEST

START_TEST(test_an_odd_fetch_has_what_can_be_understood)
{
	struct imap_fetch fetch;

	ck_assert(!imaplib_data_fetch(
	    add_line(&reply, "* 3 FETCH (FLAGS ())"), NULL, 0, &fetch));
	ck_assert(!imaplib_data_fetch(
	    add_line(&reply, "* 3 FETCH (UID)"), NULL, 0, &fetch));
	ck_assert(imaplib_data_fetch(
	    add_line(&reply, "* 3 FETCH (UID 7 RFC822.SIZE 9.3e+06)"), NULL, 0,
	    &fetch));
	ck_assert(!fetch.has_size);
	ck_assert(!fetch.has_flags);
}
END_TEST

START_TEST(test_a_body_is_that_of_its_uid)
{
	struct span body;

	ck_assert(imaplib_data_body(
	    add_line(&reply, "* 3 FETCH (UID 7 BODY[]<0> {4}\r\na\r\nb)"), 7,
	    &body));
	assert_span(body, "a\r\nb");
	ck_assert(!imaplib_data_body(
	    add_line(&reply, "* 3 FETCH (UID 7 BODY[] \"x\")"), 8, &body));
	ck_assert(!imaplib_data_body(
	    add_line(&reply, "* 3 FETCH (UID 7 BODY[] NIL)"), 7, &body));
}
END_TEST

/* ---- SEARCH ---- */

static const struct {
	const char *line;
	const char *found; /* NULL: refused */
} searches[] = {
    {"* SEARCH", ""},
    {"* SEARCH 9 2 3 (MODSEQ 5)", "2:3,9"},
    {"* SEARCH 9 x", NULL},
    {"* ESEARCH (TAG \"A1\") UID ALL 2:4,9", "2:4,9"},
    {"* ESEARCH (TAG \"A1\") UID ALL 7", "7"},
    {"* ESEARCH (TAG \"A1\") UID", ""},
    {"* ESEARCH (TAG \"A1\") UID ALL x", NULL},
    {"* 3 EXISTS", NULL},
};

START_TEST(test_a_search_has_what_was_found)
{
	struct uidset found = {0};
	struct buf text;
	bool is_ok =
	    imaplib_data_search(add_line(&reply, searches[_i].line), &found);

	buf_init(&text, 1000);
	ck_assert_int_eq(is_ok, searches[_i].found != NULL);
	if (is_ok) {
		(void)uidset_format(&found, 0, 1000, &text);
		assert_span(buf_span(&text), searches[_i].found);
	}
	buf_free(&text);
	uidset_free(&found);
}
END_TEST

/* ---- others ---- */

START_TEST(test_another_response_is_refused)
{
	const struct imaplib_untagged *other = add_line(&reply, "* 3 EXISTS");
	struct imap_list list;
	struct imap_status status;
	struct imap_fetch fetch;
	struct buf decoded;

	buf_init(&decoded, 1000);
	ck_assert(!imaplib_data_list(other, &decoded, &list));
	ck_assert(!imaplib_data_status(other, &status));
	ck_assert(!imaplib_data_fetch(other, NULL, 0, &fetch));
	other = add_line(&reply, "* LIST nonsense");
	ck_assert(!imaplib_data_list(other, &decoded, &list));
	buf_free(&decoded);
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("imaplib_data");
	Suite *suite = suite_create("imaplib_data");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(
	    tests, test_a_list_has_flags_delimiter_and_name, 0, LENGTH(lists));
	tcase_add_test(tests, test_a_status_has_what_it_says);
	tcase_add_test(tests, test_a_fetch_has_uid_flags_and_size);
	tcase_add_test(tests, test_an_odd_fetch_has_what_can_be_understood);
	tcase_add_test(tests, test_a_body_is_that_of_its_uid);
	tcase_add_loop_test(
	    tests, test_a_search_has_what_was_found, 0, LENGTH(searches));
	tcase_add_test(tests, test_another_response_is_refused);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
