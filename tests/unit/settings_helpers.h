/*
 * What the tests of the settings share: a folder of their own, files in it,
 * and the comparison of problems.
 */
#ifndef TESTS_UNIT_SETTINGS_HELPERS_H
#define TESTS_UNIT_SETTINGS_HELPERS_H

#include "conf/settings.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An account that lacks nothing, on one line; %s adds settings to it. */
#define COMPLETE                                                \
	"name = \"a\"; host = \"mail.example\"; user = \"u\"; " \
	"password_command = \"p\"; maildir = \"/m/a\";"

static char folder[] = "/tmp/test_settings.XXXXXX";
static char file[64];
static struct settings_problems problems;

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *stream = fopen(path, "w");

	ck_assert_ptr_nonnull(stream);
	ck_assert_int_ge(fputs(text, stream), 0);
	ck_assert_int_eq(fclose(stream), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static void
set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/a.conf", folder);
	setenv("HOME", "/home/me", 1);
	setenv("MAILROOT", "/srv/mail", 1);
	setenv("EMPTY", "", 1);
	unsetenv("UNSET");
	unsetenv("STATE_DIRECTORY");
	unsetenv("RUNTIME_DIRECTORY");
	unsetenv("XDG_STATE_HOME");
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("XDG_CONFIG_HOME");
}

static void
tear_down(void)
{
	char command[80];

	settings_problems_free(&problems);
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	ck_assert_int_eq(system(command), 0);
	memcpy(strrchr(folder, '.') + 1, "XXXXXX", 6);
}

static struct settings *
load(const char *text)
{
	write_file(file, text, 0600);
	settings_problems_free(&problems);
	return settings_load(file, &problems);
}

/* Loads what must be right. */
static inline struct settings *
load_good(const char *text)
{
	struct settings *settings = load(text);

	if (settings == NULL)
		ck_abort_msg("%s\nrefused: %s", text, problems.items[0].text);
	ck_assert_uint_eq(problems.count, 0);
	return settings;
}

/* One account with more settings, its first line being line 2. */
static inline char *
with_account(const char *before, const char *more)
{
	char *text = NULL;

	ck_assert_int_gt(asprintf(&text, "%s\naccounts = ({ %s %s });\n",
			     before, COMPLETE, more),
	    0);
	return text;
}

static inline struct settings *
load_account(const char *more)
{
	char *text = with_account("", more);
	struct settings *settings = load_good(text);

	free(text);
	return settings;
}

/*
 * The problems, without the file's name and one a line. `$` in expected
 * stands for the test's folder.
 */
static inline void
expect_problems(const char *text, const char *expected)
{
	struct settings *settings = load(text);
	char *got = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&got, &size);

	ck_assert_ptr_null(settings);
	for (uint32_t i = 0; i < problems.count; i++) {
		const char *problem = problems.items[i].text;
		size_t length = strlen(folder);

		if (strncmp(problem, file, strlen(file)) == 0) {
			problem += strlen(file) + 1;
		} else {
			ck_assert_int_eq(strncmp(problem, folder, length), 0);
			problem += length;
		}
		fprintf(stream, "%s%s", i == 0 ? "" : "\n", problem);
	}
	fclose(stream);
	if (strcmp(got, expected) != 0)
		ck_abort_msg("%s\ngives\n%s\nnot\n%s", text, got, expected);
	free(got);
}

#define PIN_PLAIN \
	"000102030405060708090a0b0c0d0e0fF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF"
#define PIN_COLONS                                         \
	"00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:" \
	"F0:F1:F2:F3:F4:F5:F6:F7:F8:F9:FA:FB:FC:FD:FE:FF"

#endif
