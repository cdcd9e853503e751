/*
 * Checks of SCRAM messages, RFC 5802 sections 5.1 and 7. A server that passes
 * them still has to prove with its signature that it knows the password.
 */
#include "libclient/proto/sasl_scram.h"

#include <assert.h>
#include <string.h>

#include "libclient/proto/sasl.h"

#define SHOWN_BYTES 100 /* of what the server wrote, in an error */

/* Takes "name=value" and the comma behind it off the front of *in. */
static bool
take_attribute(struct span *in, char name, struct span *value)
{
	const char *comma;
	size_t end;

	if (in->len < 2 || in->at[0] != name || in->at[1] != '=')
		return false;
	comma = memchr(in->at, ',', in->len);
	end = comma == NULL ? in->len : (size_t)(comma - in->at);
	*value = (struct span){in->at + 2, end - 2};
	*in = span_from(*in, comma == NULL ? end : end + 1);
	return true;
}

static bool
is_printable(struct span value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.at[i] < 0x21 || value.at[i] > 0x7e)
			return false;
	return true;
}

static bool
extends_nonce(struct span nonce, struct span ours)
{
	return nonce.len > ours.len &&
	    memcmp(nonce.at, ours.at, ours.len) == 0 && is_printable(nonce);
}

static bool
is_iteration_count(struct span value)
{
	unsigned long long count = 0;

	return span_to_number(value, SASL_MAX_ITERATIONS, &count) &&
	    count >= SASL_MIN_ITERATIONS;
}

static bool
refuse_malformed(struct imap_error *error)
{
	return imap_error_set(error, IMAP_ERROR_PROTOCOL,
	    "server sent a malformed SCRAM challenge");
}

static bool
refuse_extension(struct imap_error *error)
{
	return imap_error_set(error, IMAP_ERROR_UNSUPPORTED,
	    "server demands a SCRAM extension that is not known here");
}

/* Optional extensions are skipped, "m" is never optional. */
static bool
check_extensions(struct span rest, struct imap_error *error)
{
	struct span value;

	while (rest.len > 0) {
		if (rest.at[0] == 'm')
			return refuse_extension(error);
		if (!take_attribute(&rest, rest.at[0], &value))
			return refuse_malformed(error);
	}
	return true;
}

struct span
sasl_scram_nonce(struct span client_first)
{
	/* ours: base64, and the last attribute; a user's commas are =2C */
	const char *comma = memrchr(client_first.at, ',', client_first.len);
	struct span nonce = {"", 0};
	struct span rest;

	assert(comma != NULL);
	rest = span_from(client_first, (size_t)(comma + 1 - client_first.at));
	(void)take_attribute(&rest, 'r', &nonce);
	assert(nonce.len > 0);
	return nonce;
}

bool
sasl_scram_check_first(struct span server_first, struct span client_nonce,
    struct imap_error *error)
{
	struct span nonce;
	struct span salt;
	struct span count;
	char shown[64];

	/* libgsasl works on strings */
	if (memchr(server_first.at, '\0', server_first.len) != NULL)
		return refuse_malformed(error);
	if (server_first.len > 0 && server_first.at[0] == 'm')
		return refuse_extension(error);
	if (!take_attribute(&server_first, 'r', &nonce) ||
	    !take_attribute(&server_first, 's', &salt) || salt.len == 0 ||
	    !take_attribute(&server_first, 'i', &count))
		return refuse_malformed(error);
	if (!extends_nonce(nonce, client_nonce))
		return imap_error_set(error, IMAP_ERROR_PROTOCOL,
		    "server's SCRAM nonce does not extend ours: replay?");
	if (!is_iteration_count(count))
		return imap_error_set(error, IMAP_ERROR_UNSUPPORTED,
		    "server wants \"%s\" SCRAM iterations, accepted are "
		    "%d to %d",
		    imap_error_printable(count, 12, shown, sizeof(shown)),
		    SASL_MIN_ITERATIONS, SASL_MAX_ITERATIONS);
	return check_extensions(server_first, error);
}

bool
sasl_scram_check_final(struct span server_final, struct imap_error *error)
{
	struct span value;
	char shown[256];

	if (memchr(server_final.at, '\0', server_final.len) != NULL)
		return refuse_malformed(error);
	if (take_attribute(&server_final, 'e', &value))
		return imap_error_set(error, IMAP_ERROR_AUTH,
		    "server refuses the SCRAM login: \"%s\"",
		    imap_error_printable(
			value, SHOWN_BYTES, shown, sizeof(shown)));
	if (!take_attribute(&server_final, 'v', &value) || value.len == 0)
		return imap_error_set(error, IMAP_ERROR_PROTOCOL,
		    "server did not send its SCRAM signature");
	return check_extensions(server_final, error);
}
