/*
 * What is in a Maildir, and how finished files get into it: made durable in
 * tmp/, renamed, then the directories. A file's name follows from what it is,
 * so whatever a crash interrupts is done again with the same result.
 */
#include "daemon/maildir.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "daemon/maildir_private.h"

/* How many files are made durable one by one at once. */
#define SYNC_EACH_MAX 8

/* ---- scan ---- */

struct scan {
	const struct maildir_identity *identity;
	bool is_new;
	void (*found)(void *user, const struct maildir_file *file);
	void *user;
};

static bool
scan_file(void *user, const char *name)
{
	const struct scan *scan = user;
	struct maildir_file file = {.name = name, .is_new = scan->is_new};

	if (scan->identity->uidvalidity != 0)
		file.has_uid = maildir_parse_name(
		    name, scan->identity, &file.message, &file.is_ours);
	scan->found(scan->user, &file);
	return true;
}

bool
maildir_scan(struct maildir *maildir, const struct maildir_identity *identity,
    void (*found)(void *user, const struct maildir_file *file), void *user,
    struct imap_error *error)
{
	struct scan scan = {identity, true, found, user};

	if (!maildir_each_file(maildir, "new", scan_file, &scan, error))
		return false;
	scan.is_new = false;
	return maildir_each_file(maildir, "cur", scan_file, &scan, error);
}

/* ---- commit ---- */

/*
 * One fsync() a message costs up to nine times what downloading it costs;
 * one syncfs() a batch about an eighth of that, because the file system's
 * journal is written once. But syncfs() also waits for everybody else's
 * dirty pages, so a few files are synced by themselves, unless directories
 * on the way to them are new: then only syncfs() reaches all of them. FUSE
 * does not pass syncfs() on to its servers, so there it proves nothing.
 */
static bool
is_syncfs_better(const struct maildir *maildir, uint32_t count)
{
	struct statfs info;

	if (fstatfs(maildir_fd(maildir), &info) < 0 ||
	    info.f_type == FUSE_SUPER_MAGIC)
		return false;
	return count > SYNC_EACH_MAX || maildir->has_new_directories;
}

/* fsync() of a few files; write-out of all begins before the first wait. */
static bool
sync_few(struct maildir *maildir, int tmp_fd,
    const struct maildir_arrival *arrivals, uint32_t count,
    struct imap_error *error)
{
	int fds[SYNC_EACH_MAX];
	bool is_ok = true;

	for (uint32_t i = 0; i < count; i++) {
		fds[i] = openat(tmp_fd, arrivals[i].tmp_name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fds[i] < 0 && is_ok)
			is_ok = maildir_fail(maildir, "open", "tmp",
			    arrivals[i].tmp_name, error);
		if (fds[i] >= 0)
			(void)sync_file_range(
			    fds[i], 0, 0, SYNC_FILE_RANGE_WRITE);
	}
	for (uint32_t i = 0; i < count; i++) {
		if (is_ok && fsync(fds[i]) < 0)
			is_ok = maildir_fail(maildir, "sync", "tmp",
			    arrivals[i].tmp_name, error);
		maildir_close_fd(fds[i]);
	}
	return is_ok;
}

static bool
sync_files(struct maildir *maildir, int tmp_fd,
    const struct maildir_arrival *arrivals, uint32_t count,
    struct imap_error *error)
{
	if (is_syncfs_better(maildir, count)) {
		if (syncfs(maildir_fd(maildir)) < 0)
			return maildir_fail(maildir, "sync", NULL, NULL, error);
		maildir->has_new_directories = false;
		return true;
	}
	for (uint32_t i = 0; i < count; i += SYNC_EACH_MAX) {
		uint32_t few =
		    count - i < SYNC_EACH_MAX ? count - i : SYNC_EACH_MAX;

		if (!sync_few(maildir, tmp_fd, arrivals + i, few, error))
			return false;
	}
	if (maildir->has_new_directories && fsync(maildir_fd(maildir)) < 0)
		return maildir_fail(maildir, "sync", NULL, NULL, error);
	maildir->has_new_directories = false;
	return true;
}

struct timespec
maildir_time(int64_t date)
{
	if (date < INT32_MIN)
		date = INT32_MIN;
	if (date > UINT32_MAX)
		date = UINT32_MAX;
	return (struct timespec){.tv_sec = (time_t)date};
}

static bool
set_times(const struct maildir *maildir, int tmp_fd,
    const struct maildir_arrival *arrivals, uint32_t count,
    struct imap_error *error)
{
	for (uint32_t i = 0; i < count; i++) {
		struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
		    maildir_time(arrivals[i].message.date)};

		if (!arrivals[i].has_time &&
		    utimensat(tmp_fd, arrivals[i].tmp_name, times,
			AT_SYMLINK_NOFOLLOW) < 0)
			return maildir_fail(maildir, "set the time of", "tmp",
			    arrivals[i].tmp_name, error);
	}
	return true;
}

/* The directories that a commit works in; -1: not needed. */
struct commit_fds {
	int tmp;
	int new;
	int cur;
};

static bool
rename_arrival(struct maildir *maildir, const struct commit_fds *fds,
    const struct maildir_identity *identity,
    const struct maildir_arrival *arrival, struct imap_error *error)
{
	uint32_t flags = arrival->message.flags;
	char name[MAILDIR_NAME_SIZE];

	maildir_base_name(identity, &arrival->message, name);
	if (flags != 0)
		maildir_flags_suffix(flags, name + strlen(name));
	if (renameat(fds->tmp, arrival->tmp_name,
		flags == 0 ? fds->new : fds->cur, name) < 0)
		return maildir_fail(
		    maildir, "place", flags == 0 ? "new" : "cur", name, error);
	maildir->changes++;
	return true;
}

static bool
sync_directories(const struct maildir *maildir, int new_fd, int cur_fd,
    struct imap_error *error)
{
	if (new_fd >= 0 && fsync(new_fd) < 0)
		return maildir_fail(maildir, "sync", "new", NULL, error);
	if (cur_fd >= 0 && fsync(cur_fd) < 0)
		return maildir_fail(maildir, "sync", "cur", NULL, error);
	return true;
}

/* Opens new/ and cur/ where the batch needs them. */
static bool
open_targets(const struct maildir *maildir, struct commit_fds *fds,
    const struct maildir_arrival *arrivals, uint32_t count,
    struct imap_error *error)
{
	for (uint32_t i = 0; i < count; i++) {
		bool is_new = arrivals[i].message.flags == 0;
		int *fd = is_new ? &fds->new : &fds->cur;

		if (*fd < 0)
			*fd = maildir_open_directory(
			    maildir, is_new ? "new" : "cur", error);
		if (*fd < 0)
			return false;
	}
	return true;
}

bool
maildir_commit(struct maildir *maildir, const struct maildir_identity *identity,
    const struct maildir_arrival *arrivals, uint32_t count, bool is_durable,
    uint32_t *committed, struct imap_error *error)
{
	struct commit_fds fds = {-1, -1, -1};
	uint32_t placed = 0;
	bool is_ok = false;

	*committed = 0;
	if (count == 0)
		return true;
	fds.tmp = maildir_tmp_fd(maildir, error);
	if (fds.tmp < 0 ||
	    !open_targets(maildir, &fds, arrivals, count, error) ||
	    !set_times(maildir, fds.tmp, arrivals, count, error))
		goto out;
	if (is_durable && !sync_files(maildir, fds.tmp, arrivals, count, error))
		goto out;
	is_ok = true;
	while (is_ok && placed < count) {
		is_ok = rename_arrival(
		    maildir, &fds, identity, &arrivals[placed], error);
		placed += is_ok;
	}
	if (is_durable && !sync_directories(maildir, fds.new, fds.cur, error)) {
		is_ok = false;
		placed = 0;
	}
	*committed = placed;
out:
	maildir_close_fd(fds.new);
	maildir_close_fd(fds.cur);
	return is_ok;
}

bool
maildir_sync(struct maildir *maildir, struct imap_error *error)
{
	int new_fd = maildir_open_directory(maildir, "new", error);
	int cur_fd =
	    new_fd < 0 ? -1 : maildir_open_directory(maildir, "cur", error);
	bool is_ok =
	    cur_fd >= 0 && sync_directories(maildir, new_fd, cur_fd, error);

	/* as in sync_files(): the way to them is as new as they are */
	if (is_ok && maildir->has_new_directories) {
		is_ok = syncfs(maildir_fd(maildir)) == 0 ||
		    maildir_fail(maildir, "sync", NULL, NULL, error);
		maildir->has_new_directories = !is_ok;
	}
	maildir_close_fd(new_fd);
	maildir_close_fd(cur_fd);
	return is_ok;
}
