/*
 * Other programs' configurations of any bytes: refused with a problem, or made
 * into a configuration that settings_load() accepts; every problem is a line
 * that names the file.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "conf/settings.h"
#include "daemon/import.h"
#include "tests/fuzz/folder.h"

#define FILE_NAME "mailmirror.conf"

static import_reader *const readers[] = {
    import_mbsync, import_offlineimap, import_goimapnotify};

/* What check_text() of cmd_import.c lets through. */
static bool
is_text(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] < 0x20 &&
		    memchr("\n\t\r\f", text.at[i], 4) == NULL)
			return false;
	return true;
}

static void
check_problems(struct span problems)
{
	while (problems.len > 0) {
		const char *end = memchr(problems.at, '\n', problems.len);

		require(end != NULL);
		require(strncmp(problems.at, "source:", 7) == 0);
		problems = span_from(problems, (size_t)(end - problems.at) + 1);
	}
}

/* It depends on the environment whether a path can be expanded. */
static bool
is_about_paths(const struct settings_problems *problems)
{
	for (uint32_t i = 0; i < problems->count; i++)
		if (strstr(problems->items[i].text, "variable") == NULL &&
		    strstr(problems->items[i].text, "lacks its") == NULL &&
		    strstr(problems->items[i].text, ", too;") == NULL)
			return false;
	return true;
}

static void
check_output(const struct import *import)
{
	struct settings_problems problems;
	struct settings *settings;
	struct buf out;
	struct span text;
	int fd;

	buf_init(&out, (size_t)1 << 24);
	import_write(import, &out);
	text = buf_span(&out);
	fd = open(FILE_NAME, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	require(fd >= 0 && write(fd, text.at, text.len) == (ssize_t)text.len);
	(void)close(fd);
	settings = settings_load(FILE_NAME, &problems);
	require(settings != NULL || is_about_paths(&problems) ||
	    text.len >= (size_t)1 << 20);
	settings_problems_free(&problems);
	(void)settings_free(settings);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = {(const char *)data, size};
	import_reader *reader = readers[take_byte(&input) % 3];
	struct import import;
	char *text;

	if (enter_folder())
		require(setenv("HOME", "/home/me", 1) == 0);
	if (!is_text(input))
		return 0;
	text = span_to_string(input);
	import_init(&import, "fuzz", "source");
	if (reader(&import, text))
		check_output(&import);
	else
		require(buf_len(&import.problems) > 0);
	check_problems(buf_span(&import.problems));
	import_free(&import);
	mem_free(text);
	return 0;
}
