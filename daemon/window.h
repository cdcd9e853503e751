/*
 * Which messages the next FETCH asks for: the newest first, so many that their
 * bytes are a few megabytes, and the large ones when all others are here. Pure.
 */
#ifndef DAEMON_WINDOW_H
#define DAEMON_WINDOW_H

#include <stdint.h>

#include "libclient/wire/uidset.h"

#define WINDOW_MESSAGES 256
#define WINDOW_MANY	2048 /* where no bodies are asked for */
#define WINDOW_BYTES	UINT64_C(4194304)

/* From this size on a message waits until the smaller ones have come. */
#define WINDOW_LARGE UINT64_C(1048576)

/* RFC822.SIZE of messages that are wanted: 8 bytes each, and forgotten with
 * those that were taken. All zero is empty. */
struct window_sizes {
	struct window_size *items; /* sorted by UID, but for the last */
	uint32_t sorted; /* so many of them are */
	uint32_t count;
	uint32_t size;
	uint32_t look_at; /* so many and some, for those taken */
};

/* What the server said, in any order. */
void window_note(struct window_sizes *sizes, uint32_t uid, uint64_t size);

void window_sizes_free(struct window_sizes *sizes);

/*
 * Moves the messages of one FETCH from wanted to *window (emptied first). A
 * message of unknown size counts as a small one. Those that were asked for in
 * vain before are asked for alone, and last: some servers end a reply at the
 * one that they cannot give, and withhold all behind it. line: the most bytes
 * that the set may have when written.
 */
void window_take(struct uidset *wanted, const struct uidset *missing,
    struct window_sizes *sizes, uint32_t line, struct uidset *window);

/* Moves the newest of from to *window: so many that their sizes can be asked
 * for by one command. */
void window_take_many(
    struct uidset *from, uint32_t line, struct uidset *window);

#endif
