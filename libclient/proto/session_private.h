/*
 * What the files of a session share: session.c moves bytes and events,
 * session_response.c knows what a response means, session_command.c is how the
 * owner's wishes come in. Nobody else includes it.
 */
#ifndef LIBCLIENT_PROTO_SESSION_PRIVATE_H
#define LIBCLIENT_PROTO_SESSION_PRIVATE_H

#include "libclient/base/arena.h"
#include "libclient/proto/pipeline.h"
#include "libclient/proto/session.h"
#include "libclient/wire/frame.h"
#include "libclient/wire/response.h"

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
	uint64_t compress; /* serial of one in flight */
	uint64_t selecting; /* serial of a SELECT in flight */
	uint64_t leaving; /* UNSELECT or CLOSE */
	uint32_t junk; /* such lines since the last tagged reply */
	char greeting[128]; /* its text, cut */
	char server_id[256]; /* what ID told, cut */
	bool has_greeting;
	bool is_ready;
	bool tells_ready; /* IMAP_READY is to be the next event */
	bool expects_end;
	bool is_compressed; /* agreed, perhaps not yet begun */
	bool is_in_body;
	bool is_logged_out; /* ended, and not by a fault */
	bool is_closed; /* IMAP_CLOSED was handed out */
	enum session_want want;
	struct imap_error error;
};

/* IMAP_CLOSED was told, or is what session_next() tells next. */
static inline bool
session_has_ended(const struct session *session)
{
	return session->error.kind != IMAP_ERROR_NONE || session->is_logged_out;
}

/* Ready, and the server has accepted the login: what it says counts. */
static inline bool
session_is_trusted(const struct session *session)
{
	return session->is_ready &&
	    (session->login == NULL || login_is_trusted(session->login));
}

/* ---- session_response.c ---- */

/* Ends the session; return false. */
bool session_fail(
    struct session *session, enum imap_error_kind kind, const char *text);
bool session_fail_injected(struct session *session);

/* Carries out what the login asks for; false if the session ends. */
bool session_follow_login(
    struct session *session, enum login_progress progress);

/* One frame; false if the session ends. *told: *event is filled. */
bool session_take_frame(struct session *session, const struct frame_view *view,
    struct imap_event *event, bool *told);

/* The response that waits in the session, its inline body first. */
bool session_tell_data(struct session *session, struct imap_event *event);

#endif
