/*
 * The one clock: it goes on while the machine sleeps, so that what was due
 * meanwhile is due at once.
 */
#ifndef LIBCLIENT_IO_CLOCK_H
#define LIBCLIENT_IO_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Microseconds since boot, suspension included. */
static inline uint64_t
clock_now(void)
{
	struct timespec time = {0};

	(void)clock_gettime(CLOCK_BOOTTIME, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

#endif
