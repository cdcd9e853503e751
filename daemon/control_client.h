/*
 * The control socket: the end of who asks. Blocking; for commands alone.
 */
#ifndef DAEMON_CONTROL_CLIENT_H
#define DAEMON_CONTROL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "libclient/base/imap_error.h"

/*
 * Sends the request, which becomes its own, and calls reply() for each line
 * that comes back, until that returns false or the daemon ends. The path of
 * the system's own daemon is tried where nobody listens at the path, or none
 * is given (NULL). False: *error; NETWORK when no daemon answers.
 */
bool control_ask(const char *path, json_t *request,
    bool (*reply)(void *user, const json_t *line), void *user,
    struct imap_error *error);

#endif
