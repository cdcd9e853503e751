/*
 * idle: each response as it comes, or each burst, then the command's own
 * result.
 */
#include "daemon/console_handlers.h"

#include "daemon/console_json.h"
#include "daemon/console_text.h"
#include "libclient/base/mem.h"
#include "libclient/imaplib_idle.h"

/* What the words ask for. */
struct wish {
	uint64_t duration;
	bool has_bursts;
	uint64_t interval;
	uint64_t most; /* of a burst */
};

static bool
read_duration(
    const struct console_call *call, uint32_t *next, uint64_t *duration)
{
	if (*next >= call->count ||
	    !console_words_duration(
		console_word_span(&call->words[*next]), duration))
		return false;
	++*next;
	return true;
}

static bool
read_wish(struct console_call *call, struct wish *wish)
{
	uint32_t next = 0;

	(void)read_duration(call, &next, &wish->duration);
	if (next < call->count &&
	    console_word_is(&call->words[next], "burst")) {
		next++;
		wish->has_bursts = true;
		if (read_duration(call, &next, &wish->interval))
			(void)read_duration(call, &next, &wish->most);
	}
	if (next == call->count)
		return true;
	console_refuse(call, IMAP_ERROR_CONFIG,
	    "usage: idle [DURATION] [burst [INTERVAL [MOST]]], as in idle 30s "
	    "burst 100ms 2s");
	return false;
}

static void
print_came(
    struct console *console, const struct imaplib_reply *reply, bool is_burst)
{
	if (is_burst && console->is_json)
		console_json_burst(console->out, reply);
	else if (is_burst)
		console_text_burst(console->out, reply);
	for (const struct imaplib_untagged *untagged = reply->untagged;
	     untagged != NULL && !is_burst; untagged = untagged->next) {
		if (console->is_json)
			console_json_untagged(console->out, untagged);
		else
			console_text_untagged(console->out, untagged);
	}
	(void)fflush(console->out);
}

void
console_idle(struct console_call *call)
{
	struct console *console = call->console;
	struct imaplib_reply *reply = call->reply;
	enum imaplib_idle_result result;
	struct wish wish = {
	    .duration = IMAPLIB_FOREVER,
	    .interval = 100000,
	    .most = 2000000,
	};

	if (!read_wish(call, &wish) ||
	    !imaplib_idle(console->client, wish.duration, reply))
		return;
	for (;;) {
		imaplib_reply_free(reply);
		*reply = (struct imaplib_reply){0};
		result = wish.has_bursts
		    ? imaplib_idle_burst(
			  console->client, wish.interval, wish.most, reply)
		    : imaplib_idle_next(console->client, reply);
		if (result != IMAPLIB_IDLE_CAME)
			break;
		print_came(console, reply, wish.has_bursts);
		if (ferror(console->out) != 0)
			break; /* nobody reads it any more */
	}
	if (result == IMAPLIB_IDLE_ENDED || result == IMAPLIB_IDLE_LOST)
		return;
	imaplib_reply_free(reply);
	*reply = (struct imaplib_reply){0};
	(void)imaplib_idle_done(console->client, reply);
}
