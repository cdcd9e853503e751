/*
 * An untagged response to a tree of values (RFC 9051 section 9). The line is
 * copied once into the reply's memory; values are spans of that copy, which
 * may therefore be changed in place: names in capitals, strings unescaped.
 */
#include "libclient/imaplib_values.h"

#include <string.h>

#include "libclient/wire/response_private.h"

/* So many digits are a number of 64 bits, whichever they are. */
#define SAFE_DIGITS 19

/*
 * What an atom's bytes mean: most are of it, controls too, for Cyrus sends
 * bytes of its memory in the place of an id; some end it, some may.
 */
enum { IS_ATOM, ENDS_ATOM, OPENS_SECTION, OPENS_LITERAL };

static const unsigned char classes[256] = {
    ['\0'] = ENDS_ATOM,
    ['\r'] = ENDS_ATOM,
    ['\n'] = ENDS_ATOM,
    [' '] = ENDS_ATOM,
    ['('] = ENDS_ATOM,
    [')'] = ENDS_ATOM,
    ['"'] = ENDS_ATOM,
    ['['] = OPENS_SECTION,
    ['{'] = OPENS_LITERAL,
};

enum outcome {
	PARSED,
	BROKEN, /* the line is no tree of values */
	FAILED /* *error is set */
};

/* Reads the copy of a line; *end is a NUL, which ends every loop. */
struct parser {
	char *begin;
	char *at;
	char *end;
	const struct frame_view *view;
	uint32_t literal; /* the next one's index */
	struct imaplib_memory *memory;
	const struct imaplib_value **tail; /* where the next value is linked */
	const struct imaplib_value **outer[TOKEN_MAX_DEPTH];
	unsigned depth;
	struct imap_error *error;
};

static bool
refuse_memory(const struct imaplib_memory *memory, struct imap_error *error)
{
	return imap_error_set(error, IMAP_ERROR_LIMIT,
	    "a reply needs more than %zu bytes of memory", memory->max_held);
}

static inline struct imaplib_value *
new_value(struct parser *parser, enum imaplib_kind kind)
{
	struct imaplib_value *value =
	    imaplib_memory_get(parser->memory, sizeof(*value));

	if (value == NULL) {
		refuse_memory(parser->memory, parser->error);
		return NULL;
	}
	value->kind = kind;
	value->next = NULL;
	*parser->tail = value;
	parser->tail = &value->next;
	return value;
}

static inline enum outcome
add_value(struct parser *parser, enum imaplib_kind kind, struct span bytes)
{
	struct imaplib_value *value = new_value(parser, kind);

	if (value == NULL)
		return FAILED;
	value->bytes = bytes;
	return PARSED;
}

static enum outcome
open_list(struct parser *parser)
{
	struct imaplib_value *list;

	if (parser->depth == TOKEN_MAX_DEPTH)
		return BROKEN;
	list = new_value(parser, IMAPLIB_LIST);
	if (list == NULL)
		return FAILED;
	list->first = NULL;
	parser->outer[parser->depth++] = parser->tail;
	parser->tail = &list->first;
	parser->at++;
	return PARSED;
}

static enum outcome
close_list(struct parser *parser)
{
	if (parser->depth == 0)
		return BROKEN;
	parser->tail = parser->outer[--parser->depth];
	parser->at++;
	return PARSED;
}

/*
 * As in wire/token.c, only \" and \\ are escapes. The string is unescaped in
 * its place, where it only becomes shorter.
 */
static enum outcome
unescape_quoted(struct parser *parser)
{
	char *from = parser->at + 1;
	char *to = from;
	struct span bytes = {from, 0};

	while (*from != '"') {
		if (*from == '\n' || from == parser->end)
			return BROKEN;
		if (*from == '\\' && (from[1] == '"' || from[1] == '\\'))
			from++;
		*to++ = *from++;
	}
	bytes.len = (size_t)(to - bytes.at);
	parser->at = from + 1;
	return add_value(parser, IMAPLIB_STRING, bytes);
}

static enum outcome
read_quoted(struct parser *parser)
{
	char *from = parser->at + 1;
	char *quote = memchr(from, '"', (size_t)(parser->end - from));
	struct span bytes = {from, 0};

	if (quote == NULL)
		return BROKEN;
	bytes.len = (size_t)(quote - from);
	/* only behind a literal there are further lines */
	if (memchr(from, '\\', bytes.len) != NULL ||
	    (parser->view->literal_count > 0 &&
		memchr(from, '\n', bytes.len) != NULL))
		return unescape_quoted(parser);
	parser->at = quote + 1;
	return add_value(parser, IMAPLIB_STRING, bytes);
}

/*
 * The literal whose announcement is at a position, or NULL: the frame reader
 * has judged already which there are. *behind is where its bytes are.
 */
static const struct frame_literal *
find_literal(struct parser *parser, const char *at, const char **behind)
{
	const struct frame_view *view = parser->view;

	if (parser->literal == view->literal_count)
		return NULL;
	at += *at == '~' ? 1 : 0;
	if (*at++ != '{')
		return NULL;
	while (*at >= '0' && *at <= '9')
		at++;
	if (*at++ != '}')
		return NULL;
	at += *at == '\r' ? 1 : 0;
	if (*at++ != '\n')
		return NULL;
	while (parser->literal < view->literal_count &&
	    view->literals[parser->literal].at < (size_t)(at - parser->begin))
		parser->literal++;
	if (parser->literal == view->literal_count ||
	    view->literals[parser->literal].at != (size_t)(at - parser->begin))
		return NULL;
	*behind = at;
	return &view->literals[parser->literal];
}

static enum outcome
read_literal(struct parser *parser, const struct frame_literal *literal,
    const char *behind)
{
	struct span bytes = {behind, (size_t)literal->size};

	parser->literal++;
	parser->at = parser->begin + (behind - parser->begin);
	if (literal->id == 0)
		parser->at += literal->size;
	else if (!imaplib_memory_claim(parser->memory, literal->id, &bytes) ||
	    bytes.len != literal->size) {
		imap_error_set(parser->error, IMAP_ERROR_PROTOCOL,
		    "a literal of a response did not come");
		return FAILED;
	}
	return add_value(parser, IMAPLIB_STRING, bytes);
}

/* True for the FETCH items that have a section in brackets. */
static bool
has_section(struct span name)
{
	static const char *const names[] = {
	    "BODY", "BODY.PEEK", "BINARY", "BINARY.PEEK", "BINARY.SIZE"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_equal_nocase(name, names[i]))
			return true;
	return false;
}

/*
 * Behind the ] of BODY[HEADER.FIELDS (From "To")], of which the [ is at a
 * position; NULL: it has no end. Another [ ends the search, so that a line of
 * nothing but open brackets is not searched again and again.
 */
static char *
skip_section(char *at)
{
	bool is_quoted = false;

	for (at++; *at != '\0' && *at != '\n'; at++) {
		if (*at == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && *at == '\\' && at[1] != '\0')
			at++;
		else if (!is_quoted && *at == ']')
			return at + 1;
		else if (!is_quoted && *at == '[')
			return NULL;
	}
	return NULL;
}

/* The end of the atom at a position. Flags may have [ and ] in them (Gmail). */
static char *
find_atom_end(struct parser *parser, char *begin)
{
	char *at = begin;
	const char *behind;
	char *section;

	for (;;) {
		while (classes[(unsigned char)*at] == IS_ATOM)
			at++;
		switch (classes[(unsigned char)*at]) {
		case OPENS_SECTION:
			section = has_section((struct span){
				      begin, (size_t)(at - begin)})
			    ? skip_section(at)
			    : NULL;
			at = section == NULL ? at + 1 : section;
			break;
		case OPENS_LITERAL:
			if (find_literal(parser, at, &behind) != NULL)
				return at;
			at++;
			break;
		default:
			return at;
		}
	}
}

static inline enum outcome
add_atom(struct parser *parser, struct span atom)
{
	if (atom.len == 3 && (*atom.at == 'N' || *atom.at == 'n') &&
	    span_equal_nocase(atom, "NIL"))
		return add_value(parser, IMAPLIB_NIL, (struct span){0});
	return add_value(parser, IMAPLIB_ATOM, atom);
}

/*
 * The atoms from here on that have neither section nor literal, which most of
 * a listing is made of. Up to the first that has, or is something else.
 */
static inline enum outcome
read_plain_atoms(struct parser *parser)
{
	char *begin = parser->at;
	char *at;

	for (;;) {
		begin += *begin == ' ' ? 1 : 0;
		at = begin;
		while (classes[(unsigned char)*at] == IS_ATOM)
			at++;
		if (at == begin || classes[(unsigned char)*at] != ENDS_ATOM)
			break;
		if (add_atom(parser,
			(struct span){begin, (size_t)(at - begin)}) != PARSED)
			return FAILED;
		begin = at;
	}
	parser->at = begin;
	return PARSED;
}

/* An atom of any kind, or a literal. */
static enum outcome
read_atom(struct parser *parser)
{
	const struct frame_literal *literal;
	const char *behind;
	char *begin = parser->at;

	if (*begin == '{' || *begin == '~') {
		literal = find_literal(parser, begin, &behind);
		if (literal != NULL)
			return read_literal(parser, literal, behind);
	}
	parser->at = find_atom_end(parser, begin);
	if (parser->at == begin)
		return BROKEN;
	return add_atom(
	    parser, (struct span){begin, (size_t)(parser->at - begin)});
}

/* What begins with a byte that is of no atom. */
static inline enum outcome
read_mark(struct parser *parser)
{
	switch (*parser->at) {
	case ' ':
	case '\r':
	case '\n':
		parser->at++;
		return PARSED;
	case '(':
		return open_list(parser);
	case ')':
		return close_list(parser);
	case '"':
		return read_quoted(parser);
	default:
		return BROKEN;
	}
}

/* All values up to the end. */
static enum outcome
read_values(struct parser *parser)
{
	enum outcome outcome = read_plain_atoms(parser);

	while (outcome == PARSED) {
		if (classes[(unsigned char)*parser->at] != ENDS_ATOM)
			outcome = read_atom(parser);
		else if (parser->at == parser->end)
			return parser->depth == 0 ? PARSED : BROKEN;
		else
			outcome = read_mark(parser);
		if (outcome == PARSED)
			outcome = read_plain_atoms(parser);
	}
	return outcome;
}

/* Everything from here on as it came: what was changed in it is restored. */
static enum outcome
keep_raw(struct parser *parser, struct imaplib_untagged *untagged, char *from)
{
	size_t at = (size_t)(from - parser->begin);
	struct span raw = {from, parser->view->text.len - at};

	if (raw.len > 0)
		memcpy(from, parser->view->text.at + at, raw.len);
	parser->tail = &untagged->data;
	return add_value(parser, IMAPLIB_ATOM, response_trim(raw));
}

static void
make_upper(struct parser *parser, struct span span)
{
	char *at = parser->begin + (span.at - parser->begin);
	size_t i;

	for (i = 0; i < span.len; i++)
		if (at[i] >= 'a' && at[i] <= 'z')
			at[i] = (char)(at[i] - 'a' + 'A');
}

/* OK, NO, BAD, BYE, PREAUTH */
static bool
is_state(struct span name)
{
	unsigned i;

	if (name.len > sizeof("PREAUTH") - 1)
		return false;
	for (i = IMAP_STATE_OK; i <= IMAP_STATE_PREAUTH; i++)
		if (span_equal_nocase(name, imap_state_name(i)))
			return true;
	return false;
}

/* The rest of the line; *type is that of its code. */
static enum outcome
read_state(struct parser *parser, struct imaplib_untagged *untagged,
    enum imap_code_type *type)
{
	struct imaplib_status *status =
	    imaplib_memory_get(parser->memory, sizeof(*status));
	struct imap_code code;

	if (status == NULL) {
		refuse_memory(parser->memory, parser->error);
		return FAILED;
	}
	*status = (struct imaplib_status){
	    .text = response_trim(
		(struct span){parser->at, (size_t)(parser->end - parser->at)}),
	};
	untagged->status = status;
	response_read_code(&status->text, &code);
	*type = code.type;
	if (code.type == IMAP_CODE_NONE)
		return PARSED;
	make_upper(parser, code.name);
	status->code = code.name;
	status->arguments = code.arguments;
	return PARSED;
}

static void
skip_spaces(struct parser *parser)
{
	while (*parser->at == ' ')
		parser->at++;
}

/* "* " and a number, if there is one. False: this is none of our lines. */
static bool
read_front(struct parser *parser, struct imaplib_untagged *untagged)
{
	struct span digits;
	unsigned long long number = 0;
	char *at;

	if (parser->at[0] != '*' || parser->at[1] != ' ')
		return false;
	parser->at++;
	skip_spaces(parser);
	at = parser->at;
	while (*at >= '0' && *at <= '9')
		number = number * 10 + (unsigned)(*at++ - '0');
	digits = (struct span){parser->at, (size_t)(at - parser->at)};
	parser->at = at;
	if (digits.len == 0)
		return true;
	if (*parser->at != ' ' ||
	    ((digits.len > SAFE_DIGITS || number > UINT32_MAX) &&
		!span_to_number(digits, UINT32_MAX, &number))) {
		parser->at -= digits.len;
		return false;
	}
	untagged->number = (uint32_t)number;
	untagged->has_number = true;
	skip_spaces(parser);
	return true;
}

static enum outcome
read_named(struct parser *parser, struct imaplib_untagged *untagged)
{
	struct span name = {parser->at, 0};
	enum imap_code_type type;
	enum outcome outcome;
	char *from;

	while (classes[(unsigned char)*parser->at] == IS_ATOM)
		parser->at++;
	name.len = (size_t)(parser->at - name.at);
	make_upper(parser, name);
	untagged->name = name;
	if (!untagged->has_number && is_state(name))
		return read_state(parser, untagged, &type);
	from = parser->at;
	parser->tail = &untagged->data;
	outcome = read_values(parser);
	return outcome == BROKEN ? keep_raw(parser, untagged, from) : outcome;
}

/* Compilers make a slow loop of a struct's assignment. */
static void
clear(struct imaplib_untagged *untagged)
{
	const struct span none = {0};

	untagged->next = NULL;
	untagged->name = none;
	untagged->number = 0;
	untagged->has_number = false;
	untagged->data = NULL;
	untagged->status = NULL;
}

/* Lines that lack their front, by real servers: as in wire/response.c. */
static enum outcome
read_bent_line(struct parser *parser, struct imaplib_untagged *untagged)
{
	enum imap_code_type type;
	enum outcome outcome;

	if (*parser->at == '[' && !untagged->has_number) {
		untagged->name = span_of("OK");
		outcome = read_state(parser, untagged, &type);
		if (outcome != PARSED)
			return outcome;
		return type == IMAP_CODE_NONE || type == IMAP_CODE_OTHER
		    ? BROKEN
		    : PARSED;
	}
	if (!span_has_prefix_nocase(parser->view->text, "Server Unavailable."))
		return BROKEN;
	untagged->name = span_of("BYE");
	return read_state(parser, untagged, &type);
}

static enum outcome
read_line(struct parser *parser, struct imaplib_untagged *untagged)
{
	bool is_ours = read_front(parser, untagged);
	enum outcome outcome;

	if (is_ours && classes[(unsigned char)*parser->at] == IS_ATOM)
		return read_named(parser, untagged);
	outcome = read_bent_line(parser, untagged);
	if (outcome != BROKEN)
		return outcome;
	clear(untagged);
	return keep_raw(parser, untagged, parser->at);
}

/* Not by an initialiser, which would clear .outer for each line. */
static void
begin(struct parser *parser, const struct frame_view *view, char *text)
{
	if (view->text.len > 0)
		memcpy(text, view->text.at, view->text.len);
	parser->begin = text;
	parser->at = text;
	parser->end = text + view->text.len;
	*parser->end = '\0';
	parser->view = view;
	parser->literal = 0;
	parser->depth = 0;
}

struct imaplib_untagged *
imaplib_reply_add(struct imaplib_reply *reply, const struct frame_view *view,
    struct imap_error *error)
{
	struct imaplib_memory *memory = imaplib_reply_memory(reply);
	struct imaplib_untagged *untagged =
	    imaplib_memory_get(memory, sizeof(*untagged));
	char *text = imaplib_memory_get(memory, view->text.len + 1);
	struct parser parser;

	if (untagged == NULL || text == NULL) {
		refuse_memory(memory, error);
		return NULL;
	}
	begin(&parser, view, text);
	parser.memory = memory;
	parser.error = error;
	clear(untagged);
	if (read_line(&parser, untagged) == FAILED)
		return NULL;
	if (memory->arriving != NULL)
		imaplib_memory_drop_arriving(memory);
	if (!imaplib_reply_append(reply, untagged, error))
		return NULL;
	return untagged;
}
