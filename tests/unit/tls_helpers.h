/*
 * For tests of TLS: a client that visits a server and notes what it saw.
 */
#ifndef TESTS_UNIT_TLS_HELPERS_H
#define TESTS_UNIT_TLS_HELPERS_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libclient/base/mem.h"
#include "libclient/io/stream.h"
#include "tests/unit/tls_peer.h"

#define HOST "imap.example.org"

enum { TURN_USEC = 20000000, BINDING_SIZE = 64 };

/* What the client saw of one connection. */
struct visit {
	sd_event *loop;
	struct stream *stream;
	bool is_secured;
	bool is_closed;
	struct imap_error error;
	char description[80];
	char exporter[BINDING_SIZE];
	size_t exporter_len;
	char unique[BINDING_SIZE];
	size_t unique_len;
};

static struct identity authority;
static struct identity stranger; /* an authority that nobody knows */
static struct identity good;
static char *ca_file;

static inline void
setup(void)
{
	authority = identity_new(&(struct identity_plan){
	    .common_name = "Test CA", .is_authority = true});
	stranger = identity_new(&(struct identity_plan){
	    .common_name = "Strange CA", .is_authority = true});
	good = identity_new(&(struct identity_plan){.issuer = &authority,
	    .common_name = "x",
	    .alt_names = "DNS:" HOST});
	ca_file = identity_save(&authority, false);
}

static inline void
teardown(void)
{
	identity_unsave(ca_file);
	identity_free(&good);
	identity_free(&stranger);
	identity_free(&authority);
}

/* Reads what came; the first bytes end the visit. */
static inline void
on_received(void *user, struct span bytes)
{
	struct visit *visit = user;

	(void)bytes;
	visit->is_closed = true;
}

static inline void
on_secured(void *user)
{
	struct visit *visit = user;

	visit->is_secured = true;
	(void)snprintf(visit->description, sizeof(visit->description), "%s",
	    stream_tls_description(visit->stream));
	visit->exporter_len =
	    stream_tls_exporter(visit->stream, visit->exporter, BINDING_SIZE);
	visit->unique_len =
	    stream_tls_unique(visit->stream, visit->unique, BINDING_SIZE);
}

static inline void
on_closed(void *user, const struct imap_error *error, bool is_clean)
{
	struct visit *visit = user;

	(void)is_clean;
	visit->error = *error;
	visit->is_closed = true;
}

static const struct stream_handler handler = {
    .received = on_received, .secured = on_secured, .closed = on_closed};

/* Connects, waits for a greeting or the end, and hangs up. */
static inline void
visit_fd(struct visit *visit, struct tls_context *context, int fd)
{
	*visit = (struct visit){.is_closed = false};
	ck_assert_int_ge(sd_event_new(&visit->loop), 0);
	visit->stream = stream_new(visit->loop, fd, fd, &handler, visit);
	stream_start_tls(visit->stream, context);
	while (!visit->is_closed)
		ck_assert_int_gt(sd_event_run(visit->loop, TURN_USEC), 0);
	visit->stream = stream_free(visit->stream);
	visit->loop = sd_event_unref(visit->loop);
}

static inline void
visit_peer(struct visit *visit, struct tls_context *context, SSL_CTX *settings)
{
	struct peer peer = {.settings = settings, .talk = peer_greet};

	visit_fd(visit, context, peer_start(&peer));
	peer_join(&peer);
}

static inline struct tls_context *
make_context(const struct tls_options *options)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	struct tls_context *context = tls_context_new(options, &error);

	ck_assert_msg(context != NULL, "%s", error.text);
	return context;
}

/* One visit to a server with that certificate; the settings are the usual. */
static inline void
visit_identity(struct visit *visit, const struct tls_options *options,
    const struct identity *identity)
{
	struct tls_context *context = make_context(options);
	SSL_CTX *settings = peer_settings(identity);

	visit_peer(visit, context, settings);
	SSL_CTX_free(settings);
	tls_context_free(context);
}

#endif
