/*
 * daemon/state: messages of the generation before (state_message.c).
 */
#include "tests/unit/state_helpers.h"

static void
note_place(void *user, const struct state_place *place)
{
	uint32_t *uid = user;

	ck_assert_uint_eq(place->uidvalidity, 0);
	*uid = place->uid;
}

/* The UID of the retired message with an EMAILID, or 0. */
static uint32_t
retired_uid(const char *mailbox, const char *emailid)
{
	uint32_t uid = 0;

	ck_assert(state_find_retired(state, span_of(mailbox), span_of(emailid),
	    note_place, &uid, &error));
	return uid;
}

static bool
has_retired(const char *mailbox)
{
	bool all;

	ck_assert(state_has_retired(state, span_of(mailbox), &all, &error));
	return all;
}

static void
put_emailid(const char *mailbox, uint32_t uid, const char *emailid)
{
	struct state_message message = {
	    .uid = uid, .emailid = span_of(emailid)};
	struct state_change change = {
	    .mailbox = span_of(mailbox), .put = &message, .put_count = 1};

	apply(&change);
}

START_TEST(test_retired_messages_are_found_by_emailid_alone)
{
	struct state_change change = {
	    .mailbox = span_of("A"), .swap_retired = true};

	put_emailid("A", 1, "M1");
	put_emailid("A", 2, "M2");
	put_emailid("B", 1, "M1");
	ck_assert(!has_retired("A"));
	apply(&change);
	assert_uids("A", "");
	ck_assert(has_retired("A"));
	ck_assert(!has_retired("B"));
	put_emailid("A", 1, "M9");
	assert_uids("A", "1");
	ck_assert_uint_eq(retired_uid("A", "M1"), 1);
	ck_assert_uint_eq(retired_uid("A", "M2"), 2);
	ck_assert_uint_eq(retired_uid("A", "M9"), 0);
	ck_assert_uint_eq(retired_uid("B", "M1"), 0);
}
END_TEST

START_TEST(test_retired_messages_come_back)
{
	struct state_change change = {
	    .mailbox = span_of("A"), .swap_retired = true};

	put_uids("A", (uint32_t[]){1, 2, 5}, 3);
	apply(&change);
	put_uids("A", (uint32_t[]){1, 7}, 2);
	apply(&change);
	assert_uids("A", "1 2 5");
	apply(&change);
	assert_uids("A", "1 7");
}
END_TEST

START_TEST(test_one_retired_message_without_an_emailid_is_told)
{
	struct state_change change = {
	    .mailbox = span_of("A"), .swap_retired = true};

	put_emailid("A", 1, "M1");
	put_uids("A", (uint32_t[]){2}, 1);
	apply(&change);
	ck_assert(!has_retired("A"));
	ck_assert_uint_eq(retired_uid("A", "M1"), 1);
}
END_TEST

START_TEST(test_retired_messages_are_forgotten)
{
	struct state_change retire = {
	    .mailbox = span_of("A"), .swap_retired = true};
	struct state_change forget = {
	    .mailbox = span_of("A"), .forget_retired = true};

	put_emailid("A", 1, "M1");
	apply(&retire);
	put_emailid("A", 3, "M3");
	apply(&forget);
	ck_assert(!has_retired("A"));
	ck_assert_uint_eq(retired_uid("A", "M1"), 0);
	assert_uids("A", "3");
	apply(&retire);
	ck_assert(state_forget_folder(state, span_of("A"), &error));
	put_emailid("A", 1, "M1");
	ck_assert(!has_retired("A"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("state_retired");
	TCase *tests = tcase_create("state_retired");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, test_retired_messages_are_found_by_emailid_alone);
	tcase_add_test(tests, test_retired_messages_come_back);
	tcase_add_test(
	    tests, test_one_retired_message_without_an_emailid_is_told);
	tcase_add_test(tests, test_retired_messages_are_forgotten);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
