/*
 * imaplib_compress(): what comes with the agreement is read as what it is, and
 * a refusal, of the server's or our own, leaves a connection that works.
 */
#include "libclient/imaplib_auth.h"
#include "tests/unit/imaplib_client.h"

#define OFFERS " STARTTLS UNAUTHENTICATE COMPRESS=DEFLATE"

START_TEST(test_what_comes_with_the_agreement_is_inflated)
{
	static const char *const script[] = {PREAUTH(OFFERS), "<< 1",
	    "< COMPRESS DEFLATE\r\n", "deflate @ OK begin", "> * 3 EXISTS",
	    "< NOOP\r\n", "> * 4 EXISTS", "> @ OK done", "wait", NULL};

	open_to(script);
	ck_assert(imaplib_compress(client, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_OK);
	ck_assert(imaplib_noop(client, &reply));
	ck_assert(imaplib_response(client, "EXISTS", &reply));
	assert_names("EXISTS,EXISTS");
	leave();
}
END_TEST

START_TEST(test_second_is_refused_before_anything_is_sent)
{
	static const char *const script[] = {PREAUTH(OFFERS), "< COMPRESS",
	    "deflate @ OK begin", "> * 3 EXISTS", "< NOOP\r\n", "> @ OK done",
	    "wait", NULL};

	open_to(script);
	ck_assert(imaplib_compress(client, &reply));
	ck_assert(!imaplib_compress(client, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	ck_assert(imaplib_noop(client, &reply));
	leave();
}
END_TEST

START_TEST(test_refusal_changes_nothing)
{
	static const char *const script[] = {PREAUTH(OFFERS), "< COMPRESS",
	    "> @ NO not now", "< NOOP\r\n", "> * 3 EXISTS", "> @ OK done",
	    "< COMPRESS", "> @ BAD no", "< NOOP\r\n", "> @ OK done", "wait",
	    NULL};

	open_to(script);
	ck_assert(!imaplib_compress(client, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_NO);
	ck_assert(imaplib_noop(client, &reply));
	assert_names("EXISTS");
	ck_assert(!imaplib_compress(client, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_BAD);
	ck_assert(imaplib_noop(client, &reply));
	leave();
}
END_TEST

START_TEST(test_tls_does_not_begin_over_it)
{
	static const char *const script[] = {PREAUTH(OFFERS), "< COMPRESS",
	    "deflate @ OK begin", "> * 3 EXISTS", "< UNAUTHENTICATE",
	    "> @ OK [CAPABILITY IMAP4rev1" OFFERS "] done", "wait", NULL};

	open_to(script);
	ck_assert(imaplib_compress(client, &reply));
	ck_assert(imaplib_unauthenticate(client, &reply));
	ck_assert(!imaplib_starttls(client, &options.tls, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	leave();
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("imaplib_compress");

	tcase_add_test(tests, test_what_comes_with_the_agreement_is_inflated);
	tcase_add_test(tests, test_second_is_refused_before_anything_is_sent);
	tcase_add_test(tests, test_refusal_changes_nothing);
	tcase_add_test(tests, test_tls_does_not_begin_over_it);
	return run_suite("imaplib_compress", tests);
}
