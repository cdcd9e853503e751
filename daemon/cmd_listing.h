/*
 * The mailboxes of an account, for the commands that ask the server
 * themselves: which there are, and which of them are mirrored, to where.
 */
#ifndef DAEMON_CMD_LISTING_H
#define DAEMON_CMD_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/cmd_session.h"
#include "daemon/mailboxes.h"
#include "daemon/state.h"

struct cmd_mailbox {
	struct mailbox mailbox; /* its strings are its own */
	unsigned has; /* enum imap_status_item, of the next two */
	uint32_t messages;
	uint64_t size;
	bool cannot_open; /* \Noselect */
	bool is_mirrored;
};

/* In the order of LIST. All zero is empty. */
struct cmd_listing {
	struct cmd_mailbox *items;
	uint32_t count;
	uint32_t size;
	struct spanmap index; /* of their bytes */
};

/*
 * Asks; with_status: also how many messages there are and, where the server
 * tells, what they weigh. Returns EX_OK, or the code to exit with, as
 * cmd_session_fail() does.
 */
int cmd_listing_ask(struct cmd_listing *listing,
    const struct cmd_session *session, bool with_status);

void cmd_listing_free(struct cmd_listing *listing);

/* A mailbox's name as the server has it. */
struct span cmd_listing_bytes(const struct mailbox *mailbox);

/* Where a mailbox is, below the Maildir's root; to be freed. state: NULL if
 * there is none. */
char *cmd_listing_path(struct state *state,
    const struct settings_account *settings, const struct mailbox *mailbox);

#endif
