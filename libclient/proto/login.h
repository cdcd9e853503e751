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
	const char *id; /* ID's list, sent after the login; NULL: no ID */
};

enum login_progress {
	LOGIN_GOES_ON,
	LOGIN_WANTS_TLS, /* the STARTTLS handshake must happen now */
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

/* A challenge to AUTHENTICATE. */
enum login_progress login_challenge(
    struct login *login, struct span challenge, struct imap_error *error);

/* The reply to the command that the login sent last. */
enum login_progress login_reply(struct login *login, enum imap_state state,
    const struct imap_code *code, struct span text, struct imap_error *error);

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
