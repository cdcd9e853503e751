/*
 * A file under another name: messages that moved, by whatever way, are not
 * downloaded again.
 */
#include "daemon/maildir_link.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/maildir_private.h"

/* How often a file that a mail reader moves meanwhile is looked for. */
#define FIND_ATTEMPTS 3

#define COPY_SIZE 65536

/* ---- finding ---- */

/* Opens a regular file of new/ or cur/; -1. */
static int
open_message(const struct maildir *maildir, const char *name, bool is_new)
{
	int directory =
	    maildir_open_directory(maildir, is_new ? "new" : "cur", NULL);
	struct stat info;
	int fd = directory < 0
	    ? -1
	    : openat(directory, name,
		  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	maildir_close_fd(directory);
	if (fd >= 0 && (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

struct search {
	const struct maildir_identity *identity;
	const struct maildir_message *message;
	char *out;
	bool is_found;
};

static bool
search_file(void *user, const char *name)
{
	struct search *search = user;
	struct maildir_message message;
	bool is_ours;

	if (!maildir_parse_name(name, search->identity, &message, &is_ours) ||
	    !is_ours || message.uid != search->message->uid ||
	    message.size != search->message->size ||
	    message.date != search->message->date ||
	    strlen(name) >= MAILDIR_NAME_SIZE)
		return true;
	memcpy(search->out, name, strlen(name) + 1);
	search->is_found = true;
	return false;
}

static bool
find(struct maildir *maildir, const struct maildir_identity *identity,
    const struct maildir_message *message, char out[MAILDIR_NAME_SIZE],
    bool *is_new)
{
	struct search search = {identity, message, out, false};

	if (maildir_find_message(maildir, identity, message, "", out, is_new))
		return true;
	for (int i = 0; i < 2 && !search.is_found; i++) {
		*is_new = i == 0;
		(void)maildir_each_file(maildir, *is_new ? "new" : "cur",
		    search_file, &search, NULL);
	}
	return search.is_found;
}

/* ---- linking, copying ---- */

/* In place of the file that was made to have a name of its own. */
static bool
link_file(const struct maildir *from, const char *name, bool is_new,
    const struct maildir *to, const char *tmp_name)
{
	int from_fd =
	    maildir_open_directory(from, is_new ? "new" : "cur", NULL);
	int tmp_fd = maildir_open_directory(to, "tmp", NULL);
	bool is_ok = from_fd >= 0 && tmp_fd >= 0 &&
	    unlinkat(tmp_fd, tmp_name, 0) == 0 &&
	    linkat(from_fd, name, tmp_fd, tmp_name, 0) == 0;

	maildir_close_fd(from_fd);
	maildir_close_fd(tmp_fd);
	return is_ok;
}

static bool
copy_file(int in, int out)
{
	char bytes[COPY_SIZE];

	for (;;) {
		ssize_t len = read(in, bytes, sizeof(bytes));

		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return len == 0;
		if (!maildir_write_all(out, bytes, (size_t)len))
			return false;
	}
}

/* A copy of the file in tmp/, under a new name. */
static bool
copy_message(const struct maildir *from, const char *name, bool is_new,
    struct maildir *to, char out[MAILDIR_TMP_NAME_SIZE])
{
	int in = open_message(from, name, is_new);
	int fd = in < 0 ? -1 : maildir_create_tmp(to, out, NULL);
	bool is_ok = fd >= 0 && copy_file(in, fd);

	if (fd >= 0 && close(fd) < 0)
		is_ok = false;
	if (fd >= 0 && !is_ok)
		maildir_remove_tmp(to, out);
	maildir_close_fd(in);
	return is_ok;
}

static bool
link_message(const struct maildir *from, const char *name, bool is_new,
    struct maildir *to, char out[MAILDIR_TMP_NAME_SIZE])
{
	int in = open_message(from, name, is_new);
	int fd = in < 0 ? -1 : maildir_create_tmp(to, out, NULL);

	maildir_close_fd(in);
	if (fd < 0)
		return false;
	close(fd);
	if (link_file(from, name, is_new, to, out))
		return true;
	maildir_remove_tmp(to, out);
	return false;
}

bool
maildir_link(struct maildir *from, const struct maildir_identity *identity,
    const struct maildir_message *message, struct maildir *to, bool may_link,
    char out[MAILDIR_TMP_NAME_SIZE])
{
	char name[MAILDIR_NAME_SIZE];
	bool is_new;

	for (int i = 0; i < FIND_ATTEMPTS; i++) {
		if (!find(from, identity, message, name, &is_new))
			return false;
		/* file systems without links, or with too many of them */
		if ((may_link && link_message(from, name, is_new, to, out)) ||
		    copy_message(from, name, is_new, to, out))
			return true;
	}
	return false;
}

/* ---- looking ---- */

ssize_t
maildir_read_front(struct maildir *maildir, const char *name, bool is_new,
    char *out, size_t size)
{
	int fd = open_message(maildir, name, is_new);
	size_t len = 0;

	while (fd >= 0 && len < size) {
		ssize_t got = read(fd, out + len, size - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			close(fd);
			return -1;
		}
		if (got == 0)
			break;
		len += (size_t)got;
	}
	if (fd < 0)
		return -1;
	close(fd);
	return (ssize_t)len;
}

bool
maildir_file_number(
    struct maildir *maildir, const char *name, bool is_new, uint64_t *number)
{
	int directory =
	    maildir_open_directory(maildir, is_new ? "new" : "cur", NULL);
	struct stat info;
	bool is_ok = directory >= 0 &&
	    fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) == 0;

	if (is_ok)
		*number = (uint64_t)info.st_ino;
	maildir_close_fd(directory);
	return is_ok;
}
