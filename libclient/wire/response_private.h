/*
 * What the parts of the response parser share. Each reader begins behind the
 * response's name and returns false when the line breaks the grammar.
 */
#ifndef LIBCLIENT_WIRE_RESPONSE_PRIVATE_H
#define LIBCLIENT_WIRE_RESPONSE_PRIVATE_H

#include "libclient/wire/response.h"
#include "libclient/wire/token.h"

/* Equal but for case; most servers write names as we do. A literal's
 * length costs nothing. */
#define RESPONSE_IS(word, literal)                                   \
	((word).len == sizeof(literal) - 1 &&                        \
	    (memcmp((word).at, literal, sizeof(literal) - 1) == 0 || \
		span_equal_nocase(word, literal)))

/* A span without the spaces at its ends. */
struct span response_trim(struct span span);

/*
 * Splits the text of an OK, NO, BAD, BYE or PREAUTH: *text loses the code in
 * brackets at its front, if there is one.
 */
void response_read_code(struct span *text, struct imap_code *code);

/* "(flags)"; the keywords are in the reader's arena. */
bool response_read_flags(struct token_reader *reader, struct imap_flags *flags);

/* "(items)" into data.fetch, whose uid may be known already (UIDFETCH). */
bool response_read_fetch(
    struct token_reader *reader, struct imap_fetch *fetch, struct span *body);

bool response_read_list(struct token_reader *reader, struct imap_list *list);
bool response_read_status(
    struct token_reader *reader, struct imap_status *status);

/*
 * "n", "(n)" or "(atom)" of an item; anything else is skipped and gives an
 * empty span, as does NIL.
 */
bool response_read_value(struct token_reader *reader, struct span *value);

/* These fill response->uids and the data that points to it. */
bool response_read_search(
    struct token_reader *reader, struct response *response);
bool response_read_esearch(
    struct token_reader *reader, struct response *response);
bool response_read_vanished(
    struct token_reader *reader, struct response *response);

#endif
