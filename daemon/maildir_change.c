/*
 * Changing what is in a Maildir already: flags, removal, names. Mail readers
 * rename files at any moment, so a file that is gone is looked for again.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/maildir.h"
#include "daemon/maildir_private.h"

/* How often a file that a mail reader moves meanwhile is looked for. */
#define FIND_ATTEMPTS 4

/* How many numbers are tried behind the name of a disowned file. */
#define DISOWN_ATTEMPTS 1000

/* Both directories of messages. */
struct pair {
	int new_fd;
	int cur_fd;
};

/* Where a file is. */
struct place {
	bool is_new;
	char name[NAME_MAX + 1];
};

static const char *
directory_name(bool is_new)
{
	return is_new ? "new" : "cur";
}

static int
pair_fd(const struct pair *pair, bool is_new)
{
	return is_new ? pair->new_fd : pair->cur_fd;
}

static bool
open_pair(
    const struct maildir *maildir, struct pair *pair, struct imap_error *error)
{
	if (maildir->is_held) {
		*pair = (struct pair){maildir->new_fd, maildir->cur_fd};
		return true;
	}
	pair->new_fd = maildir_open_directory(maildir, "new", error);
	if (pair->new_fd < 0)
		return false;
	pair->cur_fd = maildir_open_directory(maildir, "cur", error);
	if (pair->cur_fd < 0)
		maildir_close_fd(pair->new_fd);
	return pair->cur_fd >= 0;
}

static void
close_pair(const struct maildir *maildir, const struct pair *pair)
{
	if (maildir->is_held)
		return;
	maildir_close_fd(pair->new_fd);
	maildir_close_fd(pair->cur_fd);
}

/* ---- finding ---- */

static bool
is_file(const struct pair *pair, const struct place *place)
{
	struct stat info;

	return fstatat(pair_fd(pair, place->is_new), place->name, &info,
		   AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(info.st_mode);
}

/* Looks where the index says that the message is. */
static bool
is_where_expected(const struct pair *pair,
    const struct maildir_identity *identity,
    const struct maildir_message *message, struct place *place)
{
	if (message->size == MAILDIR_SIZE_UNKNOWN ||
	    message->date == MAILDIR_DATE_UNKNOWN)
		return false;
	maildir_base_name(identity, message, place->name);
	place->is_new = true;
	if (message->flags == 0 && is_file(pair, place))
		return true;
	place->is_new = false;
	maildir_flags_suffix(message->flags, place->name + strlen(place->name));
	return is_file(pair, place);
}

struct search {
	const struct maildir_identity *identity;
	const struct maildir_message *message;
	struct place *place;
	bool is_found;
};

/* Only names of ours count: somebody's copy must not be taken for the file. */
static bool
search_file(void *user, const char *name)
{
	struct search *search = user;
	const struct maildir_message *wanted = search->message;
	struct maildir_message message;
	bool is_ours;

	if (!maildir_parse_name(name, search->identity, &message, &is_ours) ||
	    !is_ours || message.uid != wanted->uid)
		return true;
	if ((wanted->size != MAILDIR_SIZE_UNKNOWN &&
		wanted->size != message.size) ||
	    (wanted->date != MAILDIR_DATE_UNKNOWN &&
		wanted->date != message.date))
		return true;
	memcpy(search->place->name, name, strlen(name) + 1);
	search->is_found = true;
	return false;
}

/* Finds a message's file; *is_missing (and true) when there is none. */
static bool
find(const struct maildir *maildir, const struct pair *pair,
    const struct maildir_identity *identity,
    const struct maildir_message *message, struct place *place,
    bool *is_missing, struct imap_error *error)
{
	struct search search = {identity, message, place, false};

	*is_missing = false;
	if (is_where_expected(pair, identity, message, place))
		return true;
	for (int i = 0; i < 2 && !search.is_found; i++) {
		place->is_new = i == 0;
		if (!maildir_each_file(maildir, directory_name(place->is_new),
			search_file, &search, error))
			return false;
	}
	*is_missing = !search.is_found;
	return true;
}

/* ---- flags, removal ---- */

/* The place of the same message with other flags. */
static void
reflag_place(const struct place *from, uint32_t flags, struct place *to)
{
	size_t base_len = strcspn(from->name, ":");

	memcpy(to->name, from->name, base_len);
	to->name[base_len] = '\0';
	/* Without flags a message stays where it is: new/ or cur/. */
	to->is_new = from->is_new && flags == 0;
	if (!to->is_new)
		maildir_flags_suffix(flags, to->name + base_len);
}

bool
maildir_set_flags(struct maildir *maildir,
    const struct maildir_identity *identity,
    const struct maildir_message *message, uint32_t flags, bool *is_missing,
    struct imap_error *error)
{
	struct pair pair;
	struct place from, to;
	bool is_ok = false;

	if (!open_pair(maildir, &pair, error))
		return false;
	for (int i = 0; i < FIND_ATTEMPTS; i++) {
		if (!find(maildir, &pair, identity, message, &from, is_missing,
			error))
			break;
		is_ok = true;
		if (*is_missing)
			break;
		reflag_place(&from, flags, &to);
		if (renameat(pair_fd(&pair, from.is_new), from.name,
			pair_fd(&pair, to.is_new), to.name) == 0) {
			maildir->changes += 2;
			break;
		}
		*is_missing = errno == ENOENT;
		if (*is_missing)
			continue;
		is_ok = maildir_fail(maildir, "change the flags of",
		    directory_name(from.is_new), from.name, error);
		break;
	}
	close_pair(maildir, &pair);
	return is_ok;
}

bool
maildir_remove(struct maildir *maildir, const struct maildir_identity *identity,
    const struct maildir_message *message, struct imap_error *error)
{
	struct pair pair;
	struct place place;
	bool is_missing, is_ok = false;

	if (!open_pair(maildir, &pair, error))
		return false;
	for (int i = 0; i < FIND_ATTEMPTS; i++) {
		if (!find(maildir, &pair, identity, message, &place,
			&is_missing, error))
			break;
		is_ok = true;
		if (is_missing)
			break;
		if (unlinkat(pair_fd(&pair, place.is_new), place.name, 0) ==
		    0) {
			maildir->changes++;
			break;
		}
		if (errno == ENOENT)
			continue;
		is_ok = maildir_fail(maildir, "remove",
		    directory_name(place.is_new), place.name, error);
		break;
	}
	close_pair(maildir, &pair);
	return is_ok;
}

bool
maildir_remove_file(struct maildir *maildir, const char *name, bool is_new,
    struct imap_error *error)
{
	const char *directory = directory_name(is_new);
	int fd = maildir_open_directory(maildir, directory, error);
	bool is_ok = fd >= 0;

	if (is_ok && unlinkat(fd, name, 0) == 0)
		maildir->changes++;
	else if (is_ok && errno != ENOENT)
		is_ok = maildir_fail(maildir, "remove", directory, name, error);
	maildir_close_fd(fd);
	return is_ok;
}

/* ---- names ---- */

bool
maildir_rename_at(int from_fd, const char *from, int to_fd, const char *to)
{
	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EINVAL && errno != ENOSYS)
		return false;
	/* what some cannot do in one step (NFS), they can with a link */
	if (linkat(from_fd, from, to_fd, to, 0) < 0) {
		if (errno == EPERM)
			errno = EINVAL; /* a directory */
		return false;
	}
	return unlinkat(from_fd, from, 0) == 0;
}

/* The UID that a name claims, at least 2. */
static unsigned
uid_of(const char *name)
{
	static const struct maildir_identity nobody = {.host = ""};
	struct maildir_message message;
	bool is_ours;

	return maildir_parse_name(name, &nobody, &message, &is_ours) &&
		message.uid > 1
	    ? message.uid
	    : 2;
}

/*
 * Moves a file to a directory under its name without `,U=...`; false and
 * errno, ENOENT if it is not there.
 */
static bool
move_disowned(int from_fd, const char *from, int to_fd, const char *name)
{
	char local[MAILDIR_NAME_SIZE];

	if (!maildir_disowned_name(name, 1, local)) {
		errno = ENAMETOOLONG;
		return false;
	}
	for (unsigned attempt = 1; attempt < DISOWN_ATTEMPTS; attempt++) {
		if (maildir_rename_at(from_fd, from, to_fd, local))
			return true;
		if (errno != EEXIST)
			return false;
		/* the UID first: many may differ in nothing else */
		if (!maildir_disowned_name(
			name, attempt == 1 ? uid_of(name) : attempt, local)) {
			errno = ENAMETOOLONG;
			return false;
		}
	}
	return false;
}

bool
maildir_disown(struct maildir *maildir, const char *name, bool is_new,
    struct imap_error *error)
{
	const char *directory = directory_name(is_new);
	char local[MAILDIR_NAME_SIZE];
	bool is_ok;
	int fd;

	if (!maildir_disowned_name(name, 1, local))
		return true;
	fd = maildir_open_directory(maildir, directory, error);
	if (fd < 0)
		return false;
	is_ok = move_disowned(fd, name, fd, name);
	if (is_ok)
		maildir->changes += 2;
	else
		is_ok = errno == ENOENT ||
		    maildir_fail(maildir, "rename", directory, name, error);
	close(fd);
	return is_ok;
}

bool
maildir_release(struct maildir *maildir,
    const struct maildir_identity *identity,
    const struct maildir_message *message, struct maildir *to, uint32_t flags,
    struct imap_error *error)
{
	struct pair pair, pair_to;
	struct place from, as;
	bool is_missing, is_ok = false;

	if (to == NULL)
		to = maildir;
	if (!open_pair(maildir, &pair, error))
		return false;
	if (!open_pair(to, &pair_to, error)) {
		close_pair(maildir, &pair);
		return false;
	}
	for (int i = 0; i < FIND_ATTEMPTS; i++) {
		is_ok = find(maildir, &pair, identity, message, &from,
		    &is_missing, error);
		if (!is_ok || is_missing)
			break;
		reflag_place(&from, flags, &as);
		if (move_disowned(pair_fd(&pair, from.is_new), from.name,
			pair_fd(&pair_to, as.is_new), as.name)) {
			maildir->changes++;
			to->changes++;
			break;
		}
		if (errno == ENOENT)
			continue;
		is_ok = maildir_fail(maildir, "release",
		    directory_name(from.is_new), from.name, error);
		break;
	}
	close_pair(to, &pair_to);
	close_pair(maildir, &pair);
	return is_ok;
}

bool
maildir_rename(struct maildir *maildir, const struct maildir_identity *identity,
    const char *name, bool is_new, const struct maildir_message *message,
    struct imap_error *error)
{
	struct place from = {.is_new = is_new}, to;
	struct pair pair;
	bool is_ok;

	/* Only the place and the part behind the base are taken from it. */
	maildir_base_name(identity, message, from.name);
	reflag_place(&from, message->flags, &to);
	if (to.is_new == is_new && strcmp(to.name, name) == 0)
		return true;
	if (!open_pair(maildir, &pair, error))
		return false;
	is_ok = maildir_rename_at(
	    pair_fd(&pair, is_new), name, pair_fd(&pair, to.is_new), to.name);
	if (is_ok)
		maildir->changes += 2;
	else
		maildir_fail(
		    maildir, "rename", directory_name(is_new), name, error);
	close_pair(maildir, &pair);
	return is_ok;
}

bool
maildir_find_message(struct maildir *maildir,
    const struct maildir_identity *identity,
    const struct maildir_message *message, const char *except,
    char out[MAILDIR_NAME_SIZE], bool *is_new)
{
	struct place place;
	struct pair pair;
	bool is_found;

	if (!open_pair(maildir, &pair, NULL))
		return false;
	is_found = is_where_expected(&pair, identity, message, &place) &&
	    strcmp(place.name, except) != 0 &&
	    strlen(place.name) < MAILDIR_NAME_SIZE;
	close_pair(maildir, &pair);
	if (!is_found)
		return false;
	memcpy(out, place.name, strlen(place.name) + 1);
	*is_new = place.is_new;
	return true;
}

struct claim_search {
	uint32_t uid;
	const char *except;
	char *out;
	bool is_found;
};

static bool
search_claim(void *user, const char *name)
{
	static const struct maildir_identity nobody = {.host = ""};
	struct claim_search *search = user;
	struct maildir_message message;
	bool is_ours;

	if (!maildir_parse_name(name, &nobody, &message, &is_ours) ||
	    message.uid != search->uid || strlen(name) >= MAILDIR_NAME_SIZE ||
	    (search->except != NULL && strcmp(name, search->except) == 0))
		return true;
	memcpy(search->out, name, strlen(name) + 1);
	search->is_found = true;
	return false;
}

bool
maildir_find_claim(struct maildir *maildir, uint32_t uid, const char *except,
    char out[MAILDIR_NAME_SIZE], bool *is_new)
{
	struct claim_search search = {uid, except, out, false};

	for (int i = 0; i < 2 && !search.is_found; i++) {
		*is_new = i == 0;
		(void)maildir_each_file(maildir, directory_name(*is_new),
		    search_claim, &search, NULL);
	}
	return search.is_found;
}

bool
maildir_has_file(struct maildir *maildir, const char *name)
{
	struct stat info;

	return fstatat(maildir_fd(maildir), name, &info, AT_SYMLINK_NOFOLLOW) ==
	    0;
}

/* ---- content ---- */

int
maildir_open_file(
    struct maildir *maildir, const char *name, bool is_new, uint64_t *size)
{
	struct stat info;
	int directory_fd =
	    maildir_open_directory(maildir, directory_name(is_new), NULL);
	int fd = directory_fd < 0
	    ? -1
	    : openat(directory_fd, name,
		  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	maildir_close_fd(directory_fd);
	if (fd >= 0 && (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))) {
		close(fd);
		fd = -1;
	}
	if (fd >= 0)
		*size = (uint64_t)info.st_size;
	return fd;
}

/* pread() that ends early only at the end of the file. */
static ssize_t
read_fully(int fd, char *out, size_t size, off_t offset)
{
	size_t len = 0;

	while (len < size) {
		ssize_t got =
		    pread(fd, out + len, size - len, offset + (off_t)len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

static bool
has_same_bytes(int fd_a, int fd_b)
{
	char a[16384], b[sizeof(a)];
	off_t offset = 0;

	for (;;) {
		ssize_t len_a = read_fully(fd_a, a, sizeof(a), offset);
		ssize_t len_b = read_fully(fd_b, b, sizeof(b), offset);

		if (len_a < 0 || len_a != len_b ||
		    memcmp(a, b, (size_t)len_a) != 0)
			return false;
		if (len_a < (ssize_t)sizeof(a))
			return true;
		offset += len_a;
	}
}

bool
maildir_same_content(struct maildir *maildir, const char *name_a, bool is_new_a,
    const char *name_b, bool is_new_b)
{
	uint64_t size_a = 0, size_b = 0;
	int fd_a = maildir_open_file(maildir, name_a, is_new_a, &size_a);
	int fd_b = maildir_open_file(maildir, name_b, is_new_b, &size_b);
	bool is_same = fd_a >= 0 && fd_b >= 0 && size_a == size_b &&
	    has_same_bytes(fd_a, fd_b);

	maildir_close_fd(fd_a);
	maildir_close_fd(fd_b);
	return is_same;
}
