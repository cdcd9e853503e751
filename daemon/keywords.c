/*
 * dovecot-keywords: a line a keyword, its number and its name.
 */
#include "daemon/keywords.h"

#include <stdio.h>

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

void
keywords_read(struct keywords *keywords, struct maildir *maildir)
{
	char *text = mem_alloc(FILE_MAX);
	struct span rest = {
	    text, maildir_read_file(maildir, FILE_NAME, text, FILE_MAX)};

	keywords_free(keywords);
	while (rest.len > 0) {
		const char *end = memchr(rest.at, '\n', rest.len);
		size_t len = end == NULL ? rest.len : (size_t)(end - rest.at);

		read_line(keywords, (struct span){rest.at, len});
		rest = span_from(rest, len + (end != NULL));
	}
	mem_free(text);
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

void
keywords_free(struct keywords *keywords)
{
	for (unsigned i = 0; i < KEYWORDS_MAX; i++)
		mem_free(keywords->names[i]);
	*keywords = (struct keywords){0};
}
