/*
 * Two intervals that are alike make a rhythm.
 */
#include "daemon/heartbeat.h"

#define SECOND UINT64_C(1000000)

/* Faster than this is no rhythm but chatter. */
#define LEAST (10 * SECOND)

static bool
are_alike(uint64_t a, uint64_t b)
{
	return a < b + b / 5 && b < a + a / 5;
}

void
heartbeat_heard(struct heartbeat *heartbeat, uint64_t now, bool is_beat)
{
	uint64_t interval = now - heartbeat->last;

	heartbeat->heard = now;
	if (!is_beat)
		return;
	if (heartbeat->last != 0 && interval >= LEAST) {
		if (are_alike(interval, heartbeat->interval))
			heartbeat->rhythm = interval > heartbeat->interval
			    ? interval
			    : heartbeat->interval;
		heartbeat->interval = interval;
	}
	heartbeat->last = now;
}

uint64_t
heartbeat_end(const struct heartbeat *heartbeat)
{
	/* the third may be a little late */
	return heartbeat->rhythm == 0
	    ? 0
	    : heartbeat->heard + heartbeat->rhythm * 9 / 4;
}
