/*
 * One stream and a handler that keeps what it is told and can be made to do
 * anything to the stream while it is told.
 */
#ifndef TESTS_UNIT_STREAM_END_H
#define TESTS_UNIT_STREAM_END_H

#include <check.h>

#include "libclient/base/buf.h"
#include "libclient/io/stream.h"

enum moment { NEVER, AT_RECEIVED, AT_SECURED, AT_FLUSHED, AT_CLOSED };

/* One stream and what its handler saw. */
struct end {
	struct stream *stream;
	struct buf received;
	unsigned received_calls;
	unsigned flushed_calls;
	bool is_secured;
	bool is_closed;
	bool is_clean;
	struct imap_error error;
	enum moment free_at;
	bool pause_at_received;
	struct tls_context *tls_at_received;
	const char *reply_at_received;
	size_t plain; /* not 0: what follows these bytes is deflated */
	bool is_called; /* anything at all */
};

static inline void
leave_at(struct end *here, enum moment moment)
{
	here->is_called = true;
	if (here->free_at == moment)
		here->stream = stream_free(here->stream);
}

static inline void
on_received(void *user, struct span bytes)
{
	struct end *here = user;

	ck_assert(!here->is_closed);
	ck_assert_uint_gt(bytes.len, 0);
	ck_assert_uint_le(bytes.len, 64 * 1024);
	here->received_calls++;
	if (here->pause_at_received)
		stream_pause(here->stream, true);
	if (here->reply_at_received != NULL)
		stream_write(here->stream, span_of(here->reply_at_received));
	if (here->tls_at_received != NULL)
		stream_start_tls(here->stream, here->tls_at_received);
	here->tls_at_received = NULL;
	if (here->plain > 0) {
		stream_start_deflate(
		    here->stream, span_from(bytes, here->plain));
		bytes.len = here->plain;
	}
	here->plain = 0;
	leave_at(here, AT_RECEIVED);
	/* The bytes stay even when the stream is gone. */
	ck_assert(buf_add_span(&here->received, bytes));
}

static inline void
on_secured(void *user)
{
	struct end *here = user;

	here->is_secured = true;
	leave_at(here, AT_SECURED);
}

static inline void
on_flushed(void *user)
{
	struct end *here = user;

	ck_assert(stream_pending(here->stream) == 0);
	here->flushed_calls++;
	leave_at(here, AT_FLUSHED);
}

static inline void
on_closed(void *user, const struct imap_error *error, bool is_clean)
{
	struct end *here = user;

	ck_assert(!here->is_closed);
	here->is_closed = true;
	here->is_clean = is_clean;
	here->error = *error;
	leave_at(here, AT_CLOSED);
}

static const struct stream_handler handler = {.received = on_received,
    .secured = on_secured,
    .flushed = on_flushed,
    .closed = on_closed};

#endif
