/*
 * Reading and writing descriptors, through TLS where there is some. SIGPIPE is
 * ignored by the stream.
 */
#include "libclient/io/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

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
	close(channel->read_fd);
	if (channel->write_fd != channel->read_fd)
		close(channel->write_fd);
}

static enum io_result
lose(int system_error, struct imap_error *error)
{
	imap_error_set(error, IMAP_ERROR_NETWORK, "connection lost: %s",
	    strerrordesc_np(system_error));
	return IO_FAILED;
}

enum io_result
channel_read(struct channel *channel, char *out, size_t size, size_t *count,
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

enum io_result
channel_write(struct channel *channel, struct span bytes, size_t *count,
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
