/*
 * A connection for the commands that talk to a server themselves: connected,
 * secured and logged in as an account says. Blocking; faults are said on
 * stderr, where the exit code is found.
 */
#ifndef DAEMON_CMD_SESSION_H
#define DAEMON_CMD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "libclient/imaplib.h"

/* The caller sets the first three; all of it is its own until _close(). */
struct cmd_session {
	const struct settings_account *account; /* borrowed */
	bool is_adhoc; /* of options: without a user nobody is logged in, and
			* a secret that is missing is asked for */
	int verbosity; /* above 0: the lines are shown */
	struct imaplib *client; /* NULL: not connected */
	struct tls_options tls;
	uint8_t (*pins)[TLS_FINGERPRINT_SIZE]; /* of .tls */
};

/* Returns EX_OK, or the code to exit with. To be closed in any case. */
int cmd_session_open(struct cmd_session *session);

/* Says LOGOUT if there is a connection, and frees. */
void cmd_session_close(struct cmd_session *session);

/* Says why a call failed, on stderr; returns the exit code. */
int cmd_session_fail(const struct cmd_session *session,
    const struct imaplib_reply *reply, bool is_login);

/* True if the server offers it and disable_extensions lets it be used. */
bool cmd_session_has(
    const struct cmd_session *session, enum capability capability);

/* True if there is anything to log in with. */
bool cmd_session_has_secret(const struct settings_secret *secret);

#endif
