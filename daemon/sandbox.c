/*
 * Landlock, by its system calls: the C library has none, and the headers may
 * be older than the kernel.
 */
#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/maildir_root.h"
#include "libclient/base/mem.h"

/* Younger than the headers of Debian 12. */
#define ACCESS_FS_TRUNCATE  (UINT64_C(1) << 14)
#define ACCESS_FS_IOCTL_DEV (UINT64_C(1) << 15)
#define ACCESS_NET_BIND_TCP (UINT64_C(1) << 0)
#define SCOPE_SIGNAL	    (UINT64_C(1) << 1)

/*
 * The first version has no right to rename from tmp/ to new/: it always
 * forbids that.
 */
#define ABI_MIN 2

/* struct landlock_ruleset_attr as of version 6 */
struct ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

struct place {
	struct place *next;
	int fd;
	dev_t device;
	ino_t number;
};

struct sandbox {
	struct place *places;
	bool is_closed; /* the restrictions are in force */
};

struct sandbox *
sandbox_new(void)
{
	return mem_new(struct sandbox);
}

struct sandbox *
sandbox_free(struct sandbox *sandbox)
{
	struct place *place;

	if (sandbox == NULL)
		return NULL;
	while ((place = sandbox->places) != NULL) {
		sandbox->places = place->next;
		(void)close(place->fd);
		mem_free(place);
	}
	return mem_free(sandbox);
}

bool
sandbox_add(struct sandbox *sandbox, const char *path, struct imap_error *error)
{
	struct place *place;
	struct stat info;
	int fd;

	if (!maildir_make_path(path, error))
		return false;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &info) == -1) {
		(void)imap_error_set(error, IMAP_ERROR_LOCAL,
		    "cannot open %s: %s", path, strerrordesc_np(errno));
		if (fd != -1)
			(void)close(fd);
		return false;
	}
	place = mem_new(struct place);
	place->fd = fd;
	place->device = info.st_dev;
	place->number = info.st_ino;
	place->next = sandbox->places;
	sandbox->places = place;
	return true;
}

/* ---- Landlock ---- */

static int
kernel_version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
}

/* All that changes files, and running them; as far as the kernel knows it. */
static uint64_t
known_rights(int version)
{
	uint64_t rights = LANDLOCK_ACCESS_FS_EXECUTE |
	    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
	    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
	    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM |
	    LANDLOCK_ACCESS_FS_REFER;

	if (version >= 3)
		rights |= ACCESS_FS_TRUNCATE;
	if (version >= 5)
		rights |= ACCESS_FS_IOCTL_DEV;
	return rights;
}

/* What a Maildir, a database and a control socket take. */
static uint64_t
granted_rights(int version)
{
	return known_rights(version) &
	    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
		LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
		LANDLOCK_ACCESS_FS_REFER | ACCESS_FS_TRUNCATE);
}

/* A mirror listens nowhere. It signals nobody but its own; sockets by name
 * stay open to it, since systemd's may be one. */
static int
make_ruleset(int version)
{
	struct ruleset ruleset = {
	    .handled_access_fs = known_rights(version),
	    .handled_access_net = ACCESS_NET_BIND_TCP,
	    .scoped = SCOPE_SIGNAL,
	};
	size_t size = sizeof(ruleset);

	if (version < 6)
		size -= sizeof(ruleset.scoped);
	if (version < 4)
		size -= sizeof(ruleset.handled_access_net);
	return (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
}

static bool
restrict_self(const struct sandbox *sandbox, int version)
{
	int ruleset = make_ruleset(version);
	bool is_ok = ruleset != -1;
	int result;

	for (const struct place *place = sandbox->places;
	     is_ok && place != NULL; place = place->next) {
		struct landlock_path_beneath_attr rule = {
		    .allowed_access = granted_rights(version),
		    .parent_fd = place->fd,
		};

		is_ok = syscall(SYS_landlock_add_rule, ruleset,
			    LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
	}
	is_ok = is_ok && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	result = errno;
	if (ruleset != -1)
		(void)close(ruleset);
	errno = result;
	return is_ok;
}

bool
sandbox_enter(struct sandbox *sandbox, const char **why)
{
	int version = kernel_version();

	/* without it an unprivileged process may not restrict itself */
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (version >= 0 && version < ABI_MIN) {
		*why = "the kernel's version of it is too old";
		return false;
	}
	sandbox->is_closed = version >= 0 && restrict_self(sandbox, version);
	if (!sandbox->is_closed)
		*why = strerrordesc_np(errno);
	return sandbox->is_closed;
}

/* ---- what it means for a path ---- */

/* The directory, or the nearest above it that is there; -1: neither. */
static int
open_nearest(const char *path)
{
	char *prefix = mem_copy_string(path);
	size_t len = strlen(prefix);
	int fd = open(prefix, O_PATH | O_DIRECTORY | O_CLOEXEC);

	while (fd == -1 && errno == ENOENT && len > 1) {
		while (len > 1 && prefix[len - 1] == '/')
			len--;
		while (len > 1 && prefix[len - 1] != '/')
			len--;
		prefix[len] = '\0';
		fd = open(prefix, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	mem_free(prefix);
	return fd;
}

static bool
is_place(const struct sandbox *sandbox, const struct stat *info)
{
	const struct place *place = sandbox->places;

	while (place != NULL &&
	    (place->device != info->st_dev || place->number != info->st_ino))
		place = place->next;
	return place != NULL;
}

bool
sandbox_allows(const struct sandbox *sandbox, const char *path)
{
	struct stat info = {0}, before;
	bool is_allowed = false;
	int fd;

	if (!sandbox->is_closed)
		return true;
	fd = open_nearest(path);
	while (fd != -1) {
		int above;

		before = info;
		if (fstat(fd, &info) == 0)
			is_allowed = is_place(sandbox, &info);
		if (is_allowed ||
		    (info.st_dev == before.st_dev &&
			info.st_ino == before.st_ino)) {
			(void)close(fd); /* the root is above itself */
			return is_allowed;
		}
		above = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		(void)close(fd);
		fd = above;
	}
	/* what cannot be looked at for want of a descriptor is not forbidden */
	return errno == EMFILE || errno == ENFILE || errno == ENOMEM;
}
