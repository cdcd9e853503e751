/*
 * A secret, waited for: from where the configuration or an option says, or
 * asked for at the terminal.
 */
#ifndef DAEMON_CONSOLE_SECRET_H
#define DAEMON_CONSOLE_SECRET_H

#include "conf/settings.h"
#include "libclient/base/imap_error.h"

/* To be freed with mem_free_secret(); NULL and *error if there is none. */
char *console_secret_fetch(
    const struct settings_secret *source, struct imap_error *error);

/* Asks on /dev/tty without showing what is typed. */
char *console_secret_ask(const char *user, struct imap_error *error);

#endif
