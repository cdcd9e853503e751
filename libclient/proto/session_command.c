/*
 * The owner's wishes: commands to be queued, and what is known of the server.
 */
#include "libclient/proto/session_private.h"

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

uint64_t
session_leave(struct session *session, struct command *command)
{
	uint64_t serial = session_command(session, command, PIPELINE_PLAIN);

	if (serial != 0) {
		session->mailbox = (struct imap_mailbox){0};
		session->leaving = serial;
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
	/* compression comes above TLS, and is there to stay */
	if (session->is_compressed || session->compress != 0) {
		command_free(&command);
		return 0;
	}
	session->starttls = session_command(session, &command, PIPELINE_ALONE);
	return session->starttls;
}

/* The login asks; twice is once. */
static uint64_t
compress_at_login(struct session *session)
{
	struct login_config *login = &session->config.login;

	if (session->config.is_manual || session_has_ended(session) ||
	    login->compress)
		return 0;
	login->compress = true;
	return UINT64_MAX;
}

uint64_t
session_compress(struct session *session)
{
	struct command command;

	if (session->is_compressed || session->compress != 0)
		return 0;
	if (!session->is_ready)
		return compress_at_login(session);
	if (!capabilities_have(
		&session->capabilities, CAPABILITY_COMPRESS_DEFLATE))
		return 0;
	command_begin(&command, "COMPRESS", COMMAND_LITERALS_SYNC);
	command_add_atom(&command, "DEFLATE");
	(void)command_end(&command);
	session->compress = session_command(session, &command, PIPELINE_ALONE);
	return session->compress;
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

const char *
session_greeting(const struct session *session)
{
	return session->greeting;
}

const char *
session_server_id(const struct session *session)
{
	return session->server_id;
}

bool
session_is_early(const struct session *session)
{
	return (session->is_ready || session->is_closed) &&
	    session->login != NULL && !login_is_trusted(session->login);
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
session_is_compressed(const struct session *session)
{
	return session->is_compressed;
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

bool
session_due_is_idle(const struct session *session)
{
	return session->is_ready && pipeline_due_is_idle(session->pipeline);
}

enum command_literals
session_literals(const struct session *session)
{
	const struct capabilities *offered = &session->capabilities;

	if (capabilities_have(offered, CAPABILITY_LITERAL_PLUS))
		return COMMAND_LITERALS_PLUS;
	if (capabilities_have(offered, CAPABILITY_LITERAL_MINUS))
		return COMMAND_LITERALS_MINUS;
	return COMMAND_LITERALS_SYNC;
}
