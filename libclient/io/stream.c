/*
 * The byte stream. All work is done in turn(), which the loop calls when a
 * descriptor is ready or when a call asked for it (the defer source): calls
 * only change the stream and then settle() what the loop must wait for. So
 * the handler is never called from inside a call, and there is one place
 * that expects it to free the stream.
 *
 * A level-triggered poll does not see what OpenSSL and zlib hold already;
 * reading therefore goes on until there is nothing more or the turn's share is
 * used, in which case another turn follows behind the other streams' ones.
 */
#include "libclient/io/stream.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "libclient/base/mem.h"
#include "libclient/io/channel.h"

enum {
	SCRATCH_SIZE = 64 * 1024,
	TURN_LIMIT = 256 * 1024,
	QUEUE_LIMIT = 64 * 1024 * 1024
};

enum state {
	OPEN,
	SECURING, /* TLS handshake */
	ENDING, /* closed() is still to be called */
	ENDED
};

struct stream {
	sd_event *loop;
	struct channel channel;
	sd_event_source *readable; /* a socket's only source */
	sd_event_source *writable; /* NULL for a socket */
	sd_event_source *soon; /* defers a turn */
	const struct stream_handler *handler;
	void *user;
	struct buf queue;
	struct imap_error *error; /* from ENDING on */
	enum state state;
	uint32_t read_wants; /* EPOLLIN, or what TLS needs instead */
	uint32_t write_wants; /* 0: nothing keeps the queue from the kernel */
	bool is_paused;
	bool is_read_due; /* there may be bytes that no poll tells of */
	bool is_flush_due;
	bool is_clean;
	bool is_write_lost; /* ENDING, but the peer's last words may be there */
	bool is_turning;
	bool is_freed; /* inside a turn */
};

/*
 * One for all streams of a thread's loop: ten thousand connections would
 * need ten thousand of them. It is free again when received() returns.
 */
static _Thread_local char scratch[SCRATCH_SIZE];
static _Thread_local bool is_scratch_lent;

static int on_ready(
    sd_event_source *source, int fd, uint32_t revents, void *user);
static int on_soon(sd_event_source *source, void *user);

/* Closed() is to follow, with the first of the errors. */
static void
begin_end(struct stream *stream, const struct imap_error *error)
{
	if (stream->error == NULL) {
		stream->error = mem_new(struct imap_error);
		*stream->error = *error;
	}
	stream->state = ENDING;
	buf_free_secret(&stream->queue);
}

static void
fail(struct stream *stream, enum imap_error_kind kind, const char *text)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};

	imap_error_set(&error, kind, "%s", text);
	begin_end(stream, &error);
}

static void
set_interest(sd_event_source *source, uint32_t mask)
{
	uint32_t before = 0;

	if (source == NULL)
		return;
	/* Off, not 0: a poll reports a hang-up whatever the mask. */
	if (mask == 0) {
		(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
		return;
	}
	if (sd_event_source_get_io_events(source, &before) < 0 ||
	    before != mask)
		(void)sd_event_source_set_io_events(source, mask);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ON);
}

/* What a poll must tell: the sum of what reading and writing wait for. */
static uint32_t
interest(const struct stream *stream)
{
	switch (stream->state) {
	case OPEN:
		return (stream->is_paused ? 0 : stream->read_wants) |
		    stream->write_wants;
	case SECURING:
		return stream->read_wants;
	case ENDING:
	case ENDED:
	default:
		return 0;
	}
}

static bool
is_turn_due(const struct stream *stream)
{
	switch (stream->state) {
	case OPEN:
		return (stream->is_read_due && !stream->is_paused) ||
		    (buf_len(&stream->queue) > 0 && stream->write_wants == 0) ||
		    stream->is_flush_due;
	case SECURING:
		return stream->is_read_due;
	case ENDING:
		return true;
	case ENDED:
	default:
		return false;
	}
}

/* Tells the loop what this stream waits for now. */
static void
settle(struct stream *stream)
{
	const uint32_t mask = interest(stream);
	const bool is_due = is_turn_due(stream);
	int result = 0;

	if (stream->is_turning)
		return;
	if (stream->writable == NULL) {
		set_interest(stream->readable, mask);
	} else {
		set_interest(stream->readable, mask & EPOLLIN);
		set_interest(stream->writable, mask & EPOLLOUT);
	}
	if (stream->soon == NULL && is_due)
		result = sd_event_add_defer(
		    stream->loop, &stream->soon, on_soon, stream);
	else if (stream->soon != NULL)
		(void)sd_event_source_set_enabled(
		    stream->soon, is_due ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	/* Else the loop has ended, and nobody waits for this any more. */
	if (result == -ENOMEM)
		abort();
}

static void
destroy(struct stream *stream)
{
	buf_free_secret(&stream->queue);
	mem_free(stream->error);
	mem_free(stream);
}

static void
shake_hands(struct stream *stream)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};

	if (stream->state != SECURING)
		return;
	stream->is_read_due = false;
	switch (tls_link_handshake(stream->channel.tls, &error)) {
	case IO_WANT_READ:
		stream->read_wants = EPOLLIN;
		return;
	case IO_WANT_WRITE:
		stream->read_wants = EPOLLOUT;
		return;
	case IO_CLOSED:
	case IO_FAILED:
		begin_end(stream, &error);
		return;
	case IO_DONE:
	default:
		break;
	}
	stream->state = OPEN;
	stream->read_wants = EPOLLIN;
	/* The first bytes may have come together with the last message. */
	stream->is_read_due = true;
	stream->handler->secured(stream->user);
}

/*
 * Fills the scratch as far as there are bytes; false when there are no more
 * for now, or ever.
 */
static bool
fill_scratch(struct stream *stream, size_t *len)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	enum io_result result;
	size_t size;
	size_t count;

	*len = 0;
	do {
		size = SCRATCH_SIZE - *len;
		result = channel_read(
		    &stream->channel, scratch + *len, size, &count, &error);
		*len += count;
		/* When all is plain the next poll tells of more than this. */
		if (result == IO_DONE && count < size &&
		    stream->channel.tls == NULL &&
		    stream->channel.zpipe == NULL)
			return false;
	} while (result == IO_DONE && count > 0 && *len < SCRATCH_SIZE);
	stream->read_wants = result == IO_WANT_WRITE ? EPOLLOUT : EPOLLIN;
	if (result == IO_CLOSED || result == IO_FAILED) {
		stream->is_clean = result == IO_CLOSED;
		begin_end(stream, &error);
	}
	return result == IO_DONE;
}

static bool
may_read(const struct stream *stream)
{
	return !stream->is_freed && !stream->is_paused &&
	    (stream->state == OPEN ||
		(stream->state == ENDING && stream->is_write_lost));
}

/* What this turn may still read: of the wire, and of what it becomes. */
static bool
has_share(const struct stream *stream, uint64_t begin, size_t total)
{
	return total < TURN_LIMIT &&
	    channel_bytes_in(&stream->channel) - begin < TURN_LIMIT;
}

static void
receive(struct stream *stream)
{
	const uint64_t begin = channel_bytes_in(&stream->channel);
	size_t total = 0;
	size_t len = 0;
	bool is_more = true;

	while (is_more && may_read(stream) && has_share(stream, begin, total)) {
		stream->is_read_due = false;
		is_more = fill_scratch(stream, &len);
		total += len;
		if (len == 0)
			continue;
		assert(!is_scratch_lent);
		is_scratch_lent = true;
		stream->handler->received(
		    stream->user, (struct span){scratch, len});
		is_scratch_lent = false;
	}
	if (is_more)
		stream->is_read_due = true;
}

/* Sends the queue as far as the kernel takes it. */
static void
send_queue(struct stream *stream)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	enum io_result result = IO_DONE;
	size_t count;

	if (stream->state != OPEN || buf_len(&stream->queue) == 0)
		return;
	while (result == IO_DONE && buf_len(&stream->queue) > 0) {
		result = channel_write(
		    &stream->channel, buf_span(&stream->queue), &count, &error);
		buf_consume(&stream->queue, count);
	}
	stream->write_wants = result == IO_WANT_WRITE ? EPOLLOUT
	    : result == IO_WANT_READ		      ? EPOLLIN
						      : 0;
	if (result == IO_CLOSED || result == IO_FAILED) {
		stream->is_write_lost = true;
		begin_end(stream, &error);
	} else if (result == IO_DONE) {
		/* It may have held a password; an idle stream holds nothing. */
		buf_free_secret(&stream->queue);
		stream->is_flush_due = stream->handler->flushed != NULL;
	}
}

/* The last call of the handler. */
static void
tell_end(struct stream *stream)
{
	struct imap_error error;

	if (stream->state != ENDING)
		return;
	stream->state = ENDED;
	error = *stream->error;
	stream->handler->closed(stream->user, &error, stream->is_clean);
}

/* Everything a stream does, and the only place where it may be freed. */
static void
turn(struct stream *stream)
{
	stream->is_turning = true;
	shake_hands(stream);
	if (!stream->is_freed)
		receive(stream);
	/* received() may have begun TLS: say hello in the same turn. */
	if (!stream->is_freed)
		shake_hands(stream);
	if (!stream->is_freed)
		send_queue(stream);
	if (!stream->is_freed && stream->is_write_lost)
		receive(stream);
	if (!stream->is_freed && stream->state == OPEN &&
	    stream->is_flush_due) {
		stream->is_flush_due = false;
		stream->handler->flushed(stream->user);
	}
	if (!stream->is_freed)
		tell_end(stream);
	stream->is_turning = false;
	if (stream->is_freed)
		destroy(stream);
	else
		settle(stream);
}

static int
on_ready(sd_event_source *source, int fd, uint32_t revents, void *user)
{
	struct stream *stream = user;

	(void)source;
	(void)fd;
	(void)revents;
	turn(stream);
	return 0;
}

static int
on_soon(sd_event_source *source, void *user)
{
	(void)source;
	turn(user);
	return 0;
}

/*
 * A write to a peer that is gone must be an error, not a death. Sockets could
 * ask for that one by one, but neither pipes nor OpenSSL can.
 */
static void
ignore_sigpipe(void)
{
	struct sigaction action;

	if (sigaction(SIGPIPE, NULL, &action) < 0 ||
	    action.sa_handler != SIG_DFL)
		return;
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
}

static int
add_sources(struct stream *stream)
{
	const struct channel *channel = &stream->channel;
	int result = sd_event_add_io(stream->loop, &stream->readable,
	    channel->read_fd, EPOLLIN, on_ready, stream);

	if (result >= 0 && channel->write_fd != channel->read_fd)
		result = sd_event_add_io(stream->loop, &stream->writable,
		    channel->write_fd, EPOLLOUT, on_ready, stream);
	return result < 0 ? -result : 0;
}

struct stream *
stream_new(sd_event *loop, int read_fd, int write_fd,
    const struct stream_handler *handler, void *user)
{
	struct stream *stream = mem_new(struct stream);
	int fault;

	ignore_sigpipe();
	stream->loop = loop;
	stream->handler = handler;
	stream->user = user;
	stream->read_wants = EPOLLIN;
	buf_init(&stream->queue, QUEUE_LIMIT);
	fault = channel_init(&stream->channel, read_fd, write_fd);
	if (fault == 0)
		fault = add_sources(stream);
	if (fault != 0)
		fail(stream, IMAP_ERROR_LOCAL, strerrordesc_np(fault));
	settle(stream);
	return stream;
}

struct stream *
stream_free(struct stream *stream)
{
	if (stream == NULL)
		return NULL;
	stream->readable = sd_event_source_disable_unref(stream->readable);
	stream->writable = sd_event_source_disable_unref(stream->writable);
	stream->soon = sd_event_source_disable_unref(stream->soon);
	channel_close(&stream->channel);
	stream->state = ENDED;
	if (stream->is_turning)
		stream->is_freed = true;
	else
		destroy(stream);
	return NULL;
}

void
stream_start_tls(struct stream *stream, struct tls_context *context)
{
	struct channel *channel = &stream->channel;

	assert(channel->tls == NULL && channel->zpipe == NULL);
	if (stream->state != OPEN)
		return;
	if (buf_len(&stream->queue) > 0) {
		/* The peer agreed to what it has not been asked yet. */
		fail(stream, IMAP_ERROR_PROTOCOL,
		    "TLS was to begin while commands wait to be sent");
	} else {
		channel->tls =
		    tls_link_new(context, channel->read_fd, channel->write_fd);
		stream->state = SECURING;
		stream->is_read_due = true;
	}
	settle(stream);
}

void
stream_start_deflate(struct stream *stream, struct span rest)
{
	assert(stream->channel.zpipe == NULL);
	if (stream->state != OPEN)
		return;
	if (buf_len(&stream->queue) > 0) {
		fail(stream, IMAP_ERROR_PROTOCOL,
		    "compression was to begin while commands wait to be sent");
	} else {
		channel_start_deflate(&stream->channel, rest);
		stream->is_read_due = true;
	}
	settle(stream);
}

void
stream_write(struct stream *stream, struct span bytes)
{
	if ((stream->state != OPEN && stream->state != SECURING) ||
	    bytes.len == 0)
		return;
	stream->is_flush_due = false;
	if (!buf_add_span(&stream->queue, bytes))
		fail(stream, IMAP_ERROR_LIMIT,
		    "more than 64 MiB wait to be sent");
	settle(stream);
}

void
stream_flush(struct stream *stream)
{
	send_queue(stream);
	settle(stream);
}

int
stream_descriptor(const struct stream *stream)
{
	return stream->channel.read_fd;
}

size_t
stream_pending(const struct stream *stream)
{
	return buf_len(&stream->queue);
}

uint64_t
stream_bytes_in(const struct stream *stream)
{
	return channel_bytes_in(&stream->channel);
}

uint64_t
stream_bytes_out(const struct stream *stream)
{
	return channel_bytes_out(&stream->channel);
}

void
stream_pause(struct stream *stream, bool is_paused)
{
	if (stream->is_paused && !is_paused)
		stream->is_read_due = true;
	stream->is_paused = is_paused;
	settle(stream);
}

bool
stream_failed_resuming(const struct stream *stream)
{
	const struct tls_link *tls = stream->channel.tls;

	return tls != NULL && tls_link_failed_resuming(tls);
}

const char *
stream_tls_description(const struct stream *stream)
{
	const struct tls_link *tls = stream->channel.tls;

	return tls == NULL ? "" : tls_link_description(tls);
}

size_t
stream_tls_exporter(const struct stream *stream, char *out, size_t size)
{
	const struct tls_link *tls = stream->channel.tls;

	return tls == NULL ? 0 : tls_link_exporter(tls, out, size);
}

size_t
stream_tls_unique(const struct stream *stream, char *out, size_t size)
{
	const struct tls_link *tls = stream->channel.tls;

	return tls == NULL ? 0 : tls_link_unique(tls, out, size);
}
