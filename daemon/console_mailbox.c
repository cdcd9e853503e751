/*
 * The console's commands for mailboxes and metadata that are more than one
 * call.
 */
#include "daemon/console_handlers.h"

#include "libclient/base/mem.h"
#include "libclient/imaplib_mailbox.h"
#include "libclient/imaplib_rights.h"

static const char *
mailbox_of(const struct console_call *call)
{
	return call->count == 0 ? "INBOX" : console_argument(call, 0);
}

void
console_select(struct console_call *call)
{
	bool is_readonly =
	    call->count > 1 && console_word_is(&call->words[1], "readonly");
	uint32_t next = is_readonly ? 2 : 1;

	if (call->count > next + 1 ||
	    (call->count > next && !console_is_list(call, next))) {
		console_refuse(call, IMAP_ERROR_CONFIG,
		    "behind the mailbox: readonly, (PARAMETERS)");
		return;
	}
	(void)imaplib_select(call->console->client, mailbox_of(call),
	    is_readonly, console_argument(call, next), call->reply);
}

void
console_examine(struct console_call *call)
{
	(void)imaplib_select(call->console->client, mailbox_of(call), true,
	    console_argument(call, 1), call->reply);
}

void
console_list(struct console_call *call)
{
	const char *selection =
	    console_is_list(call, 0) ? console_argument(call, 0) : NULL;
	uint32_t next = selection == NULL ? 0 : 1;
	uint32_t end = call->count;
	const char *returns = NULL;

	if (end >= 2 && console_word_is(&call->words[end - 2], "RETURN") &&
	    console_is_list(call, end - 1)) {
		returns = console_argument(call, end - 1);
		end -= 2;
	}
	if (end > next + 2) {
		console_refuse(call, IMAP_ERROR_CONFIG,
		    "usage: list [(SELECTION)] [REFERENCE [PATTERN]] "
		    "[RETURN (OPTIONS)]");
		return;
	}
	(void)imaplib_list(call->console->client,
	    next < end ? console_argument(call, next) : "",
	    next + 1 < end ? console_argument(call, next + 1) : "*", selection,
	    returns, call->reply);
}

void
console_lsub(struct console_call *call)
{
	(void)imaplib_lsub(call->console->client,
	    call->count > 0 ? console_argument(call, 0) : "",
	    call->count > 1 ? console_argument(call, 1) : "*", call->reply);
}

void
console_notify(struct console_call *call)
{
	char *what = console_rest(call, 0);

	(void)imaplib_notify(call->console->client, what, call->reply);
	(void)mem_free_secret(what);
}

void
console_getmetadata(struct console_call *call)
{
	const char *options =
	    console_is_list(call, 0) ? console_argument(call, 0) : NULL;
	uint32_t next = options == NULL ? 0 : 1;
	const char **entries;
	uint32_t count;

	if (call->count < next + 2) {
		console_refuse(call, IMAP_ERROR_CONFIG, "an entry is missing");
		return;
	}
	count = call->count - next - 1;
	entries = mem_alloc(sizeof(*entries) * count);
	for (uint32_t i = 0; i < count; i++)
		entries[i] = console_argument(call, next + 1 + i);
	(void)imaplib_getmetadata(call->console->client,
	    console_argument(call, next), options, entries, count, call->reply);
	(void)mem_free(entries);
}

void
console_setmetadata(struct console_call *call)
{
	const struct console_word *word = &call->words[2];
	struct span value = console_word_span(word);

	(void)imaplib_setmetadata(call->console->client,
	    console_argument(call, 0), console_argument(call, 1),
	    console_word_is(word, "NIL") ? NULL : &value, call->reply);
}
