/*
 * From bytes to a number, for names by the ten thousand. Keys are borrowed;
 * the hash is seeded, so a server cannot choose names that collide.
 */
#ifndef DAEMON_SPANMAP_H
#define DAEMON_SPANMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"

#define SPANMAP_NONE UINT32_MAX

struct spanmap_place {
	struct span key; /* at NULL: free */
	uint32_t value;
};

/* Starts all zero: empty. */
struct spanmap {
	struct spanmap_place *places;
	uint32_t size; /* a power of two, or 0 */
	uint32_t count;
};

/* Replaces what the key had. The key has to live as long as the map has it,
 * and may not be NULL; the value may not be SPANMAP_NONE. */
void spanmap_put(struct spanmap *map, struct span key, uint32_t value);

/* SPANMAP_NONE: the map does not have the key. */
uint32_t spanmap_get(const struct spanmap *map, struct span key);

/* Forgets all, and frees what it held. */
void spanmap_free(struct spanmap *map);

#endif
