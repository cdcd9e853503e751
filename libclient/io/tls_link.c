/*
 * TLS on one connection, and what its failures mean. OpenSSL writes to the
 * descriptors itself; SIGPIPE is ignored by whoever owns them (stream.c).
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "libclient/base/mem.h"
#include "libclient/io/tls_private.h"

enum { DESCRIPTION_SIZE = 80 };

struct tls_link {
	SSL *ssl;
	struct imap_error *refusal; /* of the peer's certificate; or NULL */
	bool is_established;
	bool is_resuming; /* a session was offered */
	bool is_broken; /* no close_notify may be sent */
	char description[DESCRIPTION_SIZE];
};

enum meaning {
	NOT_TLS,
	OLD_VERSION,
	NEEDS_CLIENT_CERTIFICATE,
	SERVER_TROUBLE,
	OTHER
};

static enum meaning
meaning_of(int reason)
{
	static const struct {
		int reason;
		enum meaning meaning;
	} meanings[] = {
	    /* The first bytes of a plain greeting are no record header. */
	    {SSL_R_WRONG_VERSION_NUMBER, NOT_TLS},
	    {SSL_R_HTTP_REQUEST, NOT_TLS},
	    {SSL_R_HTTPS_PROXY_REQUEST, NOT_TLS},
	    {SSL_R_PACKET_LENGTH_TOO_LONG, NOT_TLS},
	    {SSL_R_BAD_RECORD_TYPE, NOT_TLS},
	    {SSL_R_UNSUPPORTED_PROTOCOL, OLD_VERSION},
	    {SSL_R_WRONG_SSL_VERSION, OLD_VERSION},
	    {SSL_R_VERSION_TOO_LOW, OLD_VERSION},
	    {SSL_R_UNKNOWN_PROTOCOL, OLD_VERSION},
	    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, OLD_VERSION},
	    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, NEEDS_CLIENT_CERTIFICATE},
	    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, NEEDS_CLIENT_CERTIFICATE},
	    {SSL_R_SSLV3_ALERT_NO_CERTIFICATE, NEEDS_CLIENT_CERTIFICATE},
	    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
		NEEDS_CLIENT_CERTIFICATE},
	    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, NEEDS_CLIENT_CERTIFICATE},
	    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, NEEDS_CLIENT_CERTIFICATE},
	    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, NEEDS_CLIENT_CERTIFICATE},
	    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, NEEDS_CLIENT_CERTIFICATE},
	    {SSL_R_TLSV1_ALERT_ACCESS_DENIED, NEEDS_CLIENT_CERTIFICATE},
	    {SSL_R_TLSV1_ALERT_INTERNAL_ERROR, SERVER_TROUBLE},
	    {SSL_R_TLSV1_ALERT_USER_CANCELLED, SERVER_TROUBLE},
	};
	size_t i;

	for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (meanings[i].reason == reason)
			return meanings[i].meaning;
	}
	return OTHER;
}

static const char *
host_of(const struct tls_link *link)
{
	const struct tls_context *context = tls_context_of(link->ssl);

	return context == NULL ? "server" : context->host;
}

/* What a failure inside TLS means, before and after the handshake. */
static void
explain(
    const struct tls_link *link, unsigned long code, struct imap_error *error)
{
	const struct tls_context *context = tls_context_of(link->ssl);
	const bool is_13 = context != NULL && context->is_tls13_only;
	const char *host = host_of(link);
	const char *reason = ERR_reason_error_string(code);
	const enum meaning meaning = meaning_of(ERR_GET_REASON(code));

	if (reason == NULL)
		reason = "unknown error";
	if (meaning == NEEDS_CLIENT_CERTIFICATE) {
		imap_error_set(error, IMAP_ERROR_TLS,
		    "%s: the server does not accept the client certificate, "
		    "or its lack (%s); check tls_client_cert",
		    host, reason);
	} else if (link->is_established || meaning == SERVER_TROUBLE) {
		imap_error_set(
		    error, IMAP_ERROR_NETWORK, "%s: TLS: %s", host, reason);
	} else if (meaning == NOT_TLS) {
		imap_error_set(error, IMAP_ERROR_UNSUPPORTED,
		    "%s: the server does not speak TLS on this port; check "
		    "port and tls (\"implicit\" or \"starttls\")",
		    host);
	} else if (meaning == OLD_VERSION) {
		imap_error_set(error, IMAP_ERROR_TLS,
		    "%s: the server does not offer %s (%s); %s", host,
		    is_13 ? "TLS 1.3" : "TLS 1.2 or newer", reason,
		    is_13 ? "set tls_min_version to \"1.2\" if that will do"
			  : "it must be updated by its operator");
	} else {
		imap_error_set(error, IMAP_ERROR_TLS,
		    "%s: TLS handshake failed: %s", host, reason);
	}
}

static void
explain_loss(
    const struct tls_link *link, int system_error, struct imap_error *error)
{
	const char *text = strerrordesc_np(system_error);

	if (system_error == 0)
		text = "closed by the peer";
	if (link->is_established)
		imap_error_set(error, IMAP_ERROR_NETWORK, "%s", text);
	else
		imap_error_set(error, IMAP_ERROR_NETWORK,
		    "%s: connection lost during the TLS handshake: %s",
		    host_of(link), text);
}

static enum io_result
fail(struct tls_link *link, int ssl_error, int system_error,
    struct imap_error *error)
{
	const unsigned long code = ERR_peek_error();
	const bool is_end = ERR_GET_LIB(code) == ERR_LIB_SSL &&
	    ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
	const bool is_lost = ssl_error == SSL_ERROR_SYSCALL || is_end;
	struct tls_context *context = tls_context_of(link->ssl);

	link->is_broken = true;
	/* A session that the peer cannot resume must not fail for ever. */
	if (context != NULL && !(link->is_established && is_lost))
		tls_forget_sessions(context);
	if (context != NULL && !link->is_established && link->is_resuming)
		context->is_resumption_off = true;
	if (link->refusal != NULL)
		imap_error_set(
		    error, link->refusal->kind, "%s", link->refusal->text);
	else if (is_lost)
		explain_loss(link, is_end ? 0 : system_error, error);
	else
		explain(link, code, error);
	ERR_clear_error();
	return IO_FAILED;
}

/* Prepares OpenSSL's and the system's errors for being read afterwards. An
 * empty queue is not cleared: that is as dear as much of reading a record. */
static void
begin(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
	errno = 0;
}

static enum io_result
outcome(struct tls_link *link, int result, struct imap_error *error)
{
	const int system_error = errno;
	const int ssl_error = SSL_get_error(link->ssl, result);

	switch (ssl_error) {
	case SSL_ERROR_NONE:
		return IO_DONE;
	case SSL_ERROR_WANT_READ:
		return IO_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return IO_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		imap_error_set(error, IMAP_ERROR_NETWORK, "closed by the peer");
		return IO_CLOSED;
	default:
		return fail(link, ssl_error, system_error, error);
	}
}

void
tls_link_refuse(SSL *ssl, const struct imap_error *error)
{
	struct tls_link *link = SSL_get_app_data(ssl);

	if (link->refusal == NULL)
		link->refusal = mem_new(struct imap_error);
	*link->refusal = *error;
}

static void
resume(struct tls_link *link, struct tls_context *context)
{
	SSL_SESSION *session = tls_take_session(context);

	if (session == NULL)
		return;
	link->is_resuming = SSL_set_session(link->ssl, session) == 1;
	SSL_SESSION_free(session);
}

/* OpenSSL has no policy for running out of memory; ours is to end. */
struct tls_link *
tls_link_new(struct tls_context *context, int read_fd, int write_fd)
{
	struct tls_link *link = mem_new(struct tls_link);
	BIO *in = BIO_new_socket(read_fd, BIO_NOCLOSE);
	BIO *out = BIO_new_socket(write_fd, BIO_NOCLOSE);

	begin();
	link->ssl = SSL_new(context->ssl);
	if (link->ssl == NULL || in == NULL || out == NULL)
		abort();
	SSL_set_bio(link->ssl, in, out);
	SSL_set_app_data(link->ssl, link);
	SSL_set_connect_state(link->ssl);
	/* RFC 6066 section 3: no addresses here. */
	if (!context->is_address && context->host[0] != '\0')
		(void)SSL_set_tlsext_host_name(link->ssl, context->host);
	resume(link, context);
	return link;
}

struct tls_link *
tls_link_free(struct tls_link *link)
{
	if (link == NULL)
		return NULL;
	begin();
	if (link->is_established && !link->is_broken)
		(void)SSL_shutdown(link->ssl);
	/* Without it OpenSSL takes a lost connection's session for bad. */
	SSL_set_shutdown(link->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	ERR_clear_error();
	SSL_free(link->ssl);
	mem_free(link->refusal);
	mem_free(link);
	return NULL;
}

enum io_result
tls_link_handshake(struct tls_link *link, struct imap_error *error)
{
	enum io_result result;

	begin();
	result = outcome(link, SSL_do_handshake(link->ssl), error);
	if (result != IO_DONE)
		return result;
	/* Both are so already; this is what everything else rests on. */
	if (SSL_get_verify_result(link->ssl) != X509_V_OK ||
	    SSL_get0_peer_certificate(link->ssl) == NULL) {
		imap_error_set(error, IMAP_ERROR_TLS,
		    "%s: the server has not shown a valid certificate",
		    host_of(link));
		link->is_broken = true;
		return IO_FAILED;
	}
	link->is_established = true;
	(void)snprintf(link->description, sizeof(link->description), "%s, %s%s",
	    SSL_get_version(link->ssl), SSL_get_cipher_name(link->ssl),
	    SSL_session_reused(link->ssl) ? ", resumed" : "");
	return IO_DONE;
}

enum io_result
tls_link_read(struct tls_link *link, char *out, size_t size, size_t *count,
    struct imap_error *error)
{
	begin();
	return outcome(link, SSL_read_ex(link->ssl, out, size, count), error);
}

enum io_result
tls_link_write(struct tls_link *link, struct span bytes, size_t *count,
    struct imap_error *error)
{
	begin();
	return outcome(
	    link, SSL_write_ex(link->ssl, bytes.at, bytes.len, count), error);
}

uint64_t
tls_link_bytes_in(const struct tls_link *link)
{
	return BIO_number_read(SSL_get_rbio(link->ssl));
}

uint64_t
tls_link_bytes_out(const struct tls_link *link)
{
	return BIO_number_written(SSL_get_wbio(link->ssl));
}

bool
tls_link_failed_resuming(const struct tls_link *link)
{
	return link->is_resuming && link->is_broken && !link->is_established;
}

const char *
tls_link_description(const struct tls_link *link)
{
	return link->description;
}

size_t
tls_link_exporter(const struct tls_link *link, char *out, size_t size)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	enum { EXPORTER_SIZE = 32 };

	if (!link->is_established || size < EXPORTER_SIZE)
		return 0;
	/* RFC 9266 section 4.2: else the same data can name two sessions. */
	if (SSL_version(link->ssl) < TLS1_3_VERSION &&
	    SSL_get_extms_support(link->ssl) != 1)
		return 0;
	if (SSL_export_keying_material(link->ssl, (unsigned char *)out,
		EXPORTER_SIZE, label, sizeof(label) - 1,
		(const unsigned char *)"", 0, 1) != 1) {
		ERR_clear_error();
		return 0;
	}
	return EXPORTER_SIZE;
}

/*
 * RFC 5929 section 3: the first Finished of the handshake: the client's, or
 * the server's when a session was resumed (where RFC 7627 is needed for it to
 * be unique).
 */
size_t
tls_link_unique(const struct tls_link *link, char *out, size_t size)
{
	size_t len = 0; /* of all of it, even when less was copied */

	if (!link->is_established || SSL_version(link->ssl) != TLS1_2_VERSION)
		return 0;
	if (!SSL_session_reused(link->ssl))
		len = SSL_get_finished(link->ssl, out, size);
	else if (SSL_get_extms_support(link->ssl) == 1)
		len = SSL_get_peer_finished(link->ssl, out, size);
	return len <= size ? len : 0;
}
