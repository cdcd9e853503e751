/*
 * daemon/console: what a line comes to without a server, and which exit code
 * a reply stands for.
 */
#include "daemon/console.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/console_reply.h"

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *line;
	const char *output; /* its beginning */
	int code;
} lines[] = {
    {"\n", "", 0},
    {"select \"INBOX\n", "ERROR column 8: ", 64},
    {"selekt INBOX\r\n", "ERROR \"selekt\" is no command", 64},
    {"select a b c d", "ERROR usage: select ", 64},
    {"uid fetch 1", "ERROR usage: uid fetch SET ITEMS", 64},
    {"noop", "ERROR there is no connection", 64},
    {"append INBOX \"\" \"\" @/nonexistent/file",
	"ERROR @/nonexistent/file: No such file", 74},
    {"status INBOX @/dev/null", "ERROR there is no connection", 64},
    {"int2ap 65535", "OK PPPP\n", 0},
    {"int2ap x", "ERROR ", 64},
    {"parseflags 1 (FLAGS (\\Seen [test]))", "OK \\Seen [test]\n", 0},
    {"internaldate2tuple INTERNALDATE \"17-Jul-1996 02:44:25 -0700\"",
	"OK 837596665\n", 0},
    {"time2internaldate 837596665 -0700", "OK \"17-Jul-1996 02:44:25 -0700\"\n",
	0},
    {"time2internaldate 0 +2400", "ERROR ", 64},
    {"help int2ap", "int2ap NUMBER", 0},
    {"quit", "OK", 0},
};

START_TEST(test_a_line_without_a_server)
{
	struct console console;
	struct printed printed;

	console_init(&console);
	console.out = printed_open(&printed);
	console_run_line(&console, span_of(lines[_i].line));
	(void)printed_close(&printed);
	ck_assert_msg(strncmp(printed.text, lines[_i].output,
			  strlen(lines[_i].output)) == 0,
	    "%s", printed.text);
	ck_assert_int_eq(console.code, lines[_i].code);
	free(printed.text);
	console_free(&console);
}
END_TEST

START_TEST(test_only_a_message_may_hold_a_nul)
{
	struct console console;
	struct printed printed;

	console_init(&console);
	console.out = printed_open(&printed);
	console_run_line(&console, (struct span){"select \"a\0b\"", 12});
	console_run_line(
	    &console, (struct span){"append a () \"\" \"a\0b\"", 20});
	ck_assert_str_eq(printed_close(&printed),
	    "ERROR a NUL byte, which only a message may have\n"
	    "ERROR there is no connection\n");
	free(printed.text);
	console_free(&console);
}
END_TEST

START_TEST(test_the_first_failure_is_the_exit_code)
{
	struct console console;
	struct printed printed;

	console_init(&console);
	console.out = printed_open(&printed);
	console.is_json = true;
	console_run_line(&console, span_of("int2ap 16"));
	console_run_line(&console, span_of("append a \"\" \"\" @/nonexistent"));
	console_run_line(&console, span_of("selekt"));
	(void)printed_close(&printed);
	ck_assert_int_eq(console.code, 74);
	ck_assert_ptr_nonnull(strstr(printed.text,
	    "{\"command\":\"int2ap\",\"type\":\"OK\",\"code\":null,"
	    "\"arguments\":null,\"text\":\"BA\",\"untagged\":[]}\n"));
	free(printed.text);
	console_free(&console);
}
END_TEST

static const struct {
	enum imaplib_type type;
	const char *code;
	enum imap_error_kind kind;
	bool is_login;
	int exit_code;
} codes[] = {
    {IMAPLIB_OK, "", IMAP_ERROR_NONE, false, 0},
    {IMAPLIB_NO, "", IMAP_ERROR_NONE, false, 1},
    {IMAPLIB_NO, "NONEXISTENT", IMAP_ERROR_NONE, false, 1},
    {IMAPLIB_NO, "UNAVAILABLE", IMAP_ERROR_NONE, false, 75},
    {IMAPLIB_NO, "inuse", IMAP_ERROR_NONE, false, 75},
    {IMAPLIB_NO, "", IMAP_ERROR_NONE, true, 77},
    {IMAPLIB_NO, "UNAVAILABLE", IMAP_ERROR_NONE, true, 75},
    {IMAPLIB_NO, "AUTHENTICATIONFAILED", IMAP_ERROR_NONE, false, 77},
    {IMAPLIB_BAD, "", IMAP_ERROR_NONE, false, 76},
    {IMAPLIB_READONLY, "", IMAP_ERROR_NONE, false, 1},
    {IMAPLIB_ERROR, "", IMAP_ERROR_CONFIG, false, 64},
    {IMAPLIB_ERROR, "", IMAP_ERROR_UNSUPPORTED, false, 64},
    {IMAPLIB_ERROR, "", IMAP_ERROR_AUTH, true, 77},
    {IMAPLIB_ERROR, "", IMAP_ERROR_LOCAL, false, 74},
    {IMAPLIB_ABORT, "", IMAP_ERROR_NONE, false, 69},
    {IMAPLIB_ABORT, "", IMAP_ERROR_NETWORK, false, 69},
    {IMAPLIB_ABORT, "", IMAP_ERROR_TIMEOUT, false, 69},
    {IMAPLIB_ABORT, "", IMAP_ERROR_TLS, false, 77},
    {IMAPLIB_ABORT, "", IMAP_ERROR_PROTOCOL, false, 76},
};

START_TEST(test_a_reply_stands_for_an_exit_code)
{
	struct imaplib_reply reply = {
	    .type = codes[_i].type,
	    .code = span_of(codes[_i].code),
	    .error.kind = codes[_i].kind,
	};

	ck_assert_int_eq(
	    console_exit_code(&reply, codes[_i].is_login), codes[_i].exit_code);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("console");
	TCase *tests = tcase_create("console");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(
	    tests, test_a_line_without_a_server, 0, COUNT(lines));
	tcase_add_test(tests, test_only_a_message_may_hold_a_nul);
	tcase_add_test(tests, test_the_first_failure_is_the_exit_code);
	tcase_add_loop_test(
	    tests, test_a_reply_stands_for_an_exit_code, 0, COUNT(codes));
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
