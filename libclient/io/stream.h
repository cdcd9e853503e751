/*
 * A byte stream on an event loop: a socket, or a process's stdin and stdout,
 * with or without TLS and deflate. It moves bytes and cannot read them.
 */
#ifndef LIBCLIENT_IO_STREAM_H
#define LIBCLIENT_IO_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "libclient/base/buf.h"
#include "libclient/base/imap_error.h"
#include "libclient/io/tls.h"

struct stream;

/*
 * What a stream tells its owner, always from the loop, never from inside a
 * call. The handler may call any stream_ function, stream_free() included.
 */
struct stream_handler {
	/*
	 * Bytes came; borrowed until it returns. At most 64 KiB a call and
	 * 256 KiB a wake-up, so that one connection does not starve the
	 * others.
	 */
	void (*received)(void *user, struct span bytes);
	/* The TLS handshake ended well. */
	void (*secured)(void *user);
	/* Everything given to stream_write() has gone to the kernel. May be
	 * NULL. */
	void (*flushed)(void *user);
	/*
	 * The end: *error says why. NETWORK "closed by the peer" for an end of
	 * file; is_clean: it was announced (close_notify, or no TLS). Nothing
	 * follows it.
	 */
	void (*closed)(
	    void *user, const struct imap_error *error, bool is_clean);
};

/*
 * Takes over descriptors (write_fd == read_fd for a socket); both become
 * non-blocking. Bytes flow at once unless stream_start_tls() is called before
 * the loop turns. Sockets get TCP_NODELAY, keepalive and TCP_USER_TIMEOUT by
 * dial.
 */
struct stream *stream_new(sd_event *loop, int read_fd, int write_fd,
    const struct stream_handler *handler, void *user);

/* Closes at once (after a TLS close_notify if that does not block). */
struct stream *stream_free(struct stream *stream);

/* Starts the TLS handshake now. The caller has made sure that no plaintext
 * that came is unread (STARTTLS injection). */
void stream_start_tls(struct stream *stream, struct tls_context *context);

/*
 * From now on what is written is deflated (RFC 4978), each flight so that the
 * peer can read all of it, and what comes is inflated; also rest, at most
 * 64 KiB: what came behind the peer's agreement and is not plain any more.
 * Nothing may wait to be sent, and TLS cannot be started afterwards. closed()
 * with PROTOCOL tells of bytes that are not deflated, with LIMIT of a bomb:
 * 1 MiB in a row with over 1000 bytes for each that came.
 */
void stream_start_deflate(struct stream *stream, struct span rest);

/*
 * Queues bytes; they are written when the loop next turns or at once with
 * stream_flush(). Failure shows as closed().
 */
void stream_write(struct stream *stream, struct span bytes);

/* Writes what is queued in one go, as far as the kernel takes it. */
void stream_flush(struct stream *stream);

/* The descriptor that it reads from. */
int stream_descriptor(const struct stream *stream);

/* Bytes queued and not yet with the kernel. */
size_t stream_pending(const struct stream *stream);

/* Bytes of the wire, deflated and TLS included, since the beginning. */
uint64_t stream_bytes_in(const struct stream *stream);
uint64_t stream_bytes_out(const struct stream *stream);

/* Stops and resumes reading (back-pressure). */
void stream_pause(struct stream *stream, bool is_paused);

/*
 * True when the TLS handshake failed after a session of the context's cache
 * was offered: a new connection will not offer one, and may succeed.
 */
bool stream_failed_resuming(const struct stream *stream);

/* "TLSv1.3, TLS_AES_256_GCM_SHA384, resumed", or "" without TLS. */
const char *stream_tls_description(const struct stream *stream);

/*
 * Channel binding data: RFC 9266 tls-exporter (32 bytes; only TLS 1.3, or 1.2
 * with extended master secret) and RFC 5929 tls-unique (TLS 1.2 only). Returns
 * the number of bytes written to out (at most size), 0 if there is none.
 */
size_t stream_tls_exporter(const struct stream *stream, char *out, size_t size);
size_t stream_tls_unique(const struct stream *stream, char *out, size_t size);

#endif
