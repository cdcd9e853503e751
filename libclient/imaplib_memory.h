/*
 * The memory of one reply: an arena, and the streamed literals beside it.
 * Only imaplib*.c includes it.
 */
#ifndef LIBCLIENT_IMAPLIB_MEMORY_H
#define LIBCLIENT_IMAPLIB_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libclient/base/buf.h"
#include "libclient/base/imap_error.h"

/*
 * The most that one reply holds in bytes (100,000 FETCH lines of flags, date
 * and size are 60 MB; a body is as long as it is) and in untagged responses.
 */
#define IMAPLIB_HELD_MAX     ((size_t)1 << 30)
#define IMAPLIB_UNTAGGED_MAX 1000000

struct imaplib_block;
struct imaplib_body;
struct imaplib_untagged;

struct imaplib_memory {
	char *at; /* the free part of the newest block */
	size_t room; /* ... and its length */
	struct imaplib_block *blocks;
	size_t held; /* bytes of blocks and bodies */
	size_t max_held;
	struct imaplib_body *bodies; /* long ones, that values point to */
	struct imaplib_body **bodies_end;
	struct imaplib_body *arriving; /* no response has named them yet */
	uint32_t max_untagged;
	/* of the reply's list: */
	struct imaplib_untagged *last;
	size_t kept; /* held, when taken responses were last cleared away */
};

struct imaplib_memory *imaplib_memory_new(void);
struct imaplib_memory *imaplib_memory_free(struct imaplib_memory *memory);

/* size bytes, not zeroed, aligned for pointers; NULL at the limit. */
void *imaplib_memory_more(struct imaplib_memory *memory, size_t size);

static inline void *
imaplib_memory_get(struct imaplib_memory *memory, size_t size)
{
	void *bytes = memory->at;

	size = (size + 7) & ~(size_t)7;
	if (size > memory->room)
		return imaplib_memory_more(memory, size);
	memory->at += size;
	memory->room -= size;
	return bytes;
}

/* A copy of the few words that a reply ends with: no limit is asked. */
struct span imaplib_memory_keep(
    struct imaplib_memory *memory, struct span words);

/* As imaplib_reply_add_body(). */
bool imaplib_memory_add_body(struct imaplib_memory *memory, uint32_t id,
    struct span piece, uint64_t total, struct imap_error *error);

/*
 * The bytes of a literal that came whole; false if it did not. They live as
 * long as the memory; those never claimed until imaplib_memory_drop_arriving().
 */
bool imaplib_memory_claim(
    struct imaplib_memory *memory, uint32_t id, struct span *body);
void imaplib_memory_drop_arriving(struct imaplib_memory *memory);

/*
 * Gives the bytes, if they are a body of more than 1 MiB and *to may hold it,
 * to another memory; they stay where they are. All moves since *to's
 * bodies_end was the mark can be undone.
 */
bool imaplib_memory_move(
    struct imaplib_memory *from, struct imaplib_memory *to, struct span bytes);
void imaplib_memory_undo_moves(struct imaplib_memory *from,
    struct imaplib_memory *to, struct imaplib_body **mark);

/* The same with those that arrive, to a memory without a limit. */
void imaplib_memory_move_arriving(
    struct imaplib_memory *from, struct imaplib_memory *to);

#endif
