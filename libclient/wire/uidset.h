/*
 * Sets of UIDs as sorted, disjoint, non-adjacent ranges. What the server has,
 * what the disk has and their differences are all uidsets; every operation
 * costs O(ranges), never O(messages). (RFC 9051 section 9, sequence-set.)
 */
#ifndef LIBCLIENT_WIRE_UIDSET_H
#define LIBCLIENT_WIRE_UIDSET_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"

/* What a peer may make us sort and keep: 8 MiB. */
#define UIDSET_MAX_PARSED (1U << 20)

struct uidset_range {
	uint32_t first; /* at least 1 */
	uint32_t last; /* at least first */
};

/* All zero is the empty set. Owns ranges; free with uidset_free(). */
struct uidset {
	struct uidset_range *ranges;
	uint32_t count;
	uint32_t size;
};

/* Empties the set and frees its memory; it may be used again. */
void uidset_free(struct uidset *set);

/* Empties the set and keeps its memory. */
void uidset_clear(struct uidset *set);

/* Adds one UID, or all from first to last in either order; 0 is ignored. */
void uidset_add(struct uidset *set, uint32_t uid);
void uidset_add_range(struct uidset *set, uint32_t first, uint32_t last);

/* Adds all of other to set. */
void uidset_union(struct uidset *set, const struct uidset *other);

/* Removes one UID, or all of other, from set. */
void uidset_remove(struct uidset *set, uint32_t uid);
void uidset_minus(struct uidset *set, const struct uidset *other);

/* Keeps only what is in other too. */
void uidset_intersect(struct uidset *set, const struct uidset *other);

bool uidset_contains(const struct uidset *set, uint32_t uid);
bool uidset_is_empty(const struct uidset *set);
bool uidset_equal(const struct uidset *a, const struct uidset *b);

/* The number of UIDs (not ranges); the lowest and the highest, or 0. */
uint64_t uidset_count(const struct uidset *set);
uint32_t uidset_first(const struct uidset *set);
uint32_t uidset_last(const struct uidset *set);

/* Replaces *copy (initialised) by a copy of set. */
void uidset_copy(struct uidset *copy, const struct uidset *set);

/* Moves all UIDs of *from (emptied) into *to (freed first). */
void uidset_give(struct uidset *to, struct uidset *from);

/*
 * Moves the n highest UIDs of set (fewer if it has fewer) into *taken, which
 * keeps what it had.
 */
void uidset_take_last(struct uidset *set, uint64_t n, struct uidset *taken);

/*
 * Adds the set written in text ("1:5,9", any order, overlaps allowed). False,
 * and set untouched, for an empty text, 0, '*', a number over 2^32-1, any
 * other character, or more than UIDSET_MAX_PARSED ranges.
 */
bool uidset_parse(struct uidset *set, struct span text);

/*
 * The same for the UIDs of a SEARCH response, "9 2 84": spaces instead of
 * commas, also several and at either end; none at all is an empty set.
 * Unlike a loop with uidset_add(), this is fast in any order.
 */
bool uidset_parse_search(struct uidset *set, struct span text);

/*
 * Writes as many ranges as fit into max_bytes, in ascending order, to out
 * (appended). Returns how many ranges were written; begin is the index of the
 * first to write. So a long set becomes several commands.
 */
uint32_t uidset_format(const struct uidset *set, uint32_t begin,
    size_t max_bytes, struct buf *out);

#endif
