/*
 * Blocks of entries by the upper 16 bits of their UIDs, so that an entry needs
 * the lower ones alone. A mailbox seldom has more than a few dozen blocks.
 */
#include "daemon/index.h"

#include <string.h>

#include "libclient/base/mem.h"

void
index_free(struct index *index)
{
	for (uint32_t i = 0; i < index->block_count; i++)
		index_block_free(&index->blocks[i]);
	mem_free(index->blocks);
	memset(index, 0, sizeof(*index));
}

/* The first block that has no UIDs below those of uid's. */
static uint32_t
block_bound(const struct index *index, uint32_t uid)
{
	uint32_t first = 0, last = index->block_count;

	/* most are asked for in order */
	if (last > 0 && index->blocks[last - 1].high < uid >> 16)
		return last;
	while (first < last) {
		uint32_t middle = first + (last - first) / 2;

		if (index->blocks[middle].high < uid >> 16)
			first = middle + 1;
		else
			last = middle;
	}
	return first;
}

/* The block of a UID, or NULL. */
static struct index_block *
block_of(const struct index *index, uint32_t uid)
{
	uint32_t i = block_bound(index, uid);

	if (i == index->block_count || index->blocks[i].high != uid >> 16)
		return NULL;
	return &index->blocks[i];
}

/* In order, and without what was replaced. */
static void
sort(struct index *index, struct index_block *block)
{
	uint32_t before = block->count;

	index_block_sort(block, index->repeated);
	index->count -= before - block->count;
}

static void
trim(struct index *index, struct index_block *block)
{
	sort(index, block);
	index_block_trim(block);
}

/* UIDs mostly rise, or fall: the blocks beside a new one have got theirs. */
static struct index_block *
add_block(struct index *index, uint32_t uid)
{
	uint32_t i = block_bound(index, uid);
	struct index_block *block;

	if (index->block_count == index->block_room) {
		index->block_room += index->block_room / 4 + 4;
		index->blocks = mem_resize(
		    index->blocks, index->block_room, sizeof(*index->blocks));
	}
	block = &index->blocks[i];
	if (i > 0)
		trim(index, block - 1);
	if (i < index->block_count)
		trim(index, block);
	memmove(block + 1, block,
	    (index->block_count - i) * sizeof(*index->blocks));
	index->block_count++;
	*block = (struct index_block){.high = uid >> 16};
	return block;
}

void
index_put(struct index *index, const struct index_entry *entry)
{
	struct index_block *block = block_of(index, entry->uid);
	uint32_t before;

	if (block == NULL)
		block = add_block(index, entry->uid);
	before = block->count;
	index_block_put(block, entry, index->repeated);
	index->count += block->count - before;
}

void
index_trim(struct index *index)
{
	for (uint32_t i = 0; i < index->block_count; i++)
		trim(index, &index->blocks[i]);
}

static void
unpack(const struct index_block *block, uint32_t i, struct index_entry *entry)
{
	const struct index_packed *packed = &block->entries[i];

	*entry = (struct index_entry){
	    .uid = index_block_uid(block, i),
	    .size = packed->size,
	    .date = packed->date,
	    .flags = packed->flags,
	};
}

const struct index_entry *
index_find(struct index *index, uint32_t uid)
{
	struct index_block *block = block_of(index, uid);
	uint32_t i;

	if (block == NULL)
		return NULL;
	sort(index, block);
	i = index_block_bound(block, (uint16_t)uid);
	if (i == block->count || index_block_uid(block, i) != uid)
		return NULL;
	unpack(block, i, &index->found);
	return &index->found;
}

bool
index_replace(struct index *index, const struct index_entry *entry)
{
	if (index_find(index, entry->uid) == NULL)
		return false;
	index_block_put(block_of(index, entry->uid), entry, NULL);
	return true;
}

bool
index_next(
    struct index *index, struct index_cursor *cursor, struct index_entry *entry)
{
	while (cursor->block < index->block_count) {
		struct index_block *block = &index->blocks[cursor->block];

		sort(index, block);
		if (cursor->entry < block->count) {
			unpack(block, cursor->entry++, entry);
			return true;
		}
		*cursor = (struct index_cursor){.block = cursor->block + 1};
	}
	return false;
}

void
index_remove(struct index *index, const struct uidset *uids)
{
	uint32_t kept, range = 0;

	if (uidset_is_empty(uids))
		return;
	kept = block_bound(index, uidset_first(uids));
	for (uint32_t i = kept; i < index->block_count; i++) {
		struct index_block *block = &index->blocks[i];
		uint32_t before;

		sort(index, block);
		before = block->count;
		if (range < uids->count)
			index_block_remove(block, uids, &range);
		index->count -= before - block->count;
		if (block->count > 0)
			index->blocks[kept++] = *block;
		else
			index_block_free(block);
	}
	index->block_count = kept;
}

uint32_t
index_last(struct index *index)
{
	for (uint32_t b = index->block_count; b-- > 0;) {
		struct index_block *block = &index->blocks[b];

		sort(index, block);
		if (block->count > 0)
			return index_block_uid(block, block->count - 1);
	}
	return 0;
}

void
index_uids(struct index *index, struct uidset *uids)
{
	struct index_cursor cursor = {0};
	struct index_entry entry;
	uint32_t first = 0, last = 0;

	while (index_next(index, &cursor, &entry)) {
		if (first != 0 && entry.uid - last == 1) {
			last = entry.uid;
			continue;
		}
		if (first != 0)
			uidset_add_range(uids, first, last);
		first = last = entry.uid;
	}
	if (first != 0)
		uidset_add_range(uids, first, last);
}

/* Those of one block and one range. */
static void
intersect(struct index *index, struct index_block *block,
    const struct uidset_range *range, struct uidset *both)
{
	uint32_t i;

	sort(index, block);
	i = index_block_bound_of(block, range->first);
	while (i < block->count && index_block_uid(block, i) <= range->last)
		uidset_add(both, index_block_uid(block, i++));
}

void
index_intersect(
    struct index *index, const struct uidset *uids, struct uidset *both)
{
	for (uint32_t r = 0; r < uids->count; r++) {
		const struct uidset_range *range = &uids->ranges[r];
		uint32_t b = block_bound(index, range->first);

		while (b < index->block_count &&
		    index->blocks[b].high <= range->last >> 16)
			intersect(index, &index->blocks[b++], range, both);
	}
}
