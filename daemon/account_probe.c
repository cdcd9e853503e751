/*
 * Is the server still there? Asked when something happened to the network, and
 * when it has missed the beats that it used to keep.
 */
#include "daemon/account_private.h"

#define SECOND UINT64_C(1000000)

/* After a change of the network a false alarm costs one login, and waiting
 * costs push. */
#define PATIENCE_CHANGED (SECOND * 3 / 2)
#define PATIENCE_BEAT	 (5 * SECOND)

/* For a reply that may take the server a while. */
#define PATIENCE_BUSY (15 * SECOND)

static bool
only_idles(const struct connection *connection)
{
	enum watcher_state state =
	    folder_report(connection->seat->folder).state;

	return state == WATCHER_IDLING || state == WATCHER_SETTLING;
}

static void
probe(struct account *account, struct connection *connection, uint64_t patience)
{
	if (connection == account->notifier && !connection->is_busy) {
		account_notify_probe(account);
	} else if (connection->seat != NULL && only_idles(connection)) {
		/* DONE, a question and IDLE, in one flight */
		folder_wake(connection->seat->folder);
	} else if (connection->seat == NULL && connection->hand == NULL &&
	    !connection->is_busy) {
		(void)imap_noop(connection->imap);
	} else if (patience < PATIENCE_BUSY) {
		patience = PATIENCE_BUSY;
	}
	imap_hurry(connection->imap, patience);
}

void
account_probe(struct account *account, uint64_t patience)
{
	struct connection *next;

	for (struct connection *c = account->connections; c != NULL; c = next) {
		next = c->next;
		if (c->is_ready && !c->is_leaving)
			probe(account, c, patience);
	}
}

/* ---- the network ---- */

static struct connection *
find_stranded(struct account *account)
{
	struct connection *connection = account->connections;

	while (connection != NULL && connection->is_ready &&
	    !imap_is_stranded(connection->imap))
		connection = connection->next;
	return connection;
}

/* What cannot live any more is not waited for: a login that goes on where
 * there was no way, a connection from an address that is gone. */
static void
drop_stranded(struct account *account)
{
	struct imap_error error = {0};
	struct connection *stranded;

	(void)imap_error_set(&error, IMAP_ERROR_NETWORK,
	    "the connection did not outlive the change of the network");
	/* with one, its folder may give back others */
	while ((stranded = find_stranded(account)) != NULL) {
		struct seat *seat = stranded->seat;

		if (seat != NULL)
			seat->connection = NULL;
		stranded->seat = NULL;
		account_drop(account, stranded);
		if (seat != NULL)
			folder_lost(seat->folder, &error, false);
	}
}

static bool
is_about_the_network(const struct imap_error *error)
{
	return error->kind == IMAP_ERROR_NETWORK ||
	    error->kind == IMAP_ERROR_TIMEOUT ||
	    error->kind == IMAP_ERROR_TLS || error->kind == IMAP_ERROR_NONE;
}

void
account_network_changed(struct account *account)
{
	struct seat *seat;

	if (account->is_finished || account->is_stopping ||
	    !account->is_started)
		return;
	account->disturbed = clock_now();
	drop_stranded(account);
	if (account->retry_at != 0 && is_about_the_network(&account->error))
		account_retry(account);
	account_each_seat(account, seat)
	{
		struct folder_report report = folder_report(seat->folder);

		if (!seat->is_gone && report.state == WATCHER_RESTING &&
		    report.error != NULL && is_about_the_network(report.error))
			folder_wake(seat->folder);
	}
	account->wants_poll = true;
	account_probe(account, PATIENCE_CHANGED);
	account_serve(account);
}

/* ---- heartbeats ---- */

void
account_heard(struct account *account, struct connection *connection,
    const struct imap_event *event)
{
	bool is_beat = event->type == IMAP_DATA &&
	    event->data->type == IMAP_DATA_STATE &&
	    event->data->state.state == IMAP_STATE_OK &&
	    imap_is_idling(connection->imap);
	uint64_t before = heartbeat_end(&connection->heartbeat);
	uint64_t end;

	heartbeat_heard(&connection->heartbeat, clock_now(), is_beat);
	end = heartbeat_end(&connection->heartbeat);
	if (before != 0 || end == 0)
		return;
	/* it is looked at again when the timer ends, and not moved until then
	 */
	(void)sd_event_source_set_time(account->beat_timer, end);
	(void)sd_event_source_set_enabled(
	    account->beat_timer, SD_EVENT_ONESHOT);
}

int
account_on_beat(sd_event_source *source, uint64_t at, void *user)
{
	struct account *account = user;
	uint64_t now = clock_now();
	uint64_t next = 0;

	(void)at;
	for (struct connection *c = account->connections; c != NULL;
	     c = c->next) {
		uint64_t end = heartbeat_end(&c->heartbeat);

		if (end == 0 || !c->is_ready || c->is_leaving)
			continue;
		if (end <= now) {
			if (imap_is_idling(c->imap))
				probe(account, c, PATIENCE_BEAT);
			end = now + c->heartbeat.rhythm;
		}
		if (next == 0 || end < next)
			next = end;
	}
	if (next == 0)
		return 0;
	(void)sd_event_source_set_time(source, next);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}
