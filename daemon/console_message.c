/*
 * The console's commands for messages, each also in its UID form.
 */
#include "daemon/console_handlers.h"

#include "libclient/base/mem.h"
#include "libclient/imaplib_message.h"

static bool
to_number(struct span text, unsigned long long max, unsigned long long *number)
{
	return span_to_number(text, max, number);
}

void
console_fetch(struct console_call *call)
{
	(void)imaplib_fetch(call->console->client, console_argument(call, 0),
	    console_argument(call, 1), console_argument(call, 2), call->is_uid,
	    call->reply);
}

void
console_partial(struct console_call *call)
{
	unsigned long long start;
	unsigned long long length;

	if (!to_number(
		console_word_span(&call->words[2]), UINT32_MAX, &start) ||
	    !to_number(
		console_word_span(&call->words[3]), UINT32_MAX, &length)) {
		console_refuse(call, IMAP_ERROR_CONFIG,
		    "START and LENGTH are numbers of bytes");
		return;
	}
	(void)imaplib_partial(call->console->client, console_argument(call, 0),
	    console_argument(call, 1), (uint32_t)start, (uint32_t)length,
	    call->is_uid, call->reply);
}

/* Reads "(UNCHANGEDSINCE 5)". */
static bool
read_unchanged_since(const struct console_word *list, uint64_t *modseq)
{
	static const char name[] = "(UNCHANGEDSINCE ";
	struct span text = console_word_span(list);
	unsigned long long number;

	if (!span_has_prefix_nocase(text, name))
		return false;
	text = span_from(text, sizeof(name) - 1);
	text.len--; /* the parenthesis that closes the list */
	if (!to_number(text, INT64_MAX, &number) || number == 0)
		return false;
	*modseq = number;
	return true;
}

void
console_store(struct console_call *call)
{
	uint64_t modseq = 0;
	uint32_t next = 1;
	char *flags;

	if (console_is_list(call, 1)) {
		if (!read_unchanged_since(&call->words[1], &modseq)) {
			console_refuse(call, IMAP_ERROR_CONFIG,
			    "(UNCHANGEDSINCE N) is all that may stand in "
			    "front of FLAGS");
			return;
		}
		next = 2;
	}
	if (call->count < next + 2) {
		console_refuse(call, IMAP_ERROR_CONFIG, "flags are missing");
		return;
	}
	flags = console_rest(call, next + 1);
	if (flags[0] != '(' && call->count > next + 2) {
		char *list = mem_format("(%s)", flags);

		(void)mem_free(flags);
		flags = list;
	}
	(void)imaplib_store(call->console->client, console_argument(call, 0),
	    console_argument(call, next), flags, modseq, call->is_uid,
	    call->reply);
	(void)mem_free(flags);
}

void
console_copy(struct console_call *call)
{
	(void)imaplib_copy(call->console->client, console_argument(call, 0),
	    console_argument(call, 1), call->is_uid, call->reply);
}

void
console_move(struct console_call *call)
{
	(void)imaplib_move(call->console->client, console_argument(call, 0),
	    console_argument(call, 1), call->is_uid, call->reply);
}

/* A word that may be left out by NIL. */
static const char *
argument_or_nil(const struct console_call *call, uint32_t i)
{
	return console_word_is(&call->words[i], "NIL")
	    ? NULL
	    : console_argument(call, i);
}

void
console_append(struct console_call *call)
{
	uint32_t count = (call->count - 1) / 3;
	struct imaplib_append *messages;

	if (call->count != 2 && (call->count - 1) % 3 != 0) {
		console_refuse(call, IMAP_ERROR_CONFIG,
		    "behind the mailbox: FLAGS DATE MESSAGE, once or more, or "
		    "MESSAGE");
		return;
	}
	messages = mem_alloc(sizeof(*messages) * ((size_t)count + 1));
	for (uint32_t i = 0; i < count; i++) {
		messages[i].flags = argument_or_nil(call, 1 + 3 * i);
		messages[i].date = argument_or_nil(call, 2 + 3 * i);
		messages[i].message =
		    console_word_span(&call->words[3 + 3 * i]);
	}
	if (count == 0)
		messages[count++].message = console_word_span(&call->words[1]);
	(void)imaplib_append(call->console->client, console_argument(call, 0),
	    messages, count, call->reply);
	(void)mem_free(messages);
}

void
console_expunge(struct console_call *call)
{
	if (call->is_uid && call->count == 0) {
		console_refuse(call, IMAP_ERROR_CONFIG, "UIDs are missing");
		return;
	}
	(void)imaplib_expunge(
	    call->console->client, console_argument(call, 0), call->reply);
}

/* As the protocol has it; NIL for no charset, as imaplib has None. */
void
console_search(struct console_call *call)
{
	const char *charset = NULL;
	const char *returns = NULL;
	uint32_t next = 0;
	char *criteria;

	if (console_word_is(&call->words[0], "RETURN") &&
	    console_is_list(call, 1)) {
		returns = console_argument(call, 1);
		next = 2;
	}
	if (next + 1 < call->count &&
	    console_word_is(&call->words[next], "CHARSET")) {
		charset = console_argument(call, next + 1);
		next += 2;
	} else if (next < call->count &&
	    console_word_is(&call->words[next], "NIL")) {
		next++;
	}
	if (next >= call->count) {
		console_refuse(call, IMAP_ERROR_CONFIG, "criteria are missing");
		return;
	}
	criteria = console_rest(call, next);
	(void)imaplib_search(call->console->client, charset, returns, criteria,
	    call->is_uid, call->reply);
	(void)mem_free_secret(criteria);
}

void
console_sort(struct console_call *call)
{
	char *criteria = console_rest(call, 2);

	(void)imaplib_sort(call->console->client, console_argument(call, 0),
	    console_argument(call, 1), criteria, call->is_uid, call->reply);
	(void)mem_free_secret(criteria);
}

void
console_thread(struct console_call *call)
{
	char *criteria = console_rest(call, 2);

	(void)imaplib_thread(call->console->client, console_argument(call, 0),
	    console_argument(call, 1), criteria, call->is_uid, call->reply);
	(void)mem_free_secret(criteria);
}

/* What has no UID form of its own here may have one there. */
void
console_uid(struct console_call *call)
{
	char *rest = console_rest(call, 1);
	const char *arguments[] = {rest};

	(void)imaplib_uid(call->console->client, console_argument(call, 0),
	    arguments, call->count > 1 ? 1 : 0, call->reply);
	(void)mem_free_secret(rest);
}
