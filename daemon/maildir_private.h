/*
 * What the maildir*.c files share and nobody else sees.
 */
#ifndef DAEMON_MAILDIR_PRIVATE_H
#define DAEMON_MAILDIR_PRIVATE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/maildir.h"

/* How every directory below the root is opened. */
#define MAILDIR_OPEN_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* One descriptor a folder: there may be thousands of them. */
struct maildir {
	int fd;
	char *path; /* with the root's */
	uint32_t next_tmp;
	bool has_new_directories; /* not yet durable */
};

/*
 * Fills the error from errno and returns false: "cannot OPERATION
 * PATH[/DIRECTORY][/NAME]: reason"; directory and name may be NULL.
 */
bool maildir_fail(const struct maildir *maildir, const char *operation,
    const char *directory, const char *name, struct imap_error *error);

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

/* write() until all is written; false and errno. */
bool maildir_write_all(int fd, const char *text, size_t len);

/* close() that takes -1 and leaves errno alone. */
void maildir_close_fd(int fd);

#endif
