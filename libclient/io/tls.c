/*
 * The settings of one peer's TLS: protocol versions, trust anchors, the name
 * to verify, the client's certificate, and the sessions to resume. A session
 * is resumed within its context only, so what it proves was verified by the
 * same settings.
 */
#include "libclient/io/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "libclient/base/mem.h"
#include "libclient/io/tls_private.h"

/* 112 bits: no RSA below 2048, no SHA-1, whatever the system's file says. */
enum { SECURITY_LEVEL = 2 };

/* More would save few reads: what is held is moved for each record. */
enum { READ_AHEAD = 32 * 1024 };

/* OpenSSL's reason for the failure just seen, and an empty queue. */
static const char *
take_reason(void)
{
	const unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code);

	if (ERR_SYSTEM_ERROR(code))
		reason = strerrordesc_np(ERR_GET_REASON(code));
	ERR_clear_error();
	return reason == NULL ? "cannot be used" : reason;
}

/* An encrypted key must not make OpenSSL ask at the terminal. */
static int
give_no_password(char *out, int size, int is_writing, void *user)
{
	(void)out;
	(void)size;
	(void)is_writing;
	(void)user;
	return 0;
}

static bool
load_anchors(struct tls_context *context, const struct tls_options *options,
    struct imap_error *error)
{
	if (options->ca_file == NULL) {
		context->is_sharing = tls_anchors_share(context->ssl);
		return context->is_sharing ||
		    imap_error_set(
			error, IMAP_ERROR_LOCAL, "OpenSSL: %s", take_reason());
	}
	tls_anchors_load(SSL_CTX_get_cert_store(context->ssl));
	if (SSL_CTX_load_verify_file(context->ssl, options->ca_file) == 1)
		return true;
	return imap_error_set(error, IMAP_ERROR_CONFIG, "tls_ca_file %s: %s",
	    options->ca_file, take_reason());
}

static bool
load_client_certificate(struct tls_context *context,
    const struct tls_options *options, struct imap_error *error)
{
	const char *key = options->client_key;

	if (options->client_cert == NULL) {
		if (key == NULL)
			return true;
		return imap_error_set(error, IMAP_ERROR_CONFIG,
		    "tls_client_key %s: there is no tls_client_cert for it",
		    key);
	}
	if (SSL_CTX_use_certificate_chain_file(
		context->ssl, options->client_cert) != 1)
		return imap_error_set(error, IMAP_ERROR_CONFIG,
		    "tls_client_cert %s: %s", options->client_cert,
		    take_reason());
	if (key == NULL)
		key = options->client_cert;
	/* It also checks that the key fits the certificate. */
	if (SSL_CTX_use_PrivateKey_file(context->ssl, key, SSL_FILETYPE_PEM) !=
	    1)
		return imap_error_set(error, IMAP_ERROR_CONFIG,
		    "tls_client_key %s: %s", key, take_reason());
	return true;
}

/* RFC 6125: what the certificate must be for. */
static bool
set_name(struct tls_context *context, struct imap_error *error)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context->ssl);
	int result;

	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
		X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	/* What ca_file names is an anchor even if it is not a root. */
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
	/* OpenSSL takes no name, or ".name", as leave to accept any. */
	if (context->host[0] == '\0' || context->host[0] == '.')
		return context->pin_count > 0 ||
		    imap_error_set(error, IMAP_ERROR_CONFIG,
			"TLS: no name to verify: set host or tls_fingerprint");
	if (context->is_address)
		result = X509_VERIFY_PARAM_set1_ip_asc(param, context->host);
	else
		result = X509_VERIFY_PARAM_set1_host(param, context->host, 0);
	return result == 1 ||
	    imap_error_set(error, IMAP_ERROR_CONFIG,
		"%s: not a name that TLS can verify", context->host);
}

static bool
is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 ||
	    inet_pton(AF_INET6, host, &address) == 1;
}

/* As certificates write it: no final dot, no zone behind an address. */
static void
take_host(struct tls_context *context, const char *host)
{
	char *copy = mem_copy_string(host == NULL ? "" : host);
	const size_t len = strlen(copy);
	char *zone = strchr(copy, '%');

	if (zone != NULL)
		*zone = '\0';
	else if (len > 0 && copy[len - 1] == '.')
		copy[len - 1] = '\0';
	context->host = copy;
	context->is_address = is_address(copy);
}

static void
take_pins(struct tls_context *context, const struct tls_options *options)
{
	if (options->pin_count == 0)
		return;
	context->pins =
	    mem_resize(NULL, options->pin_count, TLS_FINGERPRINT_SIZE);
	memcpy(context->pins, options->pins,
	    (size_t)options->pin_count * TLS_FINGERPRINT_SIZE);
	context->pin_count = options->pin_count;
}

/*
 * Called for every session that the peer offers. A copy is kept: OpenSSL marks
 * the connection's own as unfit when the connection is lost, and that is when
 * it is needed most.
 */
static int
on_session(SSL *ssl, SSL_SESSION *offered)
{
	struct tls_context *context = tls_context_of(ssl);
	SSL_SESSION *session;
	unsigned i;

	if (context == NULL || context->is_resumption_off)
		return 0;
	session = SSL_SESSION_dup(offered);
	if (session == NULL)
		return 0;
	if (context->session_count == TLS_MAX_SESSIONS) {
		SSL_SESSION_free(context->sessions[0]);
		for (i = 1; i < TLS_MAX_SESSIONS; i++)
			context->sessions[i - 1] = context->sessions[i];
		context->session_count--;
	}
	context->sessions[context->session_count++] = session;
	return 0;
}

SSL_SESSION *
tls_take_session(struct tls_context *context)
{
	SSL_SESSION *session;

	while (context->session_count > 0) {
		session = context->sessions[context->session_count - 1];
		/* RFC 8446 appendix C.4: a ticket must not be seen twice. */
		if (SSL_SESSION_get_protocol_version(session) <
			TLS1_3_VERSION &&
		    SSL_SESSION_is_resumable(session))
			return SSL_SESSION_dup(session);
		context->session_count--;
		if (SSL_SESSION_is_resumable(session))
			return session;
		SSL_SESSION_free(session);
	}
	return NULL;
}

void
tls_forget_sessions(struct tls_context *context)
{
	while (context->session_count > 0)
		SSL_SESSION_free(context->sessions[--context->session_count]);
}

static void
set_protocol(struct tls_context *context)
{
	const int version =
	    context->is_tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION;

	/* The system's openssl.cnf may ask for more, never for less. */
	if (SSL_CTX_get_min_proto_version(context->ssl) < version)
		SSL_CTX_set_min_proto_version(context->ssl, version);
	if (SSL_CTX_get_security_level(context->ssl) < SECURITY_LEVEL)
		SSL_CTX_set_security_level(context->ssl, SECURITY_LEVEL);
	SSL_CTX_clear_options(context->ssl,
	    SSL_OP_IGNORE_UNEXPECTED_EOF |
		SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
	SSL_CTX_set_options(
	    context->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	/* An idle connection holds no record buffers: 17 KiB and not 40. */
	SSL_CTX_set_mode(context->ssl,
	    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Otherwise two reads for each record, and Dovecot's are of 4 KiB. */
	SSL_CTX_set_read_ahead(context->ssl, 1);
	SSL_CTX_set_default_read_buffer_len(context->ssl, READ_AHEAD);
	SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(
	    context->ssl, tls_check_certificate, NULL);
	SSL_CTX_set_session_cache_mode(
	    context->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context->ssl, on_session);
	SSL_CTX_set_default_passwd_cb(context->ssl, give_no_password);
}

struct tls_context *
tls_context_new(const struct tls_options *options, struct imap_error *error)
{
	struct tls_context *context = mem_new(struct tls_context);

	ERR_clear_error();
	take_host(context, options->host);
	take_pins(context, options);
	context->is_tls13_only = options->is_tls13_only;
	context->ssl = SSL_CTX_new(TLS_client_method());
	if (context->ssl == NULL) {
		imap_error_set(
		    error, IMAP_ERROR_LOCAL, "OpenSSL: %s", take_reason());
		return tls_context_free(context);
	}
	SSL_CTX_set_app_data(context->ssl, context);
	set_protocol(context);
	if (!set_name(context, error) ||
	    !load_anchors(context, options, error) ||
	    !load_client_certificate(context, options, error))
		return tls_context_free(context);
	return context;
}

struct tls_context *
tls_context_free(struct tls_context *context)
{
	if (context == NULL)
		return NULL;
	tls_forget_sessions(context);
	if (context->is_sharing)
		tls_anchors_unshare();
	if (context->ssl != NULL) {
		/* Connections that are still there keep only OpenSSL's part. */
		SSL_CTX_set_app_data(context->ssl, NULL);
		SSL_CTX_free(context->ssl);
	}
	mem_free(context->pins);
	mem_free(context->host);
	mem_free(context);
	return NULL;
}
