/*
 * Bars on a terminal while mail is fetched for the first time (or, by `sync`,
 * at all). They stand below what is written to standard error, and make way
 * for it.
 */
#ifndef DAEMON_PROGRESS_H
#define DAEMON_PROGRESS_H

#include <systemd/sd-event.h>

#include "daemon/account.h"

struct progress;

/*
 * NULL: standard error is no terminal, or one that cannot move its cursor; all
 * of the following take that. gather: adds the accounts there are. Before
 * there are threads.
 */
struct progress *progress_new(sd_event *loop,
    void (*gather)(void *user, struct progress *progress), void *user);

/* Clears what is shown; returns NULL. */
struct progress *progress_free(struct progress *progress);

void progress_add(struct progress *progress, const struct account *account);

/* Something is another than it was: it is drawn, soon. */
void progress_changed(struct progress *progress);

/* Others write to the terminal now; it comes back by itself. */
void progress_hide(struct progress *progress);

/* ... and does not. */
void progress_end(struct progress *progress);

#endif
