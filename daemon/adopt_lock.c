/*
 * mbsync locks STATE.lock and a folder's .uidvalidity with fcntl(), and removes
 * the former when it is done; so do we. offlineimap has flock() instead, or
 * fcntl(), as its libraries are.
 */
#include "daemon/adopt_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FILE_MODE 0600

static struct flock
whole_file(void)
{
	return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

/* True if nobody else has it. */
static bool
is_open_free(const char *path, int fd, struct imap_error *error)
{
	struct flock lock = whole_file();

	if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return imap_error_set(error, IMAP_ERROR_BUSY,
		    "%s is locked by another process", path);
	if (fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return true;
	return imap_error_set(error, IMAP_ERROR_BUSY,
	    "%s is locked by process %ld", path, (long)lock.l_pid);
}

bool
adopt_is_free(const char *path, struct imap_error *error)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool is_free = fd < 0 || is_open_free(path, fd, error);

	if (fd >= 0)
		close(fd);
	return is_free;
}

int
adopt_lock(const char *path, struct imap_error *error)
{
	struct flock lock = whole_file();
	int fd = open(path,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, FILE_MODE);

	if (fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0)
		return fd;
	if (fd < 0 || is_open_free(path, fd, error))
		imap_error_set(error, IMAP_ERROR_LOCAL, "cannot lock %s: %s",
		    path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

void
adopt_unlock(const char *path, int fd)
{
	if (fd < 0)
		return;
	(void)unlink(path);
	close(fd);
}
