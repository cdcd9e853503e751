/*
 * What LIST and STATUS say of a mailbox (RFC 9051 section 7.3, RFC 6154).
 */
#ifndef LIBCLIENT_WIRE_MAILBOX_DATA_H
#define LIBCLIENT_WIRE_MAILBOX_DATA_H

#include <stdint.h>

#include "libclient/base/buf.h"

/* LIST attributes. */
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
	struct span mailboxid; /* as RFC 8474 wants it, or it was not there */
};

#endif
