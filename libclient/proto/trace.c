/*
 * Lines are cut at 200 bytes: enough to follow the protocol, too little to
 * keep mail in logs.
 */
#include "libclient/proto/trace.h"

#include <stdio.h>

#include "libclient/base/imap_error.h"

#define SHOWN	  200
#define LINE_SIZE (4 * SHOWN + 8)

static void
tell(const struct trace *trace, bool is_ours, struct span text)
{
	char line[LINE_SIZE];

	trace->line(trace->user, is_ours,
	    imap_error_printable(text, SHOWN, line, sizeof(line)));
}

void
trace_command(
    const struct trace *trace, const char *tag, const struct command *command)
{
	struct span bytes = buf_span(&command->bytes);
	bool has_secret = command->secret_end > 0;
	struct buf text;

	if (trace->line == NULL)
		return;
	if (has_secret)
		bytes.len = command->secret_begin;
	else if (bytes.len >= 2)
		bytes.len -= 2; /* CRLF */
	if (bytes.len > SHOWN)
		bytes.len = SHOWN;
	buf_init(&text, (size_t)2 * SHOWN);
	(void)buf_add_format(&text, "%s ", tag);
	(void)buf_add_span(&text, bytes);
	if (has_secret)
		(void)buf_add_string(&text, "***");
	tell(trace, true, buf_span(&text));
	buf_free(&text);
}

void
trace_words(const struct trace *trace, const char *words)
{
	if (trace->line != NULL)
		trace->line(trace->user, true, words);
}

void
trace_response(const struct trace *trace, const struct frame_view *view)
{
	struct span text = view->text;

	if (trace->line == NULL)
		return;
	if (view->literal_count > 0)
		text.len = view->literals[0].at;
	tell(trace, false, text);
}
