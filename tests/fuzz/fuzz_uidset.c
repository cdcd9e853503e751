/*
 * Sets of UIDs: two are read from the input, and the laws of sets must hold for
 * them; what is written of one must be read as the same.
 */
#include "libclient/wire/uidset.h"
#include "tests/fuzz/fuzz.h"

enum { TEXT_CAP = 1 << 24 };

static void
check(const struct uidset *set)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		require(set->ranges[i].first > 0);
		require(set->ranges[i].first <= set->ranges[i].last);
		require(i == 0 ||
		    (uint64_t)set->ranges[i - 1].last + 1 <
			set->ranges[i].first);
		count += set->ranges[i].last - set->ranges[i].first + 1ULL;
		require(uidset_contains(set, set->ranges[i].first));
		require(uidset_contains(set, set->ranges[i].last));
	}
	require(uidset_count(set) == count);
	require(uidset_is_empty(set) == (count == 0));
}

/* Reads one set; adds it one UID at a time, too, where it is small. */
static void
read_set(struct uidset *set, struct span text, bool is_search)
{
	struct uidset again = {0};

	if (is_search)
		(void)uidset_parse_search(set, text);
	else
		(void)uidset_parse(set, text);
	check(set);
	if (uidset_count(set) > 5000)
		return;
	for (uint32_t i = set->count; i > 0; i--)
		for (uint64_t uid = set->ranges[i - 1].first;
		     uid <= set->ranges[i - 1].last; uid++)
			uidset_add(&again, (uint32_t)uid);
	require(uidset_equal(set, &again));
	uidset_free(&again);
}

/* Written in lines of at most max_bytes and read again. */
static void
check_format(const struct uidset *set, size_t max_bytes)
{
	struct uidset again = {0};
	uint32_t done = 0;
	struct buf text;

	buf_init(&text, TEXT_CAP);
	while (done < set->count) {
		uint32_t count;

		buf_clear(&text);
		count = uidset_format(set, done, max_bytes, &text);
		require(count > 0 && buf_len(&text) <= max_bytes);
		require(uidset_parse(&again, buf_span(&text)));
		done += count;
	}
	require(done == set->count);
	require(uidset_equal(set, &again));
	uidset_free(&again);
	buf_free(&text);
}

static void
check_laws(const struct uidset *a, const struct uidset *b)
{
	struct uidset both = {0};
	struct uidset either = {0};
	struct uidset only_a = {0};

	uidset_copy(&both, a);
	uidset_intersect(&both, b);
	uidset_copy(&either, a);
	uidset_union(&either, b);
	uidset_copy(&only_a, a);
	uidset_minus(&only_a, b);
	check(&both);
	check(&either);
	check(&only_a);
	require(uidset_count(&either) + uidset_count(&both) ==
	    uidset_count(a) + uidset_count(b));
	require(uidset_count(&only_a) + uidset_count(&both) == uidset_count(a));
	uidset_union(&only_a, &both);
	require(uidset_equal(&only_a, a));
	uidset_minus(&either, b);
	uidset_minus(&only_a, b);
	require(uidset_equal(&either, &only_a));
	uidset_free(&both);
	uidset_free(&either);
	uidset_free(&only_a);
}

static void
check_take(const struct uidset *a, uint64_t n)
{
	struct uidset rest = {0};
	struct uidset taken = {0};
	uint64_t count = uidset_count(a);

	uidset_copy(&rest, a);
	uidset_take_last(&rest, n, &taken);
	check(&rest);
	check(&taken);
	require(uidset_count(&taken) == (n < count ? n : count));
	require(uidset_is_empty(&taken) ||
	    uidset_last(&rest) < uidset_first(&taken));
	uidset_union(&rest, &taken);
	require(uidset_equal(&rest, a));
	uidset_free(&rest);
	uidset_free(&taken);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = {(const char *)data, size};
	const unsigned choice = take_byte(&input);
	const unsigned n = take_byte(&input);
	struct uidset a = {0};
	struct uidset b = {0};

	read_set(&a, take_text(&input), (choice & 1) != 0);
	read_set(&b, take_text(&input), (choice & 2) != 0);
	check_format(&a, 21 + n);
	check_laws(&a, &b);
	check_laws(&b, &a);
	check_take(&a, n);
	uidset_give(&b, &a);
	require(uidset_is_empty(&a));
	check(&b);
	uidset_free(&a);
	uidset_free(&b);
	return 0;
}
