/*
 * libclient/proto/sasl, access tokens: the documents' own examples, refused
 * tokens, and credentials that would break the message.
 */
#include "tests/unit/sasl_helpers.h"

static const struct sasl_credentials token = {.user = BYTES("user"),
    .secret = BYTES("vF9dft4qmTc2Nvb3Rl"),
    .is_token = true};

/* Google's document, "The SASL XOAUTH2 Mechanism" */
START_TEST(test_xoauth2_known_answer)
{
	struct sasl_credentials some = {.user = BYTES("someuser@example.com"),
	    .secret = BYTES("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"),
	    .is_token = true};
	struct sasl *sasl = start(MECHANISM_XOAUTH2, &some);

	ck_assert(sasl_is_client_first(sasl));
	step_raw(sasl, "",
	    "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRm"
	    "dDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==");
	ck_assert(sasl_is_complete(sasl));
	ck_assert_str_eq(sasl_failure(sasl), "");
	sasl_free(sasl);
}
END_TEST

START_TEST(test_xoauth2_failure_is_answered_by_an_empty_line)
{
	struct sasl *sasl = start(MECHANISM_XOAUTH2, &token);

	step(sasl, "", "user=user\001auth=Bearer vF9dft4qmTc2Nvb3Rl\001\001");
	step_raw(sasl,
	    "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoi"
	    "aHR0cHM6Ly9tYWlsLmdvb2dsZS5jb20vIn0K",
	    "");
	ck_assert_str_eq(sasl_failure(sasl),
	    "{\"status\":\"401\",\"schemes\":\"bearer mac\","
	    "\"scope\":\"https://mail.google.com/\"}\\x0a");
	ck_assert(sasl_is_complete(sasl));
	refuse(sasl, BYTES("{}"));
	sasl_free(sasl);
}
END_TEST

/* RFC 7628 section 4.1 */
START_TEST(test_oauthbearer_known_answer)
{
	struct sasl_credentials some = {.user = BYTES("user@example.com"),
	    .secret = BYTES("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="),
	    .is_token = true,
	    .host = BYTES("server.example.com"),
	    .port = 143};
	struct sasl *sasl = start(MECHANISM_OAUTHBEARER, &some);

	ck_assert(sasl_is_client_first(sasl));
	step_raw(sasl, "",
	    "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBv"
	    "cnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1s"
	    "emRHRXVZMjl0Q2c9PQEB");
	ck_assert(sasl_is_complete(sasl));
	sasl_free(sasl);
}
END_TEST

START_TEST(test_oauthbearer_escapes_the_user_and_leaves_out_no_host)
{
	struct sasl_credentials odd = {
	    .user = BYTES("a=b,c"), .secret = BYTES("t"), .is_token = true};
	struct sasl *sasl = start(MECHANISM_OAUTHBEARER, &odd);

	step(sasl, "", "n,a=a=3Db=2Cc,\001auth=Bearer t\001\001");
	sasl_free(sasl);
}
END_TEST

/* RFC 7628 section 4.3 */
START_TEST(test_oauthbearer_failure_is_answered_by_a_ctrl_a)
{
	struct sasl *sasl = start(MECHANISM_OAUTHBEARER, &token);

	step(sasl, "", "n,a=user,\001auth=Bearer vF9dft4qmTc2Nvb3Rl\001\001");
	step_raw(sasl,
	    "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3Bl"
	    "Iiwib3BlbmlkLWNvbmZpZ3VyYXRpb24iOiJodHRwczovL2V4YW1wbGUuY29tLy53"
	    "ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uIn0=",
	    "AQ==");
	ck_assert_str_eq(sasl_failure(sasl),
	    "{\"status\":\"invalid_token\",\"scope\":\"example_scope\","
	    "\"openid-configuration\":\"https://example.com/.well-known/"
	    "openid-configuration\"}");
	sasl_free(sasl);
}
END_TEST

START_TEST(test_token_failure_is_cut_and_printable)
{
	struct sasl *sasl = start(MECHANISM_XOAUTH2, &token);
	char json[4096];
	char *base64;

	memset(json, '\x1b', sizeof(json));
	base64 = encode((struct span){json, sizeof(json)});
	step(sasl, "", "user=user\001auth=Bearer vF9dft4qmTc2Nvb3Rl\001\001");
	step_raw(sasl, base64, "");
	ck_assert_uint_lt(strlen(sasl_failure(sasl)), 1000);
	for (const char *at = sasl_failure(sasl); *at != '\0'; at++)
		ck_assert(*at >= ' ' && *at <= '~');
	gsasl_free(base64);
	sasl_free(sasl);
}
END_TEST

/* A ^A would let a user name bring an auth= of its own. */
START_TEST(test_new_refuses_what_would_break_a_token_message)
{
	static const struct sasl_credentials rows[] = {
	    {.user = BYTES("u\001auth=Bearer x"),
		.secret = BYTES("t"),
		.is_token = true},
	    {.user = BYTES("user"), .secret = BYTES("t\001"), .is_token = true},
	    {.user = BYTES("user"), .secret = BYTES("t\n"), .is_token = true},
	    {.user = BYTES("user"), .secret = BYTES("a b"), .is_token = true},
	    {.user = BYTES("user"),
		.secret = BYTES("t\xc3\xa9"),
		.is_token = true},
	    {.user = BYTES("user"),
		.secret = BYTES("t"),
		.is_token = true,
		.host = BYTES("h\001port=1")},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		ck_assert_int_eq(refusal_to_start(MECHANISM_XOAUTH2, &rows[i]),
		    IMAP_ERROR_AUTH);
		ck_assert_int_eq(
		    refusal_to_start(MECHANISM_OAUTHBEARER, &rows[i]),
		    IMAP_ERROR_AUTH);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sasl_oauth");
	TCase *tests = tcase_create("sasl_oauth");

	tcase_add_test(tests, test_xoauth2_known_answer);
	tcase_add_test(
	    tests, test_xoauth2_failure_is_answered_by_an_empty_line);
	tcase_add_test(tests, test_oauthbearer_known_answer);
	tcase_add_test(
	    tests, test_oauthbearer_escapes_the_user_and_leaves_out_no_host);
	tcase_add_test(tests, test_oauthbearer_failure_is_answered_by_a_ctrl_a);
	tcase_add_test(tests, test_token_failure_is_cut_and_printable);
	tcase_add_test(
	    tests, test_new_refuses_what_would_break_a_token_message);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
