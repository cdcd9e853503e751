/*
 * Conversations: what a client and a server say to each other, as files. A line
 * that begins with
 *	#	is a comment,
 *	!	sets the session up (see settings[]); before anything else,
 *	S:	is the server's: \r \n \\ and \0 are escapes, CRLF is added
 *		unless the line ends in a backslash; S*n: is n such lines,
 *	C:	is what the client must have written by now,
 *	>	is what its owner does (see the test),
 *	=	is an event that must have been told before the next > or C:.
 * A1 at the front of a line stands for the first command's tag, and so on. A
 * line of C: or = that ends in "..." goes on with anything. Lines of the
 * server with no C: or > between them are one segment.
 */
#ifndef TESTS_UNIT_CONVERSATION_H
#define TESTS_UNIT_CONVERSATION_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "libclient/base/mem.h"
#include "libclient/proto/session.h"
#include "libclient/wire/frame.h"

#define TAG_PREFIX "AAA" /* of seed 0, in front of A1 */
#define MAX_STEPS  100
#define MAX_TEXT   (4U << 20)

struct conversation {
	struct session_config config;
	struct frame_limits limits;
	bool is_for_both; /* with bodies inline, and with bodies streamed */
	char *word; /* that a setting keeps */
	unsigned step_count;
	struct step {
		char kind;
		struct buf text;
	} steps[MAX_STEPS];
};

static void
apply_setting(struct conversation *talk, struct span name, struct span value)
{
	struct login_config *login = &talk->config.login;
	struct capabilities set;

	if (span_equal_nocase(name, "preauth")) {
		login->accepts_preauth = true;
	} else if (span_equal_nocase(name, "starttls")) {
		login->needs_starttls = true;
		login->is_confidential = false;
	} else if (span_equal_nocase(name, "cleartext")) {
		login->is_confidential = false;
	} else if (span_equal_nocase(name, "token")) {
		login->credentials.is_token = true;
	} else if (span_equal_nocase(name, "both")) {
		talk->is_for_both = true;
	} else if (span_equal_nocase(name, "mechanisms")) {
		capabilities_parse(&set, value);
		login->mechanisms = set.mechanisms;
	} else {
		ck_assert_ptr_null(talk->word);
		talk->word = span_to_string(value);
		if (span_equal_nocase(name, "secret"))
			login->credentials.secret = span_of(talk->word);
		else if (span_equal_nocase(name, "enable"))
			login->enable = talk->word;
		else if (span_equal_nocase(name, "id"))
			login->id = talk->word;
		else if (span_equal_nocase(name, "disable"))
			login->disabled_count = 1;
		else
			ck_abort_msg("no such setting");
	}
}

/* A server's line: escapes, and CRLF. */
static void
add_server_line(struct buf *text, struct span line)
{
	static const char escapes[] = "r\rn\n0\0\\\\";

	for (; line.len > 0; line = span_from(line, 1)) {
		size_t i = 0;

		if (line.at[0] != '\\') {
			buf_add(text, line.at, 1);
			continue;
		}
		line = span_from(line, 1);
		if (line.len == 0)
			return;
		while (i < sizeof(escapes) - 1 && escapes[i] != line.at[0])
			i += 2;
		ck_assert_uint_lt(i, sizeof(escapes) - 1);
		buf_add(text, &escapes[i + 1], 1);
	}
	buf_add_string(text, "\r\n");
}

/* The step that the line belongs to: a segment of the server's is one. */
static struct buf *
step_for(struct conversation *talk, char kind)
{
	unsigned i = talk->step_count;

	while (kind == 'S' && i > 0 && talk->steps[i - 1].kind == '=')
		i--;
	if (kind == 'S' && i > 0 && talk->steps[i - 1].kind == 'S')
		return &talk->steps[i - 1].text;
	ck_assert_uint_lt(talk->step_count, MAX_STEPS);
	talk->steps[talk->step_count].kind = kind;
	buf_init(&talk->steps[talk->step_count].text, MAX_TEXT);
	return &talk->steps[talk->step_count++].text;
}

static void
add_step(struct conversation *talk, char kind, struct span line)
{
	unsigned long long times = 1;
	struct buf *text = step_for(talk, kind);
	size_t colon = 0;

	while (line.len > colon && line.at[colon] != ' ')
		colon++;
	ck_assert_uint_lt(colon, line.len);
	if (colon > 2)
		ck_assert(span_to_number(
		    (struct span){line.at + 2, colon - 3}, 1000000, &times));
	line = span_from(line, colon + 1);
	for (; times > 0; times--) {
		if ((kind == 'S' || kind == 'C') && line.len > 1 &&
		    line.at[0] == 'A' && line.at[1] >= '0' && line.at[1] <= '9')
			buf_add_string(text, TAG_PREFIX);
		if (kind == 'S')
			add_server_line(text, line);
		else
			buf_add_span(text, line);
	}
}

#endif
