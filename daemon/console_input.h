/*
 * The console's lines: from stdin, with line editing if it is a terminal.
 */
#ifndef DAEMON_CONSOLE_INPUT_H
#define DAEMON_CONSOLE_INPUT_H

#include <stdbool.h>

#include "libclient/base/buf.h"

struct console_input;

/* is_edited: a person types at a terminal. */
struct console_input *console_input_new(bool is_edited);
struct console_input *console_input_free(struct console_input *input);

/* The next line; wiped by the next call. False at the end. */
bool console_input_next(struct console_input *input, struct span *line);

#endif
