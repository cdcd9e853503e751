/*
 * What is known of one kind of server and no other, as data: evidence of who
 * it is gives bits for what a mirror does differently there. Pure. What the
 * parser bears in any case has no bit here: see tests/transcripts/quirks.
 */
#ifndef DAEMON_QUIRK_H
#define DAEMON_QUIRK_H

#include <stdint.h>

#include "libclient/base/buf.h"
#include "libclient/wire/capability.h"

enum quirk {
	QUIRK_SELECT = 1 << 0, /* EXAMINE gives no lasting UIDVALIDITY: SELECT,
				* and a mailbox once a connection */
	QUIRK_NO_UIDNEXT = 1 << 1, /* SELECT tells no UIDNEXT: STATUS does */
	QUIRK_ID_FIRST = 1 << 2, /* opens no mailbox before ID was said, also
				  * where ID is not offered */
	QUIRK_NO_SEARCH = 1 << 3, /* SEARCH fails: list with UID FETCH */
	QUIRK_SHORT_LINES = 1 << 4, /* commands of up to QUIRK_LINE_MAX */
	QUIRK_ASK_CAPABILITY = 1 << 5, /* CAPABILITY is due after the login,
					* whatever was told unasked */
	QUIRK_PLAIN_LIST = 1 << 6, /* LIST with arguments fails, or is empty */
	QUIRK_SIZES_LIE = 1 << 7, /* RFC822.SIZE identifies no message */
	QUIRK_SLOW_SIZE = 1 << 8, /* ... and takes the server long */
	QUIRK_WANTS_UIDONLY = 1 << 9, /* shows a part of the mailbox only,
				       * unless UIDONLY is enabled */
	QUIRK_SHORT_IDLE = 1 << 10, /* IDLE falls silent or is cut: renewed
				     * after QUIRK_IDLE_MAX */
	QUIRK_NO_MODSEQ = 1 << 11, /* mod-sequences say nothing */
	QUIRK_NO_VANISHED = 1 << 12, /* QRESYNC's answers cannot be read */
	QUIRK_NO_NAMESPACE = 1 << 13 /* NAMESPACE ends the connection */
};
#define QUIRK_COUNT 14

/* For struct command's max_line: 1000 bytes (RFC 2683) with tag and CRLF. */
#define QUIRK_LINE_MAX 960

/* Microseconds. */
#define QUIRK_IDLE_MAX UINT64_C(300000000)

/* What is known of a server so far; anything may be empty or NULL. */
struct quirk_evidence {
	struct span greeting; /* text of its first line */
	struct span id; /* ID's list as sent (IMAP_DATA_ID), or NIL */
	const struct capabilities *capabilities; /* as offered after login */
	const char *host; /* as configured */
};

/*
 * A mask of enum quirk. *server is the name of the first row that holds, for
 * the log, or NULL. More evidence never takes a bit away; what only the ID
 * tells is known too late for the login.
 */
uint32_t quirks_of(const struct quirk_evidence *evidence, const char **server);

#define QUIRK_DISABLED_MAX 12

/*
 * The capabilities that the quirks say to treat as absent: fills names (room
 * for QUIRK_DISABLED_MAX) with static strings and returns how many.
 */
uint32_t quirk_disabled(uint32_t quirks, const char *names[]);

/* A word for one bit: "short-lines". */
const char *quirk_name(enum quirk quirk);

#endif
