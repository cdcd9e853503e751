/*
 * The values of a reply of imaplib.h as text, for tests to compare.
 */
#ifndef TESTS_UNIT_IMAPLIB_TEXT_H
#define TESTS_UNIT_IMAPLIB_TEXT_H

#include <string.h>

#include "libclient/imaplib_reply.h"
#include "libclient/wire/token.h"

/* Values as text: atom 'string' NIL (list). Static. */
static inline const char *
values_text(const struct imaplib_value *value)
{
	static char text[4096];
	const struct imaplib_value *outer[TOKEN_MAX_DEPTH];
	unsigned depth = 0;
	struct buf buf;

	buf_init(&buf, sizeof(text) - 1);
	while (value != NULL || depth > 0) {
		if (value == NULL) {
			value = outer[--depth]->next;
			buf_add_string(&buf, value == NULL ? ")" : ") ");
			continue;
		}
		if (value->kind == IMAPLIB_LIST) {
			buf_add_string(&buf, "(");
			outer[depth++] = value;
			value = value->first;
			continue;
		}
		if (value->kind == IMAPLIB_NIL)
			buf_add_string(&buf, "NIL");
		else
			buf_add_format(&buf,
			    value->kind == IMAPLIB_ATOM ? "%.*s" : "'%.*s'",
			    (int)value->bytes.len, value->bytes.at);
		if (value->next != NULL)
			buf_add_string(&buf, " ");
		value = value->next;
	}
	memcpy(text, buf_span(&buf).at, buf_len(&buf));
	text[buf_len(&buf)] = '\0';
	buf_free(&buf);
	return text;
}

#endif
