/*
 * daemon/exit_code: what fails with which code of sysexits(3).
 */
#include <check.h>
#include <stdlib.h>

#include "daemon/exit_code.h"

static const struct {
	enum imap_error_kind kind;
	int code;
} cases[] = {
    {IMAP_ERROR_NONE, 0},
    {IMAP_ERROR_NETWORK, 69},
    {IMAP_ERROR_TIMEOUT, 69},
    {IMAP_ERROR_LOCAL, 74},
    {IMAP_ERROR_THROTTLED, 75},
    {IMAP_ERROR_BUSY, 75},
    {IMAP_ERROR_PROTOCOL, 76},
    {IMAP_ERROR_LIMIT, 76},
    {IMAP_ERROR_UNSUPPORTED, 76},
    {IMAP_ERROR_AUTH, 77},
    {IMAP_ERROR_TLS, 77},
    {IMAP_ERROR_PROXY, 77},
    {IMAP_ERROR_CONFIG, 78},
    /* what nobody thought of is our own fault */
    {(enum imap_error_kind)999, 70},
};

#define CASES (int)(sizeof(cases) / sizeof(*cases))

START_TEST(test_a_kind_of_failure_has_its_code)
{
	ck_assert_int_eq(exit_code_for(cases[_i].kind), cases[_i].code);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("exit_code");
	TCase *tests = tcase_create("exit_code");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(
	    tests, test_a_kind_of_failure_has_its_code, 0, CASES);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
