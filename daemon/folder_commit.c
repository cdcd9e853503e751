/*
 * Changing a folder's disk, on the disk lane: files first, durable and in
 * place, then the rows that speak of them. A batch owns its values; the
 * folder's own are changed on the loop, when it is done.
 */
#include "daemon/folder_expunge.h"
#include "daemon/folder_private.h"

#include <inttypes.h>
#include <time.h>

#include "daemon/maildir_carry.h"
#include "daemon/maildir_content.h"
#include "libclient/base/mem.h"

/* When a disk that did not take .uidvalidity is tried again. */
#define HIGHEST_UID_WAIT UINT64_C(30000000)

/* One change of the disk and of the rows that speak of it. */
struct batch {
	struct folder *folder;
	struct maildir *maildir;
	struct maildir_identity identity;
	struct maildir_arrival *arrivals;
	uint32_t arrival_count;
	struct maildir_message *reflagged; /* with the flags as they were */
	struct compare_reflag *reflags; /* ... and as they are to be */
	uint32_t reflag_count;
	struct maildir_message *removed;
	uint32_t removed_count;
	struct uidset removed_uids;
	struct folder_expunge expunge;
	struct folder_claims renames; /* claims that are right */
	struct folder_claims disowns; /* claims that are wrong */
	struct uidset refuted; /* the same, of files named as ours */
	struct maildir_message *verified;
	uint32_t verified_count;
	struct state_folder row;
	uint32_t highest_uid;
	bool owes_highest_uid; /* the disk did not take it */
	char *keywords; /* the file's new text; NULL: as it was */
	struct keywords_rest rest; /* keywords without a letter that are news */
	struct uidset admitted; /* withheld no longer, or otherwise */
	struct state_withheld *withheld;
	uint32_t withheld_count;
	bool is_durable;

	uint32_t committed; /* arrivals that are in place */
	struct uidset missing; /* files that were not there */
	bool failed;
	struct imap_error error;
};

static void
refuted_found(void *user, const struct maildir_file *file)
{
	struct batch *batch = user;

	if (file->has_uid &&
	    uidset_contains(&batch->refuted, file->message.uid))
		folder_claims_add(&batch->disowns, file);
}

/* Files named as ours whose size is not the server's: one look for all. */
static bool
find_refuted(struct batch *batch)
{
	return uidset_is_empty(&batch->refuted) ||
	    maildir_scan(batch->maildir, &batch->identity, refuted_found, batch,
		&batch->error);
}

/* A right claim gets the name, and the file the time, that it should have. */
static bool
rename_claim(struct batch *batch, const struct folder_claim *claim)
{
	struct maildir_message here = claim->message;
	char found[MAILDIR_NAME_SIZE];
	const char *name = claim->name;
	bool is_new = claim->is_new;

	here.date = claim->date_here;
	if (name == NULL) {
		name = found;
		/* by its name, before every file is looked at */
		if (!maildir_find_message(batch->maildir, &batch->identity,
			&here, "", found, &is_new) &&
		    !maildir_find_claim(
			batch->maildir, here.uid, NULL, found, &is_new))
			return true;
	}
	if (!maildir_dress(batch->maildir, name, is_new, claim->message.date,
		&batch->error))
		return false;
	return maildir_rename(batch->maildir, &batch->identity, name, is_new,
	    &claim->message, &batch->error);
}

static bool
batch_claims(struct batch *batch)
{
	if (!find_refuted(batch))
		return false;
	for (uint32_t i = 0; i < batch->disowns.count; i++)
		if (!maildir_disown(batch->maildir,
			batch->disowns.items[i].name,
			batch->disowns.items[i].is_new, &batch->error))
			return false;
	for (uint32_t i = 0; i < batch->renames.count; i++)
		if (!rename_claim(batch, &batch->renames.items[i]))
			return false;
	return true;
}

static bool
batch_files(struct batch *batch)
{
	bool is_missing = false;

	/* letters are explained before names use them */
	if (batch->keywords != NULL &&
	    !keywords_write(batch->maildir, batch->keywords, batch->is_durable,
		&batch->error))
		return false;
	if (!maildir_commit(batch->maildir, &batch->identity, batch->arrivals,
		batch->arrival_count, batch->is_durable, &batch->committed,
		&batch->error) ||
	    !batch_claims(batch))
		return false;
	for (uint32_t i = 0; i < batch->reflag_count; i++) {
		if (!maildir_set_flags(batch->maildir, &batch->identity,
			&batch->reflagged[i], batch->reflags[i].flags,
			&is_missing, &batch->error))
			return false;
		if (is_missing)
			uidset_add(&batch->missing, batch->reflagged[i].uid);
	}
	if (!folder_expunge(&batch->expunge, batch->folder->config.root,
		batch->folder->config.state, batch->maildir, &batch->identity,
		batch->removed, batch->removed_count, batch->is_durable,
		&batch->error))
		return false;
	if (!batch->is_durable ||
	    batch->reflag_count + batch->removed_count + batch->renames.count +
		    batch->disowns.count + batch->refuted.count ==
		0)
		return true;
	return maildir_sync(batch->maildir, &batch->error);
}

static struct state_message
row_of(const struct batch *batch, const struct maildir_message *message,
    uint32_t flags)
{
	const char *rest = keywords_rest_find(&batch->rest, message->uid);
	struct state_message row = {.uid = message->uid,
	    .flags = flags,
	    .size = message->size,
	    .date = message->date};

	if (rest != NULL)
		row.keywords = span_of(rest);
	return row;
}

static bool
batch_rows(struct batch *batch)
{
	struct folder *folder = batch->folder;
	uint32_t count = 0;
	struct state_message *rows = mem_resize(NULL,
	    batch->committed + batch->reflag_count + batch->verified_count + 1,
	    sizeof(*rows));
	struct state_change change = {
	    .mailbox = folder_mailbox_bytes(folder),
	    .folder = &batch->row,
	    .removed = &batch->removed_uids,
	    .put = rows,
	    .admitted = &batch->admitted,
	    .withheld = batch->withheld,
	    .withheld_count = batch->withheld_count,
	};
	bool ok;

	for (uint32_t i = 0; i < batch->committed; i++) {
		rows[count] = row_of(batch, &batch->arrivals[i].message,
		    batch->arrivals[i].message.flags);
		rows[count].modseq = batch->arrivals[i].modseq;
		rows[count++].emailid = span_of(batch->arrivals[i].emailid);
	}
	for (uint32_t i = 0; i < batch->verified_count; i++)
		rows[count++] = row_of(
		    batch, &batch->verified[i], batch->verified[i].flags);
	for (uint32_t i = 0; i < batch->reflag_count; i++) {
		rows[count] = row_of(
		    batch, &batch->reflagged[i], batch->reflags[i].flags);
		rows[count++].modseq = batch->reflags[i].modseq;
	}
	change.put_count = count;
	ok = state_apply(folder->config.state, &change, &batch->error);
	mem_free(rows);
	return ok;
}

/* The files, and with which stamp the rows will speak of all of them. */
static bool
batch_stamped_files(struct batch *batch)
{
	struct maildir_carry carry;
	struct maildir_stamp stamp;
	bool is_ok;

	maildir_carry_begin(batch->maildir, &carry);
	is_ok = batch_files(batch);
	stamp = maildir_carry_end(
	    batch->maildir, &carry, is_ok && uidset_is_empty(&batch->missing));
	batch->row.new_ns = stamp.new_ns;
	batch->row.cur_ns = stamp.cur_ns;
	return is_ok;
}

static void
batch_work(void *data)
{
	struct batch *batch = data;
	bool files = batch_stamped_files(batch);

	/* what is in place gets its row also if a later file failed */
	if (!files && batch->committed == 0) {
		batch->failed = true;
		return;
	}
	if (!files) {
		batch->reflag_count = 0;
		batch->verified_count = 0;
		uidset_free(&batch->removed_uids);
	}
	batch->failed = !batch_rows(batch) || !files;
	if (batch->failed)
		maildir_agree(batch->maildir, (struct maildir_stamp){0});
	batch->owes_highest_uid = batch->highest_uid != 0 &&
	    !maildir_note_highest_uid(batch->maildir,
		batch->identity.uidvalidity, batch->highest_uid,
		batch->is_durable);
}

/* The database has them now; those of removed messages are forgotten. */
static void
rest_to_folder(struct folder *folder, const struct batch *batch)
{
	struct keywords_rest *rest = &folder->keywords.rest;

	for (uint32_t i = 0; i < batch->rest.count; i++) {
		const struct keywords_rest_item *item = &batch->rest.items[i];

		if (*item->text == '\0')
			keywords_rest_remove(rest, item->uid);
		else
			(void)keywords_rest_put(
			    rest, item->uid, span_of(item->text));
	}
	for (uint32_t i = rest->count; i-- > 0;)
		if (uidset_contains(&batch->removed_uids, rest->items[i].uid))
			keywords_rest_remove(rest, rest->items[i].uid);
}

/* The index says what the disk has now. */
static void
batch_to_index(struct folder *folder, struct batch *batch)
{
	struct uidset came = {0};

	for (uint32_t i = 0; i < batch->arrival_count; i++) {
		const struct maildir_message *message =
		    &batch->arrivals[i].message;
		struct index_entry entry = folder_entry(message);

		uidset_remove(&folder->arriving, message->uid);
		if (i >= batch->committed)
			continue;
		index_put(&folder->index, &entry);
		uidset_add(&came, message->uid);
		folder->tally.fetched++;
		folder->tally.newest = message->uid;
	}
	withheld_admit(&folder->absent.withheld, &came);
	uidset_minus(&folder->absent.restore, &came);
	if (batch->failed)
		uidset_union(&folder->rowless, &came);
	uidset_free(&came);
	if (batch->failed)
		return;
	for (uint32_t i = 0; i < batch->reflag_count; i++) {
		const struct index_entry *entry =
		    index_find(&folder->index, batch->reflagged[i].uid);
		struct index_entry changed;

		if (entry == NULL)
			continue;
		changed = *entry;
		changed.flags = batch->reflags[i].flags;
		(void)index_replace(&folder->index, &changed);
	}
	/* somebody removed them: their bodies are fetched again */
	uidset_union(&folder->absent.restore, &batch->missing);
	if (!uidset_is_empty(&batch->removed_uids))
		index_remove(&folder->index, &batch->removed_uids);
	rest_to_folder(folder, batch);
	folder->tally.reflagged += batch->reflag_count;
	folder->tally.removed += batch->removed_count;
}

static void
batch_free(struct batch *batch)
{
	mem_free(batch->arrivals);
	mem_free(batch->keywords);
	keywords_rest_free(&batch->rest);
	folder_expunge_free(&batch->expunge);
	uidset_free(&batch->admitted);
	mem_free(batch->withheld);
	mem_free(batch->reflagged);
	mem_free(batch->reflags);
	mem_free(batch->removed);
	mem_free(batch->verified);
	uidset_free(&batch->removed_uids);
	uidset_free(&batch->missing);
	uidset_free(&batch->refuted);
	folder_claims_free(&batch->renames);
	folder_claims_free(&batch->disowns);
	mem_free(batch);
}

void
folder_tell_news(struct folder *folder, struct hook_news *news)
{
	struct hook_subject subject = {
	    .name = folder->name,
	    .path = maildir_path(folder->maildir),
	    .host = folder->identity.host,
	};

	news->uidvalidity = folder->identity.uidvalidity;
	folder->config.host->news(folder->config.host_user, &subject, news);
}

static void
batch_tell(struct folder *folder, const struct batch *batch)
{
	struct hook_news news = {0};

	if (folder->config.settings->on_change == NULL)
		return;
	for (uint32_t i = 0; i < batch->committed; i++)
		hook_news_arrived(&news, &batch->arrivals[i].message);
	if (!batch->failed) {
		uidset_copy(&news.removed, &batch->removed_uids);
		for (uint32_t i = 0; i < batch->reflag_count; i++)
			uidset_add(&news.reflagged, batch->reflagged[i].uid);
	}
	if (batch->committed + uidset_count(&news.removed) +
		uidset_count(&news.reflagged) >
	    0)
		folder_tell_news(folder, &news);
	hook_news_free(&news);
}

/* A folder that comes to rest may have nothing else to write for long. */
static void
look_after_highest_uid(struct folder *folder)
{
	enum watcher_state state = folder->watcher.state;

	if (folder->owes_highest_uid && folder->failures == 0 &&
	    (state == WATCHER_IDLING || state == WATCHER_RESTING))
		folder_arm(folder, clock_now() + HIGHEST_UID_WAIT);
}

static void
batch_done(void *data)
{
	struct batch *batch = data;
	struct folder *folder = batch->folder;
	bool failed = batch->failed;

	folder_end_job(folder);
	folder->commits--;
	if (batch->owes_highest_uid)
		folder->owes_highest_uid = true;
	folder->row.new_ns = folder->saved.new_ns = batch->row.new_ns;
	folder->row.cur_ns = folder->saved.cur_ns = batch->row.cur_ns;
	batch_to_index(folder, batch);
	batch_tell(folder, batch);
	if (!failed && batch->disowns.count > 0)
		log_notice(&folder->subject,
		    "%" PRIu32 " files claimed a UID that is not theirs: "
		    "they are local files now",
		    batch->disowns.count);
	if (batch->committed + batch->reflag_count + batch->removed_count > 0)
		folder->tally.changed_at = time(NULL);
	if (failed) {
		folder->keywords.has_changed = true;
		for (uint32_t i = batch->committed; i < batch->arrival_count;
		     i++)
			maildir_remove_tmp(
			    batch->maildir, batch->arrivals[i].tmp_name);
		folder_fail(folder, &batch->error);
	}
	batch_free(batch);
	if (!failed && folder_batch_is_due(folder))
		(void)folder_commit(folder, false);
	if (failed)
		watcher_tell(&folder->watcher, WATCHER_DISK);
	else if (folder->commits == 0 ||
	    folder->watcher.state == WATCHER_FETCHING)
		watcher_tell(&folder->watcher, WATCHER_COMMITTED);
	look_after_highest_uid(folder);
	folder->config.host->changed(folder->config.host_user, folder);
}

/* What the server says now of keywords without a letter goes into the row of
 * its message. */
static void
take_news(struct batch *batch, struct folder *folder, uint32_t uid)
{
	struct keywords_rest *news = &folder->keywords.news;
	const char *text = keywords_rest_find(news, uid);

	if (text == NULL)
		return;
	(void)keywords_rest_put(&batch->rest, uid, span_of(text));
	keywords_rest_remove(news, uid);
}

/* The same for messages that have no other news. */
static void
batch_take_news(struct batch *batch, struct folder *folder)
{
	const struct keywords_rest *news = &folder->keywords.news;

	for (uint32_t i = news->count; i-- > 0;) {
		uint32_t uid = news->items[i].uid;
		const struct index_entry *entry =
		    index_find(&folder->index, uid);

		if (entry == NULL || uidset_contains(&folder->arriving, uid))
			continue;
		batch->reflagged[batch->reflag_count] = folder_message(entry);
		batch->reflags[batch->reflag_count++] =
		    (struct compare_reflag){.uid = uid, .flags = entry->flags};
		take_news(batch, folder, uid);
	}
}

/* Those of the set that are here: *messages is the caller's. Returns their
 * number. */
static uint32_t
messages_of(struct folder *folder, const struct uidset *uids,
    struct maildir_message **messages)
{
	struct uidset here = {0};
	uint32_t count = 0;

	index_intersect(&folder->index, uids, &here);
	*messages =
	    mem_resize(NULL, uidset_count(&here) + 1, sizeof(**messages));
	for (uint32_t r = 0; r < here.count; r++)
		for (uint64_t uid = here.ranges[r].first;
		     uid <= here.ranges[r].last; uid++)
			(*messages)[count++] = folder_message(
			    index_find(&folder->index, (uint32_t)uid));
	uidset_free(&here);
	return count;
}

static void
batch_take_plan(struct batch *batch, struct folder *folder)
{
	struct plan *plan = &folder->compare.plan;
	uint32_t most = plan->reflag_count + folder->keywords.news.count + 1;

	batch->reflagged = mem_resize(NULL, most, sizeof(*batch->reflagged));
	batch->reflags = mem_resize(NULL, most, sizeof(*batch->reflags));
	for (uint32_t i = 0; i < plan->reflag_count; i++) {
		const struct index_entry *entry =
		    index_find(&folder->index, plan->reflags[i].uid);

		if (entry == NULL || uidset_contains(&plan->remove, entry->uid))
			continue;
		batch->reflagged[batch->reflag_count] = folder_message(entry);
		batch->reflags[batch->reflag_count++] = plan->reflags[i];
		take_news(batch, folder, entry->uid);
	}
	batch_take_news(batch, folder);
	uidset_give(&batch->removed_uids, &plan->remove);
	uidset_minus(&folder->absent.restore, &batch->removed_uids);
	batch->removed_count =
	    messages_of(folder, &batch->removed_uids, &batch->removed);
	compare_begin(&folder->compare, &folder->index);
}

/* Claims that the server has spoken about: rows for the right ones, other
 * names for the rest. */
static void
batch_take_claims(struct batch *batch, struct folder *folder)
{
	struct folder_claims left = {0};

	for (uint32_t i = 0; i < folder->odd.count; i++) {
		const struct folder_claim *claim = &folder->odd.items[i];
		uint32_t uid = claim->message.uid;
		struct maildir_file file = {.name = claim->name,
		    .is_new = claim->is_new,
		    .message = claim->message};

		struct folder_claims *to =
		    uidset_contains(&folder->verified, uid)  ? &batch->renames
		    : uidset_contains(&folder->refuted, uid) ? &batch->disowns
							     : &left;

		folder_claims_add(to, &file);
		to->items[to->count - 1].date_here = claim->date_here;
	}
	folder_claims_free(&folder->odd);
	folder->odd = left;
	batch->verified_count =
	    messages_of(folder, &folder->verified, &batch->verified);
	uidset_copy(&batch->refuted, &folder->refuted);
	uidset_minus(&folder->unverified, &folder->verified);
	uidset_minus(&folder->unverified, &folder->refuted);
	if (!uidset_is_empty(&folder->refuted)) {
		index_remove(&folder->index, &folder->refuted);
		folder_need(folder, NEED_UIDS);
	}
	uidset_clear(&folder->verified);
	uidset_clear(&folder->refuted);
}

/* What arrives is withheld no longer, in the same transaction. */
static void
take_admitted(struct batch *batch, const struct folder *folder)
{
	uint32_t kept = 0;

	if (folder->absent.withheld.count == 0)
		return;
	for (uint32_t i = 0; i < batch->arrival_count; i++)
		uidset_add(&batch->admitted, batch->arrivals[i].message.uid);
	for (uint32_t i = 0; i < batch->withheld_count; i++)
		if (!uidset_contains(&folder->arriving, batch->withheld[i].uid))
			batch->withheld[kept++] = batch->withheld[i];
	batch->withheld_count = kept;
}

bool
folder_commit(struct folder *folder, bool with_plan)
{
	struct batch *batch;

	if (folder->landing.arrival_count == 0 && !with_plan)
		return false;
	batch = mem_new(struct batch);
	batch->folder = folder;
	batch->maildir = folder->maildir;
	batch->identity = folder->identity;
	batch->is_durable = folder->config.settings->fsync;
	batch->arrival_count = landing_take(&folder->landing, &batch->arrivals);
	for (uint32_t i = 0; i < batch->arrival_count; i++)
		take_news(batch, folder, batch->arrivals[i].message.uid);
	if (with_plan) {
		batch_take_plan(batch, folder);
		batch_take_claims(batch, folder);
		folder_expunge_begin(&batch->expunge, folder->config.settings,
		    &folder->keywords);
	}
	(void)withheld_take_changes(&folder->absent.withheld, &batch->admitted,
	    &batch->withheld, &batch->withheld_count);
	take_admitted(batch, folder);
	if (folder->keywords.has_changed)
		batch->keywords = keywords_text(&folder->keywords);
	folder->keywords.has_changed = false;
	folder->row.uidvalidity = folder->identity.uidvalidity;
	batch->row = folder->row;
	folder->saved = folder->row;
	if (batch->arrival_count + batch->verified_count > 0 ||
	    folder->owes_highest_uid)
		batch->highest_uid = folder->next_uid - 1;
	folder->owes_highest_uid = false;
	batch->owes_highest_uid = batch->highest_uid != 0;
	folder->jobs++;
	folder->commits++;
	(void)job_submit(folder->config.disk, batch_work, batch_done, batch);
	return true;
}
