/*
 * The protocol engine (RFC 9051): frames become events, commands become
 * bytes. This file moves them, and hands the connection over where another
 * layer begins; session_response.c and session_command.c are the rest of it.
 */
#include <assert.h>

#include "libclient/base/mem.h"
#include "libclient/proto/session_private.h"

#define ARENA_CAP 4194304
#define OUT_CAP	  16777216

struct session *
session_new(const struct session_config *config)
{
	struct session *session = mem_new(struct session);

	session->config = *config;
	session->frame = frame_new(
	    config->limits == NULL ? &frame_default_limits : config->limits);
	session->arena = arena_new(ARENA_CAP);
	session->pipeline = pipeline_new(config->tag_seed);
	session->login = login_new(
	    &session->config.login, session->pipeline, &session->capabilities);
	buf_init(&session->out, OUT_CAP);
	pipeline_set_trace(session->pipeline, &config->trace);
	return session;
}

struct session *
session_free(struct session *session)
{
	if (session == NULL)
		return NULL;
	response_free(&session->response);
	session->frame = frame_free(session->frame);
	session->arena = arena_free(session->arena);
	session->login = login_free(session->login);
	session->pipeline = pipeline_free(session->pipeline);
	buf_free_secret(&session->out);
	return mem_free(session);
}

void
session_feed(struct session *session, struct span bytes)
{
	if (session_has_ended(session))
		return;
	if (session->want == SESSION_WANT_TLS && bytes.len > 0)
		(void)session_fail_injected(session);
	else
		frame_feed(session->frame, bytes);
}

static bool
tell_closed(struct session *session, struct imap_event *event)
{
	session->want = SESSION_WANT_CLOSE;
	session->is_closed = true;
	session->is_ready = false;
	*event =
	    (struct imap_event){.type = IMAP_CLOSED, .error = &session->error};
	return true;
}

static bool
tell_piece(struct session *session, const struct frame_view *view,
    struct imap_event *event)
{
	session->is_in_body = true;
	*event = (struct imap_event){.type = IMAP_BODY};
	event->body.id = view->id;
	event->body.piece = view->piece;
	event->body.total = view->total;
	return session_is_trusted(session);
}

bool
session_next(struct session *session, struct imap_event *event)
{
	struct frame_view view;
	bool told = false;

	if (session->is_closed)
		return false;
	if (session->has_data && !session->tells_ready)
		return session_tell_data(session, event);
	while (!session_has_ended(session) &&
	    session->want == SESSION_WANT_BYTES) {
		if (session->tells_ready) {
			session->tells_ready = false;
			*event = (struct imap_event){.type = IMAP_READY};
			return true;
		}
		switch (frame_next(session->frame, &view, &session->error)) {
		case FRAME_MORE:
			return false;
		case FRAME_PIECE:
			if (tell_piece(session, &view, event))
				return true;
			break;
		case FRAME_READY:
			session->is_in_body = false;
			if (!session_take_frame(session, &view, event, &told))
				break;
			if (told)
				return true;
			break;
		case FRAME_FAILED:
			break;
		}
	}
	if (!session_has_ended(session))
		return false;
	return tell_closed(session, event);
}

struct span
session_take(struct session *session)
{
	if (session->want == SESSION_WANT_BYTES && !session->is_closed)
		(void)pipeline_write(session->pipeline, &session->out);
	return buf_span(&session->out);
}

void
session_taken(struct session *session, size_t count)
{
	if (count == 0)
		return;
	/* it may hold a password; an idle session holds nothing */
	mem_wipe(session->out.data + session->out.start, count);
	buf_consume(&session->out, count);
	if (buf_len(&session->out) == 0)
		buf_free_secret(&session->out);
}

enum session_want
session_want(const struct session *session)
{
	return session->want;
}

void
session_secured(
    struct session *session, struct span tls_exporter, struct span tls_unique)
{
	if (session->login != NULL)
		login_set_binding(session->login, tls_exporter, tls_unique);
	session->config.login.is_confidential = true;
	if (session->want != SESSION_WANT_TLS)
		return;
	session->want = SESSION_WANT_BYTES;
	if (session->login != NULL)
		(void)session_follow_login(
		    session, login_secured(session->login, &session->error));
}

struct span
session_deflated(struct session *session)
{
	const struct span rest = frame_take_unread(session->frame);

	assert(session->want == SESSION_WANT_DEFLATE);
	session->want = SESSION_WANT_BYTES;
	/* asked for by the owner, while replies of an early login are due */
	if (session->login != NULL && !session->is_ready)
		(void)session_follow_login(
		    session, login_deflated(session->login, &session->error));
	return rest;
}

void
session_closed(struct session *session, const struct imap_error *error)
{
	session->has_data = false;
	if (session_has_ended(session))
		return;
	session->is_logged_out = session->expects_end &&
	    error->kind == IMAP_ERROR_NETWORK && frame_is_empty(session->frame);
	session->error = *error;
	if (session->is_logged_out)
		session->error = (struct imap_error){.text = "logged out"};
}
