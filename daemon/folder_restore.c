/*
 * A name that was seen is tried first; only what it does not explain costs a
 * look at all files.
 */
#include "daemon/folder_restore.h"

#include "daemon/folder_claims.h"
#include "daemon/folder_entry.h"
#include "libclient/base/mem.h"

/* A look at the files that claim certain UIDs. */
struct look {
	struct folder_restore *restore;
	struct uidset uids; /* unless .restore->is_all */
	struct folder_claims claims; /* that are not as expected */
};

static bool
is_marked(const struct folder_restore *restore, const struct index_entry *entry)
{
	return uidset_contains(&restore->found, entry->uid);
}

static void
mark(struct folder_restore *restore, const struct index_entry *entry)
{
	uidset_add(&restore->found, entry->uid);
}

/* ---- one name ---- */

static bool
is_in_place(const struct folder_restore *restore,
    const struct index_entry *entry, const char *except,
    char name[MAILDIR_NAME_SIZE], bool *is_new)
{
	struct maildir_message message = folder_message(entry);

	return maildir_find_message(restore->maildir, &restore->identity,
	    &message, except, name, is_new);
}

/* True if what was seen explains where the file is, so that nothing else need
 * be looked at. */
static bool
try_sighting(
    struct folder_restore *restore, const struct folder_sighting *sighting)
{
	const struct index_entry *entry =
	    index_find(&restore->expected, sighting->uid);
	struct index_entry seen;
	struct maildir_message message;
	char name[MAILDIR_NAME_SIZE];
	bool is_new;

	if (entry == NULL || sighting->is_strange)
		return false;
	if (is_in_place(restore, entry, "", name, &is_new)) {
		/* the other one is a copy, or is gone again */
		if (sighting->is_present && sighting->flags != entry->flags)
			return false;
		mark(restore, entry);
		return true;
	}
	seen = *entry;
	seen.flags = sighting->flags;
	message = folder_message(entry);
	if (!sighting->is_present ||
	    !is_in_place(restore, &seen, "", name, &is_new) ||
	    !maildir_rename(restore->maildir, &restore->identity, name, is_new,
		&message, NULL))
		return false;
	restore->put_back++;
	mark(restore, entry);
	return true;
}

/* ---- all files ---- */

static void
look_found(void *user, const struct maildir_file *file)
{
	struct look *look = user;
	struct folder_restore *restore = look->restore;
	const struct index_entry *entry;
	struct index_entry own = folder_entry(&file->message);

	if (!file->has_uid ||
	    uidset_contains(&restore->ignored, file->message.uid) ||
	    (!restore->is_all &&
		!uidset_contains(&look->uids, file->message.uid)) ||
	    (restore->stale_uidvalidity != 0 &&
		maildir_is_generation(file->name, restore->stale_uidvalidity)))
		return;
	entry = index_find(&restore->expected, own.uid);
	if (entry != NULL && file->is_ours && own.size == entry->size &&
	    own.date == entry->date && own.flags == entry->flags &&
	    (!file->is_new || own.flags == 0) && !is_marked(restore, entry))
		mark(restore, entry);
	else
		folder_claims_add(&look->claims, file);
}

static bool
disown(struct folder_restore *restore, const struct folder_claim *claim,
    struct imap_error *error)
{
	restore->disowned++;
	return maildir_disown(
	    restore->maildir, claim->name, claim->is_new, error);
}

/* The message under another name. */
static bool
put_back(struct folder_restore *restore, const struct folder_claim *claim,
    const struct index_entry *entry, struct imap_error *error)
{
	struct maildir_message message = claim->message;

	if (entry->date != folder_entry(&message).date) {
		/* a name of somebody else's making */
		if (entry->date == INDEX_DATE_ODD)
			return disown(restore, claim, error);
		message.date = entry->date;
	}
	message.flags = entry->flags;
	/* if a reader has moved it meanwhile, that will be seen, too */
	if (maildir_rename(restore->maildir, &restore->identity, claim->name,
		claim->is_new, &message, NULL)) {
		restore->put_back++;
		mark(restore, entry);
	}
	return true;
}

static bool
settle(struct folder_restore *restore, const struct folder_claim *claim,
    struct imap_error *error)
{
	const struct index_entry *entry =
	    index_find(&restore->expected, claim->message.uid);
	char other[MAILDIR_NAME_SIZE];
	bool is_new;

	if (entry == NULL ||
	    folder_entry(&claim->message).size != entry->size ||
	    !maildir_is_generation(claim->name, restore->identity.uidvalidity))
		return disown(restore, claim, error);
	/* the same file, met twice because a reader moved it, is no rival */
	if (!is_marked(restore, entry) ||
	    (entry->size != INDEX_SIZE_LARGE && entry->date != INDEX_DATE_ODD &&
		!is_in_place(restore, entry, claim->name, other, &is_new)))
		return put_back(restore, claim, entry, error);
	if (!is_in_place(restore, entry, claim->name, other, &is_new) ||
	    !maildir_same_content(
		restore->maildir, claim->name, claim->is_new, other, is_new))
		return disown(restore, claim, error);
	restore->removed++;
	return maildir_remove_file(
	    restore->maildir, claim->name, claim->is_new, error);
}

static bool
look_at_files(struct look *look, struct imap_error *error)
{
	struct folder_restore *restore = look->restore;
	bool is_ok = maildir_scan(
	    restore->maildir, &restore->identity, look_found, look, error);

	for (uint32_t i = 0; is_ok && i < look->claims.count; i++)
		is_ok = settle(restore, &look->claims.items[i], error);
	return is_ok;
}

bool
folder_restore(struct folder_restore *restore, struct imap_error *error)
{
	struct look look = {.restore = restore};
	bool is_ok = true;

	for (uint32_t i = 0; i < restore->sighting_count; i++)
		if (!try_sighting(restore, &restore->sightings[i]))
			uidset_add(&look.uids, restore->sightings[i].uid);
	if (restore->is_all || !uidset_is_empty(&look.uids))
		is_ok = look_at_files(&look, error);
	if (is_ok) {
		index_uids(&restore->expected, &restore->lost);
		uidset_minus(&restore->lost, &restore->found);
	}
	uidset_free(&look.uids);
	folder_claims_free(&look.claims);
	return is_ok;
}

void
folder_restore_free(struct folder_restore *restore)
{
	index_free(&restore->expected);
	uidset_free(&restore->ignored);
	uidset_free(&restore->found);
	uidset_free(&restore->lost);
	mem_free(restore->sightings);
	*restore = (struct folder_restore){0};
}
