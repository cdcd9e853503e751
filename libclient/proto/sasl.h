/*
 * SASL mechanisms: libgsasl's where it has them, XOAUTH2 (Google's and
 * Microsoft's documents) and OAUTHBEARER (RFC 7628) here.
 */
#ifndef LIBCLIENT_PROTO_SASL_H
#define LIBCLIENT_PROTO_SASL_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"
#include "libclient/base/imap_error.h"
#include "libclient/wire/capability.h"

/* SCRAM iteration counts that are accepted from a server. */
#define SASL_MIN_ITERATIONS 4096
#define SASL_MAX_ITERATIONS 1000000

struct sasl_credentials {
	struct span user;
	struct span secret; /* password, or access token */
	struct span host; /* OAUTHBEARER wants to say whom it talks to */
	uint16_t port;
	bool is_token; /* the secret is an access token */
	/*
	 * Channel binding data of the TLS connection: raw bytes, empty if
	 * there are none. exporter: RFC 9266, TLS 1.3 (and 1.2 with EMS);
	 * unique: RFC 5929, TLS 1.2. With both, the exporter's are used.
	 */
	struct span tls_exporter;
	struct span tls_unique;
};

struct sasl;

/*
 * Starts an exchange. Copies the credentials. NULL and *error (AUTH or
 * UNSUPPORTED) when the mechanism cannot work with them. EXTERNAL asks to act
 * as the user, ANONYMOUS leaves it as a trace; with both it may be empty.
 */
struct sasl *sasl_new(enum mechanism mechanism,
    const struct sasl_credentials *credentials, struct imap_error *error);

/* Wipes and frees; NULL ok; returns NULL. */
struct sasl *sasl_free(struct sasl *sasl);

/* True if the client speaks first, so that an initial response can be sent. */
bool sasl_is_client_first(const struct sasl *sasl);

/*
 * Answers a challenge (base64 as in the continuation; the first one of a
 * client-first mechanism says nothing and is not looked at). Appends the base64
 * of the answer, without CRLF, to *out; an empty answer appends nothing. False
 * and *error: the exchange must be cancelled ("*"), it is over: bad base64,
 * a nonce that does not extend ours, an iteration count out of bounds, a wrong
 * server signature, a challenge too many. The failure JSON of XOAUTH2 and
 * OAUTHBEARER is decoded into sasl_failure() and answered as the mechanism
 * wants (an empty line, AQ==), returning true.
 */
bool sasl_step(struct sasl *sasl, struct span challenge, struct buf *out,
    struct imap_error *error);

/*
 * True when nothing more is expected from the server but its tagged reply: an
 * OK before that has not proven that the server knows the password (SCRAM).
 */
bool sasl_is_complete(const struct sasl *sasl);

/* What the server said of a refused token, printable; "" if nothing. */
const char *sasl_failure(const struct sasl *sasl);

/*
 * Which of the mechanisms in the mask can be used: SCRAM-*-PLUS need channel
 * binding data, all but EXTERNAL and ANONYMOUS a user and a secret. A token is
 * for OAUTHBEARER and XOAUTH2 only, a password for the others; whoever has a
 * secret wants it used, so that it rules EXTERNAL and ANONYMOUS out.
 */
uint32_t sasl_usable(
    uint32_t mechanisms, const struct sasl_credentials *credentials);

/* True for mechanisms that show the secret itself to whoever listens. */
bool sasl_is_cleartext(enum mechanism mechanism);

#endif
