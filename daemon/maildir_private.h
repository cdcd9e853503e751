/*
 * What the maildir*.c files share and nobody else sees.
 */
#ifndef DAEMON_MAILDIR_PRIVATE_H
#define DAEMON_MAILDIR_PRIVATE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/maildir.h"

/* How every directory below the root is opened. */
#define MAILDIR_OPEN_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct maildir_root {
	int fd;
	int lock_fd;
	int inotify_fd; /* of maildir_carry.c; -1: none yet. DISK lane */
	char *path;
};

/*
 * A descriptor only while something is done with it: there may be ten thousand
 * of them. Read it by maildir_fd().
 */
struct maildir {
	struct maildir_root *root; /* borrowed */
	int fd; /* -1: none; atomic, as two threads may want it at once */
	int tmp_fd; /* the same, of tmp/ */
	dev_t device; /* which directory it was when it was opened first */
	ino_t number;
	char *path; /* with the root's */
	uint32_t next_tmp;
	bool gives_mode; /* new files have the right one; atomic */
	bool has_new_directories; /* not yet durable */
	bool is_held; /* both are open, during a row of changes */
	int new_fd;
	int cur_fd;
	uint64_t changes; /* of new/ and cur/ by us, as inotify counts them */
	struct maildir_stamp agreed; /* maildir_agree() */
	uint32_t noted_uidvalidity; /* .uidvalidity has them; 0: nobody knows */
	uint32_t noted_uid;
};

/*
 * Fills the error from errno and returns false: "cannot OPERATION
 * PATH[/DIRECTORY][/NAME]: reason"; directory and name may be NULL.
 */
bool maildir_fail(const struct maildir *maildir, const char *operation,
    const char *directory, const char *name, struct imap_error *error);

/*
 * Opens a path below the root, component by component; missing ones are made
 * if is_created is not NULL. -1 and errno.
 */
int maildir_open_path(
    const struct maildir_root *root, const char *path, bool *is_created);

/*
 * The folder's descriptor, which stays the folder's; opened if there is none.
 * -1 and errno: ESTALE if another directory is in its place.
 */
int maildir_fd(const struct maildir *maildir);

/* The same for its tmp/; -1 and *error. */
int maildir_tmp_fd(const struct maildir *maildir, struct imap_error *error);

/* Opens "cur", "new" or "tmp". -1 and *error. */
int maildir_open_directory(
    const struct maildir *maildir, const char *name, struct imap_error *error);

/*
 * Calls visit() for the regular files of a directory, dot files skipped, until
 * it returns false.
 */
bool maildir_each_file(const struct maildir *maildir, const char *directory,
    bool (*visit)(void *user, const char *name), void *user,
    struct imap_error *error);

/*
 * Renames unless the new name is taken (EEXIST), in one step where the file
 * system can. Directories: false and EINVAL where it cannot.
 */
bool maildir_rename_at(
    int from_fd, const char *from, int to_fd, const char *to);

/* write() until all is written; false and errno. */
bool maildir_write_all(int fd, const char *text, size_t len);

/* close() that takes -1 and leaves errno alone. */
void maildir_close_fd(int fd);

#endif
