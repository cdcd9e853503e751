/*
 * The names in a directory are read before any of them is visited, so that
 * renaming one does not bring it up again.
 */
#include "daemon/maildir_walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/maildir.h"
#include "daemon/maildir_private.h"
#include "libclient/base/mem.h"

/* So deep is no mailbox: the names of its levels make a path. */
#define DEPTH_MAX 64

struct walk {
	struct maildir_root *root;
	bool (*visit)(void *user, const char *path);
	void *user;
	struct imap_error *error;
};

struct names {
	char **items;
	size_t count;
};

static bool
fail(const struct walk *walk, const char *path)
{
	return imap_error_set(walk->error, IMAP_ERROR_LOCAL,
	    "cannot read %s/%s: %s", walk->root->path, path, strerror(errno));
}

/* What is in every folder, and what is above it. */
static bool
is_own(const char *name)
{
	static const char *const own[] = {".", "..", "cur", "new", "tmp"};

	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (strcmp(name, own[i]) == 0)
			return true;
	return false;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The directories in one, sorted; takes the descriptor. */
static bool
list(int fd, struct names *names)
{
	DIR *stream = fdopendir(fd);
	const struct dirent *entry;
	struct stat info;

	if (stream == NULL) {
		maildir_close_fd(fd);
		return false;
	}
	while (errno = 0, (entry = readdir(stream)) != NULL) {
		if (is_own(entry->d_name) ||
		    fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) <
			0 ||
		    !S_ISDIR(info.st_mode))
			continue;
		names->items = mem_resize(
		    names->items, names->count + 1, sizeof(*names->items));
		names->items[names->count++] = mem_copy_string(entry->d_name);
	}
	closedir(stream);
	if (names->count > 1)
		qsort(names->items, names->count, sizeof(*names->items),
		    compare_names);
	return errno == 0;
}

static void
free_names(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		mem_free(names->items[i]);
	mem_free(names->items);
}

// NOLINTNEXTLINE(misc-no-recursion): DEPTH_MAX
static bool
walk_below(const struct walk *walk, const char *path, unsigned depth)
{
	int fd = maildir_open_path(walk->root, path, NULL);
	struct names names = {0};
	bool is_ok = fd >= 0 && list(fd, &names);

	if (!is_ok)
		fail(walk, path);
	for (size_t i = 0; is_ok && depth < DEPTH_MAX && i < names.count; i++) {
		char *below = mem_format(
		    "%s%s%s", path, path[0] == '\0' ? "" : "/", names.items[i]);

		is_ok = walk_below(walk, below, depth + 1);
		mem_free(below);
	}
	free_names(&names);
	return is_ok &&
	    (!maildir_exists(walk->root, path) ||
		walk->visit(walk->user, path));
}

bool
maildir_walk(struct maildir_root *root,
    bool (*visit)(void *user, const char *path), void *user,
    struct imap_error *error)
{
	const struct walk walk = {root, visit, user, error};

	return walk_below(&walk, "", 0);
}
