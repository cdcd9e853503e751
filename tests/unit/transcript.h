/*
 * Transcripts: what real servers sent and what it means, as files. A line
 * that begins with
 *	#		is a comment,
 *	S:		is one of the server's; \r \n \\ and \xHH are escapes,
 *			any other backslash is itself; CRLF is added unless the
 *			line ends in a single backslash,
 *	=		is what the next response means,
 *	! inline N	makes literals longer than N bytes streamed ones,
 *	C:		is a client's: such a file is not for the parser's test.
 */
#ifndef TESTS_UNIT_TRANSCRIPT_H
#define TESTS_UNIT_TRANSCRIPT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "libclient/wire/frame.h"

struct transcript {
	struct buf input;
	struct buf expected;
	struct frame_limits limits;
	bool is_conversation;
};

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Appends the byte that an escape stands for; returns the escape's length. */
static size_t
add_escape(struct buf *input, struct span line)
{
	char c = line.len < 2 ? '\0' : line.at[1];

	if (c == 'x' && line.len >= 4 && hex_digit(line.at[2]) >= 0 &&
	    hex_digit(line.at[3]) >= 0) {
		c = (char)(hex_digit(line.at[2]) * 16 + hex_digit(line.at[3]));
		buf_add(input, &c, 1);
		return 4;
	}
	if (c == 'r' || c == 'n' || c == '\\') {
		buf_add_string(input, c == 'r' ? "\r" : c == 'n' ? "\n" : "\\");
		return 2;
	}
	buf_add_string(input, "\\");
	return 1;
}

static void
add_server_line(struct buf *input, struct span line)
{
	bool is_joined = false;

	while (line.len > 0) {
		is_joined = line.len == 1 && line.at[0] == '\\';
		if (is_joined)
			break;
		if (line.at[0] == '\\') {
			line = span_from(line, add_escape(input, line));
			continue;
		}
		buf_add(input, line.at, 1);
		line = span_from(line, 1);
	}
	if (!is_joined)
		buf_add_string(input, "\r\n");
}

static void
add_line(struct transcript *transcript, struct span line, const char *path)
{
	unsigned long long number;

	if (line.len == 0 || line.at[0] == '#')
		return;
	if (span_has_prefix_nocase(line, "C: ")) {
		transcript->is_conversation = true;
	} else if (span_has_prefix_nocase(line, "S: ")) {
		add_server_line(&transcript->input, span_from(line, 3));
	} else if (span_has_prefix_nocase(line, "= ")) {
		buf_add_span(&transcript->expected, span_from(line, 2));
		buf_add_string(&transcript->expected, "\n");
	} else if (span_has_prefix_nocase(line, "! inline ") &&
	    span_to_number(span_from(line, 9), 65536, &number)) {
		transcript->limits.inline_literal = (size_t)number;
	} else {
		ck_abort_msg(
		    "%s: cannot read: %.*s", path, (int)line.len, line.at);
	}
}

static void
load(struct transcript *transcript, const char *path)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	ck_assert_msg(file != NULL, "%s: cannot open", path);
	*transcript = (struct transcript){.limits = frame_default_limits};
	buf_init(&transcript->input, 1U << 20);
	buf_init(&transcript->expected, 1U << 20);
	while ((len = getline(&line, &size, file)) > 0) {
		if (line[len - 1] == '\n')
			len--;
		add_line(transcript, (struct span){line, (size_t)len}, path);
	}
	free(line);
	fclose(file);
}

static void
unload(struct transcript *transcript)
{
	buf_free(&transcript->input);
	buf_free(&transcript->expected);
}

#endif
