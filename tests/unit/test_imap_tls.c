/*
 * libclient/imap and TLS: what is said before the handshake counts for nothing
 * behind it, and no secret leaves without it.
 */
#include "tests/unit/imap_helpers.h"

#define STARTTLS \
	"> * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] hi", "< STARTTLS"
#define SECURED_LOGIN                                                  \
	"< CAPABILITY", "> * CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN", \
	    "> @ OK done", "< " PLAIN, "> @ OK [CAPABILITY IMAP4rev1] hi"

static void
use_starttls(void)
{
	endpoint.tls = IMAP_TLS_STARTTLS;
	endpoint.is_loopback = false;
}

static void
expect_refusal(const char *const *script, enum imap_error_kind kind)
{
	open_to(script);
	run_until("C");
	ck_assert_int_eq(seen.error.kind, kind);
	leave();
}

START_TEST(test_implicit_tls)
{
	static const char *const script[] = {"tls", LOGIN, "wait", NULL};

	endpoint.tls = IMAP_TLS_IMPLICIT;
	endpoint.is_loopback = false;
	open_to(script);
	run_until("R");
	ck_assert(strncmp(imap_tls_description(seen.imap), "TLSv1.", 6) == 0);
	leave();
}
END_TEST

START_TEST(test_starttls)
{
	static const char *const script[] = {
	    STARTTLS, "> @ OK go", "tls", SECURED_LOGIN, "wait", NULL};

	use_starttls();
	open_to(script);
	run_until("R");
	leave();
}
END_TEST

static void
call_everything(void)
{
	ck_assert_uint_eq(imap_noop(seen.imap), 0);
	ck_assert_uint_eq(imap_idle(seen.imap), 0);
	imap_done(seen.imap);
}

/* Whatever is called while it goes on, the handshake begins once. */
START_TEST(test_calls_during_the_handshake)
{
	static const char *const script[] = {
	    STARTTLS, "> @ OK go", "pause", "tls", SECURED_LOGIN, "wait", NULL};

	use_starttls();
	open_to(script);
	while (seen.count == 0) {
		call_everything();
		ck_assert_int_gt(sd_event_run(loop, PATIENT), 0);
		/* what was called for goes before all else: let that in, too */
		ck_assert_int_ge(sd_event_run(loop, 10 * MSEC), 0);
	}
	ck_assert_str_eq(seen.events, "R");
	leave();
}
END_TEST

START_TEST(test_starttls_with_injected_bytes)
{
	static const char *const script[] = {STARTTLS,
	    "> @ OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN", "wait", NULL};

	use_starttls();
	expect_refusal(script, IMAP_ERROR_PROTOCOL);
}
END_TEST

/* In a segment of their own they are no handshake. */
START_TEST(test_starttls_with_bytes_that_are_no_handshake)
{
	static const char *const script[] = {
	    STARTTLS, "> @ OK go", "<< 0", "> * CAPABILITY IMAP4rev1", NULL};

	use_starttls();
	open_to(script);
	run_until("C");
	ck_assert_int_ne(seen.error.kind, IMAP_ERROR_NONE);
	server_join(&server);
}
END_TEST

START_TEST(test_starttls_not_offered)
{
	static const char *const script[] = {
	    "> * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi", "wait", NULL};

	use_starttls();
	expect_refusal(script, IMAP_ERROR_UNSUPPORTED);
}
END_TEST

START_TEST(test_starttls_preauth)
{
	static const char *const script[] = {
	    "> * PREAUTH [CAPABILITY IMAP4rev1] hi", "wait", NULL};

	use_starttls();
	expect_refusal(script, IMAP_ERROR_PROTOCOL);
}
END_TEST

START_TEST(test_no_password_without_tls)
{
	static const char *const script[] = {
	    "> * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN] hi", "wait",
	    NULL};

	endpoint.is_loopback = false;
	expect_refusal(script, IMAP_ERROR_UNSUPPORTED);
}
END_TEST

/* The wrong server learns nothing, not even whose mail it is. */
START_TEST(test_wrong_certificate)
{
	static const char *const script[] = {"tls", GREETING, "wait", NULL};
	struct identity wrong =
	    identity_new(&(struct identity_plan){.issuer = &authority,
		.common_name = HOST,
		.alt_names = "DNS:other.example.org"});

	SSL_CTX_free(server.settings);
	server.settings = peer_settings(&wrong);
	endpoint.tls = IMAP_TLS_IMPLICIT;
	open_to(script);
	run_until("C");
	ck_assert_int_eq(seen.error.kind, IMAP_ERROR_TLS);
	server_join(&server);
	ck_assert_uint_eq(buf_len(&server.in), 0);
	identity_free(&wrong);
}
END_TEST

static const enum imap_event_type tls_frees[] = {
    IMAP_READY, IMAP_DATA, IMAP_CLOSED};

START_TEST(test_handler_may_free_at_any_event_of_tls)
{
	static const char *const script[] = {STARTTLS, "> @ OK go", "tls",
	    SECURED_LOGIN, "> * 1 EXISTS", "> * BYE x", NULL};

	use_starttls();
	seen.free_at = tls_frees[_i];
	open_to(script);
	run_until(NULL);
	while (sd_event_run(loop, 0) > 0)
		continue;
	server_join(&server);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int
main(void)
{
	Suite *suite = suite_create("imap_tls");
	TCase *tests = tcase_create("imap_tls");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 40);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_implicit_tls);
	tcase_add_test(tests, test_starttls);
	tcase_add_test(tests, test_calls_during_the_handshake);
	tcase_add_test(tests, test_starttls_with_injected_bytes);
	tcase_add_test(tests, test_starttls_with_bytes_that_are_no_handshake);
	tcase_add_test(tests, test_starttls_not_offered);
	tcase_add_test(tests, test_starttls_preauth);
	tcase_add_test(tests, test_no_password_without_tls);
	tcase_add_test(tests, test_wrong_certificate);
	tcase_add_loop_test(tests, test_handler_may_free_at_any_event_of_tls, 0,
	    COUNT(tls_frees));
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
