/*
 * What a folder's connection tells: hints wake the watcher, bodies land,
 * replies move it on.
 */
#include "daemon/folder_private.h"

/* Lines that a listing may have beyond twice what the server says exists. */
#define LISTING_SLACK 100000

/* How long a message that NOTIFY announced may take to come. */
#define PUSH_WAIT UINT64_C(2000000)

uint32_t
folder_flag_bits(
    struct folder *folder, uint32_t uid, const struct imap_flags *flags)
{
	return keywords_take_flags(&folder->keywords, uid, flags);
}

int64_t
folder_expected(const struct folder *folder)
{
	return (int64_t)folder->index.count +
	    (int64_t)folder->absent.withheld.count + folder->unexplained;
}

/* Something happened in the mailbox that only a question explains. */
static void
hint(struct folder *folder, enum watcher_event event)
{
	if (folder->watcher.state == WATCHER_IDLING)
		folder_arm(folder, clock_now() + folder_idle_refresh(folder));
	watcher_tell(&folder->watcher, event);
}

static void
note_exists(struct folder *folder, uint32_t count)
{
	uint64_t now = clock_now();
	bool was_quiet = now - folder->last_arrival >
	    folder->config.settings->burst_interval;

	if ((int64_t)count <= folder_expected(folder))
		return;
	folder->last_arrival = now;
	folder->is_lone = was_quiet;
	if (folder->is_pushed && was_quiet &&
	    folder->watcher.state == WATCHER_IDLING) {
		/* it follows by itself; if not, it is looked for */
		folder_arm(folder, now + PUSH_WAIT);
		return;
	}
	hint(folder, was_quiet ? WATCHER_ARRIVED : WATCHER_CHANGED);
}

/* The date in a name is only right if it is the server's. */
static void
correct_date(struct folder *folder, struct index_entry entry,
    const struct imap_fetch *fetch)
{
	struct maildir_message message = folder_message(&entry);
	struct folder_claim *claim =
	    folder_claims_find(&folder->odd, entry.uid);
	int64_t date_here = message.date;

	message.date = fetch->internaldate;
	message.size = fetch->size;
	if (claim != NULL) {
		message.flags = claim->message.flags;
		claim->message = message;
	} else if (entry.date != folder_entry(&message).date) {
		folder_claims_add_dated(&folder->odd, &message, date_here);
	}
	entry.date = folder_entry(&message).date;
	(void)index_replace(&folder->index, &entry);
}

/* A file that claims the UID: is it the server's message? */
static void
verify(struct folder *folder, const struct imap_fetch *fetch)
{
	const struct index_entry *entry;
	bool is_right;

	if (!uidset_contains(&folder->unverified, fetch->uid) ||
	    !fetch->has_size)
		return;
	entry = index_find(&folder->index, fetch->uid);
	is_right = entry != NULL &&
	    (uint64_t)entry->size ==
		(fetch->size < INDEX_SIZE_LARGE ? fetch->size
						: INDEX_SIZE_LARGE);
	uidset_add(is_right ? &folder->verified : &folder->refuted, fetch->uid);
	if (is_right && fetch->has_internaldate)
		correct_date(folder, *entry, fetch);
}

/* Others of the same burst follow by themselves. */
static void
take_pushed(struct folder *folder)
{
	if (folder->watcher.state == WATCHER_IDLING &&
	    folder_count_arrived(folder) > 0) {
		folder_arm(folder, clock_now() + PUSH_WAIT);
		return;
	}
	hint(folder, folder->is_lone ? WATCHER_ARRIVED : WATCHER_CHANGED);
	folder->is_lone = false;
}

/* A body that this folder's own connection brings. */
static void
take_body(struct folder *folder, const struct imap_fetch *fetch)
{
	bool is_asked_for =
	    (folder->serial_bodies != 0 && fetch->uid >= folder->bodies_from) ||
	    (folder->is_pushed && fetch->uid >= folder->next_uid) ||
	    folder_flow_awaits(&folder->flow, fetch->uid);

	if (!folder_flow_land(folder, &folder->flow, fetch, is_asked_for))
		return;
	folder->lap_arrivals++;
	if (folder->is_pushed && folder->serial_bodies == 0 &&
	    !folder_flow_is_busy(&folder->flow))
		take_pushed(folder);
}

/* A listing of far more than exists would only fill the memory. */
static bool
is_flood(struct folder *folder)
{
	uint64_t limit =
	    2 * (uint64_t)imap_mailbox(folder->imap)->exists + LISTING_SLACK;
	struct imap_error error = {0};

	if (++folder->listed <= limit)
		return false;
	imap_error_set(&error, IMAP_ERROR_LIMIT,
	    "the server lists far more messages than it says exist");
	folder_fail(folder, &error);
	watcher_tell(&folder->watcher, WATCHER_LOST);
	return true;
}

/* A message that an answer lists; all of them, or those that changed. */
static void
take_listed(struct folder *folder, const struct imap_fetch *fetch)
{
	uint32_t bits = folder_flag_bits(folder, fetch->uid, &fetch->flags);

	if (is_flood(folder))
		return;
	folder_match_note(folder, fetch, bits);
	if (folder->absent.lists_sizes && fetch->has_size) {
		window_note(&folder->absent.sizes, fetch->uid, fetch->size);
		folder_goal_weigh(folder, fetch->size);
	}
	if (fetch->modseq > folder->asked_modseq)
		folder->asked_modseq = fetch->modseq;
	if (folder->question != QUESTION_LISTING) {
		if (!uidset_contains(&folder->arriving, fetch->uid))
			compare_change(
			    &folder->compare, fetch->uid, bits, fetch->modseq);
		return;
	}
	compare_message(&folder->compare, fetch->uid, bits, fetch->modseq);
	verify(folder, fetch);
	if (fetch->uid >= folder->next_uid && fetch->uid < UINT32_MAX &&
	    folder->serial_bodies == 0)
		folder->next_uid = fetch->uid + 1;
}

static bool
is_listing(const struct folder *folder)
{
	return folder->question == QUESTION_LISTING ||
	    folder->question == QUESTION_CHANGES ||
	    folder->question == QUESTION_NEW;
}

/* What is told unasked hides nothing that was before it; a message that was
 * asked for speaks for itself alone. */
static void
note_modseq(struct folder *folder, const struct imap_fetch *fetch)
{
	bool was_asked_for = fetch->has_body || fetch->body_is_nil ||
	    folder->question == QUESTION_NEW;

	if (fetch->modseq > folder->covered_modseq &&
	    (!was_asked_for || fetch->modseq == folder->covered_modseq + 1))
		folder->covered_modseq = fetch->modseq;
}

static void
take_fetch(struct folder *folder, const struct imap_fetch *fetch)
{
	note_modseq(folder, fetch);
	if (folder_match_awaits(folder, fetch->uid)) {
		folder_match_note(folder, fetch,
		    fetch->has_flags
			? folder_flag_bits(folder, fetch->uid, &fetch->flags)
			: 0);
		return;
	}
	if (fetch->has_body || fetch->body_is_nil) {
		take_body(folder, fetch);
		if (!is_listing(folder) || !fetch->has_flags || fetch->uid == 0)
			return;
	}
	if (fetch->uid == 0) {
		folder_need(folder, NEED_CHANGES);
		hint(folder, WATCHER_CHANGED);
		return;
	}
	folder_take_weight(folder, fetch);
	if (!fetch->has_flags)
		return;
	if (is_listing(folder)) {
		take_listed(folder, fetch);
		return;
	}
	/* a batch on its way to the disk may be about the same message */
	if (uidset_contains(&folder->arriving, fetch->uid) ||
	    folder->commits > 0 || folder_match_is_busy(folder))
		folder_need(folder, NEED_CHANGES);
	else
		compare_flags(&folder->compare, fetch->uid,
		    folder_flag_bits(folder, fetch->uid, &fetch->flags),
		    fetch->modseq);
	hint(folder, WATCHER_CHANGED);
}

/* Only what is here can vanish from here; the rest is not worth keeping. */
static void
note_vanished(struct folder *folder, const struct uidset *uids)
{
	struct uidset arriving = {0};

	index_intersect(&folder->index, uids, &folder->vanished);
	uidset_copy(&arriving, &folder->arriving);
	uidset_intersect(&arriving, uids);
	uidset_union(&folder->vanished, &arriving);
	uidset_free(&arriving);
	uidset_minus(&folder->compare.plan.fetch, uids);
	withheld_admit(&folder->absent.withheld, uids);
	/* a hand may yet bring what is gone */
	if (folder->hands != NULL)
		folder_need(folder, NEED_UIDS);
}

/* While EXAMINE is answered: only what it was asked about the mailbox. */
static void
take_resync(struct folder *folder, const struct imap_data *data)
{
	if (data->type == IMAP_DATA_STATE &&
	    data->state.code.type == IMAP_CODE_CLOSED) {
		/* what came so far was of the mailbox before */
		folder->has_gap = false;
		folder_begin_lap(folder);
		uidset_clear(&folder->vanished);
	} else if (data->type == IMAP_DATA_VANISHED) {
		note_vanished(folder, data->vanished.uids);
	} else if (data->type == IMAP_DATA_FETCH && data->fetch.uid != 0 &&
	    data->fetch.has_flags) {
		take_listed(folder, &data->fetch);
	}
}

/* Dovecot says "* NO Internal error" when it is asked about a mailbox that
 * has another name now: which is the one of this name? */
static void
take_state(struct folder *folder, enum imap_state state)
{
	if (folder->watcher.state == WATCHER_LEAVING && state == IMAP_STATE_NO)
		watcher_tell(&folder->watcher, WATCHER_AGAIN);
	else if (folder->watcher.state == WATCHER_IDLING)
		hint(folder, WATCHER_NONE);
}

/* The server has lost count of what it had to tell. */
static void
take_overflow(struct folder *folder)
{
	folder->is_pushed = false;
	folder_need(folder, NEED_CHANGES);
	folder_need(folder, NEED_UIDS);
	hint(folder, WATCHER_CHANGED);
}

static void
take_data(struct folder *folder, const struct imap_data *data)
{
	if (folder->serial_examine != 0) {
		if (folder->resyncs)
			take_resync(folder, data);
		return;
	}
	switch (data->type) {
	case IMAP_DATA_EXISTS:
		note_exists(folder, data->count);
		break;
	case IMAP_DATA_EXPUNGE:
		folder_need(folder, NEED_UIDS);
		hint(folder, WATCHER_CHANGED);
		break;
	case IMAP_DATA_VANISHED:
		note_vanished(folder, data->vanished.uids);
		hint(folder, WATCHER_CHANGED);
		break;
	case IMAP_DATA_FETCH:
		take_fetch(folder, &data->fetch);
		break;
	case IMAP_DATA_SEARCH:
		if (folder->question == QUESTION_UIDS)
			compare_uid_set(&folder->compare, data->search.uids);
		break;
	case IMAP_DATA_STATE:
		if (folder->is_pushed &&
		    data->state.code.type == IMAP_CODE_NOTIFICATIONOVERFLOW)
			take_overflow(folder);
		take_state(folder, data->state.state);
		break;
	default:
		if (folder->watcher.state == WATCHER_IDLING)
			hint(folder, WATCHER_NONE);
		break;
	}
}

static void
take_piece(struct folder *folder, const struct imap_event *event)
{
	if (folder->maildir != NULL && folder->serial_examine == 0)
		(void)folder_flow_piece(folder, &folder->flow, event);
}

void
folder_event(struct folder *folder, const struct imap_event *event)
{
	switch (event->type) {
	case IMAP_DATA:
		take_data(folder, event->data);
		break;
	case IMAP_BODY:
		take_piece(folder, event);
		break;
	case IMAP_DONE:
		folder_take_done(folder, event);
		break;
	default:
		break;
	}
}
