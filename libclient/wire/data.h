/*
 * The values that a server's responses carry, typed. Message sequence numbers
 * are not among them: they never leave libclient.
 */
#ifndef LIBCLIENT_WIRE_DATA_H
#define LIBCLIENT_WIRE_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"
#include "libclient/wire/capability.h"
#include "libclient/wire/code.h"
#include "libclient/wire/mailbox_data.h"
#include "libclient/wire/uidset.h"

/* System flags (RFC 9051 section 2.3.2); $Forwarded is a keyword to IMAP. */
enum imap_flag {
	IMAP_FLAG_SEEN = 1 << 0,
	IMAP_FLAG_ANSWERED = 1 << 1,
	IMAP_FLAG_FLAGGED = 1 << 2,
	IMAP_FLAG_DELETED = 1 << 3,
	IMAP_FLAG_DRAFT = 1 << 4,
	IMAP_FLAG_FORWARDED = 1 << 5,
	IMAP_FLAG_RECENT = 1 << 6
};

/* A FLAGS list. keywords: the other atoms, as sent, $Forwarded left out. */
struct imap_flags {
	unsigned flags; /* enum imap_flag */
	const struct span *keywords;
	uint32_t keyword_count;
};

/* What a FETCH response said of a message. has_*: the item was there. */
struct imap_fetch {
	uint32_t uid; /* 0: not said, so this is only a hint */
	struct imap_flags flags;
	uint64_t modseq; /* 0: not said */
	uint64_t size; /* RFC822.SIZE */
	int64_t internaldate; /* Unix seconds */
	struct span emailid; /* EMAILID or X-GM-MSGID; empty: not said */
	struct span header; /* BODY[HEADER...], all of it or some fields */
	bool has_header;
	bool has_flags;
	bool has_size;
	bool has_internaldate;
	bool has_body; /* BODY[] came with bytes */
	bool body_is_nil; /* BODY[] came as NIL or without a value */
	uint32_t body; /* id of the streamed pieces */
	uint64_t body_size; /* octets of BODY[] */
};

enum imap_data_type {
	IMAP_DATA_EXISTS, /* .count */
	IMAP_DATA_RECENT, /* .count */
	IMAP_DATA_EXPUNGE, /* nothing: which one is not said above here */
	IMAP_DATA_VANISHED, /* .vanished */
	IMAP_DATA_FETCH, /* .fetch */
	IMAP_DATA_SEARCH, /* .search: UIDs found, also from ESEARCH */
	IMAP_DATA_LIST, /* .list */
	IMAP_DATA_STATUS, /* .status */
	IMAP_DATA_FLAGS, /* .flags: of the mailbox */
	IMAP_DATA_CAPABILITY, /* .words */
	IMAP_DATA_ENABLED, /* .words */
	IMAP_DATA_ID, /* .words: the raw list or NIL */
	IMAP_DATA_STATE, /* .state: an untagged OK, NO, BAD, BYE, PREAUTH */
	IMAP_DATA_OTHER /* .words: name and the rest, raw */
};

/* One untagged response. Everything it points to is borrowed. */
struct imap_data {
	enum imap_data_type type;
	union {
		uint32_t count;
		struct {
			const struct uidset *uids;
			bool earlier;
		} vanished;
		struct imap_fetch fetch;
		struct {
			const struct uidset *uids;
			uint64_t modseq; /* 0: not said */
			struct span tag; /* ESEARCH's correlator; empty: none */
		} search;
		struct imap_list list;
		struct imap_status status;
		struct imap_flags flags;
		struct span words;
		struct {
			enum imap_state state;
			struct imap_code code;
			struct span text;
		} state;
	};
};

#endif
