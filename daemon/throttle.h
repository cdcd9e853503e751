/*
 * Whether a server's refusal means "later", of what kind, and how much later:
 * what servers only say in words, as one table. Pure.
 */
#ifndef DAEMON_THROTTLE_H
#define DAEMON_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"
#include "libclient/wire/code.h"

enum throttle_kind {
	THROTTLE_NONE, /* not about "later" */
	THROTTLE_CONNECTIONS, /* too many of them: use fewer */
	THROTTLE_RATE, /* too many commands: slow down */
	THROTTLE_QUOTA, /* bandwidth or space is used up: no bodies for hours */
	THROTTLE_BACKEND, /* what is behind the server does not answer */
	THROTTLE_LOGIN /* the login holds, and the mailbox stays shut */
};

struct throttle {
	enum throttle_kind kind;
	/* Microseconds, at most THROTTLE_MAX: what the server named, or the
	 * first wait of a back-off; who is refused again doubles it. */
	uint64_t wait;
	bool is_named; /* the server named the wait: obey it as it is */
};

#define THROTTLE_MAX UINT64_C(86400000000)

/*
 * Reads a NO, BAD or BYE, or an error text that quotes one ("[LIMIT]" in it is
 * then as good as the code). Of an OK give the code alone, with an empty text:
 * Gmail says OK and THROTTLED.
 */
struct throttle throttle_of(enum imap_code_type code, struct span text);

/* "connections", "rate", ... */
const char *throttle_kind_name(enum throttle_kind kind);

#endif
