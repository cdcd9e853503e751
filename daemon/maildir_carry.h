/*
 * What the rows say of new/ and cur/ stays true over our own changes, as long
 * as nobody else made any meanwhile: the next start then need not read the
 * directories. The kernel tells how many changes there were, we know how many
 * of them are ours. For the DISK lane.
 */
#ifndef DAEMON_MAILDIR_CARRY_H
#define DAEMON_MAILDIR_CARRY_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/maildir_files.h"

/* All files were as the rows say when the directories had this stamp; one of
 * zeros: they were not, or nobody knows. */
void maildir_agree(struct maildir *maildir, struct maildir_stamp stamp);

/* Our changes between begin and end. */
struct maildir_carry {
	bool is_watched; /* false: what was agreed does not hold */
	int new_watch; /* in the root's inotify */
	int cur_watch;
	uint64_t changes; /* that the folder had seen from us before */
};

/* Until the end, both directories are held open. One at a time for a root. */
void maildir_carry_begin(struct maildir *maildir, struct maildir_carry *carry);

/*
 * Returns the stamp with which the rows are true, once they tell of our
 * changes, or one of zeros. is_told: they will tell of all of them. A changed
 * directory's mtime is moved on by a nanosecond, so that whatever somebody does
 * in the same tick of the file system's clock gives it another.
 */
struct maildir_stamp maildir_carry_end(
    struct maildir *maildir, struct maildir_carry *carry, bool is_told);

#endif
