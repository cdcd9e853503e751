/*
 * Tokens of a frame's text (RFC 9051 section 9). Every reader works on a copy
 * of the position and stores it only when it succeeds.
 */
#include "libclient/wire/token.h"

#include <string.h>

/* So many digits are a number of 64 bits, whichever they are. */
#define SAFE_DIGITS 19

const bool token_ends_atom[256] = {
    [0 ... ' '] = true,
    ['('] = true,
    [')'] = true,
    ['{'] = true,
    ['"'] = true,
    [0x7f] = true,
};

void
token_begin(struct token_reader *reader, const struct frame_view *view,
    struct arena *arena)
{
	*reader = (struct token_reader){
	    .rest = view->text,
	    .begin = view->text.at,
	    .literals = view->literals,
	    .literal_count = view->literal_count,
	    .arena = arena,
	};
}

static void
advance(struct token_reader *reader, size_t n)
{
	reader->rest = span_from(reader->rest, n);
}

bool
token_at_end(const struct token_reader *reader)
{
	struct token_reader copy = {.rest = reader->rest};

	token_space(&copy);
	return copy.rest.len == 0;
}

bool
token_item(struct token_reader *reader, struct span *item)
{
	const struct span rest = reader->rest;
	size_t n = 0;

	while (n < rest.len && rest.at[n] != '[' &&
	    !token_ends_atom[(unsigned char)rest.at[n]])
		n++;
	if (n == 0)
		return false;
	*item = (struct span){rest.at, n};
	advance(reader, n);
	return true;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
token_number(struct token_reader *reader, uint64_t max, uint64_t *number)
{
	struct span digits = {reader->rest.at, 0};
	unsigned long long n = 0;

	while (
	    digits.len < reader->rest.len && is_digit(digits.at[digits.len])) {
		n = n * 10 + (unsigned)(digits.at[digits.len] - '0');
		digits.len++;
	}
	if (digits.len == 0)
		return false;
	if ((digits.len > SAFE_DIGITS || n > max) &&
	    !span_to_number(digits, max, &n))
		return false;
	*number = n;
	advance(reader, digits.len);
	return true;
}

bool
token_uid(struct token_reader *reader, uint32_t *uid)
{
	struct token_reader copy = *reader;
	uint64_t n;

	if (token_peek(&copy) == '0' || !token_number(&copy, UINT32_MAX, &n))
		return false;
	*uid = (uint32_t)n;
	*reader = copy;
	return true;
}

/*
 * Only \" and \\ are escapes. A backslash in front of anything else comes from
 * a server that does not know of escapes: it stands for itself.
 */
static bool
is_escape(struct span rest)
{
	return rest.len > 1 && rest.at[0] == '\\' &&
	    (rest.at[1] == '"' || rest.at[1] == '\\');
}

static bool
is_plain(char c)
{
	return c != '"' && c != '\\' && c != '\n';
}

/*
 * Finds a quoted string's end. *raw is what stands between the quotes. A
 * quoted string never spans lines, so it cannot swallow a literal.
 */
static bool
scan_quoted(struct token_reader *reader, struct span *raw, bool *is_escaped)
{
	const struct span rest = reader->rest;
	size_t i = 1;

	if (token_peek(reader) != '"')
		return false;
	*is_escaped = false;
	while (i < rest.len && is_plain(rest.at[i]))
		i++;
	while (i < rest.len && rest.at[i] != '"' && rest.at[i] != '\n') {
		if (is_escape(span_from(rest, i))) {
			*is_escaped = true;
			i++;
		}
		i++;
	}
	if (i >= rest.len || rest.at[i] != '"')
		return false;
	*raw = (struct span){rest.at + 1, i - 1};
	advance(reader, i + 1);
	return true;
}

static bool
unescape(struct token_reader *reader, struct span *bytes)
{
	char *copy = arena_alloc(reader->arena, bytes->len);
	size_t len = 0;
	size_t i;

	if (copy == NULL)
		return false;
	for (i = 0; i < bytes->len; i++) {
		if (is_escape(span_from(*bytes, i)))
			i++;
		copy[len++] = bytes->at[i];
	}
	*bytes = (struct span){copy, len};
	return true;
}

static bool
read_quoted(struct token_reader *reader, struct token_string *string)
{
	struct token_reader copy = *reader;
	struct span bytes;
	bool is_escaped;

	if (!scan_quoted(&copy, &bytes, &is_escaped))
		return false;
	if (is_escaped && !unescape(&copy, &bytes))
		return false;
	*string = (struct token_string){.bytes = bytes, .size = bytes.len};
	*reader = copy;
	return true;
}

/*
 * A literal's announcement was judged by the frame reader already: the list of
 * literals says where they are, the text only has to agree.
 */
static bool
read_literal(struct token_reader *reader, struct token_string *string)
{
	struct token_reader copy = *reader;
	struct frame_literal literal;
	uint64_t size;
	size_t at;

	token_byte(&copy, '~');
	if (!token_byte(&copy, '{') ||
	    !token_number(&copy, UINT64_MAX, &size) || !token_byte(&copy, '}'))
		return false;
	token_byte(&copy, '\r');
	if (!token_byte(&copy, '\n'))
		return false;
	at = (size_t)(copy.rest.at - copy.begin);
	/* Those that stood in text which nobody read as tokens are behind us.
	 */
	while (copy.literal_count > 0 && copy.literals->at < at) {
		copy.literals++;
		copy.literal_count--;
	}
	if (copy.literal_count == 0 || copy.literals->at != at)
		return false;
	literal = *copy.literals++;
	copy.literal_count--;
	*string =
	    (struct token_string){.size = literal.size, .streamed = literal.id};
	if (literal.id == 0) {
		string->bytes =
		    (struct span){copy.rest.at, (size_t)literal.size};
		advance(&copy, (size_t)literal.size);
	}
	*reader = copy;
	return true;
}

static bool
read_nil(struct token_reader *reader, struct token_string *string)
{
	struct token_reader copy = *reader;
	struct span atom;

	if (!token_atom(&copy, &atom) || !span_equal_nocase(atom, "NIL"))
		return false;
	*string = (struct token_string){.is_nil = true};
	*reader = copy;
	return true;
}

bool
token_nstring(struct token_reader *reader, struct token_string *string)
{
	switch (token_peek(reader)) {
	case '"':
		return read_quoted(reader, string);
	case '{':
	case '~':
		return read_literal(reader, string);
	default:
		return read_nil(reader, string);
	}
}

bool
token_astring(struct token_reader *reader, struct span *string)
{
	struct token_reader copy = *reader;
	struct token_string value;

	if (token_peek(reader) != '"' && token_peek(reader) != '{' &&
	    !(token_peek(reader) == '~' && reader->rest.len > 1 &&
		reader->rest.at[1] == '{'))
		return token_atom(reader, string);
	if (!token_nstring(&copy, &value) || value.streamed != 0)
		return false;
	*string = value.bytes;
	*reader = copy;
	return true;
}

static bool
ends_word(char c)
{
	return c == ' ' || c == '(' || c == ')' || c == '"' || c == '\r' ||
	    c == '\n';
}

bool
token_skip_word(struct token_reader *reader)
{
	struct token_string string;
	const char *begin = reader->rest.at;

	while (reader->rest.len > 0 && !ends_word(token_peek(reader))) {
		struct token_reader copy = *reader;

		if (token_peek(reader) == '{' && read_literal(&copy, &string))
			break;
		advance(reader, 1);
	}
	return reader->rest.at > begin;
}

/* Skips a string or a word. */
static bool
skip_flat(struct token_reader *reader)
{
	struct token_string string;
	struct span raw;
	bool is_escaped;

	if (token_peek(reader) == '"')
		return scan_quoted(reader, &raw, &is_escaped);
	return read_literal(reader, &string) || token_skip_word(reader);
}

bool
token_skip(struct token_reader *reader)
{
	struct token_reader copy = *reader;
	unsigned depth = 0;

	do {
		if (depth > 0)
			token_space(&copy);
		if (token_byte(&copy, '(')) {
			if (++depth > TOKEN_MAX_DEPTH)
				return false;
		} else if (depth > 0 && token_byte(&copy, ')')) {
			depth--;
		} else if (!skip_flat(&copy)) {
			return false;
		}
	} while (depth > 0);
	*reader = copy;
	return true;
}
