/*
 * libclient/imaplib: how commands about messages, rights, quotas and
 * annotations are written, in all their forms.
 */
#include <stdio.h>

#include "libclient/base/mem.h"
#include "libclient/imaplib_mailbox.h"
#include "libclient/imaplib_message.h"
#include "libclient/imaplib_rights.h"
#include "libclient/wire/command.h"
#include "tests/unit/imaplib_client.h"

#define CALL(name, ...)                       \
	static bool name(void)                \
	{                                     \
		return imaplib_##__VA_ARGS__; \
	}

static const char *const entries[] = {"/shared/comment", "/private/x"};
static const struct span plain_value = {"a \"b\"", 5};
static const struct span long_value = {"a\r\nb", 4};
static const struct span binary_value = {"a\0b", 3};
static const struct span empty_value = {"", 0};

/* ---- what is sent ---- */

CALL(fetch_all, fetch(client, "1:*", "all", NULL, false, &reply))
CALL(fetch_list, fetch(client, "$", "(FLAGS UID)", NULL, false, &reply))
CALL(fetch_since, fetch(client, "1", "FLAGS", "(CHANGEDSINCE 5)", true, &reply))
CALL(partial_header, partial(client, "2", "HEADER", 5, 10, true, &reply))
CALL(store_list, store(client, "1", "-FLAGS", "(\\Seen $X)", 0, true, &reply))
CALL(store_since,
    store(client, "1", "FLAGS", "", UINT64_MAX >> 1, false, &reply))
CALL(copy_name, copy(client, "1:3", "Gr\303\266\303\237e & x", true, &reply))
CALL(move_name, move(client, "1", "a b", false, &reply))
CALL(expunge_uids, expunge(client, "3:5", &reply))
CALL(search_charset, search(client, "UTF-8", NULL, "TEXT x", false, &reply))
CALL(search_both, search(client, "UTF-8", "(ALL)", "TEXT x", true, &reply))
CALL(sort_words, sort(client, "REVERSE DATE", "UTF-8", "ALL", true, &reply))
CALL(thread_uid, thread(client, "REFS", "US-ASCII", "ALL", true, &reply))
CALL(quota_root, getquota(client, "Gr\303\266\303\237e", &reply))
CALL(quota_none, getquota(client, "", &reply))
CALL(quota_set, setquota(client, "", "(STORAGE 512)", &reply))
CALL(acl_set, setacl(client, "a b", "John Doe", "lr", &reply))
CALL(annotation_lists,
    getannotation(client, "x", "(\"/a\" \"/b\")",
	"(\"value.priv\" \"size.priv\")", &reply))
CALL(annotation_pattern, getannotation(client, "x", "*", "value", &reply))
CALL(annotation_set,
    setannotation(client, "x", "/comment", "(\"value.priv\" NIL)", &reply))
CALL(metadata_some,
    getmetadata(client, "", "(MAXSIZE 9 DEPTH 1)", entries, 2, &reply))
CALL(metadata_plain, setmetadata(client, "x", "/a", &plain_value, &reply))
CALL(metadata_empty, setmetadata(client, "x", "/a", &empty_value, &reply))

static const struct {
	bool (*call)(void);
	const char *line;
} lines[] = {
    {fetch_all, "< FETCH 1:* all\r\n"},
    {fetch_list, "< FETCH $ (FLAGS UID)\r\n"},
    {fetch_since, "< UID FETCH 1 (FLAGS) (CHANGEDSINCE 5)\r\n"},
    {partial_header, "< UID FETCH 2 (BODY.PEEK[HEADER]<5.10>)\r\n"},
    {store_list, "< UID STORE 1 -FLAGS (\\Seen $X)\r\n"},
    {store_since,
	"< STORE 1 (UNCHANGEDSINCE 9223372036854775807) FLAGS ()\r\n"},
    {copy_name, "< UID COPY 1:3 \"Gr&APYA3w-e &- x\"\r\n"},
    {move_name, "< MOVE 1 \"a b\"\r\n"},
    {expunge_uids, "< UID EXPUNGE 3:5\r\n"},
    {search_charset, "< SEARCH CHARSET UTF-8 TEXT x\r\n"},
    {search_both, "< UID SEARCH RETURN (ALL) CHARSET UTF-8 TEXT x\r\n"},
    {sort_words, "< UID SORT (REVERSE DATE) UTF-8 ALL\r\n"},
    {thread_uid, "< UID THREAD REFS US-ASCII ALL\r\n"},
    {quota_none, "< GETQUOTA \"\"\r\n"},
    {quota_set, "< SETQUOTA \"\" (STORAGE 512)\r\n"},
    {acl_set, "< SETACL \"a b\" \"John Doe\" lr\r\n"},
    {annotation_lists,
	"< GETANNOTATION x (\"/a\" \"/b\") (\"value.priv\" \"size.priv\")\r\n"},
    {annotation_pattern, "< GETANNOTATION x \"*\" \"value\"\r\n"},
    {annotation_set, "< SETANNOTATION x \"/comment\" (\"value.priv\" NIL)\r\n"},
    {metadata_some,
	"< GETMETADATA (MAXSIZE 9 DEPTH 1) \"\" (/shared/comment "
	"/private/x)\r\n"},
    {metadata_plain, "< SETMETADATA x (/a \"a \\\"b\\\"\")\r\n"},
    {metadata_empty, "< SETMETADATA x (/a \"\")\r\n"},
};

START_TEST(test_what_is_sent)
{
	const char *const script[] = {
	    PREAUTH(""), SELECTED, lines[_i].line, "> @ OK x", "wait", NULL};

	open_to(script);
	ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
	ck_assert_msg(lines[_i].call(), "%s", reply.error.text);
	leave();
}
END_TEST

START_TEST(test_a_quota_root_is_no_mailbox_name)
{
	static const char *const script[] = {PREAUTH(" LITERAL+"),
	    "< GETQUOTA {7+}\r\n", "<- Gr\303\266\303\237e\r\n", "> @ OK x",
	    "wait", NULL};

	open_to(script);
	ck_assert(quota_root());
	leave();
}
END_TEST

/* A value with lines is a literal, one with a NUL a literal8. */
START_TEST(test_metadata_with_lines_is_a_literal)
{
	static const char *const script[] = {PREAUTH(" LITERAL+"),
	    "< SETMETADATA x (/a {4+}\r\n", "<- a\r\n", "<- b)\r\n", "> @ OK x",
	    "< SETMETADATA x (/a ~{3+}\r\n", "<- a", "> @ OK x", "wait", NULL};

	open_to(script);
	ck_assert(imaplib_setmetadata(client, "x", "/a", &long_value, &reply));
	ck_assert(
	    imaplib_setmetadata(client, "x", "/a", &binary_value, &reply));
	leave();
}
END_TEST

/* ---- what is refused ---- */

CALL(metadata_none, getmetadata(client, "x", NULL, entries, 0, &reply))
CALL(metadata_line, setmetadata(client, "x", "/a\r\n", &plain_value, &reply))
CALL(annotation_line, getannotation(client, "x", "/a\r\nb", "c", &reply))
CALL(quota_line, setquota(client, "x\n", "()", &reply))
CALL(acl_line, setacl(client, "x", "y", "l\rr", &reply))
CALL(copy_line, copy(client, "1\r\n", "x", false, &reply))
CALL(copy_bytes, copy(client, "1", "\377", false, &reply))
CALL(sort_line, sort(client, "(DATE)", "UTF-8", "ALL\r\n", false, &reply))
CALL(thread_line, thread(client, "REFS\n", "UTF-8", "ALL", false, &reply))
CALL(uid_line, uid(client, "EXPUNGE", (const char *[]){"1\r\n"}, 1, &reply))
CALL(partial_line, partial(client, "1\n", "", 0, 1, false, &reply))

static bool (*const refused[])(void) = {metadata_none, metadata_line,
    annotation_line, quota_line, acl_line, copy_line, copy_bytes, sort_line,
    thread_line, uid_line, partial_line};

START_TEST(test_a_wrong_argument_is_not_sent)
{
	static const char *const script[] = {
	    PREAUTH(""), SELECTED, "< NOOP\r\n", "> @ OK x", "wait", NULL};

	open_to(script);
	ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
	ck_assert(!refused[_i]());
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	ck_assert(imaplib_noop(client, &reply));
	leave();
}
END_TEST

START_TEST(test_a_charset_has_no_place_in_utf8_mode)
{
	static const char *const script[] = {PREAUTH(" ENABLE UTF8=ACCEPT"),
	    "< ENABLE UTF8=ACCEPT\r\n", "> * ENABLED UTF8=ACCEPT", "> @ OK x",
	    SELECTED, "< SEARCH TEXT x\r\n", "> @ OK x", "wait", NULL};

	open_to(script);
	ck_assert(imaplib_enable(client, "UTF8=ACCEPT", &reply));
	ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
	ck_assert(!search_charset());
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	ck_assert(imaplib_search(client, NULL, NULL, "TEXT x", false, &reply));
	leave();
}
END_TEST

/* ---- several messages ---- */

static const struct imaplib_append three[] = {
    {.message = {"a", 1}},
    {.flags = "\\Seen", .message = {"b", 1}},
    {.date = "\"01-Jan-2020 00:00:00 +0000\"", .message = {"c", 1}},
};

#define DATE "\"01-Jan-2020 00:00:00 +0000\""

START_TEST(test_several_messages_are_one_command_where_offered)
{
	static const char *const script[] = {PREAUTH(" MULTIAPPEND"),
	    "< APPEND x {1}\r\n", "> +", "<- a (\\Seen) {1}\r\n", "> +",
	    "<- b " DATE " {1}\r\n", "> +", "<- c\r\n",
	    "> @ OK [APPENDUID 1 2:4] x", "wait", NULL};

	open_to(script);
	ck_assert(imaplib_append(client, "x", three, 3, &reply));
	assert_span(reply.arguments, "1 2:4");
	leave();
}
END_TEST

START_TEST(test_several_messages_are_several_commands_elsewhere)
{
	static const char *const script[] = {PREAUTH(" LITERAL+"),
	    "< APPEND x {1+}\r\n", "<- a\r\n", "> @ OK [APPENDUID 1 2] x",
	    "< APPEND x (\\Seen) {1+}\r\n", "<- b\r\n", "> @ NO full", "wait",
	    NULL};

	open_to(script);
	ck_assert(!imaplib_append(client, "x", three, 3, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_NO);
	/* of those that went well */
	ck_assert(imaplib_response(client, "APPENDUID", &reply));
	assert_span(reply.untagged->status->arguments, "1 2");
	leave();
}
END_TEST

START_TEST(test_a_message_that_cannot_be_sent_is_refused)
{
	static const char *const script[] = {PREAUTH(""), "wait", NULL};
	const struct imaplib_append wrong[] = {
	    {.message = {"a\0b", 3}},
	    {.date = "yesterday", .message = {"x", 1}},
	    {.date = "01-Jan-2020 00:00:00 +0000\r\n", .message = {"x", 1}},
	    {.flags = "(\\Seen)\r\n", .message = {"x", 1}},
	};

	open_to(script);
	for (int i = 0; i < COUNT(wrong); i++) {
		ck_assert(!imaplib_append(client, "x", &wrong[i], 1, &reply));
		ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	}
	leave();
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("imaplib_message");

	tcase_add_loop_test(tests, test_what_is_sent, 0, COUNT(lines));
	tcase_add_test(tests, test_a_quota_root_is_no_mailbox_name);
	tcase_add_test(tests, test_metadata_with_lines_is_a_literal);
	tcase_add_loop_test(
	    tests, test_a_wrong_argument_is_not_sent, 0, COUNT(refused));
	tcase_add_test(tests, test_a_charset_has_no_place_in_utf8_mode);
	tcase_add_test(
	    tests, test_several_messages_are_one_command_where_offered);
	tcase_add_test(
	    tests, test_several_messages_are_several_commands_elsewhere);
	tcase_add_test(tests, test_a_message_that_cannot_be_sent_is_refused);
	return run_suite("imaplib_message", tests);
}
