/*
 * The table. A row says: in this state, at this event, do this and be there.
 * An event without a row is ignored: what it told is known from elsewhere.
 */
#include "daemon/watcher.h"

#define ROW(act, to)                                               \
	{                                                          \
		.action = WATCHER_ACT_##act, .next = WATCHER_##to, \
		.is_listed = true,                                 \
	}

static const struct watcher_row
    table[WATCHER_STATE_COUNT][WATCHER_EVENT_COUNT] =
	{
	    [WATCHER_STOPPED] =
		{
		    [WATCHER_WAKE] = ROW(OPEN, OPENING),
		},
	    [WATCHER_RESTING] =
		{
		    [WATCHER_TIMEOUT] = ROW(OPEN, OPENING),
		    [WATCHER_WAKE] = ROW(OPEN, OPENING),
		    [WATCHER_LOCAL] = ROW(OPEN, OPENING),
		},
	    [WATCHER_OPENING] =
		{
		    [WATCHER_PREPARED] = ROW(QUEUE, OPENING),
		    [WATCHER_COMMITTED] = ROW(OPEN, OPENING),
		    [WATCHER_OPENED] = ROW(EXAMINE, SELECTING),
		},
	    [WATCHER_SELECTING] =
		{
		    [WATCHER_OK] = ROW(ASK, COMPARING),
		    [WATCHER_NO] = ROW(BACK_OFF, RESTING),
		    [WATCHER_AGAIN] = ROW(EXAMINE, SELECTING),
		},
	    [WATCHER_COMPARING] =
		{
		    [WATCHER_OK] = ROW(JUDGE, COMPARING),
		    [WATCHER_NO] = ROW(BACK_OFF, RESTING),
		    [WATCHER_AGAIN] = ROW(EXAMINE, SELECTING),
		    [WATCHER_SAME] = ROW(IDLE, IDLING),
		    [WATCHER_COMMITTED] = ROW(ASK, COMPARING),
		    [WATCHER_DIFFERS] = ROW(FETCH, FETCHING),
		    [WATCHER_FETCHED] = ROW(COMMIT, COMMITTING),
		},
	    [WATCHER_FETCHING] =
		{
		    [WATCHER_OK] = ROW(LAND, FETCHING),
		    [WATCHER_NO] = ROW(LAND, FETCHING),
		    [WATCHER_COMMITTED] = ROW(LAND, FETCHING),
		    [WATCHER_FETCHED] = ROW(COMMIT, COMMITTING),
		},
	    [WATCHER_COMMITTING] =
		{
		    [WATCHER_COMMITTED] = ROW(ASK, COMPARING),
		    [WATCHER_LOST] = ROW(NOTE_LOST, COMMITTING),
		    [WATCHER_STOP] = ROW(NOTE_STOP, COMMITTING),
		    [WATCHER_TIMEOUT] = ROW(NOTHING, COMMITTING),
		},
	    [WATCHER_IDLING] =
		{
		    [WATCHER_ARRIVED] = ROW(ASK, COMPARING),
		    [WATCHER_CHANGED] = ROW(SETTLE, SETTLING),
		    [WATCHER_LOCAL] = ROW(ASK, COMPARING),
		    [WATCHER_TIMEOUT] = ROW(LEAVE, LEAVING),
		    [WATCHER_WAKE] = ROW(LEAVE, LEAVING),
		    [WATCHER_ENDED] = ROW(LEAVE, LEAVING),
		    [WATCHER_AGAIN] = ROW(EXAMINE, SELECTING),
		    [WATCHER_POLLED] = ROW(RELEASE, RESTING),
		    [WATCHER_YIELD] = ROW(YIELD, OPENING),
		},
	    [WATCHER_SETTLING] =
		{
		    [WATCHER_ARRIVED] = ROW(SETTLE, SETTLING),
		    [WATCHER_CHANGED] = ROW(SETTLE, SETTLING),
		    [WATCHER_LOCAL] = ROW(ASK, COMPARING),
		    [WATCHER_TIMEOUT] = ROW(ASK, COMPARING),
		    [WATCHER_WAKE] = ROW(ASK, COMPARING),
		    [WATCHER_ENDED] = ROW(ASK, COMPARING),
		    [WATCHER_AGAIN] = ROW(EXAMINE, SELECTING),
		    [WATCHER_POLLED] = ROW(RELEASE, RESTING),
		},
	    [WATCHER_LEAVING] =
		{
		    [WATCHER_OK] = ROW(ASK, COMPARING),
		    [WATCHER_NO] = ROW(ASK, COMPARING),
		    [WATCHER_AGAIN] = ROW(EXAMINE, SELECTING),
		    [WATCHER_POLLED] = ROW(RELEASE, RESTING),
		},
};

/* What holds in every state that has no row of its own, but STOPPED. */
static const struct watcher_row anywhere[WATCHER_EVENT_COUNT] = {
    [WATCHER_TIMEOUT] = ROW(BACK_OFF, RESTING),
    [WATCHER_DISK] = ROW(BACK_OFF, RESTING),
    [WATCHER_LOST] = ROW(BACK_OFF, RESTING),
    [WATCHER_STOP] = ROW(CLOSE, STOPPED),
};

struct watcher_row
watcher_row(enum watcher_state state, enum watcher_event event)
{
	if (table[state][event].is_listed || state == WATCHER_STOPPED)
		return table[state][event];
	return anywhere[event];
}

static void
step(struct watcher *watcher, enum watcher_event event)
{
	while (event != WATCHER_NONE) {
		struct watcher_row row = watcher_row(watcher->state, event);
		enum watcher_state from = watcher->state;

		if (!row.is_listed)
			return;
		watcher->state = row.next;
		watcher->ops->entered(watcher->user, from, row.next, event);
		event = watcher->ops->act[row.action](watcher->user);
	}
}

void
watcher_tell(struct watcher *watcher, enum watcher_event event)
{
	if (watcher->is_stepping) {
		if (watcher->queued < WATCHER_QUEUE)
			watcher->queue[watcher->queued++] = event;
		return;
	}
	watcher->is_stepping = true;
	step(watcher, event);
	for (uint32_t i = 0; i < watcher->queued; i++)
		step(watcher, watcher->queue[i]);
	watcher->queued = 0;
	watcher->is_stepping = false;
}

static const char *const state_names[] = {"STOPPED", "RESTING", "OPENING",
    "SELECTING", "COMPARING", "FETCHING", "COMMITTING", "IDLING", "SETTLING",
    "LEAVING"};

static const char *const event_names[] = {"NONE", "TIMEOUT", "WAKE", "PREPARED",
    "OPENED", "OK", "NO", "AGAIN", "SAME", "DIFFERS", "FETCHED", "COMMITTED",
    "ARRIVED", "CHANGED", "LOCAL", "ENDED", "POLLED", "YIELD", "DISK", "LOST",
    "STOP"};

const char *
watcher_state_name(enum watcher_state state)
{
	return state_names[state];
}

const char *
watcher_event_name(enum watcher_event event)
{
	return event_names[event];
}
