/*
 * Opening the state database of one account. Everything in it can be had
 * again from the server and the files' names, so what is not a sound database
 * of ours is put aside rather than repaired.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/maildir_root.h"
#include "daemon/state_private.h"
#include "libclient/base/mem.h"

/* "MMir" in the file's header: another program's database is not ours. */
#define APPLICATION_ID 0x4d4d6972

#define BUSY_TIMEOUT_MS 5000

bool
state_report(
    struct state *state, const char *operation, struct imap_error *error)
{
	int code = sqlite3_errcode(state->db) & 0xff;
	int reason = sqlite3_system_errno(state->db);
	/* without memory there is not even a handle */
	bool is_readonly =
	    state->db != NULL && sqlite3_db_readonly(state->db, "main") == 1;
	enum imap_error_kind kind = IMAP_ERROR_LOCAL;

	if (state->is_damaged) {
		state->is_damaged = false;
		return imap_error_set(error, kind,
		    "cannot %s %s: its messages are damaged", operation,
		    state->path);
	}
	if (is_readonly)
		return imap_error_set(error, kind,
		    "cannot %s %s: it can be opened for reading only",
		    operation, state->path);
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		kind = IMAP_ERROR_BUSY;
	if (code == SQLITE_IOERR || code == SQLITE_CANTOPEN)
		return imap_error_set(error, kind, "cannot %s %s: %s (%s)",
		    operation, state->path, sqlite3_errmsg(state->db),
		    strerror(reason));
	return imap_error_set(error, kind, "cannot %s %s: %s", operation,
	    state->path, sqlite3_errmsg(state->db));
}

bool
state_exec(const struct state *state, const char *sql)
{
	return sqlite3_exec(state->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

enum soundness { SOUND, UNSOUND, UNREADABLE };

/* What a statement answers that asks for one value. */
struct answer {
	sqlite3_int64 number;
	bool is_ok; /* the text "ok" */
};

static int
ask(sqlite3 *db, const char *question, struct answer *answer)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(db, question, -1, &statement, NULL);

	if (code != SQLITE_OK)
		return code;
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		const unsigned char *text = sqlite3_column_text(statement, 0);

		answer->number = sqlite3_column_int64(statement, 0);
		answer->is_ok =
		    text != NULL && strcmp((const char *)text, "ok") == 0;
	}
	(void)sqlite3_finalize(statement);
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

/* Errors that the file itself is to blame for. */
static enum soundness
judge_code(int code)
{
	switch (code & 0xff) {
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
	case SQLITE_ERROR: /* such as a file format newer than the library */
	case SQLITE_SCHEMA:
		return UNSOUND;
	default:
		return UNREADABLE;
	}
}

static const char damaged[] = "its contents are damaged";

/*
 * Whether the file is ours and whole, and of which version (0: it is empty);
 * *why is borrowed until the next call to SQLite. quick_check reads all pages
 * once: a damaged one must not turn up in the middle of a run.
 */
static enum soundness
judge(sqlite3 *db, int *version, const char **why)
{
	static const char *const questions[] = {"PRAGMA application_id",
	    "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema",
	    "PRAGMA quick_check(1)"};
	struct answer answers[4] = {0};
	sqlite3_int64 id;

	for (size_t i = 0; i < 4; i++) {
		int code = ask(db, questions[i], &answers[i]);

		*why = sqlite3_errmsg(db);
		if (code != SQLITE_OK)
			return judge_code(code);
	}
	id = answers[0].number;
	*version = (int)answers[1].number;
	if (id == 0 && *version == 0 && answers[2].number == 0)
		return SOUND;
	*why = "it is another program's";
	if (id != APPLICATION_ID)
		return UNSOUND;
	*why = "it was written by a newer version";
	if (answers[1].number > STATE_VERSION)
		return UNSOUND;
	*why = damaged;
	return answers[3].is_ok && answers[1].number > 0 ? SOUND : UNSOUND;
}

/*
 * Whether all messages can be read, and the folders' numbers are such that
 * theirs can be made of them: quick_check sees neither.
 */
static enum soundness
check(struct state *state, const char **why)
{
	struct answer strange = {0};
	int code = ask(state->db,
	    "SELECT count(*) FROM folder WHERE id NOT BETWEEN 1 AND 1073741823",
	    &strange);

	static_assert(STATE_FOLDERS_MAX == 1073741823, "as the query says");
	*why = sqlite3_errmsg(state->db);
	if (code != SQLITE_OK)
		return judge_code(code);
	if (strange.number == 0 && state_pack_check(state))
		return SOUND;
	*why = sqlite3_errmsg(state->db);
	code = sqlite3_errcode(state->db);
	if (strange.number == 0 && !state->is_damaged)
		return judge_code(code);
	*why = damaged;
	return UNSOUND;
}

/* Makes an empty file with the right mode; SQLite's own would be 0644. */
static bool
create_file(const struct state *state, struct imap_error *error)
{
	int fd = open(state->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	/* One that is there is not opened: closing it would drop locks. */
	if (fd < 0 && errno == EEXIST)
		return true;
	if (fd < 0)
		return imap_error_set(error, IMAP_ERROR_LOCAL,
		    "cannot create %s: %s", state->path, strerror(errno));
	(void)fchmod(fd, 0600);
	close(fd);
	return true;
}

/*
 * Opens the file as it is. NOMUTEX is SQLite's multi-thread mode: any thread
 * may use the handle, one at a time. Where a file system has no shared memory
 * WAL is refused and a rollback journal stays, which is as good.
 */
static enum soundness
open_file(struct state *state, const char **why)
{
	enum soundness soundness;
	int version = 0;

	if (sqlite3_open_v2(state->path, &state->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return UNREADABLE;
	(void)sqlite3_extended_result_codes(state->db, 1);
	(void)sqlite3_busy_timeout(state->db, BUSY_TIMEOUT_MS);
	/* before all pages are read: few of them are wanted again */
	(void)sqlite3_exec(
	    state->db, "PRAGMA cache_size = -256", NULL, NULL, NULL);
	/* which is what SQLite does of its own accord if it cannot write */
	if (sqlite3_db_readonly(state->db, "main") == 1)
		return UNREADABLE;
	soundness = judge(state->db, &version, why);
	if (soundness != SOUND)
		return soundness;
	if (!state_exec(state,
		"PRAGMA journal_mode = WAL;"
		"PRAGMA journal_size_limit = 4194304") ||
	    !state_exec(state,
		state->is_durable ? "PRAGMA synchronous = FULL"
				  : "PRAGMA synchronous = OFF") ||
	    !state_upgrade(state, version)) {
		*why = sqlite3_errmsg(state->db);
		return judge_code(sqlite3_errcode(state->db));
	}
	return check(state, why);
}

static void
close_file(struct state *state)
{
	for (int i = 0; i < STATE_QUERY_COUNT; i++) {
		sqlite3_finalize(state->statements[i]);
		state->statements[i] = NULL;
	}
	(void)sqlite3_close(state->db);
	state->db = NULL;
	state->is_damaged = false;
}

/* Moves the database with what belongs to it; the next one starts clean. */
static bool
move_aside(const struct state *state, struct imap_error *error)
{
	/* The log first: without it the database is at worst older. */
	static const char *const suffixes[] = {"-shm", "-wal", ""};
	bool is_ok = true;

	for (size_t i = 0; i < 3; i++) {
		char *from = mem_format("%s%s", state->path, suffixes[i]);
		char *to = mem_format("%s.broken%s", state->path, suffixes[i]);

		/* What an earlier one left must not be taken for this one's. */
		(void)unlink(to);
		if (rename(from, to) < 0 && errno != ENOENT)
			is_ok = imap_error_set(error, IMAP_ERROR_LOCAL,
			    "cannot move %s aside: %s", from, strerror(errno));
		mem_free(from);
		mem_free(to);
	}
	return is_ok;
}

/* Opens the database, with a new one in place of one that is no good. */
static bool
open_or_rebuild(struct state *state, char **note, struct imap_error *error)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		const char *why = "it cannot be opened";
		enum soundness soundness;

		if (!create_file(state, error))
			return false;
		soundness = open_file(state, &why);
		if (soundness == SOUND)
			return true;
		if (soundness == UNREADABLE || attempt == 1)
			return state_report(state, "open", error);
		*note = mem_format("%s cannot be used (%s): moved to "
				   "%s.broken, a new one is built",
		    state->path, why, state->path);
		close_file(state);
		if (!move_aside(state, error))
			return false;
	}
	return false;
}

struct state *
state_open(const char *dir, const char *account, bool is_durable, char **note,
    struct imap_error *error)
{
	struct state *state;

	*note = NULL;
	assert(sqlite3_threadsafe() != 0);
	if (!maildir_make_path(dir, error))
		return NULL;
	state = mem_new(struct state);
	state->path = mem_format("%s/%s.db", dir, account);
	state->is_durable = is_durable;
	if (!open_or_rebuild(state, note, error)) {
		*note = mem_free(*note);
		return state_close(state);
	}
	return state;
}

struct state *
state_view(const char *dir, const char *account, struct imap_error *error)
{
	struct state *state = mem_new(struct state);
	enum soundness soundness = UNREADABLE;
	const char *why;
	int version = 0;

	state->path = mem_format("%s/%s.db", dir, account);
	if (access(state->path, F_OK) < 0 && errno == ENOENT)
		return state_close(state);
	/* not READONLY: that would leave the files of a log behind */
	if (sqlite3_open_v2(state->path, &state->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
		NULL) == SQLITE_OK) {
		(void)sqlite3_extended_result_codes(state->db, 1);
		(void)sqlite3_busy_timeout(state->db, BUSY_TIMEOUT_MS);
		soundness = judge(state->db, &version, &why);
	}
	if (soundness == UNREADABLE)
		(void)state_report(state, "open", error);
	else if (soundness == SOUND && version == STATE_VERSION &&
	    state_exec(state, "PRAGMA query_only = ON") && state_prepare(state))
		return state;
	return state_close(state);
}

struct state *
state_close(struct state *state)
{
	if (state == NULL)
		return NULL;
	close_file(state);
	mem_free(state->path);
	return mem_free(state);
}
