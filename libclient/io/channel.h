/*
 * Two descriptors with or without TLS, and deflate over it: non-blocking reads
 * and writes that know nothing of a loop. A part of struct stream.
 */
#ifndef LIBCLIENT_IO_CHANNEL_H
#define LIBCLIENT_IO_CHANNEL_H

#include "libclient/base/buf.h"
#include "libclient/io/tls_private.h"
#include "libclient/io/zpipe.h"

/* As much as a stream hands on at once. */
#define CHANNEL_MAX_REST 65536

struct channel {
	int read_fd;
	int write_fd; /* the same for a socket */
	struct tls_link *tls; /* NULL: none */
	uint64_t bytes_in; /* without TLS; a link counts its own */
	uint64_t bytes_out;
	struct zpipe *zpipe; /* NULL: none */
	struct buf packed_in; /* came, and is not inflated yet */
	struct buf packed_out; /* is deflated, and not with the kernel yet */
	size_t packed; /* of the bytes to be written, those in packed_out */
};

/* Makes the descriptors non-blocking. Returns an errno or 0. */
int channel_init(struct channel *channel, int read_fd, int write_fd);

/* Closes the descriptors, after a close_notify if there is TLS. */
void channel_close(struct channel *channel);

/*
 * From now on all is deflated, what comes and what goes. rest: bytes that came
 * already and have to be inflated; at most CHANNEL_MAX_REST of them.
 */
void channel_start_deflate(struct channel *channel, struct span rest);

/*
 * Once each: *count is 0 unless IO_DONE; *error is filled if IO_CLOSED (the
 * peer announced its end, or has no way to) or IO_FAILED. With deflate IO_DONE
 * may read nothing, and what is to be written must stay at the front until it
 * is counted: its deflated form waits already.
 */
enum io_result channel_read(struct channel *channel, char *out, size_t size,
    size_t *count, struct imap_error *error);
enum io_result channel_write(struct channel *channel, struct span bytes,
    size_t *count, struct imap_error *error);

uint64_t channel_bytes_in(const struct channel *channel);
uint64_t channel_bytes_out(const struct channel *channel);

#endif
