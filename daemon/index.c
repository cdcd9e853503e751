/*
 * What the disk has of a folder: sorted entries, and behind them those that
 * came out of order, which are put in their places when somebody asks. There
 * is room in front, too: a first copy brings the newest messages first.
 */
#include "daemon/index.h"

#include <string.h>

#include "libclient/base/mem.h"

void
index_free(struct index *index)
{
	if (index->entries != NULL)
		mem_free(index->entries - index->front);
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

/* Of several entries with one UID the last one that was put wins. Returns how
 * many are left. */
static uint32_t
drop_replaced(struct index *index, struct index_entry *entries, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (i + 1 < count && entries[i + 1].uid == entries[i].uid) {
			if (index->repeated != NULL)
				uidset_add(index->repeated, entries[i].uid);
			continue;
		}
		entries[kept++] = entries[i];
	}
	return kept;
}

/* Moves all entries so that there is room for so many in front of them. */
static void
set_front(struct index *index, uint32_t front)
{
	struct index_entry *base = index->entries - index->front;

	memmove(base + front, index->entries,
	    index->count * sizeof(*index->entries));
	index->entries = base + front;
	index->front = front;
}

/* Memory for so many; what is in it stays where it is in it. */
static void
set_size(struct index *index, uint32_t size)
{
	struct index_entry *base =
	    index->entries == NULL ? NULL : index->entries - index->front;

	base = mem_resize(base, size, sizeof(*base));
	index->entries = base + index->front;
	index->size = size;
}

/* The sorted tail is all below what is sorted: it goes in front of it. */
static void
put_in_front(struct index *index, struct index_entry *tail, uint32_t count)
{
	struct index_entry *front = index->entries - count;

	memcpy(front, tail, count * sizeof(*tail));
	index->entries = front;
	index->front -= count;
}

/* Merges the sorted tail from behind; scratch holds it. */
static void
merge_tail(struct index *index, uint32_t count, struct index_entry *scratch)
{
	struct index_entry *entries = index->entries;
	uint32_t left = index->sorted, right = count, out = left + count;

	memcpy(scratch, entries + left, count * sizeof(*entries));
	while (right > 0) {
		if (left > 0 && entries[left - 1].uid > scratch[right - 1].uid)
			entries[--out] = entries[--left];
		else
			entries[--out] = scratch[--right];
	}
	/* the lowest of the tail may replace what it came behind */
	left -= left > 0;
	index->count = left +
	    drop_replaced(index, entries + left, index->sorted + count - left);
}

static void
sort(struct index *index)
{
	struct index_entry *tail = index->entries + index->sorted;
	uint32_t count = index->count - index->sorted;
	struct index_entry *scratch;
	bool is_below;

	if (count == 0)
		return;
	scratch = mem_resize(NULL, count / 2 + 1, sizeof(*scratch));
	merge_sort(tail, count, scratch);
	mem_free(scratch);
	count = drop_replaced(index, tail, count);
	is_below =
	    index->sorted > 0 && tail[count - 1].uid < index->entries[0].uid;
	if (is_below && index->front >= count) {
		put_in_front(index, tail, count);
		index->count = index->sorted + count;
	} else if (index->sorted == 0) {
		index->count = count;
	} else {
		scratch = mem_resize(NULL, count, sizeof(*scratch));
		merge_tail(index, count, scratch);
		mem_free(scratch);
	}
	index->sorted = index->count;
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
 * first, so that UIDs put again and again do not pile up. Where entries come
 * below all others, the new room is in front of them.
 */
static void
make_room(struct index *index)
{
	uint32_t more = index->size / 4 + 16;
	bool falls = index->sorted > 0 && index->count > index->sorted &&
	    index->entries[index->count - 1].uid < index->entries[0].uid;

	if (index->front + index->count < index->size)
		return;
	sort(index);
	if (index->front + index->count < index->size - index->size / 4)
		return;
	if (index->front >= more) {
		set_front(index, falls ? index->front / 2 : 0);
		return;
	}
	set_size(index, index->size + more);
	if (falls)
		set_front(index, index->front + more / 2);
}

void
index_put(struct index *index, const struct index_entry *entry)
{
	bool is_sorted = index->count == index->sorted;
	bool is_above = index->count == 0 ||
	    entry->uid > index->entries[index->count - 1].uid;

	if (is_sorted && !is_above) {
		uint32_t i = lower_bound(index, entry->uid);

		if (index->entries[i].uid == entry->uid) {
			if (index->repeated != NULL)
				uidset_add(index->repeated, entry->uid);
			index->entries[i] = *entry;
			return;
		}
	}
	make_room(index);
	/* it may have sorted the others */
	is_sorted = index->count == index->sorted;
	is_above = index->count == 0 ||
	    entry->uid > index->entries[index->count - 1].uid;
	index->entries[index->count++] = *entry;
	if (is_sorted && is_above)
		index->sorted = index->count;
}

void
index_trim(struct index *index)
{
	uint32_t spare = index->size - index->count;

	sort(index);
	if (spare < 64 || spare <= index->count / 64)
		return;
	set_front(index, 0);
	set_size(index, index->count + 1);
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
	index->sorted = kept;
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
