/*
 * Messages packed into bytes, as the state database stores them: pure. A chunk
 * is the messages of one mailbox whose UIDs have the same upper 24 bits.
 */
#ifndef DAEMON_STATE_CHUNK_H
#define DAEMON_STATE_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/state_message.h"
#include "libclient/base/buf.h"

#define STATE_CHUNK_MESSAGES 256

/* The longest keywords text of one message. */
#define STATE_CHUNK_KEYWORDS_MAX 65536

/* What state_chunk_pack() never exceeds. */
#define STATE_CHUNK_MAX_BYTES \
	((size_t)STATE_CHUNK_MESSAGES * (STATE_CHUNK_KEYWORDS_MAX + 64))

/* A UID's chunk; its place in it is the low byte. */
static inline uint32_t
state_chunk_number(uint32_t uid)
{
	return uid >> 8;
}

/* Unpacked; what is in it borrows its keywords. EMAILIDs are not part of it. */
struct state_chunk {
	uint64_t has[STATE_CHUNK_MESSAGES / 64]; /* a bit a place */
	struct state_message messages[STATE_CHUNK_MESSAGES];
};

bool state_chunk_has(const struct state_chunk *chunk, uint32_t uid);
/* Replaces the message of its UID, which is one of this chunk's. */
void state_chunk_put(
    struct state_chunk *chunk, const struct state_message *message);
/* Removes all from first to last, UIDs of this chunk; true if there were. */
bool state_chunk_remove(
    struct state_chunk *chunk, uint32_t first, uint32_t last);
bool state_chunk_is_empty(const struct state_chunk *chunk);

/* Replaces what is in *out, whose cap is STATE_CHUNK_MAX_BYTES or more. */
void state_chunk_pack(
    const struct state_chunk *chunk, uint32_t number, struct buf *out);

/* True if these are the bytes that were packed under this number, by their
 * sum. */
bool state_chunk_is_whole(uint32_t number, struct span bytes);

/*
 * Calls found() for each message, in order of UID and without
 * its EMAILID; keywords borrow from the bytes. False: these are not the bytes
 * that were packed under this number; some may have been told of.
 */
bool state_chunk_each(uint32_t number, struct span bytes,
    void (*found)(void *user, const struct state_message *message), void *user);

/* What the first four bytes must say of all that follow them. */
uint32_t state_chunk_sum(uint32_t number, struct span bytes);

/* All at once, in place of what *chunk had; false: damaged. */
bool state_chunk_unpack(
    struct state_chunk *chunk, uint32_t number, struct span bytes);

#endif
