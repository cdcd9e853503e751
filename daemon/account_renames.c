/*
 * Which missing mailbox is which new one: the same MAILBOXID, or the same
 * UIDVALIDITY, UIDNEXT and number of messages. The directory is moved first,
 * then the rows: after a crash between the two the same is found again, and
 * only the rows follow.
 */
#include "daemon/account_gone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/maildir_folder.h"
#include "daemon/name.h"
#include "libclient/base/mem.h"

#define RENAME_ATTEMPTS 3

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

	missing->path = state_path(all->state, missing_bytes(missing));
	missing->at = mem_copy_string(missing->path);
	missing->messages = 0;
	return state_load_folder(
		   all->state, missing_bytes(missing), &missing->row, &error) &&
	    state_load_messages(all->state, missing_bytes(missing),
		count_message, &missing->messages, &error) &&
	    state_load_withheld(all->state, missing_bytes(missing),
		count_withheld, &missing->messages, &error);
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
		    /* it was that one before, and lost its name to it */
		    (missing->row.is_gone || !all->missing[i].row.is_gone) &&
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
					       : candidate_bytes(candidate);
	char *path = name_to_path(
	    name, candidate->is_valid, candidate->delimiter, layout);
	char *owner = state_path_owner(all->state, path);

	if (owner != NULL &&
	    !span_equal(span_of(owner), missing_bytes(missing)) &&
	    !span_equal(span_of(owner), candidate_bytes(candidate))) {
		mem_free(path);
		path = name_to_unique_path(
		    name, candidate->is_valid, candidate->delimiter, layout);
	}
	mem_free(owner);
	return path;
}

/* What was below the old directory went with it: it is moved on when its turn
 * comes, or put back if it belongs where it was. */
static bool
follow_parent(struct reconciling *all, const char *from, const char *to,
    struct missing *other, struct imap_error *error)
{
	size_t len = strlen(from);
	char *moved;
	bool ok = true;

	if (other->at == NULL || strncmp(other->at, from, len) != 0 ||
	    other->at[len] != '/')
		return true;
	moved = mem_format("%s%s", to, other->at + len);
	if (maildir_exists(all->root, moved)) {
		if (other->outcome == IS_RENAMED && !other->is_moved) {
			mem_free(other->at);
			other->at = mem_copy_string(moved);
		} else {
			ok = maildir_rename_folder(
			    all->root, moved, other->at, error);
		}
	}
	mem_free(moved);
	return ok;
}

static bool
move_directory(struct reconciling *all, struct missing *missing, const char *to,
    struct imap_error *error)
{
	char *from = missing->at;

	missing->is_moved = true;
	if (from == NULL || strcmp(from, to) == 0)
		return true;
	if (maildir_exists(all->root, from)) {
		if (!maildir_rename_folder(all->root, from, to, error))
			return false;
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
	    errno == EIO) {
		return imap_error_set(error, IMAP_ERROR_LOCAL,
		    "cannot look at %s: %s", from, strerror(errno));
	} /* else it was moved before a crash */
	missing->at = mem_copy_string(to);
	for (uint32_t i = 0; i < all->missing_count; i++) {
		if (&all->missing[i] == missing ||
		    follow_parent(all, from, to, &all->missing[i], error))
			continue;
		mem_free(from);
		return false;
	}
	mem_free(from);
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
enter_name(struct reconciling *all, struct missing *missing,
    struct candidate *candidate, struct imap_error *error)
{
	struct state_folder other = {0};
	char *to;

	if (!state_load_folder(
		all->state, candidate_bytes(candidate), &other, error) ||
	    other.uidvalidity != 0)
		return false;
	to = new_path(all, missing, candidate);
	missing->is_entered = move_directory(all, missing, to, error) &&
	    state_rename_folder(all->state, missing_bytes(missing),
		candidate_bytes(candidate), to, error);
	mem_free(to);
	if (missing->is_entered && missing->path != NULL)
		remove_parents(all, missing->path);
	return missing->is_entered;
}

static bool
rename_to(struct reconciling *all, struct missing *missing,
    struct candidate *candidate, bool is_certain, struct imap_error *error)
{
	bool ok =
	    missing->is_entered || enter_name(all, missing, candidate, error);

	/* numbers alone prove little: the server is asked about each file, and
	 * .uidvalidity says which are ours */
	if (ok && !is_certain) {
		missing->row.uidvalidity = 0;
		missing->row.new_ns = 0;
		missing->row.cur_ns = 0;
		ok = state_apply(all->state,
		    &(struct state_change){
			.mailbox = candidate_bytes(candidate),
			.folder = &missing->row,
			.forget_messages = true},
		    error);
	}
	return ok;
}

/*
 * What is lacking for a moment, such as a descriptor, must not cost a folder
 * its Maildir: whoever is not renamed now is gone, and fetched anew.
 */
static bool
try_rename(
    struct reconciling *all, struct missing *missing, struct imap_error *error)
{
	struct candidate *candidate = &all->candidates[missing->to];
	bool is_certain = has_same_id(missing, candidate);

	for (int i = 0; i < RENAME_ATTEMPTS; i++) {
		*error = (struct imap_error){0};
		if (rename_to(all, missing, candidate, is_certain, error))
			return true;
		if (error->kind == IMAP_ERROR_NONE)
			break;
	}
	return missing->is_entered;
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
	ok = maildir_read_uidvalidity(
		 maildir, &identity.uidvalidity, &highest, error)
	    ? maildir_scan(maildir, &identity, remove_message, maildir, error)
	    : error->kind == IMAP_ERROR_NONE;
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
	    state_forget_folder(all->state, missing_bytes(missing), &error)) {
		missing->outcome = IS_REMOVED;
		return;
	}
	missing->was_gone = missing->row.is_gone;
	missing->row.is_gone = true;
	if (!missing->was_gone)
		(void)state_apply(all->state,
		    &(struct state_change){.mailbox = missing_bytes(missing),
			.folder = &missing->row},
		    &error);
	(void)snprintf(missing->note, sizeof(missing->note), "%s", error.text);
}

static int
compare_paths(const void *a, const void *b)
{
	const char *left = ((const struct missing *)a)->path;
	const char *right = ((const struct missing *)b)->path;

	return strcmp(left == NULL ? "" : left, right == NULL ? "" : right);
}

void
account_renames_work(void *data)
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
		if (try_rename(all, missing, &error))
			continue;
		missing->outcome = IS_GONE;
		/* it may have gone with its parent, and something stays */
		if (missing->path != NULL)
			(void)move_directory(
			    all, missing, missing->path, &error);
		(void)snprintf(
		    missing->note, sizeof(missing->note), "%s", error.text);
	}
	/* what is inside goes before what it is in */
	for (uint32_t i = all->missing_count; i-- > 0;)
		if (all->missing[i].outcome == IS_GONE)
			bury(all, &all->missing[i]);
}
