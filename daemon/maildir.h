/*
 * Maildirs on disk, by openat() and renameat() below a locked root, never
 * through a link. Directories are made 0700 and files 0600, whatever the
 * umask. Errors are LOCAL and name operation, path and reason.
 * Functions without a lane note may be called from any one thread at a time.
 */
#ifndef DAEMON_MAILDIR_H
#define DAEMON_MAILDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/index.h"
#include "daemon/maildir_files.h"
#include "daemon/maildir_name.h"
#include "daemon/maildir_root.h"
#include "libclient/base/imap_error.h"

/* ---- one folder ---- */

struct maildir;

/*
 * Opens a folder below the root, creating directories (0700), cur, new and
 * tmp where they are missing. A component that is a link or a file: LOCAL.
 * path "" is the root itself.
 */
struct maildir *maildir_open(
    struct maildir_root *root, const char *path, struct imap_error *error);
struct maildir *maildir_close(struct maildir *maildir);

/*
 * Lets go of the descriptor until something is done with the folder again, and
 * only with the same directory: LOCAL if it is gone, or another one by then.
 * Not while a job uses the folder.
 */
void maildir_rest(struct maildir *maildir);

/* True if the folder exists with a cur directory; false and errno. */
bool maildir_exists(struct maildir_root *root, const char *path);

/* The folder's path, root included, for people. */
const char *maildir_path(const struct maildir *maildir);

/*
 * .uidvalidity: false when it is missing, malformed or without the third line
 * "mailmirror" (the numbers are then what the lines before the fault say, or
 * 0), with *error when nobody could tell. Writing replaces it by rename,
 * durably if is_durable.
 */
bool maildir_read_uidvalidity(struct maildir *maildir, uint32_t *uidvalidity,
    uint32_t *highest_uid, struct imap_error *error);
bool maildir_write_uidvalidity(struct maildir *maildir, uint32_t uidvalidity,
    uint32_t highest_uid, bool is_durable, struct imap_error *error);

/* One file that a scan found in cur or new. */
struct maildir_file {
	const char *name; /* borrowed */
	bool is_new; /* in new/, else in cur/ */
	bool has_uid; /* message is filled in */
	bool is_ours; /* as maildir_parse_name() */
	struct maildir_message message;
};

/*
 * Calls found() for each regular file in new/, then in cur/ (dot files
 * skipped): one that a mail reader moves meanwhile may come twice, but is
 * never missed. identity.uidvalidity 0: every claim fails, has_uid is false
 * throughout.
 */
bool maildir_scan(struct maildir *maildir,
    const struct maildir_identity *identity,
    void (*found)(void *user, const struct maildir_file *file), void *user,
    struct imap_error *error);

/*
 * Removes our left-over files in tmp/ (the lock says that no other process
 * writes them any more; those created through this handle stay) and
 * anybody's that are older than 36 hours.
 */
void maildir_clean_tmp(struct maildir *maildir);

/* ---- landing one message ---- */

/* Creates a file in tmp/ (0600); writes its name to out. -1 and *error. */
int maildir_create_tmp(struct maildir *maildir, char out[MAILDIR_TMP_NAME_SIZE],
    struct imap_error *error);

/* Removes a file of tmp/; errors ignored. */
void maildir_remove_tmp(struct maildir *maildir, const char *tmp_name);

/* Longer ones are not kept, and NUL. */
#define MAILDIR_EMAILID_SIZE 64

/* One finished file on its way from tmp/ to new/ or cur/. */
struct maildir_arrival {
	char tmp_name[MAILDIR_TMP_NAME_SIZE];
	struct maildir_message message;
	char emailid[MAILDIR_EMAILID_SIZE]; /* for its row; "": unknown */
	uint64_t modseq; /* the same; 0: unknown */
	bool has_time; /* its mtime is as it should be */
};

/*
 * Commits a batch: (if is_durable) makes all files durable, then renames each
 * to its name in new/ (no flags) or cur/, then makes the directories durable.
 * A file of that name that is there already is replaced. Sets mtime to
 * message.date. *committed: how many of the arrivals, from the first on,
 * are in place, durably if asked (all when true is returned); the files of
 * the others may be in tmp/ still. For the DISK lane.
 */
bool maildir_commit(struct maildir *maildir,
    const struct maildir_identity *identity,
    const struct maildir_arrival *arrivals, uint32_t count, bool is_durable,
    uint32_t *committed, struct imap_error *error);

/* ---- changing what is there ---- */

/*
 * Gives a message other flags: renames it within cur/, or from new/ to cur/
 * when it gets its first flag. message->flags: as the index has them. Looks
 * where the name should be; if it is not there, or size or date is UNKNOWN,
 * in the directories for a name of ours with this UID. *is_missing (and true)
 * when no file has it. For the DISK lane.
 */
bool maildir_set_flags(struct maildir *maildir,
    const struct maildir_identity *identity,
    const struct maildir_message *message, uint32_t flags, bool *is_missing,
    struct imap_error *error);

/* Removes a message's file; a missing one counts as removed. DISK lane. */
bool maildir_remove(struct maildir *maildir,
    const struct maildir_identity *identity,
    const struct maildir_message *message, struct imap_error *error);

/*
 * Lets go of a message's file: it becomes a local one, without `,U=...` in its
 * name and with these flags, in another folder of the same file system if `to`
 * is not NULL. Never replaces another file; a missing one counts as released.
 * DISK lane.
 */
bool maildir_release(struct maildir *maildir,
    const struct maildir_identity *identity,
    const struct maildir_message *message, struct maildir *to, uint32_t flags,
    struct imap_error *error);

/* Makes cur/ and new/ durable after changes. */
bool maildir_sync(struct maildir *maildir, struct imap_error *error);

#endif
