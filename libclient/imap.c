/*
 * A session put on a socket, TLS and an event loop: the one place where bytes
 * meet protocol, and where a handler may free what is calling it.
 */
#include "libclient/imap.h"

#include <inttypes.h>
#include <sys/random.h>

#include "libclient/base/mem.h"
#include "libclient/deadline.h"
#include "libclient/imap_private.h"
#include "libclient/io/dial.h"
#include "libclient/io/stream.h"
#include "libclient/io/tunnel.h"
#include "libclient/proto/session.h"
#include "libclient/wire/frame.h"

#define ID_LIST \
	"(\"name\" \"mailmirror\" \"version\" \"" MAILMIRROR_VERSION "\")"

/* For the + of IDLE, and for the answer to DONE. */
#define IDLE_LIMIT UINT64_C(15000000)

/* In it what was sent is acknowledged, if the peer is there. */
#define ROUND_TRIP UINT64_C(1000000)

/* Bytes that wait for the kernel, before no more are made. */
#define BACKLOG_MAX 1048576

/* The owner collects every literal itself: no byte of one is copied twice. */
static const struct frame_limits manual_limits = {
    .text = 1048576,
    .search = 8388608,
    .inline_literal = 0,
    .literal = UINT32_MAX,
    .literals = 1000,
};

struct imap {
	sd_event *loop;
	struct imap_endpoint endpoint;
	struct capabilities known; /* of the last session */
	char *host;
	char *user;
	char *secret;
	struct proxy_server *proxy; /* until it is logged in */
	imap_handler *handler;
	void *user_data;
	struct session *session;
	struct dial *dial;
	struct tunnel *tunnel;
	struct stream *stream;
	sd_event_source *timer; /* the deadline */
	sd_event_source *later; /* flushes, and failures found in imap_new() */
	uint64_t timer_at;
	struct deadline deadline;
	bool is_dispatching;
	bool is_freed; /* by the handler, while dispatching */
	bool is_over; /* IMAP_CLOSED was told */
	bool has_tls_begun; /* after STARTTLS */
	bool compresses_at_login;
};

static void pump(struct imap *imap);
static void dial_again(struct imap *imap);

static void
destroy(struct imap *imap)
{
	imap->dial = dial_free(imap->dial);
	imap->stream = stream_free(imap->stream);
	imap->tunnel = tunnel_free(imap->tunnel);
	imap->session = session_free(imap->session);
	imap->timer = sd_event_source_disable_unref(imap->timer);
	imap->later = sd_event_source_disable_unref(imap->later);
	imap->loop = sd_event_unref(imap->loop);
	imap->secret = mem_free_secret(imap->secret);
	imap->proxy = proxy_server_free(imap->proxy);
	mem_free(imap->host);
	mem_free(imap->user);
	mem_free(imap);
}

/* ---- the deadline ---- */

static void
note_due(struct imap *imap)
{
	deadline_set_due(&imap->deadline,
	    imap->stream == NULL ? 0 : session_due(imap->session), clock_now());
	if (imap->stream != NULL && session_due_is_idle(imap->session))
		deadline_set_limit(&imap->deadline, IDLE_LIMIT);
}

static void
arm_timer(struct imap *imap)
{
	uint64_t next = deadline_next(&imap->deadline);

	/* a timer that fires too early looks again; moving it each time a
	 * byte comes would cost more */
	if (next >= imap->timer_at && imap->timer_at != 0)
		return;
	if (next == DEADLINE_NEVER)
		return;
	imap->timer_at = next;
	(void)sd_event_source_set_time(imap->timer, next);
	(void)sd_event_source_set_enabled(imap->timer, SD_EVENT_ONESHOT);
}

static int
on_timer(sd_event_source *source, uint64_t at, void *user)
{
	struct imap *imap = user;
	struct imap_error error = {0};

	(void)source;
	(void)at;
	imap->timer_at = 0;
	note_due(imap);
	if (!deadline_check(&imap->deadline, clock_now(), &error)) {
		session_closed(imap->session, &error);
		pump(imap);
		return 0;
	}
	arm_timer(imap);
	return 0;
}

/* ---- moving bytes and events ---- */

static void
flush(struct imap *imap)
{
	struct span out;

	if (imap->stream == NULL || imap->is_over)
		return;
	while (stream_pending(imap->stream) < BACKLOG_MAX) {
		out = session_take(imap->session);
		if (out.len == 0)
			break;
		stream_write(imap->stream, out);
		session_taken(imap->session, out.len);
		stream_flush(imap->stream);
	}
	note_due(imap);
	arm_timer(imap);
}

static void
forget_secret(struct imap *imap)
{
	if (imap->secret == NULL && imap->proxy == NULL)
		return;
	imap->dial = dial_free(imap->dial); /* it borrows the proxy */
	imap->secret = mem_free_secret(imap->secret);
	imap->proxy = proxy_server_free(imap->proxy);
	mem_wipe_stack();
}

static void
dispatch(struct imap *imap)
{
	struct imap_event event;

	imap->is_dispatching = true;
	while (!imap->is_freed && session_next(imap->session, &event)) {
		if (event.type == IMAP_BODY)
			deadline_body(&imap->deadline, event.body.piece.len);
		if (event.type == IMAP_CLOSED)
			imap->is_over = true;
		if (imap->is_over ||
		    (session_is_ready(imap->session) &&
			!session_is_early(imap->session)))
			forget_secret(imap);
		imap->handler(imap, &event, imap->user_data);
	}
	imap->is_dispatching = false;
}

/* What came behind the agreement is deflated already. */
static bool
begin_deflate(struct imap *imap)
{
	if (imap->is_freed || imap->is_over ||
	    session_want(imap->session) != SESSION_WANT_DEFLATE)
		return false;
	stream_start_deflate(imap->stream, session_deflated(imap->session));
	return true;
}

/* Hands out what the session has to tell, then does what it wants. */
static void
pump(struct imap *imap)
{
	if (imap->is_dispatching)
		return;
	do {
		dispatch(imap);
	} while (begin_deflate(imap));
	if (imap->is_freed) {
		destroy(imap);
		return;
	}
	if (imap->is_over) {
		imap->dial = dial_free(imap->dial);
		imap->stream = stream_free(imap->stream);
		imap->tunnel = tunnel_free(imap->tunnel);
		return;
	}
	flush(imap);
	if (session_want(imap->session) == SESSION_WANT_TLS &&
	    !imap->has_tls_begun) {
		imap->has_tls_begun = true;
		stream_start_tls(imap->stream, imap->endpoint.tls_context);
	}
}

static void
end(struct imap *imap, const struct imap_error *error)
{
	session_closed(imap->session, error);
	pump(imap);
}

static void
on_received(void *user, struct span bytes)
{
	struct imap *imap = user;

	session_feed(imap->session, bytes);
	deadline_heard(
	    &imap->deadline, clock_now(), session_is_in_body(imap->session));
	pump(imap);
}

static void
on_secured(void *user)
{
	struct imap *imap = user;
	char exporter[64];
	char unique[128];
	size_t exporter_len =
	    stream_tls_exporter(imap->stream, exporter, sizeof(exporter));
	size_t unique_len =
	    stream_tls_unique(imap->stream, unique, sizeof(unique));

	session_secured(imap->session, (struct span){exporter, exporter_len},
	    (struct span){unique, unique_len});
	deadline_heard(&imap->deadline, clock_now(), false);
	pump(imap);
}

static void
on_closed(void *user, const struct imap_error *error, bool is_clean)
{
	struct imap *imap = user;

	(void)is_clean;
	if (stream_failed_resuming(imap->stream))
		dial_again(imap);
	else
		end(imap, error);
}

static void
on_flushed(void *user)
{
	struct imap *imap = user;

	deadline_taken(&imap->deadline, clock_now());
	flush(imap);
}

static const struct stream_handler stream_handler = {
    .received = on_received,
    .secured = on_secured,
    .flushed = on_flushed,
    .closed = on_closed,
};

static int
on_later(sd_event_source *source, void *user)
{
	struct imap *imap = user;

	(void)source;
	pump(imap);
	return 0;
}

/* ---- connecting ---- */

static void
on_dialled(void *user, int fd, const struct imap_error *error)
{
	struct imap *imap = user;

	imap->dial = dial_free(imap->dial);
	if (fd < 0) {
		end(imap, error);
		return;
	}
	imap->stream = stream_new(imap->loop, fd, fd, &stream_handler, imap);
	imap->has_tls_begun = false;
	if (imap->endpoint.tls == IMAP_TLS_IMPLICIT)
		stream_start_tls(imap->stream, imap->endpoint.tls_context);
	deadline_heard(&imap->deadline, clock_now(), false);
	flush(imap);
}

static void
open_tunnel(struct imap *imap)
{
	struct imap_error error = {0};
	int read_fd = -1;
	int write_fd = -1;

	imap->tunnel = tunnel_new(
	    imap->loop, imap->endpoint.tunnel, &read_fd, &write_fd, &error);
	if (imap->tunnel == NULL) {
		session_closed(imap->session, &error);
		(void)sd_event_source_set_enabled(
		    imap->later, SD_EVENT_ONESHOT);
		return;
	}
	imap->stream =
	    stream_new(imap->loop, read_fd, write_fd, &stream_handler, imap);
	flush(imap);
}

static struct session *
new_session(const struct imap *imap)
{
	const struct imap_endpoint *endpoint = &imap->endpoint;
	struct session_config config = {
	    .login =
		{
		    .credentials =
			{
			    .user = span_of(imap->user),
			    .secret = span_of(imap->secret),
			    .host = span_of(imap->host),
			    .port = endpoint->port,
			    .is_token = endpoint->is_token,
			},
		    .mechanisms = endpoint->mechanisms,
		    .needs_starttls = endpoint->tunnel == NULL &&
			endpoint->tls == IMAP_TLS_STARTTLS,
		    .accepts_preauth = endpoint->tunnel != NULL,
		    .is_confidential =
			endpoint->tunnel != NULL || endpoint->is_loopback,
		    .disabled = endpoint->disabled,
		    .disabled_count = endpoint->disabled_count,
		    .enable = endpoint->enable,
		    .asks_capability = endpoint->asks_capability,
		    .forces_id = endpoint->forces_id,
		    .id = ID_LIST,
		},
	};

	config.login.known_after = imap->known;
	if (endpoint->trace != NULL)
		config.trace = *endpoint->trace;
	config.login.compress = imap->compresses_at_login;
	config.is_manual = endpoint->is_manual;
	if (endpoint->is_manual)
		config.limits = &manual_limits;
	if (getrandom(&config.tag_seed, sizeof(config.tag_seed), 0) !=
	    sizeof(config.tag_seed))
		config.tag_seed = 0;
	return session_new(&config);
}

static void
dial(struct imap *imap)
{
	const struct dial_target target = {
	    .host = imap->host,
	    .port = imap->endpoint.port,
	    .proxy = imap->proxy,
	    .timeout_usec = imap->endpoint.timeout,
	};

	imap->dial = dial_new(
	    imap->loop, imap->endpoint.names, &target, on_dialled, imap);
}

/* Some servers end a handshake that offers a session they cannot resume. */
static void
dial_again(struct imap *imap)
{
	imap->stream = stream_free(imap->stream);
	imap->session = session_free(imap->session);
	imap->session = new_session(imap);
	dial(imap);
}

struct imap *
imap_new(sd_event *loop, const struct imap_endpoint *endpoint,
    imap_handler *handler, void *user)
{
	struct imap *imap = mem_new(struct imap);

	imap->loop = sd_event_ref(loop);
	imap->endpoint = *endpoint;
	if (endpoint->known != NULL)
		imap->known = *endpoint->known;
	imap->host = mem_copy_string(endpoint->host);
	imap->user = mem_copy_string(endpoint->user);
	imap->secret = mem_copy_string(endpoint->secret);
	imap->proxy = proxy_server_copy(endpoint->proxy);
	imap->handler = handler;
	imap->user_data = user;
	imap->deadline.timeout = endpoint->timeout;
	imap->session = new_session(imap);
	(void)sd_event_add_time(
	    loop, &imap->timer, CLOCK_BOOTTIME, 0, 0, on_timer, imap);
	(void)sd_event_source_set_enabled(imap->timer, SD_EVENT_OFF);
	(void)sd_event_add_defer(loop, &imap->later, on_later, imap);
	(void)sd_event_source_set_enabled(imap->later, SD_EVENT_OFF);
	if (endpoint->tunnel != NULL)
		open_tunnel(imap);
	else
		dial(imap);
	return imap;
}

struct imap *
imap_free(struct imap *imap)
{
	if (imap == NULL)
		return NULL;
	imap->is_freed = true;
	if (!imap->is_dispatching)
		destroy(imap);
	return NULL;
}

/* ---- for imap_command.c ---- */

/* What was queued leaves when the handler returns, or the loop turns. */
uint64_t
imap_queued(struct imap *imap, uint64_t serial)
{
	if (!imap->is_dispatching)
		(void)sd_event_source_set_enabled(
		    imap->later, SD_EVENT_ONESHOT);
	return serial;
}

void
imap_set_tls_context(struct imap *imap, struct tls_context *context)
{
	imap->endpoint.tls_context = context;
}

void
imap_binding(const struct imap *imap, char *exporter, size_t exporter_size,
    struct span *exporter_out, char *unique, size_t unique_size,
    struct span *unique_out)
{
	if (imap->stream == NULL)
		return;
	*exporter_out = (struct span){exporter,
	    stream_tls_exporter(imap->stream, exporter, exporter_size)};
	*unique_out = (struct span){
	    unique, stream_tls_unique(imap->stream, unique, unique_size)};
}

int
imap_descriptor(const struct imap *imap)
{
	return imap->stream == NULL ? -1 : stream_descriptor(imap->stream);
}

struct session *
imap_session(const struct imap *imap)
{
	return imap->session;
}

uint64_t
imap_compress(struct imap *imap)
{
	const uint64_t serial = session_compress(imap->session);

	/* for a session that follows if this one has to be dialled again */
	if (serial == UINT64_MAX)
		imap->compresses_at_login = true;
	return imap_queued(imap, serial);
}

/* ---- what is known ---- */

const struct capabilities *
imap_capabilities(const struct imap *imap)
{
	return session_capabilities(imap->session);
}

void
imap_hurry(struct imap *imap, uint64_t usec)
{
	deadline_hurry(&imap->deadline, clock_now() + usec);
	arm_timer(imap);
}

bool
imap_is_stranded(const struct imap *imap)
{
	const struct deadline *deadline = &imap->deadline;
	uint64_t before = clock_now() - ROUND_TRIP;

	return imap->stream != NULL &&
	    dial_is_stranded(stream_descriptor(imap->stream),
		deadline->due != 0 && deadline->due_since < before &&
		    deadline->last_heard < before);
}

uint64_t
imap_silence(const struct imap *imap)
{
	const struct deadline *deadline = &imap->deadline;

	return deadline->due == 0 || deadline->due_since <= deadline->last_heard
	    ? 0
	    : deadline->due_since - deadline->last_heard;
}

const struct imap_mailbox *
imap_mailbox(const struct imap *imap)
{
	return session_mailbox(imap->session);
}

const char *
imap_greeting(const struct imap *imap)
{
	return session_greeting(imap->session);
}

const char *
imap_server_id(const struct imap *imap)
{
	return session_server_id(imap->session);
}

bool
imap_is_early(const struct imap *imap)
{
	return session_is_early(imap->session);
}

bool
imap_is_ready(const struct imap *imap)
{
	return session_is_ready(imap->session);
}

bool
imap_is_idling(const struct imap *imap)
{
	return session_is_idling(imap->session);
}

bool
imap_is_compressed(const struct imap *imap)
{
	return session_is_compressed(imap->session);
}

bool
imap_is_quiet(const struct imap *imap)
{
	return session_due(imap->session) == 0;
}

uint64_t
imap_bytes_in(const struct imap *imap)
{
	return imap->stream == NULL ? 0 : stream_bytes_in(imap->stream);
}

uint64_t
imap_bytes_out(const struct imap *imap)
{
	return imap->stream == NULL ? 0 : stream_bytes_out(imap->stream);
}

const char *
imap_tls_description(const struct imap *imap)
{
	return imap->stream == NULL ? "" : stream_tls_description(imap->stream);
}
