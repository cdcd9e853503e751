/*
 * What state.c and state_open.c share and nobody else sees.
 */
#ifndef DAEMON_STATE_PRIVATE_H
#define DAEMON_STATE_PRIVATE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "daemon/state.h"

#define STATE_QUERIES_MAX 24

struct state {
	sqlite3 *db;
	sqlite3_stmt *statements[STATE_QUERIES_MAX]; /* state.c's queries */
	char *path;
	bool is_durable;
};

/* Prepares all statements; false if the tables are not as they should be. */
bool state_prepare(struct state *state);

/* Runs SQL text that gives no rows. */
bool state_exec(const struct state *state, const char *sql);

/*
 * Fills the error from what SQLite said last and returns false: "cannot
 * OPERATION FILE: reason".
 */
bool state_report(
    const struct state *state, const char *operation, struct imap_error *error);

#endif
