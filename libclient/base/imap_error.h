/*
 * The one error type. Its kind names the reaction, its text the fault, in
 * words that an operator can use. It is filled once, where the fault is
 * detected, and passed up as it is.
 */
#ifndef LIBCLIENT_BASE_IMAP_ERROR_H
#define LIBCLIENT_BASE_IMAP_ERROR_H

#include <stdbool.h>

#include "libclient/base/buf.h"

enum imap_error_kind {
	IMAP_ERROR_NONE,
	IMAP_ERROR_NETWORK, /* unreachable or lost: try again */
	IMAP_ERROR_TIMEOUT, /* silent for too long: try again */
	IMAP_ERROR_THROTTLED, /* the server said later: try again later */
	IMAP_ERROR_BUSY, /* another instance holds it: try again later */
	IMAP_ERROR_AUTH, /* credentials refused: a person must act */
	IMAP_ERROR_TLS, /* peer not verified: a person must act */
	IMAP_ERROR_PROXY, /* it refuses us: a person must act */
	IMAP_ERROR_UNSUPPORTED, /* server lacks what is needed (also TLS) */
	IMAP_ERROR_PROTOCOL, /* server broke the protocol: close, back off */
	IMAP_ERROR_LIMIT, /* server sent too much: close, back off */
	IMAP_ERROR_LOCAL, /* disk or other local resource */
	IMAP_ERROR_CONFIG /* the configuration is wrong */
};

struct imap_error {
	enum imap_error_kind kind;
	char text[320];
};

/*
 * Fills *error (which may be NULL) unless it is filled already, and returns
 * false, so that `return imap_error_set(...)` is how functions fail. The text
 * is cut to fit, at a character boundary.
 */
bool imap_error_set(struct imap_error *error, enum imap_error_kind kind,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A word for a kind: "network", "authentication", ... */
const char *imap_error_kind_name(enum imap_error_kind kind);

/*
 * Makes text from a server fit for people: control bytes, invalid UTF-8 and
 * bidirectional controls become \xHH, at most max_bytes of the original are
 * shown and "..." says that more came. Writes a NUL-terminated string of at
 * most size bytes (at least 8) into out and returns out.
 */
char *imap_error_printable(
    struct span text, size_t max_bytes, char *out, size_t size);

#endif
