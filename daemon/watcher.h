/*
 * The table-driven life of one mirrored folder. Hints only wake it; truth
 * always comes from a comparison. The table is all there is: what the actions
 * do is the folder's affair.
 */
#ifndef DAEMON_WATCHER_H
#define DAEMON_WATCHER_H

#include <stdbool.h>
#include <stdint.h>

enum watcher_state {
	WATCHER_STOPPED, /* until somebody wakes it */
	WATCHER_RESTING, /* until its back-off or poll interval ends */
	WATCHER_OPENING, /* reads the disk, waits for a connection */
	WATCHER_SELECTING, /* waits for the reply to EXAMINE */
	WATCHER_COMPARING, /* waits for what the server has */
	WATCHER_FETCHING, /* windows of bodies are on their way */
	WATCHER_COMMITTING, /* the disk is being changed */
	WATCHER_IDLING, /* in IDLE */
	WATCHER_SETTLING, /* in IDLE, collecting a burst */
	WATCHER_LEAVING, /* renews IDLE */
	WATCHER_STATE_COUNT
};

enum watcher_event {
	WATCHER_NONE,
	WATCHER_TIMEOUT, /* the state's deadline */
	WATCHER_WAKE, /* somebody wants it looked at now */
	WATCHER_PREPARED, /* the disk has been read */
	WATCHER_OPENED, /* there is a connection */
	WATCHER_OK, /* what was asked last was answered */
	WATCHER_NO, /* ... was refused */
	WATCHER_AGAIN, /* ... in this form, or it is not to be believed */
	WATCHER_SAME, /* server and disk are equal */
	WATCHER_DIFFERS, /* bodies are to be fetched */
	WATCHER_FETCHED, /* nothing is to be fetched; disk to be changed */
	WATCHER_COMMITTED, /* the disk has been changed */
	WATCHER_ARRIVED, /* EXISTS grew after a quiet time */
	WATCHER_CHANGED, /* something else happened in the mailbox */
	WATCHER_LOCAL, /* bodies that somebody removed here are wanted */
	WATCHER_ENDED, /* the server ended or refused IDLE */
	WATCHER_POLLED, /* this folder has no IDLE of its own */
	WATCHER_YIELD, /* another folder needs the connection */
	WATCHER_DISK, /* the disk failed */
	WATCHER_LOST, /* the connection did */
	WATCHER_STOP, /* it is to stop */
	WATCHER_EVENT_COUNT
};

enum watcher_action {
	WATCHER_ACT_NOTHING,
	WATCHER_ACT_OPEN,
	WATCHER_ACT_QUEUE,
	WATCHER_ACT_EXAMINE,
	WATCHER_ACT_ASK,
	WATCHER_ACT_JUDGE,
	WATCHER_ACT_FETCH,
	WATCHER_ACT_LAND,
	WATCHER_ACT_COMMIT,
	WATCHER_ACT_IDLE,
	WATCHER_ACT_SETTLE,
	WATCHER_ACT_LEAVE,
	WATCHER_ACT_YIELD,
	WATCHER_ACT_RELEASE,
	WATCHER_ACT_BACK_OFF,
	WATCHER_ACT_NOTE_LOST,
	WATCHER_ACT_NOTE_STOP,
	WATCHER_ACT_CLOSE,
	WATCHER_ACTION_COUNT
};

/* What the watcher touches the world through. */
struct watcher_ops {
	/* Does it; returns the event that it already knows, or NONE. */
	enum watcher_event (*act[WATCHER_ACTION_COUNT])(void *user);
	/* A state was entered (before its action): log it, arm its deadline. */
	void (*entered)(void *user, enum watcher_state from,
	    enum watcher_state to, enum watcher_event event);
};

#define WATCHER_QUEUE 8

/* Owned by its folder; starts all zero but for ops and user: STOPPED. */
struct watcher {
	const struct watcher_ops *ops;
	void *user;
	enum watcher_state state;
	bool is_stepping;
	enum watcher_event queue[WATCHER_QUEUE]; /* came while stepping */
	uint32_t queued;
};

/* Tells of an event; steps until nothing is known any more. Events that come
 * from inside an action wait until it has returned. */
void watcher_tell(struct watcher *watcher, enum watcher_event event);

const char *watcher_state_name(enum watcher_state state);
const char *watcher_event_name(enum watcher_event event);

/* One row of the table, for tests and for the picture of it. */
struct watcher_row {
	enum watcher_action action;
	enum watcher_state next;
	bool is_listed;
};
struct watcher_row watcher_row(
    enum watcher_state state, enum watcher_event event);

#endif
