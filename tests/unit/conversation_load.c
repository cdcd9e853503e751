/*
 * Reading conversations from files: see conversation.h.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "libclient/base/mem.h"
#include "tests/unit/conversation.h"

#define TAG_PREFIX "AAA" /* of seed 0, in front of A1 */
#define MAX_TEXT   (4U << 20)

void
conversation_flip(char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] ^= '\x80';
}

static void
apply_setting(struct conversation *talk, struct span name, struct span value)
{
	struct login_config *login = &talk->config.login;
	struct capabilities set;
	unsigned long long number;

	if (span_equal_nocase(name, "preauth")) {
		login->accepts_preauth = true;
	} else if (span_equal_nocase(name, "starttls")) {
		login->needs_starttls = true;
		login->is_confidential = false;
	} else if (span_equal_nocase(name, "cleartext")) {
		login->is_confidential = false;
	} else if (span_equal_nocase(name, "token")) {
		login->credentials.is_token = true;
	} else if (span_equal_nocase(name, "compress")) {
		login->compress = true;
	} else if (span_equal_nocase(name, "both")) {
		talk->is_for_both = true;
	} else if (span_equal_nocase(name, "longest")) {
		ck_assert(span_to_number(value, 100000, &number));
		talk->limits.text = (size_t)number;
	} else if (span_equal_nocase(name, "mechanisms")) {
		capabilities_parse(&set, value);
		login->mechanisms = set.mechanisms;
	} else if (span_equal_nocase(name, "ask-capability")) {
		login->asks_capability = true;
	} else if (span_equal_nocase(name, "force-id")) {
		login->forces_id = true;
	} else if (span_equal_nocase(name, "known")) {
		capabilities_parse(&login->known_after, value);
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
	const bool is_said = kind == 'S' || kind == 'C';
	unsigned long long times = 1;
	struct buf *text = step_for(talk, kind);
	const size_t before = buf_len(text);
	const bool is_packed = line.len > 1 && line.at[1] == '~';
	size_t colon = 0;

	while (is_said && colon < line.len && line.at[colon] != ':')
		colon++;
	ck_assert_uint_lt(colon, line.len);
	if (colon > 2 && !is_packed)
		ck_assert(span_to_number(
		    (struct span){line.at + 2, colon - 2}, 2000000, &times));
	line = span_from(line, colon + 1);
	if (line.len > 0)
		line = span_from(line, 1);
	for (; times > 0; times--) {
		if (is_said && line.len > 1 && line.at[0] == 'A' &&
		    line.at[1] >= '0' && line.at[1] <= '9')
			buf_add_string(text, TAG_PREFIX);
		if (kind == 'S')
			add_server_line(text, line);
		else
			buf_add_span(text, line);
	}
	if (is_said && is_packed)
		conversation_flip(
		    text->data + text->start + before, buf_len(text) - before);
}

void
conversation_load(struct conversation *talk, const char *path)
{
	struct login_config *login = &talk->config.login;
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;
	ssize_t len;

	ck_assert_ptr_nonnull(file);
	*talk =
	    (struct conversation){.path = path, .limits = frame_default_limits};
	talk->config.limits = &talk->limits;
	login->credentials.user = span_of("fred");
	login->credentials.secret = span_of("secret");
	login->mechanisms = (1U << MECHANISM_COUNT) - 1;
	login->is_confidential = true;
	login->disabled = (const char *const *)&talk->word;
	while ((len = getline(&text, &size, file)) > 0) {
		struct span line = {text, (size_t)len - 1};
		size_t word = 0;

		if (line.len < 2 || line.at[0] == '#')
			continue;
		if (line.at[0] != '!') {
			add_step(talk, line.at[0], line);
			continue;
		}
		line = span_from(line, 2);
		while (word < line.len && line.at[word] != ' ')
			word++;
		apply_setting(talk, (struct span){line.at, word},
		    span_from(line, word < line.len ? word + 1 : word));
	}
	free(text);
	fclose(file);
}

void
conversation_free(struct conversation *talk)
{
	for (unsigned i = 0; i < talk->step_count; i++)
		buf_free(&talk->steps[i].text);
	mem_free(talk->word);
}
