/*
 * FETCH and UIDFETCH (RFC 9051 section 7.5.2, RFC 9586). Items come in any
 * order; what is not known is skipped, whatever it is made of.
 */
#include <string.h>

#include "libclient/wire/date.h"
#include "libclient/wire/response_private.h"

#define SPAN(literal)                        \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

/* "dd-Mmm-yyyy hh:mm:ss +zzzz" */
#define DATE_LEN 26

/* So many digits are a number of 64 bits, whichever they are. */
#define SAFE_DIGITS 19

/* Keywords of one list that are read without counting them first. */
#define FEW_KEYWORDS 16

static const struct {
	struct span name;
	unsigned flag;
} flag_names[] = {
    {SPAN("\\Seen"), IMAP_FLAG_SEEN},
    {SPAN("\\Answered"), IMAP_FLAG_ANSWERED},
    {SPAN("\\Flagged"), IMAP_FLAG_FLAGGED},
    {SPAN("\\Deleted"), IMAP_FLAG_DELETED},
    {SPAN("\\Draft"), IMAP_FLAG_DRAFT},
    {SPAN("$Forwarded"), IMAP_FLAG_FORWARDED},
    {SPAN("\\Recent"), IMAP_FLAG_RECENT},
};

/* Most servers write names as they are written here. */
static inline bool
is_name(struct span word, struct span name)
{
	return word.len == name.len &&
	    (memcmp(word.at, name.at, name.len) == 0 ||
		span_has_prefix_nocase(word, name.at));
}

unsigned
response_flag(struct span name)
{
	size_t i;

	if (RESPONSE_IS(name, "\\Seen"))
		return IMAP_FLAG_SEEN;
	for (i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++)
		if (is_name(name, flag_names[i].name))
			return flag_names[i].flag;
	return 0;
}

/* NIL and \* are no keywords. */
static bool
is_keyword(struct span name)
{
	return name.len > 0 && !is_name(name, (struct span)SPAN("\\*")) &&
	    !is_name(name, (struct span)SPAN("NIL"));
}

/*
 * Reads a list of flags, which some servers quote. All keywords are counted,
 * max of them are stored.
 */
static bool
walk_flags(struct token_reader *reader, struct imap_flags *flags,
    struct span *keywords, uint32_t max)
{
	struct span name;
	unsigned flag;
	char next;

	flags->keyword_count = 0;
	if (!token_byte(reader, '('))
		return false;
	for (;;) {
		token_space(reader);
		if (token_byte(reader, ')'))
			return true;
		next = token_peek(reader);
		if (next == '"' || next == '{' || next == '~'
			? !token_astring(reader, &name)
			: !token_atom(reader, &name)) {
			if (!token_skip(reader))
				return false;
			continue;
		}
		flag = response_flag(name);
		flags->flags |= flag;
		if (flag != 0 || !is_keyword(name))
			continue;
		if (flags->keyword_count < max)
			keywords[flags->keyword_count] = name;
		flags->keyword_count++;
	}
}

bool
response_read_flags(struct token_reader *reader, struct imap_flags *flags)
{
	struct token_reader again = *reader;
	struct imap_flags read = {0};
	struct span few[FEW_KEYWORDS];
	struct span *keywords;

	if (!walk_flags(reader, &read, few, FEW_KEYWORDS))
		return false;
	if (read.keyword_count > 0) {
		keywords = arena_alloc(
		    reader->arena, read.keyword_count * sizeof(*keywords));
		if (keywords == NULL)
			return false;
		if (read.keyword_count <= FEW_KEYWORDS)
			memcpy(keywords, few,
			    read.keyword_count * sizeof(*keywords));
		else if (!walk_flags(
			     &again, &read, keywords, read.keyword_count))
			return false;
		read.keywords = keywords;
	}
	*flags = read;
	return true;
}

bool
response_read_value(struct token_reader *reader, struct span *value)
{
	struct token_reader copy = *reader;
	struct span atom;
	bool is_enclosed = token_byte(&copy, '(');

	*value = (struct span){0};
	token_space(&copy);
	if (!token_atom(&copy, &atom))
		return token_skip(reader);
	token_space(&copy);
	if (is_enclosed && !token_byte(&copy, ')'))
		return token_skip(reader);
	*reader = copy;
	if (!span_equal_nocase(atom, "NIL"))
		*value = atom;
	return true;
}

/* A number of no more than max, and an item or the list's end behind it. */
static inline bool
read_plain_number(struct token_reader *reader, uint64_t max, uint64_t *number)
{
	const struct span rest = reader->rest;
	uint64_t n = 0;
	size_t len = 0;

	while (len < rest.len && rest.at[len] >= '0' && rest.at[len] <= '9')
		n = n * 10 + (unsigned)(rest.at[len++] - '0');
	if (len == 0 || len > SAFE_DIGITS || n > max || len == rest.len ||
	    (rest.at[len] != ' ' && rest.at[len] != ')'))
		return false;
	reader->rest = span_from(rest, len);
	*number = n;
	return true;
}

/* False in *has for what is no number: Mail.ru sends sizes as 9.3736e+06. */
static bool
read_number(
    struct token_reader *reader, uint64_t max, uint64_t *number, bool *has)
{
	unsigned long long n = 0;
	struct span value;

	*has = read_plain_number(reader, max, number);
	if (*has)
		return true;
	if (!response_read_value(reader, &value))
		return false;
	*has = span_to_number(value, max, &n);
	if (*has)
		*number = n;
	return true;
}

/* A message cannot have two UIDs: such a line may not be believed at all. */
static bool
read_uid(struct token_reader *reader, struct imap_fetch *fetch)
{
	uint64_t uid = 0;
	bool has;

	if (!read_number(reader, UINT32_MAX, &uid, &has))
		return false;
	if (uid != 0 && fetch->uid != 0 && fetch->uid != uid)
		return false;
	if (uid != 0)
		fetch->uid = (uint32_t)uid;
	return true;
}

static bool
read_flags(struct token_reader *reader, struct imap_fetch *fetch)
{
	if (token_peek(reader) != '(')
		return token_skip(reader);
	fetch->has_flags = true;
	return response_read_flags(reader, &fetch->flags);
}

static bool
read_modseq(struct token_reader *reader, struct imap_fetch *fetch)
{
	bool has;

	return read_number(reader, INT64_MAX, &fetch->modseq, &has);
}

static bool
read_size(struct token_reader *reader, struct imap_fetch *fetch)
{
	return read_number(reader, INT64_MAX, &fetch->size, &fetch->has_size);
}

static bool
read_date(struct token_reader *reader, struct imap_fetch *fetch)
{
	const struct span rest = reader->rest;
	struct token_string string;
	int zone;

	/* a date has no quote in it, so this one has just the two */
	if (rest.len > DATE_LEN + 1 && rest.at[0] == '"' &&
	    rest.at[DATE_LEN + 1] == '"' &&
	    date_parse((struct span){rest.at + 1, DATE_LEN},
		&fetch->internaldate, &zone)) {
		reader->rest = span_from(rest, DATE_LEN + 2);
		fetch->has_internaldate = true;
		return true;
	}
	if (!token_nstring(reader, &string))
		return token_skip(reader);
	if (date_parse(string.bytes, &fetch->internaldate, &zone))
		fetch->has_internaldate = true;
	return true;
}

static bool
read_emailid(struct token_reader *reader, struct imap_fetch *fetch)
{
	return response_read_value(reader, &fetch->emailid);
}

/* By the length of the name, of which there is one of each. */
static const struct {
	const char *name;
	bool (*read)(struct token_reader *, struct imap_fetch *);
} items[] = {
    [sizeof("UID") - 1] = {"UID", read_uid},
    [sizeof("FLAGS") - 1] = {"FLAGS", read_flags},
    [sizeof("MODSEQ") - 1] = {"MODSEQ", read_modseq},
    [sizeof("EMAILID") - 1] = {"EMAILID", read_emailid},
    [sizeof("X-GM-MSGID") - 1] = {"X-GM-MSGID", read_emailid},
    [sizeof("RFC822.SIZE") - 1] = {"RFC822.SIZE", read_size},
    [sizeof("INTERNALDATE") - 1] = {"INTERNALDATE", read_date},
};

/* The [section]<origin> behind an item's name, if there is one. */
struct section {
	bool is_there;
	bool is_whole; /* [] and nothing else */
	bool is_header; /* [HEADER] or [HEADER.FIELDS ...] */
};

static bool
read_section(struct token_reader *reader, struct section *section)
{
	const struct span rest = reader->rest;
	bool is_quoted = false;
	struct span origin;
	size_t i = 1;

	*section = (struct section){0};
	if (token_peek(reader) != '[')
		return true;
	while (i < rest.len && (is_quoted || rest.at[i] != ']')) {
		if (rest.at[i] == '"')
			is_quoted = !is_quoted;
		i++;
	}
	if (i == rest.len)
		return false;
	section->is_there = true;
	section->is_whole = i == 1;
	section->is_header =
	    span_has_prefix_nocase((struct span){rest.at + 1, i - 1}, "HEADER");
	reader->rest = span_from(rest, i + 1);
	if (token_peek(reader) == '<' && token_atom(reader, &origin)) {
		section->is_whole = false;
		section->is_header = false;
	}
	return true;
}

/*
 * Yandex sends sections without a value: what is neither a string nor NIL (nor
 * a number, for BINARY.SIZE) is the next item already.
 */
static bool
read_section_value(
    struct token_reader *reader, bool *has_value, struct token_string *value)
{
	char next = token_peek(reader);

	*has_value = token_nstring(reader, value);
	if (*has_value)
		return true;
	if (next == '"' || next == '{' || next == '~')
		return false;
	if (next == '(' || (next >= '0' && next <= '9'))
		return token_skip(reader);
	return true;
}

/* The first BODY[] counts: a second one may only be an attempt at a swap. */
static void
take_body(struct imap_fetch *fetch, const struct token_string *value,
    bool has_value, struct span *body)
{
	if (fetch->has_body || fetch->body_is_nil)
		return;
	if (!has_value || value->is_nil) {
		fetch->body_is_nil = true;
		return;
	}
	fetch->has_body = true;
	fetch->body = value->streamed;
	fetch->body_size = value->size;
	*body = value->bytes;
}

static void
take_header(struct imap_fetch *fetch, const struct token_string *value)
{
	fetch->has_header = !value->is_nil;
	fetch->header = value->bytes;
}

/* True if the text begins with the name and one space, and a value follows. */
static inline bool
skip_name(struct token_reader *reader, struct span name)
{
	const struct span rest = reader->rest;

	if (rest.len <= name.len || memcmp(rest.at, name.at, name.len) != 0 ||
	    rest.at[name.len] <= ' ' || rest.at[name.len] == ')')
		return false;
	reader->rest = span_from(rest, name.len);
	return true;
}

#define SKIP_NAME(reader, literal) \
	skip_name(reader, (struct span)SPAN(literal " "))

/*
 * The items of every listing, as nearly all servers write them; false: it is
 * another one. There may be millions of them.
 */
static inline bool
read_usual(struct token_reader *reader, struct imap_fetch *fetch, bool *is_good)
{
	if (SKIP_NAME(reader, "UID"))
		*is_good = read_uid(reader, fetch);
	else if (SKIP_NAME(reader, "FLAGS"))
		*is_good = read_flags(reader, fetch);
	else if (SKIP_NAME(reader, "INTERNALDATE"))
		*is_good = read_date(reader, fetch);
	else if (SKIP_NAME(reader, "RFC822.SIZE"))
		*is_good = read_size(reader, fetch);
	else if (SKIP_NAME(reader, "MODSEQ"))
		*is_good = read_modseq(reader, fetch);
	else
		return false;
	return true;
}

static bool
read_item(
    struct token_reader *reader, struct imap_fetch *fetch, struct span *body)
{
	struct token_string value;
	struct section section;
	struct span name;
	bool has_value;
	bool is_good;

	if (read_usual(reader, fetch, &is_good))
		return is_good;
	if (!token_item(reader, &name) || !read_section(reader, &section))
		return false;
	token_space(reader);
	if (section.is_there) {
		if (!read_section_value(reader, &has_value, &value))
			return false;
		if (section.is_whole && span_equal_nocase(name, "BODY"))
			take_body(fetch, &value, has_value, body);
		else if (section.is_header && has_value && value.streamed == 0)
			take_header(fetch, &value);
		return true;
	}
	if (token_peek(reader) == ')')
		return true;
	if (name.len < sizeof(items) / sizeof(items[0]) &&
	    items[name.len].name != NULL &&
	    is_name(name, (struct span){items[name.len].name, name.len}))
		return items[name.len].read(reader, fetch);
	return token_skip(reader);
}

bool
response_read_fetch(
    struct token_reader *reader, struct imap_fetch *fetch, struct span *body)
{
	token_space(reader);
	if (!token_byte(reader, '('))
		return false;
	for (;;) {
		token_space(reader);
		if (token_byte(reader, ')'))
			return token_at_end(reader);
		if (!read_item(reader, fetch, body))
			return false;
	}
}
