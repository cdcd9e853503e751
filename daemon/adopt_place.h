/*
 * Where other programs put a mailbox, and where we do: pure.
 */
#ifndef DAEMON_ADOPT_PLACE_H
#define DAEMON_ADOPT_PLACE_H

#include <stdbool.h>

#include "conf/settings.h"
#include "libclient/base/imap_error.h"

enum adopt_tool { ADOPT_MBSYNC, ADOPT_OFFLINEIMAP };

/* A folder, by its path below the root. */
struct adopt_place {
	char *box; /* the mailbox, levels joined by '/', coded as it was */
	char *path; /* where it is to be, its parent staying where it is */
};

/*
 * mbsync's SubFolders Verbatim, Legacy and Maildir++, offlineimap's sep "." and
 * "/"; names in UTF-8 and in modified UTF-7. False: CONFIG, with what to set.
 */
bool adopt_place(const char *path, enum adopt_tool tool,
    enum settings_layout layout, struct adopt_place *place,
    struct imap_error *error);
void adopt_place_free(struct adopt_place *place);

#endif
