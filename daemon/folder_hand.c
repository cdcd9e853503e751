/*
 * What a hand does, from EXAMINE to its end. All that its connection tells
 * unasked is ignored: the folder's own connection is told the same. But what
 * that one was told of a message before a hand brought it, with the flags that
 * it had once, is asked for again.
 */
#include "daemon/folder_hand.h"

#include <inttypes.h>
#include <string.h>

#include "daemon/folder_private.h"
#include "libclient/base/mem.h"

/* Hands that were lost or refused since the folder was last the same, before
 * it goes on without. */
#define FAULTS_MAX 3

struct folder_hand {
	struct folder_hand *next;
	struct folder *folder;
	struct imap *imap;
	uint64_t serial_examine; /* 0: it is open */
	bool is_recalled;
	struct folder_flow flow;
};

/* ---- whether one is of use ---- */

/* What may be here already counts only while something is not. */
static uint64_t
count_left(const struct folder *folder)
{
	const struct folder_absent *absent = &folder->absent;
	uint64_t now = uidset_count(&folder->wanted);

	if (now < FOLDER_WINDOW && folder_match_emailid_item(folder) != 0)
		return now;
	return now + uidset_count(&absent->unweighed) +
	    uidset_count(&absent->weighing) + folder_match_left(folder);
}

uint64_t
folder_hand_share(const struct folder *folder)
{
	if (folder->watcher.state != WATCHER_FETCHING || folder->imap == NULL ||
	    folder->hand_faults >= FAULTS_MAX)
		return 0;
	return count_left(folder) / (folder->hand_count + 2);
}

/* ---- life ---- */

struct folder_hand *
folder_hand_begin(struct folder *folder, struct imap *imap)
{
	const struct imap_resync only_modseq = {0};
	const struct imap_resync *resync =
	    capabilities_have(imap_capabilities(imap), CAPABILITY_CONDSTORE)
	    ? &only_modseq
	    : NULL;
	struct span mailbox = folder_mailbox_bytes(folder);
	uint64_t serial = folder_has_quirk(folder, QUIRK_SELECT)
	    ? imap_select(imap, mailbox, resync)
	    : imap_examine(imap, mailbox, resync);
	struct folder_hand *hand;

	if (serial == 0) {
		folder->hand_faults++;
		return NULL;
	}
	hand = mem_new(struct folder_hand);
	hand->folder = folder;
	hand->imap = imap;
	hand->serial_examine = serial;
	hand->next = folder->hands;
	folder->hands = hand;
	folder->hand_count++;
	log_debug(&folder->subject, "fetching over %u connections",
	    folder->hand_count + 1);
	return hand;
}

/* What it had asked for is wanted again. */
static void
hand_free(struct folder_hand *hand)
{
	struct folder *folder = hand->folder;
	struct folder_hand **link = &folder->hands;

	while (*link != hand)
		link = &(*link)->next;
	*link = hand->next;
	folder->hand_count--;
	folder_flow_drop(folder, &hand->flow);
	mem_free(hand);
}

static void
hand_end(struct folder_hand *hand)
{
	struct folder *folder = hand->folder;
	struct imap *imap = hand->imap;

	hand_free(hand);
	folder->config.host->hand_back(folder->config.host_user, imap);
}

/* The folder goes on, or ends fetching, with what a hand has done. */
static void
go_on(struct folder *folder)
{
	if (folder->watcher.state == WATCHER_FETCHING && folder->imap != NULL)
		watcher_tell(&folder->watcher, WATCHER_OK);
}

void
folder_hand_lost(struct folder_hand *hand, bool is_ending)
{
	struct folder *folder = hand->folder;

	hand_free(hand);
	folder->hand_faults++;
	if (!is_ending)
		go_on(folder);
}

void
folder_hand_recall(struct folder_hand *hand)
{
	hand->is_recalled = true;
	if (hand->serial_examine == 0 && !folder_flow_is_busy(&hand->flow))
		hand_end(hand);
}

bool
folder_hand_is_recalled(const struct folder_hand *hand)
{
	return hand->is_recalled;
}

/* ---- what its connection tells ---- */

/* A server of several machines may have given it an older mailbox. */
static bool
is_open(const struct folder_hand *hand)
{
	const struct folder *folder = hand->folder;
	const struct imap_mailbox *ours = imap_mailbox(folder->imap);
	const struct imap_mailbox *its = imap_mailbox(hand->imap);

	return its->uidvalidity == folder->identity.uidvalidity &&
	    strcmp(its->mailboxid, ours->mailboxid) == 0 &&
	    its->highestmodseq >= folder_changes_since(folder);
}

static void
refuse(struct folder_hand *hand, const char *what)
{
	struct folder *folder = hand->folder;

	log_debug(&folder->subject,
	    "another connection is of no use: %s was not as on the first",
	    what);
	folder->hand_faults++;
	hand_end(hand);
	go_on(folder);
}

static void
take_examine_end(struct folder_hand *hand, const struct imap_event *event)
{
	struct folder *folder = hand->folder;

	hand->serial_examine = 0;
	if (folder->imap == NULL)
		return;
	if (event->state != IMAP_STATE_OK || !is_open(hand))
		refuse(hand, "EXAMINE");
	else
		go_on(folder);
}

/* What was refused may be had on another connection; what was left out is
 * looked for when all else is here. */
static void
take_window_end(struct folder_hand *hand, const struct imap_event *event)
{
	struct folder *folder = hand->folder;
	bool is_ok = event->state == IMAP_STATE_OK;
	struct uidset lacking = {0};

	if (!folder_flow_end(folder, &hand->flow, event->serial, &lacking))
		return;
	uidset_union(is_ok ? &folder->missing : &folder->wanted, &lacking);
	if (is_ok && !uidset_is_empty(&lacking))
		folder_need(folder, NEED_UIDS);
	uidset_free(&lacking);
	if (is_ok)
		go_on(folder);
	else
		refuse(hand, "UID FETCH");
}

static void
take_fetch(struct folder_hand *hand, const struct imap_fetch *fetch)
{
	struct folder *folder = hand->folder;

	if (!fetch->has_body && !fetch->body_is_nil)
		return;
	if (folder_flow_land(folder, &hand->flow, fetch,
		folder_flow_awaits(&hand->flow, fetch->uid)))
		folder_need(folder, NEED_CHANGES);
}

void
folder_hand_event(struct folder_hand *hand, const struct imap_event *event)
{
	if (event->type == IMAP_DONE && event->serial == hand->serial_examine)
		take_examine_end(hand, event);
	else if (hand->serial_examine != 0)
		return;
	else if (event->type == IMAP_DONE)
		take_window_end(hand, event);
	else if (event->type == IMAP_BODY)
		(void)folder_flow_piece(hand->folder, &hand->flow, event);
	else if (event->type == IMAP_DATA &&
	    event->data->type == IMAP_DATA_FETCH)
		take_fetch(hand, &event->data->fetch);
}

/* ---- all of them ---- */

/* True while more may become wanted. */
static bool
may_come(const struct folder *folder)
{
	return !uidset_is_empty(&folder->wanted) ||
	    !uidset_is_empty(&folder->absent.unweighed) ||
	    folder->absent.serial_sizes != 0 || folder_match_is_busy(folder);
}

void
folder_hands_fill(struct folder *folder)
{
	struct folder_hand *next;

	for (struct folder_hand *hand = folder->hands; hand != NULL;
	     hand = next) {
		next = hand->next;
		if (hand->serial_examine != 0)
			continue;
		if (!hand->is_recalled)
			folder_flow_fill(folder, &hand->flow, hand->imap);
		if (!folder_flow_is_busy(&hand->flow) &&
		    (hand->is_recalled || !may_come(folder)))
			hand_end(hand);
	}
}

bool
folder_hands_are_busy(const struct folder *folder)
{
	for (const struct folder_hand *hand = folder->hands; hand != NULL;
	     hand = hand->next)
		if (folder_flow_is_busy(&hand->flow))
			return true;
	return false;
}

uint64_t
folder_hands_received(const struct folder *folder)
{
	uint64_t bytes = 0;

	for (const struct folder_hand *hand = folder->hands; hand != NULL;
	     hand = hand->next)
		bytes += folder_flow_received(&hand->flow);
	return bytes;
}

void
folder_hands_end(struct folder *folder)
{
	while (folder->hands != NULL)
		hand_end(folder->hands);
}
