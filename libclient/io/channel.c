/*
 * Reading and writing descriptors, through TLS and deflate where there are
 * some. SIGPIPE is ignored by the stream.
 */
#include "libclient/io/channel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
	/* What is read at once to be inflated; a TLS record at the most. */
	PACKED_IN_SIZE = 16 * 1024,
	/* What is deflated at once, so that a long queue is not held twice. */
	PACKED_OUT_SIZE = 64 * 1024
};

static int
make_non_blocking(int fd)
{
	const int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return errno;
	return 0;
}

int
channel_init(struct channel *channel, int read_fd, int write_fd)
{
	int error;

	*channel = (struct channel){.read_fd = read_fd, .write_fd = write_fd};
	error = make_non_blocking(read_fd);
	if (error == 0 && write_fd != read_fd)
		error = make_non_blocking(write_fd);
	return error;
}

void
channel_close(struct channel *channel)
{
	channel->tls = tls_link_free(channel->tls);
	channel->zpipe = zpipe_free(channel->zpipe);
	buf_free(&channel->packed_in);
	buf_free_secret(&channel->packed_out);
	close(channel->read_fd);
	if (channel->write_fd != channel->read_fd)
		close(channel->write_fd);
}

void
channel_start_deflate(struct channel *channel, struct span rest)
{
	bool fits;

	channel->zpipe = zpipe_new();
	buf_init(&channel->packed_in, CHANNEL_MAX_REST);
	buf_init(&channel->packed_out, ZPIPE_MAX_DEFLATED(PACKED_OUT_SIZE));
	fits = buf_add_span(&channel->packed_in, rest);
	assert(fits);
	(void)fits;
}

static enum io_result
lose(int system_error, struct imap_error *error)
{
	imap_error_set(error, IMAP_ERROR_NETWORK, "connection lost: %s",
	    strerrordesc_np(system_error));
	return IO_FAILED;
}

static enum io_result
read_plain(struct channel *channel, char *out, size_t size, size_t *count,
    struct imap_error *error)
{
	ssize_t n;

	*count = 0;
	if (channel->tls != NULL)
		return tls_link_read(channel->tls, out, size, count, error);
	do {
		n = read(channel->read_fd, out, size);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? IO_WANT_READ : lose(errno, error);
	if (n == 0) {
		imap_error_set(error, IMAP_ERROR_NETWORK, "closed by the peer");
		return IO_CLOSED;
	}
	*count = (size_t)n;
	channel->bytes_in += (uint64_t)n;
	return IO_DONE;
}

/* Reads what is to be inflated next; all that came before is used up. */
static enum io_result
fill_packed_in(struct channel *channel, struct imap_error *error)
{
	char *room = buf_reserve(&channel->packed_in, PACKED_IN_SIZE);
	enum io_result result;
	size_t count;

	assert(room != NULL);
	result = read_plain(channel, room, PACKED_IN_SIZE, &count, error);
	buf_grow(&channel->packed_in, count);
	/* An idle connection holds nothing. */
	if (count == 0)
		buf_free(&channel->packed_in);
	return result;
}

/*
 * What zlib holds comes first: no poll tells of it. Reads once at the most, as
 * compressed data that come to nothing could keep a loop busy for ever.
 */
static enum io_result
read_inflated(struct channel *channel, char *out, size_t size, size_t *count,
    struct imap_error *error)
{
	enum io_result result;

	if (!zpipe_inflate(
		channel->zpipe, &channel->packed_in, out, size, count, error))
		return IO_FAILED;
	if (*count > 0)
		return IO_DONE;
	result = fill_packed_in(channel, error);
	if (result != IO_DONE)
		return result;
	if (!zpipe_inflate(
		channel->zpipe, &channel->packed_in, out, size, count, error))
		return IO_FAILED;
	return IO_DONE;
}

enum io_result
channel_read(struct channel *channel, char *out, size_t size, size_t *count,
    struct imap_error *error)
{
	*count = 0;
	if (channel->zpipe != NULL)
		return read_inflated(channel, out, size, count, error);
	return read_plain(channel, out, size, count, error);
}

static enum io_result
write_plain(struct channel *channel, struct span bytes, size_t *count,
    struct imap_error *error)
{
	ssize_t n;

	*count = 0;
	if (channel->tls != NULL)
		return tls_link_write(channel->tls, bytes, count, error);
	do {
		n = write(channel->write_fd, bytes.at, bytes.len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? IO_WANT_WRITE : lose(errno, error);
	*count = (size_t)n;
	channel->bytes_out += (uint64_t)n;
	return IO_DONE;
}

/* A flight ends where nothing more waits to be written. */
static void
fill_packed_out(struct channel *channel, struct span bytes)
{
	const bool is_all = bytes.len <= PACKED_OUT_SIZE;

	channel->packed = is_all ? bytes.len : PACKED_OUT_SIZE;
	bytes.len = channel->packed;
	zpipe_deflate(channel->zpipe, bytes, is_all, &channel->packed_out);
}

static enum io_result
write_deflated(struct channel *channel, struct span bytes, size_t *count,
    struct imap_error *error)
{
	enum io_result result = IO_DONE;
	size_t n;

	if (channel->packed == 0)
		fill_packed_out(channel, bytes);
	while (result == IO_DONE && buf_len(&channel->packed_out) > 0) {
		result = write_plain(
		    channel, buf_span(&channel->packed_out), &n, error);
		buf_consume(&channel->packed_out, n);
	}
	if (result != IO_DONE)
		return result;
	buf_free_secret(&channel->packed_out);
	*count = channel->packed;
	channel->packed = 0;
	return IO_DONE;
}

enum io_result
channel_write(struct channel *channel, struct span bytes, size_t *count,
    struct imap_error *error)
{
	*count = 0;
	if (channel->zpipe != NULL)
		return write_deflated(channel, bytes, count, error);
	return write_plain(channel, bytes, count, error);
}

uint64_t
channel_bytes_in(const struct channel *channel)
{
	return channel->bytes_in +
	    (channel->tls == NULL ? 0 : tls_link_bytes_in(channel->tls));
}

uint64_t
channel_bytes_out(const struct channel *channel)
{
	return channel->bytes_out +
	    (channel->tls == NULL ? 0 : tls_link_bytes_out(channel->tls));
}
