/*
 * What follows from settings without a look at anything else; a part of
 * conf/settings.h.
 */
#ifndef CONF_SETTINGS_ABOUT_H
#define CONF_SETTINGS_ABOUT_H

#include <stdbool.h>

struct settings_account;

/* True for 127.0.0.0/8, ::1 and "localhost". */
bool settings_is_loopback(const char *host);

/* True if nothing that is said to the server leaves this machine. A proxy's
 * loopback is anywhere. */
bool settings_is_near(const struct settings_account *account);

/* True for the domain and what is below it; a final dot is nothing. */
bool settings_is_host_in(const char *host, const char *domain);

/* A list of nothing but token mechanisms says that the secret is a token. */
bool settings_wants_token(const struct settings_account *account);

#endif
