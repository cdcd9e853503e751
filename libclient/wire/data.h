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
	bool has_flags;
	bool has_size;
	bool has_internaldate;
	bool has_body; /* BODY[] came with bytes */
	bool body_is_nil; /* BODY[] came as NIL or without a value */
	uint32_t body; /* id of the streamed pieces */
	uint64_t body_size; /* octets of BODY[] */
};

/* LIST attributes (RFC 9051 section 7.3.1, RFC 6154). */
enum imap_list_flag {
	IMAP_LIST_NOSELECT = 1 << 0,
	IMAP_LIST_NONEXISTENT = 1 << 1,
	IMAP_LIST_NOINFERIORS = 1 << 2,
	IMAP_LIST_HAS_CHILDREN = 1 << 3,
	IMAP_LIST_HAS_NO_CHILDREN = 1 << 4,
	IMAP_LIST_SUBSCRIBED = 1 << 5,
	IMAP_LIST_ALL = 1 << 6,
	IMAP_LIST_ARCHIVE = 1 << 7,
	IMAP_LIST_DRAFTS = 1 << 8,
	IMAP_LIST_FLAGGED = 1 << 9,
	IMAP_LIST_JUNK = 1 << 10,
	IMAP_LIST_SENT = 1 << 11,
	IMAP_LIST_TRASH = 1 << 12,
	IMAP_LIST_IMPORTANT = 1 << 13
};

struct imap_list {
	unsigned flags; /* enum imap_list_flag */
	char delimiter; /* 0: NIL, a flat name */
	struct span mailbox; /* the name's bytes as sent: what commands take */
	struct span name; /* the same in UTF-8; empty if it is not valid */
};

/* STATUS. has: a mask of enum imap_status_item. */
enum imap_status_item {
	IMAP_STATUS_MESSAGES = 1 << 0,
	IMAP_STATUS_UIDNEXT = 1 << 1,
	IMAP_STATUS_UIDVALIDITY = 1 << 2,
	IMAP_STATUS_UNSEEN = 1 << 3,
	IMAP_STATUS_HIGHESTMODSEQ = 1 << 4,
	IMAP_STATUS_SIZE = 1 << 5,
	IMAP_STATUS_MAILBOXID = 1 << 6,
	IMAP_STATUS_RECENT = 1 << 7
};

struct imap_status {
	struct span mailbox; /* bytes as sent */
	unsigned has;
	uint32_t messages;
	uint32_t uidnext;
	uint32_t uidvalidity;
	uint32_t unseen;
	uint32_t recent;
	uint64_t highestmodseq;
	uint64_t size;
	struct span mailboxid;
};

/* Response codes (RFC 9051 section 7.1, RFC 5530 and the extensions' own). */
enum imap_code_type {
	IMAP_CODE_NONE,
	IMAP_CODE_OTHER, /* .name and .arguments have it */
	IMAP_CODE_ALERT,
	IMAP_CODE_CAPABILITY, /* .arguments: the words */
	IMAP_CODE_PERMANENTFLAGS,
	IMAP_CODE_READ_ONLY,
	IMAP_CODE_READ_WRITE,
	IMAP_CODE_TRYCREATE,
	IMAP_CODE_UIDNEXT, /* .number */
	IMAP_CODE_UIDVALIDITY, /* .number */
	IMAP_CODE_UNSEEN, /* .number */
	IMAP_CODE_HIGHESTMODSEQ, /* .number */
	IMAP_CODE_NOMODSEQ,
	IMAP_CODE_CLOSED,
	IMAP_CODE_UIDNOTSTICKY,
	IMAP_CODE_MAILBOXID, /* .arguments: the id, parentheses removed */
	IMAP_CODE_APPENDUID,
	IMAP_CODE_COPYUID,
	IMAP_CODE_MODIFIED,
	IMAP_CODE_AUTHENTICATIONFAILED,
	IMAP_CODE_AUTHORIZATIONFAILED,
	IMAP_CODE_EXPIRED,
	IMAP_CODE_PRIVACYREQUIRED,
	IMAP_CODE_CONTACTADMIN,
	IMAP_CODE_WEBALERT,
	IMAP_CODE_NOPERM,
	IMAP_CODE_INUSE,
	IMAP_CODE_EXPUNGEISSUED,
	IMAP_CODE_CORRUPTION,
	IMAP_CODE_SERVERBUG,
	IMAP_CODE_CLIENTBUG,
	IMAP_CODE_CANNOT,
	IMAP_CODE_LIMIT,
	IMAP_CODE_OVERQUOTA,
	IMAP_CODE_UNAVAILABLE,
	IMAP_CODE_NONEXISTENT,
	IMAP_CODE_ALREADYEXISTS,
	IMAP_CODE_TOOBIG,
	IMAP_CODE_THROTTLED,
	IMAP_CODE_COMPRESSIONACTIVE,
	IMAP_CODE_NOTIFICATIONOVERFLOW,
	IMAP_CODE_BADEVENT,
	IMAP_CODE_INPROGRESS,
	IMAP_CODE_REFERRAL,
	IMAP_CODE_BADCHARSET,
	IMAP_CODE_UNKNOWN_CTE,
	IMAP_CODE_UIDREQUIRED,
	IMAP_CODE_MESSAGELIMIT,
	IMAP_CODE_TYPE_COUNT
};

struct imap_code {
	enum imap_code_type type;
	uint64_t number; /* where the list above says so; 0: unusable */
	struct span name; /* the atom as sent */
	struct span arguments; /* what followed it, raw */
};

/* OK, NO, BAD, BYE and PREAUTH, tagged or not. */
enum imap_state {
	IMAP_STATE_OK,
	IMAP_STATE_NO,
	IMAP_STATE_BAD,
	IMAP_STATE_BYE,
	IMAP_STATE_PREAUTH
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
