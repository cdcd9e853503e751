/*
 * daemon/console_text: a reply for people; nothing of it drives a terminal.
 */
#include "daemon/console_text.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/console_reply.h"

START_TEST(test_responses_come_a_line_each_and_then_the_result)
{
	struct printed printed;

	console_text_reply(printed_open(&printed), &full_reply);
	ck_assert_str_eq(printed_close(&printed),
	    "* LIST (\\Noselect ()) NIL \"a\\\"\\\\b\"\n"
	    "* 12 FETCH (UID 4 BODY[] "
	    "\"a\\r\\n\\t\\x1b[31m\\x00\\x7f\\xe2\\x80\\xae\xc3\xbc\")\n"
	    "* OK [HIGHESTMODSEQ 715] Highest\n"
	    "OK done\n");
	free(printed.text);
}
END_TEST

START_TEST(test_the_result_has_its_code)
{
	static const struct imaplib_reply reply = {
	    .type = IMAPLIB_NO,
	    .code = BYTES("TRYCREATE"),
	    .text = BYTES("no \x1b]0;x\xff"),
	};
	struct printed printed;

	console_text_reply(printed_open(&printed), &reply);
	ck_assert_str_eq(
	    printed_close(&printed), "NO [TRYCREATE] no \\x1b]0;x\\xff\n");
	free(printed.text);
}
END_TEST

START_TEST(test_a_burst_is_one_line)
{
	struct imaplib_untagged second = exists_response;
	struct imaplib_untagged first = exists_response;
	struct imaplib_reply reply = {.untagged = &first, .count = 2};
	struct printed printed;

	first.next = &second;
	console_text_burst(printed_open(&printed), &reply);
	ck_assert_str_eq(printed_close(&printed), "* 3 EXISTS; * 3 EXISTS\n");
	free(printed.text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("console_text");
	TCase *tests = tcase_create("console_text");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(
	    tests, test_responses_come_a_line_each_and_then_the_result);
	tcase_add_test(tests, test_the_result_has_its_code);
	tcase_add_test(tests, test_a_burst_is_one_line);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
