/*
 * Debugging as imaplib has it: 1 shows what goes wrong, 3 what was said to be
 * possible, 4 and more every line both ways; the last ten lines are kept.
 * Secrets are marked by the encoder and never come here.
 */
#include "libclient/imaplib_private.h"

#include <stdarg.h>
#include <stdio.h>

#include "libclient/base/mem.h"

#define LINES_LEVEL 4

static void
keep(struct imaplib *client, const char *line)
{
	char **place = &client->log[client->log_next];

	client->log_next = (client->log_next + 1) % IMAPLIB_LOG_LINES;
	mem_free(*place);
	*place = mem_copy_string(line);
}

static void
on_line(void *user, bool is_ours, const char *line)
{
	struct imaplib *client = user;
	char *text = mem_format("%c %s", is_ours ? '>' : '<', line);

	keep(client, text);
	if (client->debug >= LINES_LEVEL && client->tell != NULL)
		client->tell(client->tell_user, text);
	mem_free(text);
}

void
imaplib_trace_start(
    struct imaplib *client, const struct imaplib_options *options)
{
	client->debug = options->debug;
	client->tell = options->trace;
	client->tell_user = options->trace_user;
	client->trace = (struct trace){.line = on_line, .user = client};
}

void
imaplib_trace_free(struct imaplib *client)
{
	for (unsigned i = 0; i < IMAPLIB_LOG_LINES; i++)
		mem_free(client->log[i]);
}

void
imaplib_say(struct imaplib *client, int level, const char *format, ...)
{
	char text[400];
	va_list arguments;

	if (client->debug < level || client->tell == NULL)
		return;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	client->tell(client->tell_user, text);
}

void
imaplib_set_debug(struct imaplib *client, int level)
{
	client->debug = level;
}

void
imaplib_print_log(const struct imaplib *client,
    void (*print)(void *user, const char *line), void *user)
{
	for (unsigned i = 0; i < IMAPLIB_LOG_LINES; i++) {
		const char *line =
		    client->log[(client->log_next + i) % IMAPLIB_LOG_LINES];

		if (line != NULL)
			print(user, line);
	}
}
