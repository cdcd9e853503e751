/*
 * A file is read once to know what it should be and, if it is not that, once
 * more to write it.
 */
#include "daemon/maildir_content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/maildir_private.h"
#include "libclient/base/buf.h"
#include "libclient/base/mem.h"

#define DIRECTORY_MODE 0700
#define FILE_MODE      0600

/* The longest header that is looked through; also how much is read at once. */
#define FRONT_SIZE 65536

#define TUID	 "X-TUID: "
#define TUID_LEN 12 /* of base64's characters behind it */

static const char *
directory_name(bool is_new)
{
	return is_new ? "new" : "cur";
}

static int
open_message(
    struct maildir *maildir, const char *name, bool is_new, struct stat *info)
{
	int directory =
	    maildir_open_directory(maildir, directory_name(is_new), NULL);
	int fd = directory < 0
	    ? -1
	    : openat(directory, name,
		  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	maildir_close_fd(directory);
	if (fd >= 0 && (fstat(fd, info) < 0 || !S_ISREG(info->st_mode))) {
		maildir_close_fd(fd);
		fd = -1;
	}
	return fd;
}

/* ---- mbsync's line ---- */

static bool
is_base64(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
	    (byte >= 'a' && byte <= 'z') || byte == '+' || byte == '/';
}

static bool
is_tuid(struct span line)
{
	const size_t prefix = strlen(TUID);

	if (line.len != prefix + TUID_LEN || memcmp(line.at, TUID, prefix) != 0)
		return false;
	for (size_t i = prefix; i < line.len; i++)
		if (!is_base64(line.at[i]))
			return false;
	return true;
}

/* The last such line of the header at the front of a message. */
static void
find_tuid(struct span text, struct maildir_content *content)
{
	const char *begin = text.at;

	while (text.len > 0) {
		const char *end = memchr(text.at, '\n', text.len);
		struct span line = {text.at, 0};
		size_t whole;

		if (end == NULL)
			return;
		line.len = (size_t)(end - text.at);
		whole = line.len + 1;
		if (line.len > 0 && line.at[line.len - 1] == '\r')
			line.len--;
		if (line.len == 0)
			return;
		if (is_tuid(line)) {
			content->tuid_at = line.at - begin;
			content->tuid_len = whole;
		}
		text = span_from(text, whole);
	}
}

/* ---- reading ---- */

/* A file's bytes, without the line that is dropped. */
struct reader {
	int fd;
	off_t at;
	const struct maildir_content *content;
	char *bytes; /* FRONT_SIZE */
};

/* The next ones; 0: no more; -1 and errno. */
static ssize_t
read_some(struct reader *reader)
{
	const struct maildir_content *content = reader->content;
	size_t most = FRONT_SIZE;
	ssize_t len;

	if (content->tuid_len > 0 && reader->at == content->tuid_at)
		reader->at += (off_t)content->tuid_len;
	if (content->tuid_len > 0 && reader->at < content->tuid_at &&
	    (off_t)most > content->tuid_at - reader->at)
		most = (size_t)(content->tuid_at - reader->at);
	do {
		len = pread(reader->fd, reader->bytes, most, reader->at);
	} while (len < 0 && errno == EINTR);
	if (len > 0)
		reader->at += len;
	return len;
}

static bool
count_lines(struct reader *reader, const struct maildir_form *form,
    struct maildir_content *content)
{
	uint64_t bare = 0, whole = 0;
	char last = '\0';
	ssize_t len;

	while ((len = read_some(reader)) > 0) {
		content->size += (uint64_t)len;
		for (ssize_t i = 0; i < len; i++) {
			char byte = reader->bytes[i];

			bare += byte == '\n' && last != '\r';
			whole += byte == '\n' && last == '\r';
			last = byte;
		}
	}
	content->size += bare;
	content->is_right =
	    content->tuid_len == 0 && (form->is_crlf ? bare : whole) == 0;
	return len == 0;
}

bool
maildir_measure(struct maildir *maildir, const char *name, bool is_new,
    const struct maildir_form *form, struct maildir_content *content)
{
	struct stat info;
	int fd = open_message(maildir, name, is_new, &info);
	struct reader reader = {.fd = fd, .content = content};
	bool is_ok = fd >= 0;
	ssize_t len;

	if (!is_ok)
		return false;
	*content = (struct maildir_content){.date = info.st_mtim.tv_sec};
	reader.bytes = mem_alloc(FRONT_SIZE);
	if (form->drops_tuid) {
		len = read_some(&reader);
		if (len > 0)
			find_tuid(
			    (struct span){reader.bytes, (size_t)len}, content);
		reader.at = 0;
	}
	is_ok = count_lines(&reader, form, content);
	mem_free(reader.bytes);
	maildir_close_fd(fd);
	return is_ok;
}

/* ---- writing ---- */

/* Line ends as they should be; a CR at the end of a piece waits for what
 * follows it. */
static void
convert(struct span piece, bool is_crlf, bool *has_cr, struct buf *out)
{
	buf_clear(out);
	for (size_t i = 0; i < piece.len; i++) {
		char byte = piece.at[i];

		if (*has_cr && (byte != '\n' || is_crlf))
			(void)buf_add(out, "\r", 1);
		if (byte == '\n' && is_crlf && !*has_cr)
			(void)buf_add(out, "\r", 1);
		*has_cr = byte == '\r';
		if (!*has_cr)
			(void)buf_add(out, &byte, 1);
	}
}

static bool
copy(struct reader *reader, int to, bool is_crlf)
{
	bool has_cr = false, is_ok = true;
	struct buf out;
	ssize_t len = 0;

	buf_init(&out, (size_t)2 * FRONT_SIZE + 1);
	while (is_ok && (len = read_some(reader)) > 0) {
		convert((struct span){reader->bytes, (size_t)len}, is_crlf,
		    &has_cr, &out);
		is_ok = maildir_write_all(
		    to, buf_span(&out).at, buf_span(&out).len);
	}
	if (is_ok && len == 0 && has_cr)
		is_ok = maildir_write_all(to, "\r", 1);
	buf_free(&out);
	return is_ok && len == 0;
}

bool
maildir_rewrite(struct maildir *maildir, const char *name, bool is_new,
    const struct maildir_form *form, const struct maildir_content *content,
    char tmp_name[MAILDIR_TMP_NAME_SIZE], struct imap_error *error)
{
	struct timespec times[2] = {
	    {.tv_nsec = UTIME_OMIT}, maildir_time(content->date)};
	struct stat info;
	struct reader reader = {.content = content};
	int to = maildir_create_tmp(maildir, tmp_name, error);
	bool is_ok;

	if (to < 0)
		return false;
	reader.fd = open_message(maildir, name, is_new, &info);
	reader.bytes = mem_alloc(FRONT_SIZE);
	is_ok = reader.fd >= 0 && copy(&reader, to, form->is_crlf) &&
	    futimens(to, times) == 0;
	if (!is_ok) {
		maildir_fail(
		    maildir, "copy", directory_name(is_new), name, error);
		maildir_remove_tmp(maildir, tmp_name);
	}
	mem_free(reader.bytes);
	maildir_close_fd(reader.fd);
	maildir_close_fd(to);
	return is_ok;
}

/* What a mail reader has moved meanwhile must not be put there a second time:
 * only what is there can be exchanged. */
static bool
replace_at(int tmp_fd, const char *tmp_name, int fd, const char *name)
{
	struct stat info;

	if (renameat2(tmp_fd, tmp_name, fd, name, RENAME_EXCHANGE) == 0)
		return unlinkat(tmp_fd, tmp_name, 0) == 0;
	if (errno != EINVAL && errno != ENOSYS)
		return false;
	/* some cannot (NFS) */
	return fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
	    renameat(tmp_fd, tmp_name, fd, name) == 0;
}

bool
maildir_replace(struct maildir *maildir, const char *tmp_name, const char *name,
    bool is_new, struct imap_error *error)
{
	const char *directory = directory_name(is_new);
	int tmp_fd = maildir_tmp_fd(maildir, error);
	int fd =
	    tmp_fd < 0 ? -1 : maildir_open_directory(maildir, directory, error);
	bool is_ok = fd >= 0;

	if (is_ok && !replace_at(tmp_fd, tmp_name, fd, name))
		is_ok = maildir_fail(maildir, "place", directory, name, error);
	if (is_ok)
		maildir->changes += 2;
	maildir_close_fd(fd);
	return is_ok;
}

/* ---- modes and times ---- */

static bool
dress_open(int fd, int64_t date)
{
	struct timespec times[2] = {
	    {.tv_nsec = UTIME_OMIT}, maildir_time(date)};

	return fchmod(fd, FILE_MODE) == 0 &&
	    (date == MAILDIR_DATE_UNKNOWN || futimens(fd, times) == 0);
}

bool
maildir_dress(struct maildir *maildir, const char *name, bool is_new,
    int64_t date, struct imap_error *error)
{
	struct stat info;
	int fd = open_message(maildir, name, is_new, &info);
	bool is_ok;

	if (fd < 0)
		return true;
	is_ok = dress_open(fd, date) ||
	    maildir_fail(maildir, "change mode or time of",
		directory_name(is_new), name, error);
	maildir_close_fd(fd);
	return is_ok;
}

bool
maildir_dress_folder(struct maildir *maildir, struct imap_error *error)
{
	static const char *const directories[] = {".", "cur", "new", "tmp"};

	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories);
	     i++) {
		int fd = maildir_open_directory(maildir, directories[i], error);
		bool is_ok = fd >= 0 && fchmod(fd, DIRECTORY_MODE) == 0;

		if (fd >= 0 && !is_ok)
			maildir_fail(maildir, "change the mode of",
			    directories[i], NULL, error);
		maildir_close_fd(fd);
		if (!is_ok)
			return false;
	}
	return true;
}

bool
maildir_sync_all(struct maildir *maildir, struct imap_error *error)
{
	return syncfs(maildir_fd(maildir)) == 0 ||
	    maildir_fail(maildir, "sync", NULL, NULL, error);
}
