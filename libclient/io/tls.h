/*
 * TLS by OpenSSL: what is verified, and how. There is no switch to turn the
 * verification off; a pinned certificate stands in for it.
 */
#ifndef LIBCLIENT_IO_TLS_H
#define LIBCLIENT_IO_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/imap_error.h"

#define TLS_FINGERPRINT_SIZE 32 /* SHA-256 */

struct tls_options {
	const char *host; /* SNI and the name to verify, or an address */
	const char *ca_file; /* extra trust anchors, PEM; NULL: none */
	const char *client_cert; /* PEM; NULL: none */
	const char *client_key; /* PEM; NULL: in client_cert */
	const uint8_t (*pins)[TLS_FINGERPRINT_SIZE]; /* leaf certificates */
	uint32_t pin_count; /* 0: verify the chain */
	bool is_tls13_only;
};

/* Settings and session cache for all connections to one peer. */
struct tls_context;

/*
 * Reads the files. NULL and *error (CONFIG, naming the file) when one cannot
 * be used. TLS 1.2 at least, chain, dates and name verified (subjectAltName
 * only, `*` only as the whole leftmost label; an address needs an iPAddress
 * entry), the system's trust anchors and ca_file.
 */
struct tls_context *tls_context_new(
    const struct tls_options *options, struct imap_error *error);
struct tls_context *tls_context_free(struct tls_context *context);

#endif
