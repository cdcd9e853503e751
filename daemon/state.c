/*
 * What is asked of the state database and written to it: one prepared
 * statement a question, one transaction a change.
 */
#include "daemon/state.h"

#include <assert.h>
#include <sqlite3.h>
#include <string.h>

#include "daemon/state_private.h"
#include "libclient/base/mem.h"

enum query {
	QUERY_BEGIN,
	QUERY_COMMIT,
	QUERY_ROLLBACK,
	QUERY_ADD_MAILBOX,
	QUERY_FOLDER_ID,
	QUERY_PATH,
	QUERY_SET_PATH,
	QUERY_PATH_OWNER,
	QUERY_FOLDER,
	QUERY_SET_FOLDER,
	QUERY_FOLDERS,
	QUERY_MESSAGES,
	QUERY_FORGET,
	QUERY_REMOVE,
	QUERY_PUT,
	QUERY_FACT,
	QUERY_SET_FACT,
	QUERY_FORGET_FACT,
	QUERY_COUNT
};

#define FOLDER_COLUMNS                                           \
	"uidvalidity, uidnext, highestmodseq, is_held, is_gone," \
	" stale_uidvalidity"

static const char *const queries[QUERY_COUNT] = {
    [QUERY_BEGIN] = "BEGIN IMMEDIATE",
    [QUERY_COMMIT] = "COMMIT",
    [QUERY_ROLLBACK] = "ROLLBACK",
    [QUERY_ADD_MAILBOX] =
	"INSERT INTO folder (mailbox) VALUES (?1) ON CONFLICT DO NOTHING",
    [QUERY_FOLDER_ID] = "SELECT id FROM folder WHERE mailbox = ?1",
    [QUERY_PATH] = "SELECT path FROM folder WHERE mailbox = ?1",
    [QUERY_SET_PATH] = "INSERT INTO folder (mailbox, path) VALUES (?1, ?2)"
		       " ON CONFLICT (mailbox) DO UPDATE SET path = ?2"
		       " WHERE path IS NULL OR path = ?2",
    [QUERY_PATH_OWNER] = "SELECT mailbox FROM folder WHERE path = ?1",
    [QUERY_FOLDER] = "SELECT " FOLDER_COLUMNS " FROM folder WHERE mailbox = ?1",
    [QUERY_SET_FOLDER] = "UPDATE folder SET uidvalidity = ?2, uidnext = ?3,"
			 " highestmodseq = ?4, is_held = ?5, is_gone = ?6,"
			 " stale_uidvalidity = ?7"
			 " WHERE id = ?1",
    [QUERY_FOLDERS] =
	"SELECT " FOLDER_COLUMNS ", mailbox, path FROM folder ORDER BY mailbox",
    [QUERY_MESSAGES] = "SELECT uid, flags, size, date, modseq FROM message"
		       " WHERE folder = ?1 ORDER BY uid",
    [QUERY_FORGET] = "DELETE FROM message WHERE folder = ?1",
    [QUERY_REMOVE] =
	"DELETE FROM message WHERE folder = ?1 AND uid BETWEEN ?2 AND ?3",
    [QUERY_PUT] = "INSERT OR REPLACE INTO message"
		  " (folder, uid, flags, size, date, modseq)"
		  " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [QUERY_FACT] = "SELECT value FROM fact WHERE name = ?1",
    [QUERY_SET_FACT] =
	"INSERT OR REPLACE INTO fact (name, value) VALUES (?1, ?2)",
    [QUERY_FORGET_FACT] = "DELETE FROM fact WHERE name = ?1",
};

/* ---- statements ---- */

bool
state_prepare(struct state *state)
{
	static_assert(QUERY_COUNT <= STATE_QUERIES_MAX, "room for them all");

	for (int i = 0; i < QUERY_COUNT; i++) {
		if (sqlite3_prepare_v3(state->db, queries[i], -1,
			SQLITE_PREPARE_PERSISTENT, &state->statements[i],
			NULL) != SQLITE_OK)
			return false;
	}
	return true;
}

static bool
bind_blob(sqlite3_stmt *statement, int column, struct span bytes)
{
	/* A NULL pointer would bind NULL instead of no bytes. */
	return sqlite3_bind_blob64(statement, column,
		   bytes.len == 0 ? "" : bytes.at, bytes.len,
		   SQLITE_STATIC) == SQLITE_OK;
}

/* Text is bound by the caller's memory: it lives until the reset. */
static bool
bind_text(sqlite3_stmt *statement, int column, const char *text)
{
	return sqlite3_bind_text(statement, column, text, -1, SQLITE_STATIC) ==
	    SQLITE_OK;
}

static void
bind_numbers(
    sqlite3_stmt *statement, int column, const int64_t *numbers, int count)
{
	for (int i = 0; i < count; i++)
		(void)sqlite3_bind_int64(statement, column + i, numbers[i]);
}

/* Ends a statement's run; its bindings must not outlive the caller's memory. */
static bool
finish(sqlite3_stmt *statement)
{
	bool is_ok = sqlite3_reset(statement) == SQLITE_OK;

	(void)sqlite3_clear_bindings(statement);
	return is_ok;
}

/* Runs a bound statement that gives no rows. */
static bool
run(struct state *state, enum query query)
{
	sqlite3_stmt *statement = state->statements[query];
	int code;

	do
		code = sqlite3_step(statement);
	while (code == SQLITE_ROW);
	return finish(statement) && code == SQLITE_DONE;
}

/* The first column of the first row as bytes, or NULL. */
static char *
run_for_text(struct state *state, enum query query)
{
	sqlite3_stmt *statement = state->statements[query];
	char *text = NULL;

	if (sqlite3_step(statement) == SQLITE_ROW &&
	    sqlite3_column_type(statement, 0) != SQLITE_NULL) {
		const char *bytes = sqlite3_column_blob(statement, 0);
		int len = sqlite3_column_bytes(statement, 0);

		text = span_to_string(
		    (struct span){len == 0 ? "" : bytes, (size_t)len});
	}
	(void)finish(statement);
	return text;
}

/* ---- paths ---- */

/*
 * Runs a statement that need not be on the disk at once: the next message
 * row's commit takes it along, and a first run names thousands of folders.
 */
static bool
run_lazily(struct state *state, enum query query)
{
	bool is_ok;

	if (!state->is_durable)
		return run(state, query);
	(void)state_exec(state, "PRAGMA synchronous = NORMAL");
	is_ok = run(state, query);
	/* It cannot fail outside of a transaction; the error is run()'s. */
	(void)state_exec(state, "PRAGMA synchronous = FULL");
	return is_ok;
}

char *
state_path(struct state *state, struct span mailbox)
{
	(void)bind_blob(state->statements[QUERY_PATH], 1, mailbox);
	return run_for_text(state, QUERY_PATH);
}

char *
state_path_owner(struct state *state, const char *path)
{
	(void)bind_text(state->statements[QUERY_PATH_OWNER], 1, path);
	return run_for_text(state, QUERY_PATH_OWNER);
}

bool
state_set_path(struct state *state, struct span mailbox, const char *path,
    struct imap_error *error)
{
	sqlite3_stmt *statement = state->statements[QUERY_SET_PATH];
	char *owner = state_path_owner(state, path);
	bool is_taken = owner != NULL && !span_equal(span_of(owner), mailbox);

	mem_free(owner);
	if (!is_taken) {
		(void)bind_blob(statement, 1, mailbox);
		(void)bind_text(statement, 2, path);
		if (!run_lazily(state, QUERY_SET_PATH))
			return state_report(state, "write", error);
		/* No row changes when the mailbox has another path. */
		is_taken = sqlite3_changes(state->db) == 0;
	}
	if (is_taken)
		return imap_error_set(
		    error, IMAP_ERROR_LOCAL, "path taken: %s", path);
	return true;
}

/* ---- folders ---- */

static void
read_folder(sqlite3_stmt *statement, struct state_folder *folder)
{
	folder->uidvalidity = (uint32_t)sqlite3_column_int64(statement, 0);
	folder->uidnext = (uint32_t)sqlite3_column_int64(statement, 1);
	folder->highestmodseq = (uint64_t)sqlite3_column_int64(statement, 2);
	folder->is_held = sqlite3_column_int(statement, 3) != 0;
	folder->is_gone = sqlite3_column_int(statement, 4) != 0;
	folder->stale_uidvalidity =
	    (uint32_t)sqlite3_column_int64(statement, 5);
}

bool
state_load_folder(struct state *state, struct span mailbox,
    struct state_folder *folder, struct imap_error *error)
{
	sqlite3_stmt *statement = state->statements[QUERY_FOLDER];
	struct state_folder loaded = {0};
	int code;

	(void)bind_blob(statement, 1, mailbox);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		read_folder(statement, &loaded);
	if (!finish(statement) || (code != SQLITE_ROW && code != SQLITE_DONE))
		return state_report(state, "read", error);
	*folder = loaded;
	return true;
}

bool
state_each_folder(struct state *state,
    void (*found)(void *user, struct span mailbox, const char *path,
	const struct state_folder *folder),
    void *user, struct imap_error *error)
{
	sqlite3_stmt *statement = state->statements[QUERY_FOLDERS];
	int code;

	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct state_folder folder;
		int len = sqlite3_column_bytes(statement, 6);
		struct span mailbox = {
		    len == 0 ? "" : sqlite3_column_blob(statement, 6),
		    (size_t)len};

		read_folder(statement, &folder);
		found(user, mailbox,
		    (const char *)sqlite3_column_text(statement, 7), &folder);
	}
	return finish(statement) && code == SQLITE_DONE
	    ? true
	    : state_report(state, "read", error);
}

/* ---- messages ---- */

/* The id of a mailbox's row; 0 when it has none. */
static bool
find_folder(struct state *state, struct span mailbox, int64_t *id)
{
	sqlite3_stmt *statement = state->statements[QUERY_FOLDER_ID];
	int code;

	(void)bind_blob(statement, 1, mailbox);
	code = sqlite3_step(statement);
	*id = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	return finish(statement) && (code == SQLITE_ROW || code == SQLITE_DONE);
}

bool
state_load_messages(struct state *state, struct span mailbox,
    void (*found)(void *user, const struct state_message *message), void *user,
    struct imap_error *error)
{
	sqlite3_stmt *statement = state->statements[QUERY_MESSAGES];
	int64_t id;
	int code;

	if (!find_folder(state, mailbox, &id))
		return state_report(state, "read", error);
	bind_numbers(statement, 1, &id, 1);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct state_message message = {
		    .uid = (uint32_t)sqlite3_column_int64(statement, 0),
		    .flags = (uint32_t)sqlite3_column_int64(statement, 1),
		    .size = (uint64_t)sqlite3_column_int64(statement, 2),
		    .date = sqlite3_column_int64(statement, 3),
		    .modseq = (uint64_t)sqlite3_column_int64(statement, 4),
		};

		found(user, &message);
	}
	return finish(statement) && code == SQLITE_DONE
	    ? true
	    : state_report(state, "read", error);
}

static bool
apply_folder(struct state *state, int64_t id, const struct state_folder *folder)
{
	int64_t numbers[] = {id, folder->uidvalidity, folder->uidnext,
	    (int64_t)folder->highestmodseq, folder->is_held, folder->is_gone,
	    folder->stale_uidvalidity};

	bind_numbers(state->statements[QUERY_SET_FOLDER], 1, numbers, 7);
	return run(state, QUERY_SET_FOLDER);
}

static bool
apply_removed(struct state *state, int64_t id, const struct uidset *removed)
{
	for (uint32_t i = 0; i < removed->count; i++) {
		int64_t numbers[] = {
		    id, removed->ranges[i].first, removed->ranges[i].last};

		bind_numbers(state->statements[QUERY_REMOVE], 1, numbers, 3);
		if (!run(state, QUERY_REMOVE))
			return false;
	}
	return true;
}

static bool
apply_put(struct state *state, int64_t id, const struct state_message *put,
    uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		int64_t numbers[] = {id, put[i].uid, put[i].flags,
		    (int64_t)put[i].size, put[i].date, (int64_t)put[i].modseq};

		bind_numbers(state->statements[QUERY_PUT], 1, numbers, 6);
		if (!run(state, QUERY_PUT))
			return false;
	}
	return true;
}

/* The change itself, within a transaction. */
static bool
apply_parts(struct state *state, const struct state_change *change)
{
	int64_t id;

	(void)bind_blob(
	    state->statements[QUERY_ADD_MAILBOX], 1, change->mailbox);
	if (!run(state, QUERY_ADD_MAILBOX) ||
	    !find_folder(state, change->mailbox, &id))
		return false;
	if (change->folder != NULL && !apply_folder(state, id, change->folder))
		return false;
	if (change->forget_messages) {
		bind_numbers(state->statements[QUERY_FORGET], 1, &id, 1);
		if (!run(state, QUERY_FORGET))
			return false;
	}
	if (change->removed != NULL &&
	    !apply_removed(state, id, change->removed))
		return false;
	return apply_put(state, id, change->put, change->put_count);
}

bool
state_apply(struct state *state, const struct state_change *change,
    struct imap_error *error)
{
	bool is_ok = run(state, QUERY_BEGIN) && apply_parts(state, change) &&
	    run(state, QUERY_COMMIT);

	if (is_ok)
		return true;
	state_report(state, "write", error);
	/* Some errors have ended the transaction already. */
	if (sqlite3_get_autocommit(state->db) == 0)
		(void)run(state, QUERY_ROLLBACK);
	return false;
}

/* ---- facts ---- */

char *
state_get_fact(struct state *state, const char *name)
{
	(void)bind_text(state->statements[QUERY_FACT], 1, name);
	return run_for_text(state, QUERY_FACT);
}

bool
state_set_fact(struct state *state, const char *name, const char *value,
    struct imap_error *error)
{
	enum query query = value == NULL ? QUERY_FORGET_FACT : QUERY_SET_FACT;
	sqlite3_stmt *statement = state->statements[query];

	(void)bind_text(statement, 1, name);
	if (value != NULL)
		(void)bind_text(statement, 2, value);
	return run_lazily(state, query) || state_report(state, "write", error);
}
