/*
 * A frame's text to tokens (RFC 9051 section 9): atoms, strings, NIL, lists.
 * Grammar on top of it reads as a chain of conditions: each reader advances
 * only when it succeeds. Frames are complete, so there is no "need more".
 */
#ifndef LIBCLIENT_WIRE_TOKEN_H
#define LIBCLIENT_WIRE_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/arena.h"
#include "libclient/wire/frame.h"

/* How deep lists may nest before a response is refused. */
#define TOKEN_MAX_DEPTH 32

/* What ends an atom: space, controls, and ( ) { " */
extern const bool token_ends_atom[256];

/* A reading position in one frame. */
struct token_reader {
	struct span rest; /* what is not read yet */
	const char *begin;
	const struct frame_literal *literals; /* those not read yet */
	uint32_t literal_count;
	struct arena *arena; /* for unescaped quoted strings */
};

/* A string value: inline bytes, or a body that was streamed. */
struct token_string {
	struct span bytes; /* empty for a streamed one */
	uint64_t size; /* its length, streamed or not */
	uint32_t streamed; /* 0, or the id of the pieces */
	bool is_nil;
};

/* Starts reading a FRAME_READY view; arena must outlive what is read. */
void token_begin(struct token_reader *reader, const struct frame_view *view,
    struct arena *arena);

/*
 * Skips spaces (real servers send several) and the empty lines that frames may
 * hold; true if there was one at least.
 */
static inline bool
token_space(struct token_reader *reader)
{
	const char *at = reader->rest.at;
	const char *end = at + reader->rest.len;

	while (at < end && (*at == ' ' || *at == '\r' || *at == '\n'))
		at++;
	if (at == reader->rest.at)
		return false;
	reader->rest = (struct span){at, (size_t)(end - at)};
	return true;
}

/* True if nothing but spaces is left. */
bool token_at_end(const struct token_reader *reader);

/* The next byte without reading it; 0 at the end. */
static inline char
token_peek(const struct token_reader *reader)
{
	if (reader->rest.len == 0)
		return '\0';
	return reader->rest.at[0];
}

/* True, and the byte is read, if the next byte is c. */
static inline bool
token_byte(struct token_reader *reader, char c)
{
	if (reader->rest.len == 0 || reader->rest.at[0] != c)
		return false;
	reader->rest = span_from(reader->rest, 1);
	return true;
}

/* An atom: up to space, ( ) { " or control. May hold \ ] [ * % and 8-bit. */
static inline bool
token_atom(struct token_reader *reader, struct span *atom)
{
	const char *at = reader->rest.at;
	const char *end = at + reader->rest.len;

	while (at < end && !token_ends_atom[(unsigned char)*at])
		at++;
	if (at == reader->rest.at)
		return false;
	*atom = (struct span){reader->rest.at, (size_t)(at - reader->rest.at)};
	reader->rest = (struct span){at, (size_t)(end - at)};
	return true;
}

/* As token_atom(), but ends at [ too: a FETCH item's name. */
bool token_item(struct token_reader *reader, struct span *item);

/* A number up to max, and no digit behind it. */
bool token_number(struct token_reader *reader, uint64_t max, uint64_t *number);

/* A UID: nz-number of 32 bits. */
bool token_uid(struct token_reader *reader, uint32_t *uid);

/* A quoted string, a literal (also ~{n}) or NIL. */
bool token_nstring(struct token_reader *reader, struct token_string *string);

/* An atom, a quoted string or an inline literal: a mailbox name, a keyword. */
bool token_astring(struct token_reader *reader, struct span *string);

/* Skips what stands where an atom might, controls included: Cyrus sends bytes
 * of its memory in the place of an id. False: not a byte of such. */
bool token_skip_word(struct token_reader *reader);

/* Skips one value of any kind, lists with all their members (no recursion). */
bool token_skip(struct token_reader *reader);

#endif
