/*
 * A walk from the newest message down, until the window is full.
 */
#include "daemon/window.h"

#include <stdlib.h>

#include "libclient/base/mem.h"

/* Sizes are kept in units of this many bytes, rounded up. */
#define UNIT 256

/* What a message of unknown size counts. */
#define TYPICAL 8192

/* Sizes that wait to be put in order. */
#define UNSORTED_MAX 4096

/* Messages looked at for one window; what is larger is in nobody's way. */
#define LOOKED_AT 8192

/* The longest text of one more range: ",4294967295:4294967295". */
#define RANGE_TEXT 22

struct window_size {
	uint32_t uid;
	uint32_t units;
};

static int
compare_items(const void *a, const void *b)
{
	uint32_t left = ((const struct window_size *)a)->uid;
	uint32_t right = ((const struct window_size *)b)->uid;

	return left < right ? -1 : left > right;
}

/* Puts all in order, and keeps the largest of each UID. */
static void
order(struct window_sizes *sizes)
{
	uint32_t kept = 0;

	if (sizes->sorted == sizes->count)
		return;
	qsort(sizes->items, sizes->count, sizeof(*sizes->items), compare_items);
	for (uint32_t i = 1; i < sizes->count; i++)
		if (sizes->items[i].uid != sizes->items[kept].uid)
			sizes->items[++kept] = sizes->items[i];
		else if (sizes->items[i].units > sizes->items[kept].units)
			sizes->items[kept] = sizes->items[i];
	sizes->count = kept + 1;
	sizes->sorted = sizes->count;
}

void
window_note(struct window_sizes *sizes, uint32_t uid, uint64_t size)
{
	uint64_t units = size / UNIT + 1;
	uint32_t count = sizes->count;
	bool is_next = count == sizes->sorted &&
	    (count == 0 || uid > sizes->items[count - 1].uid);

	if (count == sizes->size) {
		sizes->size += sizes->size / 4 + 64;
		sizes->items = mem_resize(
		    sizes->items, sizes->size, sizeof(*sizes->items));
	}
	sizes->items[sizes->count++] = (struct window_size){.uid = uid,
	    .units = units > UINT32_MAX ? UINT32_MAX : (uint32_t)units};
	sizes->sorted += is_next;
	/* a server that repeats itself does not fill the memory */
	if (sizes->count - sizes->sorted > sizes->sorted / 4 + UNSORTED_MAX)
		order(sizes);
}

void
window_sizes_free(struct window_sizes *sizes)
{
	mem_free(sizes->items);
	*sizes = (struct window_sizes){0};
}

static uint64_t
size_of(const struct window_sizes *sizes, uint32_t uid)
{
	const struct window_size key = {.uid = uid};
	const struct window_size *item = sizes->count == 0
	    ? NULL
	    : bsearch(
		  &key, sizes->items, sizes->count, sizeof(key), compare_items);

	return item == NULL ? TYPICAL : (uint64_t)item->units * UNIT;
}

/* A window's bounds, and how far it has been filled. */
struct filling {
	uint32_t most_messages;
	uint64_t most_bytes;
	uint32_t line;
	uint64_t bytes;
	uint32_t messages;
	uint32_t ranges;
	uint32_t lowest; /* UID taken so far */
};

/* False if the message does not fit any more. */
static bool
take(
    struct filling *filling, uint32_t uid, uint64_t size, struct uidset *window)
{
	bool is_range = filling->messages == 0 || filling->lowest != uid + 1;

	if (filling->messages > 0 &&
	    (filling->messages == filling->most_messages ||
		filling->bytes + size > filling->most_bytes ||
		(uint64_t)(filling->ranges + is_range) * RANGE_TEXT >
		    filling->line))
		return false;
	filling->messages++;
	filling->bytes += size;
	filling->ranges += is_range;
	filling->lowest = uid;
	uidset_add(window, uid);
	return true;
}

/* Fills a window from the newest down, with messages of under `limit`. */
static void
fill(const struct uidset *from, const struct window_sizes *sizes,
    uint64_t limit, struct filling *filling, struct uidset *window)
{
	uint32_t looked = 0;

	for (uint32_t r = from->count; r-- > 0;)
		for (uint64_t uid = from->ranges[r].last;
		     uid >= from->ranges[r].first; uid--) {
			uint64_t size = size_of(sizes, (uint32_t)uid);

			if (++looked > LOOKED_AT)
				return;
			if (size < limit &&
			    !take(filling, (uint32_t)uid, size, window))
				return;
		}
}

/* Sizes of what was taken are of no more use: there may be a million. */
static void
forget_taken(struct window_sizes *sizes, const struct uidset *wanted)
{
	uint32_t kept = 0;

	if (sizes->count < sizes->look_at + UNSORTED_MAX)
		return;
	for (uint32_t i = 0; i < sizes->count; i++)
		if (uidset_contains(wanted, sizes->items[i].uid))
			sizes->items[kept++] = sizes->items[i];
	sizes->count = kept;
	sizes->sorted = kept;
	sizes->look_at = 2 * kept;
}

void
window_take_many(struct uidset *from, uint32_t line, struct uidset *window)
{
	static const struct window_sizes unknown;
	struct filling filling = {.most_messages = WINDOW_MANY,
	    .most_bytes = UINT64_MAX,
	    .line = line};

	uidset_clear(window);
	fill(from, &unknown, UINT64_MAX, &filling, window);
	uidset_minus(from, window);
}

void
window_take(struct uidset *wanted, const struct uidset *missing,
    struct window_sizes *sizes, uint32_t line, struct uidset *window)
{
	struct filling filling = {.most_messages = WINDOW_MESSAGES,
	    .most_bytes = WINDOW_BYTES,
	    .line = line};
	struct uidset fresh = {0};

	order(sizes);
	uidset_clear(window);
	uidset_copy(&fresh, wanted);
	uidset_minus(&fresh, missing);
	fill(&fresh, sizes, WINDOW_LARGE, &filling, window);
	if (uidset_is_empty(window) && !uidset_is_empty(&fresh)) {
		uidset_add(window, uidset_last(&fresh));
		uidset_remove(wanted, uidset_last(&fresh));
	} else if (uidset_is_empty(window)) {
		uidset_take_last(wanted, 1, window);
	}
	uidset_minus(wanted, window);
	forget_taken(sizes, wanted);
	uidset_free(&fresh);
}
