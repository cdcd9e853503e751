/*
 * Where the password or token comes from: the settings, a file, a credential
 * of systemd, or a command's first line. Never blocks: commands get 30 s.
 */
#ifndef DAEMON_SECRET_H
#define DAEMON_SECRET_H

#include <systemd/sd-event.h>

#include "conf/settings.h"
#include "daemon/runner.h"
#include "libclient/base/imap_error.h"

struct secret;

/* secret: to be used at once (wiped after the call), or NULL and *error
 * (AUTH: the command or file did not give one, CONFIG). */
typedef void secret_handler(
    void *user, const char *secret, const struct imap_error *error);

/*
 * Fetches the secret; ends in exactly one call of the handler, from the loop.
 * A command runs as `/bin/sh -c` in its own process group with stdin
 * /dev/null, stderr inherited; its exit status must be 0; what it prints is
 * never logged. The runner's helper runs it, if there is a runner. With no
 * source at all the secret is "" (EXTERNAL, ANONYMOUS, tunnels).
 */
struct secret *secret_fetch(sd_event *loop, struct runner *runner,
    const struct settings_secret *source, secret_handler *handler, void *user);

/* Gives up (kills the command's group), wipes; NULL ok; returns NULL. */
struct secret *secret_free(struct secret *secret);

#endif
