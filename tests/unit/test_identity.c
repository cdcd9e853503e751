/*
 * daemon/identity: which of several messages are the same one.
 */
#include "daemon/identity.h"

#include <check.h>
#include <stdlib.h>

/* ---- keys ---- */

static uint64_t
id_key(const char *header)
{
	return identity_message_id_key(span_of(header));
}

static uint64_t
header_key(const char *header)
{
	return identity_header_key(span_of(header));
}

START_TEST(test_a_message_id_is_the_same_however_it_is_written)
{
	uint64_t key = id_key("Message-ID: <a@b>\r\n\r\n");

	ck_assert(key != 0);
	ck_assert(key == id_key("Message-ID: <a@b>\n"));
	ck_assert(key == id_key("From: x\nMESSAGE-id:<a@b>  \nTo: y\n"));
	ck_assert(key == id_key("message-id :\r\n <a@b>\r\nTo: y\r\n"));
	ck_assert(key == id_key("Message-ID: <a@b>"));
}
END_TEST

START_TEST(test_another_message_id_has_another_key)
{
	uint64_t key = id_key("Message-ID: <a@b>\r\n");

	ck_assert(key != id_key("Message-ID: <a@c>\r\n"));
	ck_assert(key != id_key("Message-ID: <A@b>\r\n"));
	ck_assert(key != id_key("Message-ID: <a@b>\r\n c\r\n"));
	ck_assert(key != header_key("Message-ID: <a@b>\r\n"));
}
END_TEST

START_TEST(test_without_a_message_id_there_is_no_key)
{
	ck_assert(id_key("") == 0);
	ck_assert(id_key("\r\n") == 0);
	ck_assert(id_key("Message-ID:\r\n\r\n") == 0);
	ck_assert(id_key("Message-ID: \r\n \r\n") == 0);
	ck_assert(id_key("X-Message-ID: <a@b>\r\n") == 0);
	ck_assert(id_key("Message-ID-2: <a@b>\r\n") == 0);
	ck_assert(id_key("Subject: x\r\n Message-ID: <a@b>\r\n") == 0);
}
END_TEST

START_TEST(test_of_several_message_ids_the_first_counts)
{
	ck_assert(id_key("Message-ID: <a>\nMessage-ID: <b>\n") ==
	    id_key("Message-ID: <a>\n"));
}
END_TEST

START_TEST(test_a_header_is_the_same_whatever_ends_its_lines)
{
	uint64_t key = header_key("A: b\r\nC: d\r\n\r\n");

	ck_assert(key == header_key("A: b\nC: d\n"));
	ck_assert(key == header_key("A: b\nC: d"));
	ck_assert(key == header_key("A: b\nC: d\n\nbody"));
	ck_assert(key != header_key("A: b\nC: e\n"));
	ck_assert(key != header_key("A: b\n"));
}
END_TEST

START_TEST(test_a_header_ends_at_the_empty_line)
{
	static const struct {
		const char *message;
		const char *header; /* NULL: cannot be told */
		bool is_whole;
	} cases[] = {
	    {"A: b\n\nbody\n\nbody", "A: b\n", false},
	    {"A: b\r\n\r\nbody", "A: b\r\n", true},
	    {"\nbody", "", false},
	    {"A: b\nC: d\n", NULL, false},
	    {"A: b\nC: d\n", "A: b\nC: d\n", true},
	    {"", "", true},
	    {"", NULL, false},
	};
	struct span header;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool has = identity_header(
		    span_of(cases[i].message), cases[i].is_whole, &header);

		ck_assert_msg(has == (cases[i].header != NULL), "%zu", i);
		if (has)
			ck_assert_msg(
			    span_equal(header, span_of(cases[i].header)), "%zu",
			    i);
	}
}
END_TEST

/* ---- matching ---- */

#define TAKERS	   4
#define CANDIDATES 4

struct one {
	uint64_t key;
	uint32_t uid, size, date;
};

static void
check_match(bool ignores_size, const struct one *takers,
    const struct one *candidates, const uint32_t expected[TAKERS])
{
	struct identity_list list = {.ignores_size = ignores_size};
	uint32_t settled = 0;

	for (int i = 0; i < TAKERS && takers[i].uid != 0; i++)
		identity_add(&list,
		    &(struct identity_taker){.key = takers[i].key,
			.uid = takers[i].uid,
			.size = takers[i].size,
			.date = takers[i].date});
	identity_order(&list);
	identity_sort(&list);
	for (int i = 0; i < CANDIDATES && candidates[i].uid != 0; i++)
		identity_offer(&list,
		    &(struct identity_candidate){.key = candidates[i].key,
			.uid = candidates[i].uid,
			.size = candidates[i].size,
			.date = candidates[i].date});
	(void)identity_settle(&list);
	for (int i = 0; i < TAKERS && takers[i].uid != 0; i++) {
		const struct identity_taker *found =
		    identity_find(&list, takers[i].uid);

		ck_assert_uint_eq(
		    found == NULL ? 0 : found->from_uid, expected[i]);
		settled += found != NULL;
	}
	ck_assert_uint_eq(settled, list.count);
	identity_free(&list);
}

static const struct {
	const char *what;
	bool ignores_size;
	struct one takers[TAKERS];
	struct one candidates[CANDIDATES];
	uint32_t expected[TAKERS]; /* from which UID; 0: downloaded */
} matches[] = {
    {"key, size and date are the same", false,
	{{7, 10, 100, 5}, {8, 11, 100, 5}}, {{8, 1, 100, 5}, {7, 2, 100, 5}},
	{2, 1}},
    {"another size", false, {{7, 10, 100, 5}}, {{7, 1, 101, 5}}, {0}},
    {"another size that says nothing", true, {{7, 10, 100, 5}},
	{{7, 1, 101, 5}}, {1}},
    {"another date", false, {{7, 10, 100, 5}}, {{7, 1, 100, 6}}, {0}},
    {"two files", false, {{7, 10, 100, 5}, {8, 11, 100, 5}},
	{{7, 1, 100, 5}, {7, 2, 100, 5}, {8, 3, 100, 5}}, {0, 3}},
    {"three files", false, {{7, 10, 100, 5}},
	{{7, 1, 100, 5}, {7, 2, 100, 5}, {7, 3, 100, 5}}, {0}},
    {"two takers", false, {{7, 10, 100, 5}, {7, 11, 100, 5}}, {{7, 1, 100, 5}},
	{0, 0}},
    {"two takers and two files", false, {{7, 10, 100, 5}, {7, 11, 100, 5}},
	{{7, 1, 100, 5}, {7, 2, 100, 5}}, {0, 0}},
    {"takers that only their dates tell apart", false,
	{{7, 10, 100, 5}, {7, 11, 100, 6}}, {{7, 1, 100, 6}, {7, 2, 100, 5}},
	{2, 1}},
    {"nothing is known", false, {{0, 10, 100, 5}}, {{0, 1, 100, 5}}, {0}},
};

START_TEST(test_match)
{
	ck_assert_msg(true, "%s", matches[_i].what);
	check_match(matches[_i].ignores_size, matches[_i].takers,
	    matches[_i].candidates, matches[_i].expected);
}
END_TEST

START_TEST(test_only_files_of_a_wanted_size_and_date_are_worth_a_look)
{
	struct identity_list list = {0};

	for (uint32_t i = 0; i < 300; i++)
		identity_add(&list,
		    &(struct identity_taker){.key = i + 1,
			.uid = i + 1,
			.size = 100 + i % 7,
			.date = 50 + i % 5});
	identity_sort(&list);
	ck_assert(identity_may_match(&list, 106, 54));
	ck_assert(!identity_may_match(&list, 107, 54));
	ck_assert(!identity_may_match(&list, 100, 55));
	ck_assert(!identity_may_match(&list, 1, 1));
	list.ignores_size = true;
	identity_sort(&list);
	ck_assert(identity_may_match(&list, 9999, 54));
	ck_assert(!identity_may_match(&list, 100, 55));
	identity_free(&list);
	ck_assert(!identity_may_match(&list, 100, 50));
}
END_TEST

START_TEST(test_a_uid_that_was_listed_twice_is_looked_for_once)
{
	struct identity_list list = {0};

	identity_add(&list, &(struct identity_taker){.key = 1, .uid = 9});
	identity_add(&list, &(struct identity_taker){.key = 2, .uid = 4});
	identity_add(&list, &(struct identity_taker){.key = 1, .uid = 9});
	identity_order(&list);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(identity_find(&list, 4)->key, 2);
	ck_assert_uint_eq(identity_find(&list, 9)->key, 1);
	ck_assert_ptr_null(identity_find(&list, 5));
	identity_free(&list);
	ck_assert_ptr_null(identity_find(&list, 9));
}
END_TEST

START_TEST(test_what_is_here_only_makes_others_ambiguous)
{
	static const struct identity_taker takers[] = {
	    {.key = 7, .uid = 1, .from_uid = IDENTITY_HERE},
	    {.key = 7, .uid = 2},
	    {.key = 8, .uid = 3, .from_uid = IDENTITY_HERE},
	    {.key = 9, .uid = 4},
	};
	struct identity_list list = {0};

	for (int i = 0; i < 4; i++)
		identity_add(&list, &takers[i]);
	identity_sort(&list);
	for (uint32_t key = 7; key <= 9; key++)
		identity_offer(&list,
		    &(struct identity_candidate){.key = key, .uid = key});
	ck_assert_uint_eq(identity_settle(&list), 1);
	ck_assert_uint_eq(list.count, 1);
	ck_assert_uint_eq(identity_find(&list, 4)->from_uid, 9);
	identity_free(&list);
}
END_TEST

START_TEST(test_what_was_taken_off_the_end_needs_no_memory)
{
	struct identity_list list = {0};

	for (uint32_t uid = 1; uid <= 100; uid++)
		identity_add(&list, &(struct identity_taker){.uid = uid});
	list.count = 3;
	identity_shrink(&list);
	ck_assert_uint_eq(list.size, 3);
	ck_assert_uint_eq(identity_find(&list, 3)->uid, 3);
	list.count = 0;
	identity_shrink(&list);
	ck_assert_ptr_null(list.items);
}
END_TEST

START_TEST(test_what_is_ambiguous_is_counted)
{
	struct identity_list list = {0};

	for (uint32_t uid = 1; uid <= 4; uid++)
		identity_add(&list,
		    &(struct identity_taker){
			.key = uid < 3 ? 7 : uid, .uid = uid});
	identity_sort(&list);
	ck_assert_uint_eq(identity_settle(&list), 2);
	ck_assert_uint_eq(list.count, 0);
	identity_free(&list);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("identity");
	TCase *tests = tcase_create("identity");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(
	    tests, test_a_message_id_is_the_same_however_it_is_written);
	tcase_add_test(tests, test_another_message_id_has_another_key);
	tcase_add_test(tests, test_without_a_message_id_there_is_no_key);
	tcase_add_test(tests, test_of_several_message_ids_the_first_counts);
	tcase_add_test(
	    tests, test_a_header_is_the_same_whatever_ends_its_lines);
	tcase_add_test(tests, test_a_header_ends_at_the_empty_line);
	tcase_add_loop_test(
	    tests, test_match, 0, sizeof(matches) / sizeof(*matches));
	tcase_add_test(
	    tests, test_only_files_of_a_wanted_size_and_date_are_worth_a_look);
	tcase_add_test(
	    tests, test_a_uid_that_was_listed_twice_is_looked_for_once);
	tcase_add_test(tests, test_what_is_here_only_makes_others_ambiguous);
	tcase_add_test(tests, test_what_was_taken_off_the_end_needs_no_memory);
	tcase_add_test(tests, test_what_is_ambiguous_is_counted);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
