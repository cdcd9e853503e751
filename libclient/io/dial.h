/*
 * From a host name to a connected socket: the name is looked up on a lane,
 * its addresses are tried in RFC 8305's order and rhythm (IPv6 and IPv4
 * interleaved, 250 ms apart, first to connect wins); a proxy then opens the
 * way. All of it is within one time limit.
 */
#ifndef LIBCLIENT_IO_DIAL_H
#define LIBCLIENT_IO_DIAL_H

#include <stdint.h>

#include <systemd/sd-event.h>

#include "libclient/base/imap_error.h"
#include "libclient/io/job.h"
#include "libclient/io/proxy.h"

/* Strings are copied. */
struct dial_target {
	const char *host; /* a name or an address literal ("::1" too) */
	uint16_t port;
	const struct proxy_server *proxy; /* by way of it; borrowed; or NULL */
	uint64_t timeout_usec;
};

struct dial;

/* fd >= 0: connected and the callee's; else *error (NETWORK, TIMEOUT, LOCAL;
 * with a proxy also PROXY, PROTOCOL, LIMIT, CONFIG). */
typedef void dial_handler(void *user, int fd, const struct imap_error *error);

/*
 * Starts; ends in exactly one call of the handler, from the loop, after which
 * (or inside which) the caller frees the dial. With a proxy it is that whose
 * name is looked up and whose addresses are tried, never the host's; what the
 * host has said is still unread. The socket has TCP_NODELAY, SO_KEEPALIVE
 * (60 s, 3 x 10 s) and TCP_USER_TIMEOUT (timeout_usec) set.
 * The error names host, port, proxy, and each distinct reason:
 * "imap.example.org:993: connection refused".
 */
struct dial *dial_new(sd_event *loop, struct job_lane *names,
    const struct dial_target *target, dial_handler *handler, void *user);

/* Gives up; NULL ok; returns NULL. */
struct dial *dial_free(struct dial *dial);

/*
 * True if nothing can come of a connected socket any more, as far as this
 * machine knows: it has no such address now, or, if was_sent long enough ago,
 * the peer has not even acknowledged it.
 */
bool dial_is_stranded(int fd, bool was_sent);

#endif
