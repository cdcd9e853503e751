/*
 * IDLE as calls: responses queue up, and are handed out one by one or in
 * bursts.
 */
#include "libclient/imaplib_idle.h"

#include "libclient/burst.h"
#include "libclient/imaplib_private.h"

/* How long the server may take to open IDLE. */
#define OPEN_TIMEOUT UINT64_C(30000000)

/* Moves up to max queued responses; true if there was one. */
static bool
take(struct imaplib *client, uint32_t max, struct imaplib_reply *reply)
{
	uint32_t before = reply->count;

	(void)imaplib_reply_take(
	    &client->queue, NULL, max, reply, &client->error);
	return reply->count > before;
}

bool
imaplib_idle(
    struct imaplib *client, uint64_t duration, struct imaplib_reply *reply)
{
	uint64_t until = clock_now() + OPEN_TIMEOUT;
	struct command command;

	if (!imaplib_begin(client, "IDLE", &command, reply))
		return false;
	if (!imaplib_has(client, CAPABILITY_IDLE)) {
		command_free(&command);
		return imaplib_refuse(reply, "server does not support IDLE");
	}
	(void)command_end(&command);
	client->is_idle_open = false;
	client->is_idle_ended = false;
	imaplib_reply_free(&client->idle_reply);
	client->idle = imap_queued(client->imap,
	    session_command(
		imap_session(client->imap), &command, PIPELINE_IDLE));
	client->has_rung = false;
	while (!client->is_idle_open && !client->is_idle_ended &&
	    !client->is_closed && !client->has_rung)
		imaplib_turn(client, until);
	if (client->is_idle_open) {
		client->idle_until = duration == IMAPLIB_FOREVER
		    ? IMAPLIB_FOREVER
		    : clock_now() + duration;
		reply->type = IMAPLIB_OK;
		return true;
	}
	client->idle = 0;
	if (client->is_idle_ended) {
		*reply = client->idle_reply;
		client->idle_reply = (struct imaplib_reply){0};
		(void)take(client, UINT32_MAX, reply);
		imaplib_keep(client, reply, NULL);
		return false;
	}
	if (!client->is_closed)
		imap_error_set(&client->error, IMAP_ERROR_TIMEOUT,
		    "the server did not open IDLE within 30 s");
	client->is_closed = true;
	return imaplib_abort(client, reply);
}

/* Waits until something is queued, IDLE ended or the moment came. */
static void
wait_for_more(struct imaplib *client, uint64_t until)
{
	client->has_rung = false;
	while (client->queue.count == 0 && !client->is_idle_ended &&
	    !client->is_closed && !client->has_rung)
		imaplib_turn(client, until);
}

static enum imaplib_idle_result
nothing_came(struct imaplib *client, struct imaplib_reply *reply)
{
	if (client->idle == 0 && !client->is_closed) {
		(void)imaplib_refuse(reply, "no IDLE is open");
		return IMAPLIB_IDLE_ENDED;
	}
	if (client->is_closed) {
		(void)imaplib_abort(client, reply);
		client->idle = 0;
		return IMAPLIB_IDLE_LOST;
	}
	if (!client->is_idle_ended)
		return IMAPLIB_IDLE_EXPIRED;
	*reply = client->idle_reply;
	client->idle_reply = (struct imaplib_reply){0};
	client->idle = 0;
	return IMAPLIB_IDLE_ENDED;
}

enum imaplib_idle_result
imaplib_idle_next(struct imaplib *client, struct imaplib_reply *reply)
{
	imaplib_reply_free(reply);
	if (client->idle != 0 && client->queue.count == 0 &&
	    clock_now() < client->idle_until)
		wait_for_more(client, client->idle_until);
	if (take(client, 1, reply))
		return IMAPLIB_IDLE_CAME;
	return nothing_came(client, reply);
}

enum imaplib_idle_result
imaplib_idle_burst(struct imaplib *client, uint64_t interval, uint64_t max_wait,
    struct imaplib_reply *reply)
{
	struct burst burst = {.interval = interval, .max_wait = max_wait};
	enum imaplib_idle_result result = imaplib_idle_next(client, reply);

	if (result != IMAPLIB_IDLE_CAME)
		return result;
	burst_note(&burst, clock_now());
	while (reply->count < IMAPLIB_BURST_MAX) {
		if (take(client, IMAPLIB_BURST_MAX - reply->count, reply)) {
			burst_note(&burst, clock_now());
			continue;
		}
		if (client->is_closed || client->is_idle_ended ||
		    clock_now() >= burst_end(&burst))
			break;
		wait_for_more(client, burst_end(&burst));
	}
	return IMAPLIB_IDLE_CAME;
}

bool
imaplib_idle_done(struct imaplib *client, struct imaplib_reply *reply)
{
	imaplib_reply_free(reply);
	if (client->idle == 0)
		return imaplib_refuse(reply, "no IDLE is open");
	session_end_idle(imap_session(client->imap));
	(void)imap_queued(client->imap, 0);
	if (!client->is_idle_ended)
		(void)imaplib_wait(client, &client->is_idle_ended, UINT64_MAX);
	client->idle = 0;
	if (!client->is_idle_ended) {
		(void)take(client, UINT32_MAX, reply);
		return imaplib_abort(client, reply);
	}
	*reply = client->idle_reply;
	client->idle_reply = (struct imaplib_reply){0};
	(void)take(client, UINT32_MAX, reply);
	imaplib_keep(client, reply, NULL);
	return reply->type == IMAPLIB_OK;
}
