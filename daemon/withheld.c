/*
 * A sorted list: it is short unless somebody wants it long, and then it costs
 * 32 bytes a message.
 */
#include "daemon/withheld.h"

#include <string.h>

#include "libclient/base/mem.h"

/* The first item whose UID is not below uid. */
static uint32_t
lower_bound(const struct withheld *withheld, uint32_t uid)
{
	uint32_t low = 0, high = withheld->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (withheld->items[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The item of a UID, made if there is none. */
static struct state_withheld *
item_of(struct withheld *withheld, uint32_t uid)
{
	uint32_t i = lower_bound(withheld, uid);
	struct state_withheld *item;

	if (i < withheld->count && withheld->items[i].uid == uid)
		return &withheld->items[i];
	if (withheld->count == withheld->size) {
		withheld->size += withheld->size / 4 + 8;
		withheld->items = mem_resize(
		    withheld->items, withheld->size, sizeof(*withheld->items));
	}
	item = &withheld->items[i];
	memmove(item + 1, item, (withheld->count - i) * sizeof(*item));
	withheld->count++;
	*item = (struct state_withheld){.uid = uid};
	return item;
}

void
withheld_load(struct withheld *withheld, const struct state_withheld *item)
{
	*item_of(withheld, item->uid) = *item;
	withheld->too_large += item->size != 0;
}

static void
set_size(struct withheld *withheld, struct state_withheld *item, uint64_t size)
{
	withheld->too_large -= item->size != 0;
	withheld->too_large += size != 0;
	item->size = size;
	uidset_add(&withheld->changed, item->uid);
}

void
withheld_refuse(struct withheld *withheld, uint32_t uid, int64_t now)
{
	struct state_withheld *item = item_of(withheld, uid);
	int64_t wait = WITHHELD_WAIT;

	set_size(withheld, item, 0);
	for (uint32_t i = 0; i < item->tries && wait < WITHHELD_WAIT_MAX; i++)
		wait *= 2;
	if (wait > WITHHELD_WAIT_MAX)
		wait = WITHHELD_WAIT_MAX;
	item->next_try = now + wait;
	if (item->tries < UINT32_MAX)
		item->tries++;
}

void
withheld_too_large(struct withheld *withheld, uint32_t uid, uint64_t size)
{
	struct state_withheld *item = item_of(withheld, uid);

	item->tries = 0;
	item->next_try = 0;
	set_size(withheld, item, size);
}

/* Drops the items that are in a set, or are not. */
static void
drop(struct withheld *withheld, const struct uidset *uids, bool is_in)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < withheld->count; i++) {
		struct state_withheld *item = &withheld->items[i];

		if (uidset_contains(uids, item->uid) != is_in) {
			withheld->items[kept++] = *item;
			continue;
		}
		withheld->too_large -= item->size != 0;
		uidset_add(&withheld->changed, item->uid);
	}
	withheld->count = kept;
}

void
withheld_admit(struct withheld *withheld, const struct uidset *uids)
{
	if (withheld->count > 0)
		drop(withheld, uids, true);
}

void
withheld_keep(struct withheld *withheld, const struct uidset *seen)
{
	if (withheld->count > 0)
		drop(withheld, seen, false);
}

static bool
is_due(const struct state_withheld *item, int64_t now, uint64_t max_size)
{
	if (item->size != 0)
		return max_size == 0 || item->size <= max_size;
	/* a clock that was set back must not make it wait for years */
	return now >= item->next_try ||
	    item->next_try - now > WITHHELD_WAIT_MAX;
}

void
withheld_due(const struct withheld *withheld, int64_t now, uint64_t max_size,
    struct uidset *due)
{
	for (uint32_t i = 0; i < withheld->count; i++)
		if (is_due(&withheld->items[i], now, max_size))
			uidset_add(due, withheld->items[i].uid);
}

void
withheld_rest(const struct withheld *withheld, int64_t now, uint64_t max_size,
    struct uidset *rest)
{
	for (uint32_t i = 0; i < withheld->count; i++)
		if (!is_due(&withheld->items[i], now, max_size))
			uidset_add(rest, withheld->items[i].uid);
}

void
withheld_hurry(struct withheld *withheld)
{
	for (uint32_t i = 0; i < withheld->count; i++)
		withheld->items[i].next_try = 0;
}

void
withheld_refused(const struct withheld *withheld, struct uidset *refused)
{
	for (uint32_t i = 0; i < withheld->count; i++)
		if (withheld->items[i].size == 0)
			uidset_add(refused, withheld->items[i].uid);
}

bool
withheld_take_changes(struct withheld *withheld, struct uidset *changed,
    struct state_withheld **rows, uint32_t *count)
{
	if (uidset_is_empty(&withheld->changed))
		return false;
	uidset_give(changed, &withheld->changed);
	*rows = mem_resize(NULL, withheld->count + 1, sizeof(**rows));
	*count = 0;
	for (uint32_t i = 0; i < withheld->count; i++)
		if (uidset_contains(changed, withheld->items[i].uid))
			(*rows)[(*count)++] = withheld->items[i];
	return true;
}

void
withheld_free(struct withheld *withheld)
{
	mem_free(withheld->items);
	uidset_free(&withheld->changed);
	*withheld = (struct withheld){0};
}
