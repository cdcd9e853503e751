/*
 * One rule for each way of being slow; a server that stays within all of
 * them makes progress.
 */
#include "libclient/deadline.h"

#include <inttypes.h>

#define SECOND UINT64_C(1000000)

void
deadline_set_due(struct deadline *deadline, uint64_t due, uint64_t now)
{
	if (deadline->due == due)
		return;
	/* nobody was in a hurry for what is asked only now */
	if (deadline->due == 0 && deadline->hurry <= now)
		deadline->hurry = 0;
	deadline->due = due;
	deadline->due_since = now;
	deadline->due_limit = 0;
	deadline->body_total = 0;
	/* nobody measured the pace while nothing was due */
	if (deadline->body_since != 0)
		deadline->body_since = due == 0 ? 0 : now;
	deadline->body_bytes = 0;
}

void
deadline_set_limit(struct deadline *deadline, uint64_t limit)
{
	deadline->due_limit = limit;
}

void
deadline_hurry(struct deadline *deadline, uint64_t until)
{
	if (deadline->hurry == 0 || until < deadline->hurry)
		deadline->hurry = until;
}

void
deadline_heard(struct deadline *deadline, uint64_t now, bool is_in_body)
{
	deadline->last_heard = now;
	deadline->hurry = 0;
	if (!is_in_body) {
		deadline->body_since = 0;
	} else if (deadline->body_since == 0) {
		deadline->body_since = now;
		deadline->body_bytes = 0;
	}
}

void
deadline_taken(struct deadline *deadline, uint64_t now)
{
	deadline->last_taken = now;
}

void
deadline_body(struct deadline *deadline, uint64_t octets)
{
	deadline->body_total += octets;
	deadline->body_bytes += octets;
}

static uint64_t
silence_end(const struct deadline *deadline)
{
	uint64_t since = deadline->last_heard > deadline->due_since
	    ? deadline->last_heard
	    : deadline->due_since;

	if (since < deadline->last_taken)
		since = deadline->last_taken;
	return since + deadline->timeout;
}

static uint64_t
reply_end(const struct deadline *deadline)
{
	if (deadline->due_limit != 0)
		return deadline->due_since + deadline->due_limit;
	return deadline->due_since + DEADLINE_REPLY_FACTOR * deadline->timeout +
	    deadline->body_total * SECOND / DEADLINE_BODY_PACE;
}

uint64_t
deadline_next(const struct deadline *deadline)
{
	uint64_t next = silence_end(deadline);
	uint64_t reply = reply_end(deadline);
	uint64_t pace = deadline->body_since + deadline->timeout;

	if (deadline->due == 0)
		return DEADLINE_NEVER;
	if (reply < next)
		next = reply;
	if (deadline->body_since != 0 && pace < next)
		next = pace;
	if (deadline->hurry != 0 && deadline->hurry < next)
		next = deadline->hurry;
	return next;
}

static bool
body_keeps_pace(struct deadline *deadline, uint64_t now)
{
	uint64_t elapsed;
	bool keeps;

	if (deadline->body_since == 0)
		return true;
	elapsed = now - deadline->body_since;
	if (elapsed < deadline->timeout)
		return true;
	keeps = deadline->body_bytes >= elapsed / SECOND * DEADLINE_BODY_PACE;
	deadline->body_since = now;
	deadline->body_bytes = 0;
	return keeps;
}

bool
deadline_check(
    struct deadline *deadline, uint64_t now, struct imap_error *error)
{
	uint64_t seconds = deadline->timeout / SECOND;

	if (deadline->hurry != 0 && now >= deadline->hurry) {
		deadline->hurry = 0;
		if (deadline->due != 0)
			return imap_error_set(error, IMAP_ERROR_TIMEOUT,
			    "the server did not answer when it was asked "
			    "whether it is there");
	}
	if (deadline->due == 0)
		return true;
	if (now >= silence_end(deadline))
		return imap_error_set(error, IMAP_ERROR_TIMEOUT,
		    "the server was silent for %" PRIu64 " s while a reply "
		    "was due",
		    seconds);
	if (now >= reply_end(deadline))
		return imap_error_set(error, IMAP_ERROR_TIMEOUT,
		    "the server did not finish a reply within %" PRIu64 " s",
		    deadline->due_limit != 0 ? deadline->due_limit / SECOND
					     : DEADLINE_REPLY_FACTOR * seconds);
	if (!body_keeps_pace(deadline, now))
		return imap_error_set(error, IMAP_ERROR_TIMEOUT,
		    "a message came more slowly than %d bytes a second for "
		    "%" PRIu64 " s",
		    DEADLINE_BODY_PACE, seconds);
	return true;
}
