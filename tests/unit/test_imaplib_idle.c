/*
 * libclient/imaplib_idle: what comes around IDLE is never lost, waiting ends
 * when it should, and a burst is as long as its rules say.
 */
#include "libclient/imaplib_idle.h"

#include "libclient/imaplib_auth.h"
#include "libclient/imaplib_mailbox.h"
#include "tests/unit/imaplib_client.h"

#define BEGIN	PREAUTH(" IDLE")
#define IDLING	BEGIN, "< IDLE\r\n", "> + idling"
#define SECOND	(1000 * MSEC)
#define PATIENT (20 * SECOND)

static void
idle_on(const char *const *script, uint64_t duration)
{
	open_to(script);
	ck_assert(imaplib_idle(client, duration, &reply));
}

static void
expect_next(const char *name)
{
	ck_assert_int_eq(imaplib_idle_next(client, &reply), IMAPLIB_IDLE_CAME);
	assert_names(name);
}

static void
expect_burst(uint64_t interval, uint64_t max_wait, const char *names)
{
	ck_assert_int_eq(imaplib_idle_burst(client, interval, max_wait, &reply),
	    IMAPLIB_IDLE_CAME);
	assert_names(names);
}

START_TEST(test_nothing_is_lost_before_the_plus_after_it_and_after_done)
{
	static const char *const script[] = {BEGIN, "< IDLE\r\n",
	    "> * 1 EXISTS", "> + idling", "> * 2 RECENT", "> * 1 FETCH (UID 3)",
	    "<- DONE\r\n", "> * 3 EXPUNGE", "> @ OK [ALERT] done", "wait",
	    NULL};

	idle_on(script, IMAPLIB_FOREVER);
	expect_next("EXISTS");
	ck_assert_uint_eq(reply.untagged->number, 1);
	expect_next("RECENT");
	ck_assert(imaplib_idle_done(client, &reply));
	assert_names("FETCH,EXPUNGE");
	assert_span(reply.code, "ALERT");
	leave();
}
END_TEST

START_TEST(test_leftovers_may_be_asked_for_by_name)
{
	static const char *const script[] = {IDLING, "> * 4 EXISTS",
	    "<- DONE\r\n", "> * 9 RECENT", "> @ OK done", "wait", NULL};

	idle_on(script, IMAPLIB_FOREVER);
	ck_assert(imaplib_idle_done(client, &reply));
	ck_assert(imaplib_response(client, "exists", &reply));
	ck_assert_uint_eq(reply.untagged->number, 4);
	ck_assert(imaplib_response(client, "RECENT", &reply));
	ck_assert_uint_eq(reply.untagged->number, 9);
	ck_assert(!imaplib_response(client, "RECENT", &reply));
	leave();
}
END_TEST

START_TEST(test_an_expired_duration_gives_nothing_again_and_again)
{
	static const char *const script[] = {
	    IDLING, "<- DONE\r\n", "> @ OK done", "wait", NULL};
	uint64_t begin;

	idle_on(script, 50 * MSEC);
	begin = clock_now();
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(
		    imaplib_idle_next(client, &reply), IMAPLIB_IDLE_EXPIRED);
	ck_assert_int_eq(imaplib_idle_burst(client, PATIENT, PATIENT, &reply),
	    IMAPLIB_IDLE_EXPIRED);
	ck_assert_uint_eq(reply.count, 0);
	ck_assert_uint_lt(clock_now() - begin, 10 * SECOND);
	ck_assert(imaplib_idle_done(client, &reply));
	leave();
}
END_TEST

START_TEST(test_what_is_queued_comes_after_the_time_too)
{
	static const char *const script[] = {BEGIN, "< IDLE\r\n",
	    ">> * 1 EXISTS\r\n* 2 EXISTS\r\n+ idling\r\n", "<- DONE\r\n",
	    "> @ OK done", "wait", NULL};

	idle_on(script, 0);
	expect_next("EXISTS");
	expect_next("EXISTS");
	ck_assert_int_eq(
	    imaplib_idle_next(client, &reply), IMAPLIB_IDLE_EXPIRED);
	ck_assert(imaplib_idle_done(client, &reply));
	leave();
}
END_TEST

/* A line that is cut by the end of the duration is whole the next time. */
START_TEST(test_half_a_line_survives_the_duration)
{
	static const char *const script[] = {IDLING, ">> * 7 EXI", "pause",
	    "pause", "pause", ">> STS\r\n", "<- DONE\r\n", "> @ OK done",
	    "wait", NULL};

	idle_on(script, 100 * MSEC);
	ck_assert_int_eq(
	    imaplib_idle_next(client, &reply), IMAPLIB_IDLE_EXPIRED);
	ck_assert(imaplib_idle_done(client, &reply));
	assert_names("EXISTS");
	ck_assert_uint_eq(reply.untagged->number, 7);
	leave();
}
END_TEST

START_TEST(test_a_burst_ends_when_it_is_quiet)
{
	static const char *const script[] = {IDLING, "pause", "> * 1 EXPUNGE",
	    "> * 1 EXPUNGE", "> * 5 EXISTS", "pause", "pause", "pause", "pause",
	    "pause", "pause", "> * 6 EXISTS", "wait", NULL};

	idle_on(script, PATIENT);
	expect_burst(300 * MSEC, PATIENT, "EXPUNGE,EXPUNGE,EXISTS");
	expect_burst(100 * MSEC, PATIENT, "EXISTS");
	leave();
}
END_TEST

START_TEST(test_a_burst_of_no_interval_is_what_is_queued)
{
	static const char *const script[] = {BEGIN, "< IDLE\r\n",
	    ">> * 1 EXISTS\r\n* 2 EXISTS\r\n+ idling\r\n", "wait", NULL};

	idle_on(script, PATIENT);
	expect_burst(0, PATIENT, "EXISTS,EXISTS");
	leave();
}
END_TEST

START_TEST(test_a_flood_does_not_keep_a_burst_open)
{
	static const char *const script[] = {IDLING, "drip * 1 EXISTS", NULL};
	uint64_t begin;

	idle_on(script, PATIENT);
	begin = clock_now();
	ck_assert_int_eq(
	    imaplib_idle_burst(client, 10 * SECOND, 300 * MSEC, &reply),
	    IMAPLIB_IDLE_CAME);
	ck_assert_uint_gt(reply.count, 1);
	ck_assert_uint_lt(clock_now() - begin, 8 * SECOND);
	client = imaplib_shutdown(client);
	server_join(&server);
}
END_TEST

START_TEST(test_an_end_inside_a_burst_gives_what_came_then_lost)
{
	static const char *const script[] = {
	    IDLING, "> * 1 EXISTS", "> * 1 RECENT", NULL};

	idle_on(script, PATIENT);
	expect_burst(PATIENT, PATIENT, "EXISTS,RECENT");
	ck_assert_int_eq(imaplib_idle_burst(client, SECOND, SECOND, &reply),
	    IMAPLIB_IDLE_LOST);
	ck_assert_int_eq(reply.type, IMAPLIB_ABORT);
	ck_assert_int_eq(imaplib_get_state(client), IMAPLIB_LOGOUT);
	ck_assert_int_eq(imaplib_idle_next(client, &reply), IMAPLIB_IDLE_LOST);
	leave();
}
END_TEST

START_TEST(test_bye_while_idling_is_told_as_the_end)
{
	static const char *const script[] = {
	    IDLING, "> * 1 EXISTS", "> * BYE shutting down", NULL};

	idle_on(script, PATIENT);
	expect_next("EXISTS");
	ck_assert_int_eq(imaplib_idle_next(client, &reply), IMAPLIB_IDLE_LOST);
	ck_assert_ptr_nonnull(strstr(reply.error.text, "shutting down"));
	leave();
}
END_TEST

static const struct {
	const char *script[8];
	enum imaplib_type type;
	const char *names;
} refusals[] = {
    {{BEGIN, "< IDLE\r\n", "> @ NO not now", "wait"}, IMAPLIB_NO, ""},
    {{BEGIN, "< IDLE\r\n", "> * 2 EXISTS", "> @ BAD what", "wait"}, IMAPLIB_BAD,
	"EXISTS"},
    {{BEGIN, "< IDLE\r\n", "> @ OK at once", "wait"}, IMAPLIB_OK, ""},
    {{BEGIN, "< IDLE\r\n"}, IMAPLIB_ABORT, ""},
    {{PREAUTH(""), "wait"}, IMAPLIB_ERROR, ""},
    {{HELLO(" IDLE"), "wait"}, IMAPLIB_ERROR, ""},
};

START_TEST(test_a_refused_idle_is_not_open)
{
	open_to(refusals[_i].script);
	ck_assert(!imaplib_idle(client, PATIENT, &reply));
	ck_assert_int_eq(reply.type, refusals[_i].type);
	assert_names(refusals[_i].names);
	ck_assert(!imaplib_idle_done(client, &reply));
	leave();
}
END_TEST

START_TEST(test_the_server_may_end_idle)
{
	static const char *const script[] = {IDLING, "> * 1 EXISTS",
	    "> @ NO [ALERT] enough", "< NOOP\r\n", "> @ OK done", "wait", NULL};

	idle_on(script, PATIENT);
	expect_next("EXISTS");
	ck_assert_int_eq(imaplib_idle_next(client, &reply), IMAPLIB_IDLE_ENDED);
	ck_assert_int_eq(reply.type, IMAPLIB_NO);
	assert_span(reply.text, "enough");
	ck_assert_int_eq(imaplib_idle_next(client, &reply), IMAPLIB_IDLE_ENDED);
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	ck_assert(!imaplib_idle_done(client, &reply));
	ck_assert(imaplib_noop(client, &reply));
	leave();
}
END_TEST

/* The server has ended it, but nobody was told before DONE was due. */
START_TEST(test_done_is_not_sent_to_an_idle_that_ended)
{
	static const char *const script[] = {IDLING, "> * 1 EXISTS",
	    "> @ OK enough", "< NOOP\r\n", "> @ OK done", "wait", NULL};

	idle_on(script, PATIENT);
	expect_burst(200 * MSEC, PATIENT, "EXISTS");
	ck_assert(imaplib_idle_done(client, &reply));
	assert_span(reply.text, "enough");
	ck_assert(imaplib_noop(client, &reply));
	leave();
}
END_TEST

START_TEST(test_a_second_plus_means_nothing)
{
	static const char *const script[] = {IDLING, "> + still",
	    "> * 1 EXISTS", "<- DONE\r\n", "> @ OK done", "wait", NULL};

	idle_on(script, PATIENT);
	expect_next("EXISTS");
	ck_assert(imaplib_idle_done(client, &reply));
	leave();
}
END_TEST

START_TEST(test_every_other_command_is_refused_while_idling)
{
	static const char *const script[] = {
	    IDLING, "<- DONE\r\n", "> @ OK done", "wait", NULL};

	idle_on(script, PATIENT);
	ck_assert(!imaplib_noop(client, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	ck_assert(!imaplib_idle(client, PATIENT, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	ck_assert(!imaplib_unauthenticate(client, &reply));
	ck_assert(!imaplib_select(client, "x", false, NULL, &reply));
	client = imaplib_logout(client, &reply);
	ck_assert_ptr_nonnull(client);
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	ck_assert(imaplib_idle_done(client, &reply));
	leave();
}
END_TEST

START_TEST(test_done_is_sent_exactly_once)
{
	static const char *const script[] = {
	    IDLING, "<- DONE\r\n", "> @ OK done", "wait", NULL};

	idle_on(script, PATIENT);
	ck_assert(imaplib_idle_done(client, &reply));
	ck_assert(!imaplib_idle_done(client, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	ck_assert_int_eq(imaplib_idle_next(client, &reply), IMAPLIB_IDLE_ENDED);
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	leave();
}
END_TEST

START_TEST(test_an_end_after_done_gives_what_came_with_it)
{
	static const char *const script[] = {
	    IDLING, "<- DONE\r\n", "> * 8 EXISTS", NULL};

	idle_on(script, PATIENT);
	ck_assert(!imaplib_idle_done(client, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ABORT);
	assert_names("EXISTS");
	leave();
}
END_TEST

START_TEST(test_idle_opens_again)
{
	static const char *const script[] = {IDLING, "<- DONE\r\n",
	    "> @ OK done", "< IDLE\r\n", "> + idling", "> * 1 EXISTS",
	    "<- DONE\r\n", "> @ OK done", "wait", NULL};

	idle_on(script, PATIENT);
	ck_assert(imaplib_idle_done(client, &reply));
	ck_assert(imaplib_idle(client, PATIENT, &reply));
	expect_next("EXISTS");
	ck_assert(imaplib_idle_done(client, &reply));
	leave();
}
END_TEST

int
main(void)
{
	TCase *all = tcase_create("imaplib_idle");

	tcase_add_test(
	    all, test_nothing_is_lost_before_the_plus_after_it_and_after_done);
	tcase_add_test(all, test_leftovers_may_be_asked_for_by_name);
	tcase_add_test(
	    all, test_an_expired_duration_gives_nothing_again_and_again);
	tcase_add_test(all, test_what_is_queued_comes_after_the_time_too);
	tcase_add_test(all, test_half_a_line_survives_the_duration);
	tcase_add_test(all, test_a_burst_ends_when_it_is_quiet);
	tcase_add_test(all, test_a_burst_of_no_interval_is_what_is_queued);
	tcase_add_test(all, test_a_flood_does_not_keep_a_burst_open);
	tcase_add_test(
	    all, test_an_end_inside_a_burst_gives_what_came_then_lost);
	tcase_add_test(all, test_bye_while_idling_is_told_as_the_end);
	tcase_add_test(all, test_the_server_may_end_idle);
	tcase_add_test(all, test_done_is_not_sent_to_an_idle_that_ended);
	tcase_add_test(all, test_a_second_plus_means_nothing);
	tcase_add_test(all, test_every_other_command_is_refused_while_idling);
	tcase_add_test(all, test_done_is_sent_exactly_once);
	tcase_add_test(all, test_an_end_after_done_gives_what_came_with_it);
	tcase_add_test(all, test_idle_opens_again);
	tcase_add_loop_test(
	    all, test_a_refused_idle_is_not_open, 0, COUNT(refusals));
	return run_suite("imaplib_idle", all);
}
