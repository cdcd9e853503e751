/*
 * Replies for the tests of the console's output, as the client library makes
 * them, and what a function prints of them.
 */
#ifndef TESTS_UNIT_CONSOLE_REPLY_H
#define TESTS_UNIT_CONSOLE_REPLY_H

#include <stdio.h>
#include <stdlib.h>

#include "libclient/imaplib_reply.h"

#define BYTES(literal)                       \
	{                                    \
		literal, sizeof(literal) - 1 \
	}
#define ATOM(literal, behind)                                                 \
	{                                                                     \
		.kind = IMAPLIB_ATOM, .bytes = BYTES(literal), .next = behind \
	}
#define STRING(literal, behind)                                  \
	{                                                        \
		.kind = IMAPLIB_STRING, .bytes = BYTES(literal), \
		.next = behind                                   \
	}

/* * LIST (\Noselect ()) NIL "a\"\\b" */
static const struct imaplib_value list_name = STRING("a\"\\b", NULL);
static const struct imaplib_value list_delimiter = {
    .kind = IMAPLIB_NIL, .next = &list_name};
static const struct imaplib_value list_empty = {.kind = IMAPLIB_LIST};
static const struct imaplib_value list_attribute =
    ATOM("\\Noselect", &list_empty);
static const struct imaplib_value list_data = {
    .kind = IMAPLIB_LIST, .first = &list_attribute, .next = &list_delimiter};

/* * 12 FETCH (UID 4 BODY[] ...) */
static const struct imaplib_value fetch_body =
    STRING("a\r\n\t\x1b[31m\0\x7f\xe2\x80\xae\xc3\xbc", NULL);
static const struct imaplib_value fetch_item = ATOM("BODY[]", &fetch_body);
static const struct imaplib_value fetch_uid = ATOM("4", &fetch_item);
static const struct imaplib_value fetch_uid_item = ATOM("UID", &fetch_uid);
static const struct imaplib_value fetch_data = {
    .kind = IMAPLIB_LIST, .first = &fetch_uid_item};

static const struct imaplib_status status_words = {
    .code = BYTES("HIGHESTMODSEQ"),
    .arguments = BYTES("715"),
    .text = BYTES("Highest"),
};
static const struct imaplib_untagged status_response = {
    .name = BYTES("OK"),
    .status = &status_words,
};
static const struct imaplib_untagged fetch_response = {
    .next = &status_response,
    .name = BYTES("FETCH"),
    .number = 12,
    .has_number = true,
    .data = &fetch_data,
};
static const struct imaplib_untagged list_response = {
    .next = &fetch_response,
    .name = BYTES("LIST"),
    .data = &list_data,
};
static const struct imaplib_untagged exists_response = {
    .name = BYTES("EXISTS"),
    .number = 3,
    .has_number = true,
};
static const struct imaplib_reply full_reply = {
    .type = IMAPLIB_OK,
    .text = BYTES("done"),
    .untagged = &list_response,
    .count = 3,
};

/* What is printed between open and close; to be freed. */
struct printed {
	FILE *out;
	char *text;
	size_t len;
};

static inline FILE *
printed_open(struct printed *printed)
{
	*printed = (struct printed){0};
	printed->out = open_memstream(&printed->text, &printed->len);
	return printed->out;
}

static inline const char *
printed_close(struct printed *printed)
{
	(void)fclose(printed->out);
	return printed->text;
}

#endif
