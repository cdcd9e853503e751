/*
 * What the console's two forms of output have in common: a walk over a
 * response's values, and which characters a terminal may get. Pure.
 */
#ifndef DAEMON_CONSOLE_VALUE_H
#define DAEMON_CONSOLE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libclient/imaplib_reply.h"

enum console_step {
	CONSOLE_STEP_VALUE, /* an atom, a string or NIL */
	CONSOLE_STEP_OPEN, /* a list begins */
	CONSOLE_STEP_CLOSE, /* it ends */
	CONSOLE_STEP_END
};

/* How far a walk has come. It does not recurse: nesting costs the heap. */
struct console_walk {
	const struct imaplib_value *next;
	const struct imaplib_value **lists; /* those that are open */
	size_t depth;
	size_t size;
	bool is_first; /* of its list: no separator in front */
};

/* A walk over a value and those behind it. */
static inline struct console_walk
console_walk_begin(const struct imaplib_value *first)
{
	return (struct console_walk){.next = first, .is_first = true};
}

/*
 * The next step; *value is the atom, string, NIL or the list that begins, and
 * *is_first says whether something stands in front of it in its list. To be
 * called until CONSOLE_STEP_END, which frees what the walk holds.
 */
enum console_step console_walk_step(struct console_walk *walk,
    const struct imaplib_value **value, bool *is_first);

/* False for what is invisible or changes how a terminal shows the rest:
 * control characters, line separators, direction marks. */
bool console_value_is_plain(uint32_t code);

#endif
