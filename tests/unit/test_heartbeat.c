/*
 * daemon/heartbeat: how regular a server is, and when it is overdue.
 */
#include <check.h>
#include <stdlib.h>

#include "daemon/heartbeat.h"

#define SECOND UINT64_C(1000000)
#define AT(s)  ((1000 + (uint64_t)(s)) * SECOND)

static struct heartbeat heartbeat;

static void
set_up(void)
{
	heartbeat = (struct heartbeat){0};
}

static void
beat(uint64_t at)
{
	heartbeat_heard(&heartbeat, at, true);
}

START_TEST(test_two_beats_are_no_rhythm)
{
	ck_assert_uint_eq(heartbeat_end(&heartbeat), 0);
	beat(AT(0));
	beat(AT(120));
	ck_assert_uint_eq(heartbeat_end(&heartbeat), 0);
}
END_TEST

START_TEST(test_the_third_makes_one_and_two_may_be_missed)
{
	beat(AT(0));
	beat(AT(120));
	beat(AT(240));
	ck_assert_uint_eq(heartbeat_end(&heartbeat), AT(510));
}
END_TEST

START_TEST(test_a_little_late_is_regular)
{
	beat(AT(0));
	beat(AT(100));
	beat(AT(210));
	ck_assert_uint_ge(heartbeat_end(&heartbeat), AT(430));
}
END_TEST

START_TEST(test_chance_is_no_rhythm)
{
	beat(AT(0));
	beat(AT(120));
	beat(AT(180));
	beat(AT(400));
	ck_assert_uint_eq(heartbeat_end(&heartbeat), 0);
}
END_TEST

START_TEST(test_chatter_is_no_rhythm)
{
	for (unsigned i = 0; i < 10; i++)
		beat(AT(i));
	ck_assert_uint_eq(heartbeat_end(&heartbeat), 0);
}
END_TEST

START_TEST(test_news_count_as_life_but_not_as_a_beat)
{
	beat(AT(0));
	beat(AT(100));
	beat(AT(200));
	heartbeat_heard(&heartbeat, AT(250), false);
	ck_assert_uint_eq(heartbeat_end(&heartbeat), AT(475));
	heartbeat_heard(&heartbeat, AT(260), false);
	heartbeat_heard(&heartbeat, AT(270), false);
	ck_assert_uint_eq(heartbeat_end(&heartbeat), AT(495));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("heartbeat");
	TCase *tests = tcase_create("heartbeat");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_test(tests, test_two_beats_are_no_rhythm);
	tcase_add_test(tests, test_the_third_makes_one_and_two_may_be_missed);
	tcase_add_test(tests, test_a_little_late_is_regular);
	tcase_add_test(tests, test_chance_is_no_rhythm);
	tcase_add_test(tests, test_chatter_is_no_rhythm);
	tcase_add_test(tests, test_news_count_as_life_but_not_as_a_beat);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
