/*
 * Which of the server's mailboxes are mirrored, in which order, and which of
 * them get push. Pure.
 */
#ifndef DAEMON_MAILBOXES_H
#define DAEMON_MAILBOXES_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "libclient/imap.h"

/* The most mailboxes that a server may list, the longest name, and the bytes
 * of all names together. */
#define MAILBOXES_MAX	    20000
#define MAILBOXES_MAX_NAME  1024
#define MAILBOXES_MAX_BYTES 4194304

struct mailbox {
	char *bytes; /* as commands take it */
	size_t bytes_len;
	char *name; /* UTF-8, or the bytes made printable */
	bool is_valid;
	char delimiter;
	unsigned flags; /* enum imap_list_flag */
	uint32_t order; /* of the pattern that chose it */
	bool has_idle; /* gets push by an IDLE of its own */
	bool is_watched; /* ... or would, if there were connections enough */
};

struct mailboxes {
	struct mailbox *items;
	uint32_t count;
	uint32_t size;
	size_t bytes; /* of all names */
};

/* Adds what LIST told; mailboxes that cannot be opened and repetitions are
 * left out. */
void mailboxes_add(struct mailboxes *all, const struct imap_list *list);

/* Keeps only what `folders` and `exclude` choose, in the order of `folders`. */
void mailboxes_choose(
    struct mailboxes *all, const struct settings_account *settings);

/* Gives an IDLE to the first `connections` of those that `watch` names. */
void mailboxes_assign_idle(struct mailboxes *chosen,
    const struct settings_account *settings, uint32_t connections);

/* The one of these bytes, or NULL. */
struct mailbox *mailboxes_find(struct mailboxes *list, struct span bytes);

void mailboxes_free(struct mailboxes *list);

#endif
