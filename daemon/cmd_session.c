/*
 * Connecting and logging in for commands, by the client library's blocking
 * surface.
 */
#include "daemon/cmd_session.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "daemon/account_proxy.h"
#include "daemon/advice.h"
#include "daemon/console.h"
#include "daemon/console_secret.h"
#include "daemon/exit_code.h"
#include "libclient/base/mem.h"
#include "libclient/imaplib_auth.h"
#include "libclient/proto/login.h"
#include "libclient/wire/response.h"

/* Levels of debug that -v gives: the first shows what is sent and comes. */
#define DEBUG_LINES 4
#define DEBUG_MOST  5

/* ---- connecting ---- */

static struct tls_options
tls_options_of(struct cmd_session *session)
{
	const struct settings_account *account = session->account;
	uint32_t count = account->tls_fingerprint_count;

	if (count > 0)
		session->pins = mem_alloc(count * sizeof(*session->pins));
	for (uint32_t i = 0; i < count; i++)
		memcpy(session->pins[i], account->tls_fingerprints[i].sha256,
		    sizeof(*session->pins));
	return (struct tls_options){
	    .host = account->host,
	    .ca_file = account->tls_ca_file,
	    .client_cert = account->tls_client_cert,
	    .client_key = account->tls_client_key,
	    .pins = (const uint8_t(*)[TLS_FINGERPRINT_SIZE])session->pins,
	    .pin_count = count,
	    .is_tls13_only = account->is_tls13_only,
	};
}

static const char *
name_of(const struct settings_account *account)
{
	return account->name != NULL ? account->name : account->host;
}

static void
print_trace(void *user, const char *line)
{
	(void)fprintf(user, "%s\n", line);
}

/* A refused login in the words that the advice is found by. */
static struct imap_error
error_of(const struct imaplib_reply *reply, bool is_login)
{
	struct imap_error error = reply->error;
	struct imap_code code = {
	    .type = reply->code.len == 0 ? IMAP_CODE_NONE
					 : imap_code_from_name(reply->code),
	    .name = reply->code,
	    .arguments = reply->arguments,
	};

	if (error.kind == IMAP_ERROR_NONE && is_login)
		(void)login_refusal(&error, "login",
		    reply->type == IMAPLIB_BAD ? IMAP_STATE_BAD : IMAP_STATE_NO,
		    &code, reply->text, IMAP_ERROR_AUTH);
	return error;
}

/* What a person can do about it stands behind it. */
static void
print_failure(const struct cmd_session *session, const char *text,
    const struct imap_error *error)
{
	const struct advice_place place = {.settings = session->account};
	const char *advice = advice_of(&place, error);

	(void)fprintf(stderr, "mailmirror: %s: %s%s%s\n",
	    name_of(session->account), text, advice == NULL ? "" : "; ",
	    advice == NULL ? "" : advice);
}

int
cmd_session_fail(const struct cmd_session *session,
    const struct imaplib_reply *reply, bool is_login)
{
	const struct imap_error error = error_of(reply, is_login);
	char text[sizeof(reply->error.text) * 4];
	char *line;

	line = mem_format("%s: %s", imaplib_type_name(reply->type),
	    imap_error_printable(
		reply->text, sizeof(text) / 4, text, sizeof(text)));
	print_failure(session, line, &error);
	mem_free(line);
	return console_exit_code(reply, is_login);
}

static int
secure(struct cmd_session *session)
{
	struct imaplib_reply reply = {0};
	int code = EX_OK;

	/* who logs us in before TLS is not to be believed */
	if (imaplib_get_state(session->client) != IMAPLIB_NONAUTH) {
		(void)fprintf(stderr,
		    "mailmirror: the server greets with PREAUTH, which would "
		    "skip TLS\n");
		return EX_PROTOCOL;
	}
	if (!imaplib_starttls(session->client, &session->tls, &reply))
		code = cmd_session_fail(session, &reply, false);
	imaplib_reply_free(&reply);
	return code;
}

static int
connect_to(struct cmd_session *session)
{
	const struct settings_account *account = session->account;
	int debug = DEBUG_LINES - 1 + session->verbosity;
	struct proxy_server proxy;
	struct imaplib_options to = {
	    .host = account->host,
	    .port = account->port,
	    .command = account->tunnel,
	    .proxy = account_proxy(account, &proxy),
	    .has_tls = account->tunnel == NULL &&
		account->tls == SETTINGS_TLS_IMPLICIT,
	    .tls = session->tls,
	    .timeout = account->timeout,
	    .debug = session->verbosity <= 0 ? 0
		: debug > DEBUG_MOST	     ? DEBUG_MOST
					     : debug,
	    .trace = print_trace,
	    .trace_user = stderr,
	};
	struct imaplib_reply reply = {0};
	int code = EX_OK;

	session->client = imaplib_open(&to, &reply);
	if (session->client == NULL)
		code = cmd_session_fail(session, &reply, false);
	imaplib_reply_free(&reply);
	if (code == EX_OK && account->tunnel == NULL &&
	    account->tls == SETTINGS_TLS_STARTTLS)
		code = secure(session);
	return code;
}

/* ---- logging in ---- */

bool
cmd_session_has_secret(const struct settings_secret *secret)
{
	return secret->password != NULL || secret->password_file != NULL ||
	    secret->password_command != NULL || secret->credential != NULL;
}

/*
 * By the strongest mechanism of a list that the server offers. One that is
 * refused here (nothing was sent) leaves room for the next.
 */
static void
authenticate(const struct settings_account *account, struct imaplib *client,
    const char *secret, struct imaplib_reply *reply)
{
	const char *user = account->user == NULL ? "" : account->user;
	uint32_t wanted = 0;
	uint32_t offered;

	if (account->is_auth_auto) {
		(void)imaplib_authenticate_as(
		    client, NULL, user, secret, reply);
		return;
	}
	for (uint32_t i = 0; i < account->auth.count; i++)
		wanted |= 1u << mechanism_from_name(account->auth.items[i]);
	(void)imap_error_set(&reply->error, IMAP_ERROR_AUTH,
	    "the server offers none of the mechanisms in auth");
	reply->type = IMAPLIB_ERROR;
	reply->text = span_of(reply->error.text);
	offered = imaplib_get_capabilities(client)->mechanisms;
	for (enum mechanism i = 0; i < MECHANISM_COUNT; i++) {
		if ((wanted & offered & 1u << i) == 0)
			continue;
		imaplib_reply_free(reply);
		*reply = (struct imaplib_reply){0};
		if (imaplib_authenticate_as(
			client, mechanism_name(i), user, secret, reply) ||
		    reply->type != IMAPLIB_ERROR)
			return;
	}
	if ((wanted & 1u << MECHANISM_LOGIN) == 0)
		return;
	imaplib_reply_free(reply);
	*reply = (struct imaplib_reply){0};
	(void)imaplib_login(client, user, secret, reply);
}

static int
log_in(struct cmd_session *session)
{
	const struct settings_account *account = session->account;
	struct imaplib_reply reply = {0};
	struct imap_error error = {0};
	int code = EX_OK;
	char *secret;

	if (imaplib_get_state(session->client) != IMAPLIB_NONAUTH)
		return EX_OK; /* a tunnel has done it */
	if (session->is_adhoc && account->user == NULL)
		return EX_OK; /* it will be a command's business */
	secret = session->is_adhoc && !cmd_session_has_secret(&account->secret)
	    ? console_secret_ask(account->user, &error)
	    : console_secret_fetch(&account->secret, &error);
	if (secret == NULL) {
		print_failure(session, error.text, &error);
		return exit_code_for(error.kind);
	}
	authenticate(account, session->client, secret, &reply);
	(void)mem_free_secret(secret);
	if (reply.type != IMAPLIB_OK)
		code = cmd_session_fail(session, &reply, true);
	imaplib_reply_free(&reply);
	return code;
}

bool
cmd_session_has(const struct cmd_session *session, enum capability capability)
{
	const struct settings_list *disabled =
	    &session->account->disable_extensions;
	struct capabilities offered =
	    *imaplib_get_capabilities(session->client);

	for (uint32_t i = 0; i < disabled->count; i++)
		capabilities_remove(&offered, disabled->items[i]);
	return capabilities_have(&offered, capability);
}

int
cmd_session_open(struct cmd_session *session)
{
	int code;

	session->tls = tls_options_of(session);
	code = connect_to(session);
	if (code == EX_OK)
		code = log_in(session);
	if (code != EX_OK)
		session->client = imaplib_shutdown(session->client);
	return code;
}

void
cmd_session_close(struct cmd_session *session)
{
	struct imaplib_reply reply = {0};

	if (session->client != NULL)
		session->client = imaplib_logout(session->client, &reply);
	imaplib_reply_free(&reply);
	session->pins = mem_free(session->pins);
}
