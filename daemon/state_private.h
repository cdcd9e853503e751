/*
 * What the state*.c files share and nobody else sees.
 */
#ifndef DAEMON_STATE_PRIVATE_H
#define DAEMON_STATE_PRIVATE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "daemon/state.h"

/* state.c has their text. */
enum state_query {
	STATE_BEGIN,
	STATE_COMMIT,
	STATE_ROLLBACK,
	STATE_ADD_MAILBOX,
	STATE_FOLDER_ID,
	STATE_PATH,
	STATE_SET_PATH,
	STATE_PATH_OWNER,
	STATE_FOLDER,
	STATE_SET_FOLDER,
	STATE_FOLDERS,
	STATE_RENAME_FOLDER,
	STATE_REMOVE_FOLDER,
	STATE_MESSAGES,
	STATE_FORGET,
	STATE_REMOVE,
	STATE_PUT,
	STATE_FIND_EMAILID,
	STATE_FIND_RETIRED,
	STATE_HAS_RETIRED,
	STATE_MOVE,
	STATE_WITHHELD,
	STATE_FORGET_WITHHELD,
	STATE_ADMIT,
	STATE_WITHHOLD,
	STATE_FACT,
	STATE_SET_FACT,
	STATE_FORGET_FACT,
	STATE_QUERY_COUNT
};

struct state {
	sqlite3 *db;
	sqlite3_stmt *statements[STATE_QUERY_COUNT];
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

/* ---- one statement ---- */

/* Both are bound by the caller's memory, which lives until the reset. */
bool state_bind_blob(sqlite3_stmt *statement, int column, struct span bytes);
bool state_bind_text(sqlite3_stmt *statement, int column, const char *text);
void state_bind_numbers(
    sqlite3_stmt *statement, int column, const int64_t *numbers, int count);

/* A column as bytes; borrowed until the next step. */
struct span state_column(sqlite3_stmt *statement, int column);

/* Ends a statement's run; its bindings must not outlive the caller's memory. */
bool state_finish(sqlite3_stmt *statement);

/* Runs a bound statement that gives no rows. */
bool state_run(struct state *state, enum state_query query);

/* Ends a transaction that failed, and reports why; false. */
bool state_roll_back(struct state *state, struct imap_error *error);

/* The id of a mailbox's row; 0 when it has none. */
bool state_find_folder(struct state *state, struct span mailbox, int64_t *id);

#endif
