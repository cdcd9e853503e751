/*
 * Sets of UIDs as sorted, disjoint, non-adjacent ranges (RFC 9051 section 9,
 * sequence-set). Results are built in ascending order with uidset_add_range(),
 * whose tail is cheap, so every operation is one walk over the ranges.
 */
#include "libclient/wire/uidset.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "libclient/base/mem.h"

/* "4294967295:4294967295," and NUL */
#define RANGE_SIZE 24

void
uidset_free(struct uidset *set)
{
	mem_free(set->ranges);
	*set = (struct uidset){0};
}

void
uidset_clear(struct uidset *set)
{
	set->count = 0;
}

/* Makes room for one more range. There are never more than 2^31 of them. */
static void
reserve_one(struct uidset *set)
{
	if (set->count < set->size)
		return;
	set->size = set->size == 0 ? 4 : set->size * 2;
	set->ranges =
	    mem_resize(set->ranges, set->size, sizeof(set->ranges[0]));
}

static void
append_range(struct uidset *set, uint32_t first, uint32_t last)
{
	reserve_one(set);
	set->ranges[set->count++] = (struct uidset_range){first, last};
}

/* The index of the first range that ends at uid or later; count if none. */
static uint32_t
find_range(const struct uidset *set, uint32_t uid)
{
	uint32_t low = 0;
	uint32_t high = set->count;
	uint32_t middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (set->ranges[middle].last < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Replaces the ranges [begin, end) by one; begin == end inserts. */
static void
replace_ranges(
    struct uidset *set, uint32_t begin, uint32_t end, struct uidset_range range)
{
	if (begin == end)
		reserve_one(set);
	memmove(set->ranges + begin + 1, set->ranges + end,
	    (set->count - end) * sizeof(range));
	set->ranges[begin] = range;
	set->count = set->count - (end - begin) + 1;
}

void
uidset_add(struct uidset *set, uint32_t uid)
{
	uidset_add_range(set, uid, uid);
}

void
uidset_add_range(struct uidset *set, uint32_t first, uint32_t last)
{
	struct uidset_range range = {first, last};
	uint32_t begin;
	uint32_t end;

	if (last < first)
		range = (struct uidset_range){last, first};
	if (range.last == 0)
		return;
	if (range.first == 0)
		range.first = 1;
	/* What ends just before the new range touches it, too. */
	begin = set->count;
	if (begin > 0 && set->ranges[begin - 1].last >= range.first - 1) {
		begin--;
		if (set->ranges[begin].first > range.first)
			begin = find_range(set, range.first - 1);
	}
	end = begin;
	while (end < set->count && set->ranges[end].first - 1 <= range.last)
		end++;
	if (begin < end) {
		if (set->ranges[begin].first < range.first)
			range.first = set->ranges[begin].first;
		if (set->ranges[end - 1].last > range.last)
			range.last = set->ranges[end - 1].last;
	}
	replace_ranges(set, begin, end, range);
}

void
uidset_union(struct uidset *set, const struct uidset *other)
{
	struct uidset sum = {0};
	struct uidset_range range;
	uint32_t i = 0;
	uint32_t j = 0;

	/* Few or only higher UIDs: no need to build the set anew. */
	if (other->count <= 1 || uidset_first(other) > uidset_last(set)) {
		for (j = 0; j < other->count; j++)
			uidset_add_range(
			    set, other->ranges[j].first, other->ranges[j].last);
		return;
	}
	while (i < set->count || j < other->count) {
		if (j == other->count ||
		    (i < set->count &&
			set->ranges[i].first < other->ranges[j].first))
			range = set->ranges[i++];
		else
			range = other->ranges[j++];
		uidset_add_range(&sum, range.first, range.last);
	}
	uidset_give(set, &sum);
}

void
uidset_remove(struct uidset *set, uint32_t uid)
{
	uint32_t i = find_range(set, uid);
	struct uidset_range range;

	if (i == set->count || uid == 0 || uid < set->ranges[i].first)
		return;
	range = set->ranges[i];
	if (range.first == range.last) {
		set->count--;
		memmove(set->ranges + i, set->ranges + i + 1,
		    (set->count - i) * sizeof(range));
	} else if (uid == range.first) {
		set->ranges[i].first++;
	} else {
		set->ranges[i].last = uid - 1;
		if (uid < range.last)
			replace_ranges(set, i + 1, i + 1,
			    (struct uidset_range){uid + 1, range.last});
	}
}

/*
 * Appends to *rest what is in range and not in other, whose ranges before *j
 * end below range; *j moves on for the next, higher range.
 */
static void
append_difference(struct uidset *rest, struct uidset_range range,
    const struct uidset *other, uint32_t *j)
{
	const struct uidset_range *hole;

	for (; *j < other->count; (*j)++) {
		hole = &other->ranges[*j];
		if (hole->first > range.last)
			break;
		if (hole->last < range.first)
			continue;
		if (hole->first > range.first)
			append_range(rest, range.first, hole->first - 1);
		if (hole->last >= range.last)
			return;
		range.first = hole->last + 1;
	}
	append_range(rest, range.first, range.last);
}

void
uidset_minus(struct uidset *set, const struct uidset *other)
{
	struct uidset rest = {0};
	uint32_t i;
	uint32_t j = 0;

	if (uidset_first(other) > uidset_last(set) || other->count == 0)
		return;
	for (i = 0; i < set->count; i++)
		append_difference(&rest, set->ranges[i], other, &j);
	uidset_give(set, &rest);
}

void
uidset_intersect(struct uidset *set, const struct uidset *other)
{
	struct uidset both = {0};
	uint32_t i = 0;
	uint32_t j = 0;

	while (i < set->count && j < other->count) {
		struct uidset_range a = set->ranges[i];
		struct uidset_range b = other->ranges[j];

		if (a.first <= b.last && b.first <= a.last)
			append_range(&both,
			    a.first > b.first ? a.first : b.first,
			    a.last < b.last ? a.last : b.last);
		if (a.last < b.last)
			i++;
		else
			j++;
	}
	uidset_give(set, &both);
}

bool
uidset_contains(const struct uidset *set, uint32_t uid)
{
	uint32_t i = find_range(set, uid);

	return i < set->count && set->ranges[i].first <= uid;
}

bool
uidset_is_empty(const struct uidset *set)
{
	return set->count == 0;
}

bool
uidset_equal(const struct uidset *a, const struct uidset *b)
{
	if (a->count != b->count)
		return false;
	return a->count == 0 ||
	    memcmp(a->ranges, b->ranges, a->count * sizeof(a->ranges[0])) == 0;
}

uint64_t
uidset_count(const struct uidset *set)
{
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < set->count; i++)
		n += (uint64_t)set->ranges[i].last - set->ranges[i].first + 1;
	return n;
}

uint32_t
uidset_first(const struct uidset *set)
{
	return set->count == 0 ? 0 : set->ranges[0].first;
}

uint32_t
uidset_last(const struct uidset *set)
{
	return set->count == 0 ? 0 : set->ranges[set->count - 1].last;
}

void
uidset_copy(struct uidset *copy, const struct uidset *set)
{
	if (copy == set)
		return;
	if (copy->size < set->count) {
		copy->size = set->count;
		copy->ranges = mem_resize(
		    copy->ranges, copy->size, sizeof(copy->ranges[0]));
	}
	if (set->count > 0)
		memcpy(copy->ranges, set->ranges,
		    set->count * sizeof(copy->ranges[0]));
	copy->count = set->count;
}

void
uidset_give(struct uidset *to, struct uidset *from)
{
	if (to == from)
		return;
	uidset_free(to);
	*to = *from;
	*from = (struct uidset){0};
}

void
uidset_take_last(struct uidset *set, uint64_t n, struct uidset *taken)
{
	struct uidset part = {0};
	struct uidset_range *range;
	uint32_t keep;
	uint32_t i;

	assert(set != taken);
	for (keep = set->count; keep > 0 && n > 0; keep--) {
		range = &set->ranges[keep - 1];
		if ((uint64_t)range->last - range->first + 1 > n) {
			append_range(
			    &part, range->last - (uint32_t)n + 1, range->last);
			range->last -= (uint32_t)n;
			break;
		}
		n -= (uint64_t)range->last - range->first + 1;
	}
	for (i = keep; i < set->count; i++)
		append_range(&part, set->ranges[i].first, set->ranges[i].last);
	set->count = keep;
	uidset_union(taken, &part);
	uidset_free(&part);
}

/* True, and the byte is read, if the text begins with c. */
static bool
read_byte(struct span *text, char c)
{
	if (text->len == 0 || text->at[0] != c)
		return false;
	*text = span_from(*text, 1);
	return true;
}

/* Reads an nz-number (RFC 9051 section 9). */
static bool
read_uid(struct span *text, uint32_t *uid)
{
	unsigned long long number = 0;
	size_t len = 0;

	while (len < text->len && text->at[len] >= '0' && text->at[len] <= '9')
		len++;
	if (len == 0 || text->at[0] == '0')
		return false;
	if (!span_to_number((struct span){text->at, len}, UINT32_MAX, &number))
		return false;
	*uid = (uint32_t)number;
	*text = span_from(*text, len);
	return true;
}

/*
 * Notes a range. Rising ones merge at once; from the first that does not rise
 * on, all are kept as they come, to be sorted at the end: inserting each where
 * it belongs would let a peer make us move the whole set again and again.
 */
static bool
note_range(struct uidset *noted, bool *rising, uint32_t first, uint32_t last)
{
	uint32_t low = first < last ? first : last;
	uint32_t high = first < last ? last : first;

	if (noted->count > 0 && low < noted->ranges[noted->count - 1].first)
		*rising = false;
	if (*rising)
		uidset_add_range(noted, low, high);
	else
		append_range(noted, low, high);
	return noted->count <= UIDSET_MAX_PARSED;
}

static int
compare_ranges(const void *left, const void *right)
{
	const struct uidset_range *a = left;
	const struct uidset_range *b = right;

	return (a->first > b->first) - (a->first < b->first);
}

/* Adds what note_range() noted; noted is freed. */
static void
add_noted(struct uidset *set, struct uidset *noted, bool rising)
{
	struct uidset sorted = {0};
	uint32_t i;

	if (!rising) {
		qsort(noted->ranges, noted->count, sizeof(noted->ranges[0]),
		    compare_ranges);
		for (i = 0; i < noted->count; i++)
			uidset_add_range(&sorted, noted->ranges[i].first,
			    noted->ranges[i].last);
		uidset_give(noted, &sorted);
	}
	uidset_union(set, noted);
	uidset_free(noted);
}

bool
uidset_parse(struct uidset *set, struct span text)
{
	struct uidset noted = {0};
	bool rising = true;
	uint32_t first;
	uint32_t last;

	do {
		if (!read_uid(&text, &first))
			break;
		last = first;
		if (read_byte(&text, ':') && !read_uid(&text, &last))
			break;
		if (!note_range(&noted, &rising, first, last))
			break;
		if (text.len == 0) {
			add_noted(set, &noted, rising);
			return true;
		}
	} while (read_byte(&text, ','));
	uidset_free(&noted);
	return false;
}

bool
uidset_parse_search(struct uidset *set, struct span text)
{
	struct uidset noted = {0};
	bool rising = true;
	uint32_t uid;

	for (;;) {
		while (read_byte(&text, ' '))
			;
		if (text.len == 0)
			break;
		if (!read_uid(&text, &uid) ||
		    (text.len > 0 && text.at[0] != ' ') ||
		    !note_range(&noted, &rising, uid, uid)) {
			uidset_free(&noted);
			return false;
		}
	}
	add_noted(set, &noted, rising);
	return true;
}

uint32_t
uidset_format(
    const struct uidset *set, uint32_t begin, size_t max_bytes, struct buf *out)
{
	char text[RANGE_SIZE];
	size_t used = 0;
	uint32_t i;

	for (i = begin; i < set->count; i++) {
		const struct uidset_range *range = &set->ranges[i];
		const char *comma = i == begin ? "" : ",";
		int len;

		if (range->first == range->last)
			len = snprintf(text, sizeof(text), "%s%" PRIu32, comma,
			    range->first);
		else
			len = snprintf(text, sizeof(text),
			    "%s%" PRIu32 ":%" PRIu32, comma, range->first,
			    range->last);
		if ((size_t)len > max_bytes - used ||
		    !buf_add(out, text, (size_t)len))
			break;
		used += (size_t)len;
	}
	return i - begin;
}
