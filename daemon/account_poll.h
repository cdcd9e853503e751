/*
 * LIST and STATUS, and what follows from them: folders that are new, and
 * mailboxes that are missing. For the files of an account.
 */
#ifndef DAEMON_ACCOUNT_POLL_H
#define DAEMON_ACCOUNT_POLL_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "daemon/state.h"
#include "libclient/imap.h"

struct account;
struct connection;
struct seat;

/* A mailbox that an earlier run knew. */
struct remembered {
	char *mailbox;
	size_t mailbox_len;
	char *path; /* or NULL */
	bool is_missing; /* from the last listing */
};

struct account_remembered {
	struct remembered *items;
	uint32_t count;
	uint32_t size;
};

/* A mailbox that is new here, and what STATUS or EXAMINE told of it. */
struct newcomer {
	uint32_t chosen; /* its place in account.chosen */
	uint64_t serial; /* of EXAMINE; 0: none */
	struct seat *seat; /* its folder, once there is one */
	struct imap_status status;
	char mailboxid[IMAP_MAILBOXID_SIZE];
};

/* ---- account_poll.c ---- */

/* Sends LIST and STATUS on a connection. */
void account_poll(struct account *account, struct connection *connection);
/* Its connection polls better when the folder has left it. */
bool account_polls_alone(const struct seat *seat);
/* The poll has ended, and all that follows from it. */
void account_poll_done(struct account *account);
/* ... or its connection is not needed for what follows. */
void account_release_poller(struct account *account);
/* Asks what the newcomers are like on the connection that polls. */
void account_ask_newcomers(struct account *account);
/* An event that may be an answer to them; true if it was. */
bool account_take_answer(struct account *account, struct connection *connection,
    const struct imap_event *event);
void account_poll_lost(
    struct account *account, const struct connection *connection);
int account_on_poll(sd_event_source *source, uint64_t at, void *user);

/* ---- account_folders.c ---- */

/* The listing is whole: what is new, what is missing? */
void account_use_listing(
    struct account *account, const struct capabilities *capabilities);
/* STATUS of the newcomers has come. */
void account_use_newcomers(struct account *account);
/* True if the command line names it, or names none. */
bool account_selects(
    const struct account *account, const struct mailbox *mailbox);
/* Makes folders of those newcomers that have none. */
void account_add_newcomers(struct account *account);
void account_assign_watch(struct account *account);
/* True if a name of the command line means the mailbox or the path. */
bool account_names(const struct account *account, const char *name);

/* ---- account_gone.c ---- */

/* On the disk lane: what earlier runs knew. */
void account_remember(struct state *state, struct account_remembered *all);
void account_forget_remembered(struct account_remembered *all);

/*
 * Mailboxes are missing (their seats are not seen, or they are remembered):
 * they were renamed to newcomers, or they are gone. Stops their folders; when
 * these are quiet the disk follows, and account_add_newcomers() is called.
 */
void account_reconcile(struct account *account);
/* A folder has become quiet, perhaps. */
void account_reconcile_next(struct account *account);
void account_reconcile_drop(struct account *account);

#endif
