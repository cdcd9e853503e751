/*
 * What the daemon says of itself, as JSON: what the control socket answers and
 * what every view of it is made of.
 */
#ifndef DAEMON_STATUS_JSON_H
#define DAEMON_STATUS_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "daemon/account.h"

/*
 * One account with its folders: name, state (in words), paused, connections,
 * reconnects, bytes, messages, retry_at, error and folders. Of a folder: name,
 * path, state, watch, messages, behind, fetched, removed, reflagged,
 * last_change, last_check, held, gone, error. Times are Unix times; what there
 * is none of is null. The caller's.
 */
json_t *status_json_account(const struct account *account, bool is_paused);

/* The whole: version, pid, since and accounts, an array that becomes its own.
 * The caller's. */
json_t *status_json(json_t *accounts, int64_t since);

#endif
