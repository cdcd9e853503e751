/*
 * The rhythm in which a server says during IDLE that it is still there: once
 * it is known, a silence means something. Pure: times are handed in, in
 * microseconds.
 */
#ifndef DAEMON_HEARTBEAT_H
#define DAEMON_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

/* Starts all zero: no beat was heard. */
struct heartbeat {
	uint64_t last; /* beat; 0: none */
	uint64_t interval; /* between the last two; 0: not known */
	uint64_t rhythm; /* as it was heard twice; 0: there is none yet */
	uint64_t heard; /* when the server last said anything */
};

/* The server said something without being asked; is_beat: only that it is
 * there. */
void heartbeat_heard(struct heartbeat *heartbeat, uint64_t now, bool is_beat);

/* When two beats will have been missed; 0: there is no rhythm. */
uint64_t heartbeat_end(const struct heartbeat *heartbeat);

#endif
