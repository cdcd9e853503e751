/*
 * What the daemon says of itself in one line, for people: systemd's STATUS=.
 */
#ifndef DAEMON_STATUS_H
#define DAEMON_STATUS_H

#include <stdint.h>

#include "daemon/account.h"

/* All zero at first; accounts are added one by one. */
struct status {
	uint32_t accounts;
	uint32_t folders;
	uint32_t idling; /* folders with an IDLE of their own, at rest */
	uint32_t notified; /* folders that NOTIFY tells of, at rest */
	uint32_t polled; /* folders without push, at rest */
	uint32_t working; /* folders that are being made the same */
	uint32_t failing; /* folders with an error */
	uint64_t messages;
	const char *trouble_account; /* the first account in trouble */
	const char *trouble;
};

void status_add(struct status *status, const struct account *account);

/* "watching 12 folders by IDLE, 0 by NOTIFY, 3 by polling, ..."; to be freed.
 */
char *status_line(const struct status *status);

#endif
