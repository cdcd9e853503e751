/*
 * What libclient/wire/command.h promises: the exact bytes of every kind of
 * argument, and none that could be read as another command.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "libclient/base/mem.h"
#include "libclient/wire/command.h"

#define LENGTH(table) ((int)(sizeof(table) / sizeof((table)[0])))

static struct command command;

static void
tear_down(void)
{
	command_free(&command);
}

static void
assert_sends(const char *expected)
{
	struct span bytes;

	ck_assert(command_end(&command));
	bytes = buf_span(&command.bytes);
	ck_assert_msg(span_equal(bytes, span_of(expected)),
	    "\"%.*s\", not \"%s\"", (int)bytes.len, bytes.at, expected);
}

/* n bytes and a NUL, to be freed. */
static char *
repeat(char c, size_t n)
{
	char *string = mem_alloc(n + 1);

	memset(string, c, n);
	return string;
}

static const struct {
	const char *bytes;
	const char *astring;
	const char *secret;
	const char *pattern; /* NULL: as astring */
} arguments[] = {
    {"INBOX", "INBOX", "\"INBOX\"", NULL},
    {"user", "user", "\"user\"", NULL},
    {"us*r", "\"us*r\"", "\"us*r\"", "us*r"},
    {"us er", "\"us er\"", "\"us er\"", NULL},
    {"\"pass\"", "\"\\\"pass\\\"\"", "\"\\\"pass\\\"\"", NULL},
    {"New folder", "\"New folder\"", "\"New folder\"", NULL},
    {"a\"b", "\"a\\\"b\"", "\"a\\\"b\"", NULL},
    {"a\\b", "\"a\\\\b\"", "\"a\\\\b\"", NULL},
    {"\"a\" SELECT evil \"", "\"\\\"a\\\" SELECT evil \\\"\"",
	"\"\\\"a\\\" SELECT evil \\\"\"", NULL},
    {"", "\"\"", "\"\"", NULL},
    {"*", "\"*\"", "\"*\"", "*"},
    {"%/b", "\"%/b\"", "\"%/b\"", "%/b"},
    {"*(", "\"*(\"", "\"*(\"", "\"*(\""},
    {"{5}", "\"{5}\"", "\"{5}\"", NULL},
    {"{5", "\"{5\"", "\"{5\"", NULL},
    {"a]b", "a]b", "\"a]b\"", NULL},
    {"[Gmail]/Trash", "[Gmail]/Trash", "\"[Gmail]/Trash\"", NULL},
    {"Entw&APw-rfe", "Entw&APw-rfe", "\"Entw&APw-rfe\"", NULL},
    {"NIL", "\"NIL\"", "\"NIL\"", NULL},
    {"nil", "\"nil\"", "\"nil\"", NULL},
    {"tab\there", "\"tab\there\"", "\"tab\there\"", NULL},
    {"del\177", "\"del\177\"", "\"del\177\"", NULL},
    {"caf\xc3\xa9", "{5+}\r\ncaf\xc3\xa9", "{5+}\r\ncaf\xc3\xa9", NULL},
};

START_TEST(test_command_argument_is_written_as_its_bytes_need)
{
	const char *pattern = arguments[_i].pattern;
	struct span bytes = span_of(arguments[_i].bytes);
	char *expected = mem_format("X %s %s %s %s\r\n", arguments[_i].astring,
	    arguments[_i].astring, arguments[_i].secret,
	    pattern == NULL ? arguments[_i].astring : pattern);

	command_begin(&command, "X", COMMAND_LITERALS_PLUS);
	command_add_astring(&command, bytes);
	command_add_mailbox(&command, bytes);
	command_add_secret(&command, bytes);
	command_add_pattern(&command, bytes);
	assert_sends(expected);
	ck_assert_uint_eq(command.wait_count, 0);
	mem_free(expected);
}
END_TEST

static const struct span refused[] = {{"a\rb", 3}, {"a\nb", 3}, {"a\0b", 3},
    {"\r\nA1 DELETE x", 14}, {"caf\xc3\xa9\n", 6}};

START_TEST(test_command_refuses_cr_lf_and_nul_everywhere)
{
	void (*add[])(struct command *, struct span) = {command_add_astring,
	    command_add_mailbox, command_add_secret, command_add_pattern};

	for (int i = 0; i < LENGTH(add); i++) {
		command_begin(&command, "X", COMMAND_LITERALS_PLUS);
		add[i](&command, refused[_i]);
		ck_assert(!command_end(&command));
		command_free(&command);
	}
}
END_TEST

static const char *const bad_atoms[] = {"", "a b", "a\r", "a\n", "(", ")", "{",
    "%", "*", "\"", "\\", "]", "caf\xc3\xa9", "\x7f"};

START_TEST(test_command_refuses_atoms_that_are_none)
{
	command_begin(&command, "X", COMMAND_LITERALS_PLUS);
	command_add_atom(&command, bad_atoms[_i]);
	ck_assert(!command_end(&command));
}
END_TEST

START_TEST(test_command_refuses_lines_in_raw_text_and_names)
{
	command_begin(&command, "X", COMMAND_LITERALS_PLUS);
	command_add_raw(&command, "a\r\nA1 DELETE x");
	ck_assert(!command_end(&command));
	command_free(&command);
	command_begin(&command, "X\nA1", COMMAND_LITERALS_PLUS);
	ck_assert(!command_end(&command));
}
END_TEST

START_TEST(test_command_stays_refused)
{
	command_begin(&command, "X", COMMAND_LITERALS_PLUS);
	command_add_astring(&command, span_of("a\n"));
	command_add_atom(&command, "fine");
	ck_assert(!command_end(&command));
	ck_assert(command.failed);
}
END_TEST

START_TEST(test_command_atoms_and_raw_text_are_taken_as_they_are)
{
	command_begin(&command, "ENABLE", COMMAND_LITERALS_SYNC);
	command_add_atom(&command, "UTF8=ACCEPT");
	command_add_atom(&command, "AHByZW0AcGFzcw==");
	command_add_raw(&command, "(QRESYNC (1 2)) \"\"");
	assert_sends(
	    "ENABLE UTF8=ACCEPT AHByZW0AcGFzcw== (QRESYNC (1 2)) \"\"\r\n");
}
END_TEST

START_TEST(test_command_without_arguments)
{
	command_begin(&command, "NOOP", COMMAND_LITERALS_SYNC);
	assert_sends("NOOP\r\n");
}
END_TEST

START_TEST(test_command_waits_before_each_synchronising_literal)
{
	command_begin(&command, "LOGIN", COMMAND_LITERALS_SYNC);
	command_add_astring(&command, span_of("\xc3\xa9"));
	command_add_secret(&command, span_of("p\xc3\xa4"));
	assert_sends("LOGIN {2}\r\n\xc3\xa9 {3}\r\np\xc3\xa4\r\n");
	ck_assert_uint_eq(command.wait_count, 2);
	ck_assert_uint_eq(command.waits[0], 11);
	ck_assert_uint_eq(command.waits[1], 19);
}
END_TEST

START_TEST(test_command_refuses_more_waits_than_it_can_note)
{
	command_begin(&command, "X", COMMAND_LITERALS_SYNC);
	for (int i = 0; i < COMMAND_MAX_WAITS; i++)
		command_add_astring(&command, span_of("\xc3\xa9"));
	ck_assert(!command.failed);
	command_add_astring(&command, span_of("\xc3\xa9"));
	ck_assert(!command_end(&command));
}
END_TEST

static const struct {
	enum command_literals literals;
	size_t size;
	const char *head;
	uint32_t waits;
} literals[] = {
    {COMMAND_LITERALS_SYNC, 1001, "X {1001}\r\n", 1},
    {COMMAND_LITERALS_MINUS, 1001, "X {1001+}\r\n", 0},
    {COMMAND_LITERALS_MINUS, 4096, "X {4096+}\r\n", 0},
    {COMMAND_LITERALS_MINUS, 4097, "X {4097}\r\n", 1},
    {COMMAND_LITERALS_PLUS, 4097, "X {4097+}\r\n", 0},
    {COMMAND_LITERALS_PLUS, COMMAND_MAX_ARGUMENT, "X {32768+}\r\n", 0},
    {COMMAND_LITERALS_PLUS, COMMAND_MAX_QUOTED, "X aaaa", 0},
};

START_TEST(test_command_long_argument_is_a_literal_the_server_takes)
{
	char *bytes = repeat('a', literals[_i].size);
	struct span sent;

	command_begin(&command, "X", literals[_i].literals);
	command_add_astring(&command, span_of(bytes));
	ck_assert(command_end(&command));
	sent = buf_span(&command.bytes);
	ck_assert(span_has_prefix_nocase(sent, literals[_i].head));
	ck_assert_uint_eq(command.wait_count, literals[_i].waits);
	if (command.wait_count == 1)
		ck_assert_uint_eq(command.waits[0], strlen(literals[_i].head));
	mem_free(bytes);
}
END_TEST

START_TEST(test_command_refuses_what_is_too_long)
{
	char *bytes = repeat('a', COMMAND_MAX_ARGUMENT + 1);

	command_begin(&command, "X", COMMAND_LITERALS_PLUS);
	command_add_astring(&command, span_of(bytes));
	ck_assert(!command_end(&command));
	command_free(&command);
	bytes[COMMAND_MAX_LINE] = '\0';
	command_begin(&command, "X", COMMAND_LITERALS_PLUS);
	command_add_raw(&command, bytes);
	ck_assert(!command_end(&command));
	command_free(&command);
	bytes[COMMAND_MAX_LINE - 4] = '\0';
	command_begin(&command, "X", COMMAND_LITERALS_PLUS);
	command_add_raw(&command, bytes);
	ck_assert(command_end(&command));
	ck_assert_uint_eq(buf_len(&command.bytes), COMMAND_MAX_LINE);
	mem_free(bytes);
}
END_TEST

static void
assert_secret(const char *expected)
{
	struct span bytes = buf_span(&command.bytes);

	ck_assert_uint_le(command.secret_end, bytes.len);
	bytes = (struct span){bytes.at + command.secret_begin,
	    command.secret_end - command.secret_begin};
	ck_assert_msg(span_equal(bytes, span_of(expected)),
	    "\"%.*s\", not \"%s\"", (int)bytes.len, bytes.at, expected);
}

START_TEST(test_command_marks_the_bytes_that_are_secret)
{
	command_begin(&command, "LOGIN", COMMAND_LITERALS_SYNC);
	command_add_astring(&command, span_of("joe"));
	command_add_secret(&command, span_of("p\"w"));
	assert_sends("LOGIN joe \"p\\\"w\"\r\n");
	assert_secret("\"p\\\"w\"");
	command_free(&command);
	command_begin(&command, "LOGIN", COMMAND_LITERALS_SYNC);
	command_add_secret(&command, span_of("\xc3\xa9"));
	command_add_secret(&command, span_of("x"));
	command_add_atom(&command, "y");
	assert_sends("LOGIN {2}\r\n\xc3\xa9 \"x\" y\r\n");
	assert_secret("{2}\r\n\xc3\xa9 \"x\"");
	command_free(&command);
	command_begin(&command, "NOOP", COMMAND_LITERALS_SYNC);
	assert_sends("NOOP\r\n");
	assert_secret("");
}
END_TEST

START_TEST(test_command_initial_response_is_a_secret_atom)
{
	command_begin(&command, "AUTHENTICATE", COMMAND_LITERALS_SYNC);
	command_add_atom(&command, "PLAIN");
	command_add_initial_response(&command, span_of("AHByZW0AcGFzcw=="));
	assert_sends("AUTHENTICATE PLAIN AHByZW0AcGFzcw==\r\n");
	assert_secret("AHByZW0AcGFzcw==");
	command_free(&command);
	command_begin(&command, "AUTHENTICATE", COMMAND_LITERALS_SYNC);
	command_add_initial_response(&command, span_of("AH\r\nA1"));
	ck_assert(!command_end(&command));
}
END_TEST

static const struct {
	uint32_t first;
	uint32_t last;
	const char *sent; /* NULL: refused */
} ranges[] = {
    {1, 1, "X 1:1\r\n"},
    {7, UINT32_MAX, "X 7:4294967295\r\n"},
    {0, 5, NULL},
    {6, 5, NULL},
};

START_TEST(test_command_range_ascends)
{
	command_begin(&command, "X", COMMAND_LITERALS_SYNC);
	command_add_range(&command, ranges[_i].first, ranges[_i].last);
	if (ranges[_i].sent == NULL)
		ck_assert(!command_end(&command));
	else
		assert_sends(ranges[_i].sent);
}
END_TEST

static const struct {
	size_t max_line;
	uint32_t uids;
	unsigned lines;
} lines_of[] = {
    {COMMAND_MAX_LINE, 10000, 15},
    {1000, 1000, 17}, /* RFC 2683: old servers take no more */
};

START_TEST(test_command_uids_go_into_as_many_lines_as_they_need)
{
	const size_t max_line = lines_of[_i].max_line;
	struct uidset uids = {0};
	struct uidset sent = {0};
	unsigned lines = 0;
	uint32_t begin = 0;
	struct span bytes;

	for (uint32_t i = 0; i < lines_of[_i].uids; i++)
		uidset_add(&uids, 4000000001 + 2 * i);
	for (; begin < uids.count; lines++) {
		command_begin(&command, "UID FETCH", COMMAND_LITERALS_SYNC);
		command.max_line = max_line;
		begin = command_add_uids(&command, &uids, begin);
		command_add_items(&command, ~0U);
		ck_assert(command_end(&command));
		bytes = buf_span(&command.bytes);
		ck_assert_uint_le(bytes.len, max_line);
		if (begin < uids.count)
			ck_assert_uint_gt(bytes.len, max_line - 400);
		bytes = span_from(bytes, strlen("UID FETCH "));
		bytes.len = (size_t)((char *)memchr(bytes.at, ' ', bytes.len) -
		    bytes.at);
		ck_assert(uidset_parse(&sent, bytes));
		command_free(&command);
	}
	ck_assert_uint_eq(lines, lines_of[_i].lines);
	ck_assert(uidset_equal(&uids, &sent));
	uidset_free(&uids);
	uidset_free(&sent);
}
END_TEST

START_TEST(test_command_refuses_a_line_longer_than_it_may_be)
{
	for (size_t i = 0; i < 2; i++) {
		command_begin(&command, "EXAMINE", COMMAND_LITERALS_SYNC);
		command.max_line = sizeof("EXAMINE abc\r\n") - 1 - i;
		command_add_mailbox(&command, span_of("abc"));
		ck_assert_int_eq(command_end(&command), i == 0);
		command_free(&command);
	}
}
END_TEST

START_TEST(test_command_without_uids_is_refused)
{
	const struct uidset none = {0};

	command_begin(&command, "UID FETCH", COMMAND_LITERALS_SYNC);
	ck_assert_uint_eq(command_add_uids(&command, &none, 0), 0);
	ck_assert(!command_end(&command));
}
END_TEST

static const struct {
	unsigned items;
	const char *sent;
} fetches[] = {
    {0, "X (UID)\r\n"},
    {IMAP_FETCH_FLAGS, "X (UID FLAGS)\r\n"},
    {IMAP_FETCH_BODY | IMAP_FETCH_FLAGS | IMAP_FETCH_SIZE |
	    IMAP_FETCH_INTERNALDATE,
	"X (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])\r\n"},
    {IMAP_FETCH_MODSEQ | IMAP_FETCH_EMAILID | IMAP_FETCH_X_GM_MSGID,
	"X (UID MODSEQ EMAILID X-GM-MSGID)\r\n"},
};

START_TEST(test_command_items_always_ask_for_the_uid_and_never_set_seen)
{
	command_begin(&command, "X", COMMAND_LITERALS_SYNC);
	command_add_items(&command, fetches[_i].items);
	assert_sends(fetches[_i].sent);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("command");
	TCase *tests = tcase_create("command");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, NULL, tear_down);
	tcase_add_loop_test(tests,
	    test_command_argument_is_written_as_its_bytes_need, 0,
	    LENGTH(arguments));
	tcase_add_loop_test(tests,
	    test_command_refuses_cr_lf_and_nul_everywhere, 0, LENGTH(refused));
	tcase_add_loop_test(tests, test_command_refuses_atoms_that_are_none, 0,
	    LENGTH(bad_atoms));
	tcase_add_test(tests, test_command_refuses_lines_in_raw_text_and_names);
	tcase_add_test(tests, test_command_stays_refused);
	tcase_add_test(
	    tests, test_command_atoms_and_raw_text_are_taken_as_they_are);
	tcase_add_test(tests, test_command_without_arguments);
	tcase_add_test(
	    tests, test_command_waits_before_each_synchronising_literal);
	tcase_add_test(tests, test_command_refuses_more_waits_than_it_can_note);
	tcase_add_loop_test(tests,
	    test_command_long_argument_is_a_literal_the_server_takes, 0,
	    LENGTH(literals));
	tcase_add_test(tests, test_command_refuses_what_is_too_long);
	tcase_add_test(tests, test_command_marks_the_bytes_that_are_secret);
	tcase_add_test(tests, test_command_initial_response_is_a_secret_atom);
	tcase_add_loop_test(
	    tests, test_command_range_ascends, 0, LENGTH(ranges));
	tcase_add_loop_test(tests,
	    test_command_uids_go_into_as_many_lines_as_they_need, 0,
	    LENGTH(lines_of));
	tcase_add_test(
	    tests, test_command_refuses_a_line_longer_than_it_may_be);
	tcase_add_test(tests, test_command_without_uids_is_refused);
	tcase_add_loop_test(tests,
	    test_command_items_always_ask_for_the_uid_and_never_set_seen, 0,
	    LENGTH(fetches));
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
