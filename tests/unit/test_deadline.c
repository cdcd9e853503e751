/*
 * libclient/deadline: how long a server may take. Times are in seconds here,
 * from 1000 on; the longest silence is 60.
 */
#include <check.h>
#include <stdlib.h>

#include "libclient/deadline.h"

#define SECOND	UINT64_C(1000000)
#define AT(s)	((1000 + UINT64_C(s)) * SECOND)
#define SILENCE 60

static struct deadline deadline;

static void
setup(void)
{
	deadline = (struct deadline){.timeout = SILENCE * SECOND};
}

static bool
is_late(uint64_t now)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	bool is_in_time = deadline_check(&deadline, now, &error);

	ck_assert_int_eq(
	    error.kind, is_in_time ? IMAP_ERROR_NONE : IMAP_ERROR_TIMEOUT);
	return !is_in_time;
}

START_TEST(test_nothing_due_is_never_late)
{
	ck_assert_uint_eq(deadline_next(&deadline), DEADLINE_NEVER);
	ck_assert(!is_late(AT(1000000)));
	deadline_set_due(&deadline, 1, AT(0));
	deadline_set_due(&deadline, 0, AT(10));
	ck_assert_uint_eq(deadline_next(&deadline), DEADLINE_NEVER);
	ck_assert(!is_late(AT(1000000)));
}
END_TEST

START_TEST(test_silence_ends_after_the_timeout)
{
	deadline_set_due(&deadline, 1, AT(0));
	ck_assert_uint_eq(deadline_next(&deadline), AT(60));
	ck_assert(!is_late(AT(60) - 1));
	ck_assert(is_late(AT(60)));
}
END_TEST

START_TEST(test_any_byte_breaks_the_silence)
{
	deadline_set_due(&deadline, 1, AT(0));
	deadline_heard(&deadline, AT(50), false);
	ck_assert_uint_eq(deadline_next(&deadline), AT(110));
	ck_assert(!is_late(AT(100)));
	ck_assert(is_late(AT(110)));
}
END_TEST

/* An hour in IDLE is no silence of the command that follows it. */
START_TEST(test_silence_counts_from_the_command)
{
	deadline_heard(&deadline, AT(0), false);
	deadline_set_due(&deadline, 7, AT(3600));
	ck_assert_uint_eq(deadline_next(&deadline), AT(3660));
	ck_assert(!is_late(AT(3659)));
}
END_TEST

START_TEST(test_the_same_reply_keeps_its_beginning)
{
	deadline_set_due(&deadline, 1, AT(0));
	deadline_set_due(&deadline, 1, AT(59));
	ck_assert(is_late(AT(60)));
}
END_TEST

/* "* OK Still here" for ever is no reply. */
START_TEST(test_reply_as_a_whole_has_a_limit)
{
	deadline_set_due(&deadline, 1, AT(0));
	for (uint64_t s = 0; s < 600; s += 30)
		deadline_heard(&deadline, AT(0) + s * SECOND, false);
	ck_assert_uint_eq(deadline_next(&deadline), AT(600));
	ck_assert(!is_late(AT(599)));
	ck_assert(is_late(AT(600)));
}
END_TEST

START_TEST(test_next_reply_begins_anew)
{
	deadline_set_due(&deadline, 1, AT(0));
	deadline_heard(&deadline, AT(590), false);
	deadline_set_due(&deadline, 2, AT(590));
	deadline_heard(&deadline, AT(600), false);
	ck_assert(!is_late(AT(601)));
}
END_TEST

/* Gigabytes may take hours, at a pace of 1024 octets a second. */
START_TEST(test_bodies_prolong_the_reply)
{
	deadline_set_due(&deadline, 1, AT(0));
	deadline_body(&deadline, 100 * DEADLINE_BODY_PACE);
	deadline_heard(&deadline, AT(690), false);
	ck_assert(!is_late(AT(699)));
	ck_assert(is_late(AT(700)));
}
END_TEST

START_TEST(test_trickling_body_is_late)
{
	deadline_set_due(&deadline, 1, AT(0));
	for (uint64_t s = 0; s <= 60; s += 10) {
		deadline_heard(&deadline, AT(0) + s * SECOND, true);
		deadline_body(&deadline, 1);
	}
	ck_assert_uint_eq(deadline_next(&deadline), AT(60));
	ck_assert(!is_late(AT(59)));
	ck_assert(is_late(AT(60)));
}
END_TEST

START_TEST(test_steady_body_is_in_time)
{
	deadline_set_due(&deadline, 1, AT(0));
	for (uint64_t s = 0; s <= 3600; s += 10) {
		deadline_heard(&deadline, AT(0) + s * SECOND, true);
		deadline_body(&deadline, 10 * DEADLINE_BODY_PACE);
		ck_assert(!is_late(AT(0) + s * SECOND));
	}
}
END_TEST

/* The first megabyte is no credit for a stall later. */
START_TEST(test_pace_is_measured_anew_in_each_window)
{
	deadline_set_due(&deadline, 1, AT(0));
	deadline_heard(&deadline, AT(0), true);
	deadline_body(&deadline, 1000000);
	deadline_heard(&deadline, AT(50), true);
	ck_assert(!is_late(AT(60)));
	deadline_heard(&deadline, AT(100), true);
	deadline_body(&deadline, 1);
	ck_assert(is_late(AT(120)));
}
END_TEST

/* A server may push at leisure while nothing is due; later that is no stall. */
START_TEST(test_pace_counts_from_the_command)
{
	deadline_heard(&deadline, AT(0), true);
	deadline_body(&deadline, 100);
	deadline_heard(&deadline, AT(3599), true);
	deadline_set_due(&deadline, 2, AT(3600));
	ck_assert_uint_eq(deadline_next(&deadline), AT(3660));
	ck_assert(!is_late(AT(3600)));
}
END_TEST

START_TEST(test_end_of_body_ends_the_window)
{
	deadline_set_due(&deadline, 1, AT(0));
	deadline_heard(&deadline, AT(0), true);
	deadline_heard(&deadline, AT(10), false);
	deadline_heard(&deadline, AT(65), false);
	ck_assert(!is_late(AT(70)));
}
END_TEST

START_TEST(test_a_reply_may_have_a_limit_of_its_own)
{
	deadline_set_due(&deadline, 1, AT(0));
	deadline_set_limit(&deadline, 15 * SECOND);
	deadline_heard(&deadline, AT(14), false);
	ck_assert_uint_eq(deadline_next(&deadline), AT(15));
	ck_assert(!is_late(AT(15) - 1));
	ck_assert(is_late(AT(15)));
	deadline_set_due(&deadline, 2, AT(15));
	ck_assert_uint_eq(deadline_next(&deadline), AT(75));
}
END_TEST

START_TEST(test_in_a_hurry_a_byte_has_to_come_soon)
{
	deadline_set_due(&deadline, 1, AT(0));
	deadline_hurry(&deadline, AT(5));
	ck_assert_uint_eq(deadline_next(&deadline), AT(5));
	ck_assert(!is_late(AT(5) - 1));
	ck_assert(is_late(AT(5)));
}
END_TEST

START_TEST(test_any_byte_ends_the_hurry)
{
	deadline_set_due(&deadline, 1, AT(0));
	deadline_hurry(&deadline, AT(5));
	deadline_heard(&deadline, AT(4), false);
	ck_assert(!is_late(AT(30)));
	ck_assert_uint_eq(deadline_next(&deadline), AT(64));
}
END_TEST

START_TEST(test_sending_puts_a_silence_off_and_no_hurry)
{
	deadline_set_due(&deadline, 1, AT(0));
	deadline_hurry(&deadline, AT(70));
	deadline_taken(&deadline, AT(50));
	ck_assert_uint_eq(deadline_next(&deadline), AT(70));
	ck_assert(!is_late(AT(69)));
	ck_assert(is_late(AT(70)));
}
END_TEST

START_TEST(test_the_first_hurry_is_the_greatest)
{
	deadline_set_due(&deadline, 1, AT(0));
	deadline_hurry(&deadline, AT(5));
	deadline_hurry(&deadline, AT(8));
	ck_assert(is_late(AT(5)));
}
END_TEST

START_TEST(test_a_hurry_for_nothing_is_forgotten)
{
	deadline_hurry(&deadline, AT(5));
	ck_assert_uint_eq(deadline_next(&deadline), DEADLINE_NEVER);
	ck_assert(!is_late(AT(6)));
	deadline_hurry(&deadline, AT(7));
	deadline_set_due(&deadline, 1, AT(10));
	ck_assert(!is_late(AT(11)));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("deadline");
	TCase *tests = tcase_create("deadline");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, test_nothing_due_is_never_late);
	tcase_add_test(tests, test_silence_ends_after_the_timeout);
	tcase_add_test(tests, test_any_byte_breaks_the_silence);
	tcase_add_test(tests, test_silence_counts_from_the_command);
	tcase_add_test(tests, test_the_same_reply_keeps_its_beginning);
	tcase_add_test(tests, test_reply_as_a_whole_has_a_limit);
	tcase_add_test(tests, test_next_reply_begins_anew);
	tcase_add_test(tests, test_bodies_prolong_the_reply);
	tcase_add_test(tests, test_trickling_body_is_late);
	tcase_add_test(tests, test_steady_body_is_in_time);
	tcase_add_test(tests, test_pace_is_measured_anew_in_each_window);
	tcase_add_test(tests, test_pace_counts_from_the_command);
	tcase_add_test(tests, test_end_of_body_ends_the_window);
	tcase_add_test(tests, test_a_reply_may_have_a_limit_of_its_own);
	tcase_add_test(tests, test_in_a_hurry_a_byte_has_to_come_soon);
	tcase_add_test(tests, test_any_byte_ends_the_hurry);
	tcase_add_test(tests, test_sending_puts_a_silence_off_and_no_hurry);
	tcase_add_test(tests, test_the_first_hurry_is_the_greatest);
	tcase_add_test(tests, test_a_hurry_for_nothing_is_forgotten);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
