/*
 * Bytes of the state database's messages, with their sum put right or not:
 * what can be read of them is one and the same both ways, and packs again.
 */
#include "daemon/state_chunk.h"
#include "tests/fuzz/fuzz.h"

enum { KEEPS_SUM = 1, SUM_SIZE = 4 };

struct told {
	const struct state_chunk *chunk;
	uint32_t count;
	uint32_t last;
};

static bool
is_same(const struct state_message *one, const struct state_message *other)
{
	return one->uid == other->uid && one->flags == other->flags &&
	    one->size == other->size && one->date == other->date &&
	    one->modseq == other->modseq &&
	    span_equal(one->keywords, other->keywords);
}

static void
message_found(void *user, const struct state_message *message)
{
	struct told *told = user;

	require(told->count == 0 || message->uid > told->last);
	require(message->keywords.len <= STATE_CHUNK_KEYWORDS_MAX);
	require(state_chunk_has(told->chunk, message->uid));
	require(
	    is_same(&told->chunk->messages[message->uid % STATE_CHUNK_MESSAGES],
		message));
	told->last = message->uid;
	told->count++;
}

static void
ignore(void *user, const struct state_message *message)
{
	(void)user;
	(void)message;
}

static uint32_t
count_of(const struct state_chunk *chunk)
{
	uint32_t count = 0;

	for (size_t i = 0; i < STATE_CHUNK_MESSAGES / 64; i++)
		count += (uint32_t)__builtin_popcountll(chunk->has[i]);
	return count;
}

static void
check(const struct state_chunk *chunk, uint32_t number, struct span bytes)
{
	struct told told = {chunk, 0, 0};
	struct state_chunk again;
	struct buf packed;

	require(state_chunk_each(number, bytes, message_found, &told));
	require(told.count == count_of(chunk));
	buf_init(&packed, STATE_CHUNK_MAX_BYTES);
	state_chunk_pack(chunk, number, &packed);
	require(state_chunk_unpack(&again, number, buf_span(&packed)));
	require(count_of(&again) == told.count);
	told = (struct told){&again, 0, 0};
	require(state_chunk_each(number, bytes, message_found, &told));
	buf_free(&packed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = {(const char *)data, size};
	const unsigned choice = take_byte(&input);
	const uint32_t number = take_byte(&input) << 16 | take_byte(&input);
	struct state_chunk chunk;
	char *bytes = mem_resize(NULL, input.len + 1, 1);
	uint32_t sum;

	if (input.len > 0)
		memcpy(bytes, input.at, input.len);
	input.at = bytes;
	if ((choice & KEEPS_SUM) == 0 && input.len >= SUM_SIZE) {
		sum = state_chunk_sum(number, span_from(input, SUM_SIZE));
		for (unsigned i = 0; i < SUM_SIZE; i++)
			bytes[i] = (char)(sum >> 8 * i);
	}
	if (state_chunk_unpack(&chunk, number, input))
		check(&chunk, number, input);
	else
		require(!state_chunk_each(number, input, ignore, NULL));
	mem_free(bytes);
	return 0;
}
