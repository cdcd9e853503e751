/*
 * Finding messages that are here already, as the folder sees it: what is
 * noted of a listing, what the server is asked besides, when the disk is read.
 * By EMAILID where the server has them: a few messages at a time, while
 * others are fetched. Else, after another UIDVALIDITY, by Message-ID: only
 * who knows all messages knows which are alike.
 */
#include "daemon/folder_match.h"

#include <inttypes.h>

#include "daemon/folder_match_job.h"
#include "daemon/folder_private.h"
#include "libclient/base/mem.h"

/* What messages are recognised by. */
enum kind {
	BY_NOTHING,
	BY_EMAILID, /* the server's own name of the message */
	BY_TEXT /* Message-ID, or else the header; with size and date */
};

#define META_ITEMS (IMAP_FETCH_SIZE | IMAP_FETCH_INTERNALDATE)

unsigned
folder_match_emailid_item(const struct folder *folder)
{
	const struct capabilities *offered = imap_capabilities(folder->imap);

	if (capabilities_have(offered, CAPABILITY_X_GM_EXT_1))
		return IMAP_FETCH_X_GM_MSGID;
	if (capabilities_have(offered, CAPABILITY_OBJECTID))
		return IMAP_FETCH_EMAILID;
	return 0;
}

/* How messages that are not on the disk are recognised now. */
static enum kind
kind_now(const struct folder *folder)
{
	bool has_emailids = folder_match_emailid_item(folder) != 0;

	if (folder->stale_uidvalidity != 0)
		return has_emailids && folder->match.stale_has_emailids
		    ? BY_EMAILID
		    : BY_TEXT;
	return has_emailids ? BY_EMAILID : BY_NOTHING;
}

bool
folder_match_asks_first(const struct folder *folder)
{
	return kind_now(folder) == BY_EMAILID &&
	    !span_equal_nocase(folder_mailbox_bytes(folder), "INBOX");
}

unsigned
folder_match_items(const struct folder *folder)
{
	enum kind kind = kind_now(folder);

	if (folder->question == QUESTION_LISTING && kind == BY_TEXT)
		return META_ITEMS | IMAP_FETCH_MESSAGE_ID;
	if (folder->question == QUESTION_NEW && kind == BY_EMAILID)
		return META_ITEMS | folder_match_emailid_item(folder);
	return 0;
}

/* ---- what the server tells ---- */

static bool
is_here(struct folder *folder, uint32_t uid)
{
	return index_find(&folder->index, uid) != NULL ||
	    uidset_contains(&folder->arriving, uid);
}

/*
 * Also what is on the disk is noted: a message that is like one of those must
 * be ambiguous again in a run that comes after a crash.
 */
static void
note_text(struct folder *folder, const struct imap_fetch *fetch, uint32_t flags)
{
	struct folder_match *match = &folder->match;
	struct identity_taker taker = {
	    .uid = fetch->uid,
	    .size = (uint32_t)fetch->size,
	    .date = (uint32_t)fetch->internaldate,
	    .flags = flags,
	    .from_uid = is_here(folder, fetch->uid) ? IDENTITY_HERE : 0,
	};

	if (!fetch->has_size || fetch->size >= INDEX_SIZE_LARGE ||
	    !fetch->has_internaldate || fetch->internaldate < 0 ||
	    fetch->internaldate >= INDEX_DATE_ODD)
		return;
	if (fetch->has_header)
		taker.key = identity_message_id_key(fetch->header);
	if (taker.key == 0)
		uidset_add(&match->headless, fetch->uid);
	identity_add(&match->takers, &taker);
}

/* The answer to a question of ours, or flags that changed meanwhile. */
static void
note_header(
    struct folder *folder, const struct imap_fetch *fetch, uint32_t flags)
{
	struct identity_taker *taker =
	    identity_find(&folder->match.takers, fetch->uid);

	if (taker == NULL)
		return;
	if (fetch->has_flags)
		taker->flags = flags;
	if (fetch->has_header)
		taker->key = identity_header_key(fetch->header);
}

static void
note_emailid(
    struct folder *folder, const struct imap_fetch *fetch, uint32_t flags)
{
	struct folder_match *match = &folder->match;
	struct maildir_arrival *query;

	if (!fetch->has_size || !fetch->has_internaldate ||
	    fetch->emailid.len == 0 ||
	    fetch->emailid.len >= MAILDIR_EMAILID_SIZE ||
	    match->query_count == FOLDER_WINDOW ||
	    (is_here(folder, fetch->uid) &&
		!uidset_contains(&folder->absent.restore, fetch->uid)))
		return;
	for (uint32_t i = 0; i < match->query_count; i++)
		if (match->queries[i].message.uid == fetch->uid)
			return;
	if (match->queries == NULL)
		match->queries =
		    mem_alloc(FOLDER_WINDOW * sizeof(*match->queries));
	query = &match->queries[match->query_count++];
	*query = (struct maildir_arrival){.message = {.uid = fetch->uid,
					      .size = fetch->size,
					      .date = fetch->internaldate,
					      .flags = flags}};
	memcpy(query->emailid, fetch->emailid.at, fetch->emailid.len);
}

void
folder_match_note(
    struct folder *folder, const struct imap_fetch *fetch, uint32_t flags)
{
	switch (kind_now(folder)) {
	case BY_TEXT:
		if (folder->match.serial != 0)
			note_header(folder, fetch, flags);
		else if (folder->question == QUESTION_LISTING)
			note_text(folder, fetch, flags);
		break;
	case BY_EMAILID:
		note_emailid(folder, fetch, flags);
		break;
	case BY_NOTHING:
		break;
	}
}

bool
folder_match_awaits(const struct folder *folder, uint32_t uid)
{
	return folder->match.serial != 0 &&
	    uidset_contains(&folder->match.asked, uid);
}

/* ---- the disk ---- */

/* What is not here is to be fetched. */
static void
want(struct folder *folder, struct uidset *uids)
{
	uidset_union(&folder->wanted, uids);
	uidset_free(uids);
}

/* Those that were found land; returns how many. */
static uint32_t
land_found(struct folder *folder, struct match_job *job)
{
	struct folder_match *match = &folder->match;
	uint32_t found = 0;

	for (uint32_t i = 0; i < job->arrival_count; i++) {
		struct maildir_arrival *arrival = &job->arrivals[i];
		uint32_t uid = arrival->message.uid;

		if (arrival->tmp_name[0] == '\0')
			continue;
		found++;
		landing_add(&folder->landing, arrival);
		folder_goal_arrive(folder, arrival->message.size);
		arrival->tmp_name[0] = '\0';
		uidset_add(&folder->arriving, uid);
		uidset_remove(&match->waiting, uid);
		uidset_remove(&match->asked, uid);
		uidset_remove(&folder->missing, uid);
		if (uid >= folder->next_uid && uid < UINT32_MAX)
			folder->next_uid = uid + 1;
	}
	return found;
}

static void
take_result(struct folder *folder, struct match_job *job)
{
	struct folder_match *match = &folder->match;
	uint32_t found;

	match->job = NULL;
	if (job->error.kind != IMAP_ERROR_NONE)
		log_warning(&folder->subject,
		    "what is here already is not known: %s", job->error.text);
	if (job->work == MATCH_SCAN) {
		match->takers = job->takers;
		job->takers = (struct identity_list){0};
		match->is_settled = true;
		log_notice(&folder->subject,
		    "%" PRIu32 " messages are here under another UID, %" PRIu32
		    " more are not told apart",
		    match->takers.count, job->ambiguous);
		return;
	}
	found = land_found(folder, job);
	want(folder, &match->asked);
	if (found > 0)
		log_debug(&folder->subject,
		    "%" PRIu32 " messages were here already", found);
}

static void
job_done(void *data)
{
	struct match_job *job = data;
	struct folder *folder = job->folder;

	folder_end_job(folder);
	if (!atomic_load(&job->is_abandoned))
		take_result(folder, job);
	match_job_free(job);
	watcher_tell(&folder->watcher, WATCHER_COMMITTED);
	folder->config.host->changed(folder->config.host_user, folder);
}

static struct match_job *
job_new(struct folder *folder, enum match_work work)
{
	struct match_job *job = mem_new(struct match_job);

	job->folder = folder;
	job->work = work;
	job->maildir = folder->maildir;
	job->path = folder->path;
	job->mailbox = folder_mailbox_bytes(folder);
	job->identity = folder->identity;
	job->stale = folder->stale_uidvalidity;
	job->root = folder->config.root;
	job->state = folder->config.state;
	job->ignores_size = folder_has_quirk(folder, QUIRK_SIZES_LIE);
	folder->match.job = job;
	folder->jobs++;
	return job;
}

static void
job_start(struct match_job *job)
{
	(void)job_submit(
	    job->folder->config.disk, match_job_work, job_done, job);
}

/* ---- going on ---- */

/* Asks about some of the UIDs; what cannot be asked is answered. */
static void
ask_about(struct folder *folder, struct uidset *uids, unsigned items)
{
	struct folder_match *match = &folder->match;

	uidset_free(&match->asked);
	uidset_take_last(uids, FOLDER_WINDOW, &match->asked);
	match->serial = imap_uid_fetch(folder->imap, &match->asked, items);
}

static void
scan_files(struct folder *folder)
{
	struct match_job *job = job_new(folder, MATCH_SCAN);

	job->takers = folder->match.takers;
	folder->match.takers = (struct identity_list){0};
	job_start(job);
}

static void
link_files(struct folder *folder)
{
	struct identity_list *takers = &folder->match.takers;
	struct match_job *job = job_new(folder, MATCH_LINK);

	for (uint32_t i = 0; i < FOLDER_WINDOW && takers->count > 0; i++)
		identity_add(&job->takers, &takers->items[--takers->count]);
	identity_shrink(takers);
	job_start(job);
}

static void
look_up(struct folder *folder)
{
	struct folder_match *match = &folder->match;
	struct match_job *job;

	if (match->query_count == 0) {
		want(folder, &match->asked);
		return;
	}
	job = job_new(folder, MATCH_LOOK);
	job->arrivals = match->queries;
	job->arrival_count = match->query_count;
	match->queries = NULL;
	match->query_count = 0;
	job_start(job);
}

bool
folder_match_answered(struct folder *folder, uint64_t serial)
{
	if (serial == 0 || serial != folder->match.serial)
		return false;
	folder->match.serial = 0;
	landing_drop_all(&folder->landing, &folder->flow.bodies);
	if (kind_now(folder) == BY_EMAILID)
		look_up(folder);
	else
		uidset_free(&folder->match.asked);
	return true;
}

/* What came is not to be asked for again. */
static void
drop_here(struct folder *folder)
{
	struct uidset here = {0};

	index_intersect(&folder->index, &folder->wanted, &here);
	uidset_union(&here, &folder->arriving);
	uidset_minus(&folder->wanted, &here);
	uidset_free(&here);
}

/* Looks for all that wait. */
static void
match_text(struct folder *folder)
{
	struct folder_match *match = &folder->match;

	if (!match->is_settled) {
		if (!uidset_is_empty(&match->headless))
			ask_about(folder, &match->headless, IMAP_FETCH_HEADER);
		if (match->serial == 0)
			scan_files(folder);
	} else if (match->takers.count > 0) {
		link_files(folder);
	} else {
		want(folder, &match->waiting);
		drop_here(folder);
	}
}

/* What was told of messages that nobody asks about any more. */
static void
drop_idle_queries(struct folder_match *match)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < match->query_count; i++)
		if (uidset_contains(
			&match->waiting, match->queries[i].message.uid))
			match->queries[kept++] = match->queries[i];
	match->query_count = kept;
}

/* Looks for some of those that wait, while the windows are full. */
static void
match_emailids(struct folder *folder)
{
	struct folder_match *match = &folder->match;

	if (uidset_count(&folder->wanted) >
	    UINT64_C(2) * FOLDER_WINDOW * (folder->hand_count + 1))
		return;
	drop_idle_queries(match);
	if (match->query_count == 0) {
		ask_about(folder, &match->waiting,
		    META_ITEMS | IMAP_FETCH_FLAGS |
			folder_match_emailid_item(folder));
		if (match->serial == 0)
			want(folder, &match->asked);
		return;
	}
	uidset_free(&match->asked);
	for (uint32_t i = 0; i < match->query_count; i++) {
		uint32_t uid = match->queries[i].message.uid;

		uidset_add(&match->asked, uid);
		uidset_remove(&match->waiting, uid);
	}
	look_up(folder);
}

void
folder_match(struct folder *folder)
{
	struct folder_match *match = &folder->match;

	if (match->job != NULL || match->serial != 0 || folder->imap == NULL ||
	    uidset_is_empty(&match->waiting))
		return;
	if (kind_now(folder) == BY_EMAILID)
		match_emailids(folder);
	else
		match_text(folder);
}

void
folder_match_begin(struct folder *folder)
{
	struct folder_match *match = &folder->match;
	enum kind kind = kind_now(folder);

	if (kind == BY_NOTHING ||
	    (kind == BY_TEXT && !match->is_settled &&
		match->takers.count == 0 && match->job == NULL))
		return;
	if (!match->is_settled)
		identity_order(&match->takers);
	uidset_union(&match->waiting, &folder->wanted);
	uidset_free(&folder->wanted);
}

bool
folder_match_is_busy(const struct folder *folder)
{
	const struct folder_match *match = &folder->match;

	return match->job != NULL || match->serial != 0 ||
	    !uidset_is_empty(&match->waiting);
}

uint64_t
folder_match_left(const struct folder *folder)
{
	return kind_now(folder) == BY_EMAILID
	    ? uidset_count(&folder->match.waiting)
	    : 0;
}

void
folder_match_forget(struct folder *folder)
{
	struct folder_match *match = &folder->match;

	if (match->job != NULL)
		atomic_store(&match->job->is_abandoned, true);
	match->job = NULL;
	match->serial = 0;
	match->is_settled = false;
	uidset_free(&match->waiting);
	uidset_free(&match->asked);
	uidset_free(&match->headless);
	identity_free(&match->takers);
	match->queries = mem_free(match->queries);
	match->query_count = 0;
}
