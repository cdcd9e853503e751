/*
 * Folders as wholes. A directory that holds anything unknown is left alone:
 * rmdir() alone decides what is empty.
 */
#include "daemon/maildir_folder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/maildir.h"
#include "daemon/maildir_private.h"

static bool
fail(const struct maildir_root *root, const char *operation, const char *path,
    struct imap_error *error)
{
	return imap_error_set(error, IMAP_ERROR_LOCAL, "cannot %s %s/%s: %s",
	    operation, root->path, path, strerror(errno));
}

/* Splits a path into its parent's, to be made if is_made, and its name. */
static int
open_parent(const struct maildir_root *root, const char *path, bool is_made,
    const char **name)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];
	bool is_created = false;

	*name = slash == NULL ? path : slash + 1;
	if (**name == '\0') {
		errno = EINVAL;
		return -1;
	}
	if ((size_t)(*name - path) >= sizeof(parent)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	snprintf(parent, sizeof(parent), "%.*s",
	    slash == NULL ? 0 : (int)(slash - path), path);
	return maildir_open_path(root, parent, is_made ? &is_created : NULL);
}

bool
maildir_rename_folder(struct maildir_root *root, const char *from,
    const char *to, struct imap_error *error)
{
	const char *from_name, *to_name;
	int from_fd = open_parent(root, from, false, &from_name);
	int to_fd = from_fd < 0 ? -1 : open_parent(root, to, true, &to_name);
	bool is_ok = to_fd >= 0 &&
	    maildir_rename_at(from_fd, from_name, to_fd, to_name) &&
	    fsync(to_fd) == 0 && fsync(from_fd) == 0;

	if (!is_ok)
		fail(root, "rename", from, error);
	maildir_close_fd(from_fd);
	maildir_close_fd(to_fd);
	return is_ok;
}

static bool
note_file(void *user, const char *name)
{
	bool *is_empty = user;

	(void)name;
	*is_empty = false;
	return false;
}

bool
maildir_is_empty(struct maildir_root *root, const char *path)
{
	static const char *const directories[] = {"new", "cur"};
	struct maildir maildir = {.path = root->path, .tmp_fd = -1};
	bool is_empty = true;

	maildir.fd = maildir_open_path(root, path, NULL);
	if (maildir.fd < 0)
		return errno == ENOENT;
	for (size_t i = 0; is_empty && i < 2; i++) {
		int fd = openat(maildir.fd, directories[i], MAILDIR_OPEN_FLAGS);

		if (fd < 0 && errno == ENOENT)
			continue;
		maildir_close_fd(fd);
		is_empty = fd >= 0 &&
		    maildir_each_file(
			&maildir, directories[i], note_file, &is_empty, NULL) &&
		    is_empty;
	}
	maildir_rest(&maildir);
	return is_empty;
}

/* cur/ goes last: without it a directory is no folder any more. */
static bool
remove_parts(int fd)
{
	static const char *const directories[] = {"tmp", "new", "cur"};
	static const char *const files[] = {".uidvalidity", "dovecot-keywords"};

	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++)
		if (unlinkat(fd, directories[i], AT_REMOVEDIR) < 0 &&
		    errno != ENOENT)
			return false;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (unlinkat(fd, files[i], 0) < 0 && errno != ENOENT)
			return false;
	return true;
}

bool
maildir_remove_folder(
    struct maildir_root *root, const char *path, struct imap_error *error)
{
	struct maildir maildir = {.path = root->path, .tmp_fd = -1};
	const char *name;
	int parent_fd;
	bool is_ok;

	maildir.fd = maildir_open_path(root, path, NULL);
	if (maildir.fd < 0)
		return errno == ENOENT || fail(root, "remove", path, error);
	if (!maildir_is_empty(root, path)) {
		errno = ENOTEMPTY;
		fail(root, "remove", path, error);
		maildir_rest(&maildir);
		return false;
	}
	maildir_clean_tmp(&maildir);
	is_ok = remove_parts(maildir.fd) || fail(root, "remove", path, error);
	maildir_rest(&maildir);
	if (!is_ok)
		maildir_close(maildir_open(root, path, NULL));
	if (!is_ok || *path == '\0')
		return is_ok;
	parent_fd = open_parent(root, path, false, &name);
	is_ok = parent_fd >= 0 &&
	    (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 ||
		errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT);
	if (!is_ok)
		fail(root, "remove", path, error);
	maildir_close_fd(parent_fd);
	return is_ok;
}
