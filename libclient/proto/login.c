/*
 * The way to READY as one table: each step says a command, and what its reply
 * leads to. Steps that are not needed say nothing and are passed over.
 */
#include "libclient/proto/login.h"

#include <string.h>

#include "libclient/base/mem.h"
#include "libclient/proto/login_choice.h"

#define ANSWER_CAP 65536

/* A longer initial response does not fit the command's line (RFC 4959). */
#define INITIAL_MAX (COMMAND_MAX_LINE - 64)

enum step {
	STEP_GREETING,
	STEP_CAPABILITY,
	STEP_STARTTLS,
	STEP_SECURED_CAPABILITY,
	STEP_AUTHENTICATE,
	STEP_FINAL_CAPABILITY,
	STEP_ID,
	STEP_ENABLE,
	STEP_COMPRESS,
	STEP_READY
};

struct login {
	const struct login_config *config;
	struct pipeline *pipeline;
	struct capabilities *capabilities;
	struct sasl_credentials credentials;
	enum step step;
	struct sasl *sasl;
	enum mechanism mechanism;
	uint32_t refused; /* mechanisms that did not work here */
	bool is_sasl_cancelled;
	struct imap_error cancelled; /* why the exchange was cancelled */
	bool is_authenticated;
	bool has_new_capabilities; /* told while we authenticated */
	uint64_t serials[STEP_READY]; /* of what each step said */
	bool is_early; /* it goes on without waiting for the login's reply */
	unsigned awaited; /* replies still to come, if it is */
	struct buf first; /* the answer that did not fit the command */
	char binding_exporter[64];
	char binding_unique[128];
};

/* Says a step's command. LOGIN_GOES_ON without one: the step is passed. */
typedef enum login_progress say_function(
    struct login *login, bool *said, struct imap_error *error);

struct login *
login_new(const struct login_config *config, struct pipeline *pipeline,
    struct capabilities *capabilities)
{
	struct login *login = mem_new(struct login);

	login->config = config;
	login->pipeline = pipeline;
	login->capabilities = capabilities;
	login->credentials = config->credentials;
	buf_init(&login->first, ANSWER_CAP);
	return login;
}

struct login *
login_free(struct login *login)
{
	if (login == NULL)
		return NULL;
	login->sasl = sasl_free(login->sasl);
	buf_free_secret(&login->first);
	mem_wipe(login, sizeof(*login));
	return mem_free(login);
}

/* Ends and queues a step's command. One that failed would never be answered. */
static enum login_progress
queue(struct login *login, struct command *command, enum pipeline_kind kind,
    bool *said, struct imap_error *error)
{
	uint64_t serial;

	(void)command_end(command);
	serial = pipeline_add(login->pipeline, command, kind);
	login->serials[login->step] = serial;
	login->awaited++;
	*said = true;
	if (serial != 0)
		return LOGIN_GOES_ON;
	imap_error_set(error, IMAP_ERROR_LOCAL,
	    "a command of the login cannot be written");
	return LOGIN_FAILED;
}

static enum login_progress
say_nothing(struct login *login, bool *said, struct imap_error *error)
{
	(void)login;
	(void)said;
	(void)error;
	return LOGIN_GOES_ON;
}

static void
remove_disabled(struct login *login)
{
	for (uint32_t i = 0; i < login->config->disabled_count; i++)
		capabilities_remove(
		    login->capabilities, login->config->disabled[i]);
}

/* The last session's, until the server says otherwise. */
static void
use_known(struct login *login, const struct capabilities *known)
{
	*login->capabilities = *known;
	remove_disabled(login);
}

static enum login_progress
say_capability(struct login *login, bool *said, struct imap_error *error)
{
	struct command command;

	if (login->capabilities->known &&
	    !(login->config->asks_capability && login->is_authenticated))
		return LOGIN_GOES_ON;
	command_begin(&command, "CAPABILITY", COMMAND_LITERALS_SYNC);
	return queue(login, &command, PIPELINE_PLAIN, said, error);
}

static enum login_progress
say_starttls(struct login *login, bool *said, struct imap_error *error)
{
	struct command command;

	if (!login->config->needs_starttls)
		return LOGIN_GOES_ON;
	if (!capabilities_have(login->capabilities, CAPABILITY_STARTTLS)) {
		imap_error_set(error, IMAP_ERROR_UNSUPPORTED,
		    "the server does not offer STARTTLS, which tls = "
		    "\"starttls\" needs; nothing was sent to it");
		return LOGIN_FAILED;
	}
	command_begin(&command, "STARTTLS", COMMAND_LITERALS_SYNC);
	return queue(login, &command, PIPELINE_ALONE, said, error);
}

/* The mechanisms that may be used here and did not fail yet. */
static uint32_t
choices(const struct login *login)
{
	return login_choices(
		   login->config, login->capabilities, &login->credentials) &
	    ~login->refused;
}

/*
 * With one answer all is said: what the server offered last time is asked for
 * in the same flight, and its reply tells whether it still holds.
 */
static bool
begin_early(struct login *login)
{
	login->is_early = login->config->known_after.known &&
	    login->config->is_confidential && !login->config->asks_capability;
	if (login->is_early)
		use_known(login, &login->config->known_after);
	return login->is_early;
}

/* True if nothing but the reply is to come. */
static bool
is_all_said(const struct login *login)
{
	return sasl_is_client_first(login->sasl) &&
	    capabilities_have(login->capabilities, CAPABILITY_SASL_IR) &&
	    buf_len(&login->first) == 0 && sasl_is_complete(login->sasl);
}

static enum login_progress
say_login_command(struct login *login, bool *said, struct imap_error *error)
{
	struct command command;

	if (!login_choice_command(login->config, login->capabilities)) {
		login_choice_failure(login->config, login->capabilities, error);
		return LOGIN_FAILED;
	}
	command_begin(&command, "LOGIN", COMMAND_LITERALS_SYNC);
	command_add_astring(&command, login->credentials.user);
	command_add_secret(&command, login->credentials.secret);
	if (command.failed)
		imap_error_set(error, IMAP_ERROR_AUTH,
		    "user or password holds a character that LOGIN cannot "
		    "carry");
	(void)begin_early(login);
	return queue(login, &command, PIPELINE_PLAIN, said, error);
}

/* The exchange's first answer, with the command if it may and does fit. */
static bool
add_initial(
    struct login *login, struct command *command, struct imap_error *error)
{
	if (!sasl_is_client_first(login->sasl) ||
	    !capabilities_have(login->capabilities, CAPABILITY_SASL_IR))
		return true;
	if (!sasl_step(login->sasl, span_of(""), &login->first, error))
		return false;
	if (buf_len(&login->first) > INITIAL_MAX)
		return true;
	if (buf_len(&login->first) == 0)
		(void)buf_add_string(&login->first, "=");
	command_add_initial_response(command, buf_span(&login->first));
	buf_free_secret(&login->first);
	return true;
}

static enum login_progress
say_authenticate(struct login *login, bool *said, struct imap_error *error)
{
	uint32_t mask = choices(login);
	struct command command;

	if (login->is_authenticated)
		return LOGIN_GOES_ON;
	login->has_new_capabilities = false;
	if (mask == 0)
		return say_login_command(login, said, error);
	login->mechanism = (enum mechanism)__builtin_ctz(mask);
	login->sasl = sasl_new(login->mechanism, &login->credentials, error);
	if (login->sasl == NULL)
		return LOGIN_FAILED;
	command_begin(&command, "AUTHENTICATE", COMMAND_LITERALS_SYNC);
	command_add_atom(&command, mechanism_name(login->mechanism));
	if (!add_initial(login, &command, error)) {
		command_free(&command);
		return LOGIN_FAILED;
	}
	if (is_all_said(login) && begin_early(login))
		return queue(login, &command, PIPELINE_LOGIN, said, error);
	return queue(login, &command, PIPELINE_AUTHENTICATE, said, error);
}

/* Some servers open no mailbox before they know who asks (163.com). */
static enum login_progress
say_id(struct login *login, bool *said, struct imap_error *error)
{
	struct command command;

	if (login->config->id == NULL ||
	    (!login->config->forces_id &&
		!capabilities_have(login->capabilities, CAPABILITY_ID)))
		return LOGIN_GOES_ON;
	command_begin(&command, "ID", COMMAND_LITERALS_SYNC);
	command_add_raw(&command, login->config->id);
	return queue(login, &command, PIPELINE_PLAIN, said, error);
}

static enum login_progress
say_enable(struct login *login, bool *said, struct imap_error *error)
{
	struct capabilities wanted = {0};
	struct command command;

	capabilities_parse(&wanted, span_of(login->config->enable));
	if (wanted.offered == 0 ||
	    !capabilities_have(login->capabilities, CAPABILITY_ENABLE) ||
	    (wanted.offered & ~login->capabilities->offered) != 0)
		return LOGIN_GOES_ON;
	command_begin(&command, "ENABLE", COMMAND_LITERALS_SYNC);
	command_add_atom(&command, login->config->enable);
	return queue(login, &command, PIPELINE_PLAIN, said, error);
}

/* Last, as nothing may follow it before its reply (RFC 4978 section 3). */
static enum login_progress
say_compress(struct login *login, bool *said, struct imap_error *error)
{
	struct command command;

	if (!login->config->compress ||
	    !capabilities_have(
		login->capabilities, CAPABILITY_COMPRESS_DEFLATE))
		return LOGIN_GOES_ON;
	command_begin(&command, "COMPRESS", COMMAND_LITERALS_SYNC);
	command_add_atom(&command, "DEFLATE");
	return queue(login, &command, PIPELINE_ALONE, said, error);
}

static say_function *const login_table[] = {
    [STEP_GREETING] = say_nothing,
    [STEP_CAPABILITY] = say_capability,
    [STEP_STARTTLS] = say_starttls,
    [STEP_SECURED_CAPABILITY] = say_capability,
    [STEP_AUTHENTICATE] = say_authenticate,
    [STEP_FINAL_CAPABILITY] = say_capability,
    [STEP_ID] = say_id,
    [STEP_ENABLE] = say_enable,
    [STEP_COMPRESS] = say_compress,
};

/* All was said; what has not been answered is on its way. */
static enum login_progress
end_steps(const struct login *login)
{
	return login->is_early && login->awaited > 0 ? LOGIN_EARLY
						     : LOGIN_READY;
}

/* Goes on from the current step to the next one that waits for a reply. */
static enum login_progress
advance(struct login *login, struct imap_error *error)
{
	while (++login->step < STEP_READY) {
		bool said = false;
		enum login_progress progress =
		    login_table[login->step](login, &said, error);

		if (progress != LOGIN_GOES_ON)
			return progress;
		if (said && (!login->is_early || login->step == STEP_COMPRESS))
			return progress;
	}
	return end_steps(login);
}

/* A reply came. Early steps have been said long ago. */
static enum login_progress
go_on(struct login *login, struct imap_error *error)
{
	if (!login->is_early)
		return advance(login, error);
	if (login->step < STEP_READY || login->awaited > 0)
		return LOGIN_GOES_ON;
	return LOGIN_READY;
}

/*
 * The login has succeeded. Where it is known what is offered now, nothing that
 * follows has to be waited for.
 */
static enum login_progress
settle(struct login *login, struct imap_error *error)
{
	if (login->is_early)
		return go_on(login, error);
	if (!login->capabilities->known && login->config->known_after.known &&
	    login->config->is_confidential)
		use_known(login, &login->config->known_after);
	login->is_early =
	    login->capabilities->known && !login->config->asks_capability;
	return advance(login, error);
}

enum login_progress
login_greeting(struct login *login, enum imap_state state,
    const struct imap_code *code, struct span text, struct imap_error *error)
{
	switch (state) {
	case IMAP_STATE_OK:
		return advance(login, error);
	case IMAP_STATE_PREAUTH:
		if (!login->config->accepts_preauth) {
			imap_error_set(error, IMAP_ERROR_PROTOCOL,
			    "the server greets with PREAUTH, which would "
			    "skip TLS and the login; only a tunnel may");
			return LOGIN_FAILED;
		}
		login->is_authenticated = true;
		return settle(login, error);
	default:
		login_refusal(error, "connection", state, code, text,
		    state == IMAP_STATE_BYE ? IMAP_ERROR_THROTTLED
					    : IMAP_ERROR_PROTOCOL);
		return LOGIN_FAILED;
	}
}

enum login_progress
login_secured(struct login *login, struct imap_error *error)
{
	return advance(login, error);
}

enum login_progress
login_deflated(struct login *login, struct imap_error *error)
{
	return advance(login, error);
}

enum login_progress
login_challenge(
    struct login *login, struct span challenge, struct imap_error *error)
{
	struct buf answer;

	if (login->sasl == NULL) {
		imap_error_set(error, IMAP_ERROR_PROTOCOL,
		    "a challenge came although no exchange goes on");
		return LOGIN_FAILED;
	}
	if (login->is_sasl_cancelled) {
		*error = login->cancelled;
		return LOGIN_FAILED;
	}
	if (buf_len(&login->first) > 0) {
		pipeline_answer(login->pipeline, buf_span(&login->first));
		buf_free_secret(&login->first);
		return LOGIN_GOES_ON;
	}
	buf_init(&answer, ANSWER_CAP);
	if (login->is_early) {
		/* what stands behind would be taken for the answer */
		(void)sasl_step(login->sasl, challenge, &answer, error);
		buf_free_secret(&answer);
		imap_error_set(error, IMAP_ERROR_AUTH,
		    "login refused, server says: %s",
		    sasl_failure(login->sasl)[0] == '\0'
			? "another challenge"
			: sasl_failure(login->sasl));
		return LOGIN_FAILED;
	}
	if (sasl_step(login->sasl, challenge, &answer, &login->cancelled)) {
		pipeline_answer(login->pipeline, buf_span(&answer));
	} else {
		login->is_sasl_cancelled = true;
		pipeline_answer(login->pipeline, span_of("*"));
	}
	buf_free_secret(&answer);
	return LOGIN_GOES_ON;
}

/*
 * Server and client may not know the same kind of channel binding: then the
 * exchange fails with the right password, and the mechanism without it may
 * not, where the settings allow that too.
 */
static bool
may_unbind(struct login *login)
{
	uint32_t plus = 1u << MECHANISM_SCRAM_SHA_256_PLUS |
	    1u << MECHANISM_SCRAM_SHA_1_PLUS;

	if (login->sasl == NULL || (plus >> login->mechanism & 1) == 0)
		return false;
	login->refused |= plus;
	return (choices(login) &
		   (1u << MECHANISM_SCRAM_SHA_256 |
		       1u << MECHANISM_SCRAM_SHA_1)) != 0;
}

static enum login_progress
authenticated(struct login *login, enum imap_state state,
    const struct imap_code *code, struct span text, struct imap_error *error)
{
	if (login->is_sasl_cancelled) {
		*error = login->cancelled;
		return LOGIN_FAILED;
	}
	if (state != IMAP_STATE_OK && !login->is_early && may_unbind(login)) {
		bool said = false;

		login->sasl = sasl_free(login->sasl);
		return say_authenticate(login, &said, error);
	}
	if (state != IMAP_STATE_OK) {
		const char *failure =
		    login->sasl == NULL ? "" : sasl_failure(login->sasl);

		login_refusal(error, "login", state, code,
		    failure[0] == '\0' ? text : span_of(failure),
		    IMAP_ERROR_AUTH);
		return LOGIN_FAILED;
	}
	if (login->sasl != NULL && !sasl_is_complete(login->sasl)) {
		imap_error_set(error, IMAP_ERROR_AUTH,
		    "the server accepts the login without having proven that "
		    "it knows the password (%s)",
		    mechanism_name(login->mechanism));
		return LOGIN_FAILED;
	}
	login->sasl = sasl_free(login->sasl);
	login->is_authenticated = true;
	/* what was offered before says nothing about now */
	if (code->type == IMAP_CODE_CAPABILITY)
		login_capabilities(login, code->arguments);
	else if (!login->has_new_capabilities && !login->is_early)
		*login->capabilities = (struct capabilities){0};
	return settle(login, error);
}

/* The step that a reply belongs to. */
static enum step
step_of(const struct login *login, uint64_t serial)
{
	enum step step = STEP_GREETING;

	while (step < STEP_READY && login->serials[step] != serial)
		step++;
	return step;
}

enum login_progress
login_reply(struct login *login, uint64_t serial, enum imap_state state,
    const struct imap_code *code, struct span text, struct imap_error *error)
{
	login->awaited--;
	switch (step_of(login, serial)) {
	case STEP_STARTTLS:
		if (state != IMAP_STATE_OK) {
			login_refusal(error, "STARTTLS", state, code, text,
			    IMAP_ERROR_UNSUPPORTED);
			return LOGIN_FAILED;
		}
		*login->capabilities = (struct capabilities){0};
		return LOGIN_WANTS_TLS;
	case STEP_AUTHENTICATE:
		return authenticated(login, state, code, text, error);
	case STEP_CAPABILITY:
	case STEP_SECURED_CAPABILITY:
	case STEP_FINAL_CAPABILITY:
		if (state != IMAP_STATE_OK || !login->capabilities->known) {
			login_refusal(error, "CAPABILITY", state, code, text,
			    IMAP_ERROR_PROTOCOL);
			return LOGIN_FAILED;
		}
		login->is_early = login->is_authenticated;
		return advance(login, error);
	case STEP_COMPRESS:
		if (state == IMAP_STATE_OK)
			return LOGIN_WANTS_DEFLATE;
		return advance(login, error);
	default:
		/* ID and ENABLE may be refused */
		return go_on(login, error);
	}
}

bool
login_awaits(const struct login *login, uint64_t serial)
{
	return step_of(login, serial) < STEP_READY;
}

bool
login_is_trusted(const struct login *login)
{
	return login->is_authenticated;
}

void
login_capabilities(struct login *login, struct span words)
{
	/* it has not said yet who it is for */
	if (login->is_early && !login->is_authenticated)
		return;
	login->has_new_capabilities = true;
	capabilities_parse(login->capabilities, words);
	remove_disabled(login);
}

static struct span
keep(struct span bytes, char *room, size_t size)
{
	if (bytes.len == 0 || bytes.len > size)
		return (struct span){"", 0};
	memcpy(room, bytes.at, bytes.len);
	return (struct span){room, bytes.len};
}

void
login_set_binding(
    struct login *login, struct span tls_exporter, struct span tls_unique)
{
	login->credentials.tls_exporter = keep(tls_exporter,
	    login->binding_exporter, sizeof(login->binding_exporter));
	login->credentials.tls_unique = keep(
	    tls_unique, login->binding_unique, sizeof(login->binding_unique));
}
