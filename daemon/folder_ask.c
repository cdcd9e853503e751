/*
 * What a folder asks the server, and what it makes of the answer: the cheapest
 * question that tells what is not known, and a comparison.
 */
#include "daemon/folder_private.h"

#include <inttypes.h>

/* Listings that contradict the server's own count, before we live with it. */
#define DOUBTFUL_LAPS 3

#define ALL_UIDS UINT32_MAX

void
folder_begin_lap(struct folder *folder)
{
	compare_begin(&folder->compare, &folder->index);
	folder->has_listing = false;
}

/* ---- asking ---- */

/* EXAMINE says that nothing happened since the folder was last the same. */
static bool
is_unchanged(const struct folder *folder, const struct imap_mailbox *mailbox)
{
	return folder->row.highestmodseq != 0 &&
	    mailbox->highestmodseq == folder->row.highestmodseq &&
	    mailbox->uidnext == folder->row.uidnext && mailbox->uidnext != 0 &&
	    (int64_t)mailbox->exists == folder_expected(folder) &&
	    uidset_is_empty(&folder->unverified) && !folder->is_altered &&
	    folder->stale_uidvalidity == 0;
}

/* The first look after EXAMINE; false if *event says what comes instead. */
static bool
look_at_mailbox(struct folder *folder, enum watcher_event *event)
{
	const struct imap_mailbox *mailbox = imap_mailbox(folder->imap);
	struct imap_error error = {0};

	if (mailbox->uidvalidity == 0) {
		imap_error_set(&error, IMAP_ERROR_PROTOCOL,
		    "the server tells no UIDVALIDITY");
		folder_fail(folder, &error);
		*event = WATCHER_LOST;
		return false;
	}
	if (mailbox->uidvalidity != folder->identity.uidvalidity) {
		folder_begin_generation(folder, mailbox->uidvalidity);
		*event = WATCHER_NONE;
		return false;
	}
	folder->has_looked = true;
	folder->examined_modseq = mailbox->highestmodseq;
	if (is_unchanged(folder, mailbox))
		folder->needs_listing = false;
	folder->row.uidnext = mailbox->uidnext;
	return true;
}

/* Puts the next IDLE into the flight, where the folder has one. */
static void
append_idle(struct folder *folder)
{
	folder->serial_idle = 0;
	if (!folder->has_idle || !folder->is_synced || folder->config.runs_once)
		return;
	folder->serial_idle = imap_idle(folder->imap);
	folder->idle_began = clock_now();
}

static enum watcher_event
ask_listing(struct folder *folder)
{
	unsigned items = IMAP_FETCH_FLAGS;

	if (!uidset_is_empty(&folder->unverified))
		items |= IMAP_FETCH_SIZE | IMAP_FETCH_INTERNALDATE;
	folder_begin_lap(folder);
	uidset_clear(&folder->vanished);
	folder->needs_listing = false;
	folder->is_altered = false;
	folder->is_listing = true;
	folder->listed = 0;
	folder->serial_question =
	    imap_uid_fetch_range(folder->imap, 1, ALL_UIDS, items);
	append_idle(folder);
	return WATCHER_NONE;
}

static enum watcher_event
ask_new(struct folder *folder)
{
	folder->bodies_from = folder->next_uid;
	folder->serial_bodies = imap_uid_fetch_range(
	    folder->imap, folder->bodies_from, ALL_UIDS, FOLDER_BODY_ITEMS);
	append_idle(folder);
	return WATCHER_NONE;
}

/* How many more messages exist than what is here and not named as gone. */
static int64_t
count_arrived(struct folder *folder)
{
	struct uidset gone = {0};
	struct uidset have = {0};
	int64_t count = (int64_t)imap_mailbox(folder->imap)->exists -
	    folder_expected(folder);

	if (uidset_is_empty(&folder->vanished))
		return count;
	uidset_copy(&gone, &folder->vanished);
	index_uids(&folder->index, &have);
	uidset_intersect(&gone, &have);
	count += (int64_t)uidset_count(&gone);
	uidset_free(&gone);
	uidset_free(&have);
	return count;
}

/* The cheapest question that tells what is not known. */
enum watcher_event
folder_ask(void *user)
{
	struct folder *folder = user;
	enum watcher_event event = WATCHER_NONE;
	bool has_news = !uidset_is_empty(&folder->vanished) ||
	    folder->compare.plan.reflag_count > 0;
	int64_t arrived;

	burst_reset(&folder->burst);
	folder_note_idle_end(folder);
	if (folder->must_stop)
		return WATCHER_STOP;
	if (folder->is_lost || folder->imap == NULL)
		return WATCHER_LOST;
	if (folder->serial_question != 0 || folder->serial_bodies != 0)
		return WATCHER_NONE;
	if (!folder->has_looked && !look_at_mailbox(folder, &event))
		return event;
	if (folder->quarantine_until != 0 &&
	    clock_now() > folder->quarantine_until)
		folder->needs_listing = true;
	arrived = count_arrived(folder);
	if (!folder->needs_listing && arrived > 0 && arrived <= FOLDER_WINDOW &&
	    folder->index.count > 0)
		return ask_new(folder);
	if (folder->needs_listing || arrived != 0)
		return ask_listing(folder);
	return has_news ? WATCHER_OK : WATCHER_SAME;
}

/* ---- judging ---- */

struct compare_rules
folder_rules(const struct folder *folder)
{
	bool is_exempt =
	    (folder->list_flags & (IMAP_LIST_TRASH | IMAP_LIST_JUNK)) != 0;

	return (struct compare_rules){
	    .exists =
		folder->imap == NULL ? 0 : imap_mailbox(folder->imap)->exists,
	    .guard_percent =
		is_exempt ? 0 : folder->config.settings->delete_guard,
	    .accepts_deletes = folder->config.accepts_deletes,
	    .skip = &folder->quarantine,
	};
}

static void
note_held(struct folder *folder, bool is_held)
{
	if (is_held && !folder->row.is_held)
		log_warning(&folder->subject,
		    "more than %u%% of the messages are gone from the "
		    "server: nothing is removed here (delete_guard); to "
		    "accept it: mailmirror sync --accept-deletes %s/%s",
		    folder->config.settings->delete_guard,
		    folder->config.settings->name, folder->name);
	folder->row.is_held = is_held;
}

/* The counts do not agree, and a listing was just taken: look again, a few
 * times, then live with it. */
static enum watcher_event
doubt(struct folder *folder)
{
	int64_t exists = imap_mailbox(folder->imap)->exists;

	if (!folder->row.is_held && ++folder->idle_laps < DOUBTFUL_LAPS) {
		folder->needs_listing = true;
		return WATCHER_COMMITTED;
	}
	folder->idle_laps = 0;
	folder->unexplained = 0;
	folder->unexplained = exists - folder_expected(folder);
	if (!folder->row.is_held)
		log_warning(&folder->subject,
		    "the server counts %" PRId64 " messages and lists "
		    "%" PRIu32 "; nothing is removed on such a word",
		    exists, folder->index.count);
	return WATCHER_SAME;
}

/* A claim is settled once the server listed the mailbox. */
static void
settle_claims(struct folder *folder)
{
	struct uidset absent = {0};

	uidset_copy(&absent, &folder->unverified);
	uidset_minus(&absent, &folder->compare.seen);
	for (uint32_t i = 0; i < folder->odd.count; i++)
		if (uidset_contains(&absent, folder->odd.items[i].message.uid))
			uidset_add(
			    &folder->refuted, folder->odd.items[i].message.uid);
	uidset_free(&absent);
}

static void
judge_listing(struct folder *folder)
{
	struct compare_rules rules = folder_rules(folder);

	if (folder->quarantine_until != 0 &&
	    clock_now() > folder->quarantine_until) {
		uidset_free(&folder->quarantine);
		folder->quarantine_until = 0;
	}
	uidset_intersect(&folder->quarantine, &folder->compare.seen);
	settle_claims(folder);
	compare_listed(&folder->compare, &rules);
	note_held(folder, folder->compare.plan.is_held);
	/* what is refuted leaves its name, and is fetched in the next lap */
	uidset_minus(&folder->compare.plan.remove, &folder->refuted);
	uidset_minus(&folder->compare.plan.fetch, &folder->arriving);
}

enum watcher_event
folder_judge(void *user)
{
	struct folder *folder = user;
	bool listed = folder->has_listing;

	/* what vanished while the listing was written may be in it */
	if (listed && !uidset_is_empty(&folder->vanished))
		folder->needs_listing = true;
	if (folder->imap == NULL)
		return WATCHER_LOST;
	if (folder->serial_bodies != 0 || folder->serial_question != 0)
		return WATCHER_NONE;
	if (!listed &&
	    (folder->landing.arrival_count > 0 || folder->commits > 0))
		return WATCHER_FETCHED;
	if (listed) {
		judge_listing(folder);
	} else if (!uidset_is_empty(&folder->vanished)) {
		struct compare_rules rules = folder_rules(folder);

		compare_vanished(&folder->compare, &folder->vanished, &rules);
		note_held(folder, folder->compare.plan.is_held);
		if (folder->compare.plan.is_doubtful)
			folder->needs_listing = true;
	}
	uidset_clear(&folder->vanished);
	folder->has_listing = false;
	if (!uidset_is_empty(&folder->compare.plan.fetch))
		return WATCHER_DIFFERS;
	if (!compare_is_same(&folder->compare) ||
	    folder->landing.arrival_count > 0 ||
	    !uidset_is_empty(&folder->verified) ||
	    !uidset_is_empty(&folder->refuted))
		return WATCHER_FETCHED;
	if (folder->commits > 0)
		return WATCHER_FETCHED;
	if (folder->needs_listing)
		return WATCHER_COMMITTED;
	if ((int64_t)imap_mailbox(folder->imap)->exists ==
	    folder_expected(folder)) {
		folder->idle_laps = 0;
		return WATCHER_SAME;
	}
	if (listed)
		return doubt(folder);
	folder->needs_listing = true;
	return WATCHER_COMMITTED;
}
