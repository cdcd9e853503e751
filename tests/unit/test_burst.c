/*
 * libclient/burst.h: when a burst ends. The interval is 100, the limit 1000.
 */
#include <check.h>
#include <stdlib.h>

#include "libclient/burst.h"

static struct burst burst;

static void
setup(void)
{
	burst = (struct burst){.interval = 100, .max_wait = 1000};
}

START_TEST(test_lone_response_waits_for_the_interval)
{
	burst_note(&burst, 5000);
	ck_assert_uint_eq(burst_end(&burst), 5100);
}
END_TEST

START_TEST(test_each_response_begins_the_interval_anew)
{
	burst_note(&burst, 5000);
	burst_note(&burst, 5080);
	ck_assert_uint_eq(burst_end(&burst), 5180);
	burst_note(&burst, 5080);
	ck_assert_uint_eq(burst_end(&burst), 5180);
}
END_TEST

/* imaplib's burst() never ends while the gaps stay short. */
START_TEST(test_flood_does_not_move_the_limit)
{
	for (uint64_t now = 5000; now < 9000; now += 10) {
		burst_note(&burst, now);
		ck_assert_uint_le(burst_end(&burst), 6000);
	}
	ck_assert_uint_eq(burst_end(&burst), 6000);
}
END_TEST

START_TEST(test_no_interval_ends_at_once)
{
	burst.interval = 0;
	burst_note(&burst, 5000);
	ck_assert_uint_eq(burst_end(&burst), 5000);
}
END_TEST

START_TEST(test_limit_below_the_interval_rules)
{
	burst.max_wait = 50;
	burst_note(&burst, 5000);
	ck_assert_uint_eq(burst_end(&burst), 5050);
}
END_TEST

START_TEST(test_reset_lets_the_next_burst_have_its_own_limit)
{
	burst_note(&burst, 5000);
	burst_reset(&burst);
	burst_note(&burst, 8000);
	ck_assert_uint_eq(burst_end(&burst), 8100);
	burst_note(&burst, 8990);
	ck_assert_uint_eq(burst_end(&burst), 9000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("burst");
	TCase *tests = tcase_create("burst");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, test_lone_response_waits_for_the_interval);
	tcase_add_test(tests, test_each_response_begins_the_interval_anew);
	tcase_add_test(tests, test_flood_does_not_move_the_limit);
	tcase_add_test(tests, test_no_interval_ends_at_once);
	tcase_add_test(tests, test_limit_below_the_interval_rules);
	tcase_add_test(
	    tests, test_reset_lets_the_next_burst_have_its_own_limit);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
