/*
 * NOTIFY (RFC 5465): one connection with nothing selected hears of all
 * mailboxes. STATUS wakes the folder it is of, LIST has all be listed again.
 * It idles meanwhile: some servers tell sooner then, and it stays alive.
 */
#include "daemon/account_private.h"

#include "libclient/base/mem.h"
#include "libclient/wire/utf7.h"

/* A connection that NOTIFY loses sooner than this is NOTIFY's fault. */
#define LASTS_AT_LEAST UINT64_C(10000000)

/* Faults in a row before the server is taken not to have it. */
#define FAULTS_MAX 3

/* How long a connection that nobody needs waits for the next folder. */
#define LINGER UINT64_C(30000000)

/* What is asked for, less after each refusal. */
static const unsigned levels[] = {
    IMAP_NOTIFY_MESSAGES | IMAP_NOTIFY_FLAGS | IMAP_NOTIFY_NAMES,
    IMAP_NOTIFY_MESSAGES | IMAP_NOTIFY_FLAGS,
    IMAP_NOTIFY_MESSAGES,
};

#define LEVELS (sizeof(levels) / sizeof(*levels))

static bool
is_wanted(const struct account *account)
{
	return account->has_notify && account->notified > 0 &&
	    account->is_listed && account->config.mode == ACCOUNT_RUNS;
}

bool
account_wants_notify(struct account *account)
{
	const struct seat *waiting = account_first_waiting(account);

	/* the only connection, or one that news have taken, comes back last */
	return is_wanted(account) && account->notifier == NULL &&
	    account->retry_at == 0 &&
	    (waiting == NULL ||
		(account->limit > 1 && waiting->queue != &account->news));
}

static void
idle(struct account *account)
{
	struct imap *imap = account->notifier->imap;

	if (account->has_idle)
		(void)imap_idle(imap);
	(void)sd_event_source_set_time_relative(
	    account->notify_timer, account_idle_refresh(account));
	(void)sd_event_source_set_enabled(
	    account->notify_timer, SD_EVENT_ONESHOT);
}

/* NONE first: Dovecot 2.3 tells nothing after a second SET. */
static void
set(struct account *account)
{
	struct imap *imap = account->notifier->imap;
	struct seat *seat;

	account->notify_is_due = account->notifier->is_busy;
	if (account->notify_is_due)
		return;
	account_each_seat(account, seat) seat->is_covered = false;
	account->is_notified = false;
	(void)imap_notify(imap, 0);
	account->notify_serial =
	    imap_notify(imap, levels[account->notify_level]);
	idle(account);
}

void
account_notify_begin(struct account *account, struct connection *connection)
{
	account->notifier = connection;
	account->notify_began = clock_now();
	if (imap_mailbox(connection->imap)->uidvalidity != 0)
		(void)imap_unselect(connection->imap);
	set(account);
}

void
account_notify_renew(struct account *account)
{
	if (account->notifier != NULL)
		set(account);
}

void
account_notify_resume(struct account *account)
{
	if (account->notify_is_due)
		set(account);
	else
		idle(account);
}

bool
account_notify_is_idle(const struct account *account)
{
	return account->notifier != NULL && !account->notifier->is_busy &&
	    account->notify_serial == 0;
}

void
account_notify_end(struct account *account)
{
	struct connection *connection = account->notifier;

	account->notifier = NULL;
	account->is_notified = false;
	account->notify_serial = 0;
	(void)sd_event_source_set_enabled(account->notify_timer, SD_EVENT_OFF);
	connection->hear_serial = imap_notify_selected(connection->imap, 0);
}

static void
give_up(struct account *account, const char *why)
{
	log_notice(&account->subject,
	    "NOTIFY is not to be had (%s): watching without it", why);
	account->no_notify = true;
	account->has_notify = false;
	if (account->notifier != NULL)
		account_notify_end(account);
	account_note_facts(account);
	account_assign_watch(account);
	account_serve(account);
}

/* A folder that NOTIFY did not tell of at once it never will. */
static void
note_covered(struct account *account)
{
	const struct seat *seat;

	account->is_notified = true;
	account->notify_faults = 0;
	account_each_seat(account, seat)
	{
		struct mailbox *mailbox = mailboxes_find(
		    &account->chosen, folder_mailbox_bytes(seat->folder));

		if (mailbox != NULL)
			mailbox->is_unnotified = !seat->is_covered;
	}
	account_assign_watch(account);
	account_serve(account);
	account_changed(account);
}

static void
take_reply(struct account *account, const struct imap_event *event)
{
	account->notify_serial = 0;
	if (event->state == IMAP_STATE_OK) {
		note_covered(account);
		return;
	}
	if (event->code.type == IMAP_CODE_BADEVENT &&
	    account->notify_level + 1 < LEVELS) {
		account->notify_level++;
		set(account);
		return;
	}
	give_up(account, "refused");
}

/* Something was not told: all that can be lost is asked for anew. */
static void
begin_again(struct account *account)
{
	account->wants_poll = true;
	account_serve(account);
	if (++account->notify_faults < FAULTS_MAX)
		set(account);
	else
		give_up(account, "it loses events");
}

/* One that was made between LIST and NOTIFY is told of by its STATUS alone. */
static bool
would_be_chosen(const struct account *account, struct span bytes)
{
	struct buf name;
	struct imap_list list = {.delimiter = '/', .mailbox = bytes};
	struct mailboxes one = {0};
	bool is_so;

	buf_init(&name, (size_t)MAILBOXES_MAX_NAME * 4);
	if (utf7_decode(bytes, &name))
		list.name = buf_span(&name);
	if (account->chosen.count > 0)
		list.delimiter = account->chosen.items[0].delimiter;
	mailboxes_add(&one, &list);
	mailboxes_choose(&one, account->settings);
	is_so = one.count > 0;
	mailboxes_free(&one);
	buf_free(&name);
	return is_so;
}

static void
take_status(struct account *account, const struct imap_status *status)
{
	struct seat *seat = account_find_seat(account, status->mailbox);
	const struct mailbox *mailbox =
	    mailboxes_find(&account->chosen, status->mailbox);

	if (seat == NULL && would_be_chosen(account, status->mailbox)) {
		account->wants_poll = true;
		account_serve(account);
	}
	if (seat == NULL)
		return;
	seat->is_covered = true;
	/* it tells of all, and `watch` may want some */
	if (mailbox != NULL && mailbox->is_watched)
		account_seat_told(seat, status);
}

static void
take_data(struct account *account, const struct imap_data *data)
{
	switch (data->type) {
	case IMAP_DATA_STATUS:
		take_status(account, &data->status);
		break;
	case IMAP_DATA_LIST:
		account->wants_poll = true;
		account_serve(account);
		break;
	case IMAP_DATA_STATE:
		/* "* NO NOTIFY error, some events may have got lost" */
		if (data->state.code.type == IMAP_CODE_NOTIFICATIONOVERFLOW ||
		    (data->state.state == IMAP_STATE_NO &&
			account->is_notified))
			begin_again(account);
		break;
	default:
		break;
	}
}

/* Without it the mailbox that is selected next would be kept quiet. */
static void
take_hearing(struct account *account, struct connection *connection,
    enum imap_state state)
{
	struct imap_error error = {0};

	connection->hear_serial = 0;
	if (state == IMAP_STATE_OK)
		return;
	imap_error_set(&error, IMAP_ERROR_PROTOCOL,
	    "after NOTIFY it does not tell of the selected mailbox");
	account_lose(account, connection, &error);
	give_up(account, "it cannot be ended");
}

bool
account_notify_take(struct account *account, struct connection *connection,
    const struct imap_event *event)
{
	if (event->type == IMAP_DONE && connection->hear_serial != 0 &&
	    event->serial == connection->hear_serial) {
		take_hearing(account, connection, event->state);
		return true;
	}
	if (account->notifier != connection)
		return false;
	if (event->type == IMAP_DATA)
		take_data(account, event->data);
	else if (event->type == IMAP_DONE &&
	    event->serial == account->notify_serial)
		take_reply(account, event);
	return true;
}

void
account_notify_lost(struct account *account)
{
	account->notifier = NULL;
	account->is_notified = false;
	account->notify_serial = 0;
	(void)sd_event_source_set_enabled(account->notify_timer, SD_EVENT_OFF);
	if (account->is_stopping ||
	    clock_now() - account->notify_began >= LASTS_AT_LEAST)
		account->notify_faults = 0;
	else if (++account->notify_faults >= FAULTS_MAX)
		give_up(account, "the server ends the connection");
}

void
account_notify_probe(struct account *account)
{
	if (account->notifier == NULL || account->notifier->is_busy)
		return;
	(void)imap_noop(account->notifier->imap);
	idle(account);
}

int
account_on_notify(sd_event_source *source, uint64_t at, void *user)
{
	(void)source;
	(void)at;
	account_notify_probe(user);
	return 0;
}

/* ---- connections that nobody needs ---- */

bool
account_lingers(struct account *account, struct connection *connection)
{
	uint64_t now = clock_now();

	if (connection->is_extra)
		return false;
	if (account->notifier == NULL)
		return true;
	if (connection->free_since == 0)
		connection->free_since = now;
	if (now - connection->free_since >= LINGER)
		return false;
	(void)sd_event_source_set_time(
	    account->linger_timer, connection->free_since + LINGER);
	(void)sd_event_source_set_enabled(
	    account->linger_timer, SD_EVENT_ONESHOT);
	return true;
}

int
account_on_linger(sd_event_source *source, uint64_t at, void *user)
{
	(void)source;
	(void)at;
	account_serve(user);
	return 0;
}
