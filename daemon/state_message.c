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
	int64_t id;

	return (state_find_folder(state, mailbox, &id) &&
		   state_pack_each(state, id, found, user)) ||
	    state_report(state, "read", error);
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
	bool is_ok = true;
	int code = SQLITE_DONE;

	while (is_ok && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		int64_t folder = sqlite3_column_int64(statement, 3);
		struct state_place place = {
		    .mailbox = state_column(statement, 0),
		    .path = (const char *)sqlite3_column_text(statement, 1),
		    .uidvalidity = (uint32_t)sqlite3_column_int64(statement, 2),
		    .uid = (uint32_t)sqlite3_column_int64(statement, 4),
		};
		struct state_message message;
		bool has = false;

		is_ok =
		    state_pack_find(state, folder, place.uid, &message, &has);
		if (!has)
			continue;
		place.flags = message.flags;
		place.size = message.size;
		place.date = message.date;
		found(user, &place);
	}
	return state_finish(statement) && is_ok && code == SQLITE_DONE
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
#define ASIDE (STATE_FOLDERS_MAX + 1)

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

static void
add_uid(void *user, const struct state_message *message)
{
	struct uidset *uids = user;

	uidset_add(uids, message->uid);
}

/* The number that a question about a folder's EMAILIDs is answered with. */
static bool
ask_number(
    struct state *state, enum state_query query, int64_t id, int64_t *number)
{
	sqlite3_stmt *statement = state->statements[query];

	*number = 0;
	state_bind_numbers(statement, 1, &id, 1);
	if (sqlite3_step(statement) == SQLITE_ROW)
		*number = sqlite3_column_int64(statement, 0);
	return state_finish(statement);
}

bool
state_retired_uids(struct state *state, struct span mailbox,
    struct uidset *uids, struct imap_error *error)
{
	int64_t id;

	return (state_find_folder(state, mailbox, &id) &&
		   state_pack_each(state, -id, add_uid, uids)) ||
	    state_report(state, "read", error);
}

bool
state_has_retired(struct state *state, struct span mailbox, bool *all,
    struct imap_error *error)
{
	struct uidset uids = {0};
	int64_t id, emailids;
	uint64_t messages;
	bool is_read = state_retired_uids(state, mailbox, &uids, error);

	messages = uidset_count(&uids);
	uidset_free(&uids);
	if (!is_read)
		return false;
	if (!state_find_folder(state, mailbox, &id) ||
	    !ask_number(state, STATE_COUNT_EMAILIDS, -id, &emailids))
		return state_report(state, "read", error);
	*all = messages > 0 && messages == (uint64_t)emailids;
	return true;
}

static bool
apply_retired(
    struct state *state, int64_t id, const struct state_change *change)
{
	if (change->forget_retired && !state_pack_forget(state, -id))
		return false;
	if (change->swap_retired &&
	    (!state_pack_move(state, id, id + ASIDE) ||
		!state_pack_move(state, -id, id) ||
		!state_pack_move(state, id + ASIDE, -id)))
		return false;
	return change->retired_count == 0 ||
	    state_pack_apply(
		state, -id, NULL, change->retired, change->retired_count);
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

/* Most servers have none, and then a removal is no statement more. */
static bool
apply_emailids(struct state *state, int64_t id, const struct uidset *removed,
    const struct state_message *put, uint32_t count)
{
	sqlite3_stmt *statement = state->statements[STATE_PUT_EMAILID];
	int64_t has = 0;

	if (removed != NULL && !uidset_is_empty(removed) &&
	    !ask_number(state, STATE_HAS_EMAILIDS, id, &has))
		return false;
	if (has != 0 && !apply_uids(state, STATE_REMOVE_EMAILIDS, id, removed))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (put[i].emailid.len == 0)
			continue;
		state_bind_numbers(
		    statement, 1, (int64_t[]){id, put[i].uid}, 2);
		(void)state_bind_blob(statement, 3, put[i].emailid);
		if (!state_run(state, STATE_PUT_EMAILID))
			return false;
	}
	return true;
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
	state_bind_numbers(state->statements[STATE_FORGET_WITHHELD], 1, &id, 1);
	return state_pack_forget(state, id) &&
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
	if (!state_pack_apply(
		state, id, change->removed, change->put, change->put_count) ||
	    !apply_emailids(
		state, id, change->removed, change->put, change->put_count) ||
	    !apply_uids(state, STATE_ADMIT, id, change->admitted))
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
