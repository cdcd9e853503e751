/*
 * Windows of bodies, whichever connection they come on.
 */
#include "daemon/folder_private.h"

#include <time.h>

/* Messages landed and not committed, before no more are asked for. */
#define MAX_UNSAVED 1024

/* A batch is committed at this size, whatever the number of its messages. */
#define BATCH_BYTES UINT64_C(16777216)

/* While the disk is busy with one batch the next may grow so many times as
 * large: to make it durable takes hardly longer. */
#define BATCH_GROWTH 4

/* ---- asking ---- */

/* Those that were asked for in vain are asked for by the folder's own
 * connection alone: it says what is to be believed of them. */
static bool
has_some(const struct folder *folder, bool is_own)
{
	struct uidset fresh = {0};
	bool has;

	if (is_own || uidset_is_empty(&folder->missing))
		return !uidset_is_empty(&folder->wanted);
	uidset_copy(&fresh, &folder->wanted);
	uidset_minus(&fresh, &folder->missing);
	has = !uidset_is_empty(&fresh);
	uidset_free(&fresh);
	return has;
}

void
folder_flow_fill(
    struct folder *folder, struct folder_flow *flow, struct imap *imap)
{
	bool is_own = flow == &folder->flow;

	for (int i = 0; i < FOLDER_WINDOWS; i++) {
		struct folder_window *window = &flow->windows[i];

		if (window->serial != 0)
			continue;
		if (!has_some(folder, is_own) ||
		    uidset_count(&folder->arriving) >= MAX_UNSAVED)
			return;
		window_take(&folder->wanted, &folder->missing,
		    &folder->absent.sizes, folder_line_max(folder),
		    &window->uids);
		window->serial = imap_uid_fetch(
		    imap, &window->uids, folder_body_items(folder));
		if (window->serial != 0)
			continue;
		/* the connection has ended, and nobody has been told yet */
		uidset_union(&folder->wanted, &window->uids);
		uidset_clear(&window->uids);
		return;
	}
}

bool
folder_flow_is_busy(const struct folder_flow *flow)
{
	for (int i = 0; i < FOLDER_WINDOWS; i++)
		if (flow->windows[i].serial != 0)
			return true;
	return false;
}

/* ---- landing ---- */

bool
folder_flow_awaits(const struct folder_flow *flow, uint32_t uid)
{
	for (int i = 0; i < FOLDER_WINDOWS; i++)
		if (flow->windows[i].serial != 0 &&
		    uidset_contains(&flow->windows[i].uids, uid))
			return true;
	return false;
}

bool
folder_flow_piece(struct folder *folder, struct folder_flow *flow,
    const struct imap_event *event)
{
	struct imap_error error = {0};

	if (landing_piece(&folder->landing, &flow->bodies, event->body.id,
		event->body.piece, event->body.total, &error))
		return true;
	folder_fail(folder, &error);
	watcher_tell(&folder->watcher, WATCHER_DISK);
	return false;
}

uint64_t
folder_flow_received(const struct folder_flow *flow)
{
	uint64_t bytes = 0;

	for (int i = 0; i < LANDING_MAX_BODIES; i++)
		bytes += flow->bodies.items[i].received;
	return bytes;
}

bool
folder_batch_is_due(const struct folder *folder)
{
	unsigned growth = folder->commits == 0 ? 1 : BATCH_GROWTH;

	return folder->landing.arrival_count >= FOLDER_WINDOW * growth ||
	    folder->landing.arrival_bytes >= BATCH_BYTES * growth;
}

bool
folder_flow_land(struct folder *folder, struct folder_flow *flow,
    const struct imap_fetch *fetch, bool is_asked_for)
{
	struct maildir_message message = {
	    .uid = fetch->uid,
	    .size = fetch->has_size ? fetch->size : fetch->body_size,
	    .date = fetch->has_internaldate ? fetch->internaldate
					    : (int64_t)time(NULL),
	    .flags = folder_flag_bits(folder, fetch->uid, &fetch->flags),
	};

	if (fetch->uid == 0 || fetch->body_is_nil || !is_asked_for ||
	    uidset_contains(&folder->arriving, fetch->uid) ||
	    (index_find(&folder->index, fetch->uid) != NULL &&
		!uidset_contains(&folder->absent.restore, fetch->uid))) {
		landing_drop(&folder->landing, &flow->bodies, fetch->body);
		return false;
	}
	if (!landing_name(
		&folder->landing, &flow->bodies, fetch->body, &message))
		return false;
	folder_goal_arrive(folder, message.size);
	landing_note_emailid(&folder->landing, fetch->emailid);
	landing_note_modseq(&folder->landing, fetch->modseq);
	uidset_add(&folder->arriving, fetch->uid);
	uidset_remove(&folder->missing, fetch->uid);
	if (fetch->uid >= folder->next_uid && fetch->uid < UINT32_MAX)
		folder->next_uid = fetch->uid + 1;
	if (folder_batch_is_due(folder))
		(void)folder_commit(folder, false);
	return true;
}

/* ---- ends ---- */

/* Moves what a window has not brought to *lacking. */
static void
close_window(
    struct folder *folder, struct folder_window *window, struct uidset *lacking)
{
	struct uidset have = {0};

	uidset_give(lacking, &window->uids);
	window->serial = 0;
	uidset_minus(lacking, &folder->arriving);
	index_intersect(&folder->index, lacking, &have);
	uidset_minus(&have, &folder->absent.restore);
	uidset_minus(lacking, &have);
	uidset_free(&have);
}

bool
folder_flow_end(struct folder *folder, struct folder_flow *flow,
    uint64_t serial, struct uidset *lacking)
{
	for (int i = 0; i < FOLDER_WINDOWS; i++) {
		if (serial == 0 || flow->windows[i].serial != serial)
			continue;
		close_window(folder, &flow->windows[i], lacking);
		landing_drop_all(&folder->landing, &flow->bodies);
		return true;
	}
	return false;
}

void
folder_flow_drop(struct folder *folder, struct folder_flow *flow)
{
	struct uidset lacking = {0};

	landing_drop_all(&folder->landing, &flow->bodies);
	for (int i = 0; i < FOLDER_WINDOWS; i++) {
		if (flow->windows[i].serial != 0)
			close_window(folder, &flow->windows[i], &lacking);
		uidset_free(&flow->windows[i].uids);
		uidset_union(&folder->wanted, &lacking);
		uidset_free(&lacking);
	}
}
