/*
 * The console's commands that ask no server.
 */
#include "daemon/console_handlers.h"

#include <inttypes.h>

#include "libclient/base/mem.h"
#include "libclient/imaplib_helper.h"

/* The most flags that parseflags shows. */
#define MAX_FLAGS 1000

/* A line of help and the like: printed at once, or part of the JSON. */
static void
say(struct console *console, const char *line)
{
	if (console->is_json)
		(void)buf_add_format(&console->lines, "%s%s",
		    buf_len(&console->lines) == 0 ? "" : "\n", line);
	else
		(void)fprintf(console->out, "%s\n", line);
}

static void
say_row(struct console *console, const struct console_command *row)
{
	char *words = mem_format(
	    "%s%s %s", row->has_uid ? "[uid] " : "", row->name, row->words);
	char *line = mem_format("%-50s %s", words, row->help);

	say(console, line);
	(void)mem_free(line);
	(void)mem_free(words);
}

void
console_help(struct console_call *call)
{
	const struct console_command *row;

	if (call->count == 0) {
		for (row = console_table; row->name != NULL; row++)
			say_row(call->console, row);
	} else {
		row = console_table_find(console_word_span(&call->words[0]));
		if (row == NULL) {
			console_refuse(call, IMAP_ERROR_CONFIG,
			    "there is no such command");
			return;
		}
		say_row(call->console, row);
	}
	console_answer(call);
}

void
console_quit(struct console_call *call)
{
	struct console *console = call->console;

	console->is_over = true;
	if (console->client != NULL)
		console->client = imaplib_logout(console->client, call->reply);
	else
		console_answer(call);
}

void
console_debug(struct console_call *call)
{
	unsigned long long level;

	if (!span_to_number(console_word_span(&call->words[0]), 5, &level)) {
		console_refuse(
		    call, IMAP_ERROR_CONFIG, "the level is one of 0 to 5");
		return;
	}
	imaplib_set_debug(call->console->client, (int)level);
	console_answer(call);
}

static void
print_traced(void *user, const char *line)
{
	struct console *console = user;

	(void)fprintf(console->trace, "%s\n", line);
}

void
console_print_log(struct console_call *call)
{
	imaplib_print_log(call->console->client, print_traced, call->console);
	console_answer(call);
}

void
console_state(struct console_call *call)
{
	static const char *const states[] = {
	    [IMAPLIB_NONAUTH] = "NONAUTH",
	    [IMAPLIB_AUTH] = "AUTH",
	    [IMAPLIB_SELECTED] = "SELECTED",
	    [IMAPLIB_LOGOUT] = "LOGOUT",
	};
	static const char *const versions[] = {
	    [IMAPLIB_IMAP4] = "IMAP4",
	    [IMAPLIB_IMAP4REV1] = "IMAP4rev1",
	    [IMAPLIB_IMAP4REV2] = "IMAP4rev2",
	};
	const struct imaplib *client = call->console->client;

	(void)buf_add_format(&call->console->lines, "%s %s %s:%" PRIu16 "%s%s",
	    states[imaplib_get_state(client)],
	    versions[imaplib_get_version(client)], imaplib_get_host(client),
	    imaplib_get_port(client),
	    imaplib_is_read_only(client) ? " read-only" : "",
	    imaplib_is_utf8(client) ? " utf8" : "");
	console_answer(call);
}

/* ---- imaplib's helpers ---- */

void
console_internaldate_to_time(struct console_call *call)
{
	char *response = console_rest(call, 0);
	int64_t epoch = 0;

	if (imaplib_internaldate_to_time(span_of(response), &epoch, NULL)) {
		(void)buf_add_format(&call->console->lines, "%" PRId64, epoch);
		console_answer(call);
	} else {
		console_refuse(call, IMAP_ERROR_CONFIG,
		    "there is no INTERNALDATE in it, or it is no date");
	}
	(void)mem_free(response);
}

/* "-0330" in minutes. */
static bool
read_zone(struct span text, int *minutes)
{
	unsigned long long number;

	if (text.len != 5 || (text.at[0] != '+' && text.at[0] != '-') ||
	    !span_to_number(span_from(text, 1), 2359, &number) ||
	    number % 100 > 59)
		return false;
	*minutes = (int)(number / 100 * 60 + number % 100);
	if (text.at[0] == '-')
		*minutes = -*minutes;
	return true;
}

void
console_time_to_internaldate(struct console_call *call)
{
	char date[IMAPLIB_DATE_SIZE];
	unsigned long long epoch;
	int zone = 0;
	bool is_made = false;

	if (span_to_number(
		console_word_span(&call->words[0]), INT64_MAX, &epoch)) {
		if (call->count == 1)
			is_made = imaplib_internaldate_from_epoch(
			    (int64_t)epoch, date);
		else
			is_made = read_zone(console_word_span(&call->words[1]),
				      &zone) &&
			    imaplib_internaldate_from_zone(
				(int64_t)epoch, zone, date);
	}
	if (!is_made) {
		console_refuse(call, IMAP_ERROR_CONFIG,
		    "usage: time2internaldate SECONDS [+HHMM]");
		return;
	}
	(void)buf_add_string(&call->console->lines, date);
	console_answer(call);
}

void
console_int_to_ap(struct console_call *call)
{
	struct span text = console_word_span(&call->words[0]);
	bool is_negative = text.len > 0 && text.at[0] == '-';
	unsigned long long number;
	char letters[20];

	if (!span_to_number(
		span_from(text, is_negative ? 1 : 0), INT64_MAX, &number)) {
		console_refuse(call, IMAP_ERROR_CONFIG, "that is no number");
		return;
	}
	imaplib_int_to_ap(
	    is_negative ? -(int64_t)number : (int64_t)number, letters);
	(void)buf_add_string(&call->console->lines, letters);
	console_answer(call);
}

void
console_parse_flags(struct console_call *call)
{
	char *response = console_rest(call, 0);
	struct span *flags = mem_alloc(sizeof(*flags) * MAX_FLAGS);
	uint32_t count =
	    imaplib_parse_flags(span_of(response), flags, MAX_FLAGS);

	for (uint32_t i = 0; i < count && i < MAX_FLAGS; i++) {
		if (i > 0)
			(void)buf_add_string(&call->console->lines, " ");
		(void)buf_add_span(&call->console->lines, flags[i]);
	}
	console_answer(call);
	(void)mem_free(flags);
	(void)mem_free(response);
}
