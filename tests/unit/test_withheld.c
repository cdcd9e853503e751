/*
 * daemon/withheld: what the server has and we have not.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/withheld.h"
#include "libclient/base/mem.h"

#define NOW INT64_C(1000000)

static struct withheld withheld;

static void
set_up(void)
{
	withheld = (struct withheld){0};
}

static void
tear_down(void)
{
	withheld_free(&withheld);
}

static const char *
text_of(struct uidset *uids)
{
	static char text[256];
	struct buf out;

	buf_init(&out, sizeof(text) - 1);
	(void)uidset_format(uids, 0, sizeof(text) - 1, &out);
	snprintf(text, sizeof(text), "%.*s", (int)buf_span(&out).len,
	    buf_span(&out).at);
	buf_free(&out);
	uidset_free(uids);
	return text;
}

static const char *
due(int64_t now, uint64_t max_size)
{
	struct uidset uids = {0};

	withheld_due(&withheld, now, max_size, &uids);
	return text_of(&uids);
}

static const char *
rest(int64_t now, uint64_t max_size)
{
	struct uidset uids = {0};

	withheld_rest(&withheld, now, max_size, &uids);
	return text_of(&uids);
}

static struct uidset
set(const char *text)
{
	struct uidset uids = {0};

	ck_assert(uidset_parse(&uids, span_of(text)));
	return uids;
}

/* The changes as "changed|uid size tries next_try|..." */
static const char *
changes(void)
{
	static char text[512];
	struct uidset changed = {0};
	struct state_withheld *rows;
	uint32_t count;
	size_t len;

	if (!withheld_take_changes(&withheld, &changed, &rows, &count))
		return "none";
	len = (size_t)snprintf(text, sizeof(text), "%s", text_of(&changed));
	for (uint32_t i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "|%u %u %u %lld", rows[i].uid, (unsigned)rows[i].size,
		    rows[i].tries, (long long)rows[i].next_try);
	mem_free(rows);
	return text;
}

/* ---- refused ---- */

static const int64_t waits[] = {
    600, 1200, 2400, 4800, 9600, 19200, 38400, 76800, 86400, 86400, 86400};

START_TEST(test_each_attempt_in_vain_doubles_the_wait_up_to_a_day)
{
	int64_t now = NOW;

	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		withheld_refuse(&withheld, 7, now);
		ck_assert_str_eq(due(now + waits[i] - 1, 0), "");
		ck_assert_str_eq(rest(now + waits[i] - 1, 0), "7");
		now += waits[i];
		ck_assert_str_eq(due(now, 0), "7");
		ck_assert_str_eq(rest(now, 0), "");
	}
}
END_TEST

START_TEST(test_a_clock_set_back_does_not_make_it_wait_for_ever)
{
	withheld_refuse(&withheld, 7, NOW + 400 * 86400);
	ck_assert_str_eq(due(NOW, 0), "7");
}
END_TEST

START_TEST(test_who_is_in_a_hurry_does_not_wait)
{
	withheld_refuse(&withheld, 7, NOW);
	withheld_too_large(&withheld, 8, 100);
	withheld_hurry(&withheld);
	ck_assert_str_eq(due(NOW, 50), "7");
}
END_TEST

START_TEST(test_after_a_restart_it_waits_as_long_as_before)
{
	struct state_withheld *rows;
	struct uidset changed = {0};
	uint32_t count;

	for (int i = 0; i < 3; i++)
		withheld_refuse(&withheld, 7, NOW);
	ck_assert(withheld_take_changes(&withheld, &changed, &rows, &count));
	withheld_free(&withheld);
	for (uint32_t i = 0; i < count; i++)
		withheld_load(&withheld, &rows[i]);
	ck_assert_str_eq(due(NOW + 2399, 0), "");
	ck_assert_str_eq(due(NOW + 2400, 0), "7");
	withheld_refuse(&withheld, 7, NOW + 2400);
	ck_assert_str_eq(due(NOW + 2400 + 4799, 0), "");
	ck_assert_str_eq(changes(), "7|7 0 4 1007200");
	mem_free(rows);
	uidset_free(&changed);
}
END_TEST

/* ---- too large ---- */

static const struct size_case {
	uint64_t max_size;
	const char *due;
	const char *rest;
} size_cases[] = {
    {99, "", "5"},
    {100, "5", ""},
    {101, "5", ""},
    {0, "5", ""},
};

START_TEST(test_a_large_message_is_due_when_max_size_has_grown)
{
	const struct size_case *test = &size_cases[_i];

	withheld_too_large(&withheld, 5, 100);
	ck_assert_uint_eq(withheld.too_large, 1);
	ck_assert_str_eq(due(NOW, test->max_size), test->due);
	ck_assert_str_eq(rest(NOW, test->max_size), test->rest);
}
END_TEST

START_TEST(test_a_large_message_that_is_not_given_is_refused)
{
	struct uidset refused = {0};

	withheld_too_large(&withheld, 5, 100);
	withheld_too_large(&withheld, 6, 100);
	withheld_refuse(&withheld, 5, NOW);
	ck_assert_uint_eq(withheld.too_large, 1);
	withheld_refused(&withheld, &refused);
	ck_assert_str_eq(text_of(&refused), "5");
}
END_TEST

/* ---- ends ---- */

START_TEST(test_what_came_or_is_gone_is_forgotten)
{
	struct uidset seen = set("1:5"), came = set("2:4");

	for (uint32_t uid = 9; uid > 0; uid--)
		withheld_refuse(&withheld, uid, NOW);
	withheld_too_large(&withheld, 8, 100);
	withheld_keep(&withheld, &seen);
	ck_assert_str_eq(rest(NOW, 1), "1:5");
	ck_assert_uint_eq(withheld.too_large, 0);
	withheld_admit(&withheld, &came);
	ck_assert_str_eq(rest(NOW, 1), "1,5");
	ck_assert_uint_eq(withheld.count, 2);
	uidset_free(&seen);
	uidset_free(&came);
}
END_TEST

START_TEST(test_the_database_is_told_of_changes_once)
{
	struct uidset came = set("3,5");

	ck_assert_str_eq(changes(), "none");
	withheld_refuse(&withheld, 5, NOW);
	withheld_too_large(&withheld, 3, 100);
	ck_assert_str_eq(changes(), "3,5|3 100 0 0|5 0 1 1000600");
	ck_assert_str_eq(changes(), "none");
	withheld_refuse(&withheld, 9, NOW);
	withheld_admit(&withheld, &came);
	ck_assert_str_eq(changes(), "3,5,9|9 0 1 1000600");
	uidset_free(&came);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("withheld");
	TCase *tests = tcase_create("withheld");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(
	    tests, test_each_attempt_in_vain_doubles_the_wait_up_to_a_day);
	tcase_add_test(
	    tests, test_a_clock_set_back_does_not_make_it_wait_for_ever);
	tcase_add_test(tests, test_who_is_in_a_hurry_does_not_wait);
	tcase_add_test(tests, test_after_a_restart_it_waits_as_long_as_before);
	tcase_add_loop_test(
	    tests, test_a_large_message_is_due_when_max_size_has_grown, 0, 4);
	tcase_add_test(
	    tests, test_a_large_message_that_is_not_given_is_refused);
	tcase_add_test(tests, test_what_came_or_is_gone_is_forgotten);
	tcase_add_test(tests, test_the_database_is_told_of_changes_once);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
