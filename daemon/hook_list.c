/*
 * Files by their names alone: no account and no lock is needed to look, and
 * mail readers may rename them all the while.
 */
#include "daemon/hook_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libclient/base/mem.h"

/* Both directories of the Maildir: -1 if it is not there. */
struct places {
	int new;
	int cur;
};

static int
open_place(const char *path, const char *name)
{
	char *place = mem_format("%s/%s", path, name);
	int fd = open(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	(void)mem_free(place);
	return fd;
}

static bool
has_file(int directory, const char *name)
{
	struct stat status;

	return directory != -1 &&
	    fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/* False and errno. */
static bool
add_line(FILE *file, const struct hook_list *list, const char *place,
    const char *name, uint32_t *count)
{
	++*count;
	return fprintf(file, "%s/%s/%s\n", list->path, place, name) > 0;
}

/* ---- those that are where they were put ---- */

static bool
add_known(FILE *file, const struct hook_list *list, const struct places *places,
    const struct maildir_message *message, uint32_t *count)
{
	char name[MAILDIR_NAME_SIZE + MAILDIR_FLAGS_SIZE];

	maildir_base_name(&list->identity, message, name);
	if (message->flags == 0 && has_file(places->new, name))
		return add_line(file, list, "new", name, count);
	maildir_flags_suffix(message->flags, name + strlen(name));
	return has_file(places->cur, name) &&
	    add_line(file, list, "cur", name, count);
}

/* False: at least one is elsewhere. */
static bool
add_all_known(FILE *file, const struct hook_list *list, uint32_t *count)
{
	struct places places;
	bool is_ok = list->known_count == uidset_count(list->uids);

	if (!is_ok)
		return false;
	places.new = open_place(list->path, "new");
	places.cur = open_place(list->path, "cur");
	for (uint32_t i = 0; is_ok && i < list->known_count; i++)
		is_ok = add_known(file, list, &places, &list->known[i], count);
	if (places.new != -1)
		(void)close(places.new);
	if (places.cur != -1)
		(void)close(places.cur);
	return is_ok;
}

/* ---- a search ---- */

static bool
is_listed(const struct hook_list *list, const char *name)
{
	struct maildir_message message;
	bool is_ours;

	return maildir_parse_name(name, &list->identity, &message, &is_ours) &&
	    is_ours && uidset_contains(list->uids, message.uid);
}

/* A Maildir that is gone has none. False and errno. */
static bool
search(FILE *file, const struct hook_list *list, const char *place,
    uint32_t *count)
{
	int fd = open_place(list->path, place);
	DIR *directory = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool is_ok = true;

	if (directory == NULL)
		return fd == -1 && (errno == ENOENT || errno == ENOTDIR);
	do {
		errno = 0;
		entry = readdir(directory);
		if (entry != NULL && is_listed(list, entry->d_name))
			is_ok =
			    add_line(file, list, place, entry->d_name, count);
	} while (is_ok && entry != NULL);
	is_ok = is_ok && errno == 0;
	(void)closedir(directory);
	return is_ok;
}

/* new/ first: what a mail reader moves meanwhile is not missed. False and
 * errno. */
static bool
write_lines(FILE *file, const struct hook_list *list, uint32_t *count)
{
	if (!add_all_known(file, list, count)) {
		rewind(file);
		if (ftruncate(fileno(file), 0) != 0)
			return false;
		*count = 0;
		if (!search(file, list, "new", count) ||
		    !search(file, list, "cur", count))
			return false;
	}
	return fflush(file) == 0;
}

/* A file that nobody else sees, and that goes with its last descriptor. */
static int
open_unnamed(const char *directory)
{
	int fd = open(directory, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	char *name;

	/* not every file system has them */
	if (fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	name = mem_format("%s/.on_change.XXXXXX", directory);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd != -1)
		(void)unlink(name);
	(void)mem_free(name);
	return fd;
}

static int
refuse(const struct hook_list *list, int fd, struct imap_error *error)
{
	int reason = errno;

	if (fd != -1)
		(void)close(fd);
	(void)imap_error_set(error, IMAP_ERROR_LOCAL,
	    "the list of new files for on_change cannot be written in %s: %s",
	    list->directory, strerrordesc_np(reason));
	return -1;
}

int
hook_list_write(
    const struct hook_list *list, uint32_t *count, struct imap_error *error)
{
	int fd = open_unnamed(list->directory);
	int own = fd == -1 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *file = own == -1 ? NULL : fdopen(own, "w");
	uint32_t lines = 0;
	bool is_ok;

	if (file == NULL) {
		if (own != -1)
			(void)close(own);
		return refuse(list, fd, error);
	}
	is_ok = write_lines(file, list, &lines) && lseek(fd, 0, SEEK_SET) == 0;
	if (!is_ok) {
		fd = refuse(list, fd, error);
		(void)fclose(file);
		return fd;
	}
	(void)fclose(file);
	*count = lines;
	return fd;
}
