/*
 * The strongest way in that both sides allow, and no cleartext in the open.
 */
#include "libclient/proto/login_choice.h"

#include <string.h>

uint32_t
login_choices(const struct login_config *config,
    const struct capabilities *offered,
    const struct sasl_credentials *credentials)
{
	uint32_t mask = config->mechanisms & offered->mechanisms;

	mask = sasl_usable(mask, credentials);
	if (config->is_confidential)
		return mask;
	for (unsigned i = 0; i < MECHANISM_COUNT; i++)
		if (sasl_is_cleartext((enum mechanism)i))
			mask &= ~(1u << i);
	return mask;
}

bool
login_choice_command(
    const struct login_config *config, const struct capabilities *offered)
{
	uint32_t plain = 1u << MECHANISM_PLAIN | 1u << MECHANISM_LOGIN;

	return (config->mechanisms & plain) != 0 &&
	    sasl_usable(plain, &config->credentials) != 0 &&
	    config->is_confidential &&
	    !capabilities_have(offered, CAPABILITY_LOGINDISABLED);
}

bool
login_choice_failure(const struct login_config *config,
    const struct capabilities *offered, struct imap_error *error)
{
	char names[200] = "";
	size_t used = 0;

	for (unsigned i = 0; i < MECHANISM_COUNT; i++) {
		const char *name = mechanism_name((enum mechanism)i);
		size_t len = strlen(name);

		if ((offered->mechanisms >> i & 1) == 0 ||
		    used + len + 2 > sizeof(names))
			continue;
		names[used++] = ' ';
		memcpy(names + used, name, len + 1);
		used += len;
	}
	return imap_error_set(error,
	    config->is_confidential ? IMAP_ERROR_AUTH : IMAP_ERROR_UNSUPPORTED,
	    "no way to log in: the server offers%s%s, none of which %s",
	    used == 0 ? " no mechanism" : names,
	    capabilities_have(offered, CAPABILITY_LOGINDISABLED)
		? " (LOGINDISABLED)"
		: "",
	    config->is_confidential
		? "fits the settings auth, user and password"
		: "is safe on an unencrypted connection; use TLS");
}
