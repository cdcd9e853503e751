/*
 * What libclient/base/arena.h promises: zeroed, aligned memory up to a cap.
 */
#include <check.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libclient/base/arena.h"

START_TEST(test_arena_free_takes_null)
{
	ck_assert_ptr_null(arena_free(NULL));
}
END_TEST

START_TEST(test_arena_can_be_freed_unused)
{
	ck_assert_ptr_null(arena_free(arena_new(10)));
}
END_TEST

START_TEST(test_arena_memory_is_zeroed_aligned_and_its_own)
{
	struct arena *arena = arena_new(1 << 20);
	unsigned char expected[500] = {0};
	unsigned char *pieces[500];
	size_t i;

	for (i = 0; i < 500; i++) {
		pieces[i] = arena_alloc(arena, i);
		ck_assert_ptr_nonnull(pieces[i]);
		ck_assert_uint_eq(
		    (uintptr_t)pieces[i] % alignof(max_align_t), 0);
		ck_assert_mem_eq(pieces[i], expected, i);
		memset(pieces[i], (int)i, i);
	}
	for (i = 0; i < 500; i++) {
		memset(expected, (int)i, i);
		ck_assert_mem_eq(pieces[i], expected, i);
	}
	arena_free(arena);
}
END_TEST

START_TEST(test_arena_memory_is_zeroed_again_after_reset)
{
	struct arena *arena = arena_new(1000);
	char *piece = arena_alloc(arena, 100);

	memset(piece, 'x', 100);
	arena_reset(arena);
	piece = arena_alloc(arena, 100);
	ck_assert_mem_eq(piece, (char[100]){0}, 100);
	arena_free(arena);
}
END_TEST

START_TEST(test_arena_refuses_what_passes_its_cap)
{
	struct arena *arena = arena_new(100);

	ck_assert_ptr_null(arena_alloc(arena, 101));
	ck_assert_ptr_null(arena_alloc(arena, SIZE_MAX));
	ck_assert_ptr_nonnull(arena_alloc(arena, 100));
	ck_assert_ptr_null(arena_alloc(arena, 1));
	arena_reset(arena);
	ck_assert_ptr_nonnull(arena_alloc(arena, 100));
	arena_free(arena);
}
END_TEST

START_TEST(test_arena_refuses_endless_empty_pieces)
{
	struct arena *arena = arena_new(1000);
	int n = 0;

	while (arena_alloc(arena, 0) != NULL)
		ck_assert_int_le(++n, 1000);
	arena_free(arena);
}
END_TEST

START_TEST(test_arena_keeps_its_first_block_over_a_reset)
{
	struct arena *arena = arena_new(1 << 20);
	void *first = arena_alloc(arena, 8);
	int i;

	for (i = 0; i < 100; i++)
		ck_assert_ptr_nonnull(arena_alloc(arena, 5000));
	arena_reset(arena);
	ck_assert_ptr_eq(arena_alloc(arena, 8), first);
	arena_free(arena);
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("arena");
	Suite *suite = suite_create("arena");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, test_arena_free_takes_null);
	tcase_add_test(tests, test_arena_can_be_freed_unused);
	tcase_add_test(tests, test_arena_memory_is_zeroed_aligned_and_its_own);
	tcase_add_test(tests, test_arena_memory_is_zeroed_again_after_reset);
	tcase_add_test(tests, test_arena_refuses_what_passes_its_cap);
	tcase_add_test(tests, test_arena_refuses_endless_empty_pieces);
	tcase_add_test(tests, test_arena_keeps_its_first_block_over_a_reset);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
