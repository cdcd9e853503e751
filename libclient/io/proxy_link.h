/*
 * A proxy's handshake on a connected socket: as much is read as the proxy
 * says, and not a byte of what the destination says behind it.
 */
#ifndef LIBCLIENT_IO_PROXY_LINK_H
#define LIBCLIENT_IO_PROXY_LINK_H

#include <systemd/sd-event.h>

#include "libclient/io/proxy.h"

struct proxy_link;

/* *error: NULL, the way is open; else worded as proxy_feed() says. */
typedef void proxy_link_handler(void *user, const struct imap_error *error);

/*
 * Starts on a non-blocking socket, which stays the caller's; ends in exactly
 * one call of the handler, from the loop, which may free the link. It has no
 * time limit of its own.
 */
struct proxy_link *proxy_link_new(sd_event *loop, int fd,
    const struct proxy_server *server, const char *host, uint16_t port,
    proxy_link_handler *handler, void *user);

/* Gives up; NULL ok; returns NULL. */
struct proxy_link *proxy_link_free(struct proxy_link *link);

#endif
