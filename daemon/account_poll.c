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

/* MAILBOXID (RFC 8474). */
static bool
tells_ids(const struct connection *connection)
{
	return capabilities_have(
	    imap_capabilities(connection->imap), CAPABILITY_OBJECTID);
}

static bool
is_polled(const struct seat *seat)
{
	struct folder_report report = folder_report(seat->folder);

	return !seat->is_gone && report.watch != MAILBOX_IDLED &&
	    report.state == WATCHER_RESTING;
}

/* A mailbox may take the place of another while that one is open in an IDLE.
 * The connection that has it open is told of the old one (Dovecot). */
static bool
may_be_replaced(const struct seat *seat, const struct connection *poller)
{
	return !seat->is_gone && seat->connection != poller &&
	    folder_report(seat->folder).state == WATCHER_IDLING;
}

static void
ask_each(struct account *account, struct connection *connection)
{
	struct seat *seat;

	account_each_seat(account, seat)
	{
		unsigned items = is_polled(seat) ? status_items(connection)
		    : may_be_replaced(seat, connection)
		    ? IMAP_STATUS_UIDVALIDITY
		    : 0;

		if (items != 0)
			(void)imap_status(connection->imap,
			    folder_mailbox_bytes(seat->folder), items);
	}
}

/* What it has open since a folder had it would be told of as it was. */
static void
leave_mailbox(struct connection *connection)
{
	const struct imap_mailbox *mailbox = imap_mailbox(connection->imap);

	if (connection->seat != NULL || mailbox->uidvalidity == 0)
		return;
	if (capabilities_have(
		imap_capabilities(connection->imap), CAPABILITY_UNSELECT))
		(void)imap_unselect(connection->imap);
	else if (mailbox->is_read_only) /* else it would expunge */
		(void)imap_close(connection->imap);
}

/* Whose sizes are worth asking for: the largest is to be filled first. */
static bool
fills_several(const struct account *account)
{
	const struct settings_list *folders = &account->settings->folders;

	return account->config.mode != ACCOUNT_CHECKS &&
	    account->config.only_count == 0 &&
	    (folders->count > 1 || strpbrk(folders->items[0], "*%") != NULL);
}

static bool
can_list_status(struct account *account, const struct connection *connection)
{
	const struct seat *seat;
	uint32_t polled = 0;
	bool is_first = !account->is_listed && account->remembered.count == 0;

	if (account->no_list_status ||
	    !capabilities_have(
		imap_capabilities(connection->imap), CAPABILITY_LIST_STATUS))
		return false;
	if (is_first && fills_several(account))
		return true;
	account_each_seat(account, seat) polled += is_polled(seat);
	return polled > 1 && polled >= account->listed / LIST_STATUS_SHARE;
}

void
account_poll(struct account *account, struct connection *connection)
{
	struct seat *seat;

	account->wants_poll = false;
	account->polls_since = 0;
	account->poller = connection;
	connection->is_busy = true;
	mailboxes_free(&account->listing);
	account_each_seat(account, seat)
	{
		seat->is_seen = false;
		seat->owes_status = is_polled(seat);
	}
	account->list_error = (struct imap_error){0};
	leave_mailbox(connection);
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

bool
account_polls_alone(const struct seat *seat)
{
	return folder_reopens_cheaply(seat->folder) ||
	    tells_ids(seat->connection);
}

static void
ask_newcomer(struct account *account, struct newcomer *newcomer)
{
	struct connection *connection = account->poller;
	const struct mailbox *mailbox =
	    &account->chosen.items[newcomer->chosen];
	struct span bytes = {mailbox->bytes, mailbox->bytes_len};

	/* in STATUS, Cyrus 3.6 gives for a MAILBOXID what it has freed */
	if (tells_ids(connection))
		newcomer->serial = imap_examine(connection->imap, bytes, NULL);
	else
		(void)imap_status(
		    connection->imap, bytes, status_items(connection));
}

void
account_ask_newcomers(struct account *account)
{
	struct connection *connection = account->poller;

	/* the next poll finds them again: a folder that idles no more had the
	 * connection, or has it, and they are to be opened */
	if (connection == NULL)
		return;
	if (connection->seat != NULL && tells_ids(connection)) {
		account_release_poller(account);
		account->wants_poll = true;
		return;
	}
	for (uint32_t i = 0; i < account->newcomer_count; i++)
		ask_newcomer(account, &account->newcomers[i]);
	if (tells_ids(connection) &&
	    capabilities_have(
		imap_capabilities(connection->imap), CAPABILITY_UNSELECT))
		(void)imap_unselect(connection->imap);
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

/* A session may be wrong about the mailboxes for all its life: the next poll
 * is one's that has yet to begin. */
static bool
retire_poller(struct account *account)
{
	struct connection *connection = account->poller;

	if (connection == NULL || connection->seat != NULL)
		return false;
	if (connection == account->notifier)
		account_notify_end(account);
	account_release_poller(account);
	account->wants_poll = true;
	account->polls_since = clock_now();
	account_leave(account, connection);
	return true;
}

void
account_poll_done(struct account *account)
{
	if (!account->is_doubtful || !retire_poller(account))
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

/*
 * Dovecot 2.3 may go on listing a mailbox that another session has renamed,
 * and has no STATUS of it then. True if that is news: it is asked once more.
 */
static bool
is_stale(struct account *account)
{
	struct seat *seat;
	bool is_news = false;

	account_each_seat(account, seat)
	{
		bool owes = seat->owes_status &&
		    folder_report(seat->folder).is_synced &&
		    mailboxes_find(&account->listing,
			folder_mailbox_bytes(seat->folder)) != NULL;

		is_news |= owes && !seat->owed_status;
		seat->owed_status = owes;
	}
	return is_news;
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
		log_info(&account->subject,
		    "the server does not do LIST-STATUS: asking for each");
		account->no_list_status = true;
		account_note_facts(account);
		account_poll(account, connection);
		return;
	}
	if (account->list_error.kind == IMAP_ERROR_NONE) {
		if (is_stale(account) && retire_poller(account))
			return;
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
	newcomer->status.mailbox = span_of("");
	newcomer->status.mailboxid = span_of("");
}

/* What EXAMINE has told; false if the reply is to something else. */
static bool
note_examined(struct account *account, const struct connection *connection,
    const struct imap_event *event)
{
	const struct imap_mailbox *told = imap_mailbox(connection->imap);
	uint32_t i = 0;

	while (i < account->newcomer_count &&
	    account->newcomers[i].serial != event->serial)
		i++;
	if (i == account->newcomer_count)
		return false;
	if (event->state != IMAP_STATE_OK)
		return true;
	account->newcomers[i].status = (struct imap_status){
	    .has = IMAP_STATUS_MESSAGES | IMAP_STATUS_UIDNEXT |
		IMAP_STATUS_UIDVALIDITY,
	    .messages = told->exists,
	    .uidnext = told->uidnext,
	    .uidvalidity = told->uidvalidity,
	};
	memcpy(account->newcomers[i].mailboxid, told->mailboxid,
	    sizeof(told->mailboxid));
	return true;
}

static void
note_size(struct account *account, const struct imap_status *status)
{
	struct mailbox *mailbox =
	    mailboxes_find(&account->listing, status->mailbox);

	if (mailbox != NULL && (status->has & IMAP_STATUS_MESSAGES) != 0)
		mailbox->messages = status->messages;
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
	note_size(account, &data->status);
	seat = account_find_seat(account, data->status.mailbox);
	if (seat != NULL)
		seat->owes_status = false;
	/* of the one that is open here it tells what was once so */
	if (seat != NULL && seat != account->poller->seat)
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
		else if (account->listing.is_cut)
			imap_error_set(&account->list_error, IMAP_ERROR_LIMIT,
			    "the server lists more than %d mailboxes: none of "
			    "them is believed",
			    MAILBOXES_MAX);
		return true;
	}
	if (event->serial != account->poll_serial)
		return account->asks_newcomers &&
		    note_examined(account, connection, event);
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
