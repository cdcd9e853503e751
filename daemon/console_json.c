/*
 * Replies as JSON (RFC 8259). Nothing here can make a second line.
 */
#include "daemon/console_json.h"

#include <inttypes.h>

#include "daemon/console_value.h"
#include "libclient/wire/base64.h"

/* Bytes encoded at a time: whole groups of three. */
#define BASE64_PIECE ((size_t)49152)

/* The largest number that every reader of JSON keeps exactly: 2^53 - 1. */
#define MAX_NUMBER UINT64_C(9007199254740991)

static bool
is_utf8(struct span bytes)
{
	uint32_t code = 0;

	while (bytes.len > 0) {
		size_t len = span_utf8(bytes, &code);

		if (len == 0)
			return false;
		bytes = span_from(bytes, len);
	}
	return true;
}

/* Escapes a character, above U+FFFF as a surrogate pair. */
static void
put_escape(FILE *out, uint32_t code)
{
	switch (code) {
	case '\n':
		(void)fputs("\\n", out);
		return;
	case '\r':
		(void)fputs("\\r", out);
		return;
	case '\t':
		(void)fputs("\\t", out);
		return;
	default:
		break;
	}
	if (code > 0xffff) {
		code -= 0x10000;
		(void)fprintf(out, "\\u%04" PRIx32, 0xd800 + (code >> 10));
		code = 0xdc00 + (code & 0x3ff);
	}
	(void)fprintf(out, "\\u%04" PRIx32, code);
}

/* A string of valid UTF-8. */
static void
put_string(FILE *out, struct span text)
{
	size_t len = 0;
	uint32_t code = 0;

	(void)fputc('"', out);
	for (; text.len > 0; text = span_from(text, len)) {
		len = span_utf8(text, &code);
		if (code == '"' || code == '\\')
			(void)fprintf(out, "\\%c", (int)code);
		else if (console_value_is_plain(code))
			(void)fwrite(text.at, 1, len, out);
		else
			put_escape(out, code);
	}
	(void)fputc('"', out);
}

static void
put_base64(FILE *out, struct span bytes)
{
	struct buf text;

	buf_init(&text, 2 * BASE64_PIECE);
	(void)fputs("{\"base64\":\"", out);
	while (bytes.len > 0) {
		size_t taken =
		    bytes.len < BASE64_PIECE ? bytes.len : BASE64_PIECE;

		buf_clear(&text);
		(void)base64_encode((struct span){bytes.at, taken}, &text);
		(void)fwrite(buf_span(&text).at, 1, buf_len(&text), out);
		bytes = span_from(bytes, taken);
	}
	buf_free(&text);
	(void)fputs("\"}", out);
}

void
console_json_bytes(FILE *out, struct span bytes)
{
	if (is_utf8(bytes))
		put_string(out, bytes);
	else
		put_base64(out, bytes);
}

static void
put_bytes_or_null(FILE *out, struct span bytes)
{
	if (bytes.len == 0)
		(void)fputs("null", out);
	else
		console_json_bytes(out, bytes);
}

static void
put_value(FILE *out, const struct imaplib_value *value)
{
	unsigned long long number;
	struct span bytes = value->bytes;

	if (value->kind == IMAPLIB_NIL)
		(void)fputs("null", out);
	else if (value->kind == IMAPLIB_ATOM &&
	    !(bytes.len > 1 && bytes.at[0] == '0') &&
	    span_to_number(bytes, MAX_NUMBER, &number))
		(void)fprintf(out, "%llu", number);
	else
		console_json_bytes(out, bytes);
}

static void
put_values(FILE *out, const struct imaplib_value *first)
{
	struct console_walk walk = console_walk_begin(first);
	const struct imaplib_value *value = NULL;
	enum console_step step;
	bool is_first = true;

	(void)fputc('[', out);
	while ((step = console_walk_step(&walk, &value, &is_first)) !=
	    CONSOLE_STEP_END) {
		if (step == CONSOLE_STEP_CLOSE) {
			(void)fputc(']', out);
			continue;
		}
		if (!is_first)
			(void)fputc(',', out);
		if (step == CONSOLE_STEP_OPEN)
			(void)fputc('[', out);
		else
			put_value(out, value);
	}
	(void)fputc(']', out);
}

static void
put_status(FILE *out, struct span code, struct span arguments, struct span text)
{
	(void)fputs(",\"code\":", out);
	put_bytes_or_null(out, code);
	(void)fputs(",\"arguments\":", out);
	put_bytes_or_null(out, arguments);
	(void)fputs(",\"text\":", out);
	console_json_bytes(out, text);
}

static void
put_untagged(FILE *out, const struct imaplib_untagged *untagged)
{
	(void)fputs("{\"name\":", out);
	console_json_bytes(out, untagged->name);
	if (untagged->has_number)
		(void)fprintf(out, ",\"number\":%" PRIu32, untagged->number);
	else
		(void)fputs(",\"number\":null", out);
	(void)fputs(",\"data\":", out);
	put_values(out, untagged->data);
	if (untagged->status != NULL)
		put_status(out, untagged->status->code,
		    untagged->status->arguments, untagged->status->text);
	(void)fputc('}', out);
}

static void
put_all_untagged(FILE *out, const struct imaplib_reply *reply)
{
	(void)fputc('[', out);
	for (const struct imaplib_untagged *untagged = reply->untagged;
	     untagged != NULL; untagged = untagged->next) {
		if (untagged != reply->untagged)
			(void)fputc(',', out);
		put_untagged(out, untagged);
	}
	(void)fputc(']', out);
}

void
console_json_reply(
    FILE *out, const char *command, const struct imaplib_reply *reply)
{
	(void)fputs("{\"command\":", out);
	if (command == NULL)
		(void)fputs("null", out);
	else
		console_json_bytes(out, span_of(command));
	(void)fprintf(out, ",\"type\":\"%s\"", imaplib_type_name(reply->type));
	put_status(out, reply->code, reply->arguments, reply->text);
	(void)fputs(",\"untagged\":", out);
	put_all_untagged(out, reply);
	(void)fputs("}\n", out);
}

void
console_json_untagged(FILE *out, const struct imaplib_untagged *untagged)
{
	put_untagged(out, untagged);
	(void)fputc('\n', out);
}

void
console_json_burst(FILE *out, const struct imaplib_reply *reply)
{
	put_all_untagged(out, reply);
	(void)fputc('\n', out);
}
