/*
 * A folder's work on the disk: each is a job on the disk lane that owns its
 * values and tells the watcher when it is done. For the files of a folder.
 */
#ifndef DAEMON_FOLDER_JOBS_H
#define DAEMON_FOLDER_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/imap_error.h"

struct folder;

/* One of them has ended. */
void folder_end_job(struct folder *folder);

/* While nothing is to be done with its files, a folder has no descriptor but
 * its connection's. */
void folder_rest(struct folder *folder);

/* Forgets what was read of the disk: it is to be read again. */
void folder_unprepare(struct folder *folder);

/* The path that the folder's mailbox has, or gets, for ever; to be freed. On
 * the disk lane. */
bool folder_find_path(
    struct folder *folder, char **path, struct imap_error *error);

/* Reads the disk: PREPARED follows, or DISK. */
void folder_prepare(struct folder *folder);

/* The server has another UIDVALIDITY: COMMITTED follows, or DISK. */
void folder_begin_generation(struct folder *folder, uint32_t uidvalidity);

/* Removes the files of the generation before. */
void folder_end_generation(struct folder *folder);

/*
 * Commits what landed and, if with_plan, the comparison's plan and the
 * verified claims. False if there was nothing to commit; else COMMITTED
 * follows when no commit is left, or DISK.
 */
bool folder_commit(struct folder *folder, bool with_plan);

/* The hook is told of what changed on disk; *news is emptied. */
void folder_tell_news(struct folder *folder, struct hook_news *news);

#endif
