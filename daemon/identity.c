/*
 * Messages by what they are instead of by UID. Files are offered one by one
 * to the sorted list of what is looked for, so that memory holds one side of
 * the comparison only.
 */
#include "daemon/identity.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/auxv.h>

#include "libclient/base/mem.h"

#define SEED_SIZE 16 /* of the kernel's AT_RANDOM */

/* ---- keys ---- */

static EVP_MD_CTX *
key_begin(char kind)
{
	const void *seed = (const void *)getauxval(AT_RANDOM);
	EVP_MD_CTX *hash = EVP_MD_CTX_new();

	if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
		abort();
	(void)EVP_DigestUpdate(hash, seed, SEED_SIZE);
	(void)EVP_DigestUpdate(hash, &kind, 1);
	return hash;
}

static uint64_t
key_end(EVP_MD_CTX *hash)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	uint64_t key;

	(void)EVP_DigestFinal_ex(hash, digest, NULL);
	EVP_MD_CTX_free(hash);
	memcpy(&key, digest, sizeof(key));
	return key == 0 ? 1 : key;
}

/* Takes one line off the front, its end left out. */
static struct span
take_line(struct span *text)
{
	const char *end = memchr(text->at, '\n', text->len);
	struct span line = *text;

	if (end == NULL) {
		*text = span_from(*text, text->len);
	} else {
		line.len = (size_t)(end - text->at);
		*text = span_from(*text, line.len + 1);
	}
	if (line.len > 0 && line.at[line.len - 1] == '\r')
		line.len--;
	return line;
}

static bool
is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* Adds what is not white space, which servers fold as they like. */
static size_t
add_dense(EVP_MD_CTX *hash, struct span text)
{
	size_t added = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (is_blank(text.at[i]) || text.at[i] == '\r')
			continue;
		(void)EVP_DigestUpdate(hash, text.at + i, 1);
		added++;
	}
	return added;
}

uint64_t
identity_message_id_key(struct span header)
{
	static const char name[] = "message-id";
	EVP_MD_CTX *hash;
	size_t added;
	uint64_t key;

	while (header.len > 0) {
		struct span line = take_line(&header);
		size_t at = sizeof(name) - 1;

		if (!span_has_prefix_nocase(line, name))
			continue;
		while (at < line.len && is_blank(line.at[at]))
			at++;
		if (at == line.len || line.at[at] != ':')
			continue;
		hash = key_begin('M');
		added = add_dense(hash, span_from(line, at + 1));
		while (header.len > 0 && is_blank(header.at[0]))
			added += add_dense(hash, take_line(&header));
		key = key_end(hash);
		return added == 0 ? 0 : key;
	}
	return 0;
}

uint64_t
identity_header_key(struct span header)
{
	EVP_MD_CTX *hash = key_begin('H');

	while (header.len > 0) {
		struct span line = take_line(&header);

		if (line.len == 0)
			break;
		(void)EVP_DigestUpdate(hash, line.at, line.len);
		(void)EVP_DigestUpdate(hash, "\n", 1);
	}
	return key_end(hash);
}

bool
identity_header(struct span message, bool is_whole, struct span *header)
{
	struct span rest = message;

	while (rest.len > 0) {
		struct span line = take_line(&rest);

		if (line.len > 0)
			continue;
		*header =
		    (struct span){message.at, (size_t)(line.at - message.at)};
		return true;
	}
	*header = message;
	return is_whole;
}

/* ---- lists ---- */

void
identity_add(struct identity_list *list, const struct identity_taker *taker)
{
	if (list->count == list->size) {
		list->size += list->size / 4 + 64;
		list->items =
		    mem_resize(list->items, list->size, sizeof(*list->items));
	}
	list->items[list->count++] = *taker;
}

void
identity_shrink(struct identity_list *list)
{
	if (list->count == 0) {
		identity_free(list);
		return;
	}
	list->size = list->count;
	list->items = mem_resize(list->items, list->size, sizeof(*list->items));
}

void
identity_free(struct identity_list *list)
{
	mem_free(list->items);
	*list = (struct identity_list){0};
}

static int
compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

typedef int taker_order(const void *a, const void *b);

/* Moves an item down to its place in the heap of the first count ones. */
static void
sift(struct identity_taker *items, uint32_t i, uint32_t count,
    taker_order *order)
{
	struct identity_taker item = items[i];

	for (;;) {
		uint64_t child = 2 * (uint64_t)i + 1;

		if (child >= count)
			break;
		if (child + 1 < count &&
		    order(&items[child], &items[child + 1]) < 0)
			child++;
		if (order(&item, &items[child]) >= 0)
			break;
		items[i] = items[child];
		i = (uint32_t)child;
	}
	items[i] = item;
}

/* In place: qsort() may take as much memory again. */
static void
sort(struct identity_list *list, taker_order *order)
{
	for (uint32_t i = list->count / 2; i > 0; i--)
		sift(list->items, i - 1, list->count, order);
	for (uint32_t i = list->count; i > 1; i--) {
		struct identity_taker last = list->items[i - 1];

		list->items[i - 1] = list->items[0];
		list->items[0] = last;
		sift(list->items, 0, i - 1, order);
	}
}

static int
by_uid(const void *a, const void *b)
{
	return compare_numbers(((const struct identity_taker *)a)->uid,
	    ((const struct identity_taker *)b)->uid);
}

void
identity_order(struct identity_list *list)
{
	uint32_t kept = 0;

	sort(list, by_uid);
	for (uint32_t i = 0; i < list->count; i++)
		if (kept == 0 ||
		    list->items[i].uid != list->items[kept - 1].uid)
			list->items[kept++] = list->items[i];
	list->count = kept;
}

struct identity_taker *
identity_find(const struct identity_list *list, uint32_t uid)
{
	struct identity_taker key = {.uid = uid};

	if (list->count == 0)
		return NULL;
	return bsearch(
	    &key, list->items, list->count, sizeof(*list->items), by_uid);
}

/* ---- matching ---- */

/*
 * Date, size and key: all takers that a file may be stand together before its
 * key is known.
 */
static int
by_key(const void *a, const void *b)
{
	const struct identity_taker *left = a, *right = b;
	int order = compare_numbers(left->date, right->date);

	if (order == 0)
		order = compare_numbers(left->size, right->size);
	return order != 0 ? order : compare_numbers(left->key, right->key);
}

static int
by_key_unsized(const void *a, const void *b)
{
	const struct identity_taker *left = a, *right = b;
	int order = compare_numbers(left->date, right->date);

	return order != 0 ? order : compare_numbers(left->key, right->key);
}

static taker_order *
order_of(const struct identity_list *list)
{
	return list->ignores_size ? by_key_unsized : by_key;
}

static void
doubt(struct identity_taker *taker)
{
	if (taker->from_uid != IDENTITY_HERE)
		taker->from_uid = IDENTITY_AMBIGUOUS;
}

void
identity_sort(struct identity_list *list)
{
	taker_order *order = order_of(list);

	sort(list, order);
	for (uint32_t i = 1; i < list->count; i++) {
		if (list->items[i].key == 0 ||
		    order(&list->items[i - 1], &list->items[i]) != 0)
			continue;
		doubt(&list->items[i - 1]);
		doubt(&list->items[i]);
	}
}

/* The first taker that is not before the key; .count: there is none. */
static uint32_t
lower_bound(const struct identity_list *list, const struct identity_taker *key)
{
	taker_order *order = order_of(list);
	uint32_t low = 0, high = list->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (order(&list->items[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
identity_may_match(
    const struct identity_list *list, uint32_t size, uint32_t date)
{
	struct identity_taker key = {.size = size, .date = date};
	uint32_t i = lower_bound(list, &key);

	return i < list->count && list->items[i].date == date &&
	    (list->ignores_size || list->items[i].size == size);
}

/* All takers of a key are ambiguous but one that is alone. */
void
identity_offer(
    struct identity_list *list, const struct identity_candidate *candidate)
{
	struct identity_taker key = {.key = candidate->key,
	    .size = candidate->size,
	    .date = candidate->date};
	struct identity_taker *taker;
	uint32_t i = lower_bound(list, &key);

	if (candidate->key == 0 || candidate->uid >= IDENTITY_HERE ||
	    i == list->count || order_of(list)(&list->items[i], &key) != 0)
		return;
	taker = &list->items[i];
	if (taker->from_uid != 0) {
		doubt(taker);
		return;
	}
	taker->from_uid = candidate->uid;
	taker->from_size = candidate->size;
	taker->from_flags = candidate->flags;
}

uint32_t
identity_settle(struct identity_list *list)
{
	uint32_t kept = 0, ambiguous = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		if (list->items[i].from_uid == IDENTITY_AMBIGUOUS)
			ambiguous++;
		else if (list->items[i].from_uid != 0 &&
		    list->items[i].from_uid != IDENTITY_HERE)
			list->items[kept++] = list->items[i];
	}
	list->count = kept;
	identity_order(list);
	return ambiguous;
}
