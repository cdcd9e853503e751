/*
 * What LIST told becomes folders: new ones begin, missing ones are looked
 * after by account_gone.c.
 */
#include "daemon/account_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "libclient/base/mem.h"

static struct span
bytes_of(const struct mailbox *mailbox)
{
	return (struct span){mailbox->bytes, mailbox->bytes_len};
}

void
account_assign_watch(struct account *account)
{
	const struct seat *seat;

	mailboxes_assign_watch(&account->chosen, account->settings,
	    (struct mailboxes_push){
		.connections = account->limit,
		.has_idle = account->has_idle,
		.has_notify = account->has_notify,
	    });
	account->notified = 0;
	for (uint32_t i = 0; i < account->chosen.count; i++)
		account->notified +=
		    account->chosen.items[i].watch == MAILBOX_NOTIFIED;
	account_each_seat(account, seat)
	{
		const struct mailbox *mailbox = mailboxes_find(
		    &account->chosen, folder_mailbox_bytes(seat->folder));

		folder_set_watch(seat->folder,
		    mailbox == NULL ? MAILBOX_POLLED : mailbox->watch);
	}
}

/* ---- which of them ---- */

bool
account_names(const struct account *account, const char *name)
{
	for (uint32_t i = 0; i < account->config.only_count; i++)
		if (strcmp(account->config.only[i], name) == 0)
			return true;
	return false;
}

/* One that is gone has been dealt with. */
static bool
is_known(const struct account *account, const char *name)
{
	const struct seat *seat;

	for (uint32_t i = 0; i < account->chosen.count; i++)
		if (mailboxes_is_named(&account->chosen.items[i], name))
			return true;
	account_each_seat(account, seat) if (seat->is_removed &&
	    strcmp(folder_report(seat->folder).name, name) == 0) return true;
	return false;
}

/* A folder that was asked for by name and is not there is a failure. */
static void
report_unselected(struct account *account)
{
	for (uint32_t i = 0; i < account->config.only_count; i++) {
		const char *name = account->config.only[i];

		if (is_known(account, name))
			continue;
		imap_error_set(&account->error, IMAP_ERROR_THROTTLED,
		    "\"%s\" is not among the folders that are mirrored", name);
		log_error(&account->subject, "%s", account->error.text);
		account->failure = IMAP_ERROR_THROTTLED;
	}
}

bool
account_selects(const struct account *account, const struct mailbox *mailbox)
{
	if (account->config.only_count == 0)
		return true;
	for (uint32_t i = 0; i < account->config.only_count; i++)
		if (mailboxes_is_named(mailbox, account->config.only[i]))
			return true;
	return false;
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
			    "pattern has chosen it); see what it has: "
			    "mailmirror folders %s",
			    folders->items[i], account->settings->name);
	}
}

/* ---- what is missing ---- */

static bool
is_inbox(struct span bytes)
{
	return bytes.len == 5 && strncasecmp(bytes.at, "INBOX", 5) == 0;
}

enum whole { WHOLE, LACKS_THE_OLD, LACKS_MORE };

/*
 * Notes which seats the listing has, and forgets what it has of those that are
 * remembered: is anything missing, and is that new? A listing without any
 * mailbox, or without the INBOX that there was, is not believed: nothing is
 * missing then. Nor is, but for the second time, one of half of them.
 */
static enum whole
note_seen(struct account *account)
{
	struct account_remembered *remembered = &account->remembered;
	enum whole whole = WHOLE;
	bool is_believed = account->listing.count > 0;
	struct seat *seat;
	uint32_t known = 0;

	account_each_seat(account, seat)
	{
		struct span bytes = folder_mailbox_bytes(seat->folder);

		seat->is_seen =
		    mailboxes_find(&account->listing, bytes) != NULL;
		known += !seat->is_gone;
		if (!seat->is_seen && !seat->is_gone)
			whole = LACKS_MORE;
		else if (!seat->is_seen && whole == WHOLE)
			whole = LACKS_THE_OLD;
		is_believed &=
		    seat->is_seen || seat->is_gone || !is_inbox(bytes);
	}
	for (uint32_t i = 0; i < remembered->count; i++) {
		struct remembered *item = &remembered->items[i];
		struct span bytes = {item->mailbox, item->mailbox_len};

		item->is_missing =
		    mailboxes_find(&account->listing, bytes) == NULL;
		if (!item->is_missing)
			continue;
		whole = LACKS_MORE;
		is_believed &= !is_inbox(bytes);
	}
	/* Dovecot lists INBOX alone while another session renames */
	account->is_doubtful = is_believed && !account->is_doubtful &&
	    whole == LACKS_MORE && account->listing.count < known / 2 + 1;
	if (account->is_doubtful) {
		is_believed = false;
		account->wants_poll = true;
	}
	if (is_believed)
		return whole;
	account_each_seat(account, seat) seat->is_seen = true;
	if (whole != WHOLE)
		log_warning(&account->subject,
		    "the server lists no mailboxes, no INBOX or but a few "
		    "any more: nothing is taken as gone");
	return WHOLE;
}

/* ---- what is new ---- */

static void
find_newcomers(struct account *account)
{
	account->newcomers = mem_free(account->newcomers);
	account->newcomer_count = 0;
	for (uint32_t i = 0; i < account->chosen.count; i++) {
		const struct mailbox *mailbox = &account->chosen.items[i];
		const struct seat *seat =
		    account_find_seat(account, bytes_of(mailbox));

		if (!account_selects(account, mailbox) ||
		    (seat != NULL && !seat->is_gone))
			continue;
		/* in steps: all may be new */
		if ((account->newcomer_count & (account->newcomer_count - 1)) ==
		    0)
			account->newcomers = mem_resize(account->newcomers,
			    2 * (size_t)account->newcomer_count + 1,
			    sizeof(*account->newcomers));
		account->newcomers[account->newcomer_count++] =
		    (struct newcomer){.chosen = i};
	}
}

/* Its folder, asleep; NULL: it is none of the new ones. */
static struct seat *
add_newcomer(struct account *account, const struct mailbox *mailbox)
{
	struct seat *seat = account_find_seat(account, bytes_of(mailbox));
	struct folder_mailbox described = {
	    .bytes = bytes_of(mailbox),
	    .name = span_of(mailbox->name),
	    .is_valid = mailbox->is_valid,
	    .delimiter = mailbox->delimiter,
	    .flags = mailbox->flags,
	};
	const struct log_subject subject = {
	    account->settings->name, mailbox->name, 0};

	if (seat != NULL && !seat->is_gone)
		return NULL; /* it was renamed */
	if (seat == NULL)
		seat = account_add_seat(account, &described);
	else if (folder_is_quiet(seat->folder))
		account_reseat(seat, &described);
	else
		return NULL; /* the next listing has it again */
	seat->is_seen = true;
	folder_set_watch(seat->folder, mailbox->watch);
	if (account->is_listed)
		log_line(SETTINGS_LOG_NOTICE, LOG_EVENT_FOLDER_NEW, &subject,
		    "new on the server");
	return seat;
}

/* INBOX, then the largest, which takes longest; else as they were listed. */
static int
compare_sizes(const void *a, const void *b, void *user)
{
	const struct account *account = user;
	const struct newcomer *left = a;
	const struct newcomer *right = b;
	const struct mailbox *one = &account->chosen.items[left->chosen];
	const struct mailbox *other = &account->chosen.items[right->chosen];
	bool is_one_inbox = is_inbox(bytes_of(one));

	if (is_one_inbox != is_inbox(bytes_of(other)))
		return is_one_inbox ? -1 : 1;
	if (one->messages != other->messages)
		return one->messages > other->messages ? -1 : 1;
	return left->chosen < right->chosen ? -1 : left->chosen > right->chosen;
}

/* They queue for connections in the order in which they wake. */
static void
wake_newcomers(struct account *account)
{
	if (account->newcomer_count > 1)
		qsort_r(account->newcomers, account->newcomer_count,
		    sizeof(*account->newcomers), compare_sizes, account);
	for (uint32_t i = 0; i < account->newcomer_count; i++)
		if (account->newcomers[i].seat != NULL)
			folder_wake(account->newcomers[i].seat->folder);
}

/* Those that the listing has are folders now. */
static void
forget_listed(struct account_remembered *remembered)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < remembered->count; i++) {
		struct remembered *item = &remembered->items[i];

		if (item->is_missing) {
			remembered->items[left++] = *item;
			continue;
		}
		mem_free(item->mailbox);
		mem_free(item->path);
	}
	remembered->count = left;
}

void
account_add_newcomers(struct account *account)
{
	bool are_new = account->newcomer_count > 0;

	for (uint32_t i = 0; i < account->newcomer_count; i++)
		account->newcomers[i].seat = add_newcomer(account,
		    &account->chosen.items[account->newcomers[i].chosen]);
	wake_newcomers(account);
	account->newcomers = mem_free(account->newcomers);
	account->newcomer_count = 0;
	forget_listed(&account->remembered);
	report_unselected(account);
	account_settle_seats(account);
	account->is_listed = true;
	account_poll_done(account);
	if (are_new)
		account_notify_renew(account);
}

/* What NOTIFY does not tell of is so whatever LIST says. */
static void
note_unnotified(struct account *account)
{
	const struct seat *seat;

	if (!account->is_notified)
		return;
	account_each_seat(account, seat)
	{
		struct mailbox *mailbox = mailboxes_find(
		    &account->chosen, folder_mailbox_bytes(seat->folder));

		if (mailbox != NULL)
			mailbox->is_unnotified = !seat->is_covered;
	}
}

void
account_use_listing(
    struct account *account, const struct capabilities *capabilities)
{
	enum whole whole = note_seen(account);

	account->has_idle = capabilities_have(capabilities, CAPABILITY_IDLE);
	account->has_notify =
	    capabilities_have(capabilities, CAPABILITY_NOTIFY) &&
	    capabilities_have(capabilities, CAPABILITY_UNSELECT) &&
	    !account->no_notify;
	account->listed = account->listing.count;
	mailboxes_choose(&account->listing, account->settings);
	mailboxes_free(&account->chosen);
	account->chosen = account->listing;
	account->listing = (struct mailboxes){0};
	note_unnotified(account);
	account_assign_watch(account);
	if (!account->is_listed)
		report_unmatched(account);
	if (account->config.mode == ACCOUNT_CHECKS) {
		account->is_listed = true;
		account_poll_done(account);
		return;
	}
	find_newcomers(account);
	if (account->newcomer_count > 0 && whole != WHOLE)
		account_ask_newcomers(account);
	else if (whole == LACKS_MORE)
		account_reconcile(account);
	else
		account_add_newcomers(account);
}

void
account_use_newcomers(struct account *account)
{
	account_reconcile(account);
}
