/*
 * Another UIDVALIDITY: the old generation's files stay until the new one is
 * the same as the server's (folder_match.h finds which of them are its
 * messages, too), then they go. A server that goes back meets its own files
 * again. Whatever is interrupted is done again from what rows and names say.
 * On the disk lane.
 */
#include "daemon/folder_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/folder_expunge.h"
#include "daemon/maildir_carry.h"
#include "daemon/maildir_link.h"
#include "libclient/base/mem.h"

/* So many changes within so many seconds are reported as the server's fault. */
#define FLIPS_ALARM  2
#define FLIPS_PERIOD 86400

/* A file of the generation that stays. */
struct twin {
	uint64_t number; /* the file's, under any name */
	struct maildir_message message;
};

struct generation {
	struct folder *folder;
	struct maildir *maildir;
	struct maildir_identity identity;
	struct state_folder row;
	struct folder_claims files; /* to be disowned or removed */
	struct index index; /* files of the new generation, from before */
	struct twin *twins;
	uint32_t twin_count;
	uint32_t twin_size;
	bool has_old; /* the old claims were valid */
	bool has_emailids; /* all its rows do */
	struct state_message *folded; /* what the server once confirmed */
	uint32_t folded_count;
	unsigned flips; /* of late */
	uint64_t have; /* messages of the new generation */
	struct folder_expunge expunge;
	struct maildir_message *expunged; /* of the old one */
	uint32_t expunged_count;
	struct compare_rules rules;
	bool is_held;
	bool failed;
	struct imap_error error;
};

static struct generation *
generation_new(struct folder *folder)
{
	struct generation *generation = mem_new(struct generation);

	generation->folder = folder;
	generation->maildir = folder->maildir;
	generation->identity = folder->identity;
	generation->row = folder->row;
	generation->row.new_ns = 0;
	generation->row.cur_ns = 0;
	folder->jobs++;
	return generation;
}

static void
generation_free(struct generation *generation)
{
	folder_claims_free(&generation->files);
	index_free(&generation->index);
	mem_free(generation->twins);
	mem_free(generation->folded);
	mem_free(generation->expunged);
	folder_expunge_free(&generation->expunge);
	mem_free(generation);
}

/* ---- twins: the same file, or the same bytes, in the one that stays ---- */

static void
twin_found(void *user, const struct maildir_file *file)
{
	struct generation *generation = user;
	struct twin *twin;

	if (!file->is_ours)
		return;
	if (generation->twin_count == generation->twin_size) {
		generation->twin_size = generation->twin_size * 2 + 64;
		generation->twins = mem_resize(generation->twins,
		    generation->twin_size, sizeof(*generation->twins));
	}
	twin = &generation->twins[generation->twin_count];
	twin->message = file->message;
	if (maildir_file_number(
		generation->maildir, file->name, file->is_new, &twin->number))
		generation->twin_count++;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t left = ((const struct twin *)a)->number;
	uint64_t right = ((const struct twin *)b)->number;

	return left < right ? -1 : left > right;
}

/* Looks at the files of the generation that stays. */
static bool
find_twins(
    struct generation *generation, const struct maildir_identity *identity)
{
	if (!maildir_scan(generation->maildir, identity, twin_found, generation,
		&generation->error))
		return false;
	if (generation->twin_count > 1)
		qsort(generation->twins, generation->twin_count,
		    sizeof(*generation->twins), by_number);
	return true;
}

/* True if the file has another name in the generation that stays. */
static bool
is_linked(struct generation *generation, const struct folder_claim *claim)
{
	struct twin key = {0};

	return generation->twin_count > 0 &&
	    maildir_file_number(
		generation->maildir, claim->name, claim->is_new, &key.number) &&
	    bsearch(&key, generation->twins, generation->twin_count,
		sizeof(*generation->twins), by_number) != NULL;
}

/* True if the message was downloaded again, since it was ambiguous. */
static bool
is_copied(struct generation *generation, const struct folder_claim *claim)
{
	for (uint32_t i = 0; i < generation->twin_count; i++) {
		const struct maildir_message *message =
		    &generation->twins[i].message;
		char name[MAILDIR_NAME_SIZE];
		bool is_new;

		if (message->size == claim->message.size &&
		    message->date == claim->message.date &&
		    maildir_find_message(generation->maildir,
			&generation->identity, message, "", name, &is_new) &&
		    maildir_same_content(generation->maildir, claim->name,
			claim->is_new, name, is_new))
			return true;
	}
	return false;
}

/* ---- the beginning ---- */

/* Claims of nobody's numbers: any file with a `,U=`. */
static void
claim_found(void *user, const struct maildir_file *file)
{
	struct generation *generation = user;
	struct maildir_message message;
	bool is_ours;

	if (maildir_parse_name(
		file->name, &generation->identity, &message, &is_ours))
		folder_claims_add(&generation->files, file);
}

static bool
disown_all(struct generation *generation)
{
	struct maildir_identity nobody = {.host = ""};

	if (!maildir_scan(generation->maildir, &nobody, claim_found, generation,
		&generation->error))
		return false;
	for (uint32_t i = 0; i < generation->files.count; i++)
		if (!maildir_disown(generation->maildir,
			generation->files.items[i].name,
			generation->files.items[i].is_new, &generation->error))
			return false;
	return true;
}

static void
ours_found(void *user, const struct maildir_file *file)
{
	struct generation *generation = user;

	if (file->is_ours)
		folder_claims_add(&generation->files, file);
}

/* Before rows say so: names that came back after a crash would be nobody's. */
static bool
sync_files(struct generation *generation)
{
	return !generation->folder->config.settings->fsync ||
	    maildir_sync(generation->maildir, &generation->error);
}

/* A row for what the first one's rows vouched for. */
static void
note_folded(struct generation *generation, const struct uidset *confirmed,
    uint32_t uid, const struct maildir_message *message)
{
	if (uidset_contains(confirmed, uid))
		generation->folded[generation->folded_count++] =
		    (struct state_message){
			.uid = message->uid,
			.flags = message->flags,
			.size = message->size,
			.date = message->date,
		    };
}

/*
 * A third generation comes before the second was complete: what the first one
 * has besides becomes the second one's, with UIDs that no server gives away.
 */
static bool
fold(struct generation *generation, uint32_t first)
{
	struct maildir_identity oldest = generation->identity;
	struct folder *folder = generation->folder;
	struct uidset confirmed = {0};
	uint32_t uid = IDENTITY_HERE;
	bool ok;

	oldest.uidvalidity = first;
	ok =
	    state_retired_uids(folder->config.state,
		folder_mailbox_bytes(folder), &confirmed, &generation->error) &&
	    find_twins(generation, &generation->identity) &&
	    maildir_scan(generation->maildir, &oldest, ours_found, generation,
		&generation->error);
	generation->folded = mem_alloc(((size_t)generation->files.count + 1) *
	    sizeof(*generation->folded));
	for (uint32_t i = 0; ok && i < generation->files.count; i++) {
		struct folder_claim *claim = &generation->files.items[i];
		const uint32_t before = claim->message.uid;

		if (is_linked(generation, claim)) {
			ok = maildir_remove_file(generation->maildir,
			    claim->name, claim->is_new, &generation->error);
			continue;
		}
		claim->message.uid = --uid;
		note_folded(generation, &confirmed, before, &claim->message);
		ok = maildir_rename(generation->maildir, &generation->identity,
		    claim->name, claim->is_new, &claim->message,
		    &generation->error);
	}
	folder_claims_free(&generation->files);
	uidset_free(&confirmed);
	return ok && sync_files(generation);
}

/* Rows follow the files: those of the old generation are put aside, and those
 * that were put aside when the server left this one come back. */
static bool
begin_rows(struct generation *generation)
{
	struct state *state = generation->folder->config.state;
	struct span mailbox = folder_mailbox_bytes(generation->folder);
	uint32_t old = generation->identity.uidvalidity;
	uint32_t new = generation->row.uidvalidity;
	struct state_folder saved = {0};
	struct state_change change = {
	    .mailbox = mailbox, .folder = &generation->row};

	if (!state_load_folder(state, mailbox, &saved, &generation->error))
		return false;
	if (saved.uidvalidity == old && saved.stale_uidvalidity == new) {
		change.swap_retired = true;
	} else if (saved.uidvalidity == old && old != 0) {
		if (saved.stale_uidvalidity != 0 &&
		    !fold(generation, saved.stale_uidvalidity))
			return false;
		change.forget_retired = true;
		change.swap_retired = true;
		change.retired = generation->folded;
		change.retired_count = generation->folded_count;
	} else if (saved.uidvalidity != new || saved.stale_uidvalidity != old) {
		/* not even interrupted: the rows are of nothing known */
		change.forget_messages = true;
		change.forget_retired = true;
	}
	return state_apply(state, &change, &generation->error) &&
	    state_has_retired(
		state, mailbox, &generation->has_emailids, &generation->error);
}

/* Takes a number and the space behind it off the front; 0: there is none. */
static uint64_t
take_number(struct span *text)
{
	unsigned long long number = 0;
	const char *space = memchr(text->at, ' ', text->len);
	struct span word = *text;

	if (space != NULL)
		word.len = (size_t)(space - text->at);
	*text = span_from(*text, word.len + (space != NULL));
	(void)span_to_number(word, INT64_MAX, &number);
	return number;
}

/* Counts the changes since the first one of the last day. */
static void
count_flips(struct generation *generation)
{
	struct state *state = generation->folder->config.state;
	char *name =
	    mem_format("uidvalidity changes %s", generation->folder->mailbox);
	char *value = state_get_fact(state, name);
	struct span text = span_of(value);
	uint64_t now = (uint64_t)time(NULL), first = 0, count = 0;

	if (value != NULL) {
		first = take_number(&text);
		count = take_number(&text);
	}
	if (first > now || now - first >= FLIPS_PERIOD) {
		first = now;
		count = 0;
	}
	generation->flips = (unsigned)++count;
	mem_free(value);
	value = mem_format("%" PRIu64 " %" PRIu64, first, count);
	(void)state_set_fact(state, name, value, NULL);
	mem_free(value);
	mem_free(name);
}

/* What is here of the new generation: the server has been there before. */
static void
returned_found(void *user, const struct maildir_file *file)
{
	struct generation *generation = user;
	struct index_entry entry;

	if (!file->is_ours)
		return;
	entry = folder_entry(&file->message);
	index_put(&generation->index, &entry);
}

static void
begin_work(void *data)
{
	struct generation *generation = data;
	struct maildir_identity next = generation->identity;

	next.uidvalidity = generation->row.uidvalidity;
	maildir_agree(generation->maildir, (struct maildir_stamp){0});
	if (generation->has_old)
		count_flips(generation);
	generation->failed =
	    (!generation->has_old && !disown_all(generation)) ||
	    !begin_rows(generation) ||
	    !maildir_scan(generation->maildir, &next, returned_found,
		generation, &generation->error) ||
	    !maildir_write_uidvalidity(generation->maildir,
		generation->row.uidvalidity, index_last(&generation->index),
		true, &generation->error);
}

/* The folder is another one now; the server is asked about all that is here. */
static void
begin_folder(struct folder *folder, struct generation *generation)
{
	folder->row = generation->row;
	folder->saved = generation->row;
	folder->identity.uidvalidity = generation->row.uidvalidity;
	folder->stale_uidvalidity = generation->row.stale_uidvalidity;
	folder->is_stale_held = false;
	folder->match.stale_has_emailids = generation->has_emailids;
	index_free(&folder->index);
	folder->index = generation->index;
	generation->index = (struct index){0};
	uidset_clear(&folder->unverified);
	index_uids(&folder->index, &folder->unverified);
	folder->noted_uid = index_last(&folder->index);
	uidset_clear(&folder->rowless);
	uidset_clear(&folder->missing);
	withheld_free(&folder->absent.withheld);
	uidset_clear(&folder->absent.restore);
	keywords_rest_free(&folder->keywords.rest);
	keywords_rest_free(&folder->keywords.news);
	folder_claims_free(&folder->odd);
	folder->next_uid = folder->noted_uid + 1;
}

static void
begin_done(void *data)
{
	struct generation *generation = data;
	struct folder *folder = generation->folder;
	bool failed = generation->failed;

	folder_end_job(folder);
	folder->match.is_beginning = false;
	if (generation->flips >= FLIPS_ALARM)
		log_line(SETTINGS_LOG_ERROR, LOG_EVENT_UIDVALIDITY,
		    &folder->subject,
		    "the server's UIDVALIDITY changed %u times within a day: "
		    "its UIDs cannot be relied on; tell its administrator",
		    generation->flips);
	if (failed) {
		folder_fail(folder, &generation->error);
	} else {
		if (generation->files.count > 0)
			log_notice(&folder->subject,
			    "%" PRIu32 " files claimed UIDs that nobody "
			    "vouches for: they are local files now",
			    generation->files.count);
		begin_folder(folder, generation);
	}
	generation_free(generation);
	folder->config.host->changed(folder->config.host_user, folder);
	watcher_tell(
	    &folder->watcher, failed ? WATCHER_DISK : WATCHER_COMMITTED);
}

void
folder_begin_generation(struct folder *folder, uint32_t uidvalidity)
{
	struct generation *generation;

	/* the end of an older job may have asked once more */
	if (folder->match.is_beginning)
		return;
	folder->match.is_beginning = true;
	generation = generation_new(folder);
	generation->has_old = folder->identity.uidvalidity != 0;
	if (generation->has_old)
		log_line(SETTINGS_LOG_WARNING, LOG_EVENT_UIDVALIDITY,
		    &folder->subject,
		    "the server's UIDVALIDITY changed from %" PRIu32
		    " to %" PRIu32 ": what is here stays until the new "
		    "mailbox is here",
		    folder->identity.uidvalidity, uidvalidity);
	generation->row = (struct state_folder){
	    .uidvalidity = uidvalidity,
	    .stale_uidvalidity = folder->identity.uidvalidity,
	};
	(void)job_submit(
	    folder->config.disk, begin_work, begin_done, generation);
}

/* ---- the end ---- */

static void
stale_found(void *user, const struct maildir_file *file)
{
	struct generation *generation = user;

	if (file->has_uid &&
	    maildir_is_generation(
		file->name, generation->row.stale_uidvalidity))
		folder_claims_add(&generation->files, file);
}

/* One whose message is under its new name goes; another one was expunged. */
static bool
end_file(struct generation *generation, const struct folder_claim *claim)
{
	if (generation->expunge.what == SETTINGS_EXPUNGE_DELETE ||
	    is_linked(generation, claim) || is_copied(generation, claim))
		return maildir_remove_file(generation->maildir, claim->name,
		    claim->is_new, &generation->error);
	generation->expunged[generation->expunged_count++] = claim->message;
	return true;
}

static bool
end_files(struct generation *generation)
{
	struct folder *folder = generation->folder;
	struct maildir_identity stale = generation->identity;
	uint32_t count = generation->files.count;
	bool ok = true;

	stale.uidvalidity = generation->row.stale_uidvalidity;
	if (generation->expunge.what != SETTINGS_EXPUNGE_DELETE) {
		ok = find_twins(generation, &generation->identity);
		generation->expunged =
		    mem_alloc((count + 1) * sizeof(*generation->expunged));
	}
	for (uint32_t i = 0; ok && i < count; i++)
		ok = end_file(generation, &generation->files.items[i]);
	return ok &&
	    folder_expunge(&generation->expunge, folder->config.root,
		folder->config.state, generation->maildir, &stale,
		generation->expunged, generation->expunged_count,
		folder->config.settings->fsync, &generation->error);
}

/* Files that were taken over from another program, and that this server has
 * never confirmed, may be another's: the only ones of their kind. */
static bool
spare_unconfirmed(struct generation *generation)
{
	struct folder *folder = generation->folder;
	struct uidset rows = {0};
	bool ok = state_retired_uids(folder->config.state,
	    folder_mailbox_bytes(folder), &rows, &generation->error);

	if (ok && uidset_is_empty(&rows))
		generation->expunge.what = SETTINGS_EXPUNGE_KEEP;
	uidset_free(&rows);
	return ok;
}

static void
end_work(void *data)
{
	struct generation *generation = data;
	struct folder *folder = generation->folder;
	bool ok = maildir_scan(generation->maildir, &generation->identity,
		      stale_found, generation, &generation->error) &&
	    spare_unconfirmed(generation);
	uint64_t count = generation->files.count;
	struct state_change change = {.mailbox = folder_mailbox_bytes(folder),
	    .folder = &generation->row,
	    .forget_retired = true};

	generation->is_held = count > generation->have &&
	    compare_holds(&generation->rules, count - generation->have, count);
	if (ok && generation->is_held)
		return;
	ok = ok && end_files(generation) && sync_files(generation);
	generation->row.stale_uidvalidity = 0;
	generation->failed = !ok ||
	    !state_apply(folder->config.state, &change, &generation->error);
}

static void
end_done(void *data)
{
	struct generation *generation = data;
	struct folder *folder = generation->folder;

	folder_end_job(folder);
	if (generation->is_held) {
		folder->is_stale_held = true;
		folder->row.is_held = true;
		log_line(SETTINGS_LOG_WARNING, LOG_EVENT_HELD, &folder->subject,
		    "the new mailbox has far fewer messages than the one "
		    "before: the old files stay (delete_guard); to let "
		    "them go: mailmirror sync --accept-deletes %s/%s",
		    folder->config.settings->name, folder->name);
	} else if (generation->failed) {
		log_warning(&folder->subject,
		    "the mailbox's former files could not be removed: %s",
		    generation->error.text);
	} else {
		struct hook_news news = {.has_moved = true};

		folder_tell_news(folder, &news);
		folder->row.stale_uidvalidity = 0;
		folder->saved.stale_uidvalidity = 0;
		folder->stale_uidvalidity = 0;
		log_notice(&folder->subject,
		    "%" PRIu32 " files of the former UIDVALIDITY removed, "
		    "%" PRIu32 " kept",
		    generation->files.count - generation->expunged_count,
		    generation->expunged_count);
	}
	generation_free(generation);
	/* it may wait for this to be prepared anew */
	if (folder->watcher.state == WATCHER_OPENING)
		watcher_tell(&folder->watcher, WATCHER_COMMITTED);
	folder->config.host->changed(folder->config.host_user, folder);
}

void
folder_end_generation(struct folder *folder)
{
	struct generation *generation = generation_new(folder);

	assert(folder->stale_uidvalidity != folder->identity.uidvalidity);
	generation->have = folder->index.count;
	generation->rules = folder_rules(folder);
	folder_expunge_begin(
	    &generation->expunge, folder->config.settings, &folder->keywords);
	(void)job_submit(folder->config.disk, end_work, end_done, generation);
}
