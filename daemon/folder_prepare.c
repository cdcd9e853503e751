/*
 * Reading a folder's disk, on the disk lane: what is there, and whose it is.
 * The job owns its values; the folder's own are changed on the loop.
 */
#include "daemon/folder_expunge.h"
#include "daemon/folder_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/folder_adopt.h"
#include "daemon/maildir_carry.h"
#include "daemon/name.h"
#include "libclient/base/mem.h"

/* ---- reading the disk ---- */

struct prepare {
	struct folder *folder;
	struct maildir *maildir;
	char *path;
	struct maildir_identity identity;
	struct maildir_stamp stamp; /* before the files were read */
	uint32_t highest_uid; /* that .uidvalidity has */
	uint32_t highest_row;
	uint32_t stale;
	bool stale_has_emailids; /* all its rows do */
	struct state_folder row;
	bool is_untouched; /* the rows say all: no file was looked at */
	struct state_folder loaded; /* the same, before it was changed here */
	struct uidset doubled; /* UIDs that several files name as ours */
	struct index index;
	struct keywords keywords;
	struct uidset unverified;
	struct folder_claims odd;
	struct index lost; /* rows without a file */
	struct uidset restore;
	struct withheld withheld;
	uint32_t local_files; /* without a claim: left alone */
	uint32_t disowned;
	uint32_t put_back; /* files that somebody gave other flags */
	bool is_altered; /* letters that nobody explains */
	bool failed;
	struct imap_error error;
};

static void
prepare_found(void *user, const struct maildir_file *file)
{
	struct prepare *prepare = user;
	struct index_entry entry;

	if (!file->has_uid) {
		prepare->local_files++;
		return;
	}
	if (!file->is_ours) {
		folder_claims_add(&prepare->odd, file);
		return;
	}
	entry = folder_entry(&file->message);
	index_put(&prepare->index, &entry);
}

/* Copies with our names, or one file that a mail reader moved meanwhile. */
static void
prepare_doubled(void *user, const struct maildir_file *file)
{
	struct prepare *prepare = user;

	if (file->has_uid && file->is_ours &&
	    uidset_contains(&prepare->doubled, file->message.uid))
		folder_claims_add(&prepare->odd, file);
}

static bool
scan(struct prepare *prepare)
{
	prepare->index.repeated = &prepare->doubled;
	if (!maildir_scan(prepare->maildir, &prepare->identity, prepare_found,
		prepare, &prepare->error))
		return false;
	index_uids(&prepare->index, &prepare->unverified);
	prepare->index.repeated = NULL;
	return uidset_is_empty(&prepare->doubled) ||
	    maildir_scan(prepare->maildir, &prepare->identity, prepare_doubled,
		prepare, &prepare->error);
}

/* The message is known, only its name is another's (the setting host may have
 * changed): it gets the name that it should have. */
static bool
rename_known(struct prepare *prepare, const struct folder_claim *claim,
    const struct maildir_message *message)
{
	return maildir_rename(prepare->maildir, &prepare->identity, claim->name,
	    claim->is_new, message, &prepare->error);
}

/* The rows have the flags that were last agreed with the server: whoever
 * changed them here did so in vain. */
static bool
put_back_flags(
    struct prepare *prepare, const struct index_entry *entry, uint32_t flags)
{
	struct maildir_message message = folder_message(entry);
	bool is_missing;

	if (entry->flags == flags)
		return true;
	prepare->put_back++;
	return maildir_set_flags(prepare->maildir, &prepare->identity, &message,
	    flags, &is_missing, &prepare->error);
}

/* A row vouches for the file that is as it says. */
static void
prepare_row(void *user, const struct state_message *row)
{
	struct prepare *prepare = user;
	const struct index_entry *entry = index_find(&prepare->index, row->uid);
	const struct folder_claim *claim =
	    folder_claims_find(&prepare->odd, row->uid);
	struct maildir_message message = {.uid = row->uid,
	    .size = row->size,
	    .date = row->date,
	    .flags = row->flags};
	struct index_entry expected = folder_entry(&message);

	prepare->highest_row = row->uid;
	if (row->keywords.len > 0)
		(void)keywords_rest_put(
		    &prepare->keywords.rest, row->uid, row->keywords);
	if (entry == NULL) {
		index_put(&prepare->lost, &expected);
		return;
	}
	if (entry->size != expected.size ||
	    (claim == NULL && entry->date != expected.date))
		return;
	if (claim != NULL ? !rename_known(prepare, claim, &message)
			  : !put_back_flags(prepare, entry, row->flags))
		return;
	(void)index_replace(&prepare->index, &expected);
	uidset_remove(&prepare->unverified, row->uid);
}

static bool
disown(struct prepare *prepare, const struct folder_claim *claim)
{
	prepare->disowned++;
	return maildir_disown(
	    prepare->maildir, claim->name, claim->is_new, &prepare->error);
}

/* Of several files with our names the one is right that the row vouches for. */
static void
prefer_row(void *user, const struct state_message *row)
{
	struct prepare *prepare = user;
	struct index_entry entry;

	if (!uidset_contains(&prepare->doubled, row->uid))
		return;
	entry = folder_entry(&(struct maildir_message){.uid = row->uid,
	    .size = row->size,
	    .date = row->date,
	    .flags = row->flags});
	(void)index_replace(&prepare->index, &entry);
}

/* The file that the index speaks of, not yet met among the claims. */
static bool
is_rightful(struct prepare *prepare, const struct folder_claim *claim,
    const struct index_entry *entry)
{
	struct index_entry own = folder_entry(&claim->message);

	if (!uidset_contains(&prepare->doubled, entry->uid) ||
	    own.size != entry->size || own.date != entry->date)
		return false;
	uidset_remove(&prepare->doubled, entry->uid);
	return index_replace(&prepare->index, &own);
}

/*
 * One file a UID. Another claimant is removed if it is the same message to
 * the byte, else it becomes a local file; if there is no other, it is the
 * message itself, found twice because it was just moved.
 */
static bool
settle_rival(struct prepare *prepare, const struct folder_claim *claim,
    const struct index_entry *entry)
{
	char other[MAILDIR_NAME_SIZE];
	bool is_new = false;

	struct maildir_message expected = folder_message(entry);
	struct index_entry own;

	/* where the index says it is, before every file is looked at */
	if (!maildir_find_message(prepare->maildir, &prepare->identity,
		&expected, claim->name, other, &is_new) &&
	    !maildir_find_claim(prepare->maildir, claim->message.uid,
		claim->name, other, &is_new)) {
		own = folder_entry(&claim->message);
		(void)index_replace(&prepare->index, &own);
		return true;
	}
	if (!maildir_same_content(
		prepare->maildir, claim->name, claim->is_new, other, is_new))
		return disown(prepare, claim);
	return maildir_remove_file(
	    prepare->maildir, claim->name, claim->is_new, &prepare->error);
}

/*
 * A claimant whose name says another generation has no claim; the generation
 * that is on its way out is left to its own end. The first that claims a UID
 * without being named as ours is kept: the server will be asked.
 */
static bool
settle_claim(struct prepare *prepare, const struct folder_claim *claim,
    struct folder_claims *left)
{
	const struct index_entry *entry =
	    index_find(&prepare->index, claim->message.uid);
	const struct index_entry none = {.size = INDEX_SIZE_LARGE};

	if (prepare->stale != 0 &&
	    maildir_is_generation(claim->name, prepare->stale))
		return true;
	if (!maildir_is_generation(claim->name, prepare->identity.uidvalidity))
		return disown(prepare, claim);
	if (entry != NULL)
		return is_rightful(prepare, claim, entry) ||
		    settle_rival(prepare, claim, entry);
	if (folder_claims_find(left, claim->message.uid) != NULL)
		return settle_rival(prepare, claim, &none);
	folder_claims_add(left,
	    &(struct maildir_file){.name = claim->name,
		.is_new = claim->is_new,
		.message = claim->message});
	return true;
}

/* The index gets what is left at the end, so that it is sorted but once. */
static bool
settle_odd(struct prepare *prepare)
{
	struct folder_claims left = {0};
	bool ok = true;

	folder_claims_sort(&prepare->odd);
	for (uint32_t i = 0; ok && i < prepare->odd.count; i++)
		ok = settle_claim(prepare, &prepare->odd.items[i], &left);
	folder_claims_free(&prepare->odd);
	prepare->odd = left;
	for (uint32_t i = 0; i < left.count; i++) {
		struct index_entry put = folder_entry(&left.items[i].message);

		index_put(&prepare->index, &put);
	}
	uidset_clear(&prepare->unverified);
	index_uids(&prepare->index, &prepare->unverified);
	return ok;
}

static void
withheld_found(void *user, const struct state_withheld *item)
{
	struct prepare *prepare = user;

	if (index_find(&prepare->index, item->uid) == NULL &&
	    index_find(&prepare->lost, item->uid) == NULL)
		withheld_load(&prepare->withheld, item);
}

/* Letters mean nothing where nobody explains them. */
static void
note_letters(struct prepare *prepare)
{
	struct index_cursor cursor = {0};
	struct index_entry entry;
	uint32_t used = 0;

	while (index_next(&prepare->index, &cursor, &entry))
		used |= entry.flags;
	if ((used & ~keywords_bits(&prepare->keywords)) != 0)
		prepare->is_altered = true;
}

/* What was last agreed with the server, against what is there. */
static bool
prepare_rows(struct prepare *prepare)
{
	struct folder *folder = prepare->folder;
	struct state *state = folder->config.state;
	struct span mailbox = folder_mailbox_bytes(folder);
	struct index_cursor cursor = {0};
	struct index_entry lost;

	if (!state_load_messages(
		state, mailbox, prepare_row, prepare, &prepare->error) ||
	    !state_load_withheld(
		state, mailbox, withheld_found, prepare, &prepare->error))
		return false;
	index_uids(&prepare->lost, &prepare->restore);
	while (index_next(&prepare->lost, &cursor, &lost))
		index_put(&prepare->index, &lost);
	index_free(&prepare->lost);
	note_letters(prepare);
	return true;
}

/* ---- nothing was touched ---- */

/* The directories are as they were when all was as the rows say. */
static bool
is_untouched(const struct prepare *prepare)
{
	const struct maildir_stamp then = {
	    .new_ns = prepare->row.new_ns, .cur_ns = prepare->row.cur_ns};

	return prepare->stale == 0 && prepare->row.uidvalidity != 0 &&
	    prepare->row.uidvalidity == prepare->identity.uidvalidity &&
	    maildir_stamp_is(prepare->maildir, &then);
}

static void
known_row(void *user, const struct state_message *row)
{
	struct prepare *prepare = user;
	struct index_entry entry =
	    folder_entry(&(struct maildir_message){.uid = row->uid,
		.size = row->size,
		.date = row->date,
		.flags = row->flags});

	prepare->highest_row = row->uid;
	if (row->keywords.len > 0)
		(void)keywords_rest_put(
		    &prepare->keywords.rest, row->uid, row->keywords);
	index_put(&prepare->index, &entry);
}

/* The rows alone say what is there. */
static bool
prepare_known(struct prepare *prepare)
{
	struct folder *folder = prepare->folder;
	struct state *state = folder->config.state;
	struct span mailbox = folder_mailbox_bytes(folder);

	if (!state_load_messages(
		state, mailbox, known_row, prepare, &prepare->error) ||
	    !state_load_withheld(
		state, mailbox, withheld_found, prepare, &prepare->error))
		return false;
	note_letters(prepare);
	return true;
}

/* A scan found what the rows say, and nothing had to be mended. */
static bool
is_as_agreed(const struct prepare *prepare)
{
	return uidset_is_empty(&prepare->unverified) &&
	    uidset_is_empty(&prepare->restore) && prepare->odd.count == 0 &&
	    prepare->put_back == 0 && prepare->disowned == 0 &&
	    !prepare->is_altered;
}

/* A run that ended between the rows and .uidvalidity left it behind. */
static void
catch_up_highest(struct prepare *prepare)
{
	if (prepare->highest_row > prepare->highest_uid)
		(void)maildir_note_highest_uid(prepare->maildir,
		    prepare->identity.uidvalidity, prepare->highest_row,
		    prepare->folder->config.settings->fsync);
}

/* Whose UIDs the names have; 0: nobody's. */
static bool
read_identity(struct prepare *prepare)
{
	const struct folder *folder = prepare->folder;
	uint32_t uidvalidity = 0;

	prepare->identity = folder->identity;
	prepare->identity.uidvalidity = 0;
	if (!maildir_read_uidvalidity(prepare->maildir, &uidvalidity,
		&prepare->highest_uid, &prepare->error))
		return prepare->error.kind == IMAP_ERROR_NONE &&
		    folder_adopt(folder, prepare->maildir,
			&prepare->identity.uidvalidity, &prepare->highest_uid,
			&prepare->error);
	prepare->identity.uidvalidity = uidvalidity;
	return true;
}

static bool
prepare_disk(struct prepare *prepare)
{
	struct folder *folder = prepare->folder;
	struct state *state = folder->config.state;
	struct span mailbox = folder_mailbox_bytes(folder);

	if (!folder_find_path(folder, &prepare->path, &prepare->error))
		return false;
	prepare->maildir =
	    maildir_open(folder->config.root, prepare->path, &prepare->error);
	if (prepare->maildir == NULL)
		return false;
	maildir_clean_tmp(prepare->maildir);
	/* what only cannot be read now must not be taken for missing */
	if (!keywords_read(
		&prepare->keywords, prepare->maildir, &prepare->error) ||
	    !state_load_folder(state, mailbox, &prepare->row, &prepare->error))
		return false;
	prepare->loaded = prepare->row;
	if (!read_identity(prepare))
		return false;
	/* the server went back before the new generation had begun */
	if (prepare->row.stale_uidvalidity == prepare->identity.uidvalidity)
		prepare->row.stale_uidvalidity = 0;
	prepare->stale = prepare->row.stale_uidvalidity;
	if (prepare->stale != 0 &&
	    !state_has_retired(
		state, mailbox, &prepare->stale_has_emailids, &prepare->error))
		return false;
	prepare->stamp = maildir_stamp(prepare->maildir);
	prepare->is_untouched = is_untouched(prepare);
	if (prepare->is_untouched)
		return prepare_known(prepare);
	prepare->row.new_ns = 0;
	prepare->row.cur_ns = 0;
	if (!scan(prepare))
		return false;
	if (!uidset_is_empty(&prepare->doubled) &&
	    !state_load_messages(
		state, mailbox, prefer_row, prepare, &prepare->error))
		return false;
	if (!settle_odd(prepare))
		return false;
	if (prepare->row.uidvalidity != prepare->identity.uidvalidity) {
		prepare->row.highestmodseq = 0;
		return true;
	}
	if (!prepare_rows(prepare))
		return false;
	if (is_as_agreed(prepare)) {
		prepare->row.new_ns = prepare->stamp.new_ns;
		prepare->row.cur_ns = prepare->stamp.cur_ns;
	}
	return true;
}

static void
prepare_work(void *data)
{
	struct prepare *prepare = data;

	prepare->failed = !prepare_disk(prepare);
	if (!prepare->failed) {
		maildir_agree(prepare->maildir,
		    (struct maildir_stamp){
			prepare->row.new_ns, prepare->row.cur_ns});
		catch_up_highest(prepare);
	}
	/* thousands may be done before the loop looks at the first */
	if (prepare->maildir != NULL)
		maildir_rest(prepare->maildir);
}

static void
prepare_free(struct prepare *prepare)
{
	prepare->maildir = maildir_close(prepare->maildir);
	mem_free(prepare->path);
	index_free(&prepare->index);
	keywords_free(&prepare->keywords);
	uidset_free(&prepare->unverified);
	uidset_free(&prepare->doubled);
	folder_claims_free(&prepare->odd);
	index_free(&prepare->lost);
	uidset_free(&prepare->restore);
	withheld_free(&prepare->withheld);
	mem_free(prepare);
}

static void
report_files(const struct prepare *prepare)
{
	const struct log_subject *subject = &prepare->folder->subject;

	if (prepare->is_untouched)
		log_debug(subject,
		    "%" PRIu32 " messages, untouched since the last look",
		    prepare->index.count);
	if (prepare->local_files > 0)
		log_info(subject,
		    "%" PRIu32 " files without a UID of the server's are "
		    "left alone",
		    prepare->local_files);
	if (prepare->put_back > 0 || !uidset_is_empty(&prepare->restore))
		log_line(SETTINGS_LOG_NOTICE, LOG_EVENT_LOCAL_CHANGE, subject,
		    "%" PRIu32 " messages had other flags here and are put "
		    "back, %" PRIu64 " were removed here and are fetched again",
		    prepare->put_back, uidset_count(&prepare->restore));
	if (prepare->disowned > 0)
		log_notice(subject,
		    "%" PRIu32 " files claimed a UID that is not theirs: "
		    "they are local files now",
		    prepare->disowned);
}

static void
prepare_done(void *data)
{
	struct prepare *prepare = data;
	struct folder *folder = prepare->folder;

	folder_end_job(folder);
	if (prepare->failed) {
		folder_fail(folder, &prepare->error);
		prepare_free(prepare);
		watcher_tell(&folder->watcher, WATCHER_DISK);
		folder->config.host->changed(folder->config.host_user, folder);
		return;
	}
	report_files(prepare);
	folder_unprepare(folder);
	folder->is_prepared = true;
	folder->is_altered = prepare->is_altered;
	folder->maildir = prepare->maildir;
	prepare->maildir = NULL;
	folder->landing.maildir = folder->maildir;
	folder->path = prepare->path;
	prepare->path = NULL;
	folder->identity = prepare->identity;
	folder->stale_uidvalidity = prepare->stale;
	folder->match.stale_has_emailids = prepare->stale_has_emailids;
	folder->row = prepare->row;
	folder->saved = prepare->loaded;
	folder->index = prepare->index;
	prepare->index = (struct index){0};
	folder->keywords = prepare->keywords;
	prepare->keywords = (struct keywords){0};
	uidset_give(&folder->unverified, &prepare->unverified);
	/* rows that are there would speak for what is ours */
	folder->noted_uid =
	    prepare->row.uidvalidity == prepare->identity.uidvalidity
	    ? 0
	    : prepare->highest_uid;
	uidset_give(&folder->absent.restore, &prepare->restore);
	folder->absent.withheld = prepare->withheld;
	prepare->withheld = (struct withheld){0};
	if (folder->config.runs_once)
		withheld_hurry(&folder->absent.withheld);
	folder->odd = prepare->odd;
	prepare->odd = (struct folder_claims){0};
	folder->next_uid = index_last(&folder->index) + 1;
	folder_local_begin(folder, &prepare->stamp);
	prepare_free(prepare);
	watcher_tell(&folder->watcher, WATCHER_PREPARED);
	folder->config.host->changed(folder->config.host_user, folder);
}

void
folder_prepare(struct folder *folder)
{
	struct prepare *prepare = mem_new(struct prepare);

	prepare->folder = folder;
	folder->jobs++;
	(void)job_submit(
	    folder->config.disk, prepare_work, prepare_done, prepare);
}
