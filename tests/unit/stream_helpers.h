/*
 * For tests of streams: one stream, and a handler that keeps what it is told
 * and can be made to do anything to the stream while it is told.
 */
#ifndef TESTS_UNIT_STREAM_HELPERS_H
#define TESTS_UNIT_STREAM_HELPERS_H

#include <check.h>
#include <string.h>

#include "libclient/base/mem.h"
#include "libclient/io/stream.h"
#include "tests/unit/tls_peer.h"

#define HOST "imap.example.org"

enum { TURN_USEC = 20000000, TRANSFER = 10 * 1024 * 1024 };

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
	bool is_called; /* anything at all */
};

static sd_event *loop;
static struct end end;
static struct identity authority;
static struct identity server;
static struct tls_context *context;
static SSL_CTX *settings;

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
	here->received_calls++;
	if (here->pause_at_received)
		stream_pause(here->stream, true);
	if (here->reply_at_received != NULL)
		stream_write(here->stream, span_of(here->reply_at_received));
	if (here->tls_at_received != NULL)
		stream_start_tls(here->stream, here->tls_at_received);
	here->tls_at_received = NULL;
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

static inline void
setup(void)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	char *file;

	ck_assert_int_ge(sd_event_new(&loop), 0);
	authority = identity_new(&(struct identity_plan){
	    .common_name = "Test CA", .is_authority = true});
	server = identity_new(&(struct identity_plan){.issuer = &authority,
	    .common_name = "x",
	    .alt_names = "DNS:" HOST});
	file = identity_save(&authority, false);
	context = tls_context_new(
	    &(struct tls_options){.host = HOST, .ca_file = file}, &error);
	ck_assert_msg(context != NULL, "%s", error.text);
	identity_unsave(file);
	settings = peer_settings(&server);
	end = (struct end){.is_closed = false};
	buf_init(&end.received, 4 * (size_t)TRANSFER);
}

static inline void
teardown(void)
{
	end.stream = stream_free(end.stream);
	buf_free(&end.received);
	SSL_CTX_free(settings);
	tls_context_free(context);
	identity_free(&server);
	identity_free(&authority);
	loop = sd_event_unref(loop);
}

static inline void
turn(void)
{
	ck_assert_int_gt(sd_event_run(loop, TURN_USEC), 0);
}

/* Turns the loop for as long as something is to be done at once. */
static inline void
settle(void)
{
	while (sd_event_run(loop, 0) > 0)
		continue;
}

static inline void
run_until(const bool *flag)
{
	while (!*flag)
		turn();
}

static inline void
run_until_received(size_t len)
{
	while (buf_len(&end.received) < len && !end.is_closed)
		turn();
}

#endif
