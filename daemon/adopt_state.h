/*
 * What mbsync and offlineimap remember outside of the Maildir: which file of
 * theirs is of a folder. Errors are LOCAL.
 */
#ifndef DAEMON_ADOPT_STATE_H
#define DAEMON_ADOPT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"
#include "libclient/base/imap_error.h"

/*
 * mbsync's state file of a mailbox (levels joined by '/'): below the directory,
 * with the prefix, or the file, that SyncState says; NULL: where mbsync puts it
 * by itself. To be freed; NULL: there is none, or (error) there are several.
 */
char *adopt_find_mbsyncs(
    const char *from, const char *box, struct imap_error *error);

/* Writes such a file anew, in one step and durably. */
bool adopt_replace_state(
    const char *path, struct span text, struct imap_error *error);

/*
 * The server's UIDVALIDITY of a mailbox as offlineimap noted it: in the
 * metadata directory (NULL: ~/.offlineimap), or in one Repository-... of it. 0:
 * none, or (error) several that differ. BUSY while offlineimap is at work.
 */
uint32_t adopt_find_offlineimaps(
    const char *from, const char *box, struct imap_error *error);

#endif
