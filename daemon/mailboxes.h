/*
 * Which of the server's mailboxes are mirrored, in which order, and which of
 * them get push. Pure.
 */
#ifndef DAEMON_MAILBOXES_H
#define DAEMON_MAILBOXES_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "daemon/spanmap.h"
#include "libclient/imap.h"

/* The most mailboxes that a server may list, the longest name, and the bytes
 * of all names together. */
#define MAILBOXES_MAX	    20000
#define MAILBOXES_MAX_NAME  1024
#define MAILBOXES_MAX_BYTES 4194304

/* How what happens in a mailbox is heard of. */
enum mailbox_watch {
	MAILBOX_POLLED,
	MAILBOX_IDLED, /* by an IDLE of its own */
	MAILBOX_NOTIFIED /* with the others, by NOTIFY */
};

struct mailbox {
	char *bytes; /* as commands take it */
	size_t bytes_len;
	char *name; /* UTF-8, or the bytes made printable */
	bool is_valid;
	char delimiter;
	unsigned flags; /* enum imap_list_flag */
	uint32_t order; /* of the pattern that chose it */
	enum mailbox_watch watch;
	uint32_t messages; /* as LIST-STATUS told; 0: also if it did not */
	bool is_watched; /* it is to get push, if that can be had */
	bool is_unnotified; /* NOTIFY was set, and does not tell of it */
};

/* What the server and the limit of connections allow. */
struct mailboxes_push {
	uint32_t connections;
	bool has_idle;
	bool has_notify;
};

struct mailboxes {
	struct mailbox *items;
	uint32_t count;
	uint32_t size;
	size_t bytes; /* of all names */
	bool is_cut; /* the server lists more than are kept */
	struct spanmap index; /* of their bytes */
};

/* Adds what LIST told; mailboxes that cannot be opened and repetitions are
 * left out. */
void mailboxes_add(struct mailboxes *all, const struct imap_list *list);

/* Keeps only what `folders` and `exclude` choose, in the order of `folders`. */
void mailboxes_choose(
    struct mailboxes *all, const struct settings_account *settings);

/*
 * Says how each is watched. With NOTIFY one connection watches all that
 * `watch` names and a second one fetches; a third one is the first folder's
 * own, for an IDLE is told sooner. Without it, and of what NOTIFY does not
 * tell, the first ones get an IDLE as far as the connections go.
 */
void mailboxes_assign_watch(struct mailboxes *chosen,
    const struct settings_account *settings, struct mailboxes_push push);

/* "IDLE", "NOTIFY", "poll" */
const char *mailbox_watch_name(enum mailbox_watch watch);

/* A name's bytes as they are kept: the INBOX in any case is "INBOX". */
struct span mailboxes_key(struct span bytes);

/* True if a mailbox has this name, in UTF-8; INBOX's in any case. */
bool mailboxes_is_named(const struct mailbox *mailbox, const char *name);

/* The special uses among LIST's flags, "\\Sent", one a call: i from 0 on, until
 * NULL. */
const char *mailboxes_special_use(unsigned flags, uint32_t i);

/* The one of these bytes, or NULL. */
struct mailbox *mailboxes_find(struct mailboxes *list, struct span bytes);

void mailboxes_free(struct mailboxes *list);

#endif
