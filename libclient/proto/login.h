/*
 * From the greeting to READY: STARTTLS, CAPABILITY, authentication, ID and
 * ENABLE, as one table of steps. Pure: it queues commands and is told replies.
 */
#ifndef LIBCLIENT_PROTO_LOGIN_H
#define LIBCLIENT_PROTO_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/imap_error.h"
#include "libclient/proto/pipeline.h"
#include "libclient/proto/sasl.h"
#include "libclient/wire/data.h"

/* Borrowed by the login; strings live as long as the session. */
struct login_config {
	struct sasl_credentials credentials;
	uint32_t mechanisms; /* allowed: masks of 1 << enum mechanism */
	bool needs_starttls;
	bool accepts_preauth; /* a tunnel has authenticated us already */
	bool is_confidential; /* TLS, loopback or tunnel */
	const char *const *disabled; /* capabilities to take as absent */
	uint32_t disabled_count;
	const char *enable; /* ENABLE this if offered: "QRESYNC"; or NULL */
	bool asks_capability; /* after the login, although it was told */
	bool forces_id; /* ID is sent although it is not offered */
	const char *id; /* ID's list, sent after the login; NULL: no ID */
	/* What the last session was offered behind its login; .known is false
	 * if there was none. With it, where all is confidential and one answer
	 * suffices, no reply of the login is waited for. */
	struct capabilities known_after;
	bool compress; /* COMPRESS DEFLATE if offered; may be set meanwhile */
};

enum login_progress {
	LOGIN_GOES_ON,
	LOGIN_WANTS_TLS, /* the STARTTLS handshake must happen now */
	LOGIN_WANTS_DEFLATE, /* compression has to begin now */
	LOGIN_EARLY, /* commands may follow; replies are still to come */
	LOGIN_READY,
	LOGIN_FAILED /* *error says why */
};

struct login;

struct login *login_new(const struct login_config *config,
    struct pipeline *pipeline, struct capabilities *capabilities);
struct login *login_free(struct login *login);

/* The server's greeting: the first response of all. */
enum login_progress login_greeting(struct login *login, enum imap_state state,
    const struct imap_code *code, struct span text, struct imap_error *error);

/* The handshake that LOGIN_WANTS_TLS asked for is done. */
enum login_progress login_secured(
    struct login *login, struct imap_error *error);

/* The compression that LOGIN_WANTS_DEFLATE asked for has begun. */
enum login_progress login_deflated(
    struct login *login, struct imap_error *error);

/* A challenge to AUTHENTICATE. */
enum login_progress login_challenge(
    struct login *login, struct span challenge, struct imap_error *error);

/* The reply to a command of the login's, which login_awaits(). */
enum login_progress login_reply(struct login *login, uint64_t serial,
    enum imap_state state, const struct imap_code *code, struct span text,
    struct imap_error *error);
bool login_awaits(const struct login *login, uint64_t serial);

/* True once the server has accepted the login. */
bool login_is_trusted(const struct login *login);

/* An untagged CAPABILITY, or the code of that name, came. */
void login_capabilities(struct login *login, struct span words);

/* Channel binding data, once TLS stands; spans as in sasl_credentials. */
void login_set_binding(
    struct login *login, struct span tls_exporter, struct span tls_unique);

/*
 * What a refusal means: code and text of a NO, BAD or BYE as an error kind
 * and words (PROTOCOL unless it says more; AUTH, THROTTLED, ...). what names
 * the refused thing: "login", "EXAMINE". Returns false.
 */
bool login_refusal(struct imap_error *error, const char *what,
    enum imap_state state, const struct imap_code *code, struct span text,
    enum imap_error_kind otherwise);

#endif
