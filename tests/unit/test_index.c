/*
 * daemon/index: entries by UID, whatever the order they came in.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/index.h"

static void
put(struct index *index, uint32_t uid, uint32_t flags)
{
	struct index_entry entry = {.uid = uid, .flags = flags};

	index_put(index, &entry);
}

/* Checks the UIDs of an index: the last one, and all. */
static void
assert_uids(struct index *index, const char *expected)
{
	struct uidset uids = {0}, wanted = {0};
	uint32_t last = index_last(index);

	index_uids(index, &uids);
	ck_assert_uint_eq(
	    last, uidset_is_empty(&uids) ? 0 : uidset_last(&uids));
	if (*expected != '\0')
		ck_assert(uidset_parse(&wanted, span_of(expected)));
	ck_assert_msg(uidset_equal(&uids, &wanted), "not %s", expected);
	uidset_free(&uids);
	uidset_free(&wanted);
}

/* Room for so many entries. */
static uint32_t
room(const struct index *index)
{
	uint32_t room = 0;

	for (uint32_t i = 0; i < index->block_count; i++)
		room += index->blocks[i].size;
	return room;
}

START_TEST(test_an_entry_takes_fourteen_bytes)
{
	ck_assert_uint_eq(sizeof(struct index_packed), 14);
}
END_TEST

START_TEST(test_an_empty_index_has_nothing)
{
	struct index index = {0};

	ck_assert_ptr_null(index_find(&index, 1));
	assert_uids(&index, "");
	index_free(&index);
}
END_TEST

START_TEST(test_rising_uids_need_no_sorting)
{
	struct index index = {0};

	for (uint32_t uid = 1; uid <= 1000; uid++)
		put(&index, uid * 2, uid);
	ck_assert_uint_eq(index.blocks[0].sorted, index.count);
	for (uint32_t uid = 1; uid <= 1000; uid++) {
		ck_assert_uint_eq(index_find(&index, uid * 2)->flags, uid);
		ck_assert_ptr_null(index_find(&index, uid * 2 - 1));
	}
	index_free(&index);
}
END_TEST

START_TEST(test_uids_in_any_order_are_found)
{
	struct index index = {0};
	uint32_t uid = 1;

	/* 5 is a generator modulo the prime 10007: every UID once. */
	for (int i = 0; i < 10006; i++) {
		put(&index, uid, uid + 1);
		uid = uid * 5 % 10007;
	}
	ck_assert_ptr_nonnull(index_find(&index, 1));
	ck_assert_uint_eq(index.count, 10006);
	for (uid = 1; uid <= 10006; uid++)
		ck_assert_uint_eq(index_find(&index, uid)->flags, uid + 1);
	assert_uids(&index, "1:10006");
	index_free(&index);
}
END_TEST

START_TEST(test_the_last_put_of_a_uid_wins)
{
	struct index index = {0};
	static const uint32_t uids[] = {5, 9, 5, 2, 9, 2, 5, 1, 9};

	for (uint32_t i = 0; i < 9; i++)
		put(&index, uids[i], i);
	ck_assert_uint_eq(index_find(&index, 1)->flags, 7);
	ck_assert_uint_eq(index_find(&index, 2)->flags, 5);
	ck_assert_uint_eq(index_find(&index, 5)->flags, 6);
	ck_assert_uint_eq(index_find(&index, 9)->flags, 8);
	ck_assert_uint_eq(index.count, 4);
	index_free(&index);
}
END_TEST

START_TEST(test_a_replaced_entry_stays_where_it_is)
{
	struct index index = {0};

	put(&index, 1, 0);
	put(&index, 2, 0);
	put(&index, 3, 0);
	put(&index, 2, INDEX_SEEN);
	ck_assert_uint_eq(index.blocks[0].sorted, index.count);
	ck_assert_uint_eq(index.count, 3);
	ck_assert_uint_eq(index_find(&index, 2)->flags, INDEX_SEEN);
	index_free(&index);
}
END_TEST

START_TEST(test_uids_put_again_and_again_do_not_pile_up)
{
	struct index index = {0};

	for (uint32_t i = 0; i < 100000; i++)
		put(&index, 10 - i % 10, i);
	ck_assert_uint_lt(room(&index), 100);
	assert_uids(&index, "1:10");
	index_free(&index);
}
END_TEST

START_TEST(test_memory_is_at_most_a_quarter_over)
{
	struct index index = {0};

	for (uint32_t uid = 1; uid <= 100000; uid++)
		put(&index, uid, 0);
	ck_assert_uint_le(room(&index), 125016);
	index_free(&index);
}
END_TEST

/* As a first copy brings them: the newest 256 first, each 256 rising. */
START_TEST(test_falling_batches_are_put_in_front)
{
	struct index index = {0};

	for (uint32_t batch = 400; batch-- > 0;) {
		for (uint32_t i = 1; i <= 256; i++)
			put(&index, batch * 256 + i, batch);
		ck_assert_ptr_nonnull(index_find(&index, 102400));
	}
	ck_assert_uint_eq(index.count, 102400);
	ck_assert_uint_le(room(&index), 102400 + 102400 / 3);
	assert_uids(&index, "1:102400");
	ck_assert_uint_eq(index_find(&index, 257)->flags, 1);
	index_free(&index);
}
END_TEST

START_TEST(test_what_is_put_again_is_noted_where_it_is_asked_for)
{
	struct uidset repeated = {0}, wanted = {0};
	struct index index = {.repeated = &repeated};
	static const uint32_t uids[] = {5, 9, 5, 2, 9, 1, 12, 12};

	for (uint32_t i = 0; i < 8; i++)
		put(&index, uids[i], i);
	assert_uids(&index, "1:2,5,9,12");
	ck_assert(uidset_parse(&wanted, span_of("5,9,12")));
	ck_assert(uidset_equal(&repeated, &wanted));
	uidset_free(&repeated);
	uidset_free(&wanted);
	index_free(&index);
}
END_TEST

START_TEST(test_trimmed_it_has_no_room_to_spare)
{
	struct index index = {0};

	for (uint32_t uid = 100000; uid > 0; uid--)
		put(&index, uid, uid);
	index_trim(&index);
	ck_assert_uint_le(room(&index), 100000 + 100000 / 64);
	assert_uids(&index, "1:100000");
	put(&index, 100001, 7);
	ck_assert_uint_eq(index_find(&index, 100001)->flags, 7);
	index_free(&index);
}
END_TEST

/* Everything at once, beside a plain list. */
START_TEST(test_it_holds_what_was_put_in_any_order)
{
	static uint32_t flags[5001];
	/* the odd tests have them in many blocks */
	const uint32_t step = _i % 2 == 0 ? 1 : 1 << 14;
	struct index index = {0};
	uint32_t count = 0;

	memset(flags, 0, sizeof(flags));
	srandom((unsigned)_i);
	for (uint32_t i = 1; i <= 20000; i++) {
		uint32_t uid = 1 + (uint32_t)random() % 5000;

		if (random() % 100 == 0)
			uid = uid / 2 + 1;
		count += flags[uid] == 0;
		flags[uid] = i;
		put(&index, uid * step, i);
		if (random() % 50 == 0)
			ck_assert_uint_eq(
			    index_find(&index, uid * step)->flags, i);
		if (random() % 500 == 0)
			index_trim(&index);
	}
	for (uint32_t uid = 1; uid <= 5000; uid++)
		if (flags[uid] != 0)
			ck_assert_uint_eq(
			    index_find(&index, uid * step)->flags, flags[uid]);
	ck_assert_uint_eq(index.count, count);
	index_free(&index);
}
END_TEST

START_TEST(test_an_entry_that_is_there_is_replaced)
{
	struct uidset repeated = {0};
	struct index index = {.repeated = &repeated};
	struct index_entry entry = {.uid = UINT32_MAX, .flags = INDEX_FLAGGED};

	ck_assert(!index_replace(&index, &entry));
	put(&index, UINT32_MAX, 0);
	put(&index, 7, 0);
	ck_assert(index_replace(&index, &entry));
	ck_assert_uint_eq(index_find(&index, UINT32_MAX)->flags, INDEX_FLAGGED);
	assert_uids(&index, "7,4294967295");
	ck_assert(uidset_is_empty(&repeated));
	index_free(&index);
}
END_TEST

START_TEST(test_nothing_of_an_entry_is_lost)
{
	const struct index_entry entry = {.uid = 0xfedcba98,
	    .size = 0xfffffffe,
	    .date = 0xfffffffd,
	    .flags = 0xdeadbeef};
	struct index index = {0};
	const struct index_entry *found;

	index_put(&index, &entry);
	found = index_find(&index, entry.uid);
	ck_assert_mem_eq(found, &entry, sizeof(entry));
	index_free(&index);
}
END_TEST

START_TEST(test_the_next_one_is_found_in_order)
{
	static const uint32_t uids[] = {
	    1, 65535, 65536, 65537, 131072, 7000000, UINT32_MAX};
	const uint32_t count = sizeof(uids) / sizeof(uids[0]);
	struct index index = {0};
	struct index_cursor cursor = {0};
	struct index_entry entry;

	for (uint32_t i = count; i-- > 0;)
		put(&index, uids[i], i);
	for (uint32_t i = 0; i < count; i++) {
		ck_assert(index_next(&index, &cursor, &entry));
		ck_assert_uint_eq(entry.uid, uids[i]);
		ck_assert_uint_eq(entry.flags, i);
	}
	ck_assert(!index_next(&index, &cursor, &entry));
	ck_assert(!index_next(&index, &cursor, &entry));
	index_free(&index);
}
END_TEST

START_TEST(test_ranges_that_cross_a_block_are_removed)
{
	struct index index = {0};
	struct uidset removed = {0}, both = {0}, wanted = {0};

	for (uint32_t uid = 1; uid <= 200000; uid += 2)
		put(&index, uid, 0);
	ck_assert(uidset_parse(&removed, span_of("5:9,65001:131071,199999")));
	ck_assert(uidset_parse(&wanted, span_of("5,7,9,199999")));
	index_intersect(&index, &removed, &both);
	ck_assert_uint_eq(
	    uidset_count(&both), 3 + (131071 - 65001) / 2 + 1 + 1);
	index_remove(&index, &removed);
	ck_assert_uint_eq(index.block_count, 3);
	ck_assert_uint_eq(index.count, 100000 - uidset_count(&both));
	ck_assert_ptr_null(index_find(&index, 131071));
	ck_assert_ptr_nonnull(index_find(&index, 131073));
	ck_assert_ptr_nonnull(index_find(&index, 64999));
	uidset_clear(&both);
	index_intersect(&index, &wanted, &both);
	ck_assert(uidset_is_empty(&both));
	uidset_free(&removed);
	uidset_free(&wanted);
	uidset_free(&both);
	index_free(&index);
}
END_TEST

static const struct removal_case {
	const char *removed;
	const char *left;
} removal_cases[] = {
    {"5", "1:4,6:9,100,102"},
    {"1:9", "100,102"},
    {"50:99,101", "1:9,100,102"},
    {"1,3,5,7,9,102", "2,4,6,8,100"},
    {"9:100", "1:8,102"},
    {"1:4294967295", ""},
    {"103:4294967295", "1:9,100,102"},
};

START_TEST(test_a_set_is_removed)
{
	const struct removal_case *test = &removal_cases[_i];
	struct index index = {0};
	struct uidset removed = {0};

	put(&index, 102, 0);
	put(&index, 100, 0);
	for (uint32_t uid = 9; uid > 0; uid--)
		put(&index, uid, 0);
	ck_assert(uidset_parse(&removed, span_of(test->removed)));
	index_remove(&index, &removed);
	assert_uids(&index, test->left);
	uidset_clear(&removed);
	index_remove(&index, &removed);
	assert_uids(&index, test->left);
	uidset_free(&removed);
	index_free(&index);
}
END_TEST

START_TEST(test_uids_are_added_to_those_of_the_set)
{
	struct index index = {0};
	struct uidset uids = {0};

	put(&index, 3, 0);
	uidset_add(&uids, 2);
	index_uids(&index, &uids);
	ck_assert_uint_eq(uidset_count(&uids), 2);
	uidset_free(&uids);
	index_free(&index);
}
END_TEST

START_TEST(test_what_both_have_is_found)
{
	struct index index = {0};
	struct uidset uids = {0}, both = {0}, expected = {0};

	for (uint32_t uid = 40; uid > 0; uid -= 2)
		put(&index, uid, 0);
	ck_assert(uidset_parse(&uids, span_of("1:5,7,20,39:4294967295")));
	ck_assert(uidset_parse(&expected, span_of("2,4,20,40")));
	index_intersect(&index, &uids, &both);
	ck_assert(uidset_equal(&both, &expected));
	uidset_free(&uids);
	uidset_free(&both);
	uidset_free(&expected);
	index_free(&index);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("index");
	TCase *tests = tcase_create("index");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, test_an_entry_takes_fourteen_bytes);
	tcase_add_test(tests, test_an_empty_index_has_nothing);
	tcase_add_test(tests, test_rising_uids_need_no_sorting);
	tcase_add_test(tests, test_uids_in_any_order_are_found);
	tcase_add_test(tests, test_the_last_put_of_a_uid_wins);
	tcase_add_test(tests, test_a_replaced_entry_stays_where_it_is);
	tcase_add_test(tests, test_uids_put_again_and_again_do_not_pile_up);
	tcase_add_test(tests, test_memory_is_at_most_a_quarter_over);
	tcase_add_test(tests, test_falling_batches_are_put_in_front);
	tcase_add_test(
	    tests, test_what_is_put_again_is_noted_where_it_is_asked_for);
	tcase_add_test(tests, test_trimmed_it_has_no_room_to_spare);
	tcase_add_loop_test(
	    tests, test_it_holds_what_was_put_in_any_order, 0, 10);
	tcase_add_test(tests, test_an_entry_that_is_there_is_replaced);
	tcase_add_test(tests, test_nothing_of_an_entry_is_lost);
	tcase_add_test(tests, test_the_next_one_is_found_in_order);
	tcase_add_test(tests, test_ranges_that_cross_a_block_are_removed);
	tcase_add_loop_test(tests, test_a_set_is_removed, 0,
	    sizeof(removal_cases) / sizeof(removal_cases[0]));
	tcase_add_test(tests, test_uids_are_added_to_those_of_the_set);
	tcase_add_test(tests, test_what_both_have_is_found);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
