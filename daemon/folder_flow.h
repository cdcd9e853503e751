/*
 * What one connection brings of a folder's messages: FETCHes in flight and the
 * bodies that come. The folder's own connection has one, and so has each hand.
 * For the files of a folder.
 */
#ifndef DAEMON_FOLDER_FLOW_H
#define DAEMON_FOLDER_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/landing.h"
#include "daemon/window.h"
#include "libclient/imap.h"

struct folder;

#define FOLDER_WINDOWS 4 /* FETCH commands in flight */
#define FOLDER_WINDOW  WINDOW_MESSAGES /* messages of one */

/* A FETCH of bodies in flight. */
struct folder_window {
	uint64_t serial; /* 0: free */
	struct uidset uids;
};

/* All zero is nothing. */
struct folder_flow {
	struct folder_window windows[FOLDER_WINDOWS];
	struct landing_bodies bodies;
};

/* Keeps the windows full of what is wanted, unless the disk is behind. */
void folder_flow_fill(
    struct folder *folder, struct folder_flow *flow, struct imap *imap);

bool folder_flow_is_busy(const struct folder_flow *flow);

/* True if the message was asked for. */
bool folder_flow_awaits(const struct folder_flow *flow, uint32_t uid);

/* A piece of a body came. The disk may fail: false, and DISK has been told. */
bool folder_flow_piece(struct folder *folder, struct folder_flow *flow,
    const struct imap_event *event);

/* The bytes of bodies that are not whole yet. */
uint64_t folder_flow_received(const struct folder_flow *flow);

/* True if what landed is worth a commit, whatever else is to come. */
bool folder_batch_is_due(const struct folder *folder);

/* The FETCH of a body came. True if the message landed by it. */
bool folder_flow_land(struct folder *folder, struct folder_flow *flow,
    const struct imap_fetch *fetch, bool is_asked_for);

/*
 * A command has ended: true if it was one of these; then *lacking (empty) is
 * what it was to bring and has not brought.
 */
bool folder_flow_end(struct folder *folder, struct folder_flow *flow,
    uint64_t serial, struct uidset *lacking);

/* Nothing more comes: what was asked for is wanted again. */
void folder_flow_drop(struct folder *folder, struct folder_flow *flow);

#endif
