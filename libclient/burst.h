/*
 * When a burst ends (imaplib: Idler.burst): the first response opens it, it
 * ends when nothing came for an interval, or after a time limit that a flood
 * cannot move. Times are any monotonic clock's microseconds. Pure.
 */
#ifndef LIBCLIENT_BURST_H
#define LIBCLIENT_BURST_H

#include <stdbool.h>
#include <stdint.h>

struct burst {
	uint64_t interval; /* quiet that ends it */
	uint64_t max_wait; /* its longest life */
	uint64_t first; /* when it opened; 0: it is not open */
	uint64_t last; /* when the latest response came */
};

/* A response came at now: opens the burst or keeps it open. */
static inline void
burst_note(struct burst *burst, uint64_t now)
{
	if (burst->first == 0)
		burst->first = now;
	burst->last = now;
}

/* When the burst ends if nothing more comes. */
static inline uint64_t
burst_end(const struct burst *burst)
{
	uint64_t quiet = burst->last + burst->interval;
	uint64_t limit = burst->first + burst->max_wait;

	return quiet < limit ? quiet : limit;
}

/* Ready for the next burst. */
static inline void
burst_reset(struct burst *burst)
{
	burst->first = 0;
	burst->last = 0;
}

#endif
