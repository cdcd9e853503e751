/*
 * libclient/imap: one connection on a loop, against a server that follows a
 * script (see imap_server.h); and a handler that frees it whenever it is told
 * something.
 */
#include "tests/unit/imap_helpers.h"

static void
examine_and_fetch(const struct imap_event *event)
{
	if (event->type != IMAP_READY)
		return;
	ck_assert(imap_is_ready(seen.imap));
	ck_assert_uint_eq(imap_examine(seen.imap, span_of("INBOX"), NULL), 2);
	ck_assert_uint_eq(
	    imap_uid_fetch_range(seen.imap, 1, UINT32_MAX, IMAP_FETCH_BODY), 3);
	ck_assert_uint_eq(imap_idle(seen.imap), 4);
	ck_assert(!imap_is_idling(seen.imap));
}

static const char *const fetching[] = {LOGIN, "<< 3", "< EXAMINE INBOX",
    "< UID FETCH 1:4294967295 (UID BODY.PEEK[])", "< IDLE", "> * 1 EXISTS",
    "> @ OK [READ-ONLY] done", "> * 1 FETCH (UID 4 BODY[] {5}", "> hello)",
    "> @ OK done", "> + idling", "wait", NULL};

/* Commands of one turn leave in one segment. */
START_TEST(test_mail_is_fetched)
{
	seen.act = examine_and_fetch;
	open_to(fetching);
	run_until("RdobdoI");
	ck_assert_uint_eq(seen.body_octets, 5);
	ck_assert_uint_eq(imap_mailbox(seen.imap)->exists, 1);
	ck_assert(imap_mailbox(seen.imap)->is_read_only);
	ck_assert(imap_is_idling(seen.imap));
	ck_assert(imap_is_quiet(seen.imap));
	ck_assert_uint_gt(imap_bytes_in(seen.imap), 100);
	ck_assert_uint_gt(imap_bytes_out(seen.imap), 100);
	leave();
}
END_TEST

static const struct {
	enum imap_event_type at;
	const char *events;
} frees[] = {{IMAP_READY, "R"}, {IMAP_DATA, "Rd"}, {IMAP_DONE, "Rdo"},
    {IMAP_BODY, "Rdob"}, {IMAP_IDLING, "RdobdoI"}};

START_TEST(test_handler_may_free_at_any_event)
{
	seen.act = examine_and_fetch;
	seen.free_at = frees[_i].at;
	open_to(fetching);
	run_until(NULL);
	ck_assert_str_eq(seen.events, frees[_i].events);
	while (sd_event_run(loop, 0) > 0)
		continue;
	server_join(&server);
}
END_TEST

START_TEST(test_handler_may_free_at_the_end)
{
	static const char *const script[] = {LOGIN, "> * BYE x", NULL};

	seen.free_at = IMAP_CLOSED;
	open_to(script);
	run_until(NULL);
	ck_assert_str_eq(seen.events, "RC");
	leave();
}
END_TEST

START_TEST(test_free_before_the_loop_turns)
{
	static const char *const script[] = {"wait", NULL};

	open_to(script);
	seen.imap = imap_free(seen.imap);
	seen.is_freed = true;
	while (sd_event_run(loop, 0) > 0)
		continue;
	server_join(&server);
	ck_assert_ptr_null(imap_free(NULL));
}
END_TEST

START_TEST(test_refused_connection_is_told_by_the_loop)
{
	server_free(&server);
	server = (struct server){.listener = -1};
	seen.imap = imap_new(loop, &endpoint, on_event, &seen);
	ck_assert_uint_eq(imap_noop(seen.imap), 0);
	run_until("C");
	ck_assert_int_eq(seen.error.kind, IMAP_ERROR_NETWORK);
}
END_TEST

START_TEST(test_commands_are_refused_before_ready_and_after_the_end)
{
	static const char *const script[] = {LOGIN, NULL};

	open_to(script);
	ck_assert_uint_eq(imap_noop(seen.imap), 0);
	ck_assert_uint_eq(imap_examine(seen.imap, span_of("INBOX"), NULL), 0);
	ck_assert_uint_eq(imap_logout(seen.imap), 0);
	imap_done(seen.imap);
	run_until("RC");
	ck_assert_int_eq(seen.error.kind, IMAP_ERROR_NETWORK);
	ck_assert_uint_eq(imap_idle(seen.imap), 0);
	ck_assert_uint_eq(imap_noop(seen.imap), 0);
	imap_done(seen.imap);
	while (sd_event_run(loop, 0) > 0)
		continue;
	leave();
}
END_TEST

START_TEST(test_what_would_inject_is_refused)
{
	static const char *const script[] = {LOGIN, "< NOOP", "wait", NULL};
	const struct uidset none = {0};

	open_to(script);
	run_until("R");
	ck_assert_uint_eq(
	    imap_examine(seen.imap, span_of("a\r\nA1 DELETE b"), NULL), 0);
	ck_assert_uint_eq(imap_status(seen.imap, span_of("INBOX"), 0), 0);
	ck_assert_uint_eq(
	    imap_uid_fetch(seen.imap, &none, IMAP_FETCH_FLAGS), 0);
	ck_assert_uint_eq(
	    imap_uid_fetch_range(seen.imap, 5, 4, IMAP_FETCH_FLAGS), 0);
	ck_assert_uint_eq(imap_noop(seen.imap), 2);
	while (imap_is_quiet(seen.imap))
		ck_assert_int_gt(sd_event_run(loop, PATIENT), 0);
	leave();
}
END_TEST

START_TEST(test_logout_is_no_fault)
{
	static const char *const script[] = {
	    LOGIN, "< LOGOUT", "> * BYE bye", "> @ OK done", NULL};

	open_to(script);
	run_until("R");
	ck_assert_uint_eq(imap_logout(seen.imap), 2);
	run_until("RdoC");
	ck_assert_int_eq(seen.error.kind, IMAP_ERROR_NONE);
	leave();
}
END_TEST

static void
begin_idle(const struct imap_event *event)
{
	if (event->type == IMAP_READY)
		imap_idle(seen.imap);
	if (event->type != IMAP_DATA)
		return;
	imap_uid_fetch_range(seen.imap, 7, UINT32_MAX, IMAP_FETCH_BODY);
	imap_idle(seen.imap);
}

/* DONE, FETCH and IDLE are one segment. */
START_TEST(test_new_mail_is_asked_for_in_one_flight)
{
	static const char *const script[] = {LOGIN, "< IDLE", "> + idling",
	    "> * 7 EXISTS", "<< 3", "<- DONE", "< UID FETCH 7:4294967295",
	    "< IDLE", "> @ OK done", "> @ OK done", "> + idling", "wait", NULL};

	seen.act = begin_idle;
	open_to(script);
	run_until("RIdooI");
	leave();
}
END_TEST

/* ---- deadlines ---- */

static void
expect_timeout(const char *const *script, const char *events)
{
	endpoint.timeout = 150 * MSEC;
	open_to(script);
	run_until(events);
	ck_assert_int_eq(seen.error.kind, IMAP_ERROR_TIMEOUT);
	leave();
}

START_TEST(test_silent_greeting_times_out)
{
	static const char *const script[] = {"wait", NULL};

	expect_timeout(script, "C");
}
END_TEST

START_TEST(test_silent_handshake_times_out)
{
	static const char *const script[] = {"<< 0", NULL};

	endpoint.tls = IMAP_TLS_IMPLICIT;
	endpoint.timeout = 150 * MSEC;
	open_to(script);
	/* the server hangs up or the time is over: never READY */
	run_until("C");
	server_join(&server);
}
END_TEST

START_TEST(test_silent_reply_times_out)
{
	static const char *const script[] = {LOGIN, "< EXAMINE", "< UID FETCH",
	    "< IDLE", "> * 1 EXISTS", "wait", NULL};

	seen.act = examine_and_fetch;
	expect_timeout(script, "RdC");
}
END_TEST

/* A body that stalls in its middle is never completed. */
START_TEST(test_stalled_body_times_out)
{
	static const char *const script[] = {LOGIN, "< EXAMINE", "< UID FETCH",
	    "< IDLE", "> @ OK x", "> * 1 FETCH (UID 1 BODY[] {100000}",
	    "> only this", "wait", NULL};

	seen.act = examine_and_fetch;
	expect_timeout(script, "RobC");
}
END_TEST

/* "Still here" is no progress. */
START_TEST(test_chatter_times_out)
{
	static const char *const script[] = {
	    GREETING, "< AUTHENTICATE", "drip * OK Still here", NULL};

	expect_timeout(script, "C");
}
END_TEST

static int
on_pause(sd_event_source *source, uint64_t at, void *user)
{
	(void)source;
	(void)at;
	*(bool *)user = true;
	return 0;
}

START_TEST(test_idle_may_be_silent_but_not_its_end)
{
	static const char *const script[] = {
	    LOGIN, "< IDLE", "> + idling", "<- DONE", "wait", NULL};
	bool is_enough = false;

	endpoint.timeout = 150 * MSEC;
	seen.act = begin_idle;
	open_to(script);
	run_until("RI");
	ck_assert_int_ge(sd_event_add_time_relative(loop, NULL, CLOCK_BOOTTIME,
			     600 * MSEC, 1000, on_pause, &is_enough),
	    0);
	while (!is_enough)
		ck_assert_int_gt(sd_event_run(loop, PATIENT), 0);
	ck_assert_str_eq(seen.events, "RI");
	imap_done(seen.imap);
	run_until("RIC");
	ck_assert_int_eq(seen.error.kind, IMAP_ERROR_TIMEOUT);
	leave();
}
END_TEST

/* ---- tunnels ---- */

#define HELLO "printf '* PREAUTH [CAPABILITY IMAP4rev1] hi\\r\\n'; "

static void
noop_at_ready(const struct imap_event *event)
{
	if (event->type == IMAP_READY)
		imap_noop(seen.imap);
}

START_TEST(test_tunnel_is_logged_in)
{
	endpoint.tunnel = HELLO "read -r tag rest; "
				"printf '* 3 EXISTS\\r\\n%s OK x\\r\\n' $tag";
	seen.act = noop_at_ready;
	seen.imap = imap_new(loop, &endpoint, on_event, &seen);
	run_until("RdoC");
	ck_assert_int_eq(seen.error.kind, IMAP_ERROR_NETWORK);
}
END_TEST

START_TEST(test_tunnel_that_dies_inside_of_a_body)
{
	endpoint.tunnel = HELLO
	    "read -r tag rest; printf '* 1 FETCH (UID 1 BODY[] {9}\\r\\nhel'";
	seen.act = noop_at_ready;
	seen.imap = imap_new(loop, &endpoint, on_event, &seen);
	run_until("RC");
	ck_assert_int_eq(seen.error.kind, IMAP_ERROR_NETWORK);
}
END_TEST

START_TEST(test_tunnel_that_does_not_start)
{
	endpoint.tunnel = "exit 3";
	seen.imap = imap_new(loop, &endpoint, on_event, &seen);
	run_until("C");
	ck_assert_int_eq(seen.error.kind, IMAP_ERROR_NETWORK);
}
END_TEST

START_TEST(test_tunnel_may_be_freed_at_any_event)
{
	seen.free_at = _i == 0 ? IMAP_READY : _i == 1 ? IMAP_DATA : IMAP_CLOSED;
	endpoint.tunnel = HELLO "printf '* 3 EXISTS\\r\\n'";
	seen.imap = imap_new(loop, &endpoint, on_event, &seen);
	run_until(NULL);
	while (sd_event_run(loop, 0) > 0)
		continue;
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int
main(void)
{
	Suite *suite = suite_create("imap");
	TCase *tests = tcase_create("imap");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 40);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_mail_is_fetched);
	tcase_add_loop_test(
	    tests, test_handler_may_free_at_any_event, 0, COUNT(frees));
	tcase_add_test(tests, test_handler_may_free_at_the_end);
	tcase_add_test(tests, test_free_before_the_loop_turns);
	tcase_add_test(tests, test_refused_connection_is_told_by_the_loop);
	tcase_add_test(
	    tests, test_commands_are_refused_before_ready_and_after_the_end);
	tcase_add_test(tests, test_what_would_inject_is_refused);
	tcase_add_test(tests, test_logout_is_no_fault);
	tcase_add_test(tests, test_new_mail_is_asked_for_in_one_flight);
	tcase_add_test(tests, test_silent_greeting_times_out);
	tcase_add_test(tests, test_silent_handshake_times_out);
	tcase_add_test(tests, test_silent_reply_times_out);
	tcase_add_test(tests, test_stalled_body_times_out);
	tcase_add_test(tests, test_chatter_times_out);
	tcase_add_test(tests, test_idle_may_be_silent_but_not_its_end);
	tcase_add_test(tests, test_tunnel_is_logged_in);
	tcase_add_test(tests, test_tunnel_that_dies_inside_of_a_body);
	tcase_add_test(tests, test_tunnel_that_does_not_start);
	tcase_add_loop_test(tests, test_tunnel_may_be_freed_at_any_event, 0, 3);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
