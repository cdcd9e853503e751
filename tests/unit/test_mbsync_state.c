/*
 * daemon/mbsync_state: what mbsync of any age wrote is read, and what is
 * written is read as the same.
 */
#include "daemon/mbsync_state.h"

#include "daemon/index.h"
#include "tests/unit/run_case.h"

#define HEADER                                                  \
	"FarUidValidity 7\nNearUidValidity 8\nMaxPulledUid 9\n" \
	"MaxPushedUid 5\n\n"

static struct mbsync_state state;
static struct imap_error error;

static void
tear_down(void)
{
	mbsync_state_free(&state);
	error = (struct imap_error){0};
}

static void
read_text(const char *text)
{
	mbsync_state_free(&state);
	ck_assert_msg(mbsync_state_parse(span_of(text), &state, &error), "%s",
	    error.text);
}

static void
assert_record(uint32_t i, uint32_t far, uint32_t near, uint32_t flags,
    bool is_placeholder)
{
	ck_assert_uint_lt(i, state.count);
	ck_assert_uint_eq(state.records[i].far, far);
	ck_assert_uint_eq(state.records[i].near, near);
	ck_assert_uint_eq(state.records[i].flags, flags);
	ck_assert_int_eq(state.records[i].is_placeholder, is_placeholder);
}

START_TEST(test_a_file_of_today)
{
	read_text(HEADER "1 1 \n3 2 FS\n4 3 >S\n6 0 ^\n8 4 ~DFPRST\n");
	ck_assert_uint_eq(state.far_uidvalidity, 7);
	ck_assert_uint_eq(state.near_uidvalidity, 8);
	ck_assert_uint_eq(state.max_pulled_uid, 9);
	ck_assert_uint_eq(state.max_pushed_uid, 5);
	ck_assert_uint_eq(state.count, 5);
	assert_record(0, 1, 1, 0, false);
	assert_record(1, 3, 2, INDEX_FLAGGED | INDEX_SEEN, false);
	assert_record(2, 4, 3, INDEX_SEEN, true);
	assert_record(3, 6, 0, 0, false);
	assert_record(4, 8, 4, 0x3f, false);
}
END_TEST

START_TEST(test_files_of_older_versions)
{
	read_text("MasterUidValidity 7\nSlaveUidValidity 8\nMaxPulledUid 9\n"
		  "MaxPushedUid 5\nMaxExpiredSlaveUid 2\n\n1 4294967295 X\n");
	ck_assert_uint_eq(state.far_uidvalidity, 7);
	ck_assert_uint_eq(state.near_uidvalidity, 8);
	assert_record(0, 1, 0, 0, false);
	read_text("7:9 8:2:5\n3 2 S\n");
	ck_assert_uint_eq(state.far_uidvalidity, 7);
	ck_assert_uint_eq(state.near_uidvalidity, 8);
	ck_assert_uint_eq(state.max_pulled_uid, 9);
	ck_assert_uint_eq(state.max_pushed_uid, 5);
	assert_record(0, 3, 2, INDEX_SEEN, false);
}
END_TEST

static const struct bad_case {
	const char *text;
	const char *why;
} bad_cases[] = {
    {"", "cut off"},
    {"FarUidValidity 7\n", "cut off"},
    {"NearUidValidity 7\n\n", "cut off"},
    {"FarUidValidity x\n\n", "line 1"},
    {HEADER "1 2 S\n1 2\n3 x S\n", "line 8"},
    {HEADER "1 2 S\n1 2 Q\n", "line 7"},
    {HEADER "1 4294967296 S\n", "line 6"},
    {"7:9 8:2\n", "line 1"},
    {"\n\n", "line 2"},
};

START_TEST(test_what_is_none_is_refused_and_said)
{
	ck_assert(
	    !mbsync_state_parse(span_of(bad_cases[_i].text), &state, &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_LOCAL);
	ck_assert_msg(
	    strstr(error.text, bad_cases[_i].why) != NULL, "%s", error.text);
}
END_TEST

START_TEST(test_what_is_written_is_read_again)
{
	const char *text = HEADER "1 1 \n3 2 FS\n4 3 >S\n";
	struct buf written;

	read_text(text);
	buf_init(&written, 1000);
	ck_assert(mbsync_state_format(&state, &written));
	ck_assert(span_equal(buf_span(&written), span_of(text)));
	buf_free(&written);
}
END_TEST

START_TEST(test_a_near_uid_that_two_records_have_is_nobodys)
{
	read_text(HEADER "9 3 \n1 1 \n5 3 \n3 2 \n");
	mbsync_state_sort(&state);
	ck_assert_uint_eq(mbsync_state_find(&state, 1)->far, 1);
	ck_assert_uint_eq(mbsync_state_find(&state, 2)->far, 3);
	ck_assert_ptr_null(mbsync_state_find(&state, 3));
	ck_assert_ptr_null(mbsync_state_find(&state, 4));
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("mbsync_state");

	tcase_add_checked_fixture(tests, NULL, tear_down);
	tcase_add_test(tests, test_a_file_of_today);
	tcase_add_test(tests, test_files_of_older_versions);
	tcase_add_loop_test(tests, test_what_is_none_is_refused_and_said, 0,
	    sizeof(bad_cases) / sizeof(*bad_cases));
	tcase_add_test(tests, test_what_is_written_is_read_again);
	tcase_add_test(tests, test_a_near_uid_that_two_records_have_is_nobodys);
	return run_case("mbsync_state", tests);
}
