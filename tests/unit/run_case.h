/*
 * How the tests of one file are run.
 */
#ifndef TESTS_UNIT_RUN_CASE_H
#define TESTS_UNIT_RUN_CASE_H

#include <check.h>
#include <stdlib.h>

/* Runs a suite of one case with the fixture. */
static inline int
run_case(const char *name, TCase *tests)
{
	Suite *suite = suite_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
