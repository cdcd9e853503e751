/*
 * The tables of the state database, and how those of an older version become
 * ours.
 */
#include <sqlite3.h>
#include <string.h>

#include "daemon/state_chunk.h"
#include "daemon/state_private.h"
#include "libclient/base/mem.h"

/* From each version to the next; nothing is the first. */
static const char *const upgrades[STATE_VERSION] = {
    "CREATE TABLE IF NOT EXISTS folder ("
    " id INTEGER PRIMARY KEY,"
    " mailbox BLOB NOT NULL UNIQUE,"
    " path TEXT UNIQUE,"
    " uidvalidity INTEGER NOT NULL DEFAULT 0,"
    " uidnext INTEGER NOT NULL DEFAULT 0,"
    " highestmodseq INTEGER NOT NULL DEFAULT 0,"
    " is_held INTEGER NOT NULL DEFAULT 0,"
    " is_gone INTEGER NOT NULL DEFAULT 0,"
    " stale_uidvalidity INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE IF NOT EXISTS message ("
    " folder INTEGER NOT NULL,"
    " uid INTEGER NOT NULL,"
    " flags INTEGER NOT NULL,"
    " size INTEGER NOT NULL,"
    " date INTEGER NOT NULL,"
    " modseq INTEGER NOT NULL,"
    " PRIMARY KEY (folder, uid)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS fact ("
    " name TEXT PRIMARY KEY,"
    " value TEXT NOT NULL) WITHOUT ROWID;"
    "PRAGMA application_id = 1296918898;" /* APPLICATION_ID */
    "PRAGMA user_version = 1;",
    "ALTER TABLE message ADD COLUMN emailid BLOB;"
    "ALTER TABLE message ADD COLUMN keywords TEXT;"
    "CREATE INDEX message_emailid ON message (emailid)"
    " WHERE emailid IS NOT NULL;"
    "ALTER TABLE folder ADD COLUMN last_full INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE folder ADD COLUMN mailboxid BLOB;"
    "CREATE TABLE withheld ("
    " folder INTEGER NOT NULL,"
    " uid INTEGER NOT NULL,"
    " size INTEGER NOT NULL,"
    " tries INTEGER NOT NULL,"
    " next_try INTEGER NOT NULL,"
    " PRIMARY KEY (folder, uid)) WITHOUT ROWID;"
    "PRAGMA user_version = 2;",
    "ALTER TABLE folder ADD COLUMN new_ns INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE folder ADD COLUMN cur_ns INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 3;",
    "CREATE TABLE chunk ("
    " id INTEGER PRIMARY KEY,"
    " data BLOB NOT NULL);"
    "CREATE TABLE emailid ("
    " folder INTEGER NOT NULL,"
    " uid INTEGER NOT NULL,"
    " emailid BLOB NOT NULL,"
    " PRIMARY KEY (folder, uid)) WITHOUT ROWID;"
    "CREATE INDEX emailid_value ON emailid (emailid);"
    "PRAGMA user_version = 4;",
};

/* ---- version 3: a row a message ---- */

/* Rows that cannot be are left behind: a scan finds their files. */
#define ROWS                                               \
	" FROM message"                                    \
	" WHERE folder BETWEEN -1073741823 AND 1073741823" \
	" AND uid BETWEEN 1 AND 4294967295"

/* Messages that belong into one chunk. */
struct old_rows {
	struct state *state;
	int64_t folder;
	uint32_t count;
	struct state_message messages[STATE_CHUNK_MESSAGES];
};

static bool
pack_rows(struct old_rows *rows)
{
	bool is_ok = rows->count == 0 ||
	    state_pack_apply(
		rows->state, rows->folder, NULL, rows->messages, rows->count);

	for (uint32_t i = 0; i < rows->count; i++)
		mem_free((char *)rows->messages[i].keywords.at);
	rows->count = 0;
	return is_ok;
}

static bool
add_row(struct old_rows *rows, sqlite3_stmt *statement)
{
	int64_t folder = sqlite3_column_int64(statement, 0);
	struct state_message message = {
	    .uid = (uint32_t)sqlite3_column_int64(statement, 1),
	    .flags = (uint32_t)sqlite3_column_int64(statement, 2),
	    .size = (uint64_t)sqlite3_column_int64(statement, 3),
	    .date = sqlite3_column_int64(statement, 4),
	    .modseq = (uint64_t)sqlite3_column_int64(statement, 5),
	};
	struct span keywords = state_column(statement, 6);

	if (rows->count > 0 &&
	    (folder != rows->folder ||
		state_chunk_number(message.uid) !=
		    state_chunk_number(rows->messages[0].uid)) &&
	    !pack_rows(rows))
		return false;
	if (keywords.len > 0 && keywords.len <= STATE_CHUNK_KEYWORDS_MAX)
		message.keywords =
		    (struct span){span_to_string(keywords), keywords.len};
	rows->folder = folder;
	rows->messages[rows->count++] = message;
	return true;
}

static bool
pack_old_rows(struct state *state)
{
	struct old_rows *rows;
	sqlite3_stmt *statement;
	bool is_ok = true;
	int code = SQLITE_DONE;

	if (sqlite3_prepare_v2(state->db,
		"SELECT folder, uid, flags, size, date, modseq, keywords" ROWS
		" ORDER BY folder, uid",
		-1, &statement, NULL) != SQLITE_OK)
		return false;
	rows = mem_new(struct old_rows);
	rows->state = state;
	while (is_ok && (code = sqlite3_step(statement)) == SQLITE_ROW)
		is_ok = add_row(rows, statement);
	is_ok = pack_rows(rows) && is_ok;
	mem_free(rows);
	return sqlite3_finalize(statement) == SQLITE_OK && is_ok &&
	    code == SQLITE_DONE;
}

/* ---- all versions ---- */

static bool
upgrade(struct state *state, int version)
{
	for (int i = version; i < STATE_VERSION; i++)
		if (!state_exec(state, upgrades[i]))
			return false;
	return state_prepare(state) && pack_old_rows(state) &&
	    state_exec(state,
		"INSERT INTO emailid SELECT folder, uid, emailid" ROWS
		" AND emailid IS NOT NULL;"
		"DROP TABLE message") &&
	    state_exec(state, "COMMIT");
}

bool
state_upgrade(struct state *state, int version)
{
	if (version == STATE_VERSION)
		return state_prepare(state);
	return state_exec(state, "BEGIN IMMEDIATE") && upgrade(state, version);
}
