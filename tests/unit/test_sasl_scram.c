/*
 * libclient/proto/sasl, SCRAM: the RFCs' own examples and servers that lie.
 */
#include "tests/unit/sasl_helpers.h"

#define NONCE "fyko+d2lbbFgONRv9qkxdawL" /* RFC 5802 section 5 */

#define SHA_1_FIRST   "r=" NONCE "3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"
#define SHA_256_NONCE NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SHA_256_FIRST "r=" SHA_256_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"

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

/* Takes the place of libgsasl's, so that published exchanges can be replayed */
int
gsasl_nonce(char *data, size_t datalen)
{
	char *nonce = NULL;
	size_t len = 0;

	ck_assert_int_eq(
	    gsasl_base64_from(NONCE, strlen(NONCE), &nonce, &len), GSASL_OK);
	ck_assert_uint_eq(len, datalen);
	memcpy(data, nonce, len);
	gsasl_free(nonce);
	return GSASL_OK;
}

/* Published exchanges: what the server sends, what we answer, decoded. */
static const struct exchange {
	enum mechanism mechanism;
	const struct sasl_credentials *credentials;
	const char *steps[3][2];
} scram_exchanges[] = {
    /* RFC 5802 section 5 */
    {MECHANISM_SCRAM_SHA_1, &pencil,
	{{"", "n,,n=user,r=" NONCE},
	    {SHA_1_FIRST,
		"c=biws,r=" NONCE "3rfcNHYJY1ZVvWVs7j,"
		"p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="},
	    {"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", ""}}},
    /*
     * RFC 7677 section 3 with a client nonce of the length that libgsasl
     * makes; computed by a program that yields the RFC's own values
     */
    {MECHANISM_SCRAM_SHA_256, &pencil,
	{{"", "n,,n=user,r=" NONCE},
	    {SHA_256_FIRST,
		"c=biws,r=" SHA_256_NONCE
		",p=2FUSN0pPcS7P8hBhsxBJOiUDbRoW4KVNGZT0LxVnSek="},
	    {"v=zJZjsVp2g+W9jd01vgbsshippfH1sM0tLdBvs+e3DF4=", ""}}},
    {MECHANISM_SCRAM_SHA_256_PLUS, &exporter,
	{{"", "p=tls-exporter,,n=user,r=" NONCE},
	    {SHA_256_FIRST,
		"c=cD10bHMtZXhwb3J0ZXIsLGV4cG9ydGVyAGRhdGE=,r=" SHA_256_NONCE
		",p=yAjaeyNhIZ2Px+OUS9rOOpSqO3ImduYoThe08mT6BYw="},
	    {"v=Jy1+cfHK3Aet6Wlcuja5anxQWwOMRJmmCoFqsJe5QWA=", ""}}},
    {MECHANISM_SCRAM_SHA_256_PLUS, &unique,
	{{"", "p=tls-unique,,n=user,r=" NONCE},
	    {SHA_256_FIRST,
		"c=cD10bHMtdW5pcXVlLCx1bmlxdWUA/w==,r=" SHA_256_NONCE
		",p=YffYLFD5ybsTBlYOY7QkfPhrx7mHs8jXSqwCOnZ8wZc="},
	    {"v=PxpwLouBlICe06uvzlH9yidnBNZEYG64a5NXdEtwB7Y=", ""}}},
};

START_TEST(test_scram_known_exchange)
{
	const struct exchange *exchange = &scram_exchanges[_i];
	struct sasl *sasl;

	sasl = start(exchange->mechanism, exchange->credentials);
	for (size_t i = 0; i < 3; i++) {
		ck_assert(!sasl_is_complete(sasl));
		step(sasl, exchange->steps[i][0], exchange->steps[i][1]);
	}
	ck_assert(sasl_is_complete(sasl));
	sasl_free(sasl);
}
END_TEST

/* The -PLUS forms prefer tls-unique, the others never speak of binding. */
START_TEST(test_scram_binding_in_gs2_header)
{
	static const struct {
		enum mechanism mechanism;
		const struct sasl_credentials *credentials;
		const char *first;
	} rows[] = {
	    {MECHANISM_SCRAM_SHA_1_PLUS, &both,
		"p=tls-unique,,n=user,r=" NONCE},
	    {MECHANISM_SCRAM_SHA_1_PLUS, &exporter,
		"p=tls-exporter,,n=user,r=" NONCE},
	    {MECHANISM_SCRAM_SHA_256_PLUS, &unique,
		"p=tls-unique,,n=user,r=" NONCE},
	    {MECHANISM_SCRAM_SHA_256, &both, "n,,n=user,r=" NONCE},
	    {MECHANISM_SCRAM_SHA_1, &unique, "n,,n=user,r=" NONCE},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sasl *sasl =
		    start(rows[i].mechanism, rows[i].credentials);

		step(sasl, "", rows[i].first);
		sasl_free(sasl);
	}
}
END_TEST

START_TEST(test_scram_escapes_comma_and_equals_in_user)
{
	struct sasl_credentials odd = {
	    .user = BYTES("a=b,r=x"), .secret = BYTES("pencil")};
	struct sasl *sasl;

	sasl = start(MECHANISM_SCRAM_SHA_1, &odd);
	step(sasl, "", "n,,n=a=3Db=2Cr=3Dx,r=" NONCE);
	refuse(sasl, BYTES("r=x,s=QSXCR+Q6sek8bf92,i=4096"));
	sasl_free(sasl);
}
END_TEST

/* Server-first messages that must end the exchange. */
static const struct lie {
	struct span message;
	enum imap_error_kind kind;
} first_lies[] = {
    {BYTES("r=" NONCE "x,s=QSXCR+Q6sek8bf92,i=4095"), IMAP_ERROR_UNSUPPORTED},
    {BYTES("r=" NONCE "x,s=QSXCR+Q6sek8bf92,i=1"), IMAP_ERROR_UNSUPPORTED},
    {BYTES("r=" NONCE "x,s=QSXCR+Q6sek8bf92,i=0"), IMAP_ERROR_UNSUPPORTED},
    {BYTES("r=" NONCE "x,s=QSXCR+Q6sek8bf92,i=-1"), IMAP_ERROR_UNSUPPORTED},
    {BYTES("r=" NONCE "x,s=QSXCR+Q6sek8bf92,i="), IMAP_ERROR_UNSUPPORTED},
    {BYTES("r=" NONCE "x,s=QSXCR+Q6sek8bf92,i=1000001"),
	IMAP_ERROR_UNSUPPORTED},
    {BYTES("r=" NONCE "x,s=QSXCR+Q6sek8bf92,i=2147483648"),
	IMAP_ERROR_UNSUPPORTED},
    {BYTES("r=" NONCE "x,s=QSXCR+Q6sek8bf92,i=18446744073709555712"),
	IMAP_ERROR_UNSUPPORTED},
    {BYTES("r=" NONCE ",s=QSXCR+Q6sek8bf92,i=4096"), IMAP_ERROR_PROTOCOL},
    {BYTES("r=fyko+d2lbbFgONRv9qkxdawLx"), IMAP_ERROR_PROTOCOL},
    {BYTES("r=Fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=4096"),
	IMAP_ERROR_PROTOCOL},
    {BYTES("r=x" NONCE "x,s=QSXCR+Q6sek8bf92,i=4096"), IMAP_ERROR_PROTOCOL},
    {BYTES("r=" NONCE "\x01,s=QSXCR+Q6sek8bf92,i=4096"), IMAP_ERROR_PROTOCOL},
    {BYTES("r=" NONCE "\xff,s=QSXCR+Q6sek8bf92,i=4096"), IMAP_ERROR_PROTOCOL},
    {BYTES("r=,s=QSXCR+Q6sek8bf92,i=4096"), IMAP_ERROR_PROTOCOL},
    {BYTES("r=" NONCE "x,s=,i=4096"), IMAP_ERROR_PROTOCOL},
    {BYTES("r=" NONCE "x,s=Q,i=4096"), IMAP_ERROR_PROTOCOL},
    {BYTES("r=" NONCE "x,i=4096"), IMAP_ERROR_PROTOCOL},
    {BYTES("s=QSXCR+Q6sek8bf92,r=" NONCE "x,i=4096"), IMAP_ERROR_PROTOCOL},
    {BYTES("r=" NONCE "x,s=QSXCR+Q6sek8bf92,i=4096\0,i=1"),
	IMAP_ERROR_PROTOCOL},
    {BYTES("r=" NONCE "x,s=QSXCR+Q6sek8bf92,i=4096,,"), IMAP_ERROR_PROTOCOL},
    {BYTES("m=x,r=" NONCE "x,s=QSXCR+Q6sek8bf92,i=4096"),
	IMAP_ERROR_UNSUPPORTED},
    {BYTES("r=" NONCE "x,s=QSXCR+Q6sek8bf92,i=4096,m=x"),
	IMAP_ERROR_UNSUPPORTED},
    {BYTES("e=other-error"), IMAP_ERROR_PROTOCOL},
    {BYTES("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), IMAP_ERROR_PROTOCOL},
    {BYTES("\0"), IMAP_ERROR_PROTOCOL},
    {BYTES(""), IMAP_ERROR_PROTOCOL},
};

START_TEST(test_scram_lying_server_first)
{
	struct imap_error error;
	struct sasl *sasl;

	sasl = start(MECHANISM_SCRAM_SHA_1, &pencil);
	step(sasl, "", "n,,n=user,r=" NONCE);
	error = refuse(sasl, first_lies[_i].message);
	ck_assert_msg(error.kind == first_lies[_i].kind, "%s", error.text);
	sasl_free(sasl);
}
END_TEST

static const struct lie final_lies[] = {
    {BYTES("v=rmF9pqV8S7suAoZWja4dJRkFsKR="), IMAP_ERROR_AUTH},
    {BYTES("v=AAAAAAAAAAAAAAAAAAAAAAAAAAA="), IMAP_ERROR_AUTH},
    {BYTES("v=rmF9"), IMAP_ERROR_NONE}, /* of any kind */
    {BYTES("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=\0"), IMAP_ERROR_PROTOCOL},
    {BYTES("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=,m=x"), IMAP_ERROR_UNSUPPORTED},
    {BYTES("v="), IMAP_ERROR_PROTOCOL},
    {BYTES(""), IMAP_ERROR_PROTOCOL},
    {BYTES(SHA_1_FIRST), IMAP_ERROR_PROTOCOL},
    {BYTES("e=invalid-proof"), IMAP_ERROR_AUTH},
};

START_TEST(test_scram_lying_server_final)
{
	const struct exchange *exchange = &scram_exchanges[0];
	struct imap_error error;
	struct sasl *sasl;

	sasl = start(MECHANISM_SCRAM_SHA_1, &pencil);
	step(sasl, exchange->steps[0][0], exchange->steps[0][1]);
	step(sasl, exchange->steps[1][0], exchange->steps[1][1]);
	error = refuse(sasl, final_lies[_i].message);
	if (final_lies[_i].kind != IMAP_ERROR_NONE)
		ck_assert_msg(
		    error.kind == final_lies[_i].kind, "%s", error.text);
	sasl_free(sasl);
}
END_TEST

START_TEST(test_scram_server_error_is_shown_printable)
{
	const struct exchange *exchange = &scram_exchanges[0];
	struct imap_error error;
	struct sasl *sasl;

	sasl = start(MECHANISM_SCRAM_SHA_1, &pencil);
	step(sasl, exchange->steps[0][0], exchange->steps[0][1]);
	step(sasl, exchange->steps[1][0], exchange->steps[1][1]);
	error = refuse(sasl, BYTES("e=bad\x1b[2J"));
	ck_assert_ptr_nonnull(strstr(error.text, "\"bad\\x1b[2J\""));
	sasl_free(sasl);
}
END_TEST

/* An OK here is not to be believed: the caller asks sasl_is_complete(). */
START_TEST(test_scram_without_server_final_is_not_complete)
{
	const struct exchange *exchange = &scram_exchanges[0];
	struct sasl *sasl;

	sasl = start(MECHANISM_SCRAM_SHA_1, &pencil);
	ck_assert(!sasl_is_complete(sasl));
	step(sasl, exchange->steps[0][0], exchange->steps[0][1]);
	ck_assert(!sasl_is_complete(sasl));
	step(sasl, exchange->steps[1][0], exchange->steps[1][1]);
	ck_assert(!sasl_is_complete(sasl));
	sasl_free(sasl);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sasl_scram");
	TCase *tests = tcase_create("sasl_scram");

	tcase_add_loop_test(
	    tests, test_scram_known_exchange, 0, (int)COUNT(scram_exchanges));
	tcase_add_test(tests, test_scram_binding_in_gs2_header);
	tcase_add_test(tests, test_scram_escapes_comma_and_equals_in_user);
	tcase_add_loop_test(
	    tests, test_scram_lying_server_first, 0, (int)COUNT(first_lies));
	tcase_add_loop_test(
	    tests, test_scram_lying_server_final, 0, (int)COUNT(final_lies));
	tcase_add_test(tests, test_scram_server_error_is_shown_printable);
	tcase_add_test(tests, test_scram_without_server_final_is_not_complete);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
