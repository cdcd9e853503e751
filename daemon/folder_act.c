/*
 * The watcher's actions, in the order of its table: what a folder does in
 * each of its states. Each returns the event that it already knows.
 */
#include "daemon/folder_private.h"

#include <inttypes.h>
#include <stdlib.h>

#include "libclient/base/mem.h"

#define SECOND	      UINT64_C(1000000)
#define BACK_OFF      (1 * SECOND)
#define BACK_OFF_MAX  (600 * SECOND)
#define QUARANTINE    (600 * SECOND)
#define DOUBTFUL_LAPS 3
#define ALL_UIDS      UINT32_MAX

static void
begin_lap(struct folder *folder)
{
	compare_begin(&folder->compare, &folder->index);
	folder->has_listing = false;
}

static enum watcher_event
act_nothing(void *user)
{
	(void)user;
	return WATCHER_NONE;
}

static enum watcher_event
act_open(void *user)
{
	struct folder *folder = user;

	folder->must_stop = false;
	folder->is_lost = false;
	if (folder->is_prepared)
		return WATCHER_PREPARED;
	if (folder->jobs == 0)
		folder_prepare(folder);
	return WATCHER_NONE;
}

static enum watcher_event
act_queue(void *user)
{
	struct folder *folder = user;

	folder->config.host->want(folder->config.host_user, folder);
	return WATCHER_NONE;
}

static enum watcher_event
act_examine(void *user)
{
	struct folder *folder = user;

	begin_lap(folder);
	uidset_clear(&folder->vanished);
	folder->serial_question = 0;
	folder->serial_bodies = 0;
	folder->serial_idle = 0;
	folder->is_listing = false;
	folder->needs_listing = true;
	folder->unexplained = 0;
	folder->idle_laps = 0;
	folder->has_looked = false;
	folder->serial_examine =
	    imap_examine(folder->imap, folder_mailbox_span(folder));
	return WATCHER_NONE;
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
	    uidset_is_empty(&folder->unverified) &&
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
	begin_lap(folder);
	uidset_clear(&folder->vanished);
	folder->needs_listing = false;
	folder->is_listing = true;
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
static enum watcher_event
act_ask(void *user)
{
	struct folder *folder = user;
	enum watcher_event event = WATCHER_NONE;
	bool has_news = !uidset_is_empty(&folder->vanished) ||
	    folder->compare.plan.reflag_count > 0;
	int64_t arrived;

	burst_reset(&folder->burst);
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

static struct compare_rules
rules_of(const struct folder *folder)
{
	bool is_exempt =
	    (folder->list_flags & (IMAP_LIST_TRASH | IMAP_LIST_JUNK)) != 0;

	return (struct compare_rules){
	    .exists = imap_mailbox(folder->imap)->exists,
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
	struct compare_rules rules = rules_of(folder);

	if (clock_now() > folder->quarantine_until) {
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

static enum watcher_event
act_judge(void *user)
{
	struct folder *folder = user;
	bool listed = folder->has_listing;

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
		struct compare_rules rules = rules_of(folder);

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

/* ---- fetching ---- */

/* Keeps the windows full, unless the disk is behind. */
static void
fetch_more(struct folder *folder)
{
	for (int i = 0; i < FOLDER_WINDOWS; i++) {
		struct folder_window *window = &folder->windows[i];

		if (window->serial != 0 || uidset_is_empty(&folder->wanted) ||
		    uidset_count(&folder->arriving) >= FOLDER_MAX_UNSAVED)
			continue;
		uidset_free(&window->uids);
		uidset_take_last(&folder->wanted, FOLDER_WINDOW, &window->uids);
		window->serial = imap_uid_fetch(
		    folder->imap, &window->uids, FOLDER_BODY_ITEMS);
	}
}

static bool
is_fetching(const struct folder *folder)
{
	for (int i = 0; i < FOLDER_WINDOWS; i++)
		if (folder->windows[i].serial != 0)
			return true;
	return !uidset_is_empty(&folder->wanted);
}

static enum watcher_event
act_fetch(void *user)
{
	struct folder *folder = user;

	log_debug(&folder->subject, "fetching %" PRIu64 " messages",
	    uidset_count(&folder->compare.plan.fetch));
	folder->serial_idle = 0;
	uidset_give(&folder->wanted, &folder->compare.plan.fetch);
	fetch_more(folder);
	return WATCHER_NONE;
}

static enum watcher_event
act_land(void *user)
{
	struct folder *folder = user;

	(void)folder_commit(folder, false);
	if (folder->imap == NULL)
		return WATCHER_LOST;
	fetch_more(folder);
	return is_fetching(folder) ? WATCHER_NONE : WATCHER_FETCHED;
}

static enum watcher_event
act_commit(void *user)
{
	struct folder *folder = user;

	if (folder_commit(folder, true) || folder->commits > 0)
		return WATCHER_NONE;
	return WATCHER_COMMITTED;
}

/* ---- being the same ---- */

/* False if the server keeps messages back, which `sync` must not pass over. */
static bool
note_quarantine(struct folder *folder)
{
	struct imap_error error = {0};
	struct buf text;

	if (uidset_is_empty(&folder->quarantine))
		return true;
	if (folder->quarantine_until > clock_now() && !folder->config.runs_once)
		return true;
	folder->quarantine_until = clock_now() + QUARANTINE;
	buf_init(&text, 256);
	(void)uidset_format(&folder->quarantine, 0, 100, &text);
	(void)buf_add(&text, "", 1);
	imap_error_set(&error, IMAP_ERROR_PROTOCOL,
	    "the server lists UID %s but does not give the message",
	    buf_span(&text).at);
	buf_free(&text);
	if (folder->config.runs_once) {
		folder_fail(folder, &error);
		return false;
	}
	log_warning(&folder->subject, "%s", error.text);
	return true;
}

static void
note_synced(struct folder *folder)
{
	bool is_first = !folder->is_synced;

	folder->is_synced = true;
	folder->failures = 0;
	uidset_clear(&folder->missing);
	folder->error = (struct imap_error){0};
	if (is_first)
		log_info(&folder->subject,
		    "the same as the server: %" PRIu32 " messages",
		    folder->index.count);
	if (folder->stale_uidvalidity != 0 &&
	    uidset_is_empty(&folder->quarantine))
		folder_end_generation(folder);
	if (folder->examined_modseq != folder->row.highestmodseq &&
	    !folder->row.is_held) {
		folder->row.highestmodseq = folder->examined_modseq;
		(void)folder_commit(folder, true);
	}
	folder->config.host->changed(folder->config.host_user, folder);
}

static enum watcher_event
act_idle(void *user)
{
	struct folder *folder = user;

	if (!note_quarantine(folder))
		return WATCHER_STOP;
	note_synced(folder);
	if (folder->config.runs_once)
		return WATCHER_STOP;
	if (!folder->has_idle)
		return WATCHER_POLLED;
	if (folder->serial_idle == 0) {
		folder->serial_idle = imap_idle(folder->imap);
		folder->idle_began = clock_now();
	}
	return WATCHER_NONE;
}

static enum watcher_event
act_settle(void *user)
{
	struct folder *folder = user;

	burst_note(&folder->burst, clock_now());
	folder_arm(folder, burst_end(&folder->burst));
	return WATCHER_NONE;
}

/* NOOP has servers that only pretend to IDLE say what they know. */
static enum watcher_event
act_leave(void *user)
{
	struct folder *folder = user;

	if (!folder->has_idle)
		return WATCHER_POLLED;
	folder->serial_question = imap_noop(folder->imap);
	folder->serial_idle = imap_idle(folder->imap);
	folder->idle_began = clock_now();
	return WATCHER_NONE;
}

static enum watcher_event
act_yield(void *user)
{
	struct folder *folder = user;

	folder->serial_idle = 0;
	folder->config.host->release(folder->config.host_user, folder);
	folder->imap = NULL;
	folder->config.host->want(folder->config.host_user, folder);
	return WATCHER_NONE;
}

static enum watcher_event
act_release(void *user)
{
	struct folder *folder = user;

	folder->retry_at = 0;
	folder_arm(folder, 0);
	folder->serial_idle = 0;
	folder->imap = NULL;
	folder->config.host->release(folder->config.host_user, folder);
	return WATCHER_NONE;
}

/* ---- ends ---- */

/* What is on its way will not come. What came whole is kept. */
static void
drop_flight(struct folder *folder)
{
	if (folder->maildir != NULL) {
		landing_drop_all(&folder->landing);
		(void)folder_commit(folder, false);
	}
	for (int i = 0; i < FOLDER_WINDOWS; i++) {
		folder->windows[i].serial = 0;
		uidset_free(&folder->windows[i].uids);
	}
	uidset_free(&folder->wanted);
	folder->serial_examine = 0;
	folder->serial_question = 0;
	folder->serial_bodies = 0;
	folder->serial_idle = 0;
	folder->is_listing = false;
	begin_lap(folder);
	folder->imap = NULL;
	folder->config.host->release(folder->config.host_user, folder);
}

static bool
gives_up(const struct folder *folder)
{
	if (!folder->config.runs_once)
		return false;
	if (folder->is_final || folder->failures > FOLDER_ONCE_ATTEMPTS)
		return true;
	return folder->error.kind != IMAP_ERROR_NETWORK &&
	    folder->error.kind != IMAP_ERROR_TIMEOUT;
}

static enum watcher_event
act_back_off(void *user)
{
	struct folder *folder = user;
	uint64_t delay = BACK_OFF;

	drop_flight(folder);
	folder->is_lost = false;
	folder->config.host->changed(folder->config.host_user, folder);
	folder->failures++;
	if (gives_up(folder))
		return WATCHER_STOP;
	for (unsigned i = 1; i < folder->failures && delay < BACK_OFF_MAX; i++)
		delay *= 2;
	if (delay > BACK_OFF_MAX)
		delay = BACK_OFF_MAX;
	/* half of it is chance: not all come back at the same moment */
	delay = delay / 2 + (uint64_t)random() % (delay / 2 + 1);
	folder->retry_at = clock_now() + delay;
	folder_arm(folder, folder->retry_at);
	/* the next attempt may fail in another way, which is news */
	if (!folder->config.runs_once)
		folder->error.kind = IMAP_ERROR_NONE;
	return WATCHER_NONE;
}

static enum watcher_event
act_note_lost(void *user)
{
	struct folder *folder = user;

	folder->is_lost = true;
	return WATCHER_NONE;
}

static enum watcher_event
act_note_stop(void *user)
{
	struct folder *folder = user;

	folder->must_stop = true;
	return WATCHER_NONE;
}

static enum watcher_event
act_close(void *user)
{
	struct folder *folder = user;

	folder_arm(folder, 0);
	drop_flight(folder);
	folder->config.host->changed(folder->config.host_user, folder);
	return WATCHER_NONE;
}

static void
entered(void *user, enum watcher_state from, enum watcher_state to,
    enum watcher_event event)
{
	struct folder *folder = user;

	if (from != to || event == WATCHER_LOST)
		log_debug(&folder->subject, "%s -> %s (%s)",
		    watcher_state_name(from), watcher_state_name(to),
		    watcher_event_name(event));
	if (to == WATCHER_IDLING)
		folder_arm(folder,
		    clock_now() + folder->config.settings->idle_refresh);
	else if (to != from && to != WATCHER_SETTLING)
		folder_arm(folder, 0);
	if (from != to)
		folder->config.host->changed(folder->config.host_user, folder);
}

const struct watcher_ops folder_ops = {
    .act =
	{
	    [WATCHER_ACT_NOTHING] = act_nothing,
	    [WATCHER_ACT_OPEN] = act_open,
	    [WATCHER_ACT_QUEUE] = act_queue,
	    [WATCHER_ACT_EXAMINE] = act_examine,
	    [WATCHER_ACT_ASK] = act_ask,
	    [WATCHER_ACT_JUDGE] = act_judge,
	    [WATCHER_ACT_FETCH] = act_fetch,
	    [WATCHER_ACT_LAND] = act_land,
	    [WATCHER_ACT_COMMIT] = act_commit,
	    [WATCHER_ACT_IDLE] = act_idle,
	    [WATCHER_ACT_SETTLE] = act_settle,
	    [WATCHER_ACT_LEAVE] = act_leave,
	    [WATCHER_ACT_YIELD] = act_yield,
	    [WATCHER_ACT_RELEASE] = act_release,
	    [WATCHER_ACT_BACK_OFF] = act_back_off,
	    [WATCHER_ACT_NOTE_LOST] = act_note_lost,
	    [WATCHER_ACT_NOTE_STOP] = act_note_stop,
	    [WATCHER_ACT_CLOSE] = act_close,
	},
    .entered = entered,
};
