/*
 * For tests of streams: one stream on a loop, a certificate for its peer, and
 * ways to turn the loop until something has happened.
 */
#ifndef TESTS_UNIT_STREAM_HELPERS_H
#define TESTS_UNIT_STREAM_HELPERS_H

#include <check.h>
#include <string.h>

#include "libclient/base/mem.h"
#include "libclient/io/stream.h"
#include "tests/unit/stream_end.h"
#include "tests/unit/tls_peer.h"

#define HOST "imap.example.org"

enum { TURN_USEC = 20000000, TRANSFER = 10 * 1024 * 1024 };

static sd_event *loop;
static struct end end;
static struct identity authority;
static struct identity server;
static struct tls_context *context;
static SSL_CTX *settings;

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
