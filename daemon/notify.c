/*
 * sd_notify(3): its failures are ignored, since there is nobody else to tell.
 */
#include "daemon/notify.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#define STATUS_MAX 512

/* The status that systemd has; the process has one. */
static char last_status[STATUS_MAX];

void
notify_watchdog(sd_event *loop)
{
	(void)sd_event_set_watchdog(loop, true);
}

void
notify_ready(void)
{
	(void)sd_notify(false, "READY=1");
}

void
notify_reloading(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
	    (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

void
notify_stopping(void)
{
	(void)sd_notify(false, "STOPPING=1");
}

void
notify_status(const char *text)
{
	char status[STATUS_MAX] = "";

	(void)snprintf(status, sizeof(status), "%s", text);
	/* A newline would begin another assignment. */
	for (char *c = status; *c != '\0'; c++)
		if (iscntrl((unsigned char)*c))
			*c = ' ';
	if (strcmp(status, last_status) == 0)
		return;
	memcpy(last_status, status, sizeof(status));
	(void)sd_notifyf(false, "STATUS=%s", status);
}
