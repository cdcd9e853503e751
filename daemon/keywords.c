/*
 * dovecot-keywords: a line a keyword, its number and its name.
 */
#include "daemon/keywords.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "libclient/base/mem.h"

#define FILE_NAME "dovecot-keywords"
#define FILE_MAX  ((size_t)KEYWORDS_MAX * (KEYWORDS_MAX_LENGTH + 8))

/* The first keyword's bit: index.h has the system flags below it. */
#define FIRST_BIT 6

static void
read_line(struct keywords *keywords, struct span line)
{
	unsigned long long number;
	size_t digits = 0;

	while (digits < line.len && line.at[digits] != ' ')
		digits++;
	if (digits + 1 >= line.len ||
	    !span_to_number(
		(struct span){line.at, digits}, KEYWORDS_MAX - 1, &number) ||
	    keywords->names[number] != NULL)
		return;
	keywords->names[number] = span_to_string(span_from(line, digits + 1));
}

bool
keywords_read(struct keywords *keywords, struct maildir *maildir,
    struct imap_error *error)
{
	char *text = mem_alloc(FILE_MAX);
	struct imap_error unread = {0};
	struct span rest = {text,
	    maildir_read_file(maildir, FILE_NAME, text, FILE_MAX, &unread)};

	keywords_free(keywords);
	while (rest.len > 0) {
		const char *end = memchr(rest.at, '\n', rest.len);
		size_t len = end == NULL ? rest.len : (size_t)(end - rest.at);

		read_line(keywords, (struct span){rest.at, len});
		rest = span_from(rest, len + (end != NULL));
	}
	mem_free(text);
	return unread.kind == IMAP_ERROR_NONE ||
	    imap_error_set(error, unread.kind, "%s", unread.text);
}

static bool
is_fit(struct span name)
{
	if (name.len == 0 || name.len > KEYWORDS_MAX_LENGTH)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.at[i] <= ' ' || name.at[i] == 0x7f)
			return false;
	return true;
}

uint32_t
keywords_bit(struct keywords *keywords, struct span name)
{
	unsigned free = KEYWORDS_MAX;

	if (!is_fit(name))
		return 0;
	for (unsigned i = 0; i < KEYWORDS_MAX; i++) {
		if (keywords->names[i] == NULL) {
			if (free == KEYWORDS_MAX)
				free = i;
		} else if (span_equal_nocase(name, keywords->names[i])) {
			return UINT32_C(1) << (FIRST_BIT + i);
		}
	}
	if (free == KEYWORDS_MAX)
		return 0;
	keywords->names[free] = span_to_string(name);
	keywords->has_changed = true;
	return UINT32_C(1) << (FIRST_BIT + free);
}

char *
keywords_text(const struct keywords *keywords)
{
	struct buf text;
	char *copy;

	buf_init(&text, FILE_MAX);
	for (unsigned i = 0; i < KEYWORDS_MAX; i++)
		if (keywords->names[i] != NULL)
			(void)buf_add_format(
			    &text, "%u %s\n", i, keywords->names[i]);
	copy = span_to_string(buf_span(&text));
	buf_free(&text);
	return copy;
}

bool
keywords_write(struct maildir *maildir, const char *text, bool is_durable,
    struct imap_error *error)
{
	return maildir_replace_file(
	    maildir, FILE_NAME, span_of(text), is_durable, error);
}

uint32_t
keywords_bits(const struct keywords *keywords)
{
	uint32_t bits = (UINT32_C(1) << FIRST_BIT) - 1;

	for (unsigned i = 0; i < KEYWORDS_MAX; i++)
		if (keywords->names[i] != NULL)
			bits |= UINT32_C(1) << (FIRST_BIT + i);
	return bits;
}

/* ---- without a letter ---- */

/* The first item whose UID is not below uid. */
static uint32_t
lower_bound(const struct keywords_rest *rest, uint32_t uid)
{
	uint32_t low = 0, high = rest->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (rest->items[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const char *
keywords_rest_find(const struct keywords_rest *rest, uint32_t uid)
{
	uint32_t i = lower_bound(rest, uid);

	return i < rest->count && rest->items[i].uid == uid
	    ? rest->items[i].text
	    : NULL;
}

void
keywords_rest_remove(struct keywords_rest *rest, uint32_t uid)
{
	uint32_t i = lower_bound(rest, uid);
	struct keywords_rest_item *item = &rest->items[i];

	if (i == rest->count || item->uid != uid)
		return;
	rest->bytes -= strlen(item->text) + sizeof(*item);
	mem_free(item->text);
	rest->count--;
	memmove(item, item + 1, (rest->count - i) * sizeof(*item));
}

bool
keywords_rest_put(struct keywords_rest *rest, uint32_t uid, struct span text)
{
	struct keywords_rest_item *item;
	uint32_t i;

	keywords_rest_remove(rest, uid);
	if (rest->bytes + text.len + sizeof(*item) > KEYWORDS_REST_MAX)
		return false;
	if (rest->count == rest->size) {
		rest->size = rest->size * 2 + 8;
		rest->items =
		    mem_resize(rest->items, rest->size, sizeof(*rest->items));
	}
	i = lower_bound(rest, uid);
	item = &rest->items[i];
	memmove(item + 1, item, (rest->count - i) * sizeof(*item));
	rest->count++;
	*item = (struct keywords_rest_item){uid, span_to_string(text)};
	rest->bytes += strlen(item->text) + sizeof(*item);
	return true;
}

void
keywords_rest_free(struct keywords_rest *rest)
{
	for (uint32_t i = 0; i < rest->count; i++)
		mem_free(rest->items[i].text);
	mem_free(rest->items);
	*rest = (struct keywords_rest){0};
}

/* By their bytes in any case, so that the same keywords are the same text. */
static int
compare_spans(const void *a, const void *b)
{
	const struct span *left = a, *right = b;
	size_t len = left->len < right->len ? left->len : right->len;
	int order = strncasecmp(left->at, right->at, len);

	if (order != 0)
		return order;
	return left->len < right->len ? -1 : left->len > right->len;
}

/* What a message's names without a letter are, as one text. False: some were
 * left out. */
static bool
join(struct span *names, uint32_t count, struct buf *text)
{
	bool is_whole = true;

	if (count > 1)
		qsort(names, count, sizeof(*names), compare_spans);
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0 && compare_spans(&names[i - 1], &names[i]) == 0)
			continue;
		if (buf_span(text).len + names[i].len + 1 >
		    KEYWORDS_REST_TEXT_MAX) {
			is_whole = false;
			continue;
		}
		if (buf_span(text).len > 0)
			(void)buf_add(text, " ", 1);
		(void)buf_add(text, names[i].at, names[i].len);
	}
	return is_whole;
}

/* Notes what the server says now, unless it is known. */
static void
note_rest(struct keywords *keywords, uint32_t uid, struct span text)
{
	const char *known = keywords_rest_find(&keywords->rest, uid);
	bool is_known = span_equal(text, span_of(known == NULL ? "" : known));

	if (is_known)
		keywords_rest_remove(&keywords->news, uid);
	else if (!keywords_rest_put(&keywords->news, uid, text))
		keywords->is_full = true;
}

uint32_t
keywords_take(struct keywords *keywords, uint32_t uid, const struct span *names,
    uint32_t count)
{
	struct span *rest = NULL;
	uint32_t rest_count = 0, bits = 0;
	struct buf text;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t bit = keywords_bit(keywords, names[i]);

		bits |= bit;
		if (bit != 0 || !is_fit(names[i]))
			continue;
		if (rest == NULL)
			rest = mem_resize(NULL, count - i, sizeof(*rest));
		rest[rest_count++] = names[i];
	}
	if (uid == 0 ||
	    (rest_count == 0 && keywords->rest.count == 0 &&
		keywords->news.count == 0)) {
		mem_free(rest);
		return bits;
	}
	buf_init(&text, KEYWORDS_REST_TEXT_MAX + 1);
	if (!join(rest, rest_count, &text))
		keywords->is_full = true;
	note_rest(keywords, uid, buf_span(&text));
	buf_free(&text);
	mem_free(rest);
	return bits;
}

uint32_t
keywords_take_flags(
    struct keywords *keywords, uint32_t uid, const struct imap_flags *flags)
{
	static const struct {
		unsigned imap;
		uint32_t index;
	} pairs[] = {
	    {IMAP_FLAG_DRAFT, INDEX_DRAFT},
	    {IMAP_FLAG_FLAGGED, INDEX_FLAGGED},
	    {IMAP_FLAG_FORWARDED, INDEX_PASSED},
	    {IMAP_FLAG_ANSWERED, INDEX_REPLIED},
	    {IMAP_FLAG_SEEN, INDEX_SEEN},
	    {IMAP_FLAG_DELETED, INDEX_TRASHED},
	};
	uint32_t bits = 0;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if ((flags->flags & pairs[i].imap) != 0)
			bits |= pairs[i].index;
	return bits |
	    keywords_take(keywords, uid, flags->keywords, flags->keyword_count);
}

void
keywords_free(struct keywords *keywords)
{
	keywords_rest_free(&keywords->rest);
	keywords_rest_free(&keywords->news);
	for (unsigned i = 0; i < KEYWORDS_MAX; i++)
		mem_free(keywords->names[i]);
	*keywords = (struct keywords){0};
}
