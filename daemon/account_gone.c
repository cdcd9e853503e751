/*
 * Mailboxes that the server does not list any more: renamed to one that is
 * new, or gone. Their folders end first, then the disk follows, then the
 * folders that there are now.
 */
#include "daemon/account_gone.h"

#include "libclient/base/mem.h"

/* ---- what earlier runs knew ---- */

static void
remember(void *user, struct span mailbox, const char *path,
    const struct state_folder *folder)
{
	struct account_remembered *all = user;

	(void)folder;
	if (all->count == all->size) {
		all->size = all->size * 2 + 16;
		all->items =
		    mem_resize(all->items, all->size, sizeof(*all->items));
	}
	all->items[all->count++] = (struct remembered){
	    .mailbox = span_to_string(mailbox),
	    .mailbox_len = mailbox.len,
	    .path = mem_copy_string(path),
	};
}

void
account_remember(struct state *state, struct account_remembered *all)
{
	struct imap_error error = {0};

	/* what cannot be read is not known to be missing */
	if (!state_each_folder(state, remember, all, &error))
		account_forget_remembered(all);
}

void
account_forget_remembered(struct account_remembered *all)
{
	for (uint32_t i = 0; i < all->count; i++) {
		mem_free(all->items[i].mailbox);
		mem_free(all->items[i].path);
	}
	mem_free(all->items);
	*all = (struct account_remembered){0};
}

/* ---- the loop: what follows ---- */

static struct seat *
seat_for(struct account *account, const struct missing *missing)
{
	struct folder_mailbox described = {
	    .bytes = missing_bytes(missing),
	    .name = span_of(missing->path == NULL || missing->path[0] == '\0'
		    ? missing->mailbox
		    : missing->path),
	};

	if (missing->place != SPANMAP_NONE)
		return account->seats[missing->place];
	return account_add_seat(account, &described);
}

static void
follow_rename(struct account *account, const struct reconciling *all,
    const struct missing *missing)
{
	const struct candidate *candidate = &all->candidates[missing->to];
	struct folder_mailbox described = {
	    .bytes = candidate_bytes(candidate),
	    .name = span_of(candidate->name),
	    .is_valid = candidate->is_valid,
	    .delimiter = candidate->delimiter,
	    .flags = candidate->flags,
	};
	const struct mailbox *mailbox =
	    mailboxes_find(&account->chosen, described.bytes);
	struct log_subject subject = {
	    account->settings->name, candidate->name, 0};
	struct seat *seat;

	log_line(SETTINGS_LOG_NOTICE, LOG_EVENT_FOLDER_RENAMED, &subject,
	    "was \"%s\" on the server: its Maildir goes on",
	    missing->path == NULL ? missing->mailbox : missing->path);
	if (missing->place == SPANMAP_NONE) {
		seat = account_add_seat(account, &described);
	} else {
		seat = account->seats[missing->place];
		account_reseat(seat, &described);
	}
	seat->is_seen = true;
	if (missing->at != NULL)
		account_note_moved(account, candidate->name, missing->at);
	if (mailbox != NULL)
		folder_set_watch(seat->folder, mailbox->watch);
	folder_wake(seat->folder);
}

static void
follow(struct account *account, const struct reconciling *all,
    const struct missing *missing)
{
	struct log_subject subject = {account->settings->name,
	    missing->path == NULL ? missing->mailbox : missing->path, 0};
	struct seat *seat;

	if (missing->outcome == IS_RENAMED) {
		follow_rename(account, all, missing);
		return;
	}
	seat = seat_for(account, missing);
	seat->is_gone = true;
	folder_set_gone(seat->folder, true);
	seat->is_removed = missing->outcome == IS_REMOVED;
	if (seat->is_removed)
		log_line(SETTINGS_LOG_NOTICE, LOG_EVENT_FOLDER_GONE, &subject,
		    "gone from the server, and from here");
	else if (!missing->was_gone)
		log_line(SETTINGS_LOG_NOTICE, LOG_EVENT_FOLDER_GONE, &subject,
		    "gone from the server; its Maildir is kept; to let it go: "
		    "mailmirror sync --accept-deletes %s/%s",
		    subject.account, subject.folder);
	if (seat->is_removed && missing->at != NULL)
		account_note_moved(account, subject.folder, missing->at);
	if (missing->note[0] != '\0')
		log_warning(&subject, "%s", missing->note);
}

static void
free_reconciling(struct reconciling *all)
{
	for (uint32_t i = 0; i < all->missing_count; i++) {
		mem_free(all->missing[i].mailbox);
		mem_free(all->missing[i].path);
		mem_free(all->missing[i].at);
	}
	for (uint32_t i = 0; i < all->candidate_count; i++) {
		mem_free(all->candidates[i].mailbox);
		mem_free(all->candidates[i].name);
	}
	mem_free(all->missing);
	mem_free(all->candidates);
	mem_free(all);
}

static void
done(void *data)
{
	struct reconciling *all = data;
	struct account *account = all->account;

	account->jobs--;
	account->reconciling = NULL;
	account_forget_remembered(&account->remembered);
	if (!account->is_stopping && !account->is_finished) {
		for (uint32_t i = 0; i < all->missing_count; i++)
			follow(account, all, &all->missing[i]);
		account_index_seats(account);
		account_add_newcomers(account);
	}
	free_reconciling(all);
	account_changed(account);
}

/* ---- the loop: what is to be done ---- */

static void
add_missing(struct reconciling *all, struct span mailbox, uint32_t place)
{
	all->missing[all->missing_count++] = (struct missing){
	    .mailbox = span_to_string(mailbox),
	    .mailbox_len = mailbox.len,
	    .place = place,
	};
}

static void
collect(struct account *account, struct reconciling *all)
{
	struct account_remembered *remembered = &account->remembered;
	struct seat *seat;

	all->missing =
	    mem_alloc(((size_t)account->seat_count + remembered->count + 1) *
		sizeof(*all->missing));
	account_each_seat(account, seat)
	{
		if (seat->is_seen)
			continue;
		add_missing(
		    all, folder_mailbox_bytes(seat->folder), seat->place);
		folder_stop(seat->folder);
	}
	for (uint32_t i = 0; i < remembered->count; i++) {
		struct span mailbox = {remembered->items[i].mailbox,
		    remembered->items[i].mailbox_len};

		if (remembered->items[i].is_missing &&
		    account_find_seat(account, mailbox) == NULL)
			add_missing(all, mailbox, SPANMAP_NONE);
	}
	all->candidates = mem_alloc(
	    ((size_t)account->newcomer_count + 1) * sizeof(*all->candidates));
	for (uint32_t i = 0; i < account->newcomer_count; i++) {
		const struct newcomer *newcomer = &account->newcomers[i];
		const struct mailbox *mailbox =
		    &account->chosen.items[newcomer->chosen];

		all->candidates[all->candidate_count++] = (struct candidate){
		    .told = *newcomer,
		    .mailbox = span_to_string(
			(struct span){mailbox->bytes, mailbox->bytes_len}),
		    .mailbox_len = mailbox->bytes_len,
		    .name = mem_copy_string(mailbox->name),
		    .is_valid = mailbox->is_valid,
		    .delimiter = mailbox->delimiter,
		    .flags = mailbox->flags,
		};
	}
}

void
account_reconcile(struct account *account)
{
	struct reconciling *all = mem_new(struct reconciling);

	all->account = account;
	all->state = account->state;
	all->root = account->root;
	all->settings = account->settings;
	all->may_remove = account->config.accepts_deletes;
	/* before the folders' stopping asks whether they are quiet */
	collect(account, all);
	account->reconciling = all;
	account_release_poller(account);
	account_reconcile_next(account);
}

void
account_reconcile_next(struct account *account)
{
	struct reconciling *all = account->reconciling;

	if (all == NULL || all->is_running || account->is_stopping)
		return;
	for (uint32_t i = 0; i < all->missing_count; i++)
		if (all->missing[i].place != SPANMAP_NONE &&
		    !folder_is_quiet(
			account->seats[all->missing[i].place]->folder))
			return;
	all->is_running = true;
	account->jobs++;
	(void)job_submit(account->config.disk, account_renames_work, done, all);
}

void
account_reconcile_drop(struct account *account)
{
	if (account->reconciling != NULL && !account->reconciling->is_running)
		free_reconciling(account->reconciling);
	account->reconciling = NULL;
}
