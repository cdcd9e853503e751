/*
 * Whole folders below a Maildir's root: renamed with the mailbox, removed with
 * it if nothing is in them. Part of maildir.h; errors as there. DISK lane.
 */
#ifndef DAEMON_MAILDIR_FOLDER_H
#define DAEMON_MAILDIR_FOLDER_H

#include <stdbool.h>

#include "daemon/maildir_root.h"
#include "libclient/base/imap_error.h"

/*
 * Renames a folder's directory in one step, with all that is in it (in the
 * nested layout: the folders below it, too), durably; missing parents are
 * made. LOCAL if anything has the new path, or one of them is the root.
 */
bool maildir_rename_folder(struct maildir_root *root, const char *from,
    const char *to, struct imap_error *error);

/* True if a folder has no message, ours or anybody's, in new/ and cur/; also
 * if there is no such folder. */
bool maildir_is_empty(struct maildir_root *root, const char *path);

/*
 * Removes a folder that holds nothing but our own files: new/, cur/, tmp/ and
 * the small ones. The directory itself goes if nothing else is in it. LOCAL if
 * a message, or a file that somebody is writing, is there: it then stays, as a
 * folder. One that is not there counts as removed.
 */
bool maildir_remove_folder(
    struct maildir_root *root, const char *path, struct imap_error *error);

#endif
