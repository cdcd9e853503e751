/*
 * The protocol's lines for people who look for a fault: printable, cut, and
 * without secrets, which the encoder has marked. Nobody listens: nothing is
 * made.
 */
#ifndef LIBCLIENT_PROTO_TRACE_H
#define LIBCLIENT_PROTO_TRACE_H

#include <stdbool.h>

#include "libclient/wire/command.h"
#include "libclient/wire/frame.h"

struct trace {
	/* A NUL-terminated line; is_ours: we say it. NULL: nobody listens. */
	void (*line)(void *user, bool is_ours, const char *line);
	void *user;
};

/* A command, up to its first secret. */
void trace_command(
    const struct trace *trace, const char *tag, const struct command *command);

/* Words of our own: "DONE", "***" for the answer to a challenge. */
void trace_words(const struct trace *trace, const char *words);

/* A response, up to its first literal. */
void trace_response(const struct trace *trace, const struct frame_view *view);

#endif
