/*
 * Replies for a terminal: no byte of a server reaches it unseen.
 */
#include "daemon/console_text.h"

#include <inttypes.h>

#include "daemon/console_value.h"

static void
put_hidden(FILE *out, struct span bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		switch (bytes.at[i]) {
		case '\r':
			(void)fputs("\\r", out);
			break;
		case '\n':
			(void)fputs("\\n", out);
			break;
		case '\t':
			(void)fputs("\\t", out);
			break;
		default:
			(void)fprintf(
			    out, "\\x%02x", (unsigned char)bytes.at[i]);
			break;
		}
	}
}

/* is_quoted: quotes and backslashes of the bytes' own are marked. */
static void
put_bytes(FILE *out, struct span bytes, bool is_quoted)
{
	while (bytes.len > 0) {
		uint32_t code = 0;
		size_t len = span_utf8(bytes, &code);
		struct span one = {bytes.at, len == 0 ? 1 : len};

		if (len == 0 || !console_value_is_plain(code)) {
			put_hidden(out, one);
		} else {
			if (is_quoted && (code == '"' || code == '\\'))
				(void)fputc('\\', out);
			(void)fwrite(one.at, 1, one.len, out);
		}
		bytes = span_from(bytes, one.len);
	}
}

static void
put_value(FILE *out, const struct imaplib_value *value)
{
	switch (value->kind) {
	case IMAPLIB_STRING:
		(void)fputc('"', out);
		put_bytes(out, value->bytes, true);
		(void)fputc('"', out);
		break;
	case IMAPLIB_NIL:
		(void)fputs("NIL", out);
		break;
	default:
		put_bytes(out, value->bytes, false);
		break;
	}
}

static void
put_values(FILE *out, const struct imaplib_value *first)
{
	struct console_walk walk = console_walk_begin(first);
	const struct imaplib_value *value = NULL;
	enum console_step step;
	bool is_first = true;

	while ((step = console_walk_step(&walk, &value, &is_first)) !=
	    CONSOLE_STEP_END) {
		if (step == CONSOLE_STEP_CLOSE) {
			(void)fputc(')', out);
			continue;
		}
		if (!is_first)
			(void)fputc(' ', out);
		if (step == CONSOLE_STEP_OPEN)
			(void)fputc('(', out);
		else
			put_value(out, value);
	}
}

static void
put_status(FILE *out, struct span code, struct span arguments, struct span text)
{
	if (code.len > 0) {
		(void)fputs(" [", out);
		put_bytes(out, code, false);
		if (arguments.len > 0)
			(void)fputc(' ', out);
		put_bytes(out, arguments, false);
		(void)fputc(']', out);
	}
	if (text.len > 0)
		(void)fputc(' ', out);
	put_bytes(out, text, false);
}

static void
put_untagged(FILE *out, const struct imaplib_untagged *untagged)
{
	(void)fputs("* ", out);
	if (untagged->has_number)
		(void)fprintf(out, "%" PRIu32 " ", untagged->number);
	put_bytes(out, untagged->name, false);
	if (untagged->data != NULL)
		(void)fputc(' ', out);
	put_values(out, untagged->data);
	if (untagged->status != NULL)
		put_status(out, untagged->status->code,
		    untagged->status->arguments, untagged->status->text);
}

void
console_text_untagged(FILE *out, const struct imaplib_untagged *untagged)
{
	put_untagged(out, untagged);
	(void)fputc('\n', out);
}

void
console_text_burst(FILE *out, const struct imaplib_reply *reply)
{
	for (const struct imaplib_untagged *untagged = reply->untagged;
	     untagged != NULL; untagged = untagged->next) {
		put_untagged(out, untagged);
		if (untagged->next != NULL)
			(void)fputs("; ", out);
	}
	(void)fputc('\n', out);
}

void
console_text_reply(FILE *out, const struct imaplib_reply *reply)
{
	for (const struct imaplib_untagged *untagged = reply->untagged;
	     untagged != NULL; untagged = untagged->next)
		console_text_untagged(out, untagged);
	(void)fputs(imaplib_type_name(reply->type), out);
	put_status(out, reply->code, reply->arguments, reply->text);
	(void)fputc('\n', out);
}
