/*
 * The memory of a reply: blocks that only grow, and long streamed literals in
 * blocks of their own, filled as they come. All of it is freed at once.
 */
#include "libclient/imaplib_memory.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libclient/base/mem.h"

/* Blocks grow from the first to the last size, their headers included. */
#define FIRST_BLOCK ((size_t)4 << 10)
#define LAST_BLOCK  ((size_t)4 << 20)
#define HUGE_PAGE   ((size_t)2 << 20)

/* Longer literals have blocks of their own, which go from reply to reply
 * without a copy. */
#define SHORT_BODY ((size_t)1 << 20)

/* Announced sizes are believed so far; longer literals grow as they come.
 * glibc has blocks of 32 MiB and more from mmap(), and realloc() moves those
 * without a copy. */
#define BELIEVED ((size_t)33 << 20)

struct imaplib_block {
	struct imaplib_block *older;
	size_t size; /* of it all */
	char bytes[];
};

/* One streamed literal. */
struct imaplib_body {
	struct imaplib_body *next;
	size_t total; /* announced */
	size_t size; /* of bytes */
	size_t len; /* that came */
	uint32_t id;
	bool is_own; /* not in a block of the arena */
	char bytes[];
};

struct imaplib_memory *
imaplib_memory_new(void)
{
	struct imaplib_memory *memory = mem_new(struct imaplib_memory);

	memory->bodies_end = &memory->bodies;
	memory->max_held = IMAPLIB_HELD_MAX;
	memory->max_untagged = IMAPLIB_UNTAGGED_MAX;
	return memory;
}

static void
free_bodies(struct imaplib_body *body)
{
	struct imaplib_body *next;

	for (; body != NULL; body = next) {
		next = body->next;
		if (body->is_own)
			mem_free(body);
	}
}

struct imaplib_memory *
imaplib_memory_free(struct imaplib_memory *memory)
{
	struct imaplib_block *block;
	struct imaplib_block *older;

	if (memory == NULL)
		return NULL;
	free_bodies(memory->bodies);
	free_bodies(memory->arriving);
	for (block = memory->blocks; block != NULL; block = older) {
		older = block->older;
		mem_free(block);
	}
	return mem_free(memory);
}

/* Most of the time of a long reply would be spent on page faults; where huge
 * pages are not to be had, that is what happens. */
static void
want_huge_pages(void *memory, size_t size)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t begin = ((uintptr_t)memory + page - 1) & ~(page - 1);
	uintptr_t end = ((uintptr_t)memory + size) & ~(page - 1);

	if (size >= HUGE_PAGE)
		(void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
}

/* size: of the whole block. */
static void
add_block(struct imaplib_memory *memory, size_t size)
{
	struct imaplib_block *block;

	if (size == LAST_BLOCK) {
		block = aligned_alloc(HUGE_PAGE, size);
		if (block == NULL)
			abort();
		want_huge_pages(block, size);
	} else {
		block = mem_resize(NULL, 1, size);
	}
	block->older = memory->blocks;
	block->size = size;
	memory->blocks = block;
	memory->at = block->bytes;
	memory->room = size - sizeof(*block);
	memory->held += size;
}

/* Blocks double, until they are large. */
static size_t
next_block(const struct imaplib_memory *memory, size_t needed)
{
	size_t size = FIRST_BLOCK;

	if (memory->blocks != NULL)
		size = memory->blocks->size < LAST_BLOCK / 2
		    ? memory->blocks->size * 2
		    : LAST_BLOCK;
	return size < needed ? needed : size;
}

void *
imaplib_memory_more(struct imaplib_memory *memory, size_t size)
{
	size_t needed = size + sizeof(struct imaplib_block);
	size_t block = next_block(memory, needed);

	if (memory->held > memory->max_held ||
	    needed > memory->max_held - memory->held)
		return NULL;
	if (block > memory->max_held - memory->held)
		block = needed;
	add_block(memory, block);
	return imaplib_memory_get(memory, size);
}

struct span
imaplib_memory_keep(struct imaplib_memory *memory, struct span words)
{
	char *copy;

	if (words.len == 0)
		return (struct span){0};
	copy = imaplib_memory_get(memory, words.len);
	if (copy == NULL) {
		add_block(memory, sizeof(struct imaplib_block) + words.len + 7);
		copy = imaplib_memory_get(memory, words.len);
	}
	memcpy(copy, words.at, words.len);
	return (struct span){copy, words.len};
}

static struct imaplib_body *
resize_body(struct imaplib_body *body, size_t size)
{
	body = mem_resize(body, 1, sizeof(*body) + size);
	body->size = size;
	want_huge_pages(body, sizeof(*body) + size);
	return body;
}

/* NULL at the limit. */
static struct imaplib_body *
body_new(struct imaplib_memory *memory, uint32_t id, uint64_t total)
{
	struct imaplib_body *body;
	bool is_own = total > SHORT_BODY;

	if (memory->held > memory->max_held ||
	    total > memory->max_held - memory->held)
		return NULL;
	if (is_own) {
		body = resize_body(NULL, total < BELIEVED ? total : BELIEVED);
		memory->held += total;
	} else {
		body = imaplib_memory_get(memory, sizeof(*body) + total);
		if (body == NULL)
			return NULL;
		body->size = total;
	}
	body->next = NULL;
	body->total = total;
	body->len = 0;
	body->id = id;
	body->is_own = is_own;
	return body;
}

static struct imaplib_body *
make_room(struct imaplib_body *body, size_t len)
{
	size_t size = body->size;

	if (len <= size - body->len)
		return body;
	while (len > size - body->len)
		size = body->total - size < size ? body->total : size * 2;
	return resize_body(body, size);
}

/* Where the pointer to the one that arrives is, or NULL. */
static struct imaplib_body **
find_arriving(struct imaplib_memory *memory, uint32_t id)
{
	struct imaplib_body **link = &memory->arriving;

	while (*link != NULL && (*link)->id != id)
		link = &(*link)->next;
	return link;
}

bool
imaplib_memory_add_body(struct imaplib_memory *memory, uint32_t id,
    struct span piece, uint64_t total, struct imap_error *error)
{
	struct imaplib_body **link = find_arriving(memory, id);

	if (*link == NULL)
		*link = body_new(memory, id, total);
	if (*link == NULL)
		return imap_error_set(error, IMAP_ERROR_LIMIT,
		    "a literal of %" PRIu64 " bytes is too much for one reply",
		    total);
	if (piece.len > (*link)->total - (*link)->len)
		return imap_error_set(error, IMAP_ERROR_PROTOCOL,
		    "a literal is longer than announced");
	*link = make_room(*link, piece.len);
	if (piece.len > 0)
		memcpy((*link)->bytes + (*link)->len, piece.at, piece.len);
	(*link)->len += piece.len;
	return true;
}

/* From now on values point to it. */
static void
settle_body(struct imaplib_memory *memory, struct imaplib_body *body)
{
	body->next = NULL;
	*memory->bodies_end = body;
	memory->bodies_end = &body->next;
}

bool
imaplib_memory_claim(
    struct imaplib_memory *memory, uint32_t id, struct span *body)
{
	struct imaplib_body **link = find_arriving(memory, id);
	struct imaplib_body *found = *link;

	if (found == NULL || found->len != found->total)
		return false;
	*link = found->next;
	if (found->is_own)
		settle_body(memory, found);
	*body = (struct span){found->bytes, found->len};
	return true;
}

void
imaplib_memory_drop_arriving(struct imaplib_memory *memory)
{
	const struct imaplib_body *body;

	for (body = memory->arriving; body != NULL; body = body->next)
		memory->held -= body->is_own ? body->total : 0;
	free_bodies(memory->arriving);
	memory->arriving = NULL;
}

/* The first ones to come are the first ones to go. */
bool
imaplib_memory_move(
    struct imaplib_memory *from, struct imaplib_memory *to, struct span bytes)
{
	struct imaplib_body **link = &from->bodies;
	struct imaplib_body *body;

	if (bytes.len <= SHORT_BODY)
		return false;
	while (*link != NULL && (*link)->bytes != bytes.at)
		link = &(*link)->next;
	body = *link;
	if (body == NULL || to->held > to->max_held ||
	    body->total > to->max_held - to->held)
		return false;
	*link = body->next;
	if (from->bodies_end == &body->next)
		from->bodies_end = link;
	from->held -= body->total;
	to->held += body->total;
	settle_body(to, body);
	return true;
}

void
imaplib_memory_undo_moves(struct imaplib_memory *from,
    struct imaplib_memory *to, struct imaplib_body **mark)
{
	struct imaplib_body *body = *mark;
	struct imaplib_body *next;

	*mark = NULL;
	to->bodies_end = mark;
	for (; body != NULL; body = next) {
		next = body->next;
		to->held -= body->total;
		from->held += body->total;
		settle_body(from, body);
	}
}

void
imaplib_memory_move_arriving(
    struct imaplib_memory *from, struct imaplib_memory *to)
{
	struct imaplib_body **end = &to->arriving;
	struct imaplib_body *body = from->arriving;
	struct imaplib_body *next;

	from->arriving = NULL;
	for (; body != NULL; body = next) {
		next = body->next;
		*end = body;
		if (body->is_own) {
			body->next = NULL;
			from->held -= body->total;
			to->held += body->total;
		} else {
			*end = body_new(to, body->id, body->total);
			assert(*end != NULL);
			memcpy((*end)->bytes, body->bytes, body->len);
			(*end)->len = body->len;
		}
		end = &(*end)->next;
	}
}
