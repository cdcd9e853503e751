/*
 * What libclient/wire/uidset.h promises, by example; test_uidset_model.c
 * compares it with a bitmap.
 */
#include <check.h>
#include <stdlib.h>

#include "libclient/wire/uidset.h"

#define MAX UINT32_MAX

static struct uidset
set_of(const char *text)
{
	struct uidset set = {0};

	if (text[0] != '\0')
		ck_assert_msg(uidset_parse(&set, span_of(text)), "%s", text);
	return set;
}

/* Sorted, disjoint and not adjacent. */
static void
assert_well_formed(const struct uidset *set)
{
	uint64_t behind = 0;
	uint32_t i;
	bool ok = set->count <= set->size;

	for (i = 0; i < set->count && ok; i++) {
		ok = set->ranges[i].first > behind &&
		    set->ranges[i].last >= set->ranges[i].first;
		behind = (uint64_t)set->ranges[i].last + 1;
	}
	ck_assert(ok);
}

static void
assert_set(const struct uidset *set, const char *expected)
{
	struct buf text;

	assert_well_formed(set);
	buf_init(&text, 1 << 20);
	uidset_format(set, 0, 1 << 20, &text);
	ck_assert_msg(span_equal(buf_span(&text), span_of(expected)),
	    "is \"%.*s\", not \"%s\"", (int)buf_len(&text), buf_span(&text).at,
	    expected);
	buf_free(&text);
}

static const struct {
	const char *before;
	uint32_t first;
	uint32_t last;
	const char *after;
} adds[] = {
    {"", 1, 1, "1"},
    {"", MAX, MAX, "4294967295"},
    {"", 1, MAX, "1:4294967295"},
    {"", 9, 5, "5:9"},
    {"", 0, 0, ""},
    {"", 0, 3, "1:3"},
    {"5", 5, 5, "5"},
    {"5", 6, 6, "5:6"},
    {"5", 4, 4, "4:5"},
    {"5", 7, 7, "5,7"},
    {"5", 3, 3, "3,5"},
    {"5,7", 6, 6, "5:7"},
    {"1,3,5,7", 2, 6, "1:7"},
    {"1,3,5,7", 3, 5, "1,3:5,7"},
    {"10:20", 12, 14, "10:20"},
    {"10:20,30:40", 15, 35, "10:40"},
    {"10:20,30:40", 21, 29, "10:40"},
    {"10:20,30:40", 22, 28, "10:20,22:28,30:40"},
    {"10:20,30:40", 1, MAX, "1:4294967295"},
    {"10:20,30:40", 25, 100, "10:20,25:100"},
    {"10:20,30:40", 1, 12, "1:20,30:40"},
    {"1:4294967295", MAX, MAX, "1:4294967295"},
    {"1:4294967294", MAX, MAX, "1:4294967295"},
    {"4294967295", 4294967294, 4294967294, "4294967294:4294967295"},
    {"2:4294967295", 1, 1, "1:4294967295"},
};

START_TEST(test_uidset_add_range_merges_what_touches)
{
	struct uidset set = set_of(adds[_i].before);

	uidset_add_range(&set, adds[_i].first, adds[_i].last);
	assert_set(&set, adds[_i].after);
	uidset_free(&set);
}
END_TEST

static const struct {
	const char *before;
	uint32_t uid;
	const char *after;
} removes[] = {
    {"", 1, ""},
    {"1", 1, ""},
    {"1:3", 1, "2:3"},
    {"1:3", 2, "1,3"},
    {"1:3", 3, "1:2"},
    {"1:3", 4, "1:3"},
    {"1:3", 0, "1:3"},
    {"1,3,5", 3, "1,5"},
    {"1,3,5", 4, "1,3,5"},
    {"1:4294967295", MAX, "1:4294967294"},
    {"1:4294967295", 1, "2:4294967295"},
    {"4294967295", MAX, ""},
};

START_TEST(test_uidset_remove_splits_ranges)
{
	struct uidset set = set_of(removes[_i].before);

	uidset_remove(&set, removes[_i].uid);
	assert_set(&set, removes[_i].after);
	uidset_free(&set);
}
END_TEST

static const struct {
	const char *a;
	const char *b;
	const char *both; /* a union b */
	const char *left; /* a minus b */
	const char *common;
} pairs[] = {
    {"", "", "", "", ""},
    {"1:5", "", "1:5", "1:5", ""},
    {"", "1:5", "1:5", "", ""},
    {"1:5", "1:5", "1:5", "", "1:5"},
    {"1:5", "6:9", "1:9", "1:5", ""},
    {"6:9", "1:5", "1:9", "6:9", ""},
    {"1:9", "3:4,6", "1:9", "1:2,5,7:9", "3:4,6"},
    {"3:4,6", "1:9", "1:9", "", "3:4,6"},
    {"1,3,5", "2,4,6", "1:6", "1,3,5", ""},
    {"1:10,20:30", "5:25", "1:30", "1:4,26:30", "5:10,20:25"},
    {"5:25", "1:10,20:30", "1:30", "11:19", "5:10,20:25"},
    {"1:4294967295", "1,4294967295", "1:4294967295", "2:4294967294",
	"1,4294967295"},
    {"4294967295", "1:4294967295", "1:4294967295", "", "4294967295"},
    {"1:4294967295", "2:4294967294", "1:4294967295", "1,4294967295",
	"2:4294967294"},
};

static void
assert_combined(int row,
    void (*combine)(struct uidset *set, const struct uidset *other),
    const char *expected)
{
	struct uidset a = set_of(pairs[row].a);
	struct uidset b = set_of(pairs[row].b);

	combine(&a, &b);
	assert_set(&a, expected);
	assert_set(&b, pairs[row].b);
	uidset_free(&a);
	uidset_free(&b);
}

START_TEST(test_uidset_union)
{
	assert_combined(_i, uidset_union, pairs[_i].both);
}
END_TEST

START_TEST(test_uidset_minus)
{
	assert_combined(_i, uidset_minus, pairs[_i].left);
}
END_TEST

START_TEST(test_uidset_intersect)
{
	assert_combined(_i, uidset_intersect, pairs[_i].common);
}
END_TEST

START_TEST(test_uidset_operations_with_itself)
{
	struct uidset set = set_of("1:3,5,9:4294967295");

	uidset_union(&set, &set);
	assert_set(&set, "1:3,5,9:4294967295");
	uidset_intersect(&set, &set);
	assert_set(&set, "1:3,5,9:4294967295");
	uidset_copy(&set, &set);
	uidset_give(&set, &set);
	assert_set(&set, "1:3,5,9:4294967295");
	uidset_minus(&set, &set);
	assert_set(&set, "");
	uidset_free(&set);
}
END_TEST

START_TEST(test_uidset_contains)
{
	struct uidset set = set_of("1,5:7,4294967295");

	ck_assert(uidset_contains(&set, 1));
	ck_assert(!uidset_contains(&set, 2));
	ck_assert(!uidset_contains(&set, 4));
	ck_assert(uidset_contains(&set, 5));
	ck_assert(uidset_contains(&set, 7));
	ck_assert(!uidset_contains(&set, 8));
	ck_assert(uidset_contains(&set, MAX));
	ck_assert(!uidset_contains(&set, MAX - 1));
	ck_assert(!uidset_contains(&set, 0));
	uidset_free(&set);
}
END_TEST

START_TEST(test_uidset_counts_uids_and_knows_the_ends)
{
	struct uidset set = set_of("1:4294967295");

	ck_assert_uint_eq(uidset_count(&set), 4294967295U);
	ck_assert_uint_eq(uidset_first(&set), 1);
	ck_assert_uint_eq(uidset_last(&set), MAX);
	uidset_clear(&set);
	ck_assert_uint_eq(uidset_count(&set), 0);
	ck_assert_uint_eq(uidset_first(&set), 0);
	ck_assert_uint_eq(uidset_last(&set), 0);
	ck_assert(uidset_is_empty(&set));
	uidset_free(&set);
}
END_TEST

START_TEST(test_uidset_equal_compares_values)
{
	struct uidset a = set_of("1:3,7");
	struct uidset b = set_of("7,2,3,1");
	struct uidset none = {0};

	ck_assert(uidset_equal(&a, &b));
	uidset_add(&b, 8);
	ck_assert(!uidset_equal(&a, &b));
	ck_assert(!uidset_equal(&a, &none));
	uidset_clear(&b);
	ck_assert(uidset_equal(&b, &none));
	uidset_free(&a);
	uidset_free(&b);
}
END_TEST

START_TEST(test_uidset_copy_is_independent)
{
	struct uidset set = set_of("1:3,7");
	struct uidset copy = set_of("100:200");

	uidset_copy(&copy, &set);
	uidset_add(&set, 9);
	assert_set(&copy, "1:3,7");
	uidset_clear(&set);
	uidset_copy(&copy, &set);
	assert_set(&copy, "");
	uidset_free(&set);
	uidset_free(&copy);
}
END_TEST

START_TEST(test_uidset_give_empties_the_giver)
{
	struct uidset from = set_of("1:3,7");
	struct uidset to = set_of("100:200");

	uidset_give(&to, &from);
	assert_set(&to, "1:3,7");
	assert_set(&from, "");
	uidset_free(&to);
	uidset_free(&from);
}
END_TEST

static const struct {
	const char *set;
	uint64_t n;
	const char *taken;
	const char *left;
} takes[] = {
    {"", 5, "", ""},
    {"1:10", 0, "", "1:10"},
    {"1:10", 1, "10", "1:9"},
    {"1:10", 10, "1:10", ""},
    {"1:10", 11, "1:10", ""},
    {"1:10,20,30:40", 11, "30:40", "1:10,20"},
    {"1:10,20,30:40", 12, "20,30:40", "1:10"},
    {"1:10,20,30:40", 14, "9:10,20,30:40", "1:8"},
    {"1:4294967295", 4294967294, "2:4294967295", "1"},
    {"1:4294967295", UINT64_MAX, "1:4294967295", ""},
};

START_TEST(test_uidset_take_last_takes_the_highest)
{
	struct uidset set = set_of(takes[_i].set);
	struct uidset taken = {0};

	uidset_take_last(&set, takes[_i].n, &taken);
	assert_set(&taken, takes[_i].taken);
	assert_set(&set, takes[_i].left);
	uidset_free(&set);
	uidset_free(&taken);
}
END_TEST

START_TEST(test_uidset_take_last_adds_to_what_was_taken)
{
	struct uidset set = set_of("1:10");
	struct uidset taken = {0};

	uidset_take_last(&set, 2, &taken);
	uidset_take_last(&set, 3, &taken);
	assert_set(&taken, "6:10");
	assert_set(&set, "1:5");
	uidset_free(&set);
	uidset_free(&taken);
}
END_TEST

static const struct {
	const char *text;
	const char *set; /* NULL: refused */
} parses[] = {
    {"1", "1"},
    {"4294967295", "4294967295"},
    {"1:4294967295", "1:4294967295"},
    {"4294967295:1", "1:4294967295"},
    {"1:26183,26185", "1:26183,26185"}, /* Cyrus: VANISHED (EARLIER) */
    {"300:310,405,411", "300:310,405,411"},
    {"9,1,5:3,4,4,2:2", "1:5,9"},
    {"5:6,1:9,2:3", "1:9"},
    {"3,1,2,1,3", "1:3"},
    {"", NULL},
    {",", NULL},
    {"1,", NULL},
    {",1", NULL},
    {"1,,2", NULL},
    {"1:", NULL},
    {":1", NULL},
    {"1:2:3", NULL},
    {"0", NULL},
    {"0:5", NULL},
    {"1:0", NULL},
    {"01", NULL},
    {"*", NULL},
    {"1:*", NULL},
    {"$", NULL},
    {"-1", NULL},
    {"4294967296", NULL},
    {"1:4294967296", NULL},
    {"18446744073709551617", NULL},
    {"1 2", NULL},
    {" 1", NULL},
    {"1 ", NULL},
    {"1,x", NULL},
    {"2,1,x", NULL},
    {"1:2)", NULL},
};

START_TEST(test_uidset_parse)
{
	struct uidset set = {0};
	bool ok = uidset_parse(&set, span_of(parses[_i].text));

	ck_assert_int_eq(ok, parses[_i].set != NULL);
	assert_set(&set, ok ? parses[_i].set : "");
	uidset_free(&set);
}
END_TEST

START_TEST(test_uidset_parse_adds_to_the_set_or_leaves_it)
{
	struct uidset set = set_of("10,20");

	ck_assert(uidset_parse(&set, span_of("15,12")));
	assert_set(&set, "10,12,15,20");
	ck_assert(!uidset_parse(&set, span_of("1,2,0")));
	assert_set(&set, "10,12,15,20");
	uidset_free(&set);
}
END_TEST

START_TEST(test_uidset_parse_refuses_nul)
{
	struct uidset set = {0};

	ck_assert(!uidset_parse(&set, (struct span){"1\0", 2}));
	ck_assert(!uidset_parse(&set, (struct span){"1,2\0,", 5}));
	uidset_free(&set);
}
END_TEST

static const struct {
	const char *text;
	const char *set; /* NULL: refused */
} searches[] = {
    {"", ""},
    {" ", ""},
    {"7456 ", "7456"}, /* Yahoo: a space at the end */
    {" 2  84 882 ", "2,84,882"},
    {"9 8 7 1 8", "1,7:9"},
    {"1 4294967295", "1,4294967295"},
    {"1 4294967296", NULL},
    {"1 0", NULL},
    {"1,2", NULL},
    {"1:2", NULL},
    {"1 (MODSEQ 917162500)", NULL},
    {"3 x", NULL},
};

START_TEST(test_uidset_parse_search)
{
	struct uidset set = {0};
	bool ok = uidset_parse_search(&set, span_of(searches[_i].text));

	ck_assert_int_eq(ok, searches[_i].set != NULL);
	assert_set(&set, ok ? searches[_i].set : "");
	uidset_free(&set);
}
END_TEST

/* n UIDs, every second one: order 0 rises, 1 falls, 2 jumps about. */
static struct buf
text_of_many(uint32_t n, int order, char separator)
{
	struct buf text;
	uint32_t uid;
	uint32_t i;
	bool ok = true;

	buf_init(&text, 1 << 24);
	for (i = 0; i < n; i++) {
		uid = i;
		if (order == 1)
			uid = n - 1 - i;
		if (order == 2)
			uid = (uint32_t)((uint64_t)i * 7919 % n);
		ok = ok && (i == 0 || buf_add(&text, &separator, 1)) &&
		    buf_add_format(&text, "%u", uid * 2 + 1);
	}
	ck_assert(ok);
	return text;
}

START_TEST(test_uidset_parse_is_fast_in_any_order)
{
	struct buf list = text_of_many(500000, _i, ',');
	struct buf search = text_of_many(500000, _i, ' ');
	struct uidset a = {0};
	struct uidset b = {0};

	ck_assert(uidset_parse(&a, buf_span(&list)));
	ck_assert(uidset_parse_search(&b, buf_span(&search)));
	assert_well_formed(&a);
	ck_assert_uint_eq(a.count, 500000);
	ck_assert(uidset_equal(&a, &b));
	uidset_free(&a);
	uidset_free(&b);
	buf_free(&list);
	buf_free(&search);
}
END_TEST

START_TEST(test_uidset_parse_refuses_too_many_ranges)
{
	struct buf fits = text_of_many(UIDSET_MAX_PARSED, _i, ',');
	struct buf over = text_of_many(UIDSET_MAX_PARSED + 1, _i, ',');
	struct uidset set = {0};

	ck_assert(!uidset_parse(&set, buf_span(&over)));
	ck_assert(uidset_is_empty(&set));
	ck_assert(uidset_parse(&set, buf_span(&fits)));
	ck_assert_uint_eq(set.count, UIDSET_MAX_PARSED);
	uidset_free(&set);
	buf_free(&fits);
	buf_free(&over);
}
END_TEST

START_TEST(test_uidset_add_in_rising_order_is_fast)
{
	struct uidset set = {0};
	uint32_t i;

	for (i = 0; i < 500000; i++)
		uidset_add(&set, MAX - 1000000 + i * 2);
	ck_assert_uint_eq(set.count, 500000);
	for (i = 0; i < 500000; i++)
		uidset_remove(&set, uidset_last(&set));
	ck_assert(uidset_is_empty(&set));
	for (i = 1; i <= 500000; i++)
		uidset_add(&set, i);
	ck_assert_uint_eq(set.count, 1);
	uidset_free(&set);
}
END_TEST

static const struct {
	uint32_t begin;
	size_t max_bytes;
	uint32_t written;
	const char *text;
} formats[] = {
    {0, 100, 3, "1:5,9,4294967294:4294967295"},
    {0, 27, 3, "1:5,9,4294967294:4294967295"},
    {0, 26, 2, "1:5,9"},
    {0, 5, 2, "1:5,9"},
    {0, 4, 1, "1:5"},
    {0, 2, 0, ""},
    {0, 0, 0, ""},
    {1, 100, 2, "9,4294967294:4294967295"},
    {2, 21, 1, "4294967294:4294967295"},
    {2, 20, 0, ""},
    {3, 100, 0, ""},
};

START_TEST(test_uidset_format_writes_whole_ranges_that_fit)
{
	struct uidset set = set_of("1:5,9,4294967294:4294967295");
	struct buf out;

	buf_init(&out, 100);
	ck_assert(buf_add_string(&out, "UID "));
	ck_assert_uint_eq(
	    uidset_format(&set, formats[_i].begin, formats[_i].max_bytes, &out),
	    formats[_i].written);
	buf_consume(&out, 4);
	ck_assert(span_equal(buf_span(&out), span_of(formats[_i].text)));
	buf_free(&out);
	uidset_free(&set);
}
END_TEST

START_TEST(test_uidset_format_stops_at_the_cap_of_the_buf)
{
	struct uidset set = set_of("1,3,5,7,9");
	struct buf out;

	buf_init(&out, 6);
	ck_assert_uint_eq(uidset_format(&set, 0, 100, &out), 3);
	ck_assert(span_equal(buf_span(&out), span_of("1,3,5")));
	buf_free(&out);
	uidset_free(&set);
}
END_TEST

#define LENGTH(table) ((int)(sizeof(table) / sizeof((table)[0])))

int
main(void)
{
	TCase *tests = tcase_create("uidset");
	Suite *suite = suite_create("uidset");
	SRunner *runner;
	int failed;

	/* Quadratic code would need minutes where this needs a second. */
	tcase_set_timeout(tests, 20);
	tcase_add_loop_test(
	    tests, test_uidset_add_range_merges_what_touches, 0, LENGTH(adds));
	tcase_add_loop_test(
	    tests, test_uidset_remove_splits_ranges, 0, LENGTH(removes));
	tcase_add_loop_test(tests, test_uidset_union, 0, LENGTH(pairs));
	tcase_add_loop_test(tests, test_uidset_minus, 0, LENGTH(pairs));
	tcase_add_loop_test(tests, test_uidset_intersect, 0, LENGTH(pairs));
	tcase_add_test(tests, test_uidset_operations_with_itself);
	tcase_add_test(tests, test_uidset_contains);
	tcase_add_test(tests, test_uidset_counts_uids_and_knows_the_ends);
	tcase_add_test(tests, test_uidset_equal_compares_values);
	tcase_add_test(tests, test_uidset_copy_is_independent);
	tcase_add_test(tests, test_uidset_give_empties_the_giver);
	tcase_add_loop_test(
	    tests, test_uidset_take_last_takes_the_highest, 0, LENGTH(takes));
	tcase_add_test(tests, test_uidset_take_last_adds_to_what_was_taken);
	tcase_add_loop_test(tests, test_uidset_parse, 0, LENGTH(parses));
	tcase_add_test(tests, test_uidset_parse_adds_to_the_set_or_leaves_it);
	tcase_add_test(tests, test_uidset_parse_refuses_nul);
	tcase_add_loop_test(
	    tests, test_uidset_parse_search, 0, LENGTH(searches));
	tcase_add_loop_test(
	    tests, test_uidset_parse_is_fast_in_any_order, 0, 3);
	tcase_add_loop_test(
	    tests, test_uidset_parse_refuses_too_many_ranges, 0, 2);
	tcase_add_test(tests, test_uidset_add_in_rising_order_is_fast);
	tcase_add_loop_test(tests,
	    test_uidset_format_writes_whole_ranges_that_fit, 0,
	    LENGTH(formats));
	tcase_add_test(tests, test_uidset_format_stops_at_the_cap_of_the_buf);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
