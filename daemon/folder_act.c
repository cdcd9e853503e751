/*
 * The watcher's actions, in the order of its table: what a folder does in
 * each of its states. Each returns the event that it already knows.
 */
#include "daemon/folder_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libclient/base/mem.h"

#define SECOND	     UINT64_C(1000000)
#define BACK_OFF     (1 * SECOND)
#define BACK_OFF_MAX (600 * SECOND)

/* So many messages leave much memory behind when they have been looked at. */
#define MANY 10000

/* Connections lost before `sync` ends. */
#define ONCE_ATTEMPTS 3

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
	/* while a job is on its way, its end comes back here */
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

static void
forget_answers(struct folder *folder)
{
	folder_begin_lap(folder);
	uidset_clear(&folder->vanished);
	folder->serial_question = 0;
	folder->serial_bodies = 0;
	folder->serial_idle = 0;
	folder->serial_push = 0;
	folder->is_pushed = false;
	folder->question = QUESTION_NONE;
	folder->needs = 0;
	folder->tests_modseq = false;
}

/* Asks what changed since the last visit, where the disk is as it was left. */
static uint64_t
send_examine(struct folder *folder)
{
	const struct capabilities *offered = imap_capabilities(folder->imap);
	struct imap_resync since = {
	    .uidvalidity = folder->identity.uidvalidity};
	const struct imap_resync *resync;

	folder->has_gap = imap_mailbox(folder->imap)->uidvalidity != 0;
	folder->resyncs = capabilities_have(offered, CAPABILITY_QRESYNC) &&
	    !folder->no_resync && folder->row.highestmodseq != 0 &&
	    folder->stale_uidvalidity == 0;
	if (folder->resyncs)
		since.modseq = folder->row.highestmodseq;
	resync =
	    folder->resyncs || capabilities_have(offered, CAPABILITY_CONDSTORE)
	    ? &since
	    : NULL;
	/* reading alone would let such a server forget its UIDVALIDITY */
	if (folder_has_quirk(folder, QUIRK_SELECT))
		return imap_select(
		    folder->imap, folder_mailbox_bytes(folder), resync);
	return imap_examine(folder->imap, folder_mailbox_bytes(folder), resync);
}

static enum watcher_event
act_examine(void *user)
{
	struct folder *folder = user;
	struct imap_error error = {0};

	forget_answers(folder);
	folder->unexplained = 0;
	folder->idle_laps = 0;
	folder->listed_modseq = 0;
	folder->has_looked = false;
	folder->looks_again = true;
	folder->listed = 0;
	landing_drop_all(&folder->landing, &folder->flow.bodies);
	folder->serial_examine = send_examine(folder);
	if (folder->serial_examine != 0)
		folder_idle_ahead(folder);
	if (folder->serial_examine != 0 || !imap_is_ready(folder->imap))
		return WATCHER_NONE;
	imap_error_set(&error, IMAP_ERROR_PROTOCOL,
	    "a mailbox of this name cannot be asked for");
	folder_fail(folder, &error);
	return WATCHER_NO;
}

/* ---- fetching ---- */

/* Keeps all connections busy. */
static void
fetch_more(struct folder *folder)
{
	if (folder_weigh(folder))
		return;
	folder_match(folder);
	folder_flow_fill(folder, &folder->flow, folder->imap);
	folder_hands_fill(folder);
}

static bool
is_fetching(const struct folder *folder)
{
	return folder_flow_is_busy(&folder->flow) ||
	    folder_hands_are_busy(folder) ||
	    !uidset_is_empty(&folder->wanted) ||
	    folder->absent.serial_sizes != 0 || folder_match_is_busy(folder);
}

static enum watcher_event
act_fetch(void *user)
{
	struct folder *folder = user;

	log_debug(&folder->subject, "fetching %" PRIu64 " messages",
	    uidset_count(&folder->compare.plan.fetch));
	folder->serial_idle = 0;
	folder_goal_set(folder, &folder->compare.plan.fetch);
	folder_want(folder, &folder->compare.plan.fetch);
	folder_match_begin(folder);
	fetch_more(folder);
	return WATCHER_NONE;
}

static enum watcher_event
act_land(void *user)
{
	struct folder *folder = user;

	/* what lands meanwhile is the next batch */
	if (folder->commits == 0)
		(void)folder_commit(folder, false);
	if (folder->imap == NULL)
		return WATCHER_LOST;
	fetch_more(folder);
	if (is_fetching(folder))
		return WATCHER_NONE;
	folder_hands_end(folder);
	return WATCHER_FETCHED;
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

/* All changes up to a MODSEQ are on the disk now: the next run begins there. */
static void
note_told(struct folder *folder)
{
	uint64_t told = imap_mailbox(folder->imap)->highestmodseq;

	if (told > folder->covered_modseq)
		told = folder->covered_modseq;
	if (told != 0 && told < folder->told_modseq)
		told = folder->told_modseq;
	if (!folder->row.is_held)
		folder->row.highestmodseq = told;
	if (folder->row.highestmodseq != folder->saved.highestmodseq ||
	    folder->row.last_full != folder->saved.last_full ||
	    folder->row.new_ns != folder->saved.new_ns ||
	    folder->row.cur_ns != folder->saved.cur_ns ||
	    strcmp(folder->row.mailboxid, folder->saved.mailboxid) != 0 ||
	    folder->owes_highest_uid)
		(void)folder_commit(folder, true);
}

/* After much was loaded or listed, memory is given back. */
static void
trim(struct folder *folder, bool is_first)
{
	index_trim(&folder->index);
	if (folder->index.count >= MANY && (is_first || folder->listed >= MANY))
		mem_trim();
	folder->listed = 0;
}

/* One line for a burst, however many batches it came in. */
static void
log_synced(struct folder *folder, bool is_first)
{
	const struct folder_tally *tally = &folder->tally;
	const uint64_t fetched = tally->fetched - folder->told.fetched;
	const uint64_t removed = tally->removed - folder->told.removed;
	const uint64_t reflagged = tally->reflagged - folder->told.reflagged;
	struct log_subject subject = folder->subject;

	folder->told = *tally;
	if (is_first) {
		log_line(SETTINGS_LOG_INFO, LOG_EVENT_SYNCED, &subject,
		    "the same as the server: %" PRIu32 " messages",
		    folder->index.count);
		return;
	}
	if (fetched == 1 && removed + reflagged == 0)
		subject.uid = tally->newest;
	if (fetched + removed + reflagged > 0)
		log_line(SETTINGS_LOG_INFO, LOG_EVENT_BURST, &subject,
		    "%" PRIu64 " new, %" PRIu64 " removed, %" PRIu64
		    " with other flags",
		    fetched, removed, reflagged);
}

static void
note_synced(struct folder *folder)
{
	bool is_first = !folder->is_synced;

	folder->looks_again = false;
	folder->idle_laps = 0;
	folder->laps = 0;
	folder->is_synced = true;
	folder->tally.checked_at = time(NULL);
	folder->failures = 0;
	folder->hand_faults = 0;
	uidset_clear(&folder->missing);
	uidset_clear(&folder->rowless);
	folder_match_forget(folder);
	trim(folder, is_first);
	folder->error = (struct imap_error){0};
	log_synced(folder, is_first);
	if (folder->stale_uidvalidity != 0) {
		if (folder->absent.withheld.count ==
			folder->absent.withheld.too_large &&
		    !folder->is_stale_held)
			folder_end_generation(folder);
	} else {
		note_told(folder);
	}
	folder->config.host->changed(folder->config.host_user, folder);
}

/* NOTIFY has new messages sent without a question, a round trip sooner. */
static void
ask_push(struct folder *folder)
{
	if (folder->is_pushed || folder->no_push || folder->serial_push != 0 ||
	    !capabilities_have(
		imap_capabilities(folder->imap), CAPABILITY_NOTIFY) ||
	    folder_asks_first(folder))
		return;
	folder->serial_push =
	    imap_notify_selected(folder->imap, folder_body_items(folder));
	folder->serial_idle = 0;
}

/* Nobody else is to be sent what this folder wanted, and yet is to hear. */
static void
end_push(struct folder *folder)
{
	if (folder->imap != NULL &&
	    (folder->is_pushed || folder->serial_push != 0))
		(void)imap_notify_selected(folder->imap, 0);
	folder->is_pushed = false;
	folder->serial_push = 0;
}

static enum watcher_event
act_idle(void *user)
{
	struct folder *folder = user;

	if (!folder_note_absent(folder))
		return WATCHER_STOP;
	note_synced(folder);
	if (folder->config.runs_once)
		return WATCHER_STOP;
	if (!folder->has_idle)
		return WATCHER_POLLED;
	ask_push(folder);
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

/*
 * Whatever IDLE kept back is told now: by a MODSEQ, or, where there is none,
 * by NOOP, which has servers that only pretend to IDLE say what they know.
 */
static enum watcher_event
act_leave(void *user)
{
	struct folder *folder = user;

	folder_note_idle_end(folder);
	if (!folder->has_idle)
		return WATCHER_POLLED;
	if (folder_has_modseq(folder)) {
		folder_ask_changes(folder);
		return WATCHER_NONE;
	}
	folder->question = QUESTION_NOOP;
	folder->serial_question = imap_noop(folder->imap);
	folder->serial_idle = imap_idle(folder->imap);
	folder->idle_began = clock_now();
	return WATCHER_NONE;
}

static enum watcher_event
act_yield(void *user)
{
	struct folder *folder = user;

	end_push(folder);
	folder->serial_idle = 0;
	landing_drop_all(&folder->landing, &folder->flow.bodies);
	folder_rest(folder);
	folder->config.host->release(folder->config.host_user, folder);
	folder->imap = NULL;
	folder->config.host->want(folder->config.host_user, folder);
	return WATCHER_NONE;
}

static enum watcher_event
act_release(void *user)
{
	struct folder *folder = user;

	end_push(folder);
	folder->retry_at = 0;
	folder_arm(folder, 0);
	folder->serial_idle = 0;
	landing_drop_all(&folder->landing, &folder->flow.bodies);
	folder_rest(folder);
	folder->imap = NULL;
	folder->config.host->release(folder->config.host_user, folder);
	return WATCHER_NONE;
}

/* ---- ends ---- */

/* What is on its way will not come. What came whole is kept. */
static void
drop_flight(struct folder *folder)
{
	folder_hands_end(folder);
	folder_flow_drop(folder, &folder->flow);
	if (folder->maildir != NULL)
		(void)folder_commit(folder, false);
	uidset_free(&folder->wanted);
	folder_match_forget(folder);
	folder_forget_weights(folder);
	folder->serial_examine = 0;
	forget_answers(folder);
	folder_rest(folder);
	folder->imap = NULL;
	folder->config.host->release(folder->config.host_user, folder);
}

static bool
gives_up(const struct folder *folder)
{
	if (!folder->config.runs_once)
		return false;
	if (folder->is_final || folder->failures > ONCE_ATTEMPTS)
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
	if (folder->must_stop)
		return WATCHER_STOP;
	/* what the disk has after a failure, only the disk knows */
	if (folder->error.kind == IMAP_ERROR_LOCAL)
		folder->is_prepared = false;
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
		folder_arm(folder, clock_now() + folder_idle_refresh(folder));
	else if (to != from && to != WATCHER_SETTLING)
		folder_arm(folder, 0);
	folder_rest(folder);
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
	    [WATCHER_ACT_ASK] = folder_ask,
	    [WATCHER_ACT_JUDGE] = folder_judge,
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
