/*
 * Logging in. What shows the secret itself is refused here where others
 * could listen.
 */
#include "libclient/imaplib_auth.h"

#include "libclient/base/mem.h"
#include "libclient/imaplib_private.h"
#include "libclient/wire/base64.h"

#define INITIAL_CAP 131072

/* What is known is of before the login: it is put aside. */
static char *
take_words(struct imaplib *client)
{
	char *words = client->words;

	client->words = NULL;
	return words;
}

/* Other capabilities may be offered after OK, else those of before are. */
static bool
logged_in(struct imaplib *client, char *words, struct imaplib_reply *reply)
{
	if (reply->type != IMAPLIB_OK && client->words == NULL) {
		client->words = words;
		return false;
	}
	mem_free(words);
	if (reply->type != IMAPLIB_OK)
		return false;
	client->state = IMAPLIB_AUTH;
	if (client->words != NULL || imaplib_learn(client))
		return true;
	return client->is_closed ? imaplib_abort(client, reply) : true;
}

bool
imaplib_login(struct imaplib *client, const char *user, const char *password,
    struct imaplib_reply *reply)
{
	struct command command;
	char *words;

	if (!imaplib_begin(client, "LOGIN", &command, reply))
		return false;
	if (!imaplib_check_login(client, reply)) {
		command_free(&command);
		return false;
	}
	command_add_astring(&command, span_of(user));
	command_add_secret(&command, span_of(password));
	words = take_words(client);
	(void)imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
	return logged_in(client, words, reply);
}

/* AUTHENTICATE name, with what already stands in client->sasl or
 * ->authenticator. initial: base64, or empty for none. */
static bool
exchange(struct imaplib *client, const char *name, struct span initial,
    struct imaplib_reply *reply)
{
	struct command command;

	if (!imaplib_begin(client, "AUTHENTICATE", &command, reply))
		return false;
	if (!imaplib_check_mechanism(client, span_of(name), reply)) {
		command_free(&command);
		return false;
	}
	command_add_atom(&command, name);
	if (initial.len > 0)
		command_add_initial_response(&command, initial);
	client->is_cancelled = false;
	(void)imaplib_finish(client, &command, PIPELINE_AUTHENTICATE, reply);
	if (client->is_cancelled && reply->type != IMAPLIB_ABORT &&
	    client->refusal.kind != IMAP_ERROR_NONE)
		imaplib_reply_set_error(reply, IMAPLIB_ERROR, &client->refusal);
	return reply->type == IMAPLIB_OK;
}

bool
imaplib_authenticate(struct imaplib *client, const char *mechanism,
    struct span initial, imaplib_authenticator *authenticator, void *user,
    struct imaplib_reply *reply)
{
	struct buf encoded;
	char *words;

	buf_init(&encoded, INITIAL_CAP);
	client->authenticator = authenticator;
	client->authenticator_user = user;
	client->refusal = (struct imap_error){0};
	if (initial.at != NULL && imaplib_has(client, CAPABILITY_SASL_IR)) {
		(void)base64_encode(initial, &encoded);
		if (buf_len(&encoded) == 0)
			(void)buf_add_string(&encoded, "=");
	}
	if (initial.at != NULL && buf_len(&encoded) == 0)
		client->initial = initial;
	words = take_words(client);
	(void)exchange(client, mechanism, buf_span(&encoded), reply);
	buf_free_secret(&encoded);
	client->initial = (struct span){0};
	client->authenticator = NULL;
	return logged_in(client, words, reply);
}

/* One of our mechanisms. */
static bool
authenticate_with(struct imaplib *client, enum mechanism mechanism,
    const struct sasl_credentials *credentials, struct imaplib_reply *reply)
{
	struct imap_error error = {0};
	struct buf initial;
	char *words;
	bool is_ok = true;

	client->sasl = sasl_new(mechanism, credentials, &error);
	if (client->sasl == NULL) {
		imaplib_reply_set_error(reply, IMAPLIB_ERROR, &error);
		return false;
	}
	client->refusal = (struct imap_error){0};
	buf_init(&initial, INITIAL_CAP);
	if (sasl_is_client_first(client->sasl) &&
	    imaplib_has(client, CAPABILITY_SASL_IR)) {
		is_ok = sasl_step(client->sasl, span_of(""), &initial, &error);
		if (buf_len(&initial) == 0)
			(void)buf_add_string(&initial, "=");
	}
	words = take_words(client);
	if (!is_ok)
		imaplib_reply_set_error(reply, IMAPLIB_ERROR, &error);
	else if (exchange(client, mechanism_name(mechanism), buf_span(&initial),
		     reply) &&
	    !sasl_is_complete(client->sasl)) {
		imap_error_set(&error, IMAP_ERROR_AUTH,
		    "the server has not proven that it knows the password");
		imaplib_reply_set_error(reply, IMAPLIB_ERROR, &error);
	}
	buf_free_secret(&initial);
	client->sasl = sasl_free(client->sasl);
	return logged_in(client, words, reply);
}

/* The strongest that both sides have; MECHANISM_COUNT: none. */
static enum mechanism
choose(struct imaplib *client, const struct sasl_credentials *credentials)
{
	uint32_t mask = sasl_usable(
	    imaplib_get_capabilities(client)->mechanisms, credentials);

	for (unsigned i = 0; i < MECHANISM_COUNT; i++)
		if ((mask >> i & 1) != 0 &&
		    (client->is_confidential ||
			!sasl_is_cleartext((enum mechanism)i)))
			return (enum mechanism)i;
	return MECHANISM_COUNT;
}

bool
imaplib_authenticate_as(struct imaplib *client, const char *mechanism,
    const char *user, const char *secret, struct imaplib_reply *reply)
{
	char exporter[64];
	char unique[128];
	struct sasl_credentials credentials = {
	    .user = span_of(user),
	    .secret = span_of(secret),
	    .host = span_of(client->host),
	    .port = client->port,
	};
	enum mechanism chosen = mechanism == NULL
	    ? MECHANISM_COUNT
	    : mechanism_from_name(mechanism);

	imaplib_reply_free(reply);
	imap_binding(client->imap, exporter, sizeof(exporter),
	    &credentials.tls_exporter, unique, sizeof(unique),
	    &credentials.tls_unique);
	credentials.is_token =
	    chosen == MECHANISM_OAUTHBEARER || chosen == MECHANISM_XOAUTH2;
	if (mechanism == NULL) {
		chosen = choose(client, &credentials);
		if (chosen == MECHANISM_COUNT)
			return imaplib_login(client, user, secret, reply);
	}
	if (chosen == MECHANISM_COUNT)
		return imaplib_refuse(reply, "unknown mechanism %s", mechanism);
	return authenticate_with(client, chosen, &credentials, reply);
}

bool
imaplib_login_cram_md5(struct imaplib *client, const char *user,
    const char *password, struct imaplib_reply *reply)
{
	return imaplib_authenticate_as(
	    client, "CRAM-MD5", user, password, reply);
}

bool
imaplib_login_plain(struct imaplib *client, const char *user,
    const char *password, struct imaplib_reply *reply)
{
	return imaplib_authenticate_as(client, "PLAIN", user, password, reply);
}

bool
imaplib_proxyauth(
    struct imaplib *client, const char *user, struct imaplib_reply *reply)
{
	struct command command;

	if (!imaplib_begin(client, "PROXYAUTH", &command, reply))
		return false;
	command_add_astring(&command, span_of(user));
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

bool
imaplib_unauthenticate(struct imaplib *client, struct imaplib_reply *reply)
{
	if (!imaplib_call(client, "UNAUTHENTICATE", NULL, reply))
		return false;
	client->state = IMAPLIB_NONAUTH;
	client->is_utf8 = false;
	client->is_read_only = false;
	client->became_read_only = false;
	if (!span_equal_nocase(reply->code, "CAPABILITY"))
		imaplib_forget_capabilities(client);
	return imaplib_learn(client) || imaplib_abort(client, reply);
}
