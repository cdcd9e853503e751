/*
 * The root and its lock, and folders as descriptors. Below the root every
 * component is opened by itself with O_NOFOLLOW, so a link ends the walk.
 */
#include "daemon/maildir_root.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/maildir.h"
#include "daemon/maildir_private.h"
#include "libclient/base/mem.h"

#define DIRECTORY_MODE 0700
#define FILE_MODE      0600
#define LOCK_NAME      ".mailmirror.lock"

/* How long a process that has just locked gets to write its id. */
#define LOCK_READ_ATTEMPTS 10
#define LOCK_READ_PAUSE_NS 10000000

/* How much of a path an error shows: its end. */
#define PATH_SHOWN 200

void
maildir_close_fd(int fd)
{
	int saved_errno = errno;

	if (fd >= 0)
		close(fd);
	errno = saved_errno;
}

bool
maildir_fail(const struct maildir *maildir, const char *operation,
    const char *directory, const char *name, struct imap_error *error)
{
	const char *reason = strerror(errno);
	char *path;
	size_t cut;

	if (errno == ENOTDIR || errno == ELOOP)
		reason = "a link or a file is where a directory should be";
	else if (errno == ESTALE)
		reason = "it was removed or replaced meanwhile";
	path = mem_format("%s%s%s%s%s", maildir->path,
	    directory == NULL ? "" : "/", directory == NULL ? "" : directory,
	    name == NULL ? "" : "/", name == NULL ? "" : name);
	/* The error's text is short; the reason stands at its end. */
	cut = strlen(path) > PATH_SHOWN ? strlen(path) - PATH_SHOWN : 0;
	imap_error_set(error, IMAP_ERROR_LOCAL, "cannot %s %s%s: %s", operation,
	    cut == 0 ? "" : "...", path + cut, reason);
	mem_free(path);
	return false;
}

/* ---- the root ---- */

static bool
is_directory(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool
maildir_make_path(const char *path, struct imap_error *error)
{
	char *prefix = mem_copy_string(path);
	size_t end = 0, len = strlen(path);

	while (end < len) {
		end += strspn(path + end, "/");
		end += strcspn(path + end, "/");
		prefix[end] = '\0';
		if (!is_directory(prefix)) {
			if (mkdir(prefix, DIRECTORY_MODE) == 0) {
				/* The umask may have taken bits away. */
				(void)chmod(prefix, DIRECTORY_MODE);
			} else if (errno != EEXIST || !is_directory(prefix)) {
				imap_error_set(error, IMAP_ERROR_LOCAL,
				    "cannot create directory %s: %s", prefix,
				    strerror(errno));
				mem_free(prefix);
				return false;
			}
		}
		prefix[end] = path[end];
	}
	mem_free(prefix);
	return true;
}

/* The process id in the lock file, or 0: its holder may be about to write it.
 */
static unsigned long long
read_holder(int lock_fd)
{
	unsigned long long number = 0;

	for (int i = 0; i < LOCK_READ_ATTEMPTS && number == 0; i++) {
		static const struct timespec pause = {
		    .tv_nsec = LOCK_READ_PAUSE_NS};
		char text[24];
		ssize_t len = pread(lock_fd, text, sizeof(text), 0);
		struct span pid = {text, 0};

		while (
		    len > 0 && pid.len < (size_t)len && text[pid.len] != '\n')
			pid.len++;
		if (!span_to_number(pid, INT_MAX, &number))
			nanosleep(&pause, NULL);
	}
	return number;
}

static bool
fail_busy(const char *path, int lock_fd, struct imap_error *error)
{
	unsigned long long pid = read_holder(lock_fd);

	if (pid == 0)
		return imap_error_set(error, IMAP_ERROR_BUSY,
		    "%s is in use by another process", path);
	return imap_error_set(
	    error, IMAP_ERROR_BUSY, "%s is in use by process %llu", path, pid);
}

bool
maildir_write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t written = write(fd, text, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		text += written;
		len -= (size_t)written;
	}
	return true;
}

/* Takes the lock and leaves our process id in it, for people. */
static bool
lock_root(struct maildir_root *root, struct imap_error *error)
{
	char text[24];
	int len;

	/* O_NONBLOCK: something that is no file must not hold us up. */
	root->lock_fd = openat(root->fd, LOCK_NAME,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, FILE_MODE);
	if (root->lock_fd < 0)
		return imap_error_set(error, IMAP_ERROR_LOCAL,
		    "cannot open %s/%s: %s", root->path, LOCK_NAME,
		    strerror(errno));
	if (flock(root->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return fail_busy(root->path, root->lock_fd, error);
		return imap_error_set(error, IMAP_ERROR_LOCAL,
		    "cannot lock %s/%s: %s", root->path, LOCK_NAME,
		    strerror(errno));
	}
	/* The lock counts, not what the file says: a full disk may refuse. */
	len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	(void)fchmod(root->lock_fd, FILE_MODE);
	(void)!ftruncate(root->lock_fd, 0);
	(void)maildir_write_all(root->lock_fd, text, (size_t)len);
	return true;
}

/* With an fd of -1 and errno if the path cannot be opened. */
static struct maildir_root *
new_root(const char *path)
{
	struct maildir_root *root = mem_new(struct maildir_root);

	root->path = mem_copy_string(path);
	root->lock_fd = -1;
	root->inotify_fd = -1;
	root->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root;
}

struct maildir_root *
maildir_root_open(const char *path, struct imap_error *error)
{
	struct maildir_root *root;

	if (!maildir_make_path(path, error))
		return NULL;
	root = new_root(path);
	if (root->fd < 0) {
		imap_error_set(error, IMAP_ERROR_LOCAL, "cannot open %s: %s",
		    path, strerror(errno));
		return maildir_root_close(root);
	}
	if (!lock_root(root, error)) {
		/* It is not ours: closing must not touch what it says. */
		maildir_close_fd(root->lock_fd);
		root->lock_fd = -1;
		return maildir_root_close(root);
	}
	return root;
}

struct maildir_root *
maildir_root_view(const char *path, struct imap_error *error)
{
	struct maildir_root *root = new_root(path);

	if (root->fd >= 0)
		return root;
	if (errno != ENOENT)
		imap_error_set(error, IMAP_ERROR_LOCAL, "cannot open %s: %s",
		    path, strerror(errno));
	return maildir_root_close(root);
}

bool
maildir_root_is_in_use(const struct maildir_root *root)
{
	int fd = openat(root->fd, LOCK_NAME,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	unsigned long long pid = fd < 0 ? 0 : read_holder(fd);

	maildir_close_fd(fd);
	return pid != 0 && (pid_t)pid != getpid() &&
	    (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

/* Is what we hold still what the path names, and the lock what others see? */
static bool
root_is_in_place(const struct maildir_root *root)
{
	struct stat held, lock, named;

	if (fstat(root->fd, &held) < 0 || held.st_nlink == 0 ||
	    fstat(root->lock_fd, &lock) < 0 || lock.st_nlink == 0)
		return false;
	/* a path from the working directory may name another by now */
	if (root->path[0] != '/')
		return true;
	return stat(root->path, &named) == 0 && named.st_dev == held.st_dev &&
	    named.st_ino == held.st_ino;
}

/*
 * Opens and locks what the path names now: the root was removed, moved away or
 * mounted anew. The descriptors keep their numbers, as other threads use them.
 */
static bool
renew_root(struct maildir_root *root, struct imap_error *error)
{
	struct maildir_root *other = maildir_root_open(root->path, error);
	bool is_ok;

	if (other == NULL)
		return false;
	is_ok = dup3(other->fd, root->fd, O_CLOEXEC) >= 0 &&
	    dup3(other->lock_fd, root->lock_fd, O_CLOEXEC) >= 0;
	if (!is_ok)
		imap_error_set(error, IMAP_ERROR_LOCAL, "cannot open %s: %s",
		    root->path, strerror(errno));
	/* not closed as a root is: what the lock's file says stays */
	maildir_close_fd(other->lock_fd);
	other->lock_fd = -1;
	(void)maildir_root_close(other);
	return is_ok;
}

struct maildir_root *
maildir_root_close(struct maildir_root *root)
{
	if (root == NULL)
		return NULL;
	if (root->lock_fd >= 0) {
		/* The file stays: who unlinks a lock can unlink another's. */
		(void)!ftruncate(root->lock_fd, 0);
		close(root->lock_fd);
	}
	maildir_close_fd(root->inotify_fd);
	maildir_close_fd(root->fd);
	mem_free(root->path);
	return mem_free(root);
}

/* ---- folders ---- */

/* Opens one component, creating it if is_created is not NULL. */
static int
open_component(int parent, const char *name, bool *is_created)
{
	int fd = openat(parent, name, MAILDIR_OPEN_FLAGS);

	if (fd >= 0 || errno != ENOENT || is_created == NULL)
		return fd;
	if (mkdirat(parent, name, DIRECTORY_MODE) == 0) {
		*is_created = true;
		/*
		 * A umask without u+rx would keep even us out, so by name, and
		 * by descriptor where /proc, which glibc needs for it, is
		 * missing.
		 */
		(void)!fchmodat(
		    parent, name, DIRECTORY_MODE, AT_SYMLINK_NOFOLLOW);
		fd = openat(parent, name, MAILDIR_OPEN_FLAGS);
		if (fd >= 0)
			(void)fchmod(fd, DIRECTORY_MODE);
		return fd;
	}
	return errno == EEXIST ? openat(parent, name, MAILDIR_OPEN_FLAGS) : -1;
}

int
maildir_open_path(
    const struct maildir_root *root, const char *path, bool *is_created)
{
	int fd = openat(root->fd, ".", MAILDIR_OPEN_FLAGS);

	while (fd >= 0 && *path != '\0') {
		char name[NAME_MAX + 1];
		size_t len = strcspn(path, "/");
		int child = -1;

		if (len > NAME_MAX) {
			errno = ENAMETOOLONG;
		} else {
			memcpy(name, path, len);
			name[len] = '\0';
			errno = EINVAL;
			if (len > 0 && strcmp(name, ".") != 0 &&
			    strcmp(name, "..") != 0)
				child = open_component(fd, name, is_created);
		}
		maildir_close_fd(fd);
		fd = child;
		path += len;
		path += *path == '/';
	}
	return fd;
}

/* The path below the root. */
static const char *
inner_path(const struct maildir *maildir)
{
	const char *path = maildir->path + strlen(maildir->root->path);

	return *path == '\0' ? path : path + 1;
}

static int
open_again(const struct maildir *maildir)
{
	int fd = maildir_open_path(maildir->root, inner_path(maildir), NULL);
	struct stat info;

	if (fd < 0)
		return -1;
	if (fstat(fd, &info) == 0 && info.st_dev == maildir->device &&
	    info.st_ino == maildir->number)
		return fd;
	close(fd);
	errno = ESTALE;
	return -1;
}

/* Another thread may have been first: then its descriptor is kept. */
static int
keep(int *kept, int fd)
{
	int none = -1;

	if (fd < 0 ||
	    __atomic_compare_exchange_n(
		kept, &none, fd, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return fd;
	close(fd);
	return none;
}

int
maildir_fd(const struct maildir *maildir)
{
	/* what is kept so that it need not be opened again */
	int *kept = &((struct maildir *)maildir)->fd;
	int fd = __atomic_load_n(kept, __ATOMIC_ACQUIRE);

	return fd >= 0 ? fd : keep(kept, open_again(maildir));
}

int
maildir_tmp_fd(const struct maildir *maildir, struct imap_error *error)
{
	int *kept = &((struct maildir *)maildir)->tmp_fd;
	int fd = __atomic_load_n(kept, __ATOMIC_ACQUIRE);

	return fd >= 0
	    ? fd
	    : keep(kept, maildir_open_directory(maildir, "tmp", error));
}

void
maildir_rest(struct maildir *maildir)
{
	maildir_close_fd(
	    __atomic_exchange_n(&maildir->tmp_fd, -1, __ATOMIC_ACQ_REL));
	maildir_close_fd(
	    __atomic_exchange_n(&maildir->fd, -1, __ATOMIC_ACQ_REL));
}

int
maildir_open_directory(
    const struct maildir *maildir, const char *name, struct imap_error *error)
{
	int folder_fd = maildir_fd(maildir);
	int fd =
	    folder_fd < 0 ? -1 : openat(folder_fd, name, MAILDIR_OPEN_FLAGS);

	if (fd < 0)
		maildir_fail(maildir, "open", name, NULL, error);
	return fd;
}

/* is_made: what is missing is made. */
static struct maildir *
open_folder(struct maildir_root *root, const char *path, bool is_made,
    struct imap_error *error)
{
	static const char *const directories[] = {"cur", "new", "tmp"};
	struct maildir *maildir = mem_new(struct maildir);
	bool *is_created = is_made ? &maildir->has_new_directories : NULL;
	struct stat info;

	maildir->root = root;
	maildir->tmp_fd = -1;
	maildir->path = *path == '\0' ? mem_copy_string(root->path)
				      : mem_format("%s/%s", root->path, path);
	maildir->fd = maildir_open_path(root, path, is_created);
	if (maildir->fd < 0 || fstat(maildir->fd, &info) < 0) {
		maildir_fail(maildir, "open Maildir", NULL, NULL, error);
		return maildir_close(maildir);
	}
	maildir->device = info.st_dev;
	maildir->number = info.st_ino;
	for (size_t i = 0; i < 3; i++) {
		int fd =
		    open_component(maildir->fd, directories[i], is_created);

		if (fd < 0) {
			maildir_fail(maildir, "open Maildir", directories[i],
			    NULL, error);
			return maildir_close(maildir);
		}
		close(fd);
	}
	return maildir;
}

struct maildir *
maildir_open(
    struct maildir_root *root, const char *path, struct imap_error *error)
{
	if (!root_is_in_place(root) && !renew_root(root, error))
		return NULL;
	return open_folder(root, path, true, error);
}

struct maildir *
maildir_view(
    struct maildir_root *root, const char *path, struct imap_error *error)
{
	if (!maildir_exists(root, path) && errno == ENOENT)
		return NULL;
	return open_folder(root, path, false, error);
}

struct maildir *
maildir_close(struct maildir *maildir)
{
	if (maildir == NULL)
		return NULL;
	maildir_rest(maildir);
	mem_free(maildir->path);
	return mem_free(maildir);
}

bool
maildir_exists(struct maildir_root *root, const char *path)
{
	int fd = maildir_open_path(root, path, NULL);
	int cur_fd = fd < 0 ? -1 : openat(fd, "cur", MAILDIR_OPEN_FLAGS);

	maildir_close_fd(cur_fd);
	maildir_close_fd(fd);
	return cur_fd >= 0;
}

const char *
maildir_path(const struct maildir *maildir)
{
	return maildir->path;
}

/* d_type where the file system gives it, else by looking. */
static bool
is_regular_entry(int directory_fd, const struct dirent *entry)
{
	struct stat info;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_REG;
	return fstatat(directory_fd, entry->d_name, &info,
		   AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(info.st_mode);
}

bool
maildir_each_file(const struct maildir *maildir, const char *directory,
    bool (*visit)(void *user, const char *name), void *user,
    struct imap_error *error)
{
	int fd = maildir_open_directory(maildir, directory, error);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool is_ok = true;

	if (fd < 0)
		return false;
	if (stream == NULL) {
		maildir_fail(maildir, "read", directory, NULL, error);
		close(fd);
		return false;
	}
	while (errno = 0, (entry = readdir(stream)) != NULL) {
		if (entry->d_name[0] == '.' || !is_regular_entry(fd, entry))
			continue;
		if (!visit(user, entry->d_name))
			break;
	}
	if (entry == NULL && errno != 0)
		is_ok = maildir_fail(maildir, "read", directory, NULL, error);
	closedir(stream);
	return is_ok;
}
