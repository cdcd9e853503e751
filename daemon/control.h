/*
 * The control socket: the daemon's end. Requests and replies are lines of
 * JSON: {"command": "status"} and {"ok": true, ...} or {"ok": false, "error":
 * "...", "code": 64}. A request "status" with "follow": true gets another reply
 * whenever something changed, until the peer closes.
 *
 * Only the daemon's own user and root are answered.
 */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include <jansson.h>

#include <systemd/sd-event.h>

#include "libclient/base/imap_error.h"

struct control;

/* Who answers. */
struct control_ops {
	/* The caller's. */
	json_t *(*status)(void *user);
	/* "sync-now", "pause", "resume" or "reload" of these "ACCOUNT" and
	 * "ACCOUNT/FOLDER" (an array, empty: all). False: *code is the exit
	 * code of who asked. */
	bool (*order)(void *user, const char *command, const json_t *targets,
	    int *code, struct imap_error *error);
};

/*
 * Listens at the path, whose directory is made (0700) if it is missing; the
 * socket is 0600. What a dead daemon left there goes; BUSY if one lives. NULL
 * and *error.
 */
struct control *control_new(sd_event *loop, const char *path,
    const struct control_ops *ops, void *user, struct imap_error *error);

/* Closes and removes the socket. NULL ok; returns NULL. */
struct control *control_free(struct control *control);

/* Something changed: followers are told, though not more often than they can
 * look. */
void control_changed(struct control *control);

#endif
