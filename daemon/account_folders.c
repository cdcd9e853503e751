/*
 * Mailboxes: LIST makes folders, STATUS wakes those that are polled.
 */
#include "daemon/account_private.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "libclient/base/mem.h"

struct seat *
account_seat(struct account *account, const struct folder *folder)
{
	struct seat *seat = account->seats;

	while (seat != NULL && seat->folder != folder)
		seat = seat->next;
	return seat;
}

static struct seat *
find_seat(struct account *account, struct span mailbox)
{
	for (struct seat *seat = account->seats; seat != NULL;
	     seat = seat->next)
		if (span_equal(folder_mailbox_bytes(seat->folder), mailbox))
			return seat;
	return NULL;
}

/* ---- LIST to folders ---- */

static void
add_folder(struct account *account, const struct mailbox *mailbox)
{
	struct seat *seat = mem_new(struct seat);
	struct folder_mailbox described = {
	    .bytes = {mailbox->bytes, mailbox->bytes_len},
	    .name = span_of(mailbox->name),
	    .is_valid = mailbox->is_valid,
	    .delimiter = mailbox->delimiter,
	    .flags = mailbox->flags,
	};

	seat->folder = folder_new(&account->folder_config, &described);
	seat->is_seen = true;
	*account->seats_tail = seat;
	account->seats_tail = &seat->next;
	folder_set_idle(seat->folder, mailbox->has_idle);
	folder_wake(seat->folder);
}

void
account_assign_idle(struct account *account)
{
	mailboxes_assign_idle(
	    &account->chosen, account->settings, account->limit);
	for (struct seat *seat = account->seats; seat != NULL;
	     seat = seat->next) {
		const struct mailbox *mailbox = mailboxes_find(
		    &account->chosen, folder_mailbox_bytes(seat->folder));

		folder_set_idle(
		    seat->folder, mailbox != NULL && mailbox->has_idle);
	}
}

static bool
is_named(const char *name, const struct mailbox *mailbox)
{
	if (strcasecmp(name, "INBOX") == 0)
		return strcasecmp(mailbox->name, "INBOX") == 0;
	return strcmp(name, mailbox->name) == 0;
}

/* A folder that was asked for by name and is not there is a failure. */
static void
report_unselected(struct account *account)
{
	for (uint32_t i = 0; i < account->config.only_count; i++) {
		const char *name = account->config.only[i];
		bool is_there = false;

		for (uint32_t j = 0; j < account->chosen.count; j++)
			is_there |= is_named(name, &account->chosen.items[j]);
		if (is_there)
			continue;
		imap_error_set(&account->error, IMAP_ERROR_THROTTLED,
		    "\"%s\" is not among the folders that are mirrored", name);
		log_error(&account->subject, "%s", account->error.text);
		account->failure = IMAP_ERROR_THROTTLED;
	}
}

static bool
is_selected(const struct account *account, const struct mailbox *mailbox)
{
	if (account->config.only_count == 0)
		return true;
	for (uint32_t i = 0; i < account->config.only_count; i++)
		if (is_named(account->config.only[i], mailbox))
			return true;
	return false;
}

static void
drop_gone(struct account *account)
{
	for (struct seat *seat = account->seats; seat != NULL;
	     seat = seat->next) {
		struct folder_report report = folder_report(seat->folder);
		struct log_subject subject = {
		    account->settings->name, report.name};

		if (seat->is_seen || seat->is_gone)
			continue;
		seat->is_gone = true;
		log_notice(
		    &subject, "gone from the server; its Maildir is kept");
		folder_stop(seat->folder);
	}
}

/* The patterns that chose nothing are worth a word: names change. */
static void
report_unmatched(const struct account *account)
{
	const struct settings_list *folders = &account->settings->folders;

	for (uint32_t i = 0; i < folders->count; i++) {
		bool is_matched = false;

		for (uint32_t j = 0; j < account->chosen.count; j++)
			is_matched |= account->chosen.items[j].order == i;
		if (!is_matched && strpbrk(folders->items[i], "*%") == NULL)
			log_warning(&account->subject,
			    "folders: the server has no \"%s\" (or another "
			    "pattern has chosen it)",
			    folders->items[i]);
	}
}

static void
use_listing(struct account *account, const struct capabilities *capabilities)
{
	bool has_idle = capabilities_have(capabilities, CAPABILITY_IDLE);

	mailboxes_choose(&account->listing, account->settings);
	mailboxes_free(&account->chosen);
	account->chosen = account->listing;
	account->listing = (struct mailboxes){0};
	mailboxes_assign_idle(
	    &account->chosen, account->settings, has_idle ? account->limit : 0);
	if (!account->is_listed)
		report_unmatched(account);
	account->is_listed = true;
	if (account->config.mode == ACCOUNT_CHECKS)
		return;
	for (uint32_t i = 0; i < account->chosen.count; i++) {
		const struct mailbox *mailbox = &account->chosen.items[i];
		struct seat *seat = find_seat(
		    account, (struct span){mailbox->bytes, mailbox->bytes_len});

		if (!is_selected(account, mailbox))
			continue;
		if (seat == NULL) {
			add_folder(account, mailbox);
			continue;
		}
		seat->is_seen = true;
		if (seat->is_gone) {
			seat->is_gone = false;
			folder_wake(seat->folder);
		}
	}
	drop_gone(account);
	report_unselected(account);
}

/* ---- asking ---- */

static void
ask_status(struct account *account, struct connection *connection)
{
	unsigned items = IMAP_STATUS_MESSAGES | IMAP_STATUS_UIDNEXT |
	    IMAP_STATUS_UIDVALIDITY;

	if (capabilities_have(
		imap_capabilities(connection->imap), CAPABILITY_CONDSTORE))
		items |= IMAP_STATUS_HIGHESTMODSEQ;
	for (struct seat *seat = account->seats; seat != NULL;
	     seat = seat->next) {
		struct folder_report report = folder_report(seat->folder);

		if (!report.has_idle && report.state == WATCHER_RESTING)
			(void)imap_status(connection->imap,
			    folder_mailbox_bytes(seat->folder), items);
	}
}

void
account_poll(struct account *account, struct connection *connection)
{
	account->wants_poll = false;
	account->poller = connection;
	connection->is_busy = true;
	mailboxes_free(&account->listing);
	for (struct seat *seat = account->seats; seat != NULL;
	     seat = seat->next)
		seat->is_seen = false;
	account->list_error = (struct imap_error){0};
	account->list_serial =
	    imap_list(connection->imap, span_of(""), span_of("*"));
	ask_status(account, connection);
	/* its reply says that all the others came */
	account->poll_serial = imap_noop(connection->imap);
}

static void
poll_ended(struct account *account, struct connection *connection)
{
	const struct capabilities *capabilities =
	    imap_capabilities(connection->imap);

	account->poller = NULL;
	account->poll_serial = 0;
	connection->is_busy = false;
	if (account->list_error.kind != IMAP_ERROR_NONE) {
		mailboxes_free(&account->listing);
		if (!account->is_listed) {
			account->wants_poll = true;
			account_back_off(account, &account->list_error);
			return;
		}
		log_warning(&account->subject, "%s", account->list_error.text);
	} else {
		use_listing(account, capabilities);
	}
	account->failures = 0;
	if (account->limit_until != 0 && clock_now() > account->limit_until) {
		account->limit = account->settings->max_connections;
		account->limit_until = 0;
		account_assign_idle(account);
	}
	if (account->config.mode == ACCOUNT_RUNS)
		(void)sd_event_source_set_time_relative(
		    account->poll_timer, account->settings->poll_interval);
	if (account->config.mode == ACCOUNT_RUNS)
		(void)sd_event_source_set_enabled(
		    account->poll_timer, SD_EVENT_ONESHOT);
	account_serve(account);
	account_changed(account);
}

bool
account_take_answer(struct account *account, struct connection *connection,
    const struct imap_event *event)
{
	struct seat *seat;

	if (account->poller != connection)
		return false;
	if (event->type == IMAP_DONE && event->serial == account->list_serial) {
		if (event->state != IMAP_STATE_OK)
			imap_refusal(&account->list_error, "LIST", event,
			    IMAP_ERROR_PROTOCOL);
		return true;
	}
	if (event->type == IMAP_DONE && event->serial == account->poll_serial) {
		poll_ended(account, connection);
		return true;
	}
	if (event->type != IMAP_DATA)
		return false;
	if (event->data->type == IMAP_DATA_LIST) {
		mailboxes_add(&account->listing, &event->data->list);
		return true;
	}
	if (event->data->type != IMAP_DATA_STATUS)
		return false;
	seat = find_seat(account, event->data->status.mailbox);
	if (seat != NULL &&
	    folder_report(seat->folder).state == WATCHER_RESTING)
		folder_polled(seat->folder, &event->data->status);
	return true;
}

void
account_poll_lost(struct account *account, const struct connection *connection)
{
	if (account->poller != connection)
		return;
	account->poller = NULL;
	account->poll_serial = 0;
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
