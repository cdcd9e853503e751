/*
 * libclient/imap: COMPRESS DEFLATE (RFC 4978), against a server that deflates
 * from the very byte behind its OK. The number of a looped test is whether
 * there is TLS.
 */
#include "tests/unit/imap_helpers.h"

#define OFFERS	  "CAPABILITY IMAP4rev1 IDLE COMPRESS=DEFLATE"
#define HELLO	  GREETING, "< " PLAIN
#define LOGGED_IN HELLO, "> @ OK [" OFFERS "] hi"

/* A script begins with the step of a handshake. */
static void
open_with_tls(bool has_tls, const char *const *script)
{
	if (has_tls)
		endpoint.tls = IMAP_TLS_IMPLICIT;
	open_to(has_tls ? script : script + 1);
}

static void
compress_and_noop(const struct imap_event *event)
{
	if (event->type == IMAP_DONE && event->serial == 2 &&
	    event->state == IMAP_STATE_OK)
		ck_assert_uint_eq(imap_compress(seen.imap), 0);
	if (event->type != IMAP_READY)
		return;
	ck_assert_uint_eq(imap_compress(seen.imap), 2);
	ck_assert_uint_eq(imap_compress(seen.imap), 0);
	ck_assert_uint_eq(imap_noop(seen.imap), 3);
}

/* "<< 1": nothing may stand behind the question. */
START_TEST(test_what_comes_with_the_agreement_is_inflated)
{
	static const char *const script[] = {"tls", LOGGED_IN, "<< 1",
	    "< COMPRESS DEFLATE\r\n", "deflate @ OK begin", "> * 3 EXISTS",
	    "<< 1", "< NOOP", "> * 4 EXISTS", "> @ OK done", "wait", NULL};

	seen.act = compress_and_noop;
	open_with_tls(_i == 1, script);
	run_until("Roddo");
	ck_assert(imap_is_compressed(seen.imap));
	ck_assert_uint_eq(imap_mailbox(seen.imap)->exists, 4);
	leave();
}
END_TEST

/* Nothing comes until something is asked. */
START_TEST(test_agreement_alone)
{
	static const char *const script[] = {"tls", LOGGED_IN, "<< 1",
	    "< COMPRESS DEFLATE\r\n", "> @ OK begin", "<< 1", NULL};

	seen.act = compress_and_noop;
	open_with_tls(_i == 1, script);
	run_until("RoC");
	ck_assert(imap_is_compressed(seen.imap));
	ck_assert_int_eq(seen.error.kind, IMAP_ERROR_NETWORK);
	seen.imap = imap_free(seen.imap);
	seen.is_freed = true;
	/* it has hung up, so the NOOP has come, which it cannot read */
	server_join(&server);
}
END_TEST

START_TEST(test_refusal_changes_nothing)
{
	static const char *const script[] = {LOGGED_IN, "<< 1", "< COMPRESS",
	    "> @ NO not now", "<< 1", "< NOOP", "> * 3 EXISTS", "> @ OK done",
	    "< COMPRESS DEFLATE", "deflate @ OK begin", "> * 4 EXISTS", "wait",
	    NULL};

	seen.act = compress_and_noop;
	open_to(script);
	while (strcmp(seen.events, "Ro") != 0)
		ck_assert_int_gt(sd_event_run(loop, PATIENT), 0);
	seen.act = NULL;
	ck_assert(!imap_is_compressed(seen.imap));
	run_until("Rodo");
	ck_assert_uint_eq(imap_compress(seen.imap), 4);
	run_until("Rodood");
	ck_assert(imap_is_compressed(seen.imap));
	leave();
}
END_TEST

START_TEST(test_not_offered_is_not_sent)
{
	static const char *const script[] = {LOGIN, "< NOOP", "wait", NULL};

	open_to(script);
	ck_assert_uint_eq(imap_compress(seen.imap), UINT64_MAX);
	run_until("R");
	ck_assert_uint_eq(imap_compress(seen.imap), 0);
	ck_assert(!imap_is_compressed(seen.imap));
	ck_assert_uint_eq(imap_noop(seen.imap), 2);
	while (imap_is_quiet(seen.imap))
		ck_assert_int_gt(sd_event_run(loop, PATIENT), 0);
	leave();
}
END_TEST

static void
noop_at_ready(const struct imap_event *event)
{
	if (event->type == IMAP_READY)
		ck_assert_uint_ne(imap_noop(seen.imap), 0);
}

/* Compressed from the first command of the owner on. */
START_TEST(test_login_asks_for_it)
{
	static const char *const script[] = {"tls", LOGGED_IN, "<< 1",
	    "< COMPRESS DEFLATE\r\n", "deflate @ OK begin", "> * 3 EXISTS",
	    "< NOOP", "> @ OK done", "wait", NULL};

	seen.act = noop_at_ready;
	open_with_tls(_i == 1, script);
	ck_assert_uint_eq(imap_compress(seen.imap), UINT64_MAX);
	ck_assert_uint_eq(imap_compress(seen.imap), 0);
	ck_assert(!imap_is_compressed(seen.imap));
	run_until("Rdo");
	ck_assert(imap_is_compressed(seen.imap));
	ck_assert_uint_eq(imap_compress(seen.imap), 0);
	leave();
}
END_TEST

START_TEST(test_login_bears_a_refusal)
{
	static const char *const script[] = {LOGGED_IN, "< COMPRESS",
	    "> @ NO [COMPRESSIONACTIVE] x", "< NOOP", "> * 3 EXISTS",
	    "> @ OK done", "wait", NULL};

	seen.act = noop_at_ready;
	open_to(script);
	ck_assert_uint_eq(imap_compress(seen.imap), UINT64_MAX);
	run_until("Rdo");
	ck_assert(!imap_is_compressed(seen.imap));
	leave();
}
END_TEST

START_TEST(test_what_is_not_deflated_ends_it)
{
	static const char *const script[] = {LOGGED_IN, "< COMPRESS",
	    "> @ OK begin", "> * 3 EXISTS", "wait", NULL};

	seen.act = compress_and_noop;
	open_to(script);
	run_until("RoC");
	ck_assert_int_eq(seen.error.kind, IMAP_ERROR_PROTOCOL);
	seen.imap = imap_free(seen.imap);
	seen.is_freed = true;
	server_join(&server);
}
END_TEST

START_TEST(test_handler_may_free_at_the_agreement)
{
	static const char *const script[] = {LOGGED_IN, "< COMPRESS DEFLATE",
	    "deflate @ OK begin", "> * 3 EXISTS", "wait", NULL};

	seen.act = compress_and_noop;
	seen.free_at = IMAP_DONE;
	open_to(script);
	run_until(NULL);
	ck_assert_str_eq(seen.events, "Ro");
	leave();
}
END_TEST

START_TEST(test_after_the_end_it_is_refused)
{
	static const char *const script[] = {"> * BYE x", NULL};

	open_to(script);
	run_until("C");
	ck_assert_uint_eq(imap_compress(seen.imap), 0);
	leave();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("imap_compress");
	TCase *tests = tcase_create("imap_compress");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 40);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(
	    tests, test_what_comes_with_the_agreement_is_inflated, 0, 2);
	tcase_add_loop_test(tests, test_agreement_alone, 0, 2);
	tcase_add_test(tests, test_refusal_changes_nothing);
	tcase_add_test(tests, test_not_offered_is_not_sent);
	tcase_add_loop_test(tests, test_login_asks_for_it, 0, 2);
	tcase_add_test(tests, test_login_bears_a_refusal);
	tcase_add_test(tests, test_what_is_not_deflated_ends_it);
	tcase_add_test(tests, test_handler_may_free_at_the_agreement);
	tcase_add_test(tests, test_after_the_end_it_is_refused);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
