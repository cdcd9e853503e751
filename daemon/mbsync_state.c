/*
 * The file is lines: "Key number" up to an empty one, then
 * "far near [<|>][^|~]FLAGS". Before mbsync 1.1 its first line was
 * "far:maxpulled near:expired:maxpushed" and there was no empty one; before
 * 1.4 the sides were Master and Slave, and `~` was `X`.
 */
#include "daemon/mbsync_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/index.h"
#include "libclient/base/mem.h"

/* A skipped message's near UID in old files: none. */
#define NO_UID UINT32_MAX

/* How much of a line an error shows. */
#define LINE_SHOWN 60

static const struct letter {
	char letter;
	uint32_t flag;
} letters[] = {
    {'D', INDEX_DRAFT},
    {'F', INDEX_FLAGGED},
    {'P', INDEX_PASSED},
    {'R', INDEX_REPLIED},
    {'S', INDEX_SEEN},
    {'T', INDEX_TRASHED},
};

#define LETTER_COUNT (sizeof(letters) / sizeof(*letters))

/* ---- reading ---- */

/* Takes what is in front of the delimiter, and that, off the front. */
static struct span
take_until(struct span *text, char delimiter)
{
	struct span word = *text;
	const char *end =
	    text->len == 0 ? NULL : memchr(text->at, delimiter, text->len);

	if (end != NULL)
		word.len = (size_t)(end - text->at);
	*text = span_from(*text, word.len + (end != NULL));
	return word;
}

static bool
read_uid(struct span word, uint32_t *uid)
{
	unsigned long long number;

	if (!span_to_number(word, UINT32_MAX, &number))
		return false;
	*uid = (uint32_t)number;
	return true;
}

/* Keys that mean nothing here need only be numbers. */
static bool
read_header(struct span line, struct mbsync_state *state)
{
	struct span key = take_until(&line, ' ');
	const struct {
		const char *name;
		uint32_t *value;
	} keys[] = {
	    {"FarUidValidity", &state->far_uidvalidity},
	    {"MasterUidValidity", &state->far_uidvalidity},
	    {"NearUidValidity", &state->near_uidvalidity},
	    {"SlaveUidValidity", &state->near_uidvalidity},
	    {"MaxPulledUid", &state->max_pulled_uid},
	    {"MaxPushedUid", &state->max_pushed_uid},
	};
	uint32_t number;

	if (key.len == 0 || !read_uid(line, &number))
		return false;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (span_equal(key, span_of(keys[i].name)))
			*keys[i].value = number;
	return true;
}

/* The first line of mbsync 1.0. */
static bool
read_old_header(struct span line, struct mbsync_state *state)
{
	uint32_t expired;

	return read_uid(take_until(&line, ':'), &state->far_uidvalidity) &&
	    read_uid(take_until(&line, ' '), &state->max_pulled_uid) &&
	    read_uid(take_until(&line, ':'), &state->near_uidvalidity) &&
	    read_uid(take_until(&line, ':'), &expired) &&
	    read_uid(line, &state->max_pushed_uid);
}

static bool
read_flags(struct span text, struct mbsync_record *record)
{
	if (text.len > 0 && (text.at[0] == '<' || text.at[0] == '>')) {
		record->is_placeholder = true;
		text = span_from(text, 1);
	}
	/* skipped or expired: who has a file has it none the less */
	if (text.len > 0 && strchr("^~X", text.at[0]) != NULL &&
	    text.at[0] != '\0')
		text = span_from(text, 1);
	for (size_t i = 0; i < text.len; i++) {
		size_t k = 0;

		while (k < LETTER_COUNT && letters[k].letter != text.at[i])
			k++;
		if (k == LETTER_COUNT)
			return false;
		record->flags |= letters[k].flag;
	}
	return true;
}

static bool
read_record(struct span line, struct mbsync_state *state)
{
	struct mbsync_record record = {0};

	if (!read_uid(take_until(&line, ' '), &record.far) ||
	    !read_uid(take_until(&line, ' '), &record.near) ||
	    !read_flags(line, &record))
		return false;
	if (record.far == NO_UID)
		record.far = 0;
	if (record.near == NO_UID)
		record.near = 0;
	mbsync_state_add(state, &record);
	return true;
}

static bool
is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool
fail_line(uint32_t number, struct span line, struct imap_error *error)
{
	char shown[4 * LINE_SHOWN + 8];

	return imap_error_set(error, IMAP_ERROR_LOCAL,
	    "line %" PRIu32 " is none of mbsync's: \"%s\"", number,
	    imap_error_printable(line, LINE_SHOWN, shown, sizeof(shown)));
}

bool
mbsync_state_parse(
    struct span text, struct mbsync_state *state, struct imap_error *error)
{
	bool has_header = text.len > 0 && !is_digit(text.at[0]);
	bool is_first = true;
	uint32_t number = 0;

	*state = (struct mbsync_state){0};
	while (text.len > 0) {
		struct span line = take_until(&text, '\n');
		bool is_right;

		number++;
		if (has_header && line.len == 0) {
			has_header = false;
			is_first = false;
			continue;
		}
		if (has_header)
			is_right = read_header(line, state);
		else
			is_right = is_first ? read_old_header(line, state)
					    : read_record(line, state);
		if (!is_right)
			return fail_line(number, line, error);
		is_first = is_first && has_header;
	}
	if (has_header || state->far_uidvalidity == 0)
		return imap_error_set(error, IMAP_ERROR_LOCAL,
		    "it does not say the server's UIDVALIDITY, or is cut off");
	return true;
}

void
mbsync_state_add(struct mbsync_state *state, const struct mbsync_record *record)
{
	if (state->count == state->size) {
		state->size = state->size * 2 + 64;
		state->records = mem_resize(
		    state->records, state->size, sizeof(*state->records));
	}
	state->records[state->count++] = *record;
}

void
mbsync_state_free(struct mbsync_state *state)
{
	mem_free(state->records);
	*state = (struct mbsync_state){0};
}

uint32_t
mbsync_state_other(uint32_t uidvalidity)
{
	return uidvalidity > 1 ? uidvalidity - 1 : 2;
}

/* ---- finding ---- */

static int
compare_near(const void *a, const void *b)
{
	uint32_t left = ((const struct mbsync_record *)a)->near;
	uint32_t right = ((const struct mbsync_record *)b)->near;

	return left < right ? -1 : left > right;
}

void
mbsync_state_sort(struct mbsync_state *state)
{
	if (state->count > 1)
		qsort(state->records, state->count, sizeof(*state->records),
		    compare_near);
}

const struct mbsync_record *
mbsync_state_find(const struct mbsync_state *state, uint32_t near)
{
	const struct mbsync_record key = {.near = near};
	const struct mbsync_record *found = state->count == 0
	    ? NULL
	    : bsearch(&key, state->records, state->count, sizeof(key),
		  compare_near);

	if (found == NULL ||
	    (found > state->records && found[-1].near == near) ||
	    (found + 1 < state->records + state->count &&
		found[1].near == near))
		return NULL;
	return found;
}

/* ---- writing ---- */

static bool
format_record(const struct mbsync_record *record, struct buf *text)
{
	char flags[LETTER_COUNT + 1] = "";
	size_t len = 0;

	for (size_t i = 0; i < LETTER_COUNT; i++)
		if ((record->flags & letters[i].flag) != 0)
			flags[len++] = letters[i].letter;
	return buf_add_format(text, "%" PRIu32 " %" PRIu32 " %s%s\n",
	    record->far, record->near, record->is_placeholder ? ">" : "",
	    flags);
}

bool
mbsync_state_format(const struct mbsync_state *state, struct buf *text)
{
	bool fits = buf_add_format(text,
	    "FarUidValidity %" PRIu32 "\nNearUidValidity %" PRIu32
	    "\nMaxPulledUid %" PRIu32 "\nMaxPushedUid %" PRIu32 "\n\n",
	    state->far_uidvalidity, state->near_uidvalidity,
	    state->max_pulled_uid, state->max_pushed_uid);

	for (uint32_t i = 0; fits && i < state->count; i++)
		fits = format_record(&state->records[i], text);
	return fits;
}
