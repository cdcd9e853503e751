/*
 * What a folder makes of the server's answers: a comparison, and doubt where
 * the server contradicts itself.
 */
#include "daemon/folder_private.h"

#include <inttypes.h>
#include <time.h>

/* Answers in a row that bring no change and yet a reason to ask again, before
 * we live with it. */
#define DOUBTFUL_LAPS 3

/* Answers in a row, with changes or without, before a server is left that
 * never comes to rest. */
#define LAPS_MAX 1000

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
	    .skip = &folder->absent.skip,
	    .absent = folder_expected(folder) - (int64_t)folder->index.count,
	};
}

void
folder_note_held(struct folder *folder, bool is_held)
{
	if (is_held && !folder->row.is_held)
		log_line(SETTINGS_LOG_WARNING, LOG_EVENT_HELD, &folder->subject,
		    "more than %u%% of the messages are gone from the "
		    "server: nothing is removed here (delete_guard); to "
		    "accept it: mailmirror sync --accept-deletes %s/%s",
		    folder->config.settings->delete_guard,
		    folder->config.settings->name, folder->name);
	folder->row.is_held = is_held;
}

/* The counts do not agree, and a complete answer was just taken: look again,
 * a few times, then live with it. */
static enum watcher_event
doubt(struct folder *folder)
{
	int64_t exists = imap_mailbox(folder->imap)->exists;

	if (!folder->row.is_held && ++folder->idle_laps < DOUBTFUL_LAPS) {
		/* more may just have come */
		if (exists < folder_expected(folder))
			folder_need(folder, NEED_UIDS);
		return WATCHER_COMMITTED;
	}
	folder->needs = 0;
	folder->unexplained = 0;
	folder->unexplained = exists - folder_expected(folder);
	if (!folder->row.is_held && folder->unexplained != 0)
		log_warning(&folder->subject,
		    "the server counts %" PRId64 " messages and lists "
		    "%" PRIu32 "; nothing is removed on such a word",
		    exists, folder->index.count);
	return WATCHER_SAME;
}

/* ---- what nobody vouches for ---- */

/*
 * Of what the server does not have, the files that neither a row nor
 * .uidvalidity knows stay, as local ones. One that a killed run placed before
 * its row was written looks the same as one that was put here by somebody, who
 * is not to lose it.
 */
static void
spare_unknown(struct folder *folder, struct uidset *gone)
{
	struct uidset unknown = {0};
	struct uidset noted = {0};

	uidset_copy(&unknown, gone);
	uidset_intersect(&unknown, &folder->unverified);
	if (folder->noted_uid != 0)
		uidset_add_range(&noted, 1, folder->noted_uid);
	uidset_minus(&unknown, &noted);
	uidset_minus(&unknown, &folder->rowless);
	if (!uidset_is_empty(&unknown)) {
		uidset_minus(gone, &unknown);
		uidset_union(&folder->refuted, &unknown);
		/* so that they do not count as removed */
		index_remove(&folder->index, &unknown);
	}
	uidset_free(&noted);
	uidset_free(&unknown);
}

/* A claim is settled once the server listed the mailbox. */
static void
settle_claims(struct folder *folder)
{
	struct uidset absent = {0};

	uidset_copy(&absent, &folder->unverified);
	uidset_minus(&absent, &folder->compare.seen);
	if (uidset_count(&folder->compare.seen) ==
	    imap_mailbox(folder->imap)->exists)
		spare_unknown(folder, &absent);
	for (uint32_t i = 0; i < folder->odd.count; i++)
		if (uidset_contains(&absent, folder->odd.items[i].message.uid))
			uidset_add(
			    &folder->refuted, folder->odd.items[i].message.uid);
	uidset_free(&absent);
}

/* ---- complete answers ---- */

/* A day's full comparison should find nothing that was not told before. */
static void
note_full(struct folder *folder)
{
	bool is_test = folder->tests_modseq;

	folder->row.last_full = (int64_t)time(NULL);
	folder->tests_modseq = false;
	if (!is_test)
		return;
	if (compare_is_same(&folder->compare)) {
		folder->lies = 0;
		return;
	}
	folder->lies++;
	log_notice(&folder->subject,
	    "a full comparison found what the server's MODSEQs had not told");
}

static void
judge_complete(struct folder *folder)
{
	struct compare_rules rules;

	/* what vanished while the answer was written may be in it */
	if (!uidset_is_empty(&folder->vanished))
		folder_need(folder, NEED_UIDS);
	withheld_keep(&folder->absent.withheld, &folder->compare.seen);
	if (folder->answered == QUESTION_LISTING)
		settle_claims(folder);
	rules = folder_rules(folder);
	compare_listed(&folder->compare, &rules);
	if (folder->answered == QUESTION_LISTING)
		note_full(folder);
	else
		spare_unknown(folder, &folder->compare.plan.remove);
	folder_note_held(folder, folder->compare.plan.is_held);
	/* what is refuted leaves its name, and is fetched in the next lap */
	uidset_minus(&folder->compare.plan.remove, &folder->refuted);
	uidset_clear(&folder->vanished);
}

/* ---- changes ---- */

static void
judge_changes(struct folder *folder)
{
	struct compare_rules rules = folder_rules(folder);

	compare_changed(&folder->compare, &folder->vanished, &rules);
	spare_unknown(folder, &folder->compare.plan.remove);
	if (folder->compare.plan.is_doubtful) {
		if (!uidset_is_empty(&folder->vanished))
			folder_need(folder, NEED_UIDS);
	} else {
		folder_note_held(folder, folder->compare.plan.is_held);
	}
	uidset_clear(&folder->vanished);
}

/*
 * All at once is what a server says that gives the mailbox another name, or
 * another life: it is opened again before that is believed.
 */
static bool
is_suspicious(const struct folder *folder)
{
	return !folder->looks_again && folder->index.count > 0 &&
	    uidset_count(&folder->compare.plan.remove) == folder->index.count;
}

/* ---- judging ---- */

/* What is on its way to the disk is not in the index: it must be there first,
 * or counts say nothing. */
static bool
is_landing(const struct folder *folder)
{
	return folder->landing.arrival_count > 0 || folder->commits > 0;
}

/* Nothing differs: is that all there is to know? */
static enum watcher_event
judge_same(struct folder *folder, bool is_complete)
{
	bool agrees = (int64_t)imap_mailbox(folder->imap)->exists ==
	    folder_expected(folder);

	if (agrees && folder->needs == 0)
		return WATCHER_SAME;
	if (agrees && ++folder->idle_laps < DOUBTFUL_LAPS)
		return WATCHER_COMMITTED;
	if (agrees) {
		folder->needs = 0;
		return WATCHER_SAME;
	}
	if (is_complete)
		return doubt(folder);
	folder_need(folder, NEED_UIDS);
	return WATCHER_COMMITTED;
}

/* False if the mailbox is never the same twice. */
static bool
comes_to_rest(struct folder *folder)
{
	struct imap_error error = {0};

	if (++folder->laps < LAPS_MAX)
		return true;
	imap_error_set(&error, IMAP_ERROR_PROTOCOL,
	    "the server tells something else each time it is asked");
	folder_fail(folder, &error);
	return false;
}

enum watcher_event
folder_judge(void *user)
{
	struct folder *folder = user;
	struct plan *plan = &folder->compare.plan;
	bool is_complete = folder->answered == QUESTION_UIDS ||
	    folder->answered == QUESTION_LISTING;

	if (folder->imap == NULL)
		return WATCHER_LOST;
	if (folder->serial_bodies != 0 || folder->serial_question != 0)
		return WATCHER_NONE;
	if (!comes_to_rest(folder))
		return WATCHER_LOST;
	folder_note_skipped(folder);
	if (is_complete)
		judge_complete(folder);
	else if (!is_landing(folder))
		judge_changes(folder);
	folder->answered = QUESTION_NONE;
	if (is_suspicious(folder))
		return WATCHER_AGAIN;
	folder_add_absent(folder);
	uidset_minus(&plan->fetch, &plan->remove);
	uidset_minus(&plan->fetch, &folder->arriving);
	if (!uidset_is_empty(&plan->fetch))
		return WATCHER_DIFFERS;
	if (!compare_is_same(&folder->compare) || is_landing(folder) ||
	    !uidset_is_empty(&folder->verified) ||
	    !uidset_is_empty(&folder->refuted) ||
	    folder_has_keyword_news(folder)) {
		folder->idle_laps = 0;
		return WATCHER_FETCHED;
	}
	return judge_same(folder, is_complete);
}
