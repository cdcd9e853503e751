/*
 * One SASL exchange (RFC 4422): a table says what each mechanism needs and how
 * many answers it takes; libgsasl computes them, except for tokens. A libgsasl
 * result that comes earlier or later than the table says ends the exchange.
 */
#include "libclient/proto/sasl.h"

#include <assert.h>
#include <gsasl.h>
#include <string.h>

#include "libclient/base/mem.h"
#include "libclient/proto/sasl_oauth.h"
#include "libclient/proto/sasl_scram.h"

#define CREDENTIAL_MAX 65536 /* bytes of user, secret, host each */
#define CHALLENGE_MAX  16384 /* bytes, decoded */
#define FAILURE_SHOWN  200 /* bytes of a server's failure JSON */

enum secret_kind { SECRET_NONE, SECRET_PASSWORD, SECRET_TOKEN };

struct traits {
	enum secret_kind secret;
	bool is_client_first;
	bool is_cleartext;
	bool is_scram;
	bool needs_binding;
	unsigned int answers; /* of ours, until only the tagged reply lacks */
};

static const struct traits traits_of[MECHANISM_COUNT] = {
    [MECHANISM_EXTERNAL] = {SECRET_NONE, true, false, false, false, 1},
    [MECHANISM_SCRAM_SHA_256_PLUS] = {SECRET_PASSWORD, true, false, true, true,
	3},
    [MECHANISM_SCRAM_SHA_1_PLUS] = {SECRET_PASSWORD, true, false, true, true,
	3},
    [MECHANISM_SCRAM_SHA_256] = {SECRET_PASSWORD, true, false, true, false, 3},
    [MECHANISM_SCRAM_SHA_1] = {SECRET_PASSWORD, true, false, true, false, 3},
    [MECHANISM_OAUTHBEARER] = {SECRET_TOKEN, true, true, false, false, 1},
    [MECHANISM_XOAUTH2] = {SECRET_TOKEN, true, true, false, false, 1},
    [MECHANISM_CRAM_MD5] = {SECRET_PASSWORD, false, false, false, false, 1},
    [MECHANISM_PLAIN] = {SECRET_PASSWORD, true, true, false, false, 1},
    [MECHANISM_LOGIN] = {SECRET_PASSWORD, false, true, false, false, 2},
    [MECHANISM_ANONYMOUS] = {SECRET_NONE, true, false, false, false, 1},
};

struct sasl {
	enum mechanism mechanism;
	const struct traits *traits;
	unsigned int answered;
	bool is_broken;
	Gsasl *library; /* NULL, as the session, when a token is used */
	Gsasl_session *session;
	char *token_message; /* until it is sent */
	char *client_nonce; /* SCRAM: what we sent */
	char failure[512];
};

/* Whether the mechanism has what it needs. */
static bool
check_needs(enum mechanism mechanism,
    const struct sasl_credentials *credentials, struct imap_error *error)
{
	const struct traits *traits = &traits_of[mechanism];
	const char *name = mechanism_name(mechanism);

	if (traits->needs_binding && credentials->tls_exporter.len == 0 &&
	    credentials->tls_unique.len == 0)
		return imap_error_set(error, IMAP_ERROR_UNSUPPORTED,
		    "%s needs channel binding data of a TLS connection", name);
	if (traits->secret == SECRET_NONE)
		return true;
	if (credentials->user.len == 0)
		return imap_error_set(
		    error, IMAP_ERROR_AUTH, "%s needs a user name", name);
	if ((traits->secret == SECRET_TOKEN) != credentials->is_token ||
	    credentials->secret.len == 0)
		return imap_error_set(error, IMAP_ERROR_AUTH, "%s needs %s",
		    name,
		    traits->secret == SECRET_TOKEN ? "an access token"
						   : "a password");
	return true;
}

static bool
check_text(const char *what, struct span text, struct imap_error *error)
{
	if (text.len > CREDENTIAL_MAX)
		return imap_error_set(
		    error, IMAP_ERROR_AUTH, "the %s is too long", what);
	/* libgsasl works on strings, and PLAIN separates by NUL */
	if (text.len > 0 && memchr(text.at, '\0', text.len) != NULL)
		return imap_error_set(
		    error, IMAP_ERROR_AUTH, "the %s contains a NUL", what);
	return true;
}

static bool
set_property(Gsasl_session *session, Gsasl_property property, struct span value)
{
	return gsasl_property_set_raw(session, property,
		   value.len == 0 ? "" : value.at, value.len) == GSASL_OK;
}

/*
 * libgsasl takes the exporter's data if it has both, and fails a SCRAM without
 * -PLUS if it has any (2.2.0 means to say "y" in the gs2-header and refuses
 * its own message). So it gets one kind, for -PLUS alone: tls-unique where TLS
 * has it (up to 1.2), for that is what servers of that age expect. The others
 * say "n", which RFC 5802 section 6 leaves to the client.
 */
static bool
set_binding(Gsasl_session *session, const struct sasl_credentials *credentials)
{
	bool has_exporter = credentials->tls_unique.len == 0;
	struct span raw =
	    has_exporter ? credentials->tls_exporter : credentials->tls_unique;
	char *text = NULL;
	size_t len = 0;
	bool ok;

	if (gsasl_base64_to(raw.at, raw.len, &text, &len) != GSASL_OK)
		return false;
	ok = set_property(session,
	    has_exporter ? GSASL_CB_TLS_EXPORTER : GSASL_CB_TLS_UNIQUE,
	    (struct span){text, len});
	gsasl_free(text);
	return ok;
}

static bool
set_properties(
    const struct sasl *sasl, const struct sasl_credentials *credentials)
{
	Gsasl_session *session = sasl->session;
	struct span user = credentials->user;

	if (sasl->mechanism == MECHANISM_ANONYMOUS)
		return set_property(session, GSASL_ANONYMOUS_TOKEN, user);
	if (sasl->mechanism == MECHANISM_EXTERNAL)
		return set_property(session, GSASL_AUTHZID, user);
	return set_property(session, GSASL_AUTHID, user) &&
	    set_property(session, GSASL_PASSWORD, credentials->secret) &&
	    (!sasl->traits->needs_binding || set_binding(session, credentials));
}

static bool
start_library(struct sasl *sasl, const struct sasl_credentials *credentials,
    struct imap_error *error)
{
	const char *name = mechanism_name(sasl->mechanism);

	if (gsasl_init(&sasl->library) != GSASL_OK)
		return imap_error_set(
		    error, IMAP_ERROR_LOCAL, "libgsasl does not start");
	if (gsasl_client_start(sasl->library, name, &sasl->session) != GSASL_OK)
		return imap_error_set(error, IMAP_ERROR_UNSUPPORTED,
		    "this libgsasl does not know %s", name);
	if (!set_properties(sasl, credentials))
		return imap_error_set(error, IMAP_ERROR_LOCAL,
		    "libgsasl does not take the credentials");
	return true;
}

struct sasl *
sasl_new(enum mechanism mechanism, const struct sasl_credentials *credentials,
    struct imap_error *error)
{
	struct sasl *sasl;
	bool ok;

	assert(mechanism < MECHANISM_COUNT);
	if (!check_needs(mechanism, credentials, error) ||
	    !check_text("user name", credentials->user, error) ||
	    !check_text("secret", credentials->secret, error) ||
	    !check_text("host name", credentials->host, error))
		return NULL;
	sasl = mem_new(struct sasl);
	sasl->mechanism = mechanism;
	sasl->traits = &traits_of[mechanism];
	if (sasl->traits->secret == SECRET_TOKEN) {
		sasl->token_message =
		    sasl_oauth_message(mechanism, credentials, error);
		ok = sasl->token_message != NULL;
	} else {
		ok = start_library(sasl, credentials, error);
	}
	return ok ? sasl : sasl_free(sasl);
}

/* libgsasl frees its copies as they are. */
static void
wipe_properties(Gsasl_session *session)
{
	static const Gsasl_property secrets[] = {GSASL_PASSWORD,
	    GSASL_SCRAM_SALTED_PASSWORD, GSASL_SCRAM_SERVERKEY,
	    GSASL_SCRAM_STOREDKEY};

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		char *secret = (char *)gsasl_property_fast(session, secrets[i]);

		if (secret != NULL)
			mem_wipe(secret, strlen(secret));
	}
}

struct sasl *
sasl_free(struct sasl *sasl)
{
	if (sasl == NULL)
		return NULL;
	if (sasl->session != NULL) {
		wipe_properties(sasl->session);
		gsasl_finish(sasl->session);
	}
	if (sasl->library != NULL)
		gsasl_done(sasl->library);
	mem_free_secret(sasl->token_message);
	mem_free(sasl->client_nonce);
	return mem_free(sasl);
}

bool
sasl_is_client_first(const struct sasl *sasl)
{
	return sasl->traits->is_client_first;
}

static bool
add_base64(struct buf *out, struct span answer, struct imap_error *error)
{
	char *text = NULL;
	size_t len = 0;
	bool ok;

	if (answer.len == 0)
		return true;
	if (gsasl_base64_to(answer.at, answer.len, &text, &len) != GSASL_OK)
		return imap_error_set(
		    error, IMAP_ERROR_LOCAL, "cannot encode a SASL answer");
	ok = buf_add(out, text, len);
	mem_wipe(text, len);
	gsasl_free(text);
	if (!ok)
		return imap_error_set(
		    error, IMAP_ERROR_LIMIT, "a SASL answer is too long");
	return true;
}

static bool
answer_with_token(struct sasl *sasl, struct span challenge, struct buf *out,
    struct imap_error *error)
{
	bool ok;

	if (sasl->answered == 0) {
		ok = add_base64(out, span_of(sasl->token_message), error);
		sasl->token_message = mem_free_secret(sasl->token_message);
		return ok;
	}
	imap_error_printable(
	    challenge, FAILURE_SHOWN, sasl->failure, sizeof(sasl->failure));
	if (sasl->mechanism == MECHANISM_OAUTHBEARER)
		return add_base64(out, (struct span){"\001", 1}, error);
	return true;
}

/* What must hold before libgsasl may see the challenge. */
static bool
check_challenge(
    const struct sasl *sasl, struct span challenge, struct imap_error *error)
{
	if (sasl->mechanism == MECHANISM_CRAM_MD5 && challenge.len == 0)
		return imap_error_set(error, IMAP_ERROR_PROTOCOL,
		    "server sent an empty CRAM-MD5 challenge");
	if (!sasl->traits->is_scram || sasl->answered == 0)
		return true;
	if (sasl->answered == 1)
		return sasl_scram_check_first(
		    challenge, span_of(sasl->client_nonce), error);
	return sasl_scram_check_final(challenge, error);
}

static bool
refuse_result(const struct sasl *sasl, int result, struct imap_error *error)
{
	const char *name = mechanism_name(sasl->mechanism);

	if (result == GSASL_SASLPREP_ERROR)
		return imap_error_set(error, IMAP_ERROR_AUTH,
		    "the user name or password has characters that %s does "
		    "not allow",
		    name);
	if (result == GSASL_AUTHENTICATION_ERROR && sasl->answered == 2)
		return imap_error_set(error, IMAP_ERROR_AUTH,
		    "server does not know the password: wrong %s signature",
		    name);
	return imap_error_set(error, IMAP_ERROR_PROTOCOL, "%s fails: %s", name,
	    result == GSASL_OK || result == GSASL_NEEDS_MORE
		? "unexpected end"
		: gsasl_strerror(result));
}

static bool
answer_with_library(struct sasl *sasl, struct span challenge, struct buf *out,
    struct imap_error *error)
{
	bool is_last = sasl->answered + 1 == sasl->traits->answers;
	char *answer = NULL;
	size_t len = 0;
	int result;
	bool ok;

	if (!check_challenge(sasl, challenge, error))
		return false;
	result = gsasl_step(
	    sasl->session, challenge.at, challenge.len, &answer, &len);
	if (result != (is_last ? GSASL_OK : GSASL_NEEDS_MORE)) {
		ok = refuse_result(sasl, result, error);
	} else {
		if (sasl->traits->is_scram && sasl->answered == 0)
			sasl->client_nonce = span_to_string(
			    sasl_scram_nonce((struct span){answer, len}));
		ok = add_base64(out, (struct span){answer, len}, error);
	}
	if (answer != NULL)
		mem_wipe(answer, len);
	gsasl_free(answer);
	return ok;
}

/* *text is libgsasl's to free, and set in case of success only. */
static bool
decode_challenge(
    struct span challenge, char **text, size_t *len, struct imap_error *error)
{
	if (challenge.len > ((size_t)CHALLENGE_MAX + 2) / 3 * 4)
		return imap_error_set(error, IMAP_ERROR_LIMIT,
		    "server's SASL challenge is too long (%zu bytes)",
		    challenge.len);
	if (gsasl_base64_from(challenge.len == 0 ? "" : challenge.at,
		challenge.len, text, len) != GSASL_OK)
		return imap_error_set(error, IMAP_ERROR_PROTOCOL,
		    "server's SASL challenge is not base64");
	return true;
}

static bool
answer_challenge(struct sasl *sasl, struct span challenge, struct buf *out,
    struct imap_error *error)
{
	if (sasl->traits->secret == SECRET_TOKEN)
		return answer_with_token(sasl, challenge, out, error);
	return answer_with_library(sasl, challenge, out, error);
}

bool
sasl_step(struct sasl *sasl, struct span challenge, struct buf *out,
    struct imap_error *error)
{
	const struct traits *traits = sasl->traits;
	/* one more for the failure of a token */
	unsigned int most =
	    traits->answers + (traits->secret == SECRET_TOKEN ? 1 : 0);
	char *text = NULL;
	size_t len = 0;
	bool ok;

	if (sasl->answered == 0 && traits->is_client_first)
		challenge = (struct span){"", 0};
	if (sasl->is_broken || sasl->answered >= most)
		ok = imap_error_set(error, IMAP_ERROR_PROTOCOL,
		    "server sent a challenge behind the end of %s",
		    mechanism_name(sasl->mechanism));
	else
		ok = decode_challenge(challenge, &text, &len, error) &&
		    answer_challenge(
			sasl, (struct span){text, len}, out, error);
	gsasl_free(text);
	if (ok)
		sasl->answered++;
	else
		sasl->is_broken = true;
	return ok;
}

bool
sasl_is_complete(const struct sasl *sasl)
{
	return !sasl->is_broken && sasl->answered >= sasl->traits->answers;
}

const char *
sasl_failure(const struct sasl *sasl)
{
	return sasl->failure;
}

uint32_t
sasl_usable(uint32_t mechanisms, const struct sasl_credentials *credentials)
{
	bool has_secret = credentials->secret.len > 0 || credentials->is_token;
	uint32_t usable = 0;

	for (unsigned int i = 0; i < MECHANISM_COUNT; i++) {
		if ((mechanisms & 1u << i) == 0)
			continue;
		if (traits_of[i].secret == SECRET_NONE && has_secret)
			continue;
		if (check_needs((enum mechanism)i, credentials, NULL))
			usable |= 1u << i;
	}
	return usable;
}

bool
sasl_is_cleartext(enum mechanism mechanism)
{
	assert(mechanism < MECHANISM_COUNT);
	return traits_of[mechanism].is_cleartext;
}
