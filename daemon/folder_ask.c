/*
 * What a folder asks the server: the cheapest question that tells what is not
 * known. With a MODSEQ only changes are asked for, and which messages there
 * are when the counts say that one went; without, everything.
 */
#include "daemon/folder_private.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

_Static_assert(STATE_OBJECTID_SIZE == IMAP_MAILBOXID_SIZE,
    "a MAILBOXID fits where it is remembered");

#define ALL_UIDS UINT32_MAX

/* MODSEQs are believed this long, in seconds: then all is compared. */
#define FULL_INTERVAL 86400

void
folder_need(struct folder *folder, enum folder_need need)
{
	folder->needs |= need;
}

void
folder_begin_lap(struct folder *folder)
{
	compare_begin(&folder->compare, &folder->index);
	folder_match_forget(folder);
	folder->answered = QUESTION_NONE;
}

uint64_t
folder_changes_since(const struct folder *folder)
{
	if (imap_mailbox(folder->imap)->highestmodseq == 0 ||
	    !capabilities_have(
		imap_capabilities(folder->imap), CAPABILITY_CONDSTORE) ||
	    folder_has_quirk(folder, QUIRK_NO_MODSEQ) ||
	    folder->lies >= FOLDER_LIES_MAX)
		return 0;
	return folder->row.highestmodseq != 0 ? folder->row.highestmodseq
					      : folder->listed_modseq;
}

bool
folder_has_modseq(const struct folder *folder)
{
	return folder->row.highestmodseq != 0 &&
	    folder_changes_since(folder) != 0;
}

static bool
may_search(const struct folder *folder)
{
	return !folder->no_search && !folder_has_quirk(folder, QUIRK_NO_SEARCH);
}

/* ---- the first look ---- */

/* EXAMINE says that nothing happened since the folder was last the same. */
static bool
is_unchanged(const struct folder *folder, const struct imap_mailbox *mailbox)
{
	return mailbox->highestmodseq == folder->row.highestmodseq &&
	    mailbox->uidnext == folder->row.uidnext && mailbox->uidnext != 0 &&
	    (int64_t)mailbox->exists == folder_expected(folder);
}

static bool
is_full_due(const struct folder *folder)
{
	int64_t age = (int64_t)time(NULL) - folder->row.last_full;

	return age < 0 || age >= FULL_INTERVAL;
}

/* Neither side has anything, which is a full comparison. */
static bool
is_empty(const struct folder *folder, const struct imap_mailbox *mailbox)
{
	return mailbox->exists == 0 && folder->index.count == 0 &&
	    folder->odd.count == 0 && folder->stale_uidvalidity == 0;
}

/* What EXAMINE leaves to be found out: of enum folder_need, or 0. */
static unsigned
needs_after_examine(
    const struct folder *folder, const struct imap_mailbox *mailbox)
{
	if (is_empty(folder, mailbox))
		return 0;
	if (!folder_has_modseq(folder) ||
	    mailbox->highestmodseq < folder->row.highestmodseq ||
	    !uidset_is_empty(&folder->unverified) || folder->is_altered ||
	    folder->stale_uidvalidity != 0 || is_full_due(folder))
		return NEED_LISTING;
	if (folder->resyncs || is_unchanged(folder, mailbox))
		return 0;
	return NEED_CHANGES;
}

/* By its MAILBOXID it is known again under another name, and another one under
 * its own (RFC 8474), though UIDVALIDITY be the same by chance. */
static bool
is_replaced(const struct folder *folder, const struct imap_mailbox *mailbox)
{
	return folder->row.mailboxid[0] != '\0' &&
	    mailbox->mailboxid[0] != '\0' &&
	    strcmp(folder->row.mailboxid, mailbox->mailboxid) != 0;
}

/* What is here is another mailbox's: it goes before the new one comes, as its
 * files may have the same names. */
static enum watcher_event
begin_anew(struct folder *folder, const struct imap_mailbox *mailbox)
{
	const struct compare_rules rules = folder_rules(folder);
	uint32_t count = folder->index.count;

	folder_begin_lap(folder);
	uidset_clear(&folder->vanished);
	folder->resyncs = false;
	folder->has_looked = true;
	if (compare_holds(&rules, count, count)) {
		folder_note_held(folder, true);
		return WATCHER_SAME;
	}
	log_notice(&folder->subject,
	    "another mailbox has taken the name: its messages replace the "
	    "%" PRIu32 " that are here",
	    count);
	index_uids(&folder->index, &folder->compare.plan.remove);
	memcpy(folder->row.mailboxid, mailbox->mailboxid,
	    sizeof(folder->row.mailboxid));
	folder->row.highestmodseq = 0;
	folder->row.uidnext = mailbox->uidnext;
	folder->told_modseq = mailbox->highestmodseq;
	folder->next_uid = 1;
	folder_need(folder, NEED_LISTING);
	return WATCHER_FETCHED;
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
		folder_begin_lap(folder);
		uidset_clear(&folder->vanished);
		folder_begin_generation(folder, mailbox->uidvalidity);
		*event = WATCHER_NONE;
		return false;
	}
	if (is_replaced(folder, mailbox)) {
		*event = begin_anew(folder, mailbox);
		return false;
	}
	folder->has_looked = true;
	folder->needs |= needs_after_examine(folder, mailbox);
	if (is_empty(folder, mailbox))
		folder->row.last_full = (int64_t)time(NULL);
	if (folder->resyncs)
		folder->answered = QUESTION_CHANGES;
	folder->resyncs = false;
	folder->told_modseq = mailbox->highestmodseq;
	folder->row.uidnext = mailbox->uidnext;
	/* by it a renamed mailbox is known again (RFC 8474) */
	if (mailbox->mailboxid[0] != '\0')
		memcpy(folder->row.mailboxid, mailbox->mailboxid,
		    sizeof(folder->row.mailboxid));
	return true;
}

/* ---- questions ---- */

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

static void
begin_question(struct folder *folder, enum folder_question question)
{
	folder->question = question;
	folder->listed = 0;
	folder->absent.lists_sizes = false;
	folder_goal_forget_sizes(folder);
	folder->asked_modseq = 0;
}

unsigned
folder_body_items(const struct folder *folder)
{
	unsigned items = IMAP_FETCH_FLAGS | IMAP_FETCH_INTERNALDATE |
	    IMAP_FETCH_SIZE | IMAP_FETCH_BODY;

	if (imap_mailbox(folder->imap)->highestmodseq != 0)
		items |= IMAP_FETCH_MODSEQ;
	return items | folder_match_emailid_item(folder);
}

/* What is told of each message. */
static unsigned
listed_items(const struct folder *folder)
{
	unsigned items = IMAP_FETCH_FLAGS | folder_match_items(folder);

	if (imap_mailbox(folder->imap)->highestmodseq != 0)
		items |= IMAP_FETCH_MODSEQ;
	return items;
}

/* So few that what they weigh is asked for with them, a round trip sooner. */
static unsigned
size_item(struct folder *folder, int64_t count)
{
	folder->absent.lists_sizes = count <= WINDOW_MANY;
	return folder->absent.lists_sizes ? IMAP_FETCH_SIZE : 0;
}

void
folder_ask_listing(struct folder *folder, uint32_t last)
{
	unsigned items = listed_items(folder);

	if (folder->index.count == 0)
		items |= size_item(folder, imap_mailbox(folder->imap)->exists);

	if (!uidset_is_empty(&folder->unverified))
		items |= IMAP_FETCH_SIZE | IMAP_FETCH_INTERNALDATE;
	folder->serial_question =
	    imap_uid_fetch_range(folder->imap, 1, last, items);
	append_idle(folder);
}

static enum watcher_event
ask_listing(struct folder *folder)
{
	folder_begin_lap(folder);
	uidset_clear(&folder->vanished);
	folder->is_altered = false;
	folder->listing_modseq = folder->told_modseq;
	begin_question(folder, QUESTION_LISTING);
	folder_ask_listing(folder, ALL_UIDS);
	return WATCHER_NONE;
}

static enum watcher_event
ask_uids(struct folder *folder)
{
	compare_forget_uids(&folder->compare);
	uidset_clear(&folder->vanished);
	begin_question(folder, QUESTION_UIDS);
	folder->serial_question = imap_uid_search_all(folder->imap);
	append_idle(folder);
	return WATCHER_NONE;
}

/* More came than one answer should bring with their bodies. */
static enum watcher_event
ask_new(struct folder *folder, int64_t arrived)
{
	begin_question(folder, QUESTION_NEW);
	folder->serial_question =
	    imap_uid_fetch_range(folder->imap, folder->next_uid, ALL_UIDS,
		listed_items(folder) | size_item(folder, arrived));
	append_idle(folder);
	return WATCHER_NONE;
}

static void
send_bodies(struct folder *folder)
{
	folder->bodies_from = folder->next_uid;
	folder->serial_bodies = imap_uid_fetch_range(folder->imap,
	    folder->bodies_from, ALL_UIDS, folder_body_items(folder));
}

static enum watcher_event
ask_bodies(struct folder *folder)
{
	send_bodies(folder);
	append_idle(folder);
	return WATCHER_NONE;
}

bool
folder_asks_first(const struct folder *folder)
{
	return folder->config.settings->max_size != 0 ||
	    folder_match_asks_first(folder);
}

void
folder_idle_ahead(struct folder *folder)
{
	bool tells_all = folder->resyncs || folder->row.uidvalidity == 0;

	if (!tells_all || !folder->has_idle || folder->config.runs_once ||
	    !capabilities_have(
		imap_capabilities(folder->imap), CAPABILITY_IDLE))
		return;
	folder->serial_idle = imap_idle(folder->imap);
	folder->idle_began = clock_now();
}

void
folder_ask_changes(struct folder *folder)
{
	const struct capabilities *offered = imap_capabilities(folder->imap);

	begin_question(folder, QUESTION_CHANGES);
	folder->serial_question = imap_uid_fetch_changed(folder->imap, 1,
	    ALL_UIDS, listed_items(folder), folder_changes_since(folder),
	    capabilities_have(offered, CAPABILITY_QRESYNC) &&
		!folder->no_resync);
	append_idle(folder);
}

/* ---- asking ---- */

int64_t
folder_count_arrived(struct folder *folder)
{
	struct uidset gone = {0};
	int64_t count = (int64_t)imap_mailbox(folder->imap)->exists -
	    folder_expected(folder) -
	    (int64_t)uidset_count(&folder->compare.plan.fetch);

	index_intersect(&folder->index, &folder->vanished, &gone);
	count += (int64_t)uidset_count(&gone);
	/* what has come, and is not in the index yet */
	uidset_clear(&gone);
	index_intersect(&folder->index, &folder->arriving, &gone);
	count -= (int64_t)uidset_count(&folder->arriving) -
	    (int64_t)uidset_count(&gone);
	uidset_free(&gone);
	return count;
}

static enum watcher_event
ask_for_need(struct folder *folder)
{
	bool has_modseq = folder_changes_since(folder) != 0;

	if ((folder->needs & NEED_LISTING) != 0 ||
	    ((folder->needs & NEED_CHANGES) != 0 && !has_modseq) ||
	    ((folder->needs & NEED_UIDS) != 0 && !may_search(folder))) {
		folder->needs = 0;
		return ask_listing(folder);
	}
	if ((folder->needs & NEED_CHANGES) != 0) {
		folder->needs &= ~(unsigned)NEED_CHANGES;
		folder_ask_changes(folder);
		return WATCHER_NONE;
	}
	folder->needs = 0;
	return ask_uids(folder);
}

/* What came since the last look, told by EXISTS alone. */
static enum watcher_event
ask_for_arrived(struct folder *folder, int64_t arrived)
{
	if (arrived < 0 && may_search(folder))
		return ask_uids(folder);
	if (arrived < 0 || (folder->index.count == 0 && !folder->is_synced))
		return ask_listing(folder);
	return arrived > FOLDER_WINDOW || folder_asks_first(folder)
	    ? ask_new(folder, arrived)
	    : ask_bodies(folder);
}

/*
 * Where several came, more may have come since, and the server may take its
 * time to tell of them by itself: a new IDLE has it tell at once.
 */
static bool
ask_for_rest(struct folder *folder)
{
	bool is_burst = folder->lap_arrivals > 1;

	folder->lap_arrivals = 0;
	if (!is_burst || !folder->is_synced || !folder->has_idle ||
	    folder->config.runs_once)
		return false;
	begin_question(folder, QUESTION_NOOP);
	folder->serial_question = imap_noop(folder->imap);
	append_idle(folder);
	return true;
}

static bool
is_settled(struct folder *folder)
{
	return uidset_is_empty(&folder->vanished) &&
	    folder->landing.arrival_count == 0 &&
	    compare_is_same(&folder->compare) && !folder_has_absent(folder) &&
	    !folder_has_keyword_news(folder);
}

/* The cheapest question that tells what is not known. */
enum watcher_event
folder_ask(void *user)
{
	struct folder *folder = user;
	enum watcher_event event = WATCHER_NONE;
	int64_t arrived;

	burst_reset(&folder->burst);
	folder_note_idle_end(folder);
	if (folder->must_stop)
		return WATCHER_STOP;
	if (folder->is_lost || folder->imap == NULL)
		return WATCHER_LOST;
	if (!folder->has_looked && !look_at_mailbox(folder, &event))
		return event;
	if (folder->serial_question != 0 || folder->serial_bodies != 0)
		return WATCHER_NONE;
	if (folder->needs != 0)
		return ask_for_need(folder);
	arrived = folder_count_arrived(folder);
	if (arrived != 0)
		return ask_for_arrived(folder, arrived);
	if (folder->is_synced && is_full_due(folder)) {
		folder->tests_modseq = folder_has_modseq(folder);
		return ask_listing(folder);
	}
	if (!is_settled(folder))
		return WATCHER_OK;
	return ask_for_rest(folder) ? WATCHER_NONE : WATCHER_SAME;
}
