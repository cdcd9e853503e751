/*
 * What a session tells: events, pulled one by one, and the selected mailbox.
 */
#ifndef LIBCLIENT_PROTO_EVENT_H
#define LIBCLIENT_PROTO_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/imap_error.h"
#include "libclient/wire/data.h"
#include "libclient/wire/frame.h"

enum imap_event_type {
	IMAP_READY, /* logged in; commands are accepted */
	IMAP_DATA, /* .data: one untagged response */
	IMAP_BODY, /* .body: a piece of a message; a later FETCH names its id */
	IMAP_IDLING, /* the server said + to IDLE .serial */
	IMAP_DONE, /* command .serial ended: .state, .code, .text */
	IMAP_CLOSED, /* .error says why; always the last event */
	IMAP_CHALLENGE /* AUTHENTICATE .serial wants an answer to .text */
};

/* An event and all that it points to are borrowed until the next one. */
struct imap_event {
	enum imap_event_type type;
	uint64_t serial;
	const struct imap_data *data;
	struct {
		uint32_t id;
		struct span piece;
		uint64_t total; /* octets of the whole body */
	} body;
	enum imap_state state; /* OK, NO or BAD */
	struct imap_code code;
	struct span text;
	const struct imap_error *error;
	const struct frame_view *raw; /* IMAP_DATA of is_manual, else NULL */
};

/* RFC 8474: no id is longer than 255. */
#define IMAP_MAILBOXID_SIZE 256

/* The selected mailbox as the server last described it. */
struct imap_mailbox {
	uint32_t exists;
	uint32_t uidvalidity; /* 0: not said */
	uint32_t uidnext; /* 0: not said */
	uint64_t highestmodseq; /* 0: not said, or NOMODSEQ */
	bool is_read_only;
	char mailboxid[IMAP_MAILBOXID_SIZE]; /* "": not said */
};

#endif
