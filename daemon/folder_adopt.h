/*
 * A folder that mbsync left, taken over when it is opened. DISK lane.
 */
#ifndef DAEMON_FOLDER_ADOPT_H
#define DAEMON_FOLDER_ADOPT_H

#include <stdbool.h>
#include <stdint.h>

struct folder;
struct imap_error;
struct maildir;

/*
 * For a folder whose .uidvalidity is not ours: if it holds mbsync's state file
 * it is ours afterwards, with these numbers, which else stay. False: it is not
 * to be touched.
 */
bool folder_adopt(const struct folder *folder, struct maildir *maildir,
    uint32_t *uidvalidity, uint32_t *highest_uid, struct imap_error *error);

#endif
