/*
 * Looking at all mailboxes: LIST, and STATUS of those that nothing else tells
 * of, in one command where the server has LIST-STATUS (RFC 5819).
 */
#include "daemon/account_private.h"

#include <stdlib.h>
#include <string.h>

#include "libclient/base/mem.h"

/* LIST-STATUS has the server look into every mailbox there is: not worth it
 * for fewer than one of so many. */
#define LIST_STATUS_SHARE 4

static unsigned
status_items(const struct connection *connection)
{
	unsigned items = IMAP_STATUS_MESSAGES | IMAP_STATUS_UIDNEXT |
	    IMAP_STATUS_UIDVALIDITY;

	if (capabilities_have(
		imap_capabilities(connection->imap), CAPABILITY_CONDSTORE))
		items |= IMAP_STATUS_HIGHESTMODSEQ;
	return items;
}

static bool
is_polled(const struct seat *seat)
{
	struct folder_report report = folder_report(seat->folder);

	return !seat->is_gone && report.watch != MAILBOX_IDLED &&
	    report.state == WATCHER_RESTING;
}

static void
ask_each(struct account *account, struct connection *connection)
{
	struct seat *seat;

	account_each_seat(account, seat) if (is_polled(seat))(void)
	    imap_status(connection->imap, folder_mailbox_bytes(seat->folder),
		status_items(connection));
}

static bool
can_list_status(struct account *account, const struct connection *connection)
{
	const struct seat *seat;
	uint32_t polled = 0;

	if (account->no_list_status ||
	    !capabilities_have(
		imap_capabilities(connection->imap), CAPABILITY_LIST_STATUS))
		return false;
	account_each_seat(account, seat) polled += is_polled(seat);
	return polled > 1 && polled >= account->listed / LIST_STATUS_SHARE;
}

void
account_poll(struct account *account, struct connection *connection)
{
	struct seat *seat;

	account->wants_poll = false;
	account->poller = connection;
	connection->is_busy = true;
	mailboxes_free(&account->listing);
	account_each_seat(account, seat) seat->is_seen = false;
	account->list_error = (struct imap_error){0};
	account->lists_status = can_list_status(account, connection);
	if (account->lists_status) {
		account->list_serial = imap_list_status(connection->imap,
		    span_of(""), span_of("*"), status_items(connection));
	} else {
		account->list_serial =
		    imap_list(connection->imap, span_of(""), span_of("*"));
		ask_each(account, connection);
	}
	/* its reply says that all the others came */
	account->poll_serial = imap_noop(connection->imap);
}

void
account_ask_newcomers(struct account *account)
{
	struct connection *connection = account->poller;
	unsigned items = status_items(connection);

	if (capabilities_have(
		imap_capabilities(connection->imap), CAPABILITY_OBJECTID))
		items |= IMAP_STATUS_MAILBOXID;
	for (uint32_t i = 0; i < account->newcomer_count; i++) {
		const struct mailbox *mailbox =
		    &account->chosen.items[account->newcomers[i].chosen];

		(void)imap_status(connection->imap,
		    (struct span){mailbox->bytes, mailbox->bytes_len}, items);
	}
	account->asks_newcomers = true;
	account->poll_serial = imap_noop(connection->imap);
}

void
account_release_poller(struct account *account)
{
	if (account->poller != NULL) {
		account->poller->is_busy = false;
		if (account->poller == account->notifier)
			account_notify_resume(account);
	}
	account->poller = NULL;
	account->poll_serial = 0;
	account->asks_newcomers = false;
	account_serve(account);
}

void
account_poll_done(struct account *account)
{
	account_release_poller(account);
	account->failures = 0;
	if (account->limit_until != 0 && clock_now() > account->limit_until) {
		account->limit = account->settings->max_connections;
		account->limit_until = 0;
		account_assign_watch(account);
	}
	if (account->config.mode == ACCOUNT_RUNS) {
		(void)sd_event_source_set_time_relative(
		    account->poll_timer, account->settings->poll_interval);
		(void)sd_event_source_set_enabled(
		    account->poll_timer, SD_EVENT_ONESHOT);
	}
	account_serve(account);
	account_changed(account);
}

/* Servers offer LIST-STATUS and refuse it, or then list nothing. */
static bool
must_list_again(const struct account *account)
{
	return account->lists_status &&
	    (account->list_error.kind != IMAP_ERROR_NONE ||
		account->listing.count == 0);
}

static void
listing_ended(struct account *account, struct connection *connection)
{
	if (must_list_again(account)) {
		log_notice(&account->subject,
		    "the server does not do LIST-STATUS: asking for each");
		account->no_list_status = true;
		account_note_facts(account);
		account_poll(account, connection);
		return;
	}
	if (account->list_error.kind == IMAP_ERROR_NONE) {
		account_use_listing(
		    account, imap_capabilities(connection->imap));
		return;
	}
	mailboxes_free(&account->listing);
	if (!account->is_listed) {
		account_release_poller(account);
		account->wants_poll = true;
		account_back_off(account, &account->list_error);
		return;
	}
	log_warning(&account->subject, "%s", account->list_error.text);
	account_poll_done(account);
}

/* ---- answers ---- */

static int
compare_chosen(const void *key, const void *element)
{
	uint32_t left = *(const uint32_t *)key;
	uint32_t right = ((const struct newcomer *)element)->chosen;

	return left < right ? -1 : left > right;
}

static void
note_newcomer(struct account *account, const struct imap_status *status)
{
	const struct mailbox *mailbox =
	    mailboxes_find(&account->chosen, status->mailbox);
	struct newcomer *newcomer;
	uint32_t chosen;

	if (mailbox == NULL || account->newcomer_count == 0)
		return;
	chosen = (uint32_t)(mailbox - account->chosen.items);
	newcomer = bsearch(&chosen, account->newcomers, account->newcomer_count,
	    sizeof(*newcomer), compare_chosen);
	if (newcomer == NULL)
		return;
	newcomer->status = *status;
	if (status->mailboxid.len > 0 &&
	    status->mailboxid.len < sizeof(newcomer->mailboxid)) {
		memcpy(newcomer->mailboxid, status->mailboxid.at,
		    status->mailboxid.len);
		newcomer->mailboxid[status->mailboxid.len] = '\0';
	}
	newcomer->status.mailbox = span_of("");
	newcomer->status.mailboxid = span_of("");
}

static bool
take_data(struct account *account, const struct imap_data *data)
{
	struct seat *seat;

	if (data->type == IMAP_DATA_LIST) {
		/* NOTIFY tells of what happens meanwhile */
		if (account->asks_newcomers ||
		    (data->list.flags & IMAP_LIST_NONEXISTENT) != 0)
			account->wants_poll = account->is_notified;
		else
			mailboxes_add(&account->listing, &data->list);
		return true;
	}
	if (data->type != IMAP_DATA_STATUS)
		return false;
	seat = account_find_seat(account, data->status.mailbox);
	if (seat != NULL)
		account_seat_told(seat, &data->status);
	if (account->asks_newcomers)
		note_newcomer(account, &data->status);
	return true;
}

bool
account_take_answer(struct account *account, struct connection *connection,
    const struct imap_event *event)
{
	if (account->poller != connection)
		return false;
	/* what is not the poll's may be NOTIFY's or the folder's */
	if (event->type == IMAP_DATA)
		return take_data(account, event->data);
	if (event->type != IMAP_DONE)
		return false;
	if (event->serial == account->list_serial) {
		if (event->state != IMAP_STATE_OK)
			imap_refusal(&account->list_error, "LIST", event,
			    IMAP_ERROR_PROTOCOL);
		return true;
	}
	if (event->serial != account->poll_serial)
		return false;
	if (account->asks_newcomers)
		account_use_newcomers(account);
	else
		listing_ended(account, connection);
	return true;
}

void
account_poll_lost(struct account *account, const struct connection *connection)
{
	if (account->poller != connection)
		return;
	account->poller = NULL;
	account->poll_serial = 0;
	account->asks_newcomers = false;
	account->wants_poll = true;
}

int
account_on_poll(sd_event_source *source, uint64_t at, void *user)
{
	struct account *account = user;

	(void)source;
	(void)at;
	account->wants_poll = true;
	account_serve(account);
	return 0;
}
