/*
 * A folder of its own for a fuzz target that makes files: the working directory
 * from the first input on. It goes at the end; after a finding it stays.
 */
#ifndef TESTS_FUZZ_FOLDER_H
#define TESTS_FUZZ_FOLDER_H

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

static char own_folder[PATH_MAX];

static inline void
remove_folder(void)
{
	DIR *directory = opendir(own_folder);
	const struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL)
		(void)unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory != NULL)
		(void)closedir(directory);
	(void)rmdir(own_folder);
}

/* Makes it and goes there; false if that was done before. */
static inline bool
enter_folder(void)
{
	const char *top = getenv("TMPDIR");

	if (own_folder[0] != '\0')
		return false;
	(void)snprintf(own_folder, sizeof(own_folder),
	    "%s/mailmirror-fuzz-XXXXXX", top == NULL ? "/dev/shm" : top);
	require(mkdtemp(own_folder) != NULL);
	require(chdir(own_folder) == 0);
	require(atexit(remove_folder) == 0);
	return true;
}

#endif
