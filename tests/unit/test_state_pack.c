/*
 * daemon/state_pack: changes of messages, whatever chunks they are in.
 */
#include "tests/unit/state_helpers.h"

START_TEST(test_of_one_message_put_twice_at_once_the_last_one_counts)
{
	const struct state_message messages[] = {
	    {.uid = 600, .flags = 1, .keywords = span_of("x")},
	    {.uid = 5, .flags = 2},
	    {.uid = 600, .flags = 3},
	};
	struct state_change change = {
	    .mailbox = span_of("A"), .put = messages, .put_count = 3};

	apply(&change);
	assert_uids("A", "5 600");
	ck_assert_uint_eq(list("A").last.flags, 3);
	ck_assert_str_eq(list("A").keywords, "x");
}
END_TEST

static const struct removal_case {
	const char *removed;
	const char *left;
} removal_cases[] = {
    {"5", "1 2 3 4 6 7 8"},
    {"2:4,7:8", "1 5 6"},
    {"1:4294967295", ""},
    {"9:4294967295", "1 2 3 4 5 6 7 8"},
};

START_TEST(test_removed_ranges_are_gone)
{
	struct uidset removed = {0};
	struct state_change change = {
	    .mailbox = span_of("A"), .removed = &removed};

	put_uids("A", (uint32_t[]){1, 2, 3, 4, 5, 6, 7, 8}, 8);
	put_uids("B", (uint32_t[]){1, 5}, 2);
	ck_assert(uidset_parse(&removed, span_of(removal_cases[_i].removed)));
	apply(&change);
	assert_uids("A", removal_cases[_i].left);
	assert_uids("B", "1 5");
	uidset_free(&removed);
}
END_TEST

/* UIDs at the ends of chunks, and what is left of them. */
static const struct removal_case chunk_removal_cases[] = {
    {"256:511", "1 255 512 767 768 4294967040 4294967295"},
    {"255:512", "1 767 768 4294967040 4294967295"},
    {"1:767", "768 4294967040 4294967295"},
    {"2:766,4294967040:4294967294", "1 767 768 4294967295"},
    {"255,400:600,700:800", "1 256 4294967040 4294967295"},
    {"1:4294967294", "4294967295"},
    {"257:4294967295", "1 255 256"},
    {"1,256,511:512,4294967295", "255 767 768 4294967040"},
    {"1:4294967295", ""},
};

START_TEST(test_removed_ranges_are_gone_from_every_chunk)
{
	struct uidset removed = {0};
	struct state_change change = {
	    .mailbox = span_of("A"), .removed = &removed};

	put_uids("A",
	    (uint32_t[]){
		1, 255, 256, 511, 512, 767, 768, 4294967040, 4294967295},
	    9);
	put_uids("B", (uint32_t[]){256, 4294967295}, 2);
	ck_assert(
	    uidset_parse(&removed, span_of(chunk_removal_cases[_i].removed)));
	apply(&change);
	reopen();
	assert_uids("A", chunk_removal_cases[_i].left);
	assert_uids("B", "256 4294967295");
	uidset_free(&removed);
}
END_TEST

static void
count_place(void *user, const struct state_place *place)
{
	(void)place;
	(*(uint32_t *)user)++;
}

/* How many messages have an EMAILID. */
static uint32_t
places(const char *emailid)
{
	uint32_t count = 0;

	ck_assert(state_find_emailid(
	    state, span_of(emailid), count_place, &count, &error));
	return count;
}

START_TEST(test_what_is_removed_and_put_at_once_is_there_anew)
{
	struct state_message message = {
	    .uid = 300, .emailid = span_of("M1"), .keywords = span_of("x")};
	struct uidset removed = {0};
	struct state_change change = {
	    .mailbox = span_of("A"), .put = &message, .put_count = 1};

	ck_assert(state_set_path(state, span_of("A"), "a", &error));
	apply(&change);
	ck_assert_uint_eq(places("M1"), 1);
	ck_assert(
	    uidset_parse(&removed, span_of(_i == 0 ? "300" : "1:4294967295")));
	message = (struct state_message){.uid = 300};
	change.removed = &removed;
	apply(&change);
	assert_uids("A", "300");
	ck_assert_str_eq(list("A").keywords, "");
	ck_assert_uint_eq(places("M1"), 0);
	uidset_free(&removed);
}
END_TEST

/* Batches as a first copy brings them: the newest first. */
START_TEST(test_messages_come_together_from_many_changes)
{
	enum { ALL = 3000, BATCH = 100 };
	uint32_t uids[BATCH];
	struct uidset removed = {0};
	struct state_change change = {
	    .mailbox = span_of("A"), .removed = &removed};

	for (uint32_t last = ALL; last > 0; last -= BATCH) {
		for (uint32_t i = 0; i < BATCH; i++)
			uids[i] = last - i;
		put_uids("A", uids, BATCH);
	}
	ck_assert_uint_eq(list("A").count, ALL);
	for (uint32_t uid = 1; uid <= ALL; uid += 2)
		uidset_add(&removed, uid);
	apply(&change);
	reopen();
	ck_assert_uint_eq(list("A").count, ALL / 2);
	ck_assert_uint_eq(list("A").last.uid, ALL);
	uidset_free(&removed);
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("state_pack");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 30);
	tcase_add_test(
	    tests, test_of_one_message_put_twice_at_once_the_last_one_counts);
	tcase_add_loop_test(
	    tests, test_removed_ranges_are_gone, 0, COUNT(removal_cases));
	tcase_add_loop_test(tests,
	    test_removed_ranges_are_gone_from_every_chunk, 0,
	    COUNT(chunk_removal_cases));
	tcase_add_loop_test(
	    tests, test_what_is_removed_and_put_at_once_is_there_anew, 0, 2);
	tcase_add_test(tests, test_messages_come_together_from_many_changes);
	return run_case("state_pack", tests);
}
