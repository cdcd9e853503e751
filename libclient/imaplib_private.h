/*
 * What the files of imaplib's surface share; nobody else includes it.
 */
#ifndef LIBCLIENT_IMAPLIB_PRIVATE_H
#define LIBCLIENT_IMAPLIB_PRIVATE_H

#include "libclient/imap_private.h"
#include "libclient/imaplib.h"
#include "libclient/imaplib_auth.h"
#include "libclient/imaplib_values.h"
#include "libclient/proto/pipeline.h"
#include "libclient/proto/session.h"

#define IMAPLIB_LOG_LINES 10

struct imaplib {
	sd_event *loop;
	struct job_lane *names;
	struct imap *imap;
	struct tls_context *tls_context;
	sd_event_source *alarm; /* ends a wait that has a limit */
	bool has_rung;
	char *host;
	uint16_t port;
	bool has_tls;
	bool is_confidential;
	enum imaplib_state state;
	enum imaplib_version version;
	bool is_read_only; /* opened by EXAMINE */
	bool became_read_only;
	bool is_utf8;
	char *welcome;
	char *words; /* of CAPABILITY */
	uint64_t timeout;

	/* the call that waits */
	struct imaplib_reply *reply; /* where untagged data goes; NULL: queue */
	uint64_t serial;
	bool is_ready;
	bool is_done;
	bool is_closed;
	struct imap_error error;
	struct imaplib_reply queue; /* came while no call waited for data */
	struct imaplib_reply kept; /* for imaplib_response() */

	/* AUTHENTICATE */
	imaplib_authenticator *authenticator;
	void *authenticator_user;
	struct span initial; /* for the first challenge; .at NULL: none */
	struct sasl *sasl; /* one of our mechanisms */
	struct imap_error refusal; /* why we cancelled */
	bool is_cancelled;

	/* IDLE */
	uint64_t idle; /* serial; 0: not idling */
	bool is_idle_open;
	bool is_idle_ended; /* by the server */
	uint64_t idle_until;
	struct imaplib_reply idle_reply; /* its tagged end */

	/* tracing */
	int debug;
	struct trace trace;
	void (*tell)(void *user, const char *line);
	void *tell_user;
	char *log[IMAPLIB_LOG_LINES];
	unsigned log_next;
};

/* ---- a call, step by step ---- */

/*
 * Checks that the command is legal now; then starts it. False: *reply says
 * ERROR or ABORT, and nothing was sent. *reply is made empty first.
 */
bool imaplib_begin(struct imaplib *client, const char *name,
    struct command *command, struct imaplib_reply *reply);

/* Sends it and waits for its end. True if that is OK. */
bool imaplib_finish(struct imaplib *client, struct command *command,
    enum pipeline_kind kind, struct imaplib_reply *reply);

/* Waits for the end of a command that was given to the session. */
bool imaplib_await(
    struct imaplib *client, uint64_t serial, struct imaplib_reply *reply);

/* imaplib_begin() and _finish() of a command with one raw argument or none. */
bool imaplib_call(struct imaplib *client, const char *name, const char *raw,
    struct imaplib_reply *reply);

/* A mailbox name in UTF-8, encoded as the connection needs it. */
void imaplib_add_mailbox(
    struct imaplib *client, struct command *command, const char *mailbox);

/* Refuses a call here: type ERROR, and why. Returns false. */
bool imaplib_refuse(struct imaplib_reply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Turns the loop until *condition or the connection's end, or until a moment
 * of clock_now() (IMAPLIB_FOREVER: none). False: neither came. */
bool imaplib_wait(
    struct imaplib *client, const bool *condition, uint64_t until);

/* Turns the loop once, or until a moment of clock_now(): has_rung then. */
void imaplib_turn(struct imaplib *client, uint64_t until);

/* Fills *reply with the connection's end. Returns false. */
bool imaplib_abort(struct imaplib *client, struct imaplib_reply *reply);

/* CAPABILITY, if what is known is of before. */
bool imaplib_learn(struct imaplib *client);
void imaplib_forget_capabilities(struct imaplib *client);

/* Copies what imaplib_response() may be asked for from a reply, and the code
 * of its tagged end (NULL: not that); forgets it again. */
void imaplib_keep(struct imaplib *client, const struct imaplib_reply *reply,
    const struct imap_event *done);
void imaplib_forget_responses(struct imaplib *client);

bool imaplib_has(const struct imaplib *client, enum capability capability);

/* ---- imaplib_legal.c: false, and *reply says why it is refused ---- */

/* By the front of a line: "STORE", "UID STORE". */
bool imaplib_check_legal(
    struct imaplib *client, struct span line, struct imaplib_reply *reply);
bool imaplib_is_command(const char *name);

/* Secrets are shown only where nobody else listens: that of LOGIN, that of a
 * mechanism. */
bool imaplib_check_login(struct imaplib *client, struct imaplib_reply *reply);
bool imaplib_check_mechanism(
    struct imaplib *client, struct span name, struct imaplib_reply *reply);

/* All of it for a command that the caller has written; how many of its bytes
 * may be traced. */
bool imaplib_check_line(struct imaplib *client, const struct command *command,
    struct imaplib_reply *reply);
size_t imaplib_shown_part(const struct command *command);

/* ---- imaplib_trace.c ---- */

void imaplib_trace_start(
    struct imaplib *client, const struct imaplib_options *options);
void imaplib_trace_free(struct imaplib *client);
void imaplib_say(struct imaplib *client, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
