/*
 * An arena: blocks that only grow, freed together. A response's tokens live
 * in one, so that no parser has to free anything on any of its ways out.
 */
#include "libclient/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "libclient/base/mem.h"

#define ALIGNMENT alignof(max_align_t)

/* Thousands of idle connections keep one block each: the first is small. */
#define FIRST_BLOCK 1024
#define MAX_BLOCK   65536

struct block {
	struct block *older;
	size_t size; /* of bytes */
	size_t used;
	alignas(max_align_t) char bytes[];
};

struct arena {
	struct block *newest;
	size_t cap;
	size_t left; /* of the cap */
};

struct arena *
arena_new(size_t cap)
{
	struct arena *arena = mem_new(struct arena);

	arena->cap = cap;
	arena->left = cap;
	return arena;
}

struct arena *
arena_free(struct arena *arena)
{
	if (arena == NULL)
		return NULL;
	arena_reset(arena);
	mem_free(arena->newest);
	return mem_free(arena);
}

/* Blocks double, so a response of n bytes costs O(log n) of them. */
static void
add_block(struct arena *arena, size_t needed)
{
	struct block *older = arena->newest;
	struct block *block;
	size_t size = FIRST_BLOCK;

	if (older != NULL)
		size =
		    older->size < MAX_BLOCK / 2 ? older->size * 2 : MAX_BLOCK;
	if (size < needed)
		size = needed;
	block = mem_resize(NULL, 1, sizeof(struct block) + size);
	block->older = older;
	block->size = size;
	block->used = 0;
	arena->newest = block;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	size_t padded;
	void *memory;

	/* What is counted is what it costs: many empty objects are not free. */
	if (size == 0)
		size = 1;
	if (size > arena->left || size > SIZE_MAX / 2)
		return NULL;
	padded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (arena->newest == NULL ||
	    arena->newest->size - arena->newest->used < padded)
		add_block(arena, padded);
	memory = arena->newest->bytes + arena->newest->used;
	arena->newest->used += padded;
	arena->left -= padded < arena->left ? padded : arena->left;
	return memset(memory, 0, size);
}

void
arena_reset(struct arena *arena)
{
	struct block *block = arena->newest;
	struct block *older;

	arena->left = arena->cap;
	if (block == NULL)
		return;
	for (; block->older != NULL; block = older) {
		older = block->older;
		mem_free(block);
	}
	arena->newest = block;
	block->used = 0;
	/* One long response must not make a connection big for good. */
	if (block->size > FIRST_BLOCK) {
		mem_free(block);
		arena->newest = NULL;
	}
}
