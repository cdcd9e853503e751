/*
 * The text of a configuration file before libconfig 1.5 sees it. Its scanner
 * ends the process when a file that is included cannot be read, and it cuts
 * integers to 32 bits where no L follows: neither may happen to a daemon.
 */
#include "conf/settings_private.h"
#include "conf/settings_tools.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX    (1 << 20)
#define INCLUDE_MAX 10 /* libconfig's own limit */

/* One file while it is looked through. */
struct look {
	struct settings_reader *reader;
	const char *file;
	const char *at;
	int line;
	int depth;
	bool is_line_start;
};

static bool look_through(struct settings_reader *reader, const char *file,
    const char *text, int depth);

/* All of a descriptor. NULL, and what is wrong, if that cannot be. */
static char *
read_all(int fd, const char **wrong)
{
	char *text = settings_resize(NULL, 1, FILE_MAX + 1);
	size_t length = 0;
	ssize_t n;

	do {
		n = read(fd, text + length, FILE_MAX - length);
		if (n > 0)
			length += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	*wrong = NULL;
	if (n < 0)
		*wrong = strerrordesc_np(errno);
	else if (length == FILE_MAX)
		*wrong = "it is larger than 1 MiB";
	else if (memchr(text, '\0', length) != NULL)
		*wrong = "it has a NUL byte";
	text[length] = '\0';
	if (*wrong == NULL)
		return text;
	explicit_bzero(text, length);
	free(text);
	return NULL;
}

static char *
read_file(const char *file, const char **wrong)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text = NULL;

	if (fd == -1) {
		*wrong = strerrordesc_np(errno);
		return NULL;
	}
	text = read_all(fd, wrong);
	(void)close(fd);
	return text;
}

static void
skip(struct look *look, size_t length)
{
	for (; length > 0 && *look->at != '\0'; length--) {
		look->is_line_start = *look->at == '\n' ||
		    (look->is_line_start &&
			(*look->at == ' ' || *look->at == '\t'));
		look->line += *look->at == '\n';
		look->at++;
	}
}

/* How many bytes the string at the front takes, quotes included. */
static size_t
string_length(const char *text)
{
	size_t length = 1;

	while (text[length] != '\0' && text[length] != '"') {
		if (text[length] == '\\' && text[length + 1] != '\0')
			length++;
		length++;
	}
	return length + (text[length] == '"');
}

/* How many bytes the comment at the front takes; 0 if there is none. */
static size_t
comment_length(const char *text)
{
	const char *end;

	if (text[0] == '#' || (text[0] == '/' && text[1] == '/'))
		return strcspn(text, "\n");
	if (text[0] != '/' || text[1] != '*')
		return 0;
	end = strstr(text + 2, "*/");
	return end == NULL ? strlen(text) : (size_t)(end - text) + 2;
}

/* Looks at the number at the front; false if libconfig would cut it. */
static bool
look_at_number(struct look *look)
{
	const char *start = look->at;
	bool is_hex = start[0] == '0' && (start[1] == 'x' || start[1] == 'X');
	char *end = NULL;
	unsigned long long number;
	unsigned long long limit = INT32_MAX;
	char wrong[120];

	errno = 0;
	number = strtoull(start, &end, is_hex ? 16 : 10);
	if (!is_hex && (*end == '.' || *end == 'e' || *end == 'E')) {
		skip(look, strspn(start, "0123456789.eE+-"));
		return true;
	}
	if (*end == 'L')
		limit = INT64_MAX;
	(void)snprintf(wrong, sizeof(wrong),
	    limit == INT64_MAX
		? "the number %.*s is too large"
		: "the number %.*s is too large without an L behind it",
	    (int)(end - start < 40 ? end - start : 40), start);
	skip(look, (size_t)(end - start));
	if (errno == 0 && number <= limit)
		return true;
	return settings_refuse_line(
	    look->reader, look->file, look->line, "", wrong);
}

/* Looks through the file that an @include at the front names. */
static bool
look_at_include(struct look *look)
{
	const char *name = look->at + strlen("@include");
	const char *wrong = NULL;
	char *file = NULL;
	char *text = NULL;
	char *reason = NULL;
	size_t length;
	bool is_good = false;

	name += strspn(name, " \t");
	if (*name != '"') {
		skip(look, 1); /* libconfig says what is wrong */
		return true;
	}
	length = strcspn(name + 1, "\"");
	file = settings_format(
	    "%s/%.*s", look->reader->folder, (int)length, name + 1);
	if (name[1] == '/')
		wrong = "the name must be relative to the folder of the "
			"configuration file";
	else if (look->depth >= INCLUDE_MAX)
		wrong = "files include each other too deeply";
	else
		text = read_file(file, &wrong);
	if (text != NULL) {
		is_good =
		    look_through(look->reader, file, text, look->depth + 1);
		explicit_bzero(text, strlen(text));
	} else {
		reason = settings_format(
		    "@include: cannot read %s: %s", file, wrong);
		(void)settings_refuse_line(
		    look->reader, look->file, look->line, "", reason);
	}
	skip(look, (size_t)(name + 1 + length - look->at) + 1);
	free(reason);
	free(text);
	free(file);
	return is_good;
}

/* Looks at one token; false if there was something wrong with it. */
static bool
look_at_token(struct look *look)
{
	unsigned char first = (unsigned char)*look->at;
	size_t length = comment_length(look->at);

	if (length > 0) {
		skip(look, length);
		return true;
	}
	if (first == '"') {
		skip(look, string_length(look->at));
		return true;
	}
	if (first == '@' && look->is_line_start &&
	    strncmp(look->at, "@include", strlen("@include")) == 0)
		return look_at_include(look);
	if (isdigit(first))
		return look_at_number(look);
	if (isalpha(first) || first == '*') {
		while (isalnum((unsigned char)*look->at) ||
		    (*look->at != '\0' && strchr("-_*", *look->at) != NULL))
			skip(look, 1);
		return true;
	}
	skip(look, 1);
	return true;
}

static bool
look_through(struct settings_reader *reader, const char *file, const char *text,
    int depth)
{
	struct look look = {reader, file, text, 1, depth, true};
	bool is_good = true;

	while (*look.at != '\0')
		is_good = look_at_token(&look) && is_good;
	return is_good;
}

char *
settings_text_read(struct settings_reader *reader)
{
	const char *wrong = NULL;
	char *text = read_file(reader->file, &wrong);

	if (text == NULL) {
		char *reason = settings_format("cannot be read: %s", wrong);

		(void)settings_refuse_line(reader, reader->file, 1, "", reason);
		free(reason);
		return NULL;
	}
	if (look_through(reader, reader->file, text, 0))
		return text;
	explicit_bzero(text, strlen(text));
	free(text);
	return NULL;
}
