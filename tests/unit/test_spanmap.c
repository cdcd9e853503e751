/*
 * daemon/spanmap: names to numbers.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/spanmap.h"

#define MANY 20000

START_TEST(test_an_empty_map_has_nothing)
{
	struct spanmap map = {0};

	ck_assert_uint_eq(spanmap_get(&map, span_of("INBOX")), SPANMAP_NONE);
	spanmap_free(&map);
}
END_TEST

START_TEST(test_a_key_is_its_bytes_and_no_others)
{
	struct spanmap map = {0};

	spanmap_put(&map, (struct span){"a\0b", 3}, 1);
	spanmap_put(&map, (struct span){"a\0c", 3}, 2);
	spanmap_put(&map, span_of(""), 3);
	ck_assert_uint_eq(spanmap_get(&map, (struct span){"a\0b", 3}), 1);
	ck_assert_uint_eq(spanmap_get(&map, (struct span){"a\0c", 3}), 2);
	ck_assert_uint_eq(spanmap_get(&map, span_of("")), 3);
	ck_assert_uint_eq(spanmap_get(&map, span_of("a")), SPANMAP_NONE);
	ck_assert_uint_eq(spanmap_get(&map, span_of("A")), SPANMAP_NONE);
	spanmap_free(&map);
}
END_TEST

START_TEST(test_a_key_put_again_is_replaced)
{
	struct spanmap map = {0};

	spanmap_put(&map, span_of("a"), 1);
	spanmap_put(&map, span_of("a"), 2);
	ck_assert_uint_eq(spanmap_get(&map, span_of("a")), 2);
	ck_assert_uint_eq(map.count, 1);
	spanmap_free(&map);
}
END_TEST

START_TEST(test_twenty_thousand_names_are_all_found)
{
	static char names[MANY][16];
	struct spanmap map = {0};

	for (uint32_t i = 0; i < MANY; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "Lists/%u", i);
		spanmap_put(&map, span_of(names[i]), i);
	}
	for (uint32_t i = 0; i < MANY; i++)
		ck_assert_uint_eq(spanmap_get(&map, span_of(names[i])), i);
	ck_assert_uint_eq(map.count, MANY);
	ck_assert_uint_ge(map.size, 2 * MANY);
	spanmap_free(&map);
	ck_assert_uint_eq(spanmap_get(&map, span_of("Lists/1")), SPANMAP_NONE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("spanmap");
	TCase *tests = tcase_create("spanmap");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, test_an_empty_map_has_nothing);
	tcase_add_test(tests, test_a_key_is_its_bytes_and_no_others);
	tcase_add_test(tests, test_a_key_put_again_is_replaced);
	tcase_add_test(tests, test_twenty_thousand_names_are_all_found);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
