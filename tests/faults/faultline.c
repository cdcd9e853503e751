/*
 * Preloaded into the program under test: counts the calls that change files,
 * make them durable or need a descriptor, and at one of them ends or stops the
 * process, or makes the call fail. A file shared with the test says which;
 * children that are executed know nothing of it.
 *
 * FAULTLINE_CONTROL  the shared file: a struct control
 * FAULTLINE_DIR      calls on files count below this directory only
 * FAULTLINE_TRACE    each call that counts, one a line: number, name, path
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

/* What a call is about: bits of control.kinds. */
enum kind { CHANGES = 1, SYNCS = 2, OPENS = 4, NAMES = 8 };

enum action { NOTHING, KILL_BEFORE, KILL_AFTER, STOP, FAIL, SHORT };

struct control {
	uint32_t kinds;
	uint32_t count; /* calls so far */
	uint32_t at; /* the call that it happens to; 0: to none */
	uint32_t action;
	uint32_t hits; /* how often it has happened */
};

static struct control *control;
static char directory[PATH_MAX];
static size_t directory_len;
static int trace_fd = -1;
static pid_t owner;

/* The next definition of a function, which is libc's. */
#define REAL(function)                                        \
	({                                                    \
		static __typeof__(&function) real_;           \
		if (real_ == NULL)                            \
			real_ = (__typeof__(&function))dlsym( \
			    RTLD_NEXT, #function);            \
		real_;                                        \
	})

__attribute__((constructor)) static void
begin(void)
{
	const char *file = getenv("FAULTLINE_CONTROL");
	const char *below = getenv("FAULTLINE_DIR");
	const char *trace = getenv("FAULTLINE_TRACE");
	int fd = file == NULL ? -1 : REAL(open)(file, O_RDWR | O_CLOEXEC);
	void *shared = fd < 0 ? MAP_FAILED
			      : mmap(NULL, sizeof(*control),
				    PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (shared == MAP_FAILED || below == NULL)
		_exit(126);
	close(fd);
	directory_len = strlen(below);
	if (directory_len >= sizeof(directory))
		_exit(126);
	memcpy(directory, below, directory_len);
	if (trace != NULL)
		trace_fd = REAL(open)(
		    trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	owner = getpid();
	(void)unsetenv("FAULTLINE_CONTROL");
	(void)unsetenv("FAULTLINE_DIR");
	(void)unsetenv("FAULTLINE_TRACE");
	(void)unsetenv("LD_PRELOAD");
	control = shared;
}

/* ---- which calls count ---- */

/* The path of a descriptor, or of a name in its directory. */
static void
path_of(int fd, const char *name, char out[PATH_MAX])
{
	char link[48];
	ssize_t len = 0;

	if (name == NULL || name[0] != '/') {
		if (fd == AT_FDCWD)
			(void)snprintf(link, sizeof(link), "/proc/self/cwd");
		else
			(void)snprintf(
			    link, sizeof(link), "/proc/self/fd/%d", fd);
		len = readlink(link, out, PATH_MAX - 1);
		if (len < 0)
			len = 0;
	}
	if (name != NULL)
		(void)snprintf(out + len, (size_t)(PATH_MAX - len), "%s%s",
		    len > 0 ? "/" : "", name);
	else
		out[len] = '\0';
}

static bool
is_below(const char *path)
{
	return strncmp(path, directory, directory_len) == 0 &&
	    (path[directory_len] == '/' || path[directory_len] == '\0');
}

static void
trace_call(uint32_t number, const char *call, const char *path)
{
	char line[PATH_MAX + 64];
	int len = snprintf(line, sizeof(line), "%u %s %.*s\n", number, call,
	    PATH_MAX, is_below(path) ? path + directory_len : path);

	if (trace_fd >= 0)
		(void)syscall(SYS_write, trace_fd, line, (size_t)len);
}

static enum action
count(enum kind kind, const char *call, const char *path)
{
	enum action fate = NOTHING;
	uint32_t number;

	if (control == NULL || getpid() != owner ||
	    (control->kinds & kind) == 0)
		return fate;
	number = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
	trace_call(number, call, path);
	if (number != __atomic_load_n(&control->at, __ATOMIC_SEQ_CST))
		return fate;
	fate = (enum action)control->action;
	control->hits++;
	if (fate == KILL_BEFORE)
		(void)kill(owner, SIGKILL);
	if (fate == STOP)
		(void)raise(SIGSTOP);
	return fate;
}

/* The same for a call on a file. */
static enum action
count_file(enum kind kind, const char *call, int fd, const char *name)
{
	int saved_errno = errno;
	enum action fate = NOTHING;
	char path[PATH_MAX];

	if (control != NULL) {
		path_of(fd, name, path);
		if (is_below(path))
			fate = count(kind, call, path);
	}
	errno = saved_errno;
	return fate;
}

/* Whether the call is not to be made; with its errno then. */
static bool
fails(enum action fate, int reason)
{
	if (fate == FAIL)
		errno = reason;
	return fate == FAIL;
}

/* Hands on what the call returned, if it may return. */
static long
after(enum action fate, long result)
{
	if (fate == KILL_AFTER)
		(void)kill(owner, SIGKILL);
	return result;
}

/* ---- opening ---- */

static enum action
count_open(const char *call, int fd, const char *path, int flags)
{
	return count_file(
	    (flags & O_CREAT) != 0 ? CHANGES : OPENS, call, fd, path);
}

#define OPEN(function, fd, path, ...)                                      \
	{                                                                  \
		mode_t mode = 0;                                           \
		enum action fate = count_open(#function, fd, path, flags); \
		va_list rest;                                              \
                                                                           \
		va_start(rest, flags);                                     \
		if ((flags & O_CREAT) != 0)                                \
			mode = va_arg(rest, mode_t);                       \
		va_end(rest);                                              \
		if (fails(fate, (flags & O_CREAT) != 0 ? ENOSPC : EMFILE)) \
			return -1;                                         \
		return (int)after(fate, REAL(function)(__VA_ARGS__));      \
	}

/* clang-format off */
int
open(const char *path, int flags, ...)
OPEN(open, AT_FDCWD, path, path, flags, mode)

int
open64(const char *path, int flags, ...)
OPEN(open64, AT_FDCWD, path, path, flags, mode)

int
openat(int fd, const char *path, int flags, ...)
OPEN(openat, fd, path, fd, path, flags, mode)

int
openat64(int fd, const char *path, int flags, ...)
OPEN(openat64, fd, path, fd, path, flags, mode)
/* clang-format on */

/* ---- calls that follow one pattern ---- */

/* A call on a file: kind, errno when it fails, where, its arguments. */
#define FILE_CALL(function, kind, reason, fd, name, ...)                  \
	{                                                                 \
		enum action fate = count_file(kind, #function, fd, name); \
                                                                          \
		if (fails(fate, reason))                                  \
			return -1;                                        \
		return (int)after(fate, REAL(function)(__VA_ARGS__));     \
	}

/* A call that makes a descriptor of no file. */
#define DESCRIPTOR_CALL(function, reason, ...)                        \
	{                                                             \
		enum action fate = count(NAMES, #function, "");       \
                                                                      \
		if (fails(fate, reason))                              \
			return -1;                                    \
		return (int)after(fate, REAL(function)(__VA_ARGS__)); \
	}

    /* clang-format off */
int
fsync(int fd)
FILE_CALL(fsync, SYNCS, EIO, fd, NULL, fd)

int
fdatasync(int fd)
FILE_CALL(fdatasync, SYNCS, EIO, fd, NULL, fd)

int
syncfs(int fd)
FILE_CALL(syncfs, SYNCS, EIO, fd, NULL, fd)

int
sync_file_range(int fd, off64_t offset, off64_t len, unsigned flags)
FILE_CALL(sync_file_range, SYNCS, EIO, fd, NULL, fd, offset, len, flags)

int
ftruncate(int fd, off_t len)
FILE_CALL(ftruncate, CHANGES, EIO, fd, NULL, fd, len)

int
ftruncate64(int fd, off64_t len)
FILE_CALL(ftruncate64, CHANGES, EIO, fd, NULL, fd, len)

int
fallocate(int fd, int mode, off_t offset, off_t len)
FILE_CALL(fallocate, CHANGES, ENOSPC, fd, NULL, fd, mode, offset, len)

int
rename(const char *from, const char *to)
FILE_CALL(rename, CHANGES, ENOSPC, AT_FDCWD, to, from, to)

int
renameat(int from_fd, const char *from, int to_fd, const char *to)
FILE_CALL(renameat, CHANGES, ENOSPC, to_fd, to, from_fd, from, to_fd, to)

int
renameat2(int from_fd, const char *from, int to_fd, const char *to,
    unsigned flags)
FILE_CALL(renameat2, CHANGES, ENOSPC, to_fd, to, from_fd, from, to_fd, to,
    flags)

int
unlink(const char *path)
FILE_CALL(unlink, CHANGES, EIO, AT_FDCWD, path, path)

int
unlinkat(int fd, const char *path, int flags)
FILE_CALL(unlinkat, CHANGES, EIO, fd, path, fd, path, flags)

int
rmdir(const char *path)
FILE_CALL(rmdir, CHANGES, EIO, AT_FDCWD, path, path)

int
linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
FILE_CALL(linkat, CHANGES, ENOSPC, to_fd, to, from_fd, from, to_fd, to, flags)

int
mkdir(const char *path, mode_t mode)
FILE_CALL(mkdir, CHANGES, ENOSPC, AT_FDCWD, path, path, mode)

int
mkdirat(int fd, const char *path, mode_t mode)
FILE_CALL(mkdirat, CHANGES, ENOSPC, fd, path, fd, path, mode)

int
utimensat(int fd, const char *path, const struct timespec times[2], int flags)
FILE_CALL(utimensat, CHANGES, ENOSPC, fd, path, fd, path, times, flags)

int
socket(int domain, int type, int protocol)
DESCRIPTOR_CALL(socket, EMFILE, domain, type, protocol)

int
connect(int fd, const struct sockaddr *address, socklen_t len)
DESCRIPTOR_CALL(connect, ENETUNREACH, fd, address, len)

int
accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
DESCRIPTOR_CALL(accept4, EMFILE, fd, address, len, flags)

int
eventfd(unsigned value, int flags)
DESCRIPTOR_CALL(eventfd, EMFILE, value, flags)

int
epoll_create1(int flags)
DESCRIPTOR_CALL(epoll_create1, EMFILE, flags)

int
timerfd_create(clockid_t clock, int flags)
DESCRIPTOR_CALL(timerfd_create, EMFILE, clock, flags)

int
signalfd(int fd, const sigset_t *set, int flags)
DESCRIPTOR_CALL(signalfd, EMFILE, fd, set, flags)

int
inotify_init1(int flags)
DESCRIPTOR_CALL(inotify_init1, EMFILE, flags)

int
inotify_add_watch(int fd, const char *path, uint32_t mask)
DESCRIPTOR_CALL(inotify_add_watch, ENOSPC, fd, path, mask)

int
pipe2(int ends[2], int flags)
DESCRIPTOR_CALL(pipe2, EMFILE, ends, flags)
/* clang-format on */

/* ---- writing, which may also be cut short ---- */

#define WRITE(function, fd, len, ...)                                        \
	{                                                                    \
		enum action fate = count_file(CHANGES, #function, fd, NULL); \
                                                                             \
		if (fails(fate, ENOSPC))                                     \
			return -1;                                           \
		if (fate == SHORT && len > 1)                                \
			len /= 2;                                            \
		return after(fate, REAL(function)(__VA_ARGS__));             \
	}

    /* clang-format off */
ssize_t
write(int fd, const void *bytes, size_t len)
WRITE(write, fd, len, fd, bytes, len)

ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t offset)
WRITE(pwrite, fd, len, fd, bytes, len, offset)

ssize_t
pwrite64(int fd, const void *bytes, size_t len, off64_t offset)
WRITE(pwrite64, fd, len, fd, bytes, len, offset)

ssize_t
writev(int fd, const struct iovec *parts, int len)
WRITE(writev, fd, len, fd, parts, len)
    /* clang-format on */
