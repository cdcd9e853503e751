/*
 * Which certificates are accepted, and what the refusals say; which settings
 * cannot be used. The certificates are made here.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "tests/unit/tls_helpers.h"

enum signer { BY_AUTHORITY, BY_STRANGER, BY_ITSELF };

static const struct {
	const char *host;
	const char *alt_names;
	enum signer signer;
	long from_days;
	long to_days;
	int rsa_bits;
	bool is_sha1;
	const char *refusal; /* NULL: accepted */
} certificates[] = {
    {HOST, "DNS:" HOST, .refusal = NULL},
    {"IMAP.Example.ORG", "DNS:" HOST, .refusal = NULL},
    {HOST ".", "DNS:" HOST, .refusal = NULL},
    {HOST, "DNS:a.example, DNS:" HOST ", IP:10.0.0.1", .refusal = NULL},
    {HOST, "DNS:mail.example.org, IP:10.0.0.1",
	.refusal = "not for this host but for mail.example.org, 10.0.0.1;"},
    {HOST, "DNS:" HOST ".evil.example",
	.refusal = "not for this host but for " HOST ".evil.example;"},
    {HOST, "DNS:*.example.org", .refusal = NULL},
    {"a.b.example.org", "DNS:*.example.org",
	.refusal = "not for this host but for *.example.org;"},
    {"example.org", "DNS:*.example.org",
	.refusal = "not for this host but for *.example.org;"},
    {HOST, "DNS:im*.example.org",
	.refusal = "not for this host but for im*.example.org;"},
    {HOST, "DNS:*p.example.org", .refusal = "not for this host"},
    {HOST, "DNS:imap.*.org", .refusal = "not for this host"},
    {"example.com", "DNS:*.com", .refusal = "not for this host but for *.com;"},
    {HOST, "DNS:*", .refusal = "not for this host"},
    {HOST, NULL, /* the common name is the host */
	.refusal = "not for this host but for no host (it has no "
		   "subjectAltName)"},
    {HOST, "email:imap@example.org", .refusal = "not for this host"},
    {"127.0.0.1", "IP:127.0.0.1", .refusal = NULL},
    {"::1", "IP:::1", .refusal = NULL},
    {"fe80::1%eth0", "IP:fe80::1", .refusal = NULL},
    {"127.0.0.1", "IP:127.0.0.2",
	.refusal = "not for this host but for 127.0.0.2;"},
    {"127.0.0.1", "DNS:127.0.0.1", .refusal = "not for this host"},
    {HOST, "DNS:" HOST, .from_days = -20, .to_days = -10,
	.refusal = "certificate has expired on 2"},
    {HOST, "DNS:" HOST, .from_days = 10, .to_days = 20,
	.refusal = "certificate is not valid before 2"},
    {HOST, "DNS:" HOST, .signer = BY_ITSELF,
	.refusal = "certificate is self-signed; set tls_ca_file, or, if its "
		   "SHA-256 is really this, tls_fingerprint = \""},
    {HOST, "DNS:" HOST, .signer = BY_STRANGER,
	.refusal = "certificate comes from an unknown authority; set "
		   "tls_ca_file, or, if its SHA-256 is really this, "
		   "tls_fingerprint = \""},
    {HOST, "DNS:" HOST, .signer = BY_STRANGER,
	.refusal = "\" (issuer CN = Strange CA)"},
    {HOST, "DNS:" HOST, .rsa_bits = 2048, .refusal = NULL},
    {HOST, "DNS:" HOST, .rsa_bits = 1024, .refusal = "key too weak"},
    {HOST, "DNS:" HOST, .is_sha1 = true, .refusal = "digest"},
};

START_TEST(test_tls_certificate)
{
	const char *const refusal = certificates[_i].refusal;
	struct identity identity = identity_new(&(struct identity_plan){
	    .issuer = certificates[_i].signer == BY_ITSELF ? NULL
		: certificates[_i].signer == BY_STRANGER   ? &stranger
							   : &authority,
	    .common_name = HOST,
	    .alt_names = certificates[_i].alt_names,
	    .from_days = certificates[_i].from_days,
	    .to_days = certificates[_i].to_days,
	    .rsa_bits = certificates[_i].rsa_bits,
	    .is_sha1 = certificates[_i].is_sha1});
	struct visit visit;

	visit_identity(&visit,
	    &(struct tls_options){
		.host = certificates[_i].host, .ca_file = ca_file},
	    &identity);
	identity_free(&identity);
	ck_assert_msg(
	    visit.is_secured == (refusal == NULL), "%s", visit.error.text);
	if (refusal == NULL)
		return;
	ck_assert_int_eq(visit.error.kind, IMAP_ERROR_TLS);
	ck_assert_msg(
	    strstr(visit.error.text, refusal) != NULL, "%s", visit.error.text);
	/* It says where. */
	ck_assert_int_eq(
	    strncmp(visit.error.text, certificates[_i].host, 3), 0);
}
END_TEST

START_TEST(test_tls_expired_issuer_is_told_apart)
{
	struct identity old =
	    identity_new(&(struct identity_plan){.common_name = "Old CA",
		.is_authority = true,
		.from_days = -20,
		.to_days = -10});
	struct identity leaf = identity_new(&(struct identity_plan){
	    .issuer = &old, .common_name = "x", .alt_names = "DNS:" HOST});
	char *file = identity_save(&old, false);
	struct visit visit;

	visit_identity(&visit,
	    &(struct tls_options){.host = HOST, .ca_file = file}, &leaf);
	ck_assert(!visit.is_secured);
	ck_assert_int_eq(visit.error.kind, IMAP_ERROR_TLS);
	ck_assert_msg(strstr(visit.error.text,
			  "an issuer's certificate has expired") != NULL,
	    "%s", visit.error.text);
	identity_unsave(file);
	identity_free(&leaf);
	identity_free(&old);
}
END_TEST

START_TEST(test_tls_names_of_a_certificate_are_made_printable)
{
	struct identity identity = identity_new(&(struct identity_plan){
	    .issuer = &stranger, .common_name = "x", .alt_names = "DNS:" HOST});
	struct identity evil = identity_new(&(struct identity_plan){
	    .common_name = "\xe2\x80\xae \x1b[2J", .is_authority = true});
	struct visit visit;

	identity_free(&identity);
	identity = identity_new(&(struct identity_plan){
	    .issuer = &evil, .common_name = "x", .alt_names = "DNS:" HOST});
	visit_identity(&visit,
	    &(struct tls_options){.host = HOST, .ca_file = ca_file}, &identity);
	ck_assert(!visit.is_secured);
	ck_assert_ptr_null(strchr(visit.error.text, '\x1b'));
	ck_assert_ptr_null(strstr(visit.error.text, "\xe2\x80\xae"));
	identity_free(&identity);
	identity_free(&evil);
}
END_TEST

START_TEST(test_tls_without_ca_file_only_the_system_is_trusted)
{
	struct visit visit;

	visit_identity(&visit, &(struct tls_options){.host = HOST}, &good);
	ck_assert(!visit.is_secured);
	ck_assert_int_eq(visit.error.kind, IMAP_ERROR_TLS);
}
END_TEST

START_TEST(test_tls_self_signed_certificate_as_ca_file)
{
	struct identity own = identity_new(&(struct identity_plan){
	    .common_name = "x", .alt_names = "DNS:" HOST});
	char *file = identity_save(&own, false);
	struct visit visit;

	visit_identity(
	    &visit, &(struct tls_options){.host = HOST, .ca_file = file}, &own);
	ck_assert_msg(visit.is_secured, "%s", visit.error.text);
	identity_unsave(file);
	identity_free(&own);
}
END_TEST

START_TEST(test_tls_pin_stands_in_for_chain_date_and_name)
{
	struct identity own =
	    identity_new(&(struct identity_plan){.common_name = "x",
		.alt_names = "DNS:other.example",
		.from_days = -20,
		.to_days = -10});
	uint8_t pins[2][TLS_FINGERPRINT_SIZE] = {{1, 2, 3}};
	struct visit visit;

	identity_digest(&own, pins[1]);
	visit_identity(&visit,
	    &(struct tls_options){.host = HOST,
		.pins = (const uint8_t(*)[TLS_FINGERPRINT_SIZE])pins,
		.pin_count = 2},
	    &own);
	ck_assert_msg(visit.is_secured, "%s", visit.error.text);
	identity_free(&own);
}
END_TEST

START_TEST(test_tls_pin_refuses_another_valid_certificate)
{
	const uint8_t pins[1][TLS_FINGERPRINT_SIZE] = {{1, 2, 3}};
	uint8_t digest[TLS_FINGERPRINT_SIZE];
	char hex[2 * TLS_FINGERPRINT_SIZE + 1];
	struct visit visit;
	size_t i;

	identity_digest(&good, digest);
	for (i = 0; i < TLS_FINGERPRINT_SIZE; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	visit_identity(&visit,
	    &(struct tls_options){
		.host = HOST, .ca_file = ca_file, .pins = pins, .pin_count = 1},
	    &good);
	ck_assert(!visit.is_secured);
	ck_assert_int_eq(visit.error.kind, IMAP_ERROR_TLS);
	ck_assert_ptr_nonnull(strstr(visit.error.text, "not the pinned one"));
	ck_assert_ptr_nonnull(strstr(visit.error.text, hex));
}
END_TEST

/* A file that holds a key under a password. */
static char *
save_locked_key(void)
{
	char *path = identity_save(&good, false);
	FILE *file = fopen(path, "a");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(PEM_write_PKCS8PrivateKey(file, good.key,
			     EVP_aes_128_cbc(), "secret", 6, NULL, NULL),
	    1);
	fclose(file);
	return path;
}

START_TEST(test_tls_files_that_cannot_be_used_are_named)
{
	char *key_of_another = identity_save(&stranger, true);
	char *cert = identity_save(&good, false);
	char *locked = save_locked_key();
	const struct {
		struct tls_options options;
		const char *setting;
		const char *file;
	} cases[] = {
	    {{.host = HOST, .ca_file = "/nowhere/ca.pem"}, "tls_ca_file",
		"/nowhere/ca.pem: No such file"},
	    {{.host = HOST, .ca_file = "/dev/null"}, "tls_ca_file",
		"/dev/null"},
	    {{.host = HOST, .client_cert = "/nowhere/c.pem"}, "tls_client_cert",
		"/nowhere/c.pem: No such file"},
	    {{.host = HOST, .client_cert = cert}, "tls_client_key", cert},
	    {{.host = HOST, .client_cert = cert, .client_key = key_of_another},
		"tls_client_key", key_of_another},
	    {{.host = HOST, .client_cert = locked}, "tls_client_key", locked},
	    {{.host = HOST, .client_key = cert}, "tls_client_key", cert},
	    {{.host = ""}, "TLS", "no name to verify"},
	    {{.host = NULL}, "TLS", "no name to verify"},
	    {{.host = ".example.org"}, "TLS", "no name to verify"},
	};
	struct imap_error error;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		error = (struct imap_error){.kind = IMAP_ERROR_NONE};
		ck_assert_ptr_null(tls_context_new(&cases[i].options, &error));
		ck_assert_int_eq(error.kind, IMAP_ERROR_CONFIG);
		ck_assert_msg(
		    strstr(error.text, cases[i].setting) == error.text &&
			strstr(error.text, cases[i].file) != NULL,
		    "%s", error.text);
	}
	identity_unsave(locked);
	identity_unsave(cert);
	identity_unsave(key_of_another);
}
END_TEST

START_TEST(test_tls_context_free_takes_null)
{
	ck_assert_ptr_null(tls_context_free(NULL));
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(
	    tcase, test_tls_certificate, 0, COUNT(certificates));
	tcase_add_test(tcase, test_tls_expired_issuer_is_told_apart);
	tcase_add_test(
	    tcase, test_tls_names_of_a_certificate_are_made_printable);
	tcase_add_test(
	    tcase, test_tls_without_ca_file_only_the_system_is_trusted);
	tcase_add_test(tcase, test_tls_self_signed_certificate_as_ca_file);
	tcase_add_test(tcase, test_tls_pin_stands_in_for_chain_date_and_name);
	tcase_add_test(tcase, test_tls_pin_refuses_another_valid_certificate);
	tcase_add_test(tcase, test_tls_files_that_cannot_be_used_are_named);
	tcase_add_test(tcase, test_tls_context_free_takes_null);
}

int
main(void)
{
	Suite *suite = suite_create("tls");
	TCase *tcase = tcase_create("tls");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, setup, teardown);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
