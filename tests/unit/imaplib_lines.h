/*
 * Server lines into a reply of imaplib.h, as the blocking client puts them
 * there.
 */
#ifndef TESTS_UNIT_IMAPLIB_LINES_H
#define TESTS_UNIT_IMAPLIB_LINES_H

#include <check.h>
#include <stdio.h>

#include "libclient/base/mem.h"
#include "libclient/imaplib_values.h"
#include "tests/unit/imaplib_text.h"

#define LENGTH(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* Literals over 8 bytes are streamed. */
static const struct frame_limits line_limits = {
    .text = 1U << 20,
    .search = 1U << 20,
    .inline_literal = 8,
    .literal = UINT32_MAX,
    .literals = 1000,
};

/* Adds what the bytes hold; the last response that was added, or NULL. */
static inline const struct imaplib_untagged *
add_bytes(
    struct imaplib_reply *reply, struct span bytes, struct imap_error *error)
{
	const struct imaplib_untagged *added = NULL;
	struct frame *frame = frame_new(&line_limits);
	struct frame_view view;
	enum frame_status status;
	bool goes_on = true;

	frame_feed(frame, bytes);
	while (goes_on &&
	    (status = frame_next(frame, &view, error)) != FRAME_MORE) {
		ck_assert_int_ne(status, FRAME_FAILED);
		if (status == FRAME_READY) {
			added = imaplib_reply_add(reply, &view, error);
			goes_on = added != NULL;
		} else {
			goes_on = imaplib_reply_add_body(
			    reply, view.id, view.piece, view.total, error);
		}
	}
	frame_free(frame);
	return goes_on ? added : NULL;
}

/* Adds one line, given without its CRLF. */
static inline const struct imaplib_untagged *
add_line(struct imaplib_reply *reply, const char *line)
{
	struct imap_error error = {0};
	char *bytes = mem_format("%s\r\n", line);
	const struct imaplib_untagged *added =
	    add_bytes(reply, span_of(bytes), &error);

	ck_assert_msg(added != NULL, "%s: %s", line, error.text);
	mem_free(bytes);
	return added;
}

static inline void
assert_span(struct span span, const char *expected)
{
	ck_assert_msg(span_equal(span, span_of(expected)),
	    "\"%.*s\", not \"%s\"", (int)span.len, span.at, expected);
}

#endif
