/*
 * Two descriptors with or without TLS: non-blocking reads and writes that
 * know nothing of a loop. A part of struct stream.
 */
#ifndef LIBCLIENT_IO_CHANNEL_H
#define LIBCLIENT_IO_CHANNEL_H

#include "libclient/io/tls_private.h"

struct channel {
	int read_fd;
	int write_fd; /* the same for a socket */
	struct tls_link *tls; /* NULL: none */
	uint64_t bytes_in; /* without TLS; a link counts its own */
	uint64_t bytes_out;
};

/* Makes the descriptors non-blocking. Returns an errno or 0. */
int channel_init(struct channel *channel, int read_fd, int write_fd);

/* Closes the descriptors, after a close_notify if there is TLS. */
void channel_close(struct channel *channel);

/*
 * Once each: *count is 0 unless IO_DONE; *error is filled if IO_CLOSED (the
 * peer announced its end, or has no way to) or IO_FAILED.
 */
enum io_result channel_read(struct channel *channel, char *out, size_t size,
    size_t *count, struct imap_error *error);
enum io_result channel_write(struct channel *channel, struct span bytes,
    size_t *count, struct imap_error *error);

uint64_t channel_bytes_in(const struct channel *channel);
uint64_t channel_bytes_out(const struct channel *channel);

#endif
