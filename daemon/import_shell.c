/*
 * The shell's syntax, as far as one-line commands of configurations have it.
 */
#include "daemon/import_shell.h"

#include <ctype.h>
#include <string.h>

#define WORD_MAX ((size_t)4 << 20)

void
import_shell_quote(struct buf *out, const char *text)
{
	(void)buf_add_string(out, "'");
	for (; *text != '\0'; text++)
		if (*text == '\'')
			(void)buf_add_string(out, "'\\''");
		else
			(void)buf_add(out, text, 1);
	(void)buf_add_string(out, "'");
}

void
import_shell_word(struct buf *out, const char *text)
{
	bool is_plain = text[0] != '\0';

	for (const char *c = text; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) &&
		    strchr("/._-+=:,@%", *c) == NULL)
			is_plain = false;
	if (is_plain)
		(void)buf_add_string(out, text);
	else
		import_shell_quote(out, text);
}

char *
import_shell_path(const char *path)
{
	size_t home = strncmp(path, "~/", 2) == 0 ? 2 : 0;
	struct buf out;
	char *word;

	buf_init(&out, WORD_MAX);
	(void)buf_add(&out, path, home);
	if (home == 0 || path[home] != '\0')
		import_shell_word(&out, path + home);
	word = span_to_string(buf_span(&out));
	buf_free(&out);
	return word;
}

/* One that has nothing but "&&" between its commands. */
static bool
is_simple(const char *command)
{
	for (; *command != '\0'; command++)
		if (strncmp(command, "&&", 2) == 0)
			command++;
		else if (strchr(";&|#\n", *command) != NULL)
			return false;
	return true;
}

void
import_shell_put(struct buf *out, const char *command)
{
	if (is_simple(command))
		(void)buf_add_string(out, command);
	else /* a comment ends with its line */
		(void)buf_add_format(out, "{ %s\n}", command);
}

bool
import_shell_fetches(const char *command)
{
	static const char *const fetchers[] = {
	    "mbsync", "isync", "offlineimap", "getmail", "fetchmail", "mpop"};
	size_t end = strcspn(command, " \t\n;&|<>");
	size_t begin = end;

	while (begin > 0 && command[begin - 1] != '/')
		begin--;
	for (size_t i = 0; i < sizeof(fetchers) / sizeof(*fetchers); i++)
		if (strlen(fetchers[i]) == end - begin &&
		    strncmp(command + begin, fetchers[i], end - begin) == 0)
			return true;
	return false;
}

/* Behind the quoted or escaped characters at the front. */
static const char *
skip_quoted(const char *at)
{
	const char quote = *at;

	if (quote == '\\')
		return at[1] == '\0' ? at + 1 : at + 2;
	for (at++; *at != '\0' && *at != quote; at++)
		if (*at == '\\' && quote == '"' && at[1] != '\0')
			at++;
	return *at == '\0' ? at : at + 1;
}

/* Behind the command at the front and its "&&", ";" or end of line; NULL: what
 * follows takes its output or its failure, or it is not understood. */
static const char *
behind_command(const char *at)
{
	char before = ' ';

	while (*at != '\0') {
		bool is_redirection = *at == '&' &&
		    (before == '>' || before == '<' || at[1] == '>');

		if (strchr("|`(#", *at) != NULL)
			return NULL;
		if (strchr(";&\n", *at) != NULL && !is_redirection)
			break;
		before = *at;
		at = strchr("\\'\"", *at) == NULL ? at + 1 : skip_quoted(at);
	}
	return at + strspn(at, "&; \t\n");
}

const char *
import_shell_rest(const char *command)
{
	const char *rest = command + strspn(command, " \t\n");
	const char *next = rest;

	while (next != NULL && import_shell_fetches(next)) {
		rest = next;
		next = behind_command(rest);
	}
	return next == NULL ? rest : next;
}
