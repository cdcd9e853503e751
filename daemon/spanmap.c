/*
 * Open addressing, at most half full; nothing is ever taken out alone.
 */
#include "daemon/spanmap.h"

#include <sys/random.h>

#include "libclient/base/mem.h"

#define SIZE_FIRST 64

static uint64_t
seed(void)
{
	static uint64_t value;

	if (value == 0 &&
	    getrandom(&value, sizeof(value), 0) != (ssize_t)sizeof(value))
		value = UINT64_C(0x9e3779b97f4a7c15);
	return value;
}

/* Multiply and fold, eight bytes at a time would gain nothing on names. */
static uint32_t
hash(struct span key)
{
	uint64_t h = seed();

	for (size_t i = 0; i < key.len; i++) {
		h = (h ^ (uint8_t)key.at[i]) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

/* The key's place, or the free one where it belongs. */
static struct spanmap_place *
find(const struct spanmap *map, struct span key)
{
	uint32_t i = hash(key) & (map->size - 1);

	while (map->places[i].key.at != NULL &&
	    !span_equal(map->places[i].key, key))
		i = (i + 1) & (map->size - 1);
	return &map->places[i];
}

static void
grow(struct spanmap *map)
{
	struct spanmap old = *map;

	map->size = old.size == 0 ? SIZE_FIRST : old.size * 2;
	map->places = mem_alloc(map->size * sizeof(*map->places));
	for (uint32_t i = 0; i < old.size; i++)
		if (old.places[i].key.at != NULL)
			*find(map, old.places[i].key) = old.places[i];
	mem_free(old.places);
}

void
spanmap_put(struct spanmap *map, struct span key, uint32_t value)
{
	struct spanmap_place *place;

	if (map->count >= map->size / 2)
		grow(map);
	place = find(map, key);
	if (place->key.at == NULL)
		map->count++;
	*place = (struct spanmap_place){key, value};
}

uint32_t
spanmap_get(const struct spanmap *map, struct span key)
{
	const struct spanmap_place *place;

	if (map->size == 0)
		return SPANMAP_NONE;
	place = find(map, key);
	return place->key.at == NULL ? SPANMAP_NONE : place->value;
}

void
spanmap_free(struct spanmap *map)
{
	mem_free(map->places);
	*map = (struct spanmap){0};
}
