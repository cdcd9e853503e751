/*
 * Messages as rows of chunks (state_chunk.h): what is read and changed of
 * them. A change reads and writes each chunk that it touches but once.
 */
#include <sqlite3.h>
#include <stdlib.h>

#include "daemon/state_chunk.h"
#include "daemon/state_private.h"
#include "libclient/base/mem.h"

/* ---- where they are ---- */

/*
 * The folder's number and, in the lower 24 bits, the chunk's: rows stand in
 * the order of a scan, and their key is none but SQLite's own. Below 0 it is
 * the same, for what is retired. About 3 KB of data are one page; a WITHOUT
 * ROWID table would spill from 1 KB on.
 */
#define NUMBERS (INT64_C(1) << 24)

static int64_t
row_of(int64_t folder, uint32_t number)
{
	return folder * NUMBERS + number;
}

static uint32_t
number_of(int64_t row)
{
	return (uint32_t)(row & (NUMBERS - 1));
}

static void
bind_rows(struct state *state, enum state_query query, int64_t folder,
    uint32_t first, uint32_t last)
{
	int64_t rows[] = {row_of(folder, first), row_of(folder, last)};

	state_bind_numbers(state->statements[query], 1, rows, 2);
}

/* ---- reading ---- */

/* Runs the bound STATE_CHUNKS; found NULL: looks whether they are whole. */
static bool
tell_chunks(struct state *state,
    void (*found)(void *user, const struct state_message *message), void *user)
{
	sqlite3_stmt *statement = state->statements[STATE_CHUNKS];
	int code;

	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		uint32_t number = number_of(sqlite3_column_int64(statement, 0));

		struct span bytes = state_column(statement, 1);

		if (found == NULL
			? !state_chunk_is_whole(number, bytes)
			: !state_chunk_each(number, bytes, found, user)) {
			state->is_damaged = true;
			break;
		}
	}
	return state_finish(statement) && code == SQLITE_DONE;
}

bool
state_pack_each(struct state *state, int64_t folder,
    void (*found)(void *user, const struct state_message *message), void *user)
{
	bind_rows(state, STATE_CHUNKS, folder, 0, NUMBERS - 1);
	return tell_chunks(state, found, user);
}

bool
state_pack_check(struct state *state)
{
	int64_t all[] = {INT64_MIN, INT64_MAX};

	state_bind_numbers(state->statements[STATE_CHUNKS], 1, all, 2);
	return tell_chunks(state, NULL, NULL);
}

/* One message that is looked for. */
struct search {
	uint32_t uid;
	bool has;
	struct state_message message;
};

static void
look_at(void *user, const struct state_message *message)
{
	struct search *search = user;

	if (message->uid != search->uid)
		return;
	search->has = true;
	search->message = *message;
}

bool
state_pack_find(struct state *state, int64_t folder, uint32_t uid,
    struct state_message *message, bool *has)
{
	uint32_t number = state_chunk_number(uid);
	sqlite3_stmt *statement = state->statements[STATE_CHUNK];
	struct search search = {.uid = uid};
	int code;

	bind_rows(state, STATE_CHUNK, folder, number, number);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		state->is_damaged = !state_chunk_each(
		    number, state_column(statement, 0), look_at, &search);
	*has = search.has;
	*message = search.message;
	message->keywords = (struct span){"", 0};
	return state_finish(statement) && !state->is_damaged &&
	    (code == SQLITE_ROW || code == SQLITE_DONE);
}

/* ---- all of a folder ---- */

bool
state_pack_forget(struct state *state, int64_t folder)
{
	bind_rows(state, STATE_REMOVE_CHUNKS, folder, 0, NUMBERS - 1);
	state_bind_numbers(
	    state->statements[STATE_FORGET_EMAILIDS], 1, &folder, 1);
	return state_run(state, STATE_REMOVE_CHUNKS) &&
	    state_run(state, STATE_FORGET_EMAILIDS);
}

bool
state_pack_move(struct state *state, int64_t from, int64_t to)
{
	int64_t by = row_of(to, 0) - row_of(from, 0);

	bind_rows(state, STATE_MOVE_CHUNKS, from, 0, NUMBERS - 1);
	state_bind_numbers(state->statements[STATE_MOVE_CHUNKS], 3, &by, 1);
	state_bind_numbers(state->statements[STATE_MOVE_EMAILIDS], 1,
	    (int64_t[]){from, to}, 2);
	return state_run(state, STATE_MOVE_CHUNKS) &&
	    state_run(state, STATE_MOVE_EMAILIDS);
}

/* ---- changes ---- */

/* What is put, to be sorted. */
struct queued {
	const struct state_message *message;
};

/* A change, walked through in order of chunks. */
struct packing {
	struct state *state;
	int64_t folder;
	const struct uidset_range *ranges; /* to be removed, still */
	const struct uidset_range *ranges_end;
	const struct queued *puts; /* in order of UID, still */
	const struct queued *puts_end;
	struct buf bytes;
	struct state_chunk chunk;
};

static uint32_t
first_uid(uint32_t number)
{
	return number * STATE_CHUNK_MESSAGES;
}

static uint32_t
last_uid(uint32_t number)
{
	return first_uid(number) + STATE_CHUNK_MESSAGES - 1;
}

/* The chunk as it is; its statement must be finished behind the last use. */
static bool
load_chunk(struct packing *packing, uint32_t number)
{
	struct state *state = packing->state;
	sqlite3_stmt *statement = state->statements[STATE_CHUNK];
	int code;

	bind_rows(state, STATE_CHUNK, packing->folder, number, number);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		state->is_damaged = !state_chunk_unpack(
		    &packing->chunk, number, state_column(statement, 0));
		return !state->is_damaged;
	}
	memset(packing->chunk.has, 0, sizeof(packing->chunk.has));
	return code == SQLITE_DONE;
}

/* True if there was one. */
static bool
remove_uids(struct packing *packing, uint32_t number)
{
	uint32_t first = first_uid(number), last = last_uid(number);
	bool had = false;

	for (; packing->ranges < packing->ranges_end; packing->ranges++) {
		const struct uidset_range *range = packing->ranges;

		if (range->first > last)
			break;
		if (state_chunk_remove(&packing->chunk,
			range->first > first ? range->first : first,
			range->last < last ? range->last : last))
			had = true;
		if (range->last > last)
			break;
	}
	return had;
}

/* True if there was one. */
static bool
put_messages(struct packing *packing, uint32_t number)
{
	const struct queued *begin = packing->puts;

	for (; packing->puts < packing->puts_end; packing->puts++) {
		struct state_message message = *packing->puts->message;
		uint32_t place = message.uid - first_uid(number);

		if (place >= STATE_CHUNK_MESSAGES)
			break;
		if (message.keywords.at == NULL &&
		    state_chunk_has(&packing->chunk, message.uid))
			message.keywords =
			    packing->chunk.messages[place].keywords;
		state_chunk_put(&packing->chunk, &message);
	}
	return packing->puts > begin;
}

static bool
change_chunk(struct packing *packing, uint32_t number)
{
	struct state *state = packing->state;
	bool is_ok = load_chunk(packing, number);
	bool is_changed = is_ok && remove_uids(packing, number);

	is_changed = is_ok && (put_messages(packing, number) || is_changed);
	if (is_changed)
		state_chunk_pack(&packing->chunk, number, &packing->bytes);
	if (!state_finish(state->statements[STATE_CHUNK]) || !is_ok)
		return false;
	if (!is_changed)
		return true;
	if (state_chunk_is_empty(&packing->chunk)) {
		bind_rows(state, STATE_REMOVE_CHUNKS, packing->folder, number,
		    number);
		return state_run(state, STATE_REMOVE_CHUNKS);
	}
	bind_rows(state, STATE_PUT_CHUNK, packing->folder, number, number);
	(void)state_bind_blob(
	    state->statements[STATE_PUT_CHUNK], 2, buf_span(&packing->bytes));
	return state_run(state, STATE_PUT_CHUNK);
}

/* The chunks that lie within a range need not be read. */
static bool
remove_whole_chunks(struct packing *packing)
{
	for (const struct uidset_range *range = packing->ranges;
	     range < packing->ranges_end; range++) {
		uint32_t first = state_chunk_number(range->first);
		uint32_t last = state_chunk_number(range->last);

		first += range->first != first_uid(first);
		if (range->last != last_uid(last)) {
			if (last == 0)
				continue;
			last--;
		}
		if (first > last)
			continue;
		bind_rows(packing->state, STATE_REMOVE_CHUNKS, packing->folder,
		    first, last);
		if (!state_run(packing->state, STATE_REMOVE_CHUNKS))
			return false;
	}
	return true;
}

/*
 * The next chunk to change, at least this one; NUMBERS: no more. Of a range
 * that are its ends, as remove_whole_chunks() was before.
 */
static uint32_t
next_chunk(struct packing *packing, uint32_t number)
{
	uint32_t next = NUMBERS, edge;

	while (packing->ranges < packing->ranges_end &&
	    state_chunk_number(packing->ranges->last) < number)
		packing->ranges++;
	if (packing->puts < packing->puts_end)
		next = state_chunk_number(packing->puts->message->uid);
	if (packing->ranges == packing->ranges_end)
		return next;
	edge = state_chunk_number(packing->ranges->first);
	if (edge < number)
		edge = state_chunk_number(packing->ranges->last);
	return edge < next ? edge : next;
}

static int
by_uid(const void *a, const void *b)
{
	const struct state_message *x = ((const struct queued *)a)->message;
	const struct state_message *y = ((const struct queued *)b)->message;

	/* of the same UID, in the order given */
	if (x->uid == y->uid)
		return (x > y) - (x < y);
	return x->uid < y->uid ? -1 : 1;
}

/* The messages in order of UID; to be freed. */
static struct queued *
in_order(const struct state_message *put, uint32_t count)
{
	struct queued *puts = mem_resize(NULL, count + 1, sizeof(*puts));
	bool is_ordered = true;

	for (uint32_t i = 0; i < count; i++) {
		puts[i].message = &put[i];
		if (i > 0 && put[i].uid < put[i - 1].uid)
			is_ordered = false;
	}
	if (!is_ordered)
		qsort(puts, count, sizeof(*puts), by_uid);
	return puts;
}

bool
state_pack_apply(struct state *state, int64_t folder,
    const struct uidset *removed, const struct state_message *put,
    uint32_t count)
{
	struct queued *puts = in_order(put, count);
	struct packing *packing = mem_resize(NULL, 1, sizeof(*packing));
	bool is_ok;

	/* what is not named here is 16 KB that need not be cleared */
	packing->state = state;
	packing->folder = folder;
	packing->ranges = removed == NULL ? NULL : removed->ranges;
	packing->ranges_end =
	    packing->ranges == NULL ? NULL : packing->ranges + removed->count;
	packing->puts = puts;
	packing->puts_end = puts + count;
	buf_init(&packing->bytes, STATE_CHUNK_MAX_BYTES);
	is_ok = remove_whole_chunks(packing);
	for (uint32_t number = 0;
	     is_ok && (number = next_chunk(packing, number)) < NUMBERS;
	     number++)
		is_ok = change_chunk(packing, number);
	buf_free(&packing->bytes);
	mem_free(packing);
	mem_free(puts);
	return is_ok;
}
