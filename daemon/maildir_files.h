/*
 * A Maildir's files by their names: those of messages in new/ and cur/ whose
 * claim to a UID is to be settled, and the small ones of the folder itself.
 * Part of maildir.h; errors as there.
 */
#ifndef DAEMON_MAILDIR_FILES_H
#define DAEMON_MAILDIR_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "daemon/maildir_name.h"
#include "libclient/base/buf.h"
#include "libclient/base/imap_error.h"

struct maildir;

/* ---- files of new/ and cur/ ---- */

/*
 * Takes the `,U=...` out of a file's name in new/ or cur/, so that it becomes
 * a local file; never replaces another file: a number is put behind the base
 * if there is one. A file that is gone counts as disowned.
 */
bool maildir_disown(struct maildir *maildir, const char *name, bool is_new,
    struct imap_error *error);

/*
 * Renames a file of new/ or cur/ whose claim is right to the name it should
 * have (ours, with these flags). Never replaces another file: LOCAL.
 */
bool maildir_rename(struct maildir *maildir,
    const struct maildir_identity *identity, const char *name, bool is_new,
    const struct maildir_message *message, struct imap_error *error);

/*
 * Looks for a message where its name should be, other than the file named
 * except. False: it is not there.
 */
bool maildir_find_message(struct maildir *maildir,
    const struct maildir_identity *identity,
    const struct maildir_message *message, const char *except,
    char out[MAILDIR_NAME_SIZE], bool *is_new);

/*
 * Finds a file of new/ or cur/ that claims a UID, whatever else its name
 * says, other than the one named except (NULL: any). False: there is none.
 */
bool maildir_find_claim(struct maildir *maildir, uint32_t uid,
    const char *except, char out[MAILDIR_NAME_SIZE], bool *is_new);

/* True if two files of the folder have the same bytes. */
bool maildir_same_content(struct maildir *maildir, const char *name_a,
    bool is_new_a, const char *name_b, bool is_new_b);

/* Opens a file of new/ or cur/ to be read, by name; -1: it is not there. */
int maildir_open_file(
    struct maildir *maildir, const char *name, bool is_new, uint64_t *size);

/* Removes a file of new/ or cur/ by name; a missing one counts as removed. */
bool maildir_remove_file(struct maildir *maildir, const char *name, bool is_new,
    struct imap_error *error);

/* The mtime of a message: its date, within what any file system can hold. */
struct timespec maildir_time(int64_t date);

/* ---- looking on ---- */

/* When new/ and cur/ were last changed. */
struct maildir_stamp {
	int64_t new_ns;
	int64_t cur_ns;
};

/* Taken before a scan, it tells afterwards whether anything changed since:
 * one that is so young that it may change unseen is never the same. */
struct maildir_stamp maildir_stamp(const struct maildir *maildir);
bool maildir_stamp_is(
    const struct maildir *maildir, const struct maildir_stamp *stamp);

/* A descriptor (O_PATH) of "new", "cur" or (NULL) the folder itself, to be
 * watched; -1: it is not there. */
int maildir_open_watched(const struct maildir *maildir, const char *directory);

/* ---- files of the folder itself ---- */

/*
 * A small file. Reading gives how many bytes were read, 0 if there is none,
 * with *error if there is one that cannot be read. Writing replaces it by
 * rename, durably if is_durable.
 */
size_t maildir_read_file(struct maildir *maildir, const char *name, char *out,
    size_t size, struct imap_error *error);
bool maildir_replace_file(struct maildir *maildir, const char *name,
    struct span text, bool is_durable, struct imap_error *error);

/*
 * Writes .uidvalidity when only the highest UID is another. That is not made
 * durable, but if is_whole, the file has the old text or the new one after a
 * crash: without its UIDVALIDITY no file's UID would be believed. What was
 * written last is not written again. DISK lane.
 */
bool maildir_note_highest_uid(struct maildir *maildir, uint32_t uidvalidity,
    uint32_t highest_uid, bool is_whole);

/* True if the folder itself holds a file of that name. */
bool maildir_has_file(struct maildir *maildir, const char *name);

#endif
