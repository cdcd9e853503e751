/*
 * How long a server may take: a silence while a reply is due, a reply as a
 * whole, a message body's pace. Pure: times are handed in, in microseconds.
 */
#ifndef LIBCLIENT_DEADLINE_H
#define LIBCLIENT_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/imap_error.h"

/* A reply as a whole gets so many times the longest silence. */
#define DEADLINE_REPLY_FACTOR 10

/* Octets a second at which bodies must come. */
#define DEADLINE_BODY_PACE 1024

#define DEADLINE_NEVER UINT64_MAX

struct deadline {
	uint64_t timeout; /* the longest silence */
	uint64_t due; /* serial of the reply waited for; 0: none */
	uint64_t due_since; /* since when */
	uint64_t due_limit; /* the reply's own, from due_since; 0: none */
	uint64_t hurry; /* a byte has to come by then; 0: need not */
	uint64_t last_heard; /* when the last byte came */
	uint64_t last_taken; /* when the kernel took the last one of ours */
	uint64_t body_total; /* octets of bodies since due_since */
	uint64_t body_since; /* begin of the pace's window; 0: no body flows */
	uint64_t body_bytes; /* octets since then */
};

/* The reply that is due now; another one than before begins anew. */
void deadline_set_due(struct deadline *deadline, uint64_t due, uint64_t now);

/* The due reply is one that takes a server no time. */
void deadline_set_limit(struct deadline *deadline, uint64_t limit);

/* If anything is due by then, a byte has to have come. */
void deadline_hurry(struct deadline *deadline, uint64_t until);

/* Bytes came. is_in_body: a long body is flowing. */
void deadline_heard(struct deadline *deadline, uint64_t now, bool is_in_body);

/* The kernel has taken all that was to be sent: the reply's time begins. */
void deadline_taken(struct deadline *deadline, uint64_t now);

/* So many octets of bodies came. */
void deadline_body(struct deadline *deadline, uint64_t octets);

/* When to look again; DEADLINE_NEVER if nothing is due. */
uint64_t deadline_next(const struct deadline *deadline);

/* False, and *error (TIMEOUT), if the server took too long. */
bool deadline_check(
    struct deadline *deadline, uint64_t now, struct imap_error *error);

#endif
