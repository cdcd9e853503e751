/*
 * What systemd is told: readiness, the status line, reloads, the watchdog.
 * Everything does nothing when the process was not started by systemd.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <systemd/sd-event.h>

/* WATCHDOG=1 from the loop itself from now on, if the unit asks for it. */
void notify_watchdog(sd_event *loop);

void notify_ready(void);
/* RELOADING=1 with MONOTONIC_USEC=; notify_ready() ends it. */
void notify_reloading(void);
void notify_stopping(void);

/* STATUS=, sent only when the text differs from the last one. */
void notify_status(const char *text);

#endif
