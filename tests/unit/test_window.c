/*
 * daemon/window: which messages the next FETCH asks for.
 */
#include <check.h>
#include <stdlib.h>

#include "daemon/window.h"

#define LINE 8000

static struct uidset wanted;
static struct uidset missing;
static struct uidset window;
static struct window_sizes sizes;

static void
tear_down(void)
{
	uidset_free(&wanted);
	uidset_free(&missing);
	uidset_free(&window);
	window_sizes_free(&sizes);
}

static void
assert_window(const char *expected)
{
	struct uidset set = {0};

	ck_assert(*expected == '\0' || uidset_parse(&set, span_of(expected)));
	window_take(&wanted, &missing, &sizes, LINE, &window);
	ck_assert_msg(uidset_equal(&window, &set), "not %s", expected);
	uidset_free(&set);
}

START_TEST(test_the_newest_come_first)
{
	uidset_add_range(&wanted, 1, 1000);
	assert_window("745:1000");
	assert_window("489:744");
	assert_window("233:488");
	assert_window("1:232");
	assert_window("");
}
END_TEST

START_TEST(test_a_window_has_so_many_bytes)
{
	uidset_add_range(&wanted, 1, 100);
	for (uint32_t uid = 1; uid <= 100; uid++)
		window_note(&sizes, uid, 500000);
	assert_window("93:100");
	assert_window("85:92");
}
END_TEST

START_TEST(test_a_large_message_holds_up_no_small_one)
{
	uidset_add_range(&wanted, 1, 100);
	window_note(&sizes, 50, 50000000);
	window_note(&sizes, 100, 2000000);
	assert_window("1:49,51:99");
	assert_window("100");
	assert_window("50");
	assert_window("");
}
END_TEST

START_TEST(test_what_did_not_come_is_asked_for_alone_and_last)
{
	uidset_add_range(&wanted, 1, 9);
	uidset_add(&missing, 3);
	uidset_add(&missing, 9);
	assert_window("1:2,4:8");
	assert_window("9");
	assert_window("3");
}
END_TEST

START_TEST(test_the_set_fits_the_line)
{
	struct buf text;

	for (uint32_t uid = 4000000000; uid < 4000001000; uid += 2)
		uidset_add(&wanted, uid);
	window_take(&wanted, &missing, &sizes, 900, &window);
	buf_init(&text, 10000);
	ck_assert_uint_eq(uidset_format(&window, 0, 900, &text), window.count);
	ck_assert_uint_gt(window.count, 30);
	ck_assert_uint_eq(uidset_last(&window), 4000000998);
	buf_free(&text);
}
END_TEST

START_TEST(test_sizes_may_come_in_any_order_and_again)
{
	uidset_add_range(&wanted, 1, 3);
	window_note(&sizes, 3, 2000000);
	window_note(&sizes, 1, 100);
	window_note(&sizes, 2, 100);
	window_note(&sizes, 1, 3000000);
	assert_window("2");
	ck_assert_uint_eq(sizes.count, 3);
	assert_window("3");
	assert_window("1");
}
END_TEST

START_TEST(test_sizes_said_again_and_again_do_not_fill_the_memory)
{
	for (uint32_t i = 100000; i > 0; i--)
		window_note(&sizes, 1 + i % 100, 100);
	ck_assert_uint_lt(sizes.count, 5000);
}
END_TEST

START_TEST(test_sizes_of_what_was_taken_are_forgotten)
{
	uidset_add_range(&wanted, 1, 100000);
	for (uint32_t uid = 100000; uid > 0; uid--) {
		window_note(&sizes, uid, uid % 1000 == 0 ? 2000000 : 100);
		if (uid % 256 == 0)
			window_take(&wanted, &missing, &sizes, LINE, &window);
		ck_assert_uint_lt(sizes.count, 10000);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("window");
	TCase *tests = tcase_create("window");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, NULL, tear_down);
	tcase_add_test(tests, test_the_newest_come_first);
	tcase_add_test(tests, test_a_window_has_so_many_bytes);
	tcase_add_test(tests, test_a_large_message_holds_up_no_small_one);
	tcase_add_test(
	    tests, test_what_did_not_come_is_asked_for_alone_and_last);
	tcase_add_test(tests, test_the_set_fits_the_line);
	tcase_add_test(tests, test_sizes_may_come_in_any_order_and_again);
	tcase_add_test(tests, test_sizes_of_what_was_taken_are_forgotten);
	tcase_add_test(
	    tests, test_sizes_said_again_and_again_do_not_fill_the_memory);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
