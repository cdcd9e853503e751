/*
 * What the TLS files and stream.c share: a context's inside, and the link,
 * which is TLS on one connection. Nobody else includes this or OpenSSL.
 */
#ifndef LIBCLIENT_IO_TLS_PRIVATE_H
#define LIBCLIENT_IO_TLS_PRIVATE_H

#include <stddef.h>

#include <openssl/ssl.h>

#include "libclient/io/tls.h"

/*
 * Sessions to resume: a ticket of TLS 1.3 serves once, and a session holds the
 * peer's certificates, so there are a few and not many.
 */
enum { TLS_MAX_SESSIONS = 4 };

struct tls_context {
	SSL_CTX *ssl;
	char *host; /* as verified: no final dot */
	bool is_address;
	bool is_tls13_only;
	bool is_sharing; /* the system's trust anchors, with others */
	uint8_t (*pins)[TLS_FINGERPRINT_SIZE];
	uint32_t pin_count;
	SSL_SESSION *sessions[TLS_MAX_SESSIONS]; /* the newest last */
	unsigned session_count;
	bool is_resumption_off; /* the peer cannot do it */
};

enum io_result {
	IO_DONE,
	IO_WANT_READ,
	IO_WANT_WRITE,
	IO_CLOSED, /* an announced end; *error is filled */
	IO_FAILED /* *error is filled; the link is of no more use */
};

struct tls_link;

/* TLS on two descriptors (or twice the same), which stay the caller's. */
struct tls_link *tls_link_new(
    struct tls_context *context, int read_fd, int write_fd);

/* Sends a close_notify if that is proper and does not block. NULL ok. */
struct tls_link *tls_link_free(struct tls_link *link);

enum io_result tls_link_handshake(
    struct tls_link *link, struct imap_error *error);

/* One record at most; *count is set when the result is IO_DONE. */
enum io_result tls_link_read(struct tls_link *link, char *out, size_t size,
    size_t *count, struct imap_error *error);
enum io_result tls_link_write(struct tls_link *link, struct span bytes,
    size_t *count, struct imap_error *error);

/* Bytes on the wire. */
uint64_t tls_link_bytes_in(const struct tls_link *link);
uint64_t tls_link_bytes_out(const struct tls_link *link);

/* As the stream's functions of these names. */
/* The handshake failed although, or because, a session was offered. */
bool tls_link_failed_resuming(const struct tls_link *link);
const char *tls_link_description(const struct tls_link *link);
size_t tls_link_exporter(const struct tls_link *link, char *out, size_t size);
size_t tls_link_unique(const struct tls_link *link, char *out, size_t size);

/* The check of the certificate says why the handshake is going to fail. */
void tls_link_refuse(SSL *ssl, const struct imap_error *error);

/* The context of a connection; NULL if it was freed meanwhile. */
static inline struct tls_context *
tls_context_of(const SSL *ssl)
{
	return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/* The caller's reference to a session that may be resumed, or NULL. */
SSL_SESSION *tls_take_session(struct tls_context *context);

/* After a handshake that failed: none of them is to be trusted to work. */
void tls_forget_sessions(struct tls_context *context);

/* For SSL_CTX_set_cert_verify_callback(): pins, or chain, dates and name. */
int tls_check_certificate(X509_STORE_CTX *store, void *unused);

/* ---- the system's trust anchors: tls_anchors.c ---- */

/* As OpenSSL finds them; what it cannot read is left out. */
void tls_anchors_load(X509_STORE *store);

/* The same, in one store for all contexts that add none of their own. False:
 * out of memory, as OpenSSL's queue says. */
bool tls_anchors_share(SSL_CTX *ssl);
void tls_anchors_unshare(void);

/* The directory has what the file has, each under its hash: both are made by
 * one tool if the file is in it. */
bool tls_anchors_are_hashed(const char *file, const char *directory);

#endif
