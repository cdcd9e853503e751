/*
 * Memory with the life of one response: allocated in pieces, freed at once.
 */
#ifndef LIBCLIENT_BASE_ARENA_H
#define LIBCLIENT_BASE_ARENA_H

#include <stddef.h>

struct arena;

/* An arena that hands out at most cap bytes between two resets. */
struct arena *arena_new(size_t cap);

/* Takes NULL, returns NULL. */
struct arena *arena_free(struct arena *arena);

/*
 * size zeroed bytes, aligned for any type, valid until the next reset; NULL
 * when the cap would be passed.
 */
void *arena_alloc(struct arena *arena, size_t size);

/* Forgets everything handed out; keeps one block for the next response. */
void arena_reset(struct arena *arena);

#endif
