/*
 * For tests of libclient/imap: the client's side, whose handler notes what it
 * is told, and does what a test wants, imap_free() included.
 */
#ifndef TESTS_UNIT_IMAP_HELPERS_H
#define TESTS_UNIT_IMAP_HELPERS_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "libclient/imap.h"
#include "tests/unit/imap_server.h"

#define HOST	"imap.example.org"
#define MSEC	UINT64_C(1000)
#define PATIENT (20000 * MSEC)
#define NO_TYPE ((enum imap_event_type)(IMAP_CLOSED + 1))

static sd_event *loop;
static struct job_lane *lane;
static struct identity authority;
static struct identity good;
static struct tls_context *context;
static struct server server;
static struct imap_endpoint endpoint;

/* What the handler saw, and what it is to do. */
static struct {
	struct imap *imap;
	char events[200]; /* a letter each: see letters[] */
	size_t count;
	struct imap_error error;
	uint64_t body_octets;
	enum imap_event_type free_at;
	bool is_freed;
	void (*act)(const struct imap_event *event);
} seen;

static const char letters[] = "RdbIoC"; /* by type, IMAP_READY first */

static inline void
on_event(struct imap *imap, const struct imap_event *event, void *user)
{
	ck_assert_ptr_eq(user, &seen);
	ck_assert_ptr_nonnull(seen.imap); /* never from inside imap_new() */
	ck_assert_ptr_eq(imap, seen.imap);
	ck_assert(!seen.is_freed);
	ck_assert(seen.count == 0 || seen.events[seen.count - 1] != 'C');
	if (seen.count < sizeof(seen.events) - 1)
		seen.events[seen.count++] = letters[event->type];
	if (event->type == IMAP_BODY)
		seen.body_octets += event->body.piece.len;
	if (event->type == IMAP_CLOSED)
		seen.error = *event->error;
	if (seen.act != NULL)
		seen.act(event);
	if (event->type == seen.free_at) {
		seen.is_freed = true;
		ck_assert_ptr_null(imap_free(imap));
	}
}

static inline void
setup(void)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	char *file;

	ck_assert_int_ge(sd_event_new(&loop), 0);
	lane = job_lane_new(loop, "names");
	authority = identity_new(&(struct identity_plan){
	    .common_name = "Test CA", .is_authority = true});
	good = identity_new(&(struct identity_plan){.issuer = &authority,
	    .common_name = "x",
	    .alt_names = "DNS:" HOST});
	file = identity_save(&authority, false);
	context = tls_context_new(
	    &(struct tls_options){.host = HOST, .ca_file = file}, &error);
	ck_assert_ptr_nonnull(context);
	identity_unsave(file);
	server = (struct server){.settings = peer_settings(&good)};
	server_listen(&server);
	memset(&seen, 0, sizeof(seen));
	seen.free_at = NO_TYPE;
	endpoint = (struct imap_endpoint){.host = "127.0.0.1",
	    .port = server.port,
	    .tls = IMAP_TLS_NONE,
	    .tls_context = context,
	    .names = lane,
	    .user = "fred",
	    .secret = "secret",
	    .mechanisms = 1U << MECHANISM_PLAIN,
	    .is_loopback = true,
	    .timeout = PATIENT};
}

static inline void
teardown(void)
{
	if (!seen.is_freed)
		imap_free(seen.imap);
	lane = job_lane_free(lane);
	loop = sd_event_unref(loop);
	server_free(&server);
	tls_context_free(context);
	identity_free(&good);
	identity_free(&authority);
}

/* Connects to a server with that script. */
static inline void
open_to(const char *const *script)
{
	server_start(&server, script);
	seen.imap = imap_new(loop, &endpoint, on_event, &seen);
	ck_assert_uint_eq(seen.count, 0);
}

static inline bool
is_over(void)
{
	return seen.is_freed ||
	    (seen.count > 0 && seen.events[seen.count - 1] == 'C');
}

/* Until the events are these, or it is over if they are NULL. */
static inline void
run_until(const char *events)
{
	while (
	    !is_over() && (events == NULL || strcmp(seen.events, events) != 0))
		ck_assert_int_gt(sd_event_run(loop, PATIENT), 0);
	if (events != NULL)
		ck_assert_str_eq(seen.events, events);
}

/* The client leaves, the server was content. */
static inline void
leave(void)
{
	if (!seen.is_freed)
		seen.imap = imap_free(seen.imap);
	seen.is_freed = true;
	server_join(&server);
	ck_assert_str_eq(server.complaint, "");
}

#endif
