/*
 * All folders below a Maildir's root, whoever made them. Part of maildir.h;
 * errors as there.
 */
#ifndef DAEMON_MAILDIR_WALK_H
#define DAEMON_MAILDIR_WALK_H

#include <stdbool.h>

#include "daemon/maildir_root.h"
#include "libclient/base/imap_error.h"

/*
 * Calls visit() with the path ("": the root) of every directory that has a cur
 * directory, what is below a folder before the folder; links are not followed.
 * visit() may rename the folder within its parent. False: it was, or visit()
 * said so.
 */
bool maildir_walk(struct maildir_root *root,
    bool (*visit)(void *user, const char *path), void *user,
    struct imap_error *error);

#endif
