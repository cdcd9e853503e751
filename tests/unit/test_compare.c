/*
 * daemon/compare: what the server has against what the disk has, in cases one
 * by one.
 */
#include "libclient/base/buf.h"
#include "tests/unit/compare_helpers.h"

/* The disk has all UIDs of a range, without flags. */
static void
put_range(uint32_t first, uint32_t last)
{
	for (uint32_t uid = first; uid <= last; uid++)
		put(uid, 0);
}

/* The server lists all UIDs of a range, without flags, and counts them. */
static void
list_range(uint32_t first, uint32_t last)
{
	for (uint32_t uid = first; uid <= last; uid++)
		compare_message(&compare, uid, 0, 0);
	rules.exists += last - first + 1;
}

static void
assert_set(const struct uidset *set, const char *expected)
{
	struct uidset wanted = {0};
	struct buf text;

	if (*expected != '\0')
		ck_assert(uidset_parse(&wanted, span_of(expected)));
	buf_init(&text, 1000);
	(void)uidset_format(set, 0, 900, &text);
	(void)buf_add(&text, "", 1);
	ck_assert_msg(uidset_equal(set, &wanted), "%s, not %s",
	    buf_span(&text).at, expected);
	buf_free(&text);
	uidset_free(&wanted);
}

#define assert_fetch(expected)	assert_set(&compare.plan.fetch, expected)
#define assert_remove(expected) assert_set(&compare.plan.remove, expected)

/* ---- a listing ---- */

START_TEST(test_two_empty_sides_are_the_same)
{
	compare_listed(&compare, &rules);
	ck_assert(compare_is_same(&compare));
}
END_TEST

START_TEST(test_what_the_disk_lacks_is_fetched)
{
	put_range(2, 3);
	list_range(1, 5);
	compare_listed(&compare, &rules);
	assert_fetch("1,4:5");
	assert_remove("");
	ck_assert(!compare_is_same(&compare));
}
END_TEST

START_TEST(test_what_the_server_lacks_is_removed)
{
	put_range(1, 9);
	list_range(3, 4);
	list_range(8, 8);
	compare_listed(&compare, &rules);
	assert_fetch("");
	assert_remove("1:2,5:7,9");
	ck_assert(!compare.plan.is_doubtful);
	ck_assert(!compare_is_same(&compare));
}
END_TEST

START_TEST(test_flags_are_the_servers)
{
	put(1, INDEX_SEEN);
	put(2, INDEX_SEEN);
	put(3, 0);
	compare_message(&compare, 1, INDEX_SEEN, 0);
	compare_message(&compare, 2, INDEX_SEEN | INDEX_FLAGGED, 0);
	compare_message(&compare, 3, UINT32_C(1) << 31, 0);
	compare_message(&compare, 4, INDEX_SEEN, 0);
	rules.exists = 4;
	compare_listed(&compare, &rules);
	ck_assert_uint_eq(compare.plan.reflag_count, 2);
	ck_assert_uint_eq(compare.plan.reflags[0].uid, 2);
	ck_assert_uint_eq(
	    compare.plan.reflags[0].flags, INDEX_SEEN | INDEX_FLAGGED);
	ck_assert_uint_eq(compare.plan.reflags[1].uid, 3);
	ck_assert_uint_eq(compare.plan.reflags[1].flags, UINT32_C(1) << 31);
	ck_assert(!compare_is_same(&compare));
	assert_fetch("4");
}
END_TEST

START_TEST(test_flags_alone_make_a_difference)
{
	put(1, 0);
	compare_message(&compare, 1, INDEX_SEEN, 0);
	rules.exists = 1;
	compare_listed(&compare, &rules);
	ck_assert(!compare_is_same(&compare));
}
END_TEST

START_TEST(test_a_message_listed_twice_counts_once)
{
	list_range(1, 2);
	list_range(1, 2);
	rules.exists = 2;
	put(3, 0);
	compare_listed(&compare, &rules);
	assert_fetch("1:2");
	assert_remove("3");
}
END_TEST

/* ---- doubt ---- */

static const struct {
	uint32_t listed; /* of ten messages, from the first on */
	uint32_t exists;
	bool is_doubtful;
	const char *removed;
} doubts[] = {
    {9, 9, false, "10"},
    {1, 1, false, "2:10"},
    {0, 0, false, "1:10"}, /* below the guard's minimum */
    {9, 10, true, ""}, /* a listing that was cut */
    {0, 10, true, ""},
    {9, 8, true, ""}, /* one went away meanwhile */
    {9, 0, true, ""},
    /* nothing is removed, so there is nothing to be doubted */
    {10, 10, false, ""},
    {10, 9, false, ""},
    {10, 11, false, ""},
};

#define DOUBTS (int)(sizeof(doubts) / sizeof(*doubts))

START_TEST(test_removals_need_the_servers_own_count)
{
	put_range(1, 10);
	for (uint32_t uid = 1; uid <= doubts[_i].listed; uid++)
		compare_message(&compare, uid, 0, 0);
	rules.exists = doubts[_i].exists;
	compare_listed(&compare, &rules);
	ck_assert(compare.plan.is_doubtful == doubts[_i].is_doubtful);
	assert_remove(doubts[_i].removed);
}
END_TEST

START_TEST(test_doubt_does_not_keep_from_fetching)
{
	put_range(1, 3);
	list_range(2, 7);
	rules.exists = 9;
	compare_listed(&compare, &rules);
	ck_assert(compare.plan.is_doubtful);
	assert_fetch("4:7");
	assert_remove("");
}
END_TEST

/* ---- the guard ---- */

static const struct {
	uint32_t messages;
	uint32_t left;
	uint32_t percent;
	bool accepts;
	bool is_held;
} guards[] = {
    /* more than half of them, and more than a hundred */
    {200, 100, 50, false, false},
    {200, 99, 50, false, true},
    {202, 101, 50, false, false},
    {202, 100, 50, false, true},
    {1000, 0, 50, false, true},
    /* a hundred may always go */
    {100, 0, 50, false, false},
    {101, 1, 50, false, false},
    {101, 0, 50, false, true},
    /* other shares */
    {1000, 899, 10, false, true},
    {1000, 900, 10, false, false},
    {1000, 0, 100, false, false},
    {1000, 0, 99, false, true},
    /* off, or overruled by a person */
    {1000, 0, 0, false, false},
    {1000, 0, 50, true, false},
};

#define GUARDS (int)(sizeof(guards) / sizeof(*guards))

static void
assert_guarded(int i)
{
	uint64_t gone = guards[i].messages - guards[i].left;

	ck_assert(compare.plan.is_held == guards[i].is_held);
	ck_assert(!compare.plan.is_doubtful);
	ck_assert_uint_eq(
	    uidset_count(&compare.plan.remove), guards[i].is_held ? 0 : gone);
	ck_assert(compare_is_same(&compare) == guards[i].is_held);
}

static void
set_guard(int i)
{
	put_range(1, guards[i].messages);
	rules.exists = guards[i].left;
	rules.guard_percent = guards[i].percent;
	rules.accepts_deletes = guards[i].accepts;
}

START_TEST(test_the_guard_holds_a_listings_removals)
{
	set_guard(_i);
	for (uint32_t uid = 1; uid <= guards[_i].left; uid++)
		compare_message(&compare, uid, 0, 0);
	compare_listed(&compare, &rules);
	assert_guarded(_i);
}
END_TEST

START_TEST(test_the_guard_holds_what_vanished)
{
	struct uidset vanished = {0};

	set_guard(_i);
	if (guards[_i].messages > guards[_i].left)
		uidset_add_range(
		    &vanished, guards[_i].left + 1, guards[_i].messages);
	compare_changed(&compare, &vanished, &rules);
	assert_guarded(_i);
	uidset_free(&vanished);
}
END_TEST

START_TEST(test_a_held_folder_is_fetched_into)
{
	put_range(1, 300);
	list_range(301, 302);
	rules.guard_percent = 50;
	compare_listed(&compare, &rules);
	ck_assert(compare.plan.is_held);
	assert_fetch("301:302");
	assert_remove("");
}
END_TEST

/* ---- quarantine ---- */

START_TEST(test_quarantined_messages_are_not_fetched)
{
	struct uidset quarantine = {0};

	uidset_add_range(&quarantine, 2, 4);
	uidset_add(&quarantine, 9);
	rules.skip = &quarantine;
	list_range(1, 5);
	compare_listed(&compare, &rules);
	assert_fetch("1,5");
	uidset_free(&quarantine);
}
END_TEST

START_TEST(test_quarantined_messages_are_removed_and_counted)
{
	struct uidset quarantine = {0};

	uidset_add_range(&quarantine, 1, 2);
	rules.skip = &quarantine;
	put_range(2, 3);
	list_range(1, 1);
	list_range(3, 3);
	compare_listed(&compare, &rules);
	assert_remove("2");
	assert_fetch("");
	uidset_free(&quarantine);
}
END_TEST

/* ---- without a listing ---- */

static const struct {
	const char *vanished;
	uint32_t exists; /* ten are here */
	bool is_doubtful;
	const char *removed;
} vanishings[] = {
    {"3,5:6", 7, false, "3,5:6"},
    {"1:10", 0, false, "1:10"},
    {"1:4294967295", 0, false, "1:10"},
    {"11:20", 10, false, ""}, /* never were here */
    {"9:20", 8, false, "9:10"},
    {"3", 10, true, ""}, /* another one came */
    {"3", 8, true, ""}, /* another one went unnamed */
    {"11", 9, true, ""},
};

#define VANISHINGS (int)(sizeof(vanishings) / sizeof(*vanishings))

START_TEST(test_what_vanished_is_removed_if_the_rest_is_what_exists)
{
	struct uidset vanished = {0};

	ck_assert(uidset_parse(&vanished, span_of(vanishings[_i].vanished)));
	put_range(1, 10);
	rules.exists = vanishings[_i].exists;
	compare_changed(&compare, &vanished, &rules);
	ck_assert(compare.plan.is_doubtful == vanishings[_i].is_doubtful);
	assert_remove(vanishings[_i].removed);
	uidset_free(&vanished);
}
END_TEST

START_TEST(test_flags_are_taken_without_a_listing)
{
	put(1, INDEX_SEEN);
	compare_flags(&compare, 1, INDEX_SEEN, 0);
	compare_flags(&compare, 2, INDEX_SEEN, 0);
	ck_assert(compare_is_same(&compare));
	compare_flags(&compare, 1, 0, 0);
	ck_assert_uint_eq(compare.plan.reflag_count, 1);
	ck_assert_uint_eq(compare.plan.reflags[0].uid, 1);
	ck_assert_uint_eq(compare.plan.reflags[0].flags, 0);
	assert_fetch("");
}
END_TEST

START_TEST(test_changes_name_what_came_and_what_got_other_flags)
{
	struct uidset vanished = {0};

	put_range(1, 3);
	compare_change(&compare, 2, INDEX_SEEN, 7);
	compare_change(&compare, 9, INDEX_SEEN, 8);
	uidset_add(&vanished, 1);
	rules.exists = 3;
	compare_changed(&compare, &vanished, &rules);
	ck_assert(!compare.plan.is_doubtful);
	assert_fetch("9");
	assert_remove("1");
	ck_assert_uint_eq(compare.plan.reflag_count, 1);
	ck_assert_uint_eq(compare.plan.reflags[0].uid, 2);
	ck_assert_uint_eq(compare.plan.reflags[0].modseq, 7);
	uidset_free(&vanished);
}
END_TEST

START_TEST(test_messages_that_are_kept_away_count_as_existing)
{
	struct uidset vanished = {0};

	put_range(1, 10);
	uidset_add(&vanished, 3);
	rules.exists = 11;
	rules.absent = 2;
	compare_changed(&compare, &vanished, &rules);
	assert_remove("3");
	uidset_free(&vanished);
}
END_TEST

START_TEST(test_uids_without_flags_are_a_listing)
{
	struct uidset uids = {0};

	put_range(1, 4);
	ck_assert(uidset_parse(&uids, span_of("2:3,7")));
	compare_uid_set(&compare, &uids);
	rules.exists = 3;
	compare_listed(&compare, &rules);
	assert_fetch("7");
	assert_remove("1,4");
	ck_assert_uint_eq(compare.plan.reflag_count, 0);
	uidset_clear(&uids);
	uidset_add(&uids, 4);
	compare_forget_uids(&compare);
	compare_uid_set(&compare, &uids);
	rules.exists = 1;
	compare_listed(&compare, &rules);
	assert_fetch("");
	assert_remove("1:3");
	uidset_free(&uids);
}
END_TEST

static const struct {
	uint32_t disk;
	uint32_t told[3];
	uint32_t reflag; /* UINT32_MAX: none */
} last_words[] = {
    {0, {INDEX_SEEN, INDEX_FLAGGED, INDEX_DRAFT}, INDEX_DRAFT},
    {0, {INDEX_SEEN, INDEX_SEEN, INDEX_SEEN}, INDEX_SEEN},
    {0, {INDEX_SEEN, INDEX_SEEN, 0}, UINT32_MAX},
    {INDEX_SEEN, {0, INDEX_SEEN, 0}, 0},
    {INDEX_SEEN, {INDEX_SEEN, 0, INDEX_SEEN}, UINT32_MAX},
};

#define LAST_WORDS (int)(sizeof(last_words) / sizeof(*last_words))

/* With and without a listing, among changes of others. */
START_TEST(test_of_a_messages_flags_the_last_word_counts)
{
	bool is_listed = _i >= LAST_WORDS;
	int row = _i % LAST_WORDS;
	uint32_t expected = last_words[row].reflag;

	put(1, 0);
	put(5, last_words[row].disk);
	put(9, 0);
	for (int i = 0; i < 3; i++) {
		compare_flags(&compare, i == 1 ? 1 : 9, INDEX_REPLIED, 0);
		if (is_listed)
			compare_message(
			    &compare, 5, last_words[row].told[i], 0);
		else
			compare_flags(&compare, 5, last_words[row].told[i], 0);
	}
	ck_assert_uint_eq(
	    compare.plan.reflag_count, expected == UINT32_MAX ? 2 : 3);
	for (uint32_t i = 0; i < compare.plan.reflag_count; i++)
		ck_assert_uint_eq(compare.plan.reflags[i].flags,
		    compare.plan.reflags[i].uid == 5 ? expected
						     : INDEX_REPLIED);
}
END_TEST

START_TEST(test_beginning_again_forgets_the_plan)
{
	put_range(1, 3);
	put(4, INDEX_SEEN);
	list_range(4, 5);
	compare_listed(&compare, &rules);
	ck_assert(!compare_is_same(&compare));
	compare_begin(&compare, &disk);
	ck_assert(compare_is_same(&compare));
	ck_assert(uidset_is_empty(&compare.seen));
	ck_assert_ptr_eq(compare.disk, &disk);
}
END_TEST

static TCase *
make_tests(void)
{
	TCase *tests = tcase_create("compare");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, test_two_empty_sides_are_the_same);
	tcase_add_test(tests, test_what_the_disk_lacks_is_fetched);
	tcase_add_test(tests, test_what_the_server_lacks_is_removed);
	tcase_add_test(tests, test_flags_are_the_servers);
	tcase_add_test(tests, test_flags_alone_make_a_difference);
	tcase_add_test(tests, test_a_message_listed_twice_counts_once);
	tcase_add_loop_test(
	    tests, test_removals_need_the_servers_own_count, 0, DOUBTS);
	tcase_add_test(tests, test_doubt_does_not_keep_from_fetching);
	tcase_add_loop_test(
	    tests, test_the_guard_holds_a_listings_removals, 0, GUARDS);
	tcase_add_loop_test(
	    tests, test_the_guard_holds_what_vanished, 0, GUARDS);
	tcase_add_test(tests, test_a_held_folder_is_fetched_into);
	tcase_add_test(tests, test_quarantined_messages_are_not_fetched);
	tcase_add_test(
	    tests, test_quarantined_messages_are_removed_and_counted);
	tcase_add_loop_test(tests,
	    test_what_vanished_is_removed_if_the_rest_is_what_exists, 0,
	    VANISHINGS);
	tcase_add_test(tests, test_flags_are_taken_without_a_listing);
	tcase_add_test(
	    tests, test_changes_name_what_came_and_what_got_other_flags);
	tcase_add_test(
	    tests, test_messages_that_are_kept_away_count_as_existing);
	tcase_add_test(tests, test_uids_without_flags_are_a_listing);
	tcase_add_loop_test(tests,
	    test_of_a_messages_flags_the_last_word_counts, 0, 2 * LAST_WORDS);
	tcase_add_test(tests, test_beginning_again_forgets_the_plan);
	return tests;
}

int
main(void)
{
	Suite *suite = suite_create("compare");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, make_tests());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
