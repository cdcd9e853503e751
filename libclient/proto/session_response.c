/*
 * What a response does to the session's own knowledge (RFC 9051 section 7),
 * before the event is handed out; what to do about it is the owner's affair.
 */
#include <string.h>

#include "libclient/proto/selected.h"
#include "libclient/proto/session_private.h"

#define JUNK_MAX 100 /* lines without meaning that are borne */

/* Ids of inline bodies: frame's own ids count from 1 and do not get there. */
#define INLINE_ID 0x80000000u

bool
session_fail(
    struct session *session, enum imap_error_kind kind, const char *text)
{
	return imap_error_set(&session->error, kind, "%s", text);
}

bool
session_fail_injected(struct session *session)
{
	return session_fail(session, IMAP_ERROR_PROTOCOL,
	    "bytes follow the reply to STARTTLS before the handshake: "
	    "somebody may be injecting them");
}

/* All was agreed; what was read behind the agreement stays unread. */
static bool
begin_deflate(struct session *session)
{
	/* it would be deflated, although the server reads it as it is */
	if (buf_len(&session->out) > 0)
		return session_fail(session, IMAP_ERROR_PROTOCOL,
		    "the reply to COMPRESS came before the command was sent");
	session->is_compressed = true;
	session->want = SESSION_WANT_DEFLATE;
	return true;
}

bool
session_follow_login(struct session *session, enum login_progress progress)
{
	switch (progress) {
	case LOGIN_GOES_ON:
		return true;
	case LOGIN_FAILED:
		return false;
	case LOGIN_WANTS_TLS:
		if (frame_unread(session->frame) > 0 ||
		    !frame_is_empty(session->frame))
			return session_fail_injected(session);
		session->want = SESSION_WANT_TLS;
		return true;
	case LOGIN_WANTS_DEFLATE:
		return begin_deflate(session);
	case LOGIN_EARLY:
		session->is_ready = true;
		session->tells_ready = true;
		return true;
	case LOGIN_READY:
		session->tells_ready |= !session->is_ready;
		session->is_ready = true;
		session->login = login_free(session->login);
		return true;
	}
	return true;
}

static void
note_capabilities(struct session *session, struct span words)
{
	if (session->login != NULL)
		login_capabilities(session->login, words);
	else if (session->config.is_manual)
		capabilities_parse(&session->capabilities, words);
}

/* The owner takes it from here. */
static bool
greet(struct session *session, const struct imap_data *data)
{
	if (data->state.state != IMAP_STATE_OK &&
	    data->state.state != IMAP_STATE_PREAUTH)
		return login_refusal(&session->error, "connection",
		    data->state.state, &data->state.code, data->state.text,
		    IMAP_ERROR_THROTTLED);
	session->login = login_free(session->login);
	session->is_ready = true;
	session->tells_ready = true;
	session->has_data = true;
	if (data->state.code.type == IMAP_CODE_CAPABILITY)
		note_capabilities(session, data->state.code.arguments);
	return true;
}

/* As much of it as there is room for. */
static void
keep_text(char *room, size_t size, struct span text)
{
	size_t len = text.len < size ? text.len : size - 1;

	memcpy(room, text.at, len);
	room[len] = '\0';
}

static bool
note_state(struct session *session, const struct imap_data *data)
{
	const struct imap_code *code = &data->state.code;

	if (code->type == IMAP_CODE_CAPABILITY)
		note_capabilities(session, code->arguments);
	if (session_is_trusted(session))
		selected_note_code(&session->mailbox, code);
	if (!session->has_greeting) {
		session->has_greeting = true;
		keep_text(session->greeting, sizeof(session->greeting),
		    data->state.text);
		if (session->config.is_manual)
			return greet(session, data);
		return session_follow_login(session,
		    login_greeting(session->login, data->state.state, code,
			data->state.text, &session->error));
	}
	if (data->state.state == IMAP_STATE_PREAUTH)
		return session_fail(session, IMAP_ERROR_PROTOCOL,
		    "PREAUTH in the middle of a session");
	if (data->state.state != IMAP_STATE_BYE || session->expects_end)
		return true;
	return login_refusal(&session->error, "connection", IMAP_STATE_BYE,
	    code, data->state.text, IMAP_ERROR_NETWORK);
}

/* False if the session must end; session->error then says why. */
static bool
note_untagged(struct session *session, const struct imap_data *data)
{
	if (!session->has_greeting && data->type != IMAP_DATA_STATE)
		return session_fail(session, IMAP_ERROR_PROTOCOL,
		    "the server's first line is not an IMAP greeting");
	switch (data->type) {
	case IMAP_DATA_STATE:
		return note_state(session, data);
	case IMAP_DATA_CAPABILITY:
		note_capabilities(session, data->words);
		return true;
	case IMAP_DATA_ID:
		keep_text(session->server_id, sizeof(session->server_id),
		    data->words);
		return true;
	default:
		/* before the login nobody has proven who speaks */
		if (session_is_trusted(session))
			selected_note_data(&session->mailbox, data);
		return true;
	}
}

bool
session_tell_data(struct session *session, struct imap_event *event)
{
	struct imap_fetch *fetch = &session->response.data.fetch;

	if (session->has_inline_body) {
		session->has_inline_body = false;
		session->last_inline_id =
		    (session->last_inline_id + 1) % INLINE_ID;
		fetch->body = INLINE_ID | session->last_inline_id;
		*event = (struct imap_event){.type = IMAP_BODY};
		event->body.id = fetch->body;
		event->body.piece = session->inline_body;
		event->body.total = session->inline_body.len;
		return true;
	}
	session->has_data = false;
	/* not all of it: there may be millions of these */
	event->type = IMAP_DATA;
	event->serial = 0;
	event->data = &session->response.data;
	event->raw = session->config.is_manual ? &session->view : NULL;
	return true;
}

static void
note_manual(
    struct session *session, uint64_t serial, const struct imap_data *data)
{
	if (data->state.code.type == IMAP_CODE_CAPABILITY)
		note_capabilities(session, data->state.code.arguments);
	if (serial != session->starttls)
		return;
	session->starttls = 0;
	if (data->state.state != IMAP_STATE_OK)
		return;
	session->capabilities = (struct capabilities){0};
	if (frame_unread(session->frame) > 0 || !frame_is_empty(session->frame))
		(void)session_fail_injected(session);
	else
		session->want = SESSION_WANT_TLS;
}

/* A tagged reply; true if *event is filled, false to go on. */
static bool
take_tagged(struct session *session, const struct response *response,
    struct imap_event *event)
{
	const struct imap_data *data = &response->data;
	uint64_t serial = pipeline_tagged(session->pipeline, response->tag);

	if (serial == 0) {
		char tag[80];

		imap_error_printable(response->tag, 32, tag, sizeof(tag));
		return imap_error_set(&session->error, IMAP_ERROR_PROTOCOL,
		    "a reply with the unknown tag \"%s\"", tag);
	}
	session->junk = 0;
	if (session->login != NULL && !login_is_trusted(session->login) &&
	    !login_awaits(session->login, serial))
		return session_fail(session, IMAP_ERROR_PROTOCOL,
		    "a command was answered before the login it follows");
	if (session->login != NULL && login_awaits(session->login, serial))
		return session_follow_login(session,
		    login_reply(session->login, serial, data->state.state,
			&data->state.code, data->state.text, &session->error));
	selected_note_code(&session->mailbox, &data->state.code);
	if (session->config.is_manual)
		note_manual(session, serial, data);
	if (serial == session->compress) {
		session->compress = 0;
		if (data->state.state == IMAP_STATE_OK)
			(void)begin_deflate(session);
	}
	if (serial == session->leaving) {
		session->leaving = 0;
		session->mailbox = (struct imap_mailbox){0};
	}
	if (serial == session->selecting) {
		session->selecting = 0;
		if (data->state.state != IMAP_STATE_OK)
			session->mailbox = (struct imap_mailbox){0};
	}
	*event = (struct imap_event){.type = IMAP_DONE,
	    .serial = serial,
	    .state = data->state.state,
	    .code = data->state.code,
	    .text = data->state.text};
	return true;
}

static bool
take_plus(struct session *session, struct span text, struct imap_event *event)
{
	uint64_t serial = 0;

	switch (pipeline_plus(session->pipeline, &serial)) {
	case PIPELINE_PLUS_CHALLENGE:
		if (session->login == NULL) {
			*event = (struct imap_event){.type = IMAP_CHALLENGE,
			    .serial = serial,
			    .text = text};
			return true;
		}
		return session_follow_login(session,
		    login_challenge(session->login, text, &session->error));
	case PIPELINE_PLUS_IDLING:
		*event =
		    (struct imap_event){.type = IMAP_IDLING, .serial = serial};
		return true;
	case PIPELINE_PLUS_IGNORED:
		if (++session->junk > JUNK_MAX)
			return session_fail(session, IMAP_ERROR_LIMIT,
			    "the server keeps sending + unasked");
		return true;
	case PIPELINE_PLUS_LITERAL:
		return true;
	}
	return true;
}

/* A line that is at least meant to be a response. */
static bool
is_starred(struct span text)
{
	return text.len > 2 && text.at[0] == '*' && text.at[1] == ' ';
}

static bool
take_junk(struct session *session, struct span text)
{
	char shown[200];

	imap_error_printable(text, 120, shown, sizeof(shown));
	if (!session->has_greeting || ++session->junk > JUNK_MAX)
		return imap_error_set(&session->error, IMAP_ERROR_PROTOCOL,
		    "the server sends what is not IMAP: \"%s\"", shown);
	return true;
}

bool
session_take_frame(struct session *session, const struct frame_view *view,
    struct imap_event *event, bool *told)
{
	struct response *response = &session->response;

	*told = false;
	response_free(response);
	arena_reset(session->arena);
	/* the owner reads the many of a listing in its own way */
	if (!session->config.is_manual || !session->is_ready ||
	    !response_skim(response, view))
		response_parse(
		    response, view, session->arena, &session->inline_body);
	session->view = *view;
	trace_response(&session->config.trace, view);
	switch (response->type) {
	case RESPONSE_JUNK:
		if (!session->config.is_manual ||
		    (view->literal_count == 0 && !is_starred(view->text)))
			return take_junk(session, response->text);
		if (view->literal_count == 0 &&
		    !take_junk(session, response->text))
			return false;
		/* it is the owner's, who may know what it is */
		response->data = (struct imap_data){
		    .type = IMAP_DATA_OTHER, .words = view->text};
		break;
	case RESPONSE_CONTINUATION:
		event->type = IMAP_READY;
		if (!session->has_greeting)
			return take_junk(session, response->text);
		if (!take_plus(session, response->text, event))
			return false;
		*told = event->type != IMAP_READY;
		return true;
	case RESPONSE_TAGGED:
		event->type = IMAP_READY;
		if (!session->has_greeting)
			return take_junk(session, view->text);
		if (!take_tagged(session, response, event))
			return false;
		*told = event->type == IMAP_DONE;
		return true;
	case RESPONSE_UNTAGGED:
		break;
	}
	if (!note_untagged(session, &response->data))
		return false;
	/* what comes before the login says nothing to anybody */
	if (!session_is_trusted(session) || session->tells_ready)
		return true;
	session->has_data = true;
	session->has_inline_body = !session->config.is_manual &&
	    response->data.type == IMAP_DATA_FETCH &&
	    response->data.fetch.has_body && response->data.fetch.body == 0;
	*told = session_tell_data(session, event);
	return true;
}
