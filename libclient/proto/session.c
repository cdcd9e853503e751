/*
 * The protocol engine (RFC 9051): frames become events, commands become
 * bytes. What a response does to the session's own knowledge is done here,
 * before the event is handed out; what to do about it is the owner's affair.
 */
#include "libclient/proto/session.h"

#include "libclient/base/arena.h"
#include "libclient/base/mem.h"
#include "libclient/proto/pipeline.h"
#include "libclient/proto/selected.h"
#include "libclient/wire/frame.h"
#include "libclient/wire/response.h"

#define ARENA_CAP 4194304
#define OUT_CAP	  16777216
#define JUNK_MAX  100 /* lines without meaning that are borne */

/* Ids of inline bodies: frame's own ids count from 1 and do not get there. */
#define INLINE_ID 0x80000000u

struct session {
	struct session_config config;
	struct frame *frame;
	struct arena *arena;
	struct pipeline *pipeline;
	struct login *login;
	struct capabilities capabilities;
	struct imap_mailbox mailbox;
	struct buf out;
	struct response response; /* of the event that is handed out */
	struct span inline_body; /* still to be handed out before .response */
	bool has_inline_body;
	struct frame_view view; /* of .response */
	bool has_data; /* .response waits to be handed out */
	uint32_t last_inline_id;
	uint64_t starttls; /* serial of one in flight */
	uint64_t selecting; /* serial of a SELECT in flight */
	uint32_t junk; /* such lines since the last tagged reply */
	bool has_greeting;
	bool is_ready;
	bool tells_ready; /* IMAP_READY is to be the next event */
	bool expects_end;
	bool is_in_body;
	bool is_logged_out; /* ended, and not by a fault */
	bool is_closed; /* IMAP_CLOSED was handed out */
	enum session_want want;
	struct imap_error error;
};

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

/* IMAP_CLOSED was told, or is what session_next() tells next. */
static bool
has_ended(const struct session *session)
{
	return session->error.kind != IMAP_ERROR_NONE || session->is_logged_out;
}

static bool
fail(struct session *session, enum imap_error_kind kind, const char *text)
{
	return imap_error_set(&session->error, kind, "%s", text);
}

static bool
fail_injected(struct session *session)
{
	return fail(session, IMAP_ERROR_PROTOCOL,
	    "bytes follow the reply to STARTTLS before the handshake: "
	    "somebody may be injecting them");
}

void
session_feed(struct session *session, struct span bytes)
{
	if (has_ended(session))
		return;
	if (session->want == SESSION_WANT_TLS && bytes.len > 0)
		(void)fail_injected(session);
	else
		frame_feed(session->frame, bytes);
}

/* ---- what responses do to the session's knowledge ---- */

/* Carries out what the login asks for; false if the session ends. */
static bool
follow_login(struct session *session, enum login_progress progress)
{
	switch (progress) {
	case LOGIN_GOES_ON:
		return true;
	case LOGIN_FAILED:
		return false;
	case LOGIN_WANTS_TLS:
		if (frame_unread(session->frame) > 0 ||
		    !frame_is_empty(session->frame))
			return fail_injected(session);
		session->want = SESSION_WANT_TLS;
		return true;
	case LOGIN_READY:
		session->is_ready = true;
		session->tells_ready = true;
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

static bool
note_state(struct session *session, const struct imap_data *data)
{
	const struct imap_code *code = &data->state.code;

	if (code->type == IMAP_CODE_CAPABILITY)
		note_capabilities(session, code->arguments);
	if (session->is_ready)
		selected_note_code(&session->mailbox, code);
	if (!session->has_greeting) {
		session->has_greeting = true;
		if (session->config.is_manual)
			return greet(session, data);
		return follow_login(session,
		    login_greeting(session->login, data->state.state, code,
			data->state.text, &session->error));
	}
	if (data->state.state == IMAP_STATE_PREAUTH)
		return fail(session, IMAP_ERROR_PROTOCOL,
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
		return fail(session, IMAP_ERROR_PROTOCOL,
		    "the server's first line is not an IMAP greeting");
	switch (data->type) {
	case IMAP_DATA_STATE:
		return note_state(session, data);
	case IMAP_DATA_CAPABILITY:
		note_capabilities(session, data->words);
		return true;
	default:
		/* before the login nobody has proven who speaks */
		if (session->is_ready)
			selected_note_data(&session->mailbox, data);
		return true;
	}
}

/* ---- events ---- */

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
tell_data(struct session *session, struct imap_event *event)
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
		(void)fail_injected(session);
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
	if (!session->is_ready && session->login != NULL)
		return follow_login(session,
		    login_reply(session->login, data->state.state,
			&data->state.code, data->state.text, &session->error));
	selected_note_code(&session->mailbox, &data->state.code);
	if (session->config.is_manual)
		note_manual(session, serial, data);
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
		return follow_login(session,
		    login_challenge(session->login, text, &session->error));
	case PIPELINE_PLUS_IDLING:
		*event =
		    (struct imap_event){.type = IMAP_IDLING, .serial = serial};
		return true;
	case PIPELINE_PLUS_IGNORED:
		if (++session->junk > JUNK_MAX)
			return fail(session, IMAP_ERROR_LIMIT,
			    "the server keeps sending + unasked");
		return true;
	case PIPELINE_PLUS_LITERAL:
		return true;
	}
	return true;
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

/* One frame; false if the session ends; event->type may stay unset. */
static bool
take_frame(struct session *session, const struct frame_view *view,
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
		if (!session->config.is_manual || view->literal_count == 0)
			return take_junk(session, response->text);
		/* its literals are with the owner, who may know what it is */
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
	if (!session->is_ready || session->tells_ready)
		return true;
	session->has_data = true;
	session->has_inline_body = !session->config.is_manual &&
	    response->data.type == IMAP_DATA_FETCH &&
	    response->data.fetch.has_body && response->data.fetch.body == 0;
	*told = tell_data(session, event);
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
	return session->is_ready;
}

bool
session_next(struct session *session, struct imap_event *event)
{
	struct frame_view view;
	bool told = false;

	if (session->is_closed)
		return false;
	if (session->has_data && !session->tells_ready)
		return tell_data(session, event);
	while (!has_ended(session) && session->want == SESSION_WANT_BYTES) {
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
			if (!take_frame(session, &view, event, &told))
				break;
			if (told)
				return true;
			break;
		case FRAME_FAILED:
			break;
		}
	}
	if (!has_ended(session))
		return false;
	return tell_closed(session, event);
}

/* ---- the outside ---- */

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
		(void)follow_login(
		    session, login_secured(session->login, &session->error));
}

void
session_closed(struct session *session, const struct imap_error *error)
{
	session->has_data = false;
	if (has_ended(session))
		return;
	session->is_logged_out = session->expects_end &&
	    error->kind == IMAP_ERROR_NETWORK && frame_is_empty(session->frame);
	session->error = *error;
	if (session->is_logged_out)
		session->error = (struct imap_error){.text = "logged out"};
}

uint64_t
session_command(
    struct session *session, struct command *command, enum pipeline_kind kind)
{
	if (!session->is_ready || session->is_closed) {
		command_free(command);
		return 0;
	}
	return pipeline_add(session->pipeline, command, kind);
}

uint64_t
session_select(struct session *session, struct command *command)
{
	uint64_t serial = session_command(session, command, PIPELINE_PLAIN);

	if (serial != 0) {
		session->mailbox = (struct imap_mailbox){0};
		session->selecting = serial;
	}
	return serial;
}

void
session_answer(struct session *session, struct span line)
{
	pipeline_answer(session->pipeline, line);
}

uint64_t
session_starttls(struct session *session)
{
	struct command command;

	command_begin(&command, "STARTTLS", COMMAND_LITERALS_SYNC);
	(void)command_end(&command);
	session->starttls = session_command(session, &command, PIPELINE_ALONE);
	return session->starttls;
}

void
session_end_idle(struct session *session)
{
	pipeline_end_idle(session->pipeline);
}

void
session_expect_end(struct session *session)
{
	session->expects_end = true;
}

const struct capabilities *
session_capabilities(const struct session *session)
{
	return &session->capabilities;
}

const struct imap_mailbox *
session_mailbox(const struct session *session)
{
	return &session->mailbox;
}

bool
session_is_ready(const struct session *session)
{
	return session->is_ready;
}

bool
session_is_idling(const struct session *session)
{
	return pipeline_is_idling(session->pipeline);
}

bool
session_is_in_body(const struct session *session)
{
	return session->is_in_body;
}

uint64_t
session_due(const struct session *session)
{
	if (!session->is_ready)
		return UINT64_MAX;
	return pipeline_due(session->pipeline);
}
