/*
 * What happens to the machine that connections do not hear of: an address or a
 * route comes or goes, a link comes up, the machine was asleep, somebody set
 * the time (and a certificate is valid now that was not).
 */
#ifndef DAEMON_NETWATCH_H
#define DAEMON_NETWATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-event.h>

struct netwatch;

/* Told once for all that happens within a moment; why: for the log. */
typedef void netwatch_handler(void *user, const char *why);

/* Microseconds since the start, with the time asleep and without it. */
struct netwatch_clocks {
	uint64_t (*with_sleep)(void);
	uint64_t (*awake)(void);
};

/* clocks NULL: CLOCK_BOOTTIME and CLOCK_MONOTONIC. Without the kernel's help
 * (no rtnetlink) only sleep and a time that is set are noticed. */
struct netwatch *netwatch_new(sd_event *loop,
    const struct netwatch_clocks *clocks, netwatch_handler *handler,
    void *user);
/* NULL ok; returns NULL. */
struct netwatch *netwatch_free(struct netwatch *netwatch);

/* Looks at the clocks, as it does every few seconds by itself. */
void netwatch_look(struct netwatch *netwatch);

/*
 * What a datagram of rtnetlink (rtnetlink(7)) tells: "an address changed",
 * "a route changed", "a link came up", or NULL when it is of no consequence, as
 * what the kernel repeats of a lease.
 */
const char *netwatch_news(const void *datagram, size_t size);

#endif
