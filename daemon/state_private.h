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
	STATE_CHUNKS,
	STATE_CHUNK,
	STATE_PUT_CHUNK,
	STATE_REMOVE_CHUNKS,
	STATE_MOVE_CHUNKS,
	STATE_FIND_EMAILID,
	STATE_FIND_RETIRED,
	STATE_HAS_EMAILIDS,
	STATE_COUNT_EMAILIDS,
	STATE_PUT_EMAILID,
	STATE_REMOVE_EMAILIDS,
	STATE_FORGET_EMAILIDS,
	STATE_MOVE_EMAILIDS,
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
	bool is_damaged; /* what a chunk said last; until it is reported */
};

/* The most that a folder's number may be: twice that, and 24 bits more, make
 * a chunk's (state_pack.c). */
#define STATE_FOLDERS_MAX ((INT64_C(1) << 30) - 1)

/* Prepares all statements; false if the tables are not as they should be. */
bool state_prepare(struct state *state);

/* Runs SQL text that gives no rows. */
bool state_exec(const struct state *state, const char *sql);

/*
 * Fills the error from what SQLite said last, or that there is damage, and
 * returns false: "cannot OPERATION FILE: reason".
 */
bool state_report(
    struct state *state, const char *operation, struct imap_error *error);

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

/* Brings the tables to our version, or leaves them as they were; prepares. */
#define STATE_VERSION 4
bool state_upgrade(struct state *state, int version);

/* ---- messages, by the number of their folder (state_pack.c) ---- */

/* They return false as SQLite does, or with .is_damaged set. */

/* In order of UID, without their EMAILIDs. */
bool state_pack_each(struct state *state, int64_t folder,
    void (*found)(void *user, const struct state_message *message), void *user);
/* One; without what is borrowed. */
bool state_pack_find(struct state *state, int64_t folder, uint32_t uid,
    struct state_message *message, bool *has);
/* Whether all that are there can be read. */
bool state_pack_check(struct state *state);
/* Within a transaction: as state_apply() has it, without EMAILIDs; the other
 * two with them. */
bool state_pack_apply(struct state *state, int64_t folder,
    const struct uidset *removed, const struct state_message *put,
    uint32_t count);
bool state_pack_forget(struct state *state, int64_t folder);
bool state_pack_move(struct state *state, int64_t from, int64_t to);

#endif
