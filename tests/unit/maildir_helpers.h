/*
 * What the tests of daemon/maildir share: short ways to make and look at the
 * files of a folder.
 */
#ifndef TESTS_UNIT_MAILDIR_HELPERS_H
#define TESTS_UNIT_MAILDIR_HELPERS_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/maildir.h"
#include "tests/unit/maildir_place.h"

/* Paths are relative to the folder. */
static inline bool
exists(const char *path)
{
	struct stat info;

	return lstat(path, &info) == 0;
}

static inline mode_t
mode_of(const char *path)
{
	struct stat info;

	ck_assert_msg(lstat(path, &info) == 0, "%s is missing", path);
	return info.st_mode & 07777;
}

static inline void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

static inline void
assert_content(const char *path, const char *text)
{
	char content[256] = "";
	FILE *file = fopen(path, "re");

	ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
	content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
	fclose(file);
	ck_assert_str_eq(content, text);
}

static inline int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct listing {
	char *names[64];
	size_t count;
};

static inline void
list_file(void *user, const struct maildir_file *file)
{
	struct listing *listing = user;

	ck_assert_int_ge(asprintf(&listing->names[listing->count++], "%s/%s",
			     file->is_new ? "new" : "cur", file->name),
	    0);
}

/* All message files, sorted, as "cur/a new/b"; valid until the next call. */
static inline const char *
list_messages(void)
{
	static char text[4096];
	struct listing listing = {.count = 0};
	size_t len = 0;

	ck_assert(maildir_scan(folder, &identity, list_file, &listing, &error));
	qsort(listing.names, listing.count, sizeof(char *), compare_names);
	text[0] = '\0';
	for (size_t i = 0; i < listing.count; i++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
		    i == 0 ? "" : " ", listing.names[i]);
		free(listing.names[i]);
	}
	return text;
}

#define assert_messages(expected) ck_assert_str_eq(list_messages(), expected)

/* The error is LOCAL and its text has all three parts. */
static inline void
assert_local(const char *operation, const char *path, const char *reason)
{
	ck_assert_int_eq(error.kind, IMAP_ERROR_LOCAL);
	ck_assert_msg(strncmp(error.text, operation, strlen(operation)) == 0,
	    "no %s in: %s", operation, error.text);
	ck_assert_msg(
	    strstr(error.text, path) != NULL, "no %s in: %s", path, error.text);
	ck_assert_msg(strstr(error.text, reason) != NULL, "no %s in: %s",
	    reason, error.text);
}

/* Makes a file in tmp/ with a text, as an arrival. */
static inline struct maildir_arrival
arrive(uint32_t uid, int64_t date, uint32_t flags, const char *text)
{
	struct maildir_arrival arrival = {
	    .message = {uid, strlen(text), date, flags}};
	int fd = maildir_create_tmp(folder, arrival.tmp_name, &error);

	ck_assert_msg(fd >= 0, "%s", error.text);
	ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return arrival;
}

#endif
