/*
 * What is said to a proxy, and what it answers, until the way to the
 * destination is open: SOCKS 5 (RFC 1928, with the login of RFC 1929) and
 * HTTP's CONNECT (RFC 9110 section 9.3.6). Bytes in, bytes out. The
 * destination's name is the proxy's to look up: it is sent as it is.
 */
#ifndef LIBCLIENT_IO_PROXY_H
#define LIBCLIENT_IO_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"
#include "libclient/base/imap_error.h"

/* An answer to CONNECT may have so many bytes, or it is refused. */
#define PROXY_MAX_HEADER 16384

struct proxy_server {
	bool is_http; /* CONNECT; else SOCKS 5 */
	const char *host;
	uint16_t port;
	const char *user; /* NULL: no login; not used with HTTP */
	const char *password; /* set if user is */
};

/* A copy, strings and all; NULL gives NULL. */
struct proxy_server *proxy_server_copy(const struct proxy_server *server);

/* Wipes and frees a copy; NULL ok; returns NULL. */
struct proxy_server *proxy_server_free(struct proxy_server *copy);

struct proxy;

/*
 * Begins; nothing is borrowed. NULL, and CONFIG, if the destination or the
 * login cannot be said to a proxy.
 */
struct proxy *proxy_new(const struct proxy_server *server, const char *host,
    uint16_t port, struct imap_error *error);

/* Wipes and frees; NULL ok; returns NULL. */
struct proxy *proxy_free(struct proxy *proxy);

/* What is to be sent now, and that so much of it was. */
struct span proxy_take(const struct proxy *proxy);
void proxy_taken(struct proxy *proxy, size_t len);

enum proxy_answer {
	PROXY_WAITS, /* for more bytes, after what there is to take is sent */
	PROXY_OPEN, /* all that follows is between us and the destination */
	PROXY_REFUSES
};

/*
 * What came. *used: so many bytes were the proxy's; the rest comes after what
 * is to be sent, or is the destination's if the way is OPEN. *error of REFUSES
 * is worded to follow the proxy's name: "says: connection refused"; PROXY: it
 * refuses us, NETWORK: the way, PROTOCOL and LIMIT: it does not speak as it
 * must.
 */
enum proxy_answer proxy_feed(struct proxy *proxy, struct span bytes,
    size_t *used, struct imap_error *error);

#endif
