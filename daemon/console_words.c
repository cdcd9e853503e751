/*
 * Splits what a person types into words, and puts words together again in
 * the protocol's form.
 */
#include "daemon/console_words.h"

#include "libclient/base/mem.h"

/* A line and how far it was read. */
struct reader {
	struct span line;
	size_t at;
	struct console_words_error *error;
};

static bool
is_at_end(const struct reader *reader)
{
	return reader->at == reader->line.len;
}

static bool
is_at(const struct reader *reader, char c)
{
	return !is_at_end(reader) && reader->line.at[reader->at] == c;
}

static bool
is_at_space(const struct reader *reader)
{
	return is_at(reader, ' ') || is_at(reader, '\t');
}

static bool
refuse(const struct reader *reader, size_t at, const char *text)
{
	reader->error->column = (uint32_t)at + 1;
	reader->error->text = text;
	return false;
}

static struct console_word *
add_word(struct console_words *words, enum console_word_kind kind,
    struct span text, size_t at)
{
	struct console_word *word;

	words->items = mem_resize(
	    words->items, (size_t)words->count + 1, sizeof(*words->items));
	word = &words->items[words->count++];
	*word = (struct console_word){
	    .kind = kind,
	    .text = span_to_string(text),
	    .len = text.len,
	    .column = (uint32_t)at + 1,
	};
	return word;
}

/* Wipes and frees the words behind the first count. */
static void
drop_words(struct console_words *words, uint32_t count)
{
	while (words->count > count) {
		struct console_word *word = &words->items[--words->count];

		mem_wipe(word->text, word->len);
		(void)mem_free(word->text);
	}
}

static bool
is_escape(struct span text)
{
	return text.len > 1 && text.at[0] == '\\' &&
	    (text.at[1] == '"' || text.at[1] == '\\');
}

/*
 * Goes from a quote to behind the one that closes it. A backslash in front of
 * anything but " and \\ is itself, for which a list, being sent as it is, has
 * no place.
 */
static bool
skip_quoted(struct reader *reader, bool is_in_list)
{
	size_t begin = reader->at++;

	for (; !is_at_end(reader); reader->at++) {
		if (is_at(reader, '"')) {
			reader->at++;
			return true;
		}
		if (!is_at(reader, '\\'))
			continue;
		if (is_escape(span_from(reader->line, reader->at)))
			reader->at++;
		else if (is_in_list)
			return refuse(reader, reader->at,
			    "inside a list's quotes a backslash stands only "
			    "in front of \" and \\");
	}
	return refuse(reader, begin, "the quote is not closed");
}

/* The same for a list, in which quotes may hold parentheses. */
static bool
skip_list(struct reader *reader)
{
	size_t begin = reader->at;
	size_t depth = 0;

	while (!is_at_end(reader)) {
		if (is_at(reader, '"')) {
			if (!skip_quoted(reader, true))
				return false;
			continue;
		}
		if (is_at(reader, '('))
			depth++;
		else if (is_at(reader, ')'))
			depth--;
		reader->at++;
		if (depth == 0)
			return true;
	}
	return refuse(reader, begin, "the parenthesis is not closed");
}

static bool
skip_bare(struct reader *reader)
{
	for (; !is_at_end(reader) && !is_at_space(reader); reader->at++)
		if (is_at(reader, '"'))
			return refuse(reader, reader->at,
			    "a quote inside a word: quote all of it");
	return true;
}

/* Takes the quotes off a word that has just been added. */
static void
unquote(struct console_word *word)
{
	size_t len = 0;

	for (size_t i = 1; i < word->len - 1; i++) {
		if (is_escape(span_from(console_word_span(word), i)))
			i++;
		word->text[len++] = word->text[i];
	}
	mem_wipe(word->text + len, word->len - len);
	word->len = len;
}

static bool
read_word(struct reader *reader, struct console_words *words)
{
	size_t begin = reader->at;
	enum console_word_kind kind;
	struct span text;
	bool is_read;

	if (is_at(reader, '"')) {
		kind = CONSOLE_WORD_QUOTED;
		is_read = skip_quoted(reader, false);
	} else if (is_at(reader, '(')) {
		kind = CONSOLE_WORD_LIST;
		is_read = skip_list(reader);
	} else {
		kind =
		    is_at(reader, '@') ? CONSOLE_WORD_FILE : CONSOLE_WORD_BARE;
		is_read = skip_bare(reader);
	}
	if (!is_read)
		return false;
	if (!is_at_end(reader) && !is_at_space(reader))
		return refuse(reader, reader->at, "a space is missing");
	text = (struct span){reader->line.at + begin, reader->at - begin};
	if (kind == CONSOLE_WORD_FILE) {
		if (text.len == 1)
			return refuse(
			    reader, begin, "a file's name is missing behind @");
		text = span_from(text, 1);
	}
	if (kind == CONSOLE_WORD_QUOTED)
		unquote(add_word(words, kind, text, begin));
	else
		(void)add_word(words, kind, text, begin);
	return true;
}

bool
console_words_split(struct span line, struct console_words *words,
    struct console_words_error *error)
{
	struct reader reader = {.line = line, .error = error};
	uint32_t count = words->count;

	for (;;) {
		while (is_at_space(&reader))
			reader.at++;
		if (is_at_end(&reader))
			return true;
		if (!read_word(&reader, words)) {
			drop_words(words, count);
			return false;
		}
	}
}

void
console_words_add_argument(struct console_words *words, const char *argument)
{
	struct console_words_error error;
	uint32_t count = words->count;
	struct span text = span_of(argument);

	if (text.len > 1 && text.at[0] == '@')
		(void)add_word(words, CONSOLE_WORD_FILE, span_from(text, 1), 0);
	else if (!console_words_split(text, words, &error) ||
	    words->count != count + 1) {
		drop_words(words, count);
		(void)add_word(words, CONSOLE_WORD_ARGUMENT, text, 0);
	}
	words->items[count].column = 0;
}

void
console_words_free(struct console_words *words)
{
	drop_words(words, 0);
	words->items = mem_free(words->items);
}

bool
console_word_is(const struct console_word *word, const char *name)
{
	return word->kind == CONSOLE_WORD_BARE &&
	    span_equal_nocase(console_word_span(word), name);
}

/* Writes a word behind *at and moves it. */
static void
put_word(char **at, const struct console_word *word, bool is_only)
{
	char *out = *at;
	bool is_quoted = word->kind == CONSOLE_WORD_QUOTED ||
	    word->kind == CONSOLE_WORD_FILE ||
	    (word->kind == CONSOLE_WORD_ARGUMENT &&
		(!is_only || word->len == 0));

	if (is_quoted)
		*out++ = '"';
	for (size_t i = 0; i < word->len; i++) {
		if (is_quoted &&
		    (word->text[i] == '"' || word->text[i] == '\\'))
			*out++ = '\\';
		*out++ = word->text[i];
	}
	if (is_quoted)
		*out++ = '"';
	*at = out;
}

char *
console_words_join(const struct console_word *words, uint32_t count)
{
	size_t size = 1;
	char *text;
	char *at;

	for (uint32_t i = 0; i < count; i++)
		size += 2 * words[i].len + 3;
	text = mem_alloc(size);
	at = text;
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0)
			*at++ = ' ';
		put_word(&at, &words[i], count == 1);
	}
	return text;
}

bool
console_words_duration(struct span text, uint64_t *microseconds)
{
	static const struct {
		const char *name;
		uint64_t factor;
	} units[] = {
	    {"ms", 1000},
	    {"s", 1000000},
	    {"m", 60000000},
	    {"h", 3600000000},
	    {"", 1000000},
	};
	unsigned long long number;
	uint64_t factor = 0;
	size_t digits = 0;

	while (digits < text.len && text.at[digits] >= '0' &&
	    text.at[digits] <= '9')
		digits++;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (span_equal_nocase(span_from(text, digits), units[i].name))
			factor = units[i].factor;
	if (factor == 0 ||
	    !span_to_number((struct span){text.at, digits},
		UINT64_MAX / 2 / factor, &number))
		return false;
	*microseconds = number * factor;
	return true;
}
