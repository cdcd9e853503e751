/*
 * Messages packed into bytes, so that reading them takes no branch a byte: a
 * start reads them all. All numbers are little-endian.
 *
 *   check sum (4), the lowest known MODSEQ (8)
 *   a message, in order of UID:
 *     head (2): which of the following are there, and how long
 *     UIDs left out before it (1), flags, size, date (against the one
 *     before), MODSEQ (0: unknown, else 1 more than it is above the lowest)
 *     with keywords: their length (4), and they
 *   zeroes (8), so that each number can be read as one of 8 bytes
 *
 * Most messages take ten bytes.
 */
#include "daemon/state_chunk.h"

#include <assert.h>
#include <endian.h>

#define SUM_SIZE   4
#define BEGIN_SIZE (SUM_SIZE + 8)
#define END_SIZE   8

/* The head's bits; a number's three are an index of lengths[]. */
#define HAS_KEYWORDS 0x1U
#define HAS_SKIPPED  0x2U
#define FLAGS_SHIFT  2
#define SIZE_SHIFT   5
#define DATE_SHIFT   8
#define MODSEQ_SHIFT 11
#define HEAD_END     (1U << 14)

/* A head, five numbers and the keywords' length. */
#define MESSAGE_MAX (2 + 1 + 4 * 8 + 4)

static const uint8_t lengths[8] = {0, 1, 2, 3, 4, 5, 6, 8};
static const uint64_t masks[8] = {0, 0xff, 0xffff, 0xffffff, 0xffffffff,
    0xffffffffff, 0xffffffffffff, UINT64_MAX};

/* ---- numbers ---- */

/* Small differences of either sign are small; they may wrap around. */
static uint64_t
zigzag(uint64_t difference)
{
	return difference << 1 ^ (0 - (difference >> 63));
}

static uint64_t
from_zigzag(uint64_t number)
{
	return number >> 1 ^ (0 - (number & 1));
}

static uint64_t
get_fixed(const uint8_t *at, size_t size)
{
	uint64_t number = 0;

	memcpy(&number, at, size);
	return le64toh(number);
}

static uint8_t *
put_fixed(uint8_t *at, uint64_t number, size_t size)
{
	number = htole64(number);
	memcpy(at, &number, size);
	return at + size;
}

/* What a field of the head says of a number's length. */
static uint32_t
field(uint32_t head, unsigned shift)
{
	return head >> shift & 7;
}

/* A number behind *at, where there are 8 bytes at least. */
static uint64_t
get_number(const uint8_t **at, uint32_t head, unsigned shift)
{
	uint32_t length = field(head, shift);
	uint64_t number = get_fixed(*at, sizeof(number)) & masks[length];

	*at += lengths[length];
	return number;
}

/* Writes 8 bytes, of which the last ones do not count. */
static uint8_t *
put_number(uint8_t *at, uint32_t *head, unsigned shift, uint64_t number)
{
	uint32_t bits =
	    number == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(number);
	uint32_t length = bits > 48 ? 7 : (bits + 7) / 8;

	*head |= length << shift;
	(void)put_fixed(at, number, sizeof(number));
	return at + lengths[length];
}

static uint64_t
add_to_sum(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return sum ^ sum >> 32;
}

/*
 * Tells damage by accident, eight bytes a step: a CRC would cost more than all
 * else of reading. The chunk's number is part of it.
 */
uint32_t
state_chunk_sum(uint32_t number, struct span bytes)
{
	const uint8_t *at = (const uint8_t *)bytes.at;
	uint64_t sum = ((uint64_t)number << 32 | bytes.len) + 1;
	size_t len = bytes.len;

	for (; len >= 8; at += 8, len -= 8)
		sum = add_to_sum(sum, get_fixed(at, 8));
	sum = add_to_sum(sum, get_fixed(at, len));
	return (uint32_t)(sum ^ sum >> 29);
}

/* ---- unpacked ---- */

static uint32_t
place_of(uint32_t uid)
{
	return uid % STATE_CHUNK_MESSAGES;
}

bool
state_chunk_has(const struct state_chunk *chunk, uint32_t uid)
{
	uint32_t place = place_of(uid);

	return (chunk->has[place / 64] >> place % 64 & 1) != 0;
}

void
state_chunk_put(struct state_chunk *chunk, const struct state_message *message)
{
	uint32_t place = place_of(message->uid);

	chunk->has[place / 64] |= UINT64_C(1) << place % 64;
	chunk->messages[place] = *message;
}

bool
state_chunk_remove(struct state_chunk *chunk, uint32_t first, uint32_t last)
{
	bool had = false;

	for (uint32_t i = place_of(first); i <= place_of(last); i++) {
		uint64_t bit = UINT64_C(1) << i % 64;

		had = had || (chunk->has[i / 64] & bit) != 0;
		chunk->has[i / 64] &= ~bit;
	}
	return had;
}

bool
state_chunk_is_empty(const struct state_chunk *chunk)
{
	return (chunk->has[0] | chunk->has[1] | chunk->has[2] |
		   chunk->has[3]) == 0;
}

/* ---- packing ---- */

/* The lowest known MODSEQ, or 0, and the most bytes that all can take. */
static uint64_t
survey(const struct state_chunk *chunk, size_t *size)
{
	uint64_t lowest = 0;

	*size = BEGIN_SIZE + END_SIZE;
	for (uint32_t i = 0; i < STATE_CHUNK_MESSAGES; i += 64) {
		for (uint64_t has = chunk->has[i / 64]; has != 0;
		     has &= has - 1) {
			const struct state_message *message =
			    &chunk
				 ->messages[i + (uint32_t)__builtin_ctzll(has)];

			/* a MODSEQ of 0 wraps around, and is not the lowest */
			if (message->modseq - 1 < lowest - 1)
				lowest = message->modseq;
			assert(
			    message->keywords.len <= STATE_CHUNK_KEYWORDS_MAX);
			*size += MESSAGE_MAX + message->keywords.len;
		}
	}
	return lowest;
}

static uint8_t *
pack_message(uint8_t *begin, const struct state_message *message,
    uint32_t skipped, uint64_t date, uint64_t modseq)
{
	uint32_t head = 0;
	uint8_t *at = begin + 2;

	if (skipped > 0) {
		head |= HAS_SKIPPED;
		*at++ = (uint8_t)skipped;
	}
	at = put_number(at, &head, FLAGS_SHIFT, message->flags);
	at = put_number(at, &head, SIZE_SHIFT, message->size);
	at = put_number(
	    at, &head, DATE_SHIFT, zigzag((uint64_t)message->date - date));
	at = put_number(at, &head, MODSEQ_SHIFT,
	    message->modseq == 0 ? 0 : message->modseq - modseq + 1);
	if (message->keywords.len > 0) {
		head |= HAS_KEYWORDS;
		at = put_fixed(at, message->keywords.len, 4);
		memcpy(at, message->keywords.at, message->keywords.len);
		at += message->keywords.len;
	}
	(void)put_fixed(begin, head, 2);
	return at;
}

static uint8_t *
pack_messages(uint8_t *at, const struct state_chunk *chunk, uint64_t modseq)
{
	uint64_t date = 0;
	uint32_t next = 0;

	for (uint32_t i = 0; i < STATE_CHUNK_MESSAGES; i += 64) {
		for (uint64_t has = chunk->has[i / 64]; has != 0;
		     has &= has - 1) {
			uint32_t place = i + (uint32_t)__builtin_ctzll(has);
			const struct state_message *message =
			    &chunk->messages[place];

			at = pack_message(
			    at, message, place - next, date, modseq);
			date = (uint64_t)message->date;
			next = place + 1;
		}
	}
	return at;
}

void
state_chunk_pack(
    const struct state_chunk *chunk, uint32_t number, struct buf *out)
{
	size_t size;
	uint64_t modseq = survey(chunk, &size);
	uint8_t *begin, *at;

	buf_clear(out);
	begin = (uint8_t *)buf_reserve(out, size);
	assert(begin != NULL);
	at = put_fixed(begin + SUM_SIZE, modseq, 8);
	at = pack_messages(at, chunk, modseq);
	at = put_fixed(at, 0, END_SIZE);
	buf_grow(out, (size_t)(at - begin));
	(void)put_fixed(begin,
	    state_chunk_sum(number, span_from(buf_span(out), SUM_SIZE)),
	    SUM_SIZE);
}

/* ---- reading ---- */

/* Where it is, what is left and what the next message builds upon. */
struct reader {
	const uint8_t *at;
	const uint8_t *end; /* of the messages; END_SIZE follow */
	uint64_t modseq;
	uint64_t date;
	uint32_t first; /* UID */
	uint32_t place;
};

static inline bool
get_keywords(struct reader *reader, struct span *keywords)
{
	size_t left = (size_t)(reader->end - reader->at);
	size_t len;

	if (left < 4)
		return false;
	len = (size_t)get_fixed(reader->at, 4);
	if (len == 0 || len > STATE_CHUNK_KEYWORDS_MAX || len > left - 4)
		return false;
	*keywords = (struct span){(const char *)reader->at + 4, len};
	reader->at += 4 + len;
	return true;
}

/* Whether the next message ends where it should, before it is read. */
static bool
is_whole(const struct reader *reader)
{
	size_t left = (size_t)(reader->end - reader->at);
	uint32_t head;

	if (left < 2)
		return false;
	head = (uint32_t)get_fixed(reader->at, 2);
	return left - 2 >= (size_t)((head & HAS_SKIPPED) != 0) +
	    lengths[field(head, FLAGS_SHIFT)] +
	    lengths[field(head, SIZE_SHIFT)] +
	    lengths[field(head, DATE_SHIFT)] +
	    lengths[field(head, MODSEQ_SHIFT)];
}

static inline bool
get_message(struct reader *reader, struct state_message *message)
{
	const uint8_t *at = reader->at + 2;
	uint64_t flags, modseq;
	uint32_t head;

	if (reader->end - reader->at < MESSAGE_MAX && !is_whole(reader))
		return false;
	head = (uint32_t)get_fixed(reader->at, 2);
	if (head >= HEAD_END)
		return false;
	if ((head & HAS_SKIPPED) != 0)
		reader->place += *at++;
	flags = get_number(&at, head, FLAGS_SHIFT);
	message->size = get_number(&at, head, SIZE_SHIFT);
	reader->date += from_zigzag(get_number(&at, head, DATE_SHIFT));
	modseq = get_number(&at, head, MODSEQ_SHIFT);
	if (modseq != 0 &&
	    __builtin_add_overflow(reader->modseq, modseq - 1, &modseq))
		return false;
	if (reader->place >= STATE_CHUNK_MESSAGES || flags > UINT32_MAX)
		return false;
	message->uid = reader->first + reader->place++;
	message->flags = (uint32_t)flags;
	message->date = (int64_t)reader->date;
	message->modseq = modseq;
	message->keywords = (struct span){"", 0};
	reader->at = at;
	return (head & HAS_KEYWORDS) == 0 ||
	    get_keywords(reader, &message->keywords);
}

bool
state_chunk_is_whole(uint32_t number, struct span bytes)
{
	return bytes.len >= BEGIN_SIZE + END_SIZE &&
	    get_fixed((const uint8_t *)bytes.at, SUM_SIZE) ==
	    state_chunk_sum(number, span_from(bytes, SUM_SIZE));
}

static bool
begin(struct reader *reader, uint32_t number, struct span bytes)
{
	const uint8_t *at = (const uint8_t *)bytes.at;

	if (!state_chunk_is_whole(number, bytes))
		return false;
	*reader = (struct reader){
	    .at = at + BEGIN_SIZE,
	    .end = at + bytes.len - END_SIZE,
	    .modseq = get_fixed(at + SUM_SIZE, 8),
	    .first = number * STATE_CHUNK_MESSAGES,
	};
	return true;
}

bool
state_chunk_each(uint32_t number, struct span bytes,
    void (*found)(void *user, const struct state_message *message), void *user)
{
	struct state_message message = {.emailid = {"", 0}};
	struct reader reader;

	if (!begin(&reader, number, bytes))
		return false;
	while (reader.at < reader.end) {
		if (!get_message(&reader, &message))
			return false;
		found(user, &message);
	}
	return true;
}

bool
state_chunk_unpack(
    struct state_chunk *chunk, uint32_t number, struct span bytes)
{
	struct state_message message = {.emailid = {"", 0}};
	struct reader reader;

	memset(chunk->has, 0, sizeof(chunk->has));
	if (!begin(&reader, number, bytes))
		return false;
	while (reader.at < reader.end) {
		if (!get_message(&reader, &message))
			return false;
		state_chunk_put(chunk, &message);
	}
	return true;
}
