/*
 * XOAUTH2 and OAUTHBEARER: key=value pairs, each ended by ^A. Bytes that would
 * end a pair early are refused, so that no credential can add one.
 */
#include "libclient/proto/sasl_oauth.h"

#include <string.h>

#include "libclient/base/mem.h"

static bool
has_control_byte(struct span value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.at[i] < 0x20 || value.at[i] == 0x7f)
			return true;
	return false;
}

/* RFC 6750 allows fewer bytes; real tokens are opaque, but never have spaces */
static bool
is_token_text(struct span token)
{
	for (size_t i = 0; i < token.len; i++)
		if (token.at[i] < 0x21 || token.at[i] > 0x7e)
			return false;
	return true;
}

/* The user as saslname of a gs2-header (RFC 5801 section 4). */
static char *
escape_saslname(struct span user)
{
	char *name = mem_alloc(user.len * 3 + 1);
	char *end = name;

	for (size_t i = 0; i < user.len; i++) {
		if (user.at[i] == ',')
			end = mempcpy(end, "=2C", 3);
		else if (user.at[i] == '=')
			end = mempcpy(end, "=3D", 3);
		else
			*end++ = user.at[i];
	}
	*end = '\0';
	return name;
}

static char *
format_oauthbearer(const struct sasl_credentials *credentials)
{
	char *user = escape_saslname(credentials->user);
	char *host = NULL;
	char *port = NULL;
	char *message;

	if (credentials->host.len > 0)
		host = mem_format("host=%.*s\001", (int)credentials->host.len,
		    credentials->host.at);
	if (credentials->port != 0)
		port = mem_format("port=%u\001", (unsigned)credentials->port);
	message = mem_format("n,a=%s,\001%s%sauth=Bearer %.*s\001\001", user,
	    host == NULL ? "" : host, port == NULL ? "" : port,
	    (int)credentials->secret.len, credentials->secret.at);
	mem_free(user);
	mem_free(host);
	mem_free(port);
	return message;
}

char *
sasl_oauth_message(enum mechanism mechanism,
    const struct sasl_credentials *credentials, struct imap_error *error)
{
	if (has_control_byte(credentials->user) ||
	    has_control_byte(credentials->host)) {
		imap_error_set(error, IMAP_ERROR_AUTH,
		    "the user or host name contains a control character");
		return NULL;
	}
	if (!is_token_text(credentials->secret)) {
		imap_error_set(error, IMAP_ERROR_AUTH,
		    "the access token contains a space, control or non-ASCII "
		    "character");
		return NULL;
	}
	if (mechanism == MECHANISM_OAUTHBEARER)
		return format_oauthbearer(credentials);
	return mem_format("user=%.*s\001auth=Bearer %.*s\001\001",
	    (int)credentials->user.len, credentials->user.at,
	    (int)credentials->secret.len, credentials->secret.at);
}
