/*
 * What reading settings needs: problems with their file and line, path
 * expansion, and memory that never runs out.
 */
#include "conf/settings_tools.h"

#include <ctype.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *
settings_copy(const char *string)
{
	char *copy = string == NULL ? NULL : strdup(string);

	if (string != NULL && copy == NULL)
		abort();
	return copy;
}

static char *format_list(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));

static char *
format_list(const char *format, va_list arguments)
{
	char *text = NULL;

	if (vasprintf(&text, format, arguments) < 0)
		abort();
	return text;
}

char *
settings_format(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = format_list(format, arguments);
	va_end(arguments);
	return text;
}

void *
settings_resize(void *array, size_t count, size_t size)
{
	void *resized = reallocarray(array, count, size);

	if (resized == NULL)
		abort();
	return resized;
}

/* ---- problems ---- */

char *
settings_source(
    const struct settings_reader *reader, const config_setting_t *setting)
{
	const char *file =
	    setting == NULL ? NULL : config_setting_source_file(setting);

	/* libconfig names included files as they are written there. */
	if (file == NULL)
		return settings_copy(reader->file);
	return settings_format("%s/%s", reader->folder, file);
}

bool
settings_is_exposed(const struct settings_reader *reader,
    const config_setting_t *setting, unsigned *mode)
{
	char *file = settings_source(reader, setting);
	struct stat status;
	const bool is_exposed = stat(file, &status) == 0 &&
	    (status.st_mode & (S_IRGRP | S_IROTH)) != 0;

	free(file);
	if (is_exposed)
		*mode = (unsigned)(status.st_mode & 07777);
	return is_exposed;
}

/* gcc 12's -fanalyzer takes what is stored through two pointers for lost. */
#ifndef __clang__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
bool
settings_refuse_line(struct settings_reader *reader, const char *file, int line,
    const char *name, const char *text)
{
	struct settings_problems *problems = reader->problems;

	if (reader->is_quiet)
		return false;
	problems->items = settings_resize(problems->items,
	    (size_t)problems->count + 1, sizeof(*problems->items));
	problems->items[problems->count++].text = settings_format(
	    "%s:%d: %s%s%s", file, line, reader->subject, name, text);
	return false;
}
#ifndef __clang__
#pragma GCC diagnostic pop
#endif

bool
settings_refuse(struct settings_reader *reader, const config_setting_t *at,
    const char *name, const char *format, ...)
{
	char *file = settings_source(reader, at);
	int line = at == NULL ? 1 : (int)config_setting_source_line(at);
	char *prefix = settings_format("%s: ", name);
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = format_list(format, arguments);
	va_end(arguments);
	(void)settings_refuse_line(
	    reader, file, line > 0 ? line : 1, prefix, text);
	free(text);
	free(prefix);
	free(file);
	return false;
}

const char *
settings_quote(const char *text, char *out, size_t size)
{
	size_t room = size - 6; /* two quotes, three dots, NUL */
	size_t length = strlen(text);
	size_t n = 0;

	if (length > room) {
		length = room;
		while (
		    length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
	}
	out[n++] = '"';
	for (size_t i = 0; i < length; i++) {
		char byte = text[i];

		out[n++] = iscntrl((unsigned char)byte) ? '?' : byte;
	}
	(void)snprintf(
	    out + n, size - n, "%s\"", text[length] == '\0' ? "" : "...");
	return out;
}

/* ---- values ---- */

void *
settings_field(const struct settings_row *row, void *object)
{
	return (char *)object + row->offset;
}

const void *
settings_const_field(const struct settings_row *row, const void *object)
{
	return (const char *)object + row->offset;
}

bool
settings_refuse_value(struct settings_reader *reader,
    const struct settings_row *row, const config_setting_t *at,
    const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		abort();
	va_end(arguments);
	(void)settings_refuse(
	    reader, at, row->name, "%s; allowed: %s", text, row->help);
	free(text);
	return false;
}

bool
settings_refuse_type(struct settings_reader *reader,
    const struct settings_row *row, const config_setting_t *setting)
{
	static const char *const names[] = {[CONFIG_TYPE_NONE] = "nothing",
	    [CONFIG_TYPE_GROUP] = "a group",
	    [CONFIG_TYPE_INT] = "a number",
	    [CONFIG_TYPE_INT64] = "a number",
	    [CONFIG_TYPE_FLOAT] = "a fraction",
	    [CONFIG_TYPE_STRING] = "a string",
	    [CONFIG_TYPE_BOOL] = "a truth value",
	    [CONFIG_TYPE_ARRAY] = "an array",
	    [CONFIG_TYPE_LIST] = "a list"};

	return settings_refuse_value(reader, row, setting, "wrong type (%s)",
	    names[config_setting_type(setting)]);
}

bool
settings_refuse_string(struct settings_reader *reader,
    const struct settings_row *row, const config_setting_t *setting,
    const char *wrong)
{
	char quoted[80];

	return settings_refuse_value(reader, row, setting, "%s %s",
	    settings_quote(
		config_setting_get_string(setting), quoted, sizeof(quoted)),
	    wrong);
}

/* ---- paths ---- */

char *
settings_home(void)
{
	const char *home = getenv("HOME");
	const struct passwd *entry;

	if (home != NULL && home[0] == '/')
		return settings_copy(home);
	entry = getpwuid(getuid());
	if (entry == NULL || entry->pw_dir == NULL || entry->pw_dir[0] != '/')
		return NULL;
	return settings_copy(entry->pw_dir);
}

/* What a path begins with before it is expanded; *path moves behind it. */
static char *
expand_front(
    const char *folder, const char **path, char *wrong, size_t wrong_size)
{
	char *home;

	if ((*path)[0] == '/' || (*path)[0] == '$')
		return settings_copy("");
	if ((*path)[0] != '~')
		return settings_format("%s/", folder);
	if ((*path)[1] != '/' && (*path)[1] != '\0') {
		(void)snprintf(wrong, wrong_size,
		    "of \"~\" only \"~\" itself and \"~/...\" are known");
		return NULL;
	}
	home = settings_home();
	if (home == NULL)
		(void)snprintf(wrong, wrong_size,
		    "\"~\" is used and there is no home directory");
	else
		(*path)++;
	return home;
}

/*
 * The value of the variable that *path points at ("${NAME}"); *path moves
 * behind it. NULL and what is wrong if there is none.
 */
static const char *
expand_variable(const char **path, char *wrong, size_t wrong_size)
{
	const char *name = *path + 2;
	size_t length = strcspn(name, "}");
	const char *value;
	char *copy;

	if (name[length] == '\0' || length == 0) {
		(void)snprintf(wrong, wrong_size,
		    length == 0 ? "\"${}\" names no variable"
				: "\"${\" lacks its \"}\"");
		return NULL;
	}
	copy = settings_format("%.*s", (int)length, name);
	value = getenv(copy);
	/* An empty one would turn "${MAILROOT}/work" into "/work". */
	if (value == NULL || value[0] == '\0') {
		(void)snprintf(wrong, wrong_size,
		    "the environment variable %.60s is %s", copy,
		    value == NULL ? "not set" : "empty");
		value = NULL;
	}
	free(copy);
	*path = name + length + 1;
	return value;
}

/* Appends bytes to a string that free() frees. */
static char *
append(char *text, const char *more, size_t length)
{
	char *joined = settings_format("%s%.*s", text, (int)length, more);

	free(text);
	return joined;
}

/* Drops empty and "." components in place; keeps "..". */
static void
tidy(char *path)
{
	const char *in = path;
	char *out = path;

	while (*in != '\0') {
		size_t length;

		in += strspn(in, "/");
		length = strcspn(in, "/");
		if (length > 0 && !(length == 1 && in[0] == '.')) {
			*out++ = '/';
			memmove(out, in, length);
			out += length;
		}
		in += length;
	}
	if (out == path)
		*out++ = '/';
	*out = '\0';
}

char *
settings_expand_path(
    const char *folder, const char *path, char *wrong, size_t wrong_size)
{
	char *expanded = expand_front(folder, &path, wrong, wrong_size);

	while (expanded != NULL && *path != '\0') {
		const char *value;
		size_t length = strcspn(path, "$");

		expanded = append(expanded, path, length);
		path += length;
		if (path[0] == '\0')
			break;
		if (path[1] != '{') {
			expanded = append(expanded, path++, 1);
			continue;
		}
		value = expand_variable(&path, wrong, wrong_size);
		if (value == NULL) {
			free(expanded);
			return NULL;
		}
		expanded = append(expanded, value, strlen(value));
	}
	if (expanded != NULL && expanded[0] != '/') {
		char *absolute = settings_format("%s/%s", folder, expanded);

		free(expanded);
		expanded = absolute;
	}
	if (expanded != NULL)
		tidy(expanded);
	return expanded;
}
