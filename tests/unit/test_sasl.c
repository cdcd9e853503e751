/*
 * libclient/proto/sasl: whole exchanges with libgsasl's server side in this
 * process, known answers, bounds, and which mechanism fits which credentials.
 */
#include "tests/unit/sasl_helpers.h"

static const struct sasl_credentials tim = {
    .user = BYTES("tim"), .secret = BYTES("tanstaaftanstaaf")};
static const struct sasl_credentials pencil = {
    .user = BYTES("user"), .secret = BYTES("pencil")};
static const struct sasl_credentials exporter = {.user = BYTES("user"),
    .secret = BYTES("pencil"),
    .tls_exporter = BYTES("exporter\0data")};
static const struct sasl_credentials unique = {.user = BYTES("user"),
    .secret = BYTES("pencil"),
    .tls_unique = BYTES("unique\0\xff")};
static const struct sasl_credentials both = {.user = BYTES("user"),
    .secret = BYTES("pencil"),
    .tls_exporter = BYTES("exporter\0data"),
    .tls_unique = BYTES("unique\0\xff")};
static const struct sasl_credentials token = {.user = BYTES("user"),
    .secret = BYTES("vF9dft4qmTc2Nvb3Rl"),
    .is_token = true};

/* libgsasl's server: knows user "user" with "pencil", and binding data. */
static int
serve_property(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
	const struct sasl_credentials *known = gsasl_callback_hook_get(library);
	struct span value = {NULL, 0};
	char *base64;

	if (property == GSASL_PASSWORD) {
		value = known->secret;
		gsasl_property_set_raw(session, property, value.at, value.len);
		return GSASL_OK;
	}
	if (property == GSASL_VALIDATE_EXTERNAL ||
	    property == GSASL_VALIDATE_ANONYMOUS)
		return GSASL_OK;
	if (property == GSASL_CB_TLS_EXPORTER)
		value = known->tls_exporter;
	if (property == GSASL_CB_TLS_UNIQUE)
		value = known->tls_unique;
	if (value.len == 0)
		return GSASL_NO_CALLBACK;
	base64 = encode(value);
	gsasl_property_set(session, property, base64);
	gsasl_free(base64);
	return GSASL_OK;
}

/*
 * Client and server talk until one fails or both are done; true if both are
 * content.
 */
static bool
converse(enum mechanism mechanism, const struct sasl_credentials *client,
    const struct sasl_credentials *known)
{
	struct sasl *sasl = start(mechanism, client);
	Gsasl *library;
	Gsasl_session *server;
	char *challenge = NULL;
	struct buf out;
	int result;
	bool ok = true;

	ck_assert_int_eq(gsasl_init(&library), GSASL_OK);
	gsasl_callback_set(library, serve_property);
	gsasl_callback_hook_set(library, (void *)(uintptr_t)known);
	ck_assert_int_eq(
	    gsasl_server_start(library, mechanism_name(mechanism), &server),
	    GSASL_OK);
	buf_init(&out, 65536);
	result = GSASL_NEEDS_MORE;
	if (!sasl_is_client_first(sasl))
		result = gsasl_step64(server, "", &challenge);
	while (result == GSASL_NEEDS_MORE ||
	    (result == GSASL_OK && challenge != NULL && *challenge != '\0')) {
		buf_clear(&out);
		ok = sasl_step(sasl, span_of(challenge), &out, NULL);
		gsasl_free(challenge);
		challenge = NULL;
		if (!ok || result == GSASL_OK)
			break;
		ck_assert(buf_add(&out, "", 1));
		result = gsasl_step64(server, buf_span(&out).at, &challenge);
	}
	ok = ok && result == GSASL_OK && sasl_is_complete(sasl);
	gsasl_free(challenge);
	buf_free(&out);
	gsasl_finish(server);
	gsasl_done(library);
	sasl_free(sasl);
	return ok;
}

static const struct sasl_credentials nobody = {.port = 143};
static const struct sasl_credentials wrong = {.user = BYTES("user"),
    .secret = BYTES("pencil2"),
    .tls_exporter = BYTES("exporter\0data")};
static const struct sasl_credentials other_channel = {.user = BYTES("user"),
    .secret = BYTES("pencil"),
    .tls_exporter = BYTES("exporter\0Data"),
    .tls_unique = BYTES("unique\0\xfe")};
static const struct sasl_credentials utf8 = {
    .user = BYTES("us\xc3\xa9r"), .secret = BYTES("p\xc3\xa4nc\xc2\xaail")};

static const struct conversation {
	const struct sasl_credentials *client;
	const struct sasl_credentials *server;
	enum mechanism mechanism;
	bool succeeds;
} conversations[] = {
    {&pencil, &pencil, MECHANISM_PLAIN, true},
    {&wrong, &pencil, MECHANISM_PLAIN, false},
    {&pencil, &pencil, MECHANISM_LOGIN, true},
    {&wrong, &pencil, MECHANISM_LOGIN, false},
    {&pencil, &pencil, MECHANISM_CRAM_MD5, true},
    {&wrong, &pencil, MECHANISM_CRAM_MD5, false},
    {&pencil, &pencil, MECHANISM_EXTERNAL, true},
    {&nobody, &pencil, MECHANISM_EXTERNAL, true},
    {&pencil, &pencil, MECHANISM_ANONYMOUS, true},
    {&pencil, &pencil, MECHANISM_SCRAM_SHA_1, true},
    {&wrong, &pencil, MECHANISM_SCRAM_SHA_1, false},
    {&both, &both, MECHANISM_SCRAM_SHA_1, true},
    {&pencil, &pencil, MECHANISM_SCRAM_SHA_256, true},
    {&wrong, &pencil, MECHANISM_SCRAM_SHA_256, false},
    {&both, &both, MECHANISM_SCRAM_SHA_256, true},
    {&utf8, &utf8, MECHANISM_SCRAM_SHA_256, true},
    {&exporter, &both, MECHANISM_SCRAM_SHA_1_PLUS, true},
    {&unique, &both, MECHANISM_SCRAM_SHA_1_PLUS, true},
    {&both, &unique, MECHANISM_SCRAM_SHA_1_PLUS, true},
    {&wrong, &both, MECHANISM_SCRAM_SHA_1_PLUS, false},
    {&exporter, &other_channel, MECHANISM_SCRAM_SHA_1_PLUS, false},
    {&unique, &other_channel, MECHANISM_SCRAM_SHA_1_PLUS, false},
    {&exporter, &both, MECHANISM_SCRAM_SHA_256_PLUS, true},
    {&unique, &both, MECHANISM_SCRAM_SHA_256_PLUS, true},
    {&both, &unique, MECHANISM_SCRAM_SHA_256_PLUS, true},
    {&wrong, &both, MECHANISM_SCRAM_SHA_256_PLUS, false},
    {&exporter, &other_channel, MECHANISM_SCRAM_SHA_256_PLUS, false},
    {&unique, &other_channel, MECHANISM_SCRAM_SHA_256_PLUS, false},
};

START_TEST(test_conversation_with_a_server)
{
	const struct conversation *row = &conversations[_i];

	ck_assert_msg(
	    converse(row->mechanism, row->client, row->server) == row->succeeds,
	    "row %d, %s", _i, mechanism_name(row->mechanism));
}
END_TEST

START_TEST(test_plain_known_answer)
{
	struct sasl *sasl = start(MECHANISM_PLAIN, &tim);

	ck_assert(sasl_is_client_first(sasl));
	step_raw(sasl, "", "AHRpbQB0YW5zdGFhZnRhbnN0YWFm");
	ck_assert(sasl_is_complete(sasl));
	sasl_free(sasl);
}
END_TEST

/* Some servers send a greeting where RFC 4422 wants an empty challenge. */
START_TEST(test_plain_first_challenge_is_not_looked_at)
{
	struct sasl *sasl = start(MECHANISM_PLAIN, &tim);

	step_raw(sasl, "go ahead!", "AHRpbQB0YW5zdGFhZnRhbnN0YWFm");
	sasl_free(sasl);
}
END_TEST

START_TEST(test_login_asks_twice)
{
	struct sasl *sasl = start(MECHANISM_LOGIN, &tim);

	ck_assert(!sasl_is_client_first(sasl));
	step(sasl, "Username:", "tim");
	ck_assert(!sasl_is_complete(sasl));
	step(sasl, "Password:", "tanstaaftanstaaf");
	ck_assert(sasl_is_complete(sasl));
	refuse(sasl, BYTES("Again:"));
	sasl_free(sasl);
}
END_TEST

/* RFC 2195 section 2 */
START_TEST(test_cram_md5_known_answer)
{
	struct sasl *sasl = start(MECHANISM_CRAM_MD5, &tim);

	ck_assert(!sasl_is_client_first(sasl));
	step_raw(sasl,
	    "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",
	    "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw");
	ck_assert(sasl_is_complete(sasl));
	sasl_free(sasl);
}
END_TEST

START_TEST(test_cram_md5_digests_the_whole_of_a_challenge_with_nul)
{
	struct sasl_credentials short_ones = {
	    .user = BYTES("u"), .secret = BYTES("p")};
	struct sasl *sasl = start(MECHANISM_CRAM_MD5, &short_ones);

	step_raw(
	    sasl, "YQBi", "dSBmMzQzYWIwZDg3NDE4NjY2ODc0MDYwOTBjMGNiZjA3Mg==");
	sasl_free(sasl);
}
END_TEST

START_TEST(test_cram_md5_refuses_an_empty_challenge)
{
	struct sasl *sasl = start(MECHANISM_CRAM_MD5, &tim);

	ck_assert_int_eq(refuse(sasl, BYTES("")).kind, IMAP_ERROR_PROTOCOL);
	sasl_free(sasl);
}
END_TEST

START_TEST(test_external_names_the_user_if_there_is_one)
{
	struct sasl *sasl = start(MECHANISM_EXTERNAL, &tim);

	step(sasl, "", "tim");
	ck_assert(sasl_is_complete(sasl));
	sasl_free(sasl);
	sasl = start(MECHANISM_EXTERNAL, &nobody);
	step(sasl, "", "");
	ck_assert(sasl_is_complete(sasl));
	sasl_free(sasl);
}
END_TEST

START_TEST(test_anonymous_needs_nothing)
{
	struct sasl *sasl = start(MECHANISM_ANONYMOUS, &nobody);

	step(sasl, "", "");
	ck_assert(sasl_is_complete(sasl));
	sasl_free(sasl);
}
END_TEST

START_TEST(test_challenge_that_is_not_base64)
{
	static const char *const bad[] = {"*", "Q", "QQ",
	    "QQ=", "A===", "QQ==QQ==", "QUJD QUJD", " QUJD", "QUJD\r",
	    "QUJ\xc3", "-_-_"};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct sasl *sasl = start(MECHANISM_CRAM_MD5, &tim);
		struct imap_error error = refuse_raw(sasl, span_of(bad[i]));

		ck_assert_int_eq(error.kind, IMAP_ERROR_PROTOCOL);
		sasl_free(sasl);
	}
}
END_TEST

START_TEST(test_challenge_of_16_kib_is_taken_and_a_longer_one_not)
{
	static const struct {
		size_t len;
		enum imap_error_kind kind;
	} rows[] = {
	    {16384, IMAP_ERROR_NONE},
	    {16400, IMAP_ERROR_LIMIT},
	    {10000000, IMAP_ERROR_LIMIT},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sasl *sasl = start(MECHANISM_CRAM_MD5, &tim);
		struct imap_error error = {0};
		char *text = mem_alloc(rows[i].len);
		char *base64 = encode((struct span){text, rows[i].len});
		struct buf out;

		buf_init(&out, 65536);
		ck_assert_int_eq(sasl_step(sasl, span_of(base64), &out, &error),
		    rows[i].kind == IMAP_ERROR_NONE);
		ck_assert_int_eq(error.kind, rows[i].kind);
		buf_free(&out);
		gsasl_free(base64);
		mem_free(text);
		sasl_free(sasl);
	}
}
END_TEST

/* Complete is complete: what comes then can only be an attack or a mix-up. */
START_TEST(test_challenge_after_the_end_is_refused)
{
	static const struct {
		enum mechanism mechanism;
		const char *challenge;
	} rows[] = {{MECHANISM_PLAIN, ""}, {MECHANISM_EXTERNAL, ""},
	    {MECHANISM_ANONYMOUS, ""}, {MECHANISM_CRAM_MD5, "QUJD"}};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sasl *sasl = start(rows[i].mechanism, &tim);
		struct buf out;

		buf_init(&out, 1000);
		ck_assert(
		    sasl_step(sasl, span_of(rows[i].challenge), &out, NULL));
		ck_assert(sasl_is_complete(sasl));
		ck_assert_int_eq(
		    refuse(sasl, BYTES("ABC")).kind, IMAP_ERROR_PROTOCOL);
		buf_free(&out);
		sasl_free(sasl);
	}
}
END_TEST

START_TEST(test_answer_that_does_not_fit_is_an_error)
{
	struct sasl *sasl = start(MECHANISM_PLAIN, &tim);
	struct imap_error error = {0};
	struct buf out;

	buf_init(&out, 10);
	ck_assert(!sasl_step(sasl, span_of(""), &out, &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_LIMIT);
	ck_assert(!sasl_is_complete(sasl));
	buf_free(&out);
	sasl_free(sasl);
}
END_TEST

START_TEST(test_new_refuses_nul_in_credentials)
{
	static const struct sasl_credentials rows[] = {
	    {.user = BYTES("us\0er"), .secret = BYTES("pencil")},
	    {.user = BYTES("user"), .secret = BYTES("pen\0cil")},
	    {.user = BYTES("user"),
		.secret = BYTES("pencil"),
		.host = BYTES("a\0b")},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		ck_assert_int_eq(refusal_to_start(MECHANISM_PLAIN, &rows[i]),
		    IMAP_ERROR_AUTH);
		ck_assert_int_eq(
		    refusal_to_start(MECHANISM_SCRAM_SHA_256, &rows[i]),
		    IMAP_ERROR_AUTH);
	}
}
END_TEST

START_TEST(test_new_refuses_credentials_that_do_not_fit)
{
	static const struct {
		const struct sasl_credentials *credentials;
		enum mechanism mechanism;
		enum imap_error_kind kind;
	} rows[] = {
	    {&nobody, MECHANISM_PLAIN, IMAP_ERROR_AUTH},
	    {&token, MECHANISM_PLAIN, IMAP_ERROR_AUTH},
	    {&pencil, MECHANISM_XOAUTH2, IMAP_ERROR_AUTH},
	    {&nobody, MECHANISM_OAUTHBEARER, IMAP_ERROR_AUTH},
	    {&pencil, MECHANISM_SCRAM_SHA_256_PLUS, IMAP_ERROR_UNSUPPORTED},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		ck_assert_int_eq(
		    refusal_to_start(rows[i].mechanism, rows[i].credentials),
		    rows[i].kind);
}
END_TEST

START_TEST(test_password_that_saslprep_forbids_is_the_users_fault)
{
	struct sasl_credentials latin = {
	    .user = BYTES("user"), .secret = BYTES("p\xff")};
	struct imap_error error = {0};
	struct sasl *sasl = start(MECHANISM_CRAM_MD5, &latin);
	struct buf out;

	buf_init(&out, 1000);
	ck_assert(!sasl_step(sasl, span_of("QUJD"), &out, &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_AUTH);
	buf_free(&out);
	sasl_free(sasl);
}
END_TEST

#define BIT(name)  (1u << MECHANISM_##name)
#define ALL	   ((1u << MECHANISM_COUNT) - 1)
#define WITH_PLUS  (BIT(SCRAM_SHA_256_PLUS) | BIT(SCRAM_SHA_1_PLUS))
#define WITH_TOKEN (BIT(OAUTHBEARER) | BIT(XOAUTH2))
#define WITH_NONE  (BIT(EXTERNAL) | BIT(ANONYMOUS))

START_TEST(test_usable_mechanisms)
{
	static const struct sasl_credentials no_user = {
	    .secret = BYTES("pencil")};
	static const struct sasl_credentials no_secret = {
	    .user = BYTES("user")};
	static const struct sasl_credentials empty_token = {
	    .user = BYTES("user"), .is_token = true};
	static const struct {
		const struct sasl_credentials *credentials;
		uint32_t offered;
		uint32_t usable;
	} rows[] = {
	    {&pencil, ALL, ALL & ~(WITH_PLUS | WITH_TOKEN | WITH_NONE)},
	    {&exporter, ALL, ALL & ~(WITH_TOKEN | WITH_NONE)},
	    {&unique, ALL, ALL & ~(WITH_TOKEN | WITH_NONE)},
	    {&token, ALL, WITH_TOKEN},
	    {&token, BIT(PLAIN) | BIT(XOAUTH2), BIT(XOAUTH2)},
	    {&pencil, BIT(PLAIN) | BIT(XOAUTH2), BIT(PLAIN)},
	    {&pencil, 0, 0},
	    {&nobody, ALL, WITH_NONE},
	    {&no_user, ALL, 0},
	    {&no_secret, ALL, WITH_NONE},
	    {&empty_token, ALL, 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		ck_assert_uint_eq(
		    sasl_usable(rows[i].offered, rows[i].credentials),
		    rows[i].usable);
}
END_TEST

START_TEST(test_cleartext_mechanisms)
{
	uint32_t cleartext = 0;

	for (unsigned int i = 0; i < MECHANISM_COUNT; i++)
		if (sasl_is_cleartext((enum mechanism)i))
			cleartext |= 1u << i;
	ck_assert_uint_eq(cleartext, BIT(PLAIN) | BIT(LOGIN) | WITH_TOKEN);
}
END_TEST

START_TEST(test_free_takes_null)
{
	ck_assert_ptr_null(sasl_free(NULL));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sasl");
	TCase *tests = tcase_create("sasl");

	tcase_add_loop_test(tests, test_conversation_with_a_server, 0,
	    (int)COUNT(conversations));
	tcase_add_test(tests, test_plain_known_answer);
	tcase_add_test(tests, test_plain_first_challenge_is_not_looked_at);
	tcase_add_test(tests, test_login_asks_twice);
	tcase_add_test(tests, test_cram_md5_known_answer);
	tcase_add_test(
	    tests, test_cram_md5_digests_the_whole_of_a_challenge_with_nul);
	tcase_add_test(tests, test_cram_md5_refuses_an_empty_challenge);
	tcase_add_test(tests, test_external_names_the_user_if_there_is_one);
	tcase_add_test(tests, test_anonymous_needs_nothing);
	tcase_add_test(tests, test_challenge_that_is_not_base64);
	tcase_add_test(
	    tests, test_challenge_of_16_kib_is_taken_and_a_longer_one_not);
	tcase_add_test(tests, test_challenge_after_the_end_is_refused);
	tcase_add_test(tests, test_answer_that_does_not_fit_is_an_error);
	tcase_add_test(tests, test_new_refuses_nul_in_credentials);
	tcase_add_test(tests, test_new_refuses_credentials_that_do_not_fit);
	tcase_add_test(
	    tests, test_password_that_saslprep_forbids_is_the_users_fault);
	tcase_add_test(tests, test_usable_mechanisms);
	tcase_add_test(tests, test_cleartext_mechanisms);
	tcase_add_test(tests, test_free_takes_null);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
