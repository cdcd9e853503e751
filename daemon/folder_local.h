/*
 * What somebody else does to a folder's files while the mirror runs: noticed,
 * and put back. For the files of a folder.
 */
#ifndef DAEMON_FOLDER_LOCAL_H
#define DAEMON_FOLDER_LOCAL_H

#include "daemon/maildir.h"

struct folder;
struct folder_local;

/* Watches the folder's files from now on; scanned: when they were read. */
void folder_local_begin(
    struct folder *folder, const struct maildir_stamp *scanned);
void folder_local_end(struct folder *folder);

#endif
