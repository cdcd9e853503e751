/*
 * The protocol without I/O: bytes in, events out; commands in, bytes out. No
 * descriptor, no clock, no log. One session is one connection.
 */
#ifndef LIBCLIENT_PROTO_SESSION_H
#define LIBCLIENT_PROTO_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/proto/event.h"
#include "libclient/proto/login.h"
#include "libclient/wire/command.h"

struct session;

struct session_config {
	struct login_config login;
	uint32_t tag_seed; /* any number; makes the tags' prefix */
	struct trace trace; /* told of every line */
	/*
	 * The owner logs in by commands of its own: IMAP_READY follows the
	 * greeting, challenges are IMAP_CHALLENGE events, every event of a
	 * response has it raw, and small bodies stay in it. What is in a
	 * FETCH, and whether it can be understood, is left to the owner.
	 */
	bool is_manual;
	const struct frame_limits *limits; /* NULL: the default ones */
};

/* What the outside has to do next. */
enum session_want {
	SESSION_WANT_BYTES, /* feed what comes; write what session_take() has */
	SESSION_WANT_TLS, /* start TLS now, then call session_secured() */
	SESSION_WANT_DEFLATE, /* call session_deflated(), and deflate from now
			       */
	SESSION_WANT_CLOSE /* the last event was IMAP_CLOSED */
};

struct session *session_new(const struct session_config *config);
struct session *session_free(struct session *session);

/*
 * Gives bytes from the server, borrowed until session_next() has returned
 * false. Only to be called then (or at first). Ignored once it has ended.
 */
void session_feed(struct session *session, struct span bytes);

/*
 * The next event; false if there is none until more is fed. Nothing inside
 * calls out, so the caller may stop at any event.
 */
bool session_next(struct session *session, struct imap_event *event);

/* Bytes to write, to be followed by session_taken() with how many were. */
struct span session_take(struct session *session);
void session_taken(struct session *session, size_t count);

enum session_want session_want(const struct session *session);

/*
 * TLS stands (implicit TLS: call it before the first feed). Bytes fed before
 * the handshake and not used up are an attack, in whichever piece they come:
 * the session then closes. Channel binding spans are copied.
 */
void session_secured(
    struct session *session, struct span tls_exporter, struct span tls_unique);

/*
 * The agreement to compress was read, and not a byte behind it: from there on
 * all is deflated. Returns what was fed behind it, borrowed like that feed;
 * it and what comes later are to be inflated before they are fed again. To be
 * called when session_want() says DEFLATE, before anything else.
 */
struct span session_deflated(struct session *session);

/*
 * The connection ended; session_next() then gives the last events and
 * IMAP_CLOSED with this error, unless the session had ended by itself.
 */
void session_closed(struct session *session, const struct imap_error *error);

/* Queues a command, which it takes over; returns its serial, 0 if it is
 * refused (failed encoding, or the session is not READY or has ended). */
uint64_t session_command(
    struct session *session, struct command *command, enum pipeline_kind kind);
/* The same for SELECT and EXAMINE; for UNSELECT and CLOSE. */
uint64_t session_select(struct session *session, struct command *command);
uint64_t session_leave(struct session *session, struct command *command);

/* Answers IMAP_CHALLENGE with a line, without CRLF. is_manual only. */
void session_answer(struct session *session, struct span line);

/*
 * STARTTLS; after its IMAP_DONE with OK session_want() says TLS, and what was
 * known of the server is forgotten. is_manual only.
 */
uint64_t session_starttls(struct session *session);

/*
 * COMPRESS DEFLATE (RFC 4978): nothing is written behind it before its reply;
 * after an OK session_want() says DEFLATE, after NO or BAD all is as before.
 * Before READY the login asks for it at its end, if it is offered: no IMAP_DONE
 * tells of it then, and UINT64_MAX is returned. Returns 0 if it is refused: not
 * offered, agreed or asked for already, or is_manual and not READY.
 */
uint64_t session_compress(struct session *session);

/* Ends an open IDLE. */
void session_end_idle(struct session *session);

/*
 * LOGOUT was sent: a BYE is no fault then, nor is the end of the connection
 * between two responses: IMAP_CLOSED has an error of kind NONE.
 */
void session_expect_end(struct session *session);

const struct capabilities *session_capabilities(const struct session *session);
const struct imap_mailbox *session_mailbox(const struct session *session);
/* The greeting's text and ID's list as sent, cut; "" while not known. */
const char *session_greeting(const struct session *session);
const char *session_server_id(const struct session *session);

/* READY before the login was answered. */
bool session_is_early(const struct session *session);

bool session_is_ready(const struct session *session);
bool session_is_idling(const struct session *session);

/* True from the agreement on. */
bool session_is_compressed(const struct session *session);

/* True if a literal is being streamed. */
bool session_is_in_body(const struct session *session);

/* Serial of the oldest reply that is due (also the greeting and the login:
 * UINT64_MAX before READY); 0: none is. */
uint64_t session_due(const struct session *session);

/* True if that is IDLE's: its + or the answer to DONE. */
bool session_due_is_idle(const struct session *session);

/* Which kinds of literal the server takes. */
enum command_literals session_literals(const struct session *session);

#endif
