/*
 * The way back: a folder of ours as mbsync would have left it. Errors as in
 * maildir.h; DISK lane.
 */
#ifndef DAEMON_ADOPT_EXPORT_H
#define DAEMON_ADOPT_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/maildir.h"

/*
 * Writes .mbsyncstate and .uidvalidity, so that mbsync's UIDs are the server's;
 * *count: messages. BUSY while mbsync is at work. The folder must be ours; it
 * is mbsync's afterwards, until it is taken over again.
 */
bool adopt_export(struct maildir *maildir, const char *host, bool is_durable,
    uint32_t *count, struct imap_error *error);

#endif
