/*
 * What the disk has of a folder. Entries that come out of order (a directory
 * is read in no order) are appended and sorted when somebody asks.
 */
#include "daemon/index.h"

#include <string.h>

#include "libclient/base/mem.h"

void
index_free(struct index *index)
{
	mem_free(index->entries);
	memset(index, 0, sizeof(*index));
}

/* Merges two sorted neighbours; of equals the left one stays in front. */
static void
merge(struct index_entry *entries, uint32_t middle, uint32_t count,
    struct index_entry *scratch)
{
	uint32_t left = 0, right = middle, out = 0;

	memcpy(scratch, entries, middle * sizeof(*entries));
	while (left < middle && right < count) {
		if (entries[right].uid < scratch[left].uid)
			entries[out++] = entries[right++];
		else
			entries[out++] = scratch[left++];
	}
	memcpy(
	    entries + out, scratch + left, (middle - left) * sizeof(*entries));
}

/*
 * Stable, and next to free where the entries are in order already. scratch
 * holds half of the entries: with millions of them memory counts.
 */
static void
merge_sort(
    struct index_entry *entries, uint32_t count, struct index_entry *scratch)
{
	uint32_t middle = count / 2;

	if (count < 2)
		return;
	merge_sort(entries, middle, scratch);
	merge_sort(entries + middle, count - middle, scratch);
	if (entries[middle].uid <= entries[middle - 1].uid)
		merge(entries, middle, count, scratch);
}

/* Of several entries with one UID the last one that was put wins. */
static void
drop_replaced(struct index *index)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < index->count; i++) {
		if (i + 1 < index->count &&
		    index->entries[i + 1].uid == index->entries[i].uid)
			continue;
		index->entries[kept++] = index->entries[i];
	}
	index->count = kept;
}

static void
sort(struct index *index)
{
	struct index_entry *scratch;

	if (!index->is_unsorted)
		return;
	scratch = mem_resize(NULL, index->count / 2 + 1, sizeof(*scratch));
	merge_sort(index->entries, index->count, scratch);
	mem_free(scratch);
	drop_replaced(index);
	index->is_unsorted = false;
}

/* The first entry whose UID is not below uid; the index is sorted. */
static uint32_t
lower_bound(const struct index *index, uint32_t uid)
{
	uint32_t low = 0, high = index->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (index->entries[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Grows by a quarter only: an index may be the largest thing in memory. Sorts
 * first, so that UIDs put again and again do not pile up.
 */
static void
make_room(struct index *index)
{
	if (index->count < index->size)
		return;
	sort(index);
	if (index->count < index->size - index->size / 4)
		return;
	index->size += index->size / 4 + 16;
	index->entries =
	    mem_resize(index->entries, index->size, sizeof(*index->entries));
}

void
index_put(struct index *index, const struct index_entry *entry)
{
	uint32_t last =
	    index->count == 0 ? 0 : index->entries[index->count - 1].uid;

	if (index->count > 0 && !index->is_unsorted && entry->uid <= last) {
		uint32_t i = lower_bound(index, entry->uid);

		if (index->entries[i].uid == entry->uid) {
			index->entries[i] = *entry;
			return;
		}
	}
	make_room(index);
	if (index->count > 0 &&
	    entry->uid <= index->entries[index->count - 1].uid)
		index->is_unsorted = true;
	index->entries[index->count++] = *entry;
}

struct index_entry *
index_find(struct index *index, uint32_t uid)
{
	uint32_t i;

	sort(index);
	i = lower_bound(index, uid);
	if (i == index->count || index->entries[i].uid != uid)
		return NULL;
	return &index->entries[i];
}

void
index_remove(struct index *index, const struct uidset *uids)
{
	uint32_t kept, range = 0;

	if (uidset_is_empty(uids))
		return;
	sort(index);
	kept = lower_bound(index, uidset_first(uids));
	for (uint32_t i = kept; i < index->count; i++) {
		uint32_t uid = index->entries[i].uid;

		while (range < uids->count && uids->ranges[range].last < uid)
			range++;
		if (range == uids->count || uid < uids->ranges[range].first)
			index->entries[kept++] = index->entries[i];
	}
	index->count = kept;
}

void
index_uids(struct index *index, struct uidset *uids)
{
	uint32_t i = 0;

	sort(index);
	while (i < index->count) {
		uint32_t first = index->entries[i].uid, last = first;

		while (++i < index->count && index->entries[i].uid - last == 1)
			last++;
		uidset_add_range(uids, first, last);
	}
}

void
index_intersect(
    struct index *index, const struct uidset *uids, struct uidset *both)
{
	sort(index);
	for (uint32_t r = 0; r < uids->count; r++) {
		uint32_t i = lower_bound(index, uids->ranges[r].first);

		while (i < index->count &&
		    index->entries[i].uid <= uids->ranges[r].last)
			uidset_add(both, index->entries[i++].uid);
	}
}
