/*
 * What we check in a SCRAM server's messages (RFC 5802 section 5.1) before
 * libgsasl sees them: what it lets pass or does not tell apart.
 */
#ifndef LIBCLIENT_PROTO_SASL_SCRAM_H
#define LIBCLIENT_PROTO_SASL_SCRAM_H

#include <stdbool.h>

#include "libclient/base/buf.h"
#include "libclient/base/imap_error.h"

/* The nonce in our own client-first-message; a span of that message. */
struct span sasl_scram_nonce(struct span client_first);

/*
 * server-first-message: no mandatory extension, a nonce that begins with ours
 * and is longer, a salt, an iteration count within SASL_MIN_ITERATIONS and
 * SASL_MAX_ITERATIONS.
 */
bool sasl_scram_check_first(struct span server_first, struct span client_nonce,
    struct imap_error *error);

/*
 * server-final-message: a signature (which libgsasl verifies), not an error.
 */
bool sasl_scram_check_final(struct span server_final, struct imap_error *error);

#endif
