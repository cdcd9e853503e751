/*
 * Taking over a folder that another program kept: its files get our names, so
 * that a start finds them as it finds its own and has the server confirm each
 * by UID and size. Nothing is asked of the server here. Whoever is killed
 * meanwhile does it again. Errors as in maildir.h; DISK lane.
 */
#ifndef DAEMON_ADOPT_H
#define DAEMON_ADOPT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/maildir.h"

/* A folder, and how it is to be. */
struct adopt {
	struct maildir *maildir; /* borrowed, as are the others */
	char *state; /* mbsync's file; NULL: the folder's .mbsyncstate */
	uint32_t uidvalidity; /* offlineimap: the server's, as it noted it */
	const char *box; /* offlineimap: the mailbox, levels joined by '/' */
	const char *host; /* for the names, as in struct maildir_identity */
	bool is_crlf; /* line_endings */
	bool is_durable;
	bool is_dry; /* only says what it would do */
};

/* What was done, or is to be. */
struct adopt_report {
	uint32_t uidvalidity; /* the server's */
	uint32_t highest_uid;
	uint32_t taken; /* files that have our names now */
	uint32_t local; /* files that nobody vouches for: they stay */
	uint32_t missing; /* messages that are paired and have no such file */
	uint32_t placeholders; /* ... and those that mbsync left out */
};

/*
 * mbsync's: the state file says which UID of the server's is which file. BUSY
 * while mbsync is at work; LOCAL if it was interrupted, or if file and folder
 * are not of one making: nothing was touched then.
 */
bool adopt_mbsync(const struct adopt *adopt, struct adopt_report *report,
    struct imap_error *error);

/* offlineimap's: `U=` is the server's UID where `FMD5=` is the mailbox's:
 * others were moved here by a mail reader. */
bool adopt_offlineimap(const struct adopt *adopt, struct adopt_report *report,
    struct imap_error *error);

/* True if a run that took the folder over was interrupted. */
bool adopt_is_begun(struct maildir *maildir);

/* One line for people, in a buffer of the caller's. */
#define ADOPT_TEXT_SIZE 256
const char *adopt_text(
    const struct adopt_report *report, char out[ADOPT_TEXT_SIZE]);

#endif
