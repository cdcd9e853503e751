/*
 * Is this the peer's certificate? By its pin, or by chain, dates and name
 * (RFC 6125). A refusal says what is wrong, in which certificate, and what a
 * person can do about it; whatever comes from the certificate is made
 * printable first, since anybody can write anything into one.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "libclient/io/tls_private.h"

enum {
	NAME_SHOWN = 60, /* bytes of a distinguished name */
	NAMES_SHOWN = 110, /* bytes of the list of subjectAltNames */
	NAMES_LISTED = 200, /* more than is shown, so that the cut is seen */
	TEXT_SIZE = 160,
	HEX_SIZE = TLS_FINGERPRINT_SIZE * 2 + 1,
	DATE_SIZE = 16
};

static const char *
describe_fingerprint(const X509 *certificate, char out[HEX_SIZE])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	unsigned i;

	out[0] = '\0';
	if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1)
		return out;
	for (i = 0; i < size && i < TLS_FINGERPRINT_SIZE; i++)
		(void)snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
	return out;
}

static const char *
describe_name(const X509_NAME *name, char out[TEXT_SIZE])
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len;

	out[0] = '\0';
	if (bio == NULL)
		return out;
	if (X509_NAME_print_ex(
		bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		len = BIO_get_mem_data(bio, &text);
		if (len > 0)
			imap_error_printable((struct span){text, (size_t)len},
			    NAME_SHOWN, out, TEXT_SIZE);
	}
	BIO_free(bio);
	return out;
}

static const char *
describe_date(const ASN1_TIME *date, char out[DATE_SIZE])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(date, &tm) != 1 ||
	    strftime(out, DATE_SIZE, "%Y-%m-%d", &tm) == 0)
		(void)snprintf(out, DATE_SIZE, "an unknown day");
	return out;
}

static const char *
describe_today(char out[DATE_SIZE])
{
	const time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(out, DATE_SIZE, "%Y-%m-%d", &tm) == 0)
		(void)snprintf(out, DATE_SIZE, "an unknown day");
	return out;
}

/* Adds a name of the certificate; false if it is not of a kind for hosts. */
static bool
add_name(struct buf *list, const GENERAL_NAME *name)
{
	char address[INET6_ADDRSTRLEN];
	const ASN1_STRING *string = NULL;
	int type = 0;
	int family;
	size_t len;

	string = GENERAL_NAME_get0_value(name, &type);
	if (type == GEN_DNS) {
		len = (size_t)ASN1_STRING_length(string);
		return buf_add(list, ASN1_STRING_get0_data(string),
		    len > NAMES_SHOWN ? NAMES_SHOWN + 1 : len);
	}
	if (type != GEN_IPADD)
		return false;
	if (ASN1_STRING_length(string) == (int)sizeof(struct in_addr))
		family = AF_INET;
	else if (ASN1_STRING_length(string) == (int)sizeof(struct in6_addr))
		family = AF_INET6;
	else
		return false;
	if (inet_ntop(family, ASN1_STRING_get0_data(string), address,
		sizeof(address)) == NULL)
		return false;
	return buf_add_string(list, address);
}

/* The names that the certificate is for, in words. */
static const char *
describe_names(const X509 *certificate, char out[TEXT_SIZE])
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	struct buf list;
	bool is_room = true;
	int i;

	buf_init(&list, NAMES_LISTED);
	for (i = 0; is_room && i < sk_GENERAL_NAME_num(names); i++) {
		if (add_name(&list, sk_GENERAL_NAME_value(names, i)))
			is_room = buf_add_string(&list, ", ");
	}
	if (buf_len(&list) > 2)
		imap_error_printable(
		    (struct span){buf_span(&list).at, buf_len(&list) - 2},
		    NAMES_SHOWN, out, TEXT_SIZE);
	else
		(void)snprintf(
		    out, TEXT_SIZE, "no host (it has no subjectAltName)");
	buf_free(&list);
	GENERAL_NAMES_free(names);
	return out;
}

/* A date is wrong, in the server's certificate or in one above it. */
static void
refuse_date(const char *host, X509_STORE_CTX *store, const X509 *certificate,
    struct imap_error *error)
{
	const bool is_leaf = X509_STORE_CTX_get_error_depth(store) == 0;
	const bool is_expired =
	    X509_STORE_CTX_get_error(store) == X509_V_ERR_CERT_HAS_EXPIRED;
	char date[DATE_SIZE];
	char today[DATE_SIZE];
	char issuer[TEXT_SIZE];

	describe_date(is_expired ? X509_get0_notAfter(certificate)
				 : X509_get0_notBefore(certificate),
	    date);
	describe_name(X509_get_issuer_name(certificate), issuer);
	imap_error_set(error, IMAP_ERROR_TLS,
	    "%s: %scertificate %s %s, and here it is %s; %s, or this "
	    "computer's clock is wrong (issuer %s)",
	    host, is_leaf ? "" : "an issuer's ",
	    is_expired ? "has expired on" : "is not valid before", date,
	    describe_today(today),
	    is_expired ? "it must be renewed by the server's operator"
		       : "the server's operator must replace it",
	    issuer);
}

static void
refuse_chain(const char *host, X509_STORE_CTX *store, const X509 *leaf,
    const X509 *certificate, struct imap_error *error)
{
	const int reason = X509_STORE_CTX_get_error(store);
	char text[TEXT_SIZE];
	char hex[HEX_SIZE];

	switch (reason) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		refuse_date(host, store, certificate, error);
		return;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		imap_error_set(error, IMAP_ERROR_TLS,
		    "%s: certificate is not for this host but for %s; set "
		    "host to a name it has, or tls_fingerprint",
		    host, describe_names(leaf, text));
		return;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		imap_error_set(error, IMAP_ERROR_TLS,
		    "%s: certificate is self-signed; set tls_ca_file, or, if "
		    "its SHA-256 is really this, tls_fingerprint = \"%s\"",
		    host, describe_fingerprint(leaf, hex));
		return;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		imap_error_set(error, IMAP_ERROR_TLS,
		    "%s: certificate comes from an unknown authority; set "
		    "tls_ca_file, or, if its SHA-256 is really this, "
		    "tls_fingerprint = \"%s\" (issuer %s)",
		    host, describe_fingerprint(leaf, hex),
		    describe_name(X509_get_issuer_name(certificate), text));
		return;
	default:
		imap_error_set(error, IMAP_ERROR_TLS,
		    "%s: certificate refused: %s (issuer %s); the server's "
		    "operator must replace it",
		    host, X509_verify_cert_error_string(reason),
		    describe_name(X509_get_issuer_name(certificate), text));
	}
}

static bool
is_pinned(const struct tls_context *context, const X509 *leaf)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	uint32_t i;

	if (X509_digest(leaf, EVP_sha256(), digest, &size) != 1 ||
	    size != TLS_FINGERPRINT_SIZE)
		return false;
	for (i = 0; i < context->pin_count; i++) {
		if (memcmp(context->pins[i], digest, size) == 0)
			return true;
	}
	return false;
}

static bool
check(const struct tls_context *context, X509_STORE_CTX *store,
    struct imap_error *error)
{
	const X509 *leaf = X509_STORE_CTX_get0_cert(store);
	const X509 *certificate;
	char hex[HEX_SIZE];

	if (context == NULL || leaf == NULL) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
		return imap_error_set(
		    error, IMAP_ERROR_TLS, "server: certificate not verified");
	}
	if (context->pin_count == 0) {
		if (X509_verify_cert(store) > 0)
			return true;
		certificate = X509_STORE_CTX_get_current_cert(store);
		refuse_chain(context->host, store, leaf,
		    certificate == NULL ? leaf : certificate, error);
		return false;
	}
	if (is_pinned(context, leaf)) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return true;
	}
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	return imap_error_set(error, IMAP_ERROR_TLS,
	    "%s: certificate is not the pinned one; if the operator confirms "
	    "the change, set tls_fingerprint = \"%s\" (its SHA-256)",
	    context->host, describe_fingerprint(leaf, hex));
}

int
tls_check_certificate(X509_STORE_CTX *store, void *unused)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct imap_error error = {.kind = IMAP_ERROR_NONE};

	(void)unused;
	if (check(tls_context_of(ssl), store, &error))
		return 1;
	tls_link_refuse(ssl, &error);
	return 0;
}
