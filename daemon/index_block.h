/*
 * The entries of an index whose UIDs have the upper 16 bits in common: 14
 * bytes each, for a million of them is held for every large mailbox.
 */
#ifndef DAEMON_INDEX_BLOCK_H
#define DAEMON_INDEX_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/wire/uidset.h"

struct index_entry;

struct index_packed {
	uint16_t low; /* of the UID */
	uint32_t size;
	uint32_t date;
	uint32_t flags;
} __attribute__((packed));

/* All zero but .high is empty. */
struct index_block {
	struct index_packed *entries;
	uint32_t count;
	uint32_t sorted; /* so many of them are in order; the others came later
			  */
	uint32_t front; /* room in front of them */
	uint32_t size; /* ... and all room there is */
	uint32_t high; /* of their UIDs */
};

void index_block_free(struct index_block *block);

/* Adds or replaces. Amortised O(1) for rising UIDs, and for batches that
 * fall. *repeated, if there is one, notes the UIDs of what is replaced. */
void index_block_put(struct index_block *block, const struct index_entry *entry,
    struct uidset *repeated);

/* Puts in their places what came out of order; of one UID's the last stays. */
void index_block_sort(struct index_block *block, struct uidset *repeated);

/* Of a sorted block: gives back the room that is not used. */
void index_block_trim(struct index_block *block);

/* The first that is not below; the block is sorted. */
uint32_t index_block_bound(const struct index_block *block, uint16_t low);

/* The same, for a UID of any block: none or all of this one may be below. */
uint32_t index_block_bound_of(const struct index_block *block, uint32_t uid);

uint32_t index_block_uid(const struct index_block *block, uint32_t i);

/* Of a sorted block: removes the entries of a set, of which the ranges before
 * *range are below. */
void index_block_remove(
    struct index_block *block, const struct uidset *uids, uint32_t *range);

#endif
