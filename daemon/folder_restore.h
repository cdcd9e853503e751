/*
 * Putting a folder's files back as they were last agreed with the server. For
 * the files of a folder; the work is for the DISK lane.
 */
#ifndef DAEMON_FOLDER_RESTORE_H
#define DAEMON_FOLDER_RESTORE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/maildir.h"

/* Where a message's file was seen last, by its name. */
struct folder_sighting {
	uint32_t uid;
	uint32_t flags;
	uint32_t order; /* of its coming */
	bool is_present; /* it appeared, else it disappeared */
	bool is_strange; /* the name claims the UID and is not ours */
};

/* What is to be looked at, and what came of it. All zero is nothing. */
struct folder_restore {
	struct maildir *maildir; /* borrowed */
	struct maildir_identity identity;
	uint32_t stale_uidvalidity; /* the files of which are left alone */
	struct index expected; /* copies of the index's entries */
	struct folder_sighting *sightings; /* one a UID, in order; or: */
	uint32_t sighting_count;
	bool is_all; /* every file is looked at */
	struct uidset ignored; /* ... but those that claim these */

	struct uidset found; /* in place, or put back there */
	struct uidset lost; /* of those expected: no file is left */
	uint32_t put_back;
	uint32_t removed; /* copies of messages */
	uint32_t disowned;
};

/* Renames what has other flags, removes copies, lets go of files whose claim
 * to a UID fails. */
bool folder_restore(struct folder_restore *restore, struct imap_error *error);
void folder_restore_free(struct folder_restore *restore);

#endif
