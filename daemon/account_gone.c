/*
 * Mailboxes that the server does not list any more: renamed to one that is
 * new (the same MAILBOXID, or the same UIDVALIDITY, UIDNEXT and number of
 * messages), or gone. The directory is moved first, then the rows: after a
 * crash between the two the same is found again, and only the rows follow.
 */
#include "daemon/account_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/maildir_folder.h"
#include "daemon/name.h"
#include "libclient/base/mem.h"

enum outcome { STAYS, IS_GONE, IS_RENAMED, IS_REMOVED };

/* A mailbox that is missing; owned by the job while it runs. */
struct missing {
	char *mailbox;
	size_t mailbox_len;
	char *path; /* as the state has it, or NULL */
	struct state_folder row;
	uint64_t messages;
	uint32_t place; /* of its seat; SPANMAP_NONE: it has none */
	enum outcome outcome;
	uint32_t to; /* IS_RENAMED: the candidate */
	bool was_gone; /* that is no news */
	char note[320];
};

/* A mailbox that is new. */
struct candidate {
	struct newcomer told;
	char *mailbox;
	size_t mailbox_len;
	char *name;
	bool is_valid;
	char delimiter;
	unsigned flags;
	bool is_taken;
};

struct reconciling {
	struct account *account;
	bool is_running; /* on the disk lane */
	struct missing *missing;
	uint32_t missing_count;
	struct candidate *candidates;
	uint32_t candidate_count;
	struct state *state;
	struct maildir_root *root;
	const struct settings_account *settings;
	bool may_remove; /* even what holds messages, if it is named */
};

static struct span
bytes_of(const struct missing *missing)
{
	return (struct span){missing->mailbox, missing->mailbox_len};
}

static struct span
new_bytes_of(const struct candidate *candidate)
{
	return (struct span){candidate->mailbox, candidate->mailbox_len};
}

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

/* ---- the disk: who is who ---- */

static void
count_message(void *user, const struct state_message *message)
{
	uint64_t *count = user;

	(void)message;
	(*count)++;
}

static void
count_withheld(void *user, const struct state_withheld *withheld)
{
	uint64_t *count = user;

	(void)withheld;
	(*count)++;
}

static bool
load(struct reconciling *all, struct missing *missing)
{
	struct imap_error error = {0};

	missing->path = state_path(all->state, bytes_of(missing));
	missing->messages = 0;
	return state_load_folder(all->state, bytes_of(missing), &missing->row,
		   &error) &&
	    state_load_messages(all->state, bytes_of(missing), count_message,
		&missing->messages, &error) &&
	    state_load_withheld(all->state, bytes_of(missing), count_withheld,
		&missing->messages, &error);
}

static bool
has_same_id(const struct missing *missing, const struct candidate *candidate)
{
	return missing->row.mailboxid[0] != '\0' &&
	    strcmp(missing->row.mailboxid, candidate->told.mailboxid) == 0;
}

static bool
has_same_counts(
    const struct missing *missing, const struct candidate *candidate)
{
	const struct imap_status *status = &candidate->told.status;
	const unsigned needed = IMAP_STATUS_MESSAGES | IMAP_STATUS_UIDNEXT |
	    IMAP_STATUS_UIDVALIDITY;

	/* where both have an id, the ids have said that it is another */
	if (missing->row.mailboxid[0] != '\0' &&
	    candidate->told.mailboxid[0] != '\0')
		return false;
	return (status->has & needed) == needed &&
	    missing->row.uidvalidity != 0 &&
	    status->uidvalidity == missing->row.uidvalidity &&
	    status->uidnext == missing->row.uidnext &&
	    status->messages == missing->messages;
}

typedef bool same_function(
    const struct missing *missing, const struct candidate *candidate);

/* The only one that is the same, and the same as this one only. */
static struct candidate *
find_only(struct reconciling *all, const struct missing *missing,
    same_function *is_same)
{
	struct candidate *found = NULL;

	for (uint32_t i = 0; i < all->candidate_count; i++) {
		struct candidate *candidate = &all->candidates[i];

		if (candidate->is_taken || !is_same(missing, candidate))
			continue;
		if (found != NULL)
			return NULL;
		found = candidate;
	}
	for (uint32_t i = 0; found != NULL && i < all->missing_count; i++)
		if (&all->missing[i] != missing &&
		    all->missing[i].outcome != IS_RENAMED &&
		    is_same(&all->missing[i], found))
			return NULL;
	return found;
}

/* ---- the disk: renaming ---- */

/* Where the new mailbox's folder is to be; NULL if it cannot be renamed to. */
static char *
new_path(struct reconciling *all, const struct missing *missing,
    const struct candidate *candidate)
{
	enum settings_layout layout = all->settings->layout;
	struct span name = candidate->is_valid ? span_of(candidate->name)
					       : new_bytes_of(candidate);
	char *path = name_to_path(
	    name, candidate->is_valid, candidate->delimiter, layout);
	char *owner = state_path_owner(all->state, path);

	if (owner != NULL && !span_equal(span_of(owner), bytes_of(missing)) &&
	    !span_equal(span_of(owner), new_bytes_of(candidate))) {
		mem_free(path);
		path = name_to_unique_path(
		    name, candidate->is_valid, candidate->delimiter, layout);
	}
	mem_free(owner);
	return path;
}

/* What was below the old directory, and is another's, stays where it was. */
static bool
put_back(struct reconciling *all, const char *from, const char *to,
    const struct missing *other, struct imap_error *error)
{
	size_t len = strlen(from);
	char *moved;
	bool ok;

	if (other->path == NULL || other->outcome == IS_RENAMED ||
	    strncmp(other->path, from, len) != 0 || other->path[len] != '/')
		return true;
	moved = mem_format("%s%s", to, other->path + len);
	ok = !maildir_exists(all->root, moved) ||
	    maildir_rename_folder(all->root, moved, other->path, error);
	mem_free(moved);
	return ok;
}

static bool
move_directory(struct reconciling *all, const struct missing *missing,
    const char *to, struct imap_error *error)
{
	const char *from = missing->path;

	if (from == NULL || strcmp(from, to) == 0 ||
	    !maildir_exists(all->root, from))
		return true; /* it went with its parent, or before a crash */
	if (!maildir_rename_folder(all->root, from, to, error))
		return false;
	for (uint32_t i = 0; i < all->missing_count; i++)
		if (!put_back(all, from, to, &all->missing[i], error))
			return false;
	return true;
}

/* Directories that held only what was moved out of them. */
static void
remove_parents(struct reconciling *all, const char *path)
{
	char *parent = mem_copy_string(path);
	struct imap_error error = {0};
	char *slash;

	while ((slash = strrchr(parent, '/')) != NULL) {
		char *owner;
		bool is_ours;

		*slash = '\0';
		owner = state_path_owner(all->state, parent);
		is_ours = owner != NULL;
		mem_free(owner);
		if (is_ours || maildir_exists(all->root, parent) ||
		    !maildir_remove_folder(all->root, parent, &error))
			break;
	}
	mem_free(parent);
}

static bool
rename_to(struct reconciling *all, struct missing *missing,
    struct candidate *candidate, bool is_certain, struct imap_error *error)
{
	struct state_folder other = {0};
	char *to;
	bool ok;

	if (!state_load_folder(
		all->state, new_bytes_of(candidate), &other, error) ||
	    other.uidvalidity != 0)
		return false;
	to = new_path(all, missing, candidate);
	ok = move_directory(all, missing, to, error) &&
	    state_rename_folder(all->state, bytes_of(missing),
		new_bytes_of(candidate), to, error);
	if (ok && missing->path != NULL)
		remove_parents(all, missing->path);
	/* numbers alone prove little: the server is asked about each file */
	if (ok && !is_certain)
		ok = state_apply(all->state,
		    &(struct state_change){.mailbox = new_bytes_of(candidate),
			.forget_messages = true},
		    error);
	mem_free(to);
	return ok;
}

/* Decided for all before the first directory moves, for they may be inside
 * each other. */
static void
match(struct reconciling *all, same_function *is_same)
{
	for (uint32_t i = 0; i < all->missing_count; i++) {
		struct missing *missing = &all->missing[i];
		struct candidate *candidate;

		if (missing->outcome != IS_GONE)
			continue;
		candidate = find_only(all, missing, is_same);
		if (candidate == NULL)
			continue;
		candidate->is_taken = true;
		missing->to = (uint32_t)(candidate - all->candidates);
		missing->outcome = IS_RENAMED;
	}
}

/* ---- the disk: removing ---- */

static void
remove_message(void *user, const struct maildir_file *file)
{
	struct imap_error error = {0};

	if (file->has_uid)
		(void)maildir_remove_file(
		    user, file->name, file->is_new, &error);
}

/* Our messages only: what somebody else put there keeps the folder. */
static bool
remove_messages(
    struct reconciling *all, const char *path, struct imap_error *error)
{
	struct maildir_identity identity = {.host = ""};
	struct maildir *maildir;
	uint32_t highest;
	bool ok;

	if (!maildir_exists(all->root, path))
		return true;
	maildir = maildir_open(all->root, path, error);
	if (maildir == NULL)
		return false;
	ok = !maildir_read_uidvalidity(
		 maildir, &identity.uidvalidity, &highest) ||
	    maildir_scan(maildir, &identity, remove_message, maildir, error);
	maildir_close(maildir);
	return ok;
}

static bool
is_to_be_removed(const struct reconciling *all, const struct missing *missing)
{
	return all->may_remove &&
	    (account_names(all->account, missing->mailbox) ||
		(missing->path != NULL &&
		    account_names(all->account, missing->path)));
}

/* It is gone. Its Maildir is kept, unless it is wanted otherwise. */
static void
bury(struct reconciling *all, struct missing *missing)
{
	struct imap_error error = {0};
	bool is_removed = is_to_be_removed(all, missing);
	bool goes = is_removed || missing->path == NULL ||
	    !maildir_exists(all->root, missing->path) ||
	    (all->settings->on_expunge == SETTINGS_EXPUNGE_DELETE &&
		maildir_is_empty(all->root, missing->path));
	bool ok = true;

	if (goes && missing->path != NULL) {
		if (is_removed)
			ok = remove_messages(all, missing->path, &error);
		ok = ok &&
		    maildir_remove_folder(all->root, missing->path, &error);
	}
	if (goes && ok &&
	    state_forget_folder(all->state, bytes_of(missing), &error)) {
		missing->outcome = IS_REMOVED;
		return;
	}
	missing->was_gone = missing->row.is_gone;
	missing->row.is_gone = true;
	if (!missing->was_gone)
		(void)state_apply(all->state,
		    &(struct state_change){.mailbox = bytes_of(missing),
			.folder = &missing->row},
		    &error);
	(void)snprintf(
	    missing->note, sizeof(missing->note), "%s", error.text);
}

static int
compare_paths(const void *a, const void *b)
{
	const char *left = ((const struct missing *)a)->path;
	const char *right = ((const struct missing *)b)->path;

	return strcmp(left == NULL ? "" : left, right == NULL ? "" : right);
}

static void
work(void *data)
{
	struct reconciling *all = data;

	for (uint32_t i = 0; i < all->missing_count; i++)
		all->missing[i].outcome =
		    load(all, &all->missing[i]) ? IS_GONE : STAYS;
	/* a directory before those in it */
	qsort(all->missing, all->missing_count, sizeof(*all->missing),
	    compare_paths);
	match(all, has_same_id);
	match(all, has_same_counts);
	for (uint32_t i = 0; i < all->missing_count; i++) {
		struct missing *missing = &all->missing[i];
		struct imap_error error = {0};

		if (missing->outcome != IS_RENAMED)
			continue;
		if (rename_to(all, missing, &all->candidates[missing->to],
			has_same_id(missing, &all->candidates[missing->to]),
			&error))
			continue;
		missing->outcome = IS_GONE;
		(void)snprintf(missing->note, sizeof(missing->note), "%s",
		    error.text);
	}
	/* what is inside goes before what it is in */
	for (uint32_t i = all->missing_count; i-- > 0;)
		if (all->missing[i].outcome == IS_GONE)
			bury(all, &all->missing[i]);
}

/* ---- the loop: what follows ---- */

static struct seat *
seat_for(struct account *account, const struct missing *missing)
{
	struct folder_mailbox described = {
	    .bytes = bytes_of(missing),
	    .name = span_of(
		missing->path == NULL || missing->path[0] == '\0'
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
	    .bytes = new_bytes_of(candidate),
	    .name = span_of(candidate->name),
	    .is_valid = candidate->is_valid,
	    .delimiter = candidate->delimiter,
	    .flags = candidate->flags,
	};
	const struct mailbox *mailbox =
	    mailboxes_find(&account->chosen, described.bytes);
	struct log_subject subject = {
	    account->settings->name, candidate->name};
	struct seat *seat;

	log_notice(&subject, "was \"%s\" on the server: its Maildir goes on",
	    missing->path == NULL ? missing->mailbox : missing->path);
	if (missing->place == SPANMAP_NONE) {
		seat = account_add_seat(account, &described);
	} else {
		seat = account->seats[missing->place];
		account_reseat(seat, &described);
	}
	seat->is_seen = true;
	if (mailbox != NULL)
		folder_set_watch(seat->folder, mailbox->watch);
	folder_wake(seat->folder);
}

static void
follow(struct account *account, const struct reconciling *all,
    const struct missing *missing)
{
	struct log_subject subject = {account->settings->name,
	    missing->path == NULL ? missing->mailbox : missing->path};
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
		log_notice(&subject, "gone from the server, and from here");
	else if (!missing->was_gone)
		log_notice(
		    &subject, "gone from the server; its Maildir is kept");
	if (missing->note[0] != '\0')
		log_warning(&subject, "%s", missing->note);
}

static void
free_reconciling(struct reconciling *all)
{
	for (uint32_t i = 0; i < all->missing_count; i++) {
		mem_free(all->missing[i].mailbox);
		mem_free(all->missing[i].path);
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

	all->missing = mem_alloc(
	    ((size_t)account->seat_count + remembered->count + 1) *
	    sizeof(*all->missing));
	account_each_seat (account, seat) {
		if (seat->is_seen)
			continue;
		add_missing(
		    all, folder_mailbox_bytes(seat->folder), seat->place);
		folder_stop(seat->folder);
	}
	for (uint32_t i = 0; i < remembered->count; i++) {
		struct span mailbox = {remembered->items[i].mailbox,
		    remembered->items[i].mailbox_len};

		if (account_find_seat(account, mailbox) == NULL)
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
	(void)job_submit(account->config.disk, work, done, all);
}

void
account_reconcile_drop(struct account *account)
{
	if (account->reconciling != NULL && !account->reconciling->is_running)
		free_reconciling(account->reconciling);
	account->reconciling = NULL;
}
