/*
 * Both name their files after mailboxes, in ways that only their configuration
 * explains in full: what fits twice is said, never guessed.
 */
#include "daemon/adopt_state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/adopt_lock.h"
#include "libclient/base/buf.h"
#include "libclient/base/mem.h"

#define FILE_MODE 0600

/* What offlineimap says of the Maildir's side, which has no UIDVALIDITY. */
#define NO_UIDVALIDITY 42

static char *
replace(const char *text, char from, char to)
{
	char *copy = mem_copy_string(text);

	for (char *at = copy; *at != '\0'; at++)
		if (*at == from)
			*at = to;
	return copy;
}

static bool
is_directory(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* In the user's home directory. */
static char *
home_path(const char *below)
{
	const char *home = getenv("HOME");

	return mem_format("%s/%s", home == NULL ? "" : home, below);
}

/* ---- mbsync ---- */

/* Companions of a state file. */
static bool
is_companion(const char *name)
{
	return ends_with(name, ".lock") || ends_with(name, ".journal") ||
	    ends_with(name, ".new");
}

/* The prefix, then the mailbox, or ":FARSTORE:FARBOX_:NEARSTORE:NEARBOX". */
static bool
is_of_box(const char *name, const char *prefix, const char *box)
{
	size_t len = strlen(prefix);
	char *end = mem_format(":%s", box);
	bool is_so = strncmp(name, prefix, len) == 0 &&
	    (strcmp(name + len, box) == 0 ||
		(name[len] == ':' && strstr(name, "_:") != NULL &&
		    ends_with(name, end)));

	mem_free(end);
	return is_so;
}

static char *
find_in(const char *directory, const char *prefix, const char *box,
    struct imap_error *error)
{
	char *flat = replace(box, '/', '!');
	DIR *stream = opendir(directory);
	const struct dirent *entry;
	char *found = NULL;

	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		if (is_companion(entry->d_name) ||
		    !is_of_box(entry->d_name, prefix, flat))
			continue;
		if (found != NULL) {
			imap_error_set(error, IMAP_ERROR_LOCAL,
			    "%s and %s/%s are both of mailbox %s: say which "
			    "is meant by --from; nothing was touched",
			    found, directory, entry->d_name, box);
			found = mem_free(found);
			break;
		}
		found = mem_format("%s/%s", directory, entry->d_name);
	}
	if (stream != NULL)
		closedir(stream);
	mem_free(flat);
	return found;
}

static char *
find_by_default(const char *box, struct imap_error *error)
{
	const char *state_home = getenv("XDG_STATE_HOME");
	char *old = home_path(".mbsync");
	char *new = state_home != NULL &&state_home[0] == '/'
	    ? mem_format("%s/isync", state_home)
	    : home_path(".local/state/isync");
	char *found = find_in(is_directory(new) ? new : old, "", box, error);

	mem_free(new);
	mem_free(old);
	return found;
}

char *
adopt_find_mbsyncs(const char *from, const char *box, struct imap_error *error)
{
	const char *slash;
	char *directory, *found;

	if (from == NULL)
		return find_by_default(box, error);
	if (is_directory(from))
		return find_in(from, "", box, error);
	slash = strrchr(from, '/');
	directory = slash == NULL
	    ? mem_copy_string(".")
	    : span_to_string((struct span){from, (size_t)(slash - from)});
	/* a file that is of this mailbox, or else the beginning of its name */
	found =
	    find_in(directory, slash == NULL ? from : slash + 1, box, error);
	if (found == NULL && error->kind == IMAP_ERROR_NONE) {
		char *flat = replace(box, '/', '!');
		struct stat info;

		if (is_of_box(slash == NULL ? from : slash + 1, "", flat) &&
		    stat(from, &info) == 0)
			found = mem_copy_string(from);
		mem_free(flat);
	}
	mem_free(directory);
	return found;
}

static bool
write_file(const char *path, struct span text)
{
	int fd = open(path,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	bool is_ok = file != NULL &&
	    fwrite(text.at, 1, text.len, file) == text.len &&
	    fflush(file) == 0 && fsync(fd) == 0;

	if (file != NULL)
		is_ok = fclose(file) == 0 && is_ok;
	return is_ok;
}

bool
adopt_replace_state(
    const char *path, struct span text, struct imap_error *error)
{
	char *next = mem_format("%s.mailmirror", path);
	bool is_ok = write_file(next, text) && rename(next, path) == 0;

	if (!is_ok) {
		imap_error_set(error, IMAP_ERROR_LOCAL, "cannot write %s: %s",
		    path, strerror(errno));
		(void)unlink(next);
	}
	mem_free(next);
	return is_ok;
}

/* ---- offlineimap ---- */

static uint32_t
read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[32] = "";
	unsigned long long number = 0;

	if (file == NULL)
		return 0;
	if (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		(void)span_to_number(span_of(line), UINT32_MAX, &number);
	}
	(void)fclose(file);
	return (uint32_t)number;
}

/* A repository's word on a mailbox; 0: none. */
static uint32_t
ask_repository(const char *repository, const char *box)
{
	char *flat = replace(box, '/', '.');
	char *path = mem_format("%s/FolderValidity/%s", repository, flat);
	uint32_t uidvalidity = read_number(path);

	mem_free(path);
	mem_free(flat);
	return uidvalidity == NO_UIDVALIDITY ? 0 : uidvalidity;
}

/* One entry of the metadata directory. */
static bool
ask_entry(const char *directory, const char *name, const char *box,
    uint32_t *uidvalidity, struct imap_error *error)
{
	char *path = mem_format("%s/%s", directory, name);
	bool is_ok = true;
	uint32_t own;

	if (ends_with(name, ".lock")) {
		is_ok = adopt_is_free(path, error);
	} else if (strncmp(name, "Repository-", strlen("Repository-")) == 0) {
		own = ask_repository(path, box);
		if (own != 0 && *uidvalidity != 0 && own != *uidvalidity)
			is_ok = imap_error_set(error, IMAP_ERROR_LOCAL,
			    "several repositories in %s have a mailbox %s: "
			    "name one by --from %s/Repository-NAME; nothing "
			    "was touched",
			    directory, box, directory);
		else if (own != 0)
			*uidvalidity = own;
	}
	mem_free(path);
	return is_ok;
}

static uint32_t
ask_all(const char *directory, const char *box, struct imap_error *error)
{
	DIR *stream = opendir(directory);
	const struct dirent *entry;
	uint32_t uidvalidity = 0;
	bool is_ok = true;

	while (stream != NULL && is_ok && (entry = readdir(stream)) != NULL)
		is_ok = ask_entry(
		    directory, entry->d_name, box, &uidvalidity, error);
	if (stream != NULL)
		closedir(stream);
	return is_ok ? uidvalidity : 0;
}

uint32_t
adopt_find_offlineimaps(
    const char *from, const char *box, struct imap_error *error)
{
	char *directory =
	    from == NULL ? home_path(".offlineimap") : mem_copy_string(from);
	char *validity = mem_format("%s/FolderValidity", directory);
	char *above = mem_format("%s/..", directory);
	uint32_t uidvalidity;

	if (is_directory(validity)) {
		/* its locks are beside it */
		(void)ask_all(above, "", error);
		uidvalidity = error->kind == IMAP_ERROR_NONE
		    ? ask_repository(directory, box)
		    : 0;
	} else {
		uidvalidity = ask_all(directory, box, error);
	}
	mem_free(above);
	mem_free(validity);
	mem_free(directory);
	return uidvalidity;
}
