/*
 * Sorted entries, and behind them those that came out of order, which are put
 * in their places when somebody asks. There is room in front, too: a first
 * copy brings the newest messages first.
 */
#include "daemon/index_block.h"

#include <string.h>

#include "daemon/index.h"
#include "libclient/base/mem.h"

void
index_block_free(struct index_block *block)
{
	if (block->entries != NULL)
		mem_free(block->entries - block->front);
	block->entries = NULL;
}

uint32_t
index_block_uid(const struct index_block *block, uint32_t i)
{
	return block->high << 16 | block->entries[i].low;
}

/* ---- sorting ---- */

/* Merges two sorted neighbours; of equals the left one stays in front. */
static void
merge(struct index_packed *entries, uint32_t middle, uint32_t count,
    struct index_packed *scratch)
{
	uint32_t left = 0, right = middle, out = 0;

	memcpy(scratch, entries, middle * sizeof(*entries));
	while (left < middle && right < count) {
		if (entries[right].low < scratch[left].low)
			entries[out++] = entries[right++];
		else
			entries[out++] = scratch[left++];
	}
	memcpy(
	    entries + out, scratch + left, (middle - left) * sizeof(*entries));
}

/* Stable, and next to free where the entries are in order already. scratch
 * holds half of the entries. */
static void
merge_sort(
    struct index_packed *entries, uint32_t count, struct index_packed *scratch)
{
	uint32_t middle = count / 2;

	if (count < 2)
		return;
	merge_sort(entries, middle, scratch);
	merge_sort(entries + middle, count - middle, scratch);
	if (entries[middle].low <= entries[middle - 1].low)
		merge(entries, middle, count, scratch);
}

static void
note_replaced(
    const struct index_block *block, uint16_t low, struct uidset *repeated)
{
	if (repeated != NULL)
		uidset_add(repeated, block->high << 16 | low);
}

/* Of several entries with one UID the last one that was put wins. Returns how
 * many are left. */
static uint32_t
drop_replaced(const struct index_block *block, struct index_packed *entries,
    uint32_t count, struct uidset *repeated)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (i + 1 < count && entries[i + 1].low == entries[i].low) {
			note_replaced(block, entries[i].low, repeated);
			continue;
		}
		entries[kept++] = entries[i];
	}
	return kept;
}

/* The sorted tail is all below what is sorted: it goes in front of it. */
static void
put_in_front(
    struct index_block *block, struct index_packed *tail, uint32_t count)
{
	struct index_packed *front = block->entries - count;

	memcpy(front, tail, count * sizeof(*tail));
	block->entries = front;
	block->front -= count;
}

/* Merges the sorted tail from behind; scratch holds it. What was put last wins
 * here, too. */
static void
merge_tail(struct index_block *block, uint32_t count,
    struct index_packed *scratch, struct uidset *repeated)
{
	struct index_packed *entries = block->entries;
	uint32_t left = block->sorted, right = count, out = left + count;

	memcpy(scratch, entries + left, count * sizeof(*entries));
	while (right > 0) {
		const uint16_t low = scratch[right - 1].low;

		if (left > 0 && entries[left - 1].low > low) {
			entries[--out] = entries[--left];
			continue;
		}
		if (left > 0 && entries[left - 1].low == low) {
			note_replaced(block, low, repeated);
			left--;
		}
		entries[--out] = scratch[--right];
	}
	block->count -= out - left;
	if (out > left)
		memmove(entries + left, entries + out,
		    (block->count - left) * sizeof(*entries));
}

void
index_block_sort(struct index_block *block, struct uidset *repeated)
{
	struct index_packed *tail = block->entries + block->sorted;
	uint32_t count = block->count - block->sorted;
	struct index_packed *scratch;
	bool is_below;

	if (count == 0)
		return;
	scratch = mem_resize(NULL, count / 2 + 1, sizeof(*scratch));
	merge_sort(tail, count, scratch);
	mem_free(scratch);
	count = drop_replaced(block, tail, count, repeated);
	is_below =
	    block->sorted > 0 && tail[count - 1].low < block->entries[0].low;
	if (is_below && block->front >= count) {
		put_in_front(block, tail, count);
		block->count = block->sorted + count;
	} else if (block->sorted == 0) {
		block->count = count;
	} else {
		block->count = block->sorted + count;
		scratch = mem_resize(NULL, count, sizeof(*scratch));
		merge_tail(block, count, scratch, repeated);
		mem_free(scratch);
	}
	block->sorted = block->count;
}

/* ---- room ---- */

/* Moves all entries so that there is room for so many in front of them. */
static void
set_front(struct index_block *block, uint32_t front)
{
	struct index_packed *base = block->entries - block->front;

	memmove(base + front, block->entries,
	    block->count * sizeof(*block->entries));
	block->entries = base + front;
	block->front = front;
}

/* Memory for so many; what is in it stays where it is in it. */
static void
set_size(struct index_block *block, uint32_t size)
{
	struct index_packed *base =
	    block->entries == NULL ? NULL : block->entries - block->front;

	base = mem_resize(base, size, sizeof(*base));
	block->entries = base + block->front;
	block->size = size;
}

/*
 * Grows by a quarter only: an index may be the largest thing in memory. Sorts
 * first, so that UIDs put again and again do not pile up. Where entries come
 * below all others, the new room is in front of them.
 */
static void
make_room(struct index_block *block, struct uidset *repeated)
{
	uint32_t more = block->size / 4 + 16;
	bool falls = block->sorted > 0 && block->count > block->sorted &&
	    block->entries[block->count - 1].low < block->entries[0].low;

	if (block->front + block->count < block->size)
		return;
	index_block_sort(block, repeated);
	if (block->front + block->count < block->size - block->size / 4)
		return;
	if (block->front >= more) {
		set_front(block, falls ? block->front / 2 : 0);
		return;
	}
	set_size(block, block->size + more);
	if (falls)
		set_front(block, block->front + more / 2);
}

void
index_block_trim(struct index_block *block)
{
	if (block->size - block->count <= block->count / 64 + 1)
		return;
	set_front(block, 0);
	set_size(block, block->count + 1);
}

/* ---- what is in it ---- */

uint32_t
index_block_bound(const struct index_block *block, uint16_t low)
{
	uint32_t first = 0, last = block->count;

	while (first < last) {
		uint32_t middle = first + (last - first) / 2;

		if (block->entries[middle].low < low)
			first = middle + 1;
		else
			last = middle;
	}
	return first;
}

uint32_t
index_block_bound_of(const struct index_block *block, uint32_t uid)
{
	if (uid >> 16 != block->high)
		return uid >> 16 < block->high ? 0 : block->count;
	return index_block_bound(block, (uint16_t)uid);
}

/* True if it is above all that is there. */
static bool
is_above(const struct index_block *block, uint16_t low)
{
	return block->count == 0 || low > block->entries[block->count - 1].low;
}

void
index_block_put(struct index_block *block, const struct index_entry *entry,
    struct uidset *repeated)
{
	const struct index_packed packed = {.low = (uint16_t)entry->uid,
	    .size = entry->size,
	    .date = entry->date,
	    .flags = entry->flags};
	bool is_next;

	if (block->count == block->sorted && !is_above(block, packed.low)) {
		uint32_t i = index_block_bound(block, packed.low);

		if (block->entries[i].low == packed.low) {
			if (repeated != NULL)
				uidset_add(repeated, entry->uid);
			block->entries[i] = packed;
			return;
		}
	}
	make_room(block, repeated);
	is_next = block->count == block->sorted && is_above(block, packed.low);
	block->entries[block->count++] = packed;
	if (is_next)
		block->sorted = block->count;
}

void
index_block_remove(
    struct index_block *block, const struct uidset *uids, uint32_t *range)
{
	uint32_t r = *range, kept;

	kept = index_block_bound_of(block, uids->ranges[r].first);
	for (uint32_t i = kept; i < block->count; i++) {
		uint32_t uid = index_block_uid(block, i);

		while (r < uids->count && uids->ranges[r].last < uid)
			r++;
		if (r == uids->count || uid < uids->ranges[r].first)
			block->entries[kept++] = block->entries[i];
	}
	block->count = kept;
	block->sorted = kept;
	*range = r;
}
