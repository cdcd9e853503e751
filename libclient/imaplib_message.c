/*
 * Commands about messages (RFC 9051 section 6.4).
 */
#include "libclient/imaplib_message.h"

#include <stdio.h>
#include <strings.h>

#include "libclient/base/mem.h"
#include "libclient/imaplib_private.h"
#include "libclient/wire/date.h"

/* Starts a command, in its UID form if that is wanted. */
static bool
begin(struct imaplib *client, const char *name, bool is_uid,
    struct command *command, struct imaplib_reply *reply)
{
	char full[40];

	/* the words of the state that is wrong name the command alone */
	if (!imaplib_begin(client, name, command, reply))
		return false;
	if (!is_uid)
		return true;
	command_free(command);
	(void)snprintf(full, sizeof(full), "UID %s", name);
	return imaplib_begin(client, full, command, reply);
}

/* Words in parentheses, unless they are already. */
static void
add_list(struct command *command, const char *words)
{
	char *text;

	if (words[0] == '(') {
		command_add_raw(command, words);
		return;
	}
	text = mem_format("(%s)", words);
	command_add_raw(command, text);
	mem_free(text);
}

bool
imaplib_fetch(struct imaplib *client, const char *set, const char *items,
    const char *modifiers, bool is_uid, struct imaplib_reply *reply)
{
	struct command command;

	if (!begin(client, "FETCH", is_uid, &command, reply))
		return false;
	command_add_raw(&command, set);
	if (strcasecmp(items, "ALL") == 0 || strcasecmp(items, "FULL") == 0 ||
	    strcasecmp(items, "FAST") == 0)
		command_add_raw(&command, items);
	else
		add_list(&command, items);
	if (modifiers != NULL)
		command_add_raw(&command, modifiers);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

bool
imaplib_partial(struct imaplib *client, const char *set, const char *part,
    uint32_t start, uint32_t length, bool is_uid, struct imaplib_reply *reply)
{
	char *items = mem_format("(BODY.PEEK[%s]<%u.%u>)", part, start, length);
	bool is_ok = imaplib_fetch(client, set, items, NULL, is_uid, reply);

	mem_free(items);
	return is_ok;
}

bool
imaplib_store(struct imaplib *client, const char *set, const char *operation,
    const char *flags, uint64_t unchanged_since, bool is_uid,
    struct imaplib_reply *reply)
{
	struct command command;
	char condition[60];

	if (!begin(client, "STORE", is_uid, &command, reply))
		return false;
	command_add_raw(&command, set);
	if (unchanged_since != 0) {
		(void)snprintf(condition, sizeof(condition),
		    "(UNCHANGEDSINCE %llu)",
		    (unsigned long long)unchanged_since);
		command_add_raw(&command, condition);
	}
	command_add_raw(&command, operation);
	add_list(&command, flags);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

static bool
to_mailbox(struct imaplib *client, const char *name, const char *set,
    const char *mailbox, bool is_uid, struct imaplib_reply *reply)
{
	struct command command;

	if (!begin(client, name, is_uid, &command, reply))
		return false;
	command_add_raw(&command, set);
	imaplib_add_mailbox(client, &command, mailbox);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

bool
imaplib_copy(struct imaplib *client, const char *set, const char *mailbox,
    bool is_uid, struct imaplib_reply *reply)
{
	return to_mailbox(client, "COPY", set, mailbox, is_uid, reply);
}

bool
imaplib_move(struct imaplib *client, const char *set, const char *mailbox,
    bool is_uid, struct imaplib_reply *reply)
{
	return to_mailbox(client, "MOVE", set, mailbox, is_uid, reply);
}

bool
imaplib_expunge(
    struct imaplib *client, const char *uids, struct imaplib_reply *reply)
{
	struct command command;

	if (!begin(client, "EXPUNGE", uids != NULL, &command, reply))
		return false;
	if (uids != NULL)
		command_add_raw(&command, uids);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

/* ---- append ---- */

/* Every CR, LF and CRLF as CRLF; to be freed. */
static struct span
with_crlf(struct span message)
{
	size_t extra = 0;
	size_t used = 0;
	char *out;

	for (size_t i = 0; i < message.len; i++)
		extra += message.at[i] == '\r' || message.at[i] == '\n';
	out = mem_alloc(message.len + extra + 1);
	for (size_t i = 0; i < message.len; i++) {
		char c = message.at[i];

		if (c != '\r' && c != '\n') {
			out[used++] = c;
			continue;
		}
		out[used++] = '\r';
		out[used++] = '\n';
		if (c == '\r' && i + 1 < message.len &&
		    message.at[i + 1] == '\n')
			i++;
	}
	return (struct span){out, used};
}

static void
add_date(struct command *command, const char *date)
{
	char *text;

	if (date[0] == '"') {
		command_add_raw(command, date);
		return;
	}
	text = mem_format("\"%s\"", date);
	command_add_raw(command, text);
	mem_free(text);
}

/*
 * Some servers that refuse a date go on with the message as if it were
 * commands, so they get no wrong one.
 */
static bool
is_date(const char *date)
{
	struct span text = span_of(date == NULL ? "" : date);
	int64_t epoch;
	int zone;

	if (text.len >= 2 && text.at[0] == '"' && text.at[text.len - 1] == '"')
		text = (struct span){text.at + 1, text.len - 2};
	return text.len == 0 || date_parse(text, &epoch, &zone);
}

/*
 * RFC 6855 wants `UTF8 (~{n}...)` once UTF8=ACCEPT is enabled. Courier reads
 * that only behind a list of flags, which may be an empty one everywhere.
 */
static void
add_append(struct imaplib *client, struct command *command,
    const struct imaplib_append *append)
{
	struct span message = append->message;
	char *owned = NULL;

	if (append->flags != NULL && append->flags[0] != '\0')
		add_list(command, append->flags);
	else if (client->is_utf8)
		add_list(command, "");
	if (append->date != NULL && append->date[0] != '\0')
		add_date(command, append->date);
	if (!append->keeps_line_ends) {
		message = with_crlf(append->message);
		owned = (char *)message.at;
	}
	if (client->is_utf8) {
		command_add_utf8_message(command, message);
	} else {
		command_add_message(command, message, false);
	}
	mem_free(owned);
}

static bool
append_some(struct imaplib *client, const char *mailbox,
    const struct imaplib_append *messages, uint32_t count,
    struct imaplib_reply *reply)
{
	struct command command;

	if (!imaplib_begin(client, "APPEND", &command, reply))
		return false;
	imaplib_add_mailbox(client, &command,
	    mailbox == NULL || mailbox[0] == '\0' ? "INBOX" : mailbox);
	for (uint32_t i = 0; i < count; i++)
		add_append(client, &command, &messages[i]);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

bool
imaplib_append(struct imaplib *client, const char *mailbox,
    const struct imaplib_append *messages, uint32_t count,
    struct imaplib_reply *reply)
{
	bool is_multi = strstr(imaplib_get_capability_words(client),
			    "MULTIAPPEND") != NULL &&
	    count <= COMMAND_MAX_WAITS;

	imaplib_reply_free(reply);
	if (count == 0)
		return imaplib_refuse(reply, "there is no message to append");
	for (uint32_t i = 0; i < count; i++)
		if (!is_date(messages[i].date))
			return imaplib_refuse(
			    reply, "a date is like 17-Jul-1996 02:44:25 -0700");
	if (is_multi || count == 1)
		return append_some(client, mailbox, messages, count, reply);
	for (uint32_t i = 0; i < count; i++)
		if (!append_some(client, mailbox, &messages[i], 1, reply))
			return false;
	return true;
}

/* ---- search, sort, thread ---- */

/* A charset has no place once UTF-8 is spoken anyway. */
static bool
check_charset(struct imaplib *client, const char *charset,
    struct command *command, struct imaplib_reply *reply)
{
	if (charset == NULL || !client->is_utf8)
		return true;
	command_free(command);
	return imaplib_refuse(reply, "non-None charset not valid in UTF8 mode");
}

bool
imaplib_search(struct imaplib *client, const char *charset, const char *returns,
    const char *criteria, bool is_uid, struct imaplib_reply *reply)
{
	struct command command;

	if (!begin(client, "SEARCH", is_uid, &command, reply) ||
	    !check_charset(client, charset, &command, reply))
		return false;
	if (returns != NULL) {
		command_add_raw(&command, "RETURN");
		command_add_raw(&command, returns);
	}
	if (charset != NULL) {
		command_add_raw(&command, "CHARSET");
		command_add_raw(&command, charset);
	}
	command_add_raw(&command, criteria);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

bool
imaplib_sort(struct imaplib *client, const char *order, const char *charset,
    const char *criteria, bool is_uid, struct imaplib_reply *reply)
{
	struct command command;

	if (!begin(client, "SORT", is_uid, &command, reply))
		return false;
	add_list(&command, order);
	command_add_raw(&command, charset);
	command_add_raw(&command, criteria);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

bool
imaplib_thread(struct imaplib *client, const char *algorithm,
    const char *charset, const char *criteria, bool is_uid,
    struct imaplib_reply *reply)
{
	struct command command;

	if (!begin(client, "THREAD", is_uid, &command, reply))
		return false;
	command_add_raw(&command, algorithm);
	command_add_raw(&command, charset);
	command_add_raw(&command, criteria);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

bool
imaplib_uid(struct imaplib *client, const char *name,
    const char *const *arguments, uint32_t count, struct imaplib_reply *reply)
{
	struct command command;

	if (!begin(client, name, true, &command, reply))
		return false;
	if (!imaplib_is_command(name)) {
		command_free(&command);
		return imaplib_refuse(
		    reply, "unknown IMAP4 UID command: %s", name);
	}
	for (uint32_t i = 0; i < count; i++)
		if (arguments[i] != NULL)
			command_add_raw(&command, arguments[i]);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}
