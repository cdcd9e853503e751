/*
 * Messages in the state database: those that are here, as last agreed with
 * the server, and those that the server has and we have not.
 */
#include <sqlite3.h>

#include "daemon/state_private.h"

bool
state_load_messages(struct state *state, struct span mailbox,
    void (*found)(void *user, const struct state_message *message), void *user,
    struct imap_error *error)
{
	sqlite3_stmt *statement = state->statements[STATE_MESSAGES];
	int64_t id;
	int code;

	if (!state_find_folder(state, mailbox, &id))
		return state_report(state, "read", error);
	state_bind_numbers(statement, 1, &id, 1);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct state_message message = {
		    .uid = (uint32_t)sqlite3_column_int64(statement, 0),
		    .flags = (uint32_t)sqlite3_column_int64(statement, 1),
		    .size = (uint64_t)sqlite3_column_int64(statement, 2),
		    .date = sqlite3_column_int64(statement, 3),
		    .modseq = (uint64_t)sqlite3_column_int64(statement, 4),
		    .emailid = state_column(statement, 5),
		    .keywords = state_column(statement, 6),
		};

		found(user, &message);
	}
	return state_finish(statement) && code == SQLITE_DONE
	    ? true
	    : state_report(state, "read", error);
}

bool
state_load_withheld(struct state *state, struct span mailbox,
    void (*found)(void *user, const struct state_withheld *withheld),
    void *user, struct imap_error *error)
{
	sqlite3_stmt *statement = state->statements[STATE_WITHHELD];
	int64_t id;
	int code;

	if (!state_find_folder(state, mailbox, &id))
		return state_report(state, "read", error);
	state_bind_numbers(statement, 1, &id, 1);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct state_withheld withheld = {
		    .uid = (uint32_t)sqlite3_column_int64(statement, 0),
		    .size = (uint64_t)sqlite3_column_int64(statement, 1),
		    .tries = (uint32_t)sqlite3_column_int64(statement, 2),
		    .next_try = sqlite3_column_int64(statement, 3),
		};

		found(user, &withheld);
	}
	return state_finish(statement) && code == SQLITE_DONE
	    ? true
	    : state_report(state, "read", error);
}

/* Runs a bound statement that finds places. */
static bool
find_places(struct state *state, enum state_query query,
    void (*found)(void *user, const struct state_place *place), void *user,
    struct imap_error *error)
{
	sqlite3_stmt *statement = state->statements[query];
	int code;

	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct state_place place = {
		    .mailbox = state_column(statement, 0),
		    .path = (const char *)sqlite3_column_text(statement, 1),
		    .uidvalidity = (uint32_t)sqlite3_column_int64(statement, 2),
		    .uid = (uint32_t)sqlite3_column_int64(statement, 3),
		    .flags = (uint32_t)sqlite3_column_int64(statement, 4),
		    .size = (uint64_t)sqlite3_column_int64(statement, 5),
		    .date = sqlite3_column_int64(statement, 6),
		};

		found(user, &place);
	}
	return state_finish(statement) && code == SQLITE_DONE
	    ? true
	    : state_report(state, "read", error);
}

bool
state_find_emailid(struct state *state, struct span emailid,
    void (*found)(void *user, const struct state_place *place), void *user,
    struct imap_error *error)
{
	(void)state_bind_blob(
	    state->statements[STATE_FIND_EMAILID], 1, emailid);
	return find_places(state, STATE_FIND_EMAILID, found, user, error);
}

/* ---- the generation before ---- */

/* Its rows stand under the mailbox's number, made negative. */

/* Where rows wait while two generations change places. */
#define ASIDE (INT64_C(1) << 40)

bool
state_find_retired(struct state *state, struct span mailbox,
    struct span emailid,
    void (*found)(void *user, const struct state_place *place), void *user,
    struct imap_error *error)
{
	sqlite3_stmt *statement = state->statements[STATE_FIND_RETIRED];
	int64_t id;

	if (!state_find_folder(state, mailbox, &id))
		return state_report(state, "read", error);
	(void)state_bind_blob(statement, 1, emailid);
	id = -id;
	state_bind_numbers(statement, 2, &id, 1);
	return find_places(state, STATE_FIND_RETIRED, found, user, error);
}

bool
state_has_retired(struct state *state, struct span mailbox, bool *all,
    struct imap_error *error)
{
	sqlite3_stmt *statement = state->statements[STATE_HAS_RETIRED];
	int64_t id;
	bool has = false;

	if (!state_find_folder(state, mailbox, &id))
		return state_report(state, "read", error);
	id = -id;
	state_bind_numbers(statement, 1, &id, 1);
	if (sqlite3_step(statement) == SQLITE_ROW)
		has = sqlite3_column_int(statement, 0) != 0;
	if (!state_finish(statement))
		return state_report(state, "read", error);
	*all = has;
	return true;
}

static bool
move_messages(struct state *state, int64_t from, int64_t to)
{
	int64_t numbers[] = {from, to};

	state_bind_numbers(state->statements[STATE_MOVE], 1, numbers, 2);
	return state_run(state, STATE_MOVE);
}

static bool
apply_retired(
    struct state *state, int64_t id, const struct state_change *change)
{
	if (change->forget_retired) {
		int64_t retired = -id;

		state_bind_numbers(
		    state->statements[STATE_FORGET], 1, &retired, 1);
		if (!state_run(state, STATE_FORGET))
			return false;
	}
	return !change->swap_retired ||
	    (move_messages(state, id, id + ASIDE) &&
		move_messages(state, -id, id) &&
		move_messages(state, id + ASIDE, -id));
}

/* ---- changes ---- */

static bool
apply_folder(struct state *state, int64_t id, const struct state_folder *folder)
{
	int64_t numbers[] = {id, folder->uidvalidity, folder->uidnext,
	    (int64_t)folder->highestmodseq, folder->is_held, folder->is_gone,
	    folder->stale_uidvalidity, folder->last_full};
	sqlite3_stmt *statement = state->statements[STATE_SET_FOLDER];

	state_bind_numbers(statement, 1, numbers, 8);
	state_bind_numbers(
	    statement, 10, (int64_t[]){folder->new_ns, folder->cur_ns}, 2);
	if (folder->mailboxid[0] != '\0')
		(void)state_bind_blob(statement, 9, span_of(folder->mailboxid));
	return state_run(state, STATE_SET_FOLDER);
}

/* Removes the rows of a set of UIDs. */
static bool
apply_uids(struct state *state, enum state_query query, int64_t id,
    const struct uidset *uids)
{
	for (uint32_t i = 0; uids != NULL && i < uids->count; i++) {
		int64_t numbers[] = {
		    id, uids->ranges[i].first, uids->ranges[i].last};

		state_bind_numbers(state->statements[query], 1, numbers, 3);
		if (!state_run(state, query))
			return false;
	}
	return true;
}

static bool
apply_put(struct state *state, int64_t id, const struct state_message *put)
{
	int64_t numbers[] = {id, put->uid, put->flags, (int64_t)put->size,
	    put->date, (int64_t)put->modseq};
	sqlite3_stmt *statement = state->statements[STATE_PUT];

	state_bind_numbers(statement, 1, numbers, 6);
	/* unbound is NULL */
	if (put->emailid.len > 0)
		(void)state_bind_blob(statement, 7, put->emailid);
	if (put->keywords.at != NULL)
		(void)sqlite3_bind_text64(statement, 8, put->keywords.at,
		    put->keywords.len, SQLITE_STATIC, SQLITE_UTF8);
	return state_run(state, STATE_PUT);
}

static bool
apply_withheld(
    struct state *state, int64_t id, const struct state_withheld *withheld)
{
	int64_t numbers[] = {id, withheld->uid, (int64_t)withheld->size,
	    withheld->tries, withheld->next_try};

	state_bind_numbers(state->statements[STATE_WITHHOLD], 1, numbers, 5);
	return state_run(state, STATE_WITHHOLD);
}

/* Nothing that was said of the mailbox's messages holds. */
static bool
forget_messages(struct state *state, int64_t id)
{
	state_bind_numbers(state->statements[STATE_FORGET], 1, &id, 1);
	state_bind_numbers(state->statements[STATE_FORGET_WITHHELD], 1, &id, 1);
	return state_run(state, STATE_FORGET) &&
	    state_run(state, STATE_FORGET_WITHHELD);
}

/* The change itself, within a transaction. */
static bool
apply_parts(struct state *state, const struct state_change *change)
{
	int64_t id;

	(void)state_bind_blob(
	    state->statements[STATE_ADD_MAILBOX], 1, change->mailbox);
	if (!state_run(state, STATE_ADD_MAILBOX) ||
	    !state_find_folder(state, change->mailbox, &id))
		return false;
	if (change->folder != NULL && !apply_folder(state, id, change->folder))
		return false;
	if (change->forget_messages && !forget_messages(state, id))
		return false;
	if (!apply_retired(state, id, change))
		return false;
	if (!apply_uids(state, STATE_REMOVE, id, change->removed) ||
	    !apply_uids(state, STATE_ADMIT, id, change->admitted))
		return false;
	for (uint32_t i = 0; i < change->put_count; i++)
		if (!apply_put(state, id, &change->put[i]))
			return false;
	for (uint32_t i = 0; i < change->withheld_count; i++)
		if (!apply_withheld(state, id, &change->withheld[i]))
			return false;
	return true;
}

bool
state_apply(struct state *state, const struct state_change *change,
    struct imap_error *error)
{
	return (state_run(state, STATE_BEGIN) && apply_parts(state, change) &&
		   state_run(state, STATE_COMMIT)) ||
	    state_roll_back(state, error);
}
