/*
 * Where a folder's commands end: each reply moves the watcher on.
 */
#include "daemon/folder_private.h"

/* An IDLE that ends sooner did not work; after so many it is given up. */
#define IDLE_AT_LEAST UINT64_C(5000000)
#define IDLE_ATTEMPTS 3

/* A command's end, as an error for people. */
static void
note_refusal(struct folder *folder, const struct imap_event *event,
    const char *what, enum imap_error_kind kind)
{
	struct imap_error error = {0};

	imap_refusal(&error, what, event, kind);
	folder_fail(folder, &error);
}

/*
 * Dovecot may tell a HIGHESTMODSEQ with the end of a FETCH and not the changed
 * flags that made it (2.3, while another client changes them): what nothing
 * came for is asked for.
 */
static void
doubt_modseq(struct folder *folder)
{
	if (folder_changes_since(folder) != 0 &&
	    imap_mailbox(folder->imap)->highestmodseq > folder->covered_modseq)
		folder_need(folder, NEED_CHANGES);
}

/* Messages that a window asked for and did not get. */
static void
note_lacking(struct folder *folder, const struct uidset *lacking)
{
	for (uint32_t i = 0; i < lacking->count; i++)
		for (uint64_t uid = lacking->ranges[i].first;
		     uid <= lacking->ranges[i].last; uid++)
			if (uidset_contains(&folder->missing, (uint32_t)uid))
				folder_refused(folder, (uint32_t)uid);
	uidset_union(&folder->missing, lacking);
	if (!uidset_is_empty(&folder->missing))
		folder_need(folder, NEED_UIDS);
}

static void
take_window_end(struct folder *folder, const struct imap_event *event)
{
	bool is_ok = event->state == IMAP_STATE_OK;
	struct uidset lacking = {0};

	if (!folder_flow_end(folder, &folder->flow, event->serial, &lacking))
		return;
	if (!is_ok)
		note_refusal(folder, event, "UID FETCH", IMAP_ERROR_PROTOCOL);
	note_lacking(folder, &lacking);
	uidset_free(&lacking);
	doubt_modseq(folder);
	watcher_tell(&folder->watcher, is_ok ? WATCHER_OK : WATCHER_NO);
}

void
folder_note_idle_end(struct folder *folder)
{
	if (folder->serial_idle != 0 &&
	    clock_now() - folder->idle_began >= IDLE_AT_LEAST)
		folder->idle_failures = 0;
}

/* The server ended IDLE by itself, or refused it. */
static void
take_idle_end(struct folder *folder, bool is_ok)
{
	bool is_early = clock_now() - folder->idle_began < IDLE_AT_LEAST;

	folder->serial_idle = 0;
	folder->idle_failures =
	    !is_ok || is_early ? folder->idle_failures + 1 : 0;
	if (folder->idle_failures < IDLE_ATTEMPTS) {
		watcher_tell(&folder->watcher, WATCHER_ENDED);
		return;
	}
	log_warning(&folder->subject,
	    "the server does not stay in IDLE: polling instead");
	folder_set_idle(folder, false);
}

static void
take_examine_end(struct folder *folder, const struct imap_event *event)
{
	bool is_ok = event->state == IMAP_STATE_OK;

	folder->serial_examine = 0;
	if (!is_ok && folder->resyncs) {
		log_notice(&folder->subject,
		    "the server does not take EXAMINE with QRESYNC: "
		    "going on without");
		folder->no_resync = true;
		watcher_tell(&folder->watcher, WATCHER_AGAIN);
		return;
	}
	folder->covered_modseq = imap_mailbox(folder->imap)->highestmodseq;
	/* it may all have been about the mailbox before */
	if (folder->has_gap && folder->resyncs) {
		folder->resyncs = false;
		folder_begin_lap(folder);
		uidset_clear(&folder->vanished);
	}
	if (!is_ok) {
		note_refusal(folder, event, "EXAMINE", IMAP_ERROR_THROTTLED);
		/* it may have another name now, or none */
		folder->config.host->missed(folder->config.host_user, folder);
	}
	watcher_tell(&folder->watcher, is_ok ? WATCHER_OK : WATCHER_NO);
}

static void
take_bodies_end(struct folder *folder, const struct imap_event *event)
{
	bool is_ok = event->state == IMAP_STATE_OK;

	folder->serial_bodies = 0;
	folder->last_arrival = clock_now();
	if (!is_ok)
		note_refusal(folder, event, "UID FETCH", IMAP_ERROR_PROTOCOL);
	landing_drop_all(&folder->landing, &folder->flow.bodies);
	doubt_modseq(folder);
	/* told with the question that went in the same flight */
	if (folder->serial_question == 0)
		watcher_tell(&folder->watcher, is_ok ? WATCHER_OK : WATCHER_NO);
}

/* True if the same can be found out in another way. */
static bool
fall_back(struct folder *folder)
{
	switch (folder->question) {
	case QUESTION_CHANGES:
		folder->lies = FOLDER_LIES_MAX;
		break;
	case QUESTION_UIDS:
		folder->no_search = true;
		break;
	default:
		return false;
	}
	folder_need(folder, NEED_LISTING);
	return true;
}

/* Some servers look at so many messages and no more (RFC 9738): what is below
 * is asked for in the next piece. */
static bool
goes_on(struct folder *folder, const struct imap_code *code)
{
	if (code->type != IMAP_CODE_MESSAGELIMIT || code->number == 0)
		return false;
	if (folder->question != QUESTION_LISTING) {
		folder_need(folder, NEED_LISTING);
		return false;
	}
	if (code->number == 1)
		return false;
	folder_ask_listing(folder, (uint32_t)code->number - 1);
	return true;
}

static void
take_answer_end(struct folder *folder, const struct imap_event *event)
{
	bool is_ok = event->state == IMAP_STATE_OK;

	folder->serial_question = 0;
	if (goes_on(folder, &event->code))
		return;
	if (is_ok)
		folder->answered = folder->question;
	if (is_ok && folder->question == QUESTION_LISTING)
		folder->listed_modseq = folder->listing_modseq;
	if (is_ok && folder->asked_modseq > folder->told_modseq &&
	    folder->question != QUESTION_NEW)
		folder->told_modseq = folder->asked_modseq;
	if (is_ok &&
	    (folder->question == QUESTION_CHANGES ||
		folder->question == QUESTION_LISTING))
		folder->covered_modseq =
		    imap_mailbox(folder->imap)->highestmodseq;
	else if (is_ok && folder->question != QUESTION_NOOP)
		doubt_modseq(folder);
	if (!is_ok)
		note_refusal(folder, event, "the mailbox's listing",
		    IMAP_ERROR_PROTOCOL);
	is_ok = is_ok || fall_back(folder);
	folder->question = QUESTION_NONE;
	watcher_tell(&folder->watcher, is_ok ? WATCHER_OK : WATCHER_NO);
}

static void
take_push_end(struct folder *folder, bool is_ok)
{
	folder->serial_push = 0;
	folder->is_pushed = is_ok;
	folder->no_push = !is_ok;
}

void
folder_take_done(struct folder *folder, const struct imap_event *event)
{
	if (event->serial == folder->serial_examine)
		take_examine_end(folder, event);
	else if (event->serial == folder->serial_bodies)
		take_bodies_end(folder, event);
	else if (event->serial == folder->serial_question)
		take_answer_end(folder, event);
	else if (event->serial == folder->serial_idle)
		take_idle_end(folder, event->state == IMAP_STATE_OK);
	else if (event->serial == folder->serial_push)
		take_push_end(folder, event->state == IMAP_STATE_OK);
	else if (folder_match_answered(folder, event->serial) ||
	    folder_take_weights_end(folder, event->serial)) {
		watcher_tell(&folder->watcher, WATCHER_OK);
		return;
	}
	take_window_end(folder, event);
}
