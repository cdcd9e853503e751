/*
 * What is asked of the state database and written to it: one prepared
 * statement a question, one transaction a change. Mailboxes and facts are
 * here, messages in state_message.c and state_pack.c.
 */
#include "daemon/state.h"

#include <sqlite3.h>
#include <string.h>

#include "daemon/state_private.h"
#include "libclient/base/mem.h"

#define FOLDER_COLUMNS                                           \
	"uidvalidity, uidnext, highestmodseq, is_held, is_gone," \
	" stale_uidvalidity, last_full, mailboxid, new_ns, cur_ns"

static const char *const queries[STATE_QUERY_COUNT] = {
    [STATE_BEGIN] = "BEGIN IMMEDIATE",
    [STATE_COMMIT] = "COMMIT",
    [STATE_ROLLBACK] = "ROLLBACK",
    [STATE_ADD_MAILBOX] =
	"INSERT INTO folder (mailbox) VALUES (?1) ON CONFLICT DO NOTHING",
    [STATE_FOLDER_ID] = "SELECT id FROM folder WHERE mailbox = ?1",
    [STATE_PATH] = "SELECT path FROM folder WHERE mailbox = ?1",
    [STATE_SET_PATH] = "INSERT INTO folder (mailbox, path) VALUES (?1, ?2)"
		       " ON CONFLICT (mailbox) DO UPDATE SET path = ?2"
		       " WHERE path IS NULL OR path = ?2",
    [STATE_PATH_OWNER] = "SELECT mailbox FROM folder WHERE path = ?1",
    [STATE_FOLDER] = "SELECT " FOLDER_COLUMNS " FROM folder WHERE mailbox = ?1",
    [STATE_SET_FOLDER] = "UPDATE folder SET uidvalidity = ?2, uidnext = ?3,"
			 " highestmodseq = ?4, is_held = ?5, is_gone = ?6,"
			 " stale_uidvalidity = ?7, last_full = ?8,"
			 " mailboxid = coalesce(?9, mailboxid),"
			 " new_ns = ?10, cur_ns = ?11"
			 " WHERE id = ?1",
    [STATE_FOLDERS] =
	"SELECT " FOLDER_COLUMNS ", mailbox, path FROM folder ORDER BY mailbox",
    [STATE_RENAME_FOLDER] =
	"UPDATE folder SET mailbox = ?2, path = ?3 WHERE mailbox = ?1",
    [STATE_REMOVE_FOLDER] = "DELETE FROM folder WHERE id = ?1",
    [STATE_CHUNKS] = "SELECT id, data FROM chunk WHERE id BETWEEN ?1 AND ?2"
		     " ORDER BY id",
    [STATE_CHUNK] = "SELECT data FROM chunk WHERE id = ?1",
    [STATE_PUT_CHUNK] = "INSERT OR REPLACE INTO chunk (id, data)"
			" VALUES (?1, ?2)",
    [STATE_REMOVE_CHUNKS] = "DELETE FROM chunk WHERE id BETWEEN ?1 AND ?2",
    [STATE_MOVE_CHUNKS] =
	"UPDATE chunk SET id = id + ?3 WHERE id BETWEEN ?1 AND ?2",
    [STATE_FIND_EMAILID] =
	"SELECT mailbox, path, uidvalidity, folder, uid"
	" FROM emailid JOIN folder ON folder.id = emailid.folder"
	" WHERE emailid = ?1 AND path IS NOT NULL",
    [STATE_FIND_RETIRED] = "SELECT '', '', 0, folder, uid"
			   " FROM emailid WHERE emailid = ?1 AND folder = ?2",
    [STATE_HAS_EMAILIDS] =
	"SELECT EXISTS (SELECT 1 FROM emailid WHERE folder = ?1)",
    [STATE_COUNT_EMAILIDS] = "SELECT count(*) FROM emailid WHERE folder = ?1",
    [STATE_PUT_EMAILID] =
	"INSERT INTO emailid (folder, uid, emailid) VALUES (?1, ?2, ?3)"
	" ON CONFLICT DO UPDATE SET emailid = ?3 WHERE emailid <> ?3",
    [STATE_REMOVE_EMAILIDS] =
	"DELETE FROM emailid WHERE folder = ?1 AND uid BETWEEN ?2 AND ?3",
    [STATE_FORGET_EMAILIDS] = "DELETE FROM emailid WHERE folder = ?1",
    [STATE_MOVE_EMAILIDS] = "UPDATE emailid SET folder = ?2 WHERE folder = ?1",
    [STATE_WITHHELD] = "SELECT uid, size, tries, next_try FROM withheld"
		       " WHERE folder = ?1 ORDER BY uid",
    [STATE_FORGET_WITHHELD] = "DELETE FROM withheld WHERE folder = ?1",
    [STATE_ADMIT] =
	"DELETE FROM withheld WHERE folder = ?1 AND uid BETWEEN ?2 AND ?3",
    [STATE_WITHHOLD] = "INSERT OR REPLACE INTO withheld"
		       " (folder, uid, size, tries, next_try)"
		       " VALUES (?1, ?2, ?3, ?4, ?5)",
    [STATE_FACT] = "SELECT value FROM fact WHERE name = ?1",
    [STATE_SET_FACT] =
	"INSERT OR REPLACE INTO fact (name, value) VALUES (?1, ?2)",
    [STATE_FORGET_FACT] = "DELETE FROM fact WHERE name = ?1",
};

/* ---- statements ---- */

bool
state_prepare(struct state *state)
{
	for (int i = 0; i < STATE_QUERY_COUNT; i++) {
		if (sqlite3_prepare_v3(state->db, queries[i], -1,
			SQLITE_PREPARE_PERSISTENT, &state->statements[i],
			NULL) != SQLITE_OK)
			return false;
	}
	return true;
}

bool
state_bind_blob(sqlite3_stmt *statement, int column, struct span bytes)
{
	/* A NULL pointer would bind NULL instead of no bytes. */
	return sqlite3_bind_blob64(statement, column,
		   bytes.len == 0 ? "" : bytes.at, bytes.len,
		   SQLITE_STATIC) == SQLITE_OK;
}

bool
state_bind_text(sqlite3_stmt *statement, int column, const char *text)
{
	return sqlite3_bind_text(statement, column, text, -1, SQLITE_STATIC) ==
	    SQLITE_OK;
}

void
state_bind_numbers(
    sqlite3_stmt *statement, int column, const int64_t *numbers, int count)
{
	for (int i = 0; i < count; i++)
		(void)sqlite3_bind_int64(statement, column + i, numbers[i]);
}

struct span
state_column(sqlite3_stmt *statement, int column)
{
	/* first the bytes, then their number, as SQLite wants it */
	const char *bytes = sqlite3_column_blob(statement, column);
	int len = sqlite3_column_bytes(statement, column);

	return (struct span){len == 0 ? "" : bytes, (size_t)len};
}

bool
state_finish(sqlite3_stmt *statement)
{
	bool is_ok = sqlite3_reset(statement) == SQLITE_OK;

	(void)sqlite3_clear_bindings(statement);
	return is_ok;
}

bool
state_run(struct state *state, enum state_query query)
{
	sqlite3_stmt *statement = state->statements[query];
	int code;

	do
		code = sqlite3_step(statement);
	while (code == SQLITE_ROW);
	return state_finish(statement) && code == SQLITE_DONE;
}

bool
state_roll_back(struct state *state, struct imap_error *error)
{
	state_report(state, "write", error);
	/* Some errors have ended the transaction already. */
	if (sqlite3_get_autocommit(state->db) == 0)
		(void)state_run(state, STATE_ROLLBACK);
	return false;
}

/* The first column of the first row as bytes, or NULL. */
static char *
run_for_text(struct state *state, enum state_query query)
{
	sqlite3_stmt *statement = state->statements[query];
	char *text = NULL;

	if (sqlite3_step(statement) == SQLITE_ROW &&
	    sqlite3_column_type(statement, 0) != SQLITE_NULL)
		text = span_to_string(state_column(statement, 0));
	(void)state_finish(statement);
	return text;
}

/* ---- paths ---- */

/*
 * Runs a statement that need not be on the disk at once: the next message
 * row's commit takes it along, and a first run names thousands of folders.
 */
static bool
run_lazily(
    struct state *state, enum state_query query, struct imap_error *error)
{
	bool is_ok;

	if (state->is_durable)
		(void)state_exec(state, "PRAGMA synchronous = NORMAL");
	/* said at once: every statement has its own error */
	is_ok = state_run(state, query) || state_report(state, "write", error);
	if (state->is_durable)
		(void)state_exec(state, "PRAGMA synchronous = FULL");
	return is_ok;
}

char *
state_path(struct state *state, struct span mailbox)
{
	(void)state_bind_blob(state->statements[STATE_PATH], 1, mailbox);
	return run_for_text(state, STATE_PATH);
}

char *
state_path_owner(struct state *state, const char *path)
{
	(void)state_bind_text(state->statements[STATE_PATH_OWNER], 1, path);
	return run_for_text(state, STATE_PATH_OWNER);
}

bool
state_set_path(struct state *state, struct span mailbox, const char *path,
    struct imap_error *error)
{
	sqlite3_stmt *statement = state->statements[STATE_SET_PATH];
	char *owner = state_path_owner(state, path);
	bool is_taken = owner != NULL && !span_equal(span_of(owner), mailbox);

	mem_free(owner);
	if (!is_taken) {
		(void)state_bind_blob(statement, 1, mailbox);
		(void)state_bind_text(statement, 2, path);
		if (!run_lazily(state, STATE_SET_PATH, error))
			return false;
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
	struct span id;

	folder->uidvalidity = (uint32_t)sqlite3_column_int64(statement, 0);
	folder->uidnext = (uint32_t)sqlite3_column_int64(statement, 1);
	folder->highestmodseq = (uint64_t)sqlite3_column_int64(statement, 2);
	folder->is_held = sqlite3_column_int(statement, 3) != 0;
	folder->is_gone = sqlite3_column_int(statement, 4) != 0;
	folder->stale_uidvalidity =
	    (uint32_t)sqlite3_column_int64(statement, 5);
	folder->last_full = sqlite3_column_int64(statement, 6);
	id = state_column(statement, 7);
	if (id.len >= sizeof(folder->mailboxid))
		id.len = 0;
	memcpy(folder->mailboxid, id.at, id.len);
	folder->mailboxid[id.len] = '\0';
	folder->new_ns = sqlite3_column_int64(statement, 8);
	folder->cur_ns = sqlite3_column_int64(statement, 9);
}

bool
state_load_folder(struct state *state, struct span mailbox,
    struct state_folder *folder, struct imap_error *error)
{
	sqlite3_stmt *statement = state->statements[STATE_FOLDER];
	struct state_folder loaded = {0};
	int code;

	(void)state_bind_blob(statement, 1, mailbox);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		read_folder(statement, &loaded);
	if (!state_finish(statement) ||
	    (code != SQLITE_ROW && code != SQLITE_DONE))
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
	sqlite3_stmt *statement = state->statements[STATE_FOLDERS];
	int code;

	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct state_folder folder;

		read_folder(statement, &folder);
		found(user, state_column(statement, 10),
		    (const char *)sqlite3_column_text(statement, 11), &folder);
	}
	return state_finish(statement) && code == SQLITE_DONE
	    ? true
	    : state_report(state, "read", error);
}

bool
state_find_folder(struct state *state, struct span mailbox, int64_t *id)
{
	sqlite3_stmt *statement = state->statements[STATE_FOLDER_ID];
	int code;

	(void)state_bind_blob(statement, 1, mailbox);
	code = sqlite3_step(statement);
	*id = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	return state_finish(statement) &&
	    (code == SQLITE_ROW || code == SQLITE_DONE);
}

/* Removes all rows of a mailbox, within a transaction. */
static bool
forget_folder(struct state *state, struct span mailbox)
{
	static const enum state_query parts[] = {
	    STATE_FORGET_WITHHELD, STATE_REMOVE_FOLDER};
	int64_t id;

	if (!state_find_folder(state, mailbox, &id))
		return false;
	if (!state_pack_forget(state, id) || !state_pack_forget(state, -id))
		return false;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		state_bind_numbers(state->statements[parts[i]], 1, &id, 1);
		if (!state_run(state, parts[i]))
			return false;
	}
	return true;
}

bool
state_forget_folder(
    struct state *state, struct span mailbox, struct imap_error *error)
{
	return (state_run(state, STATE_BEGIN) &&
		   forget_folder(state, mailbox) &&
		   state_run(state, STATE_COMMIT)) ||
	    state_roll_back(state, error);
}

/* The same, within a transaction. */
static bool
rename_folder(
    struct state *state, struct span mailbox, struct span to, const char *path)
{
	sqlite3_stmt *statement = state->statements[STATE_RENAME_FOLDER];

	/* what the new name had was never synced, or state_rename_folder()
	 * would not have come here */
	if (!forget_folder(state, to))
		return false;
	(void)state_bind_blob(statement, 1, mailbox);
	(void)state_bind_blob(statement, 2, to);
	(void)state_bind_text(statement, 3, path);
	return state_run(state, STATE_RENAME_FOLDER);
}

bool
state_rename_folder(struct state *state, struct span mailbox, struct span to,
    const char *path, struct imap_error *error)
{
	char *owner = state_path_owner(state, path);
	bool is_taken = owner != NULL && !span_equal(span_of(owner), mailbox) &&
	    !span_equal(span_of(owner), to);
	struct state_folder folder = {0};

	mem_free(owner);
	if (is_taken)
		return imap_error_set(
		    error, IMAP_ERROR_LOCAL, "path taken: %s", path);
	if (!state_load_folder(state, to, &folder, error))
		return false;
	if (folder.uidvalidity != 0)
		return imap_error_set(error, IMAP_ERROR_LOCAL,
		    "a mailbox of the new name is known already");
	return (state_run(state, STATE_BEGIN) &&
		   rename_folder(state, mailbox, to, path) &&
		   state_run(state, STATE_COMMIT)) ||
	    state_roll_back(state, error);
}

/* ---- facts ---- */

char *
state_get_fact(struct state *state, const char *name)
{
	(void)state_bind_text(state->statements[STATE_FACT], 1, name);
	return run_for_text(state, STATE_FACT);
}

bool
state_set_fact(struct state *state, const char *name, const char *value,
    struct imap_error *error)
{
	enum state_query query =
	    value == NULL ? STATE_FORGET_FACT : STATE_SET_FACT;
	sqlite3_stmt *statement = state->statements[query];

	(void)state_bind_text(statement, 1, name);
	if (value != NULL)
		(void)state_bind_text(statement, 2, value);
	return run_lazily(state, query, error);
}
