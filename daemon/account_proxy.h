/*
 * The proxy of an account's settings, as the client library takes it.
 */
#ifndef DAEMON_ACCOUNT_PROXY_H
#define DAEMON_ACCOUNT_PROXY_H

#include "conf/settings.h"
#include "libclient/io/proxy.h"

/* Fills *server, which borrows from the settings, and returns it; NULL if there
 * is no proxy. */
const struct proxy_server *account_proxy(
    const struct settings_account *settings, struct proxy_server *server);

#endif
