/*
 * Python's tokens, as far as they stand in short expressions, and lists.
 */
#include "daemon/import_python.h"

#include <ctype.h>
#include <string.h>

#include "libclient/base/mem.h"

#define STRING_MAX ((size_t)1 << 20)

void
import_strings_add(struct import_strings *strings, const char *text)
{
	strings->items = mem_resize((void *)strings->items, strings->count + 1,
	    sizeof(*strings->items));
	strings->items[strings->count++] = mem_copy_string(text);
}

void
import_strings_free(struct import_strings *strings)
{
	for (uint32_t i = 0; i < strings->count; i++)
		mem_free(strings->items[i]);
	strings->items = mem_free((void *)strings->items);
	strings->count = 0;
}

void
import_python_free(struct import_tokens *tokens)
{
	for (uint32_t i = 0; i < tokens->count; i++)
		mem_free_secret(tokens->items[i].text);
	tokens->items = mem_free(tokens->items);
	tokens->count = 0;
}

bool
import_token_is(const struct import_token *token, const char *text)
{
	return (token->kind == IMPORT_TOKEN_NAME ||
		   token->kind == IMPORT_TOKEN_SIGN) &&
	    strcmp(token->text, text) == 0;
}

static void
add_token(
    struct import_tokens *tokens, enum import_token_kind kind, struct span text)
{
	tokens->items = mem_resize(
	    tokens->items, tokens->count + 1, sizeof(*tokens->items));
	tokens->items[tokens->count++] =
	    (struct import_token){kind, span_to_string(text)};
}

/* The character that an escape stands for; -1: it is another escape. */
static int
escaped(char c)
{
	if (c == 'n')
		return '\n';
	if (c == 't')
		return '\t';
	return strchr("\\'\"", c) != NULL ? c : -1;
}

/* The string at the front, behind its prefix; false: not understood. */
static bool
read_string(struct span *in, bool is_raw, struct buf *out)
{
	char quote = in->at[0];
	size_t i = 1;

	if (in->len >= 3 && in->at[1] == quote && in->at[2] == quote)
		return false; /* over several lines */
	for (; i < in->len && in->at[i] != quote && in->at[i] != '\n'; i++) {
		int c = (unsigned char)in->at[i];

		if (c == '\\' && i + 1 < in->len) {
			i++;
			if (is_raw)
				(void)buf_add_string(out, "\\");
			c = is_raw ? (unsigned char)in->at[i]
				   : escaped(in->at[i]);
		}
		if (c == -1)
			return false;
		(void)buf_add(out, &(char){(char)c}, 1);
	}
	if (i >= in->len || in->at[i] != quote)
		return false;
	*in = span_from(*in, i + 1);
	return true;
}

/* The length of the string's prefix at the front, if it is one. */
static size_t
prefix_length(struct span in)
{
	size_t len = 0;

	while (
	    len < in.len && len < 2 && strchr("rRbBuUfF", in.at[len]) != NULL)
		len++;
	return len < in.len && strchr("'\"", in.at[len]) != NULL ? len
								 : SIZE_MAX;
}

static bool
has_letter(struct span text, const char *letters)
{
	for (size_t i = 0; i < text.len; i++)
		if (strchr(letters, text.at[i]) != NULL)
			return true;
	return false;
}

static bool
take_string(struct span *in, size_t prefix_len, struct import_tokens *tokens)
{
	struct span prefix = {in->at, prefix_len};
	struct buf text;
	bool is_good;

	buf_init(&text, STRING_MAX);
	*in = span_from(*in, prefix_len);
	is_good = read_string(in, has_letter(prefix, "rR"), &text);
	if (is_good)
		add_token(tokens,
		    has_letter(prefix, "fF") ? IMPORT_TOKEN_FORMAT
					     : IMPORT_TOKEN_STRING,
		    buf_span(&text));
	buf_free_secret(&text);
	return is_good;
}

static bool
is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Takes one token, or what is between tokens; false: not understood. */
static bool
take_token(struct span *in, struct import_tokens *tokens)
{
	size_t prefix_len = prefix_length(*in);
	size_t len = 0;

	if (prefix_len != SIZE_MAX)
		return take_string(in, prefix_len, tokens);
	if (in->at[0] == '#') {
		while (len < in->len && in->at[len] != '\n')
			len++;
		*in = span_from(*in, len);
		return true;
	}
	if (isspace((unsigned char)in->at[0]) || in->at[0] == '\\') {
		*in = span_from(*in, 1);
		return true;
	}
	while (len < in->len && is_name(in->at[len]))
		len++;
	if (len > 0) {
		add_token(
		    tokens, IMPORT_TOKEN_NAME, (struct span){in->at, len});
		*in = span_from(*in, len);
		return true;
	}
	len = in->len >= 2 && in->at[1] == '=' &&
		strchr("=!<>", in->at[0]) != NULL
	    ? 2
	    : 1;
	add_token(tokens, IMPORT_TOKEN_SIGN, (struct span){in->at, len});
	*in = span_from(*in, len);
	return true;
}

bool
import_python_read(struct span text, struct import_tokens *tokens)
{
	bool is_good = true;

	while (text.len > 0 && is_good)
		is_good = take_token(&text, tokens);
	add_token(tokens, IMPORT_TOKEN_END, span_of(""));
	return is_good;
}

static bool
read_list(const struct import_token *token, struct import_strings *strings)
{
	if (!import_token_is(token++, "["))
		return false;
	while (!import_token_is(token, "]")) {
		if (token->kind != IMPORT_TOKEN_STRING)
			return false;
		import_strings_add(strings, token->text);
		token++;
		if (import_token_is(token, ","))
			token++;
		else if (!import_token_is(token, "]"))
			return false;
	}
	return token[1].kind == IMPORT_TOKEN_END;
}

bool
import_python_list(const char *text, struct import_strings *strings)
{
	struct import_tokens tokens = {0};
	bool is_good = import_python_read(span_of(text), &tokens) &&
	    read_list(tokens.items, strings);

	import_python_free(&tokens);
	if (!is_good)
		import_strings_free(strings);
	return is_good;
}
