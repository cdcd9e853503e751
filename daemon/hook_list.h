/*
 * The paths of a folder's new messages, one a line, in a file without a name:
 * the stdin of its on_change command.
 */
#ifndef DAEMON_HOOK_LIST_H
#define DAEMON_HOOK_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/maildir_name.h"
#include "libclient/base/imap_error.h"
#include "libclient/wire/uidset.h"

struct hook_list {
	const char *path; /* of the Maildir */
	const char *directory; /* where the file is to be */
	struct maildir_identity identity;
	const struct uidset *uids;
	const struct maildir_message *known; /* those of .uids, or some */
	uint32_t known_count;
};

/*
 * Writes the paths as the files are named now; a message that is gone has
 * none. -1 and *error (LOCAL), or a descriptor at the file's beginning. DISK
 * lane: searches the Maildir, unless all messages are known and where they
 * were put.
 */
int hook_list_write(
    const struct hook_list *list, uint32_t *count, struct imap_error *error);

#endif
