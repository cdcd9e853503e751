/*
 * The memory of a reply: blocks that only grow, and each streamed literal in
 * a block of its own, filled as it comes. All of it is freed at once.
 */
#include "libclient/imaplib_values.h"

#include <inttypes.h>
#include <stdalign.h>
#include <string.h>

#include "libclient/base/mem.h"

#define FIRST_BLOCK ((size_t)4 << 10)
#define MAX_BLOCK   ((size_t)4 << 20)

/* Announced sizes are believed so far; longer bodies grow as they come. glibc
 * has blocks of 32 MiB and more from mmap(), and realloc() moves those without
 * a copy. */
#define BELIEVED ((size_t)33 << 20)

struct imaplib_block {
	struct imaplib_block *older;
	alignas(8) char bytes[];
};

/* One streamed literal. */
struct imaplib_body {
	struct imaplib_body *next;
	size_t total; /* announced */
	size_t size; /* of bytes */
	size_t len; /* that came */
	uint32_t id;
	char bytes[];
};

struct imaplib_memory *
imaplib_memory_new(void)
{
	struct imaplib_memory *memory = mem_new(struct imaplib_memory);

	memory->bodies_end = &memory->bodies;
	memory->max_held = IMAPLIB_VALUES_MAX;
	memory->bodies_left = IMAPLIB_BODIES_MAX;
	memory->max_untagged = IMAPLIB_UNTAGGED_MAX;
	return memory;
}

static void
free_bodies(struct imaplib_body *body)
{
	struct imaplib_body *next;

	for (; body != NULL; body = next) {
		next = body->next;
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
	for (block = memory->blocks; block != NULL; block = older) {
		older = block->older;
		mem_free(block);
	}
	free_bodies(memory->bodies);
	free_bodies(memory->arriving);
	return mem_free(memory);
}

static void
add_block(struct imaplib_memory *memory, size_t size)
{
	struct imaplib_block *block =
	    mem_resize(NULL, 1, sizeof(*block) + size);

	block->older = memory->blocks;
	memory->blocks = block;
	memory->at = block->bytes;
	memory->room = size;
	memory->held += size;
}

/* Blocks grow with what is held already. */
static size_t
next_block(const struct imaplib_memory *memory, size_t needed)
{
	size_t size = memory->held;

	if (size < FIRST_BLOCK)
		size = FIRST_BLOCK;
	if (size > MAX_BLOCK)
		size = MAX_BLOCK;
	return size < needed ? needed : size;
}

void *
imaplib_memory_more(struct imaplib_memory *memory, size_t size)
{
	size_t left = memory->max_held - memory->held;
	size_t block = next_block(memory, size);

	if (memory->held > memory->max_held || size > left)
		return NULL;
	add_block(memory, block > left ? size : block);
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
		add_block(memory, (words.len + 7) & ~(size_t)7);
		copy = imaplib_memory_get(memory, words.len);
	}
	memcpy(copy, words.at, words.len);
	return (struct span){copy, words.len};
}

/* ---- streamed literals ---- */

static struct imaplib_body *
body_new(uint32_t id, size_t total)
{
	size_t size = total < BELIEVED ? total : BELIEVED;
	struct imaplib_body *body = mem_resize(NULL, 1, sizeof(*body) + size);

	*body = (struct imaplib_body){.id = id, .total = total, .size = size};
	return body;
}

/* Where the pointer to the one that arrives last is. */
static struct imaplib_body **
last_arriving(struct imaplib_memory *memory)
{
	struct imaplib_body **link = &memory->arriving;

	while (*link != NULL && (*link)->next != NULL)
		link = &(*link)->next;
	return link;
}

static struct imaplib_body *
make_room(struct imaplib_body *body, size_t len)
{
	size_t size = body->size;

	if (len <= size - body->len)
		return body;
	while (len > size - body->len)
		size = body->total - size < size ? body->total : size * 2;
	body = mem_resize(body, 1, sizeof(*body) + size);
	body->size = size;
	return body;
}

bool
imaplib_memory_add_body(struct imaplib_memory *memory, uint32_t id,
    struct span piece, uint64_t total, struct imap_error *error)
{
	struct imaplib_body **link = last_arriving(memory);

	if (*link == NULL || (*link)->id != id) {
		if (total > memory->bodies_left)
			return imap_error_set(error, IMAP_ERROR_LIMIT,
			    "a literal of %" PRIu64 " bytes is too much for "
			    "one reply",
			    total);
		memory->bodies_left -= (size_t)total;
		link = *link == NULL ? link : &(*link)->next;
		*link = body_new(id, (size_t)total);
	}
	if (piece.len > (*link)->total - (*link)->len)
		return imap_error_set(error, IMAP_ERROR_PROTOCOL,
		    "a literal is longer than announced");
	*link = make_room(*link, piece.len);
	if (piece.len > 0)
		memcpy((*link)->bytes + (*link)->len, piece.at, piece.len);
	(*link)->len += piece.len;
	return true;
}

/* From now on it is one that values point to. */
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
	struct imaplib_body **link = &memory->arriving;
	struct imaplib_body *found;

	while (*link != NULL && (*link)->id != id)
		link = &(*link)->next;
	found = *link;
	if (found == NULL || found->len != found->total)
		return false;
	*link = found->next;
	settle_body(memory, found);
	*body = (struct span){found->bytes, found->len};
	return true;
}

void
imaplib_memory_drop_arriving(struct imaplib_memory *memory)
{
	const struct imaplib_body *body;

	for (body = memory->arriving; body != NULL; body = body->next)
		memory->bodies_left += body->total;
	free_bodies(memory->arriving);
	memory->arriving = NULL;
}

bool
imaplib_memory_move(struct imaplib_memory *from, struct imaplib_memory *to,
    struct span bytes)
{
	struct imaplib_body **link = &from->bodies;
	struct imaplib_body *body;

	while (*link != NULL && (*link)->bytes != bytes.at)
		link = &(*link)->next;
	body = *link;
	if (body == NULL || body->len != bytes.len ||
	    to->bodies_left < body->total)
		return false;
	*link = body->next;
	if (from->bodies_end == &body->next)
		from->bodies_end = link;
	from->bodies_left += body->total;
	to->bodies_left -= body->total;
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
		to->bodies_left += body->total;
		from->bodies_left -= body->total;
		settle_body(from, body);
	}
}
