/*
 * Counting changes of new/ and cur/ by inotify, where it sees all of them.
 */
#include "daemon/maildir_carry.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "daemon/maildir_private.h"

/* Not in every version of <linux/magic.h>. */
#define MAGIC_XFS      0x58465342
#define MAGIC_ZFS      0x2FC12FC1
#define MAGIC_BCACHEFS 0xCA451A4E

#define ONE_CHANGE (IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE)
#define WATCHED	   (ONE_CHANGE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

static const struct maildir_stamp nothing;

void
maildir_agree(struct maildir *maildir, struct maildir_stamp stamp)
{
	maildir->agreed =
	    stamp.new_ns > 0 && stamp.cur_ns > 0 ? stamp : nothing;
}

/* Elsewhere others may change a directory without this kernel's seeing it. */
static bool
is_local(int fd)
{
	struct statfs info;

	if (fstatfs(fd, &info) < 0)
		return false;
	switch ((unsigned long)info.f_type) {
	case EXT4_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
	case OVERLAYFS_SUPER_MAGIC:
	case TMPFS_MAGIC:
	case MAGIC_XFS:
	case MAGIC_ZFS:
	case MAGIC_BCACHEFS:
		return true;
	default:
		return false;
	}
}

static void
hold(struct maildir *maildir)
{
	maildir->new_fd = maildir_open_directory(maildir, "new", NULL);
	maildir->cur_fd = maildir_open_directory(maildir, "cur", NULL);
	maildir->is_held = maildir->new_fd >= 0 && maildir->cur_fd >= 0;
}

static void
let_go(struct maildir *maildir)
{
	maildir->is_held = false;
	maildir_close_fd(maildir->new_fd);
	maildir_close_fd(maildir->cur_fd);
}

/*
 * An inotify lives as long as its root: where one is closed that has watched,
 * the kernel waits for milliseconds.
 */
static int
inotify_of(struct maildir_root *root)
{
	if (root->inotify_fd < 0)
		root->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	return root->inotify_fd;
}

/* The watch's number, or -1. */
static int
watch(struct maildir_root *root, int fd)
{
	char path[sizeof("/proc/self/fd/") + 10];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return is_local(fd) && inotify_of(root) >= 0
	    ? inotify_add_watch(root->inotify_fd, path, WATCHED)
	    : -1;
}

/* Nothing that is left in the inotify is taken for the next one's. */
static void
unwatch(struct maildir_root *root, struct maildir_carry *carry)
{
	char bytes[4096];

	carry->is_watched = false;
	if (root->inotify_fd < 0)
		return;
	(void)inotify_rm_watch(root->inotify_fd, carry->new_watch);
	(void)inotify_rm_watch(root->inotify_fd, carry->cur_watch);
	while (read(root->inotify_fd, bytes, sizeof(bytes)) > 0)
		;
}

static int64_t
time_of(int fd)
{
	struct stat info;

	if (fstat(fd, &info) < 0)
		return 0;
	return info.st_mtim.tv_sec * INT64_C(1000000000) + info.st_mtim.tv_nsec;
}

void
maildir_carry_begin(struct maildir *maildir, struct maildir_carry *carry)
{
	const struct maildir_stamp *agreed = &maildir->agreed;

	*carry = (struct maildir_carry){.changes = maildir->changes};
	hold(maildir);
	if (!maildir->is_held || agreed->new_ns == 0)
		return;
	/* watched first, so that nothing happens between the two */
	carry->new_watch = watch(maildir->root, maildir->new_fd);
	carry->cur_watch = watch(maildir->root, maildir->cur_fd);
	carry->is_watched = carry->new_watch >= 0 && carry->cur_watch >= 0 &&
	    time_of(maildir->new_fd) == agreed->new_ns &&
	    time_of(maildir->cur_fd) == agreed->cur_ns;
	if (!carry->is_watched)
		unwatch(maildir->root, carry);
}

/* A directory that changed gets an mtime that only we can have given it. */
static bool
mark(int fd, int64_t *agreed)
{
	int64_t now = time_of(fd), marked = now + 1;
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
	    {marked / 1000000000, marked % 1000000000}};

	if (now == *agreed)
		return true;
	*agreed = marked;
	return futimens(fd, times) == 0 && time_of(fd) == marked;
}

/* True if there were so many changes, and nothing else. */
static bool
were_all(int fd, uint64_t changes)
{
	_Alignas(struct inotify_event) char bytes[16384];
	ssize_t len;

	while ((len = read(fd, bytes, sizeof(bytes))) > 0) {
		ssize_t at = 0;

		while (at < len) {
			const struct inotify_event *event =
			    (const void *)(bytes + at);

			if ((event->mask & ONE_CHANGE) == 0 || changes == 0)
				return false;
			changes--;
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	return len < 0 && errno == EAGAIN && changes == 0;
}

struct maildir_stamp
maildir_carry_end(
    struct maildir *maildir, struct maildir_carry *carry, bool is_told)
{
	struct maildir_stamp agreed = maildir->agreed;

	/* counted last: what comes between the two is seen by one of them */
	if (!carry->is_watched || !is_told ||
	    !mark(maildir->new_fd, &agreed.new_ns) ||
	    !mark(maildir->cur_fd, &agreed.cur_ns) ||
	    !were_all(
		maildir->root->inotify_fd, maildir->changes - carry->changes))
		agreed = nothing;
	if (carry->is_watched)
		unwatch(maildir->root, carry);
	let_go(maildir);
	maildir->agreed = agreed;
	return agreed;
}
