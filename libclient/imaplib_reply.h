/*
 * What a command came to: its result, and every untagged response that came
 * with it, as trees of values.
 */
#ifndef LIBCLIENT_IMAPLIB_REPLY_H
#define LIBCLIENT_IMAPLIB_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"
#include "libclient/base/imap_error.h"

/* imaplib: 'OK' and 'NO', and the exceptions error, abort and readonly. */
enum imaplib_type {
	IMAPLIB_OK,
	IMAPLIB_NO, /* the server said NO */
	IMAPLIB_BAD, /* ... BAD (error) */
	IMAPLIB_ERROR, /* refused here, nothing was sent (error) */
	IMAPLIB_ABORT, /* the connection is of no more use (abort) */
	IMAPLIB_READONLY /* the mailbox is, or became, read-only (readonly) */
};

enum imaplib_kind {
	IMAPLIB_ATOM, /* as sent: \Seen, 42, BODY[HEADER] */
	IMAPLIB_STRING, /* quoted or literal; any bytes */
	IMAPLIB_NIL,
	IMAPLIB_LIST /* .first */
};

struct imaplib_value {
	enum imaplib_kind kind;
	union {
		struct span bytes; /* of an atom or string; of NIL empty */
		const struct imaplib_value *first; /* of a list */
	};
	const struct imaplib_value *next; /* in the list that holds it */
};

/* What an untagged OK, NO, BAD, BYE or PREAUTH says. */
struct imaplib_status {
	struct span code; /* "HIGHESTMODSEQ"; empty: none */
	struct span arguments; /* ... what follows it in the brackets */
	struct span text; /* ... and behind them */
};

/* "* 12 FETCH (...)", "* OK [CODE x] text", a line of IDLE. */
struct imaplib_untagged {
	const struct imaplib_untagged *next;
	struct span name; /* upper-cased: "FETCH", "OK" */
	uint32_t number; /* in front of the name */
	bool has_number;
	const struct imaplib_value *data; /* what follows the name */
	const struct imaplib_status *status; /* NULL: it is none of those */
};

/* All zero is empty. Owns everything it points to. */
struct imaplib_reply {
	enum imaplib_type type;
	struct span code; /* of the tagged response; empty: none */
	struct span arguments;
	struct span text; /* the server's words, or ours, printable */
	struct imap_error error; /* kind NONE for OK, NO and BAD */
	const struct imaplib_untagged *untagged; /* in the order of arrival */
	uint32_t count;
	struct imaplib_memory *memory; /* imaplib's own */
};

void imaplib_reply_free(struct imaplib_reply *reply);

/* "OK", "NO", "BAD", "ERROR", "ABORT", "READONLY" */
const char *imaplib_type_name(enum imaplib_type type);

/* The first untagged response of a name, or NULL; the next one behind it. */
const struct imaplib_untagged *imaplib_find(
    const struct imaplib_reply *reply, const char *name);
const struct imaplib_untagged *imaplib_find_next(
    const struct imaplib_untagged *untagged, const char *name);

#endif
