/*
 * mbsync's state files of any bytes: what is read is written and read as the
 * same; a record is found by its near UID if it is the only one.
 */
#include "daemon/mbsync_state.h"
#include "tests/fuzz/fuzz.h"

enum { TEXT_CAP = 1 << 24 };

static void
check_records(struct mbsync_state *state)
{
	mbsync_state_sort(state);
	for (uint32_t i = 0; i < state->count; i++) {
		const struct mbsync_record *record = &state->records[i];
		bool is_first = i == 0 || record[-1].near != record->near;
		bool is_last =
		    i + 1 == state->count || record[1].near != record->near;

		require(mbsync_state_find(state, record->near) ==
		    (is_first && is_last ? record : NULL));
	}
}

static bool
is_equal(const struct mbsync_record *a, const struct mbsync_record *b)
{
	return a->far == b->far && a->near == b->near && a->flags == b->flags &&
	    a->is_placeholder == b->is_placeholder;
}

static void
check_again(const struct mbsync_state *state)
{
	struct mbsync_state again;
	struct buf text;

	buf_init(&text, TEXT_CAP);
	require(mbsync_state_format(state, &text));
	require(mbsync_state_parse(buf_span(&text), &again, NULL));
	require(again.far_uidvalidity == state->far_uidvalidity);
	require(again.near_uidvalidity == state->near_uidvalidity);
	require(again.max_pulled_uid == state->max_pulled_uid);
	require(again.max_pushed_uid == state->max_pushed_uid);
	require(again.count == state->count);
	for (uint32_t i = 0; i < state->count; i++)
		require(is_equal(&again.records[i], &state->records[i]));
	mbsync_state_free(&again);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span text = {(const char *)data, size};
	struct mbsync_state state;
	struct imap_error error = {0};

	if (mbsync_state_parse(text, &state, &error)) {
		require(error.kind == IMAP_ERROR_NONE);
		check_again(&state);
		check_records(&state);
	} else {
		require(error.kind == IMAP_ERROR_LOCAL);
	}
	mbsync_state_free(&state);
	return 0;
}
