/*
 * A folder's small files: those in tmp/ that a message is written to, and
 * .uidvalidity, which says what `U=` in this folder's names is worth.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/maildir.h"
#include "daemon/maildir_private.h"

#define FILE_MODE  0600
#define TMP_PREFIX "mailmirror-"

/* What a delivery may take at most (maildir(5)). */
#define TMP_MAX_AGE_S (36L * 60 * 60)

/* ---- tmp/ ---- */

/*
 * Not so where the umask is odd; the first file shows it for all. To ask of
 * each would cost more than the question: a file whose times somebody has seen
 * gets others with the next write.
 */
static bool
give_mode(struct maildir *maildir, int fd)
{
	struct stat info;

	if (__atomic_load_n(&maildir->gives_mode, __ATOMIC_RELAXED))
		return true;
	if (fstat(fd, &info) < 0 || (info.st_mode & 07777) != FILE_MODE)
		return fchmod(fd, FILE_MODE) == 0;
	__atomic_store_n(&maildir->gives_mode, true, __ATOMIC_RELAXED);
	return true;
}

int
maildir_create_tmp(struct maildir *maildir, char out[MAILDIR_TMP_NAME_SIZE],
    struct imap_error *error)
{
	int tmp_fd = maildir_tmp_fd(maildir, error);
	int fd;

	if (tmp_fd < 0)
		return -1;
	do {
		snprintf(out, MAILDIR_TMP_NAME_SIZE, TMP_PREFIX "%ld-%" PRIu32,
		    (long)getpid(),
		    __atomic_fetch_add(
			&maildir->next_tmp, 1, __ATOMIC_RELAXED));
		fd = openat(tmp_fd, out,
		    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    FILE_MODE);
	} while (fd < 0 && errno == EEXIST);
	if (fd >= 0 && !give_mode(maildir, fd)) {
		unlinkat(tmp_fd, out, 0);
		maildir_close_fd(fd);
		fd = -1;
	}
	if (fd < 0)
		maildir_fail(maildir, "create", "tmp", out, error);
	return fd;
}

void
maildir_remove_tmp(struct maildir *maildir, const char *tmp_name)
{
	int tmp_fd = maildir_tmp_fd(maildir, NULL);

	if (tmp_fd >= 0)
		unlinkat(tmp_fd, tmp_name, 0);
}

/* What cleaning tmp/ needs to know. */
struct cleaning {
	const struct maildir *maildir;
	int fd;
	time_t oldest;
};

/* True if this handle created the file, so that it may be in use. */
static bool
is_in_use(const struct maildir *maildir, const char *name)
{
	char own[MAILDIR_TMP_NAME_SIZE];
	size_t len;
	unsigned long long number;

	snprintf(own, sizeof(own), TMP_PREFIX "%ld-", (long)getpid());
	len = strlen(own);
	return strncmp(name, own, len) == 0 &&
	    span_to_number(span_of(name + len), UINT32_MAX, &number) &&
	    number < maildir->next_tmp;
}

static bool
clean_file(void *user, const char *name)
{
	const struct cleaning *cleaning = user;
	struct stat info;
	bool is_left_over =
	    strncmp(name, TMP_PREFIX, strlen(TMP_PREFIX)) == 0 &&
	    !is_in_use(cleaning->maildir, name);

	if (is_left_over ||
	    (fstatat(cleaning->fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
		info.st_mtime < cleaning->oldest))
		unlinkat(cleaning->fd, name, 0);
	return true;
}

void
maildir_clean_tmp(struct maildir *maildir)
{
	struct cleaning cleaning = {
	    .maildir = maildir,
	    .fd = maildir_tmp_fd(maildir, NULL),
	    .oldest = time(NULL) - TMP_MAX_AGE_S,
	};

	if (cleaning.fd < 0)
		return;
	(void)maildir_each_file(maildir, "tmp", clean_file, &cleaning, NULL);
}

/* ---- looking on ---- */

/* A file system's clock ticks no finer than this. */
#define TICK_NS 20000000

static int64_t
changed_at(const struct maildir *maildir, const char *directory, int64_t now)
{
	struct stat info;
	int64_t at;

	if (fstatat(
		maildir_fd(maildir), directory, &info, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	at = info.st_mtim.tv_sec * INT64_C(1000000000) + info.st_mtim.tv_nsec;
	return at > now - TICK_NS ? -1 : at;
}

struct maildir_stamp
maildir_stamp(const struct maildir *maildir)
{
	struct timespec time;
	int64_t now;

	clock_gettime(CLOCK_REALTIME, &time);
	now = time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
	return (struct maildir_stamp){
	    changed_at(maildir, "new", now), changed_at(maildir, "cur", now)};
}

bool
maildir_stamp_is(
    const struct maildir *maildir, const struct maildir_stamp *stamp)
{
	struct maildir_stamp now = maildir_stamp(maildir);

	return stamp->new_ns > 0 && stamp->cur_ns > 0 &&
	    now.new_ns == stamp->new_ns && now.cur_ns == stamp->cur_ns;
}

int
maildir_open_watched(const struct maildir *maildir, const char *directory)
{
	return openat(maildir_fd(maildir), directory == NULL ? "." : directory,
	    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* ---- small files ---- */

size_t
maildir_read_file(struct maildir *maildir, const char *name, char *out,
    size_t size, struct imap_error *error)
{
	int fd = openat(maildir_fd(maildir), name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, out, size);

	maildir_close_fd(fd);
	if (len >= 0)
		return (size_t)len;
	/* a link or a directory is no file of ours */
	if (errno != ENOENT && errno != ELOOP && errno != EISDIR)
		maildir_fail(maildir, "read", NULL, name, error);
	return 0;
}

/*
 * Without the first fsync() a crash could leave an empty file under the name,
 * without the second one the text of before.
 */
static bool
replace_file(struct maildir *maildir, const char *name, struct span text,
    bool is_whole, bool is_durable, struct imap_error *error)
{
	char tmp_name[MAILDIR_TMP_NAME_SIZE];
	int fd = maildir_create_tmp(maildir, tmp_name, error);
	int tmp_fd;
	bool is_ok;

	if (fd < 0)
		return false;
	is_ok = maildir_write_all(fd, text.at, text.len) &&
	    (!is_whole || fsync(fd) == 0);
	if (!is_ok)
		maildir_fail(maildir, "write", "tmp", tmp_name, error);
	close(fd);
	tmp_fd = is_ok ? maildir_tmp_fd(maildir, error) : -1;
	is_ok = tmp_fd >= 0;
	if (is_ok &&
	    (renameat(tmp_fd, tmp_name, maildir_fd(maildir), name) < 0 ||
		(is_durable && fsync(maildir_fd(maildir)) < 0)))
		is_ok = maildir_fail(maildir, "write", NULL, name, error);
	if (!is_ok)
		maildir_remove_tmp(maildir, tmp_name);
	return is_ok;
}

bool
maildir_replace_file(struct maildir *maildir, const char *name,
    struct span text, bool is_durable, struct imap_error *error)
{
	return replace_file(maildir, name, text, is_durable, is_durable, error);
}

/* ---- .uidvalidity ---- */

/* Takes one line off the front. */
static struct span
take_line(struct span *text)
{
	struct span line = *text;
	const char *end =
	    text->len == 0 ? NULL : memchr(text->at, '\n', text->len);

	if (end == NULL) {
		*text = span_from(*text, text->len);
		return line;
	}
	line.len = (size_t)(end - text->at);
	*text = span_from(*text, line.len + 1);
	return line;
}

bool
maildir_read_uidvalidity(struct maildir *maildir, uint32_t *uidvalidity,
    uint32_t *highest_uid, struct imap_error *error)
{
	char bytes[128];
	struct span text = {bytes, 0};
	unsigned long long number;

	*uidvalidity = 0;
	*highest_uid = 0;
	text.len = maildir_read_file(
	    maildir, ".uidvalidity", bytes, sizeof(bytes), error);
	if (!span_to_number(take_line(&text), UINT32_MAX, &number) ||
	    number == 0)
		return false;
	*uidvalidity = (uint32_t)number;
	if (!span_to_number(take_line(&text), UINT32_MAX, &number))
		return false;
	*highest_uid = (uint32_t)number;
	return span_equal(take_line(&text), span_of("mailmirror"));
}

/* The text of .uidvalidity. */
static struct span
uidvalidity_text(uint32_t uidvalidity, uint32_t highest_uid, char out[64])
{
	int len = snprintf(out, 64, "%" PRIu32 "\n%" PRIu32 "\nmailmirror\n",
	    uidvalidity, highest_uid);

	return (struct span){out, (size_t)len};
}

static bool
write_numbers(struct maildir *maildir, uint32_t uidvalidity,
    uint32_t highest_uid, bool is_whole, bool is_durable,
    struct imap_error *error)
{
	char text[64];
	bool is_ok = replace_file(maildir, ".uidvalidity",
	    uidvalidity_text(uidvalidity, highest_uid, text), is_whole,
	    is_durable, error);

	maildir->noted_uidvalidity = is_ok ? uidvalidity : 0;
	maildir->noted_uid = highest_uid;
	return is_ok;
}

bool
maildir_write_uidvalidity(struct maildir *maildir, uint32_t uidvalidity,
    uint32_t highest_uid, bool is_durable, struct imap_error *error)
{
	return write_numbers(
	    maildir, uidvalidity, highest_uid, is_durable, is_durable, error);
}

bool
maildir_note_highest_uid(struct maildir *maildir, uint32_t uidvalidity,
    uint32_t highest_uid, bool is_whole)
{
	return (maildir->noted_uidvalidity == uidvalidity &&
		   maildir->noted_uid == highest_uid) ||
	    write_numbers(
		maildir, uidvalidity, highest_uid, is_whole, false, NULL);
}
