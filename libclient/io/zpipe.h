/*
 * Raw deflate both ways (RFC 4978, RFC 1951), by zlib: bytes in, bytes out. It
 * knows nothing of descriptors. A part of struct channel.
 */
#ifndef LIBCLIENT_IO_ZPIPE_H
#define LIBCLIENT_IO_ZPIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "libclient/base/buf.h"
#include "libclient/base/imap_error.h"

/* The most that deflating makes of a piece of len bytes. */
#define ZPIPE_MAX_DEFLATED(len) ((len) + (len) / 4 + 8192)

struct zpipe;

/* About 9 KiB, and 40 KiB more once something was inflated. */
struct zpipe *zpipe_new(void);
struct zpipe *zpipe_free(struct zpipe *zpipe); /* NULL ok; returns NULL */

/*
 * Appends what bytes become to *out, whose cap must allow for the whole of
 * ZPIPE_MAX_DEFLATED(). Only behind a piece that ends a flight can the peer
 * inflate all that was given so far.
 */
void zpipe_deflate(
    struct zpipe *zpipe, struct span bytes, bool ends_flight, struct buf *out);

/*
 * Consumes from *in and writes at most size bytes to out. *count of them were
 * written; 0: *in is used up and more must come. False and *error: PROTOCOL
 * for what is no deflated data or follows its end; LIMIT once 1 MiB in a row
 * came out of less than a thousandth of that. The windows stand side by side,
 * so of a bomb no more than 2 MiB come out, whatever came before it.
 */
bool zpipe_inflate(struct zpipe *zpipe, struct buf *in, char *out, size_t size,
    size_t *count, struct imap_error *error);

#endif
