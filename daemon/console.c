/*
 * Runs the console's commands one after the other and prints what came of
 * them.
 */
#include "daemon/console.h"

#include <errno.h>
#include <sysexits.h>

#include "daemon/console_json.h"
#include "daemon/console_table.h"
#include "daemon/console_text.h"
#include "daemon/exit_code.h"
#include "libclient/base/mem.h"

/* The most that one command has to say without the server. */
#define LINES_LIMIT 65536

/* The largest file that can be an argument. */
#define FILE_LIMIT (UINT64_C(1) << 30)

/* The command's name: "fetch", "uid fetch". */
#define NAME_SIZE 64

void
console_init(struct console *console)
{
	*console = (struct console){.out = stdout, .trace = stderr};
	buf_init(&console->lines, LINES_LIMIT);
}

void
console_free(struct console *console)
{
	struct imaplib_reply reply = {0};

	if (console->client != NULL)
		console->client = imaplib_logout(console->client, &reply);
	imaplib_reply_free(&reply);
	buf_free(&console->lines);
}

/* ---- what it came to ---- */

static bool
is_one_of(struct span code, const char *const *names)
{
	for (; *names != NULL; names++)
		if (span_equal_nocase(code, *names))
			return true;
	return false;
}

static int
code_of_refusal(const struct imaplib_reply *reply, bool is_login)
{
	static const char *const later[] = {
	    "UNAVAILABLE", "INUSE", "LIMIT", "THROTTLED", NULL};
	static const char *const credentials[] = {"AUTHENTICATIONFAILED",
	    "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED", NULL};

	if (is_one_of(reply->code, later))
		return EX_TEMPFAIL;
	if (is_login || is_one_of(reply->code, credentials))
		return EX_NOPERM;
	return 1;
}

int
console_exit_code(const struct imaplib_reply *reply, bool is_login)
{
	enum imap_error_kind kind = reply->error.kind;

	switch (reply->type) {
	case IMAPLIB_OK:
		return EX_OK;
	case IMAPLIB_NO:
		return code_of_refusal(reply, is_login);
	case IMAPLIB_READONLY:
		return 1;
	case IMAPLIB_BAD:
		return EX_PROTOCOL;
	case IMAPLIB_ABORT:
		return kind == IMAP_ERROR_NONE ? EX_UNAVAILABLE
					       : exit_code_for(kind);
	case IMAPLIB_ERROR:
		if (kind == IMAP_ERROR_AUTH || kind == IMAP_ERROR_TLS ||
		    kind == IMAP_ERROR_LOCAL)
			return exit_code_for(kind);
		return EX_USAGE;
	}
	return EX_SOFTWARE;
}

static void
print(struct console *console, const char *name,
    const struct imaplib_reply *reply, bool is_login)
{
	if (console->is_json)
		console_json_reply(console->out, name, reply);
	else
		console_text_reply(console->out, reply);
	if (fflush(console->out) != 0 && console->code == EX_OK)
		console->code = EX_IOERR;
	if (console->code == EX_OK)
		console->code = console_exit_code(reply, is_login);
}

/* ---- files as arguments ---- */

static bool
read_all(FILE *file, struct buf *content)
{
	size_t count;

	do {
		char *room = buf_reserve(content, BUFSIZ);

		if (room == NULL) {
			errno = EFBIG;
			return false;
		}
		count = fread(room, 1, BUFSIZ, file);
		buf_grow(content, count);
	} while (count > 0);
	return ferror(file) == 0;
}

/* Puts a file's content in the place of its name. */
static bool
read_file(struct console_call *call, struct console_word *word)
{
	FILE *file = fopen(word->text, "re");
	struct buf content;
	bool is_read;

	buf_init(&content, FILE_LIMIT);
	is_read = file != NULL && read_all(file, &content);
	if (is_read) {
		struct span bytes = buf_span(&content);

		(void)mem_free(word->text);
		word->text = span_to_string(bytes);
		word->len = bytes.len;
	} else {
		console_refuse(call, IMAP_ERROR_LOCAL, "@%s: %s", word->text,
		    strerrordesc_np(errno));
	}
	buf_free_secret(&content);
	if (file != NULL)
		(void)fclose(file);
	return is_read;
}

static bool
read_files(struct console_call *call, struct console_words *words)
{
	for (uint32_t i = 1; i < words->count; i++)
		if (words->items[i].kind == CONSOLE_WORD_FILE &&
		    !read_file(call, &words->items[i]))
			return false;
	return true;
}

/* ---- running ---- */

/* A NUL would cut a string short: only bytes may have one. */
static bool
has_stray_nul(
    const struct console_command *row, const struct console_call *call)
{
	for (uint32_t i = 0; i < call->count; i++) {
		bool is_bytes =
		    row->has_bytes && i > 0 && (call->count - 1 - i) % 3 == 0;

		if (!is_bytes &&
		    strlen(call->words[i].text) != call->words[i].len)
			return true;
	}
	return false;
}

static bool
is_acceptable(const struct console_command *row, struct console_call *call)
{
	if (call->count < row->min || call->count > row->max) {
		console_refuse(call, IMAP_ERROR_CONFIG, "usage: %s%s%s%s",
		    call->is_uid ? "uid " : "", row->name,
		    row->words[0] == '\0' ? "" : " ", row->words);
		return false;
	}
	if (has_stray_nul(row, call)) {
		console_refuse(call, IMAP_ERROR_CONFIG,
		    "a NUL byte, which only a message may have");
		return false;
	}
	if (call->console->client == NULL && !row->is_local) {
		console_refuse(
		    call, IMAP_ERROR_CONFIG, "there is no connection");
		return false;
	}
	return true;
}

static void
run_row(const struct console_command *row, struct console_call *call)
{
	struct imaplib *client = call->console->client;
	struct imaplib_reply *reply = call->reply;

	if (!is_acceptable(row, call))
		return;
	if (row->run != NULL)
		row->run(call);
	else if (row->none != NULL)
		(void)row->none(client, reply);
	else if (row->one != NULL)
		(void)row->one(client, console_argument(call, 0), reply);
	else if (row->two != NULL)
		(void)row->two(client, console_argument(call, 0),
		    console_argument(call, 1), reply);
	else
		(void)row->three(client, console_argument(call, 0),
		    console_argument(call, 1), console_argument(call, 2),
		    reply);
}

/* The row for the words; takes the names off the call. */
static const struct console_command *
find_row(struct console_call *call)
{
	const struct console_command *row =
	    console_table_find(console_word_span(&call->words[0]));
	const struct console_command *uid_row = NULL;

	if (row == NULL)
		return NULL;
	call->words++;
	call->count--;
	if (call->count > 0 && strcmp(row->name, "uid") == 0)
		uid_row = console_table_find(console_word_span(call->words));
	if (uid_row == NULL || !uid_row->has_uid)
		return row;
	call->is_uid = true;
	call->words++;
	call->count--;
	return uid_row;
}

void
console_run(struct console *console, struct console_words *words)
{
	struct imaplib_reply reply = {0};
	struct console_call call = {
	    .console = console,
	    .words = words->items,
	    .count = words->count,
	    .reply = &reply,
	};
	const struct console_command *row;
	char name[NAME_SIZE] = "";

	if (words->count == 0)
		return;
	buf_clear(&console->lines);
	row = find_row(&call);
	(void)snprintf(name, sizeof(name), "%s%s", call.is_uid ? "uid " : "",
	    row == NULL ? words->items[0].text : row->name);
	if (row == NULL)
		console_refuse(&call, IMAP_ERROR_CONFIG,
		    "\"%s\" is no command; see help", name);
	else if (read_files(&call, words))
		run_row(row, &call);
	print(console, name, &reply, row != NULL && row->is_login);
	imaplib_reply_free(&reply);
}

void
console_run_line(struct console *console, struct span line)
{
	struct console_words words = {0};
	struct console_words_error error = {0};
	struct imaplib_reply reply = {0};
	struct console_call call = {.console = console, .reply = &reply};

	while (line.len > 0 &&
	    (line.at[line.len - 1] == '\n' || line.at[line.len - 1] == '\r'))
		line.len--;
	if (console_words_split(line, &words, &error)) {
		console_run(console, &words);
	} else {
		console_refuse(&call, IMAP_ERROR_CONFIG, "column %u: %s",
		    error.column, error.text);
		print(console, NULL, &reply, false);
	}
	console_words_free(&words);
}
