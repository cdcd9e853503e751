/*
 * What account.c (life), account_pool.c (connections) and account_folders.c
 * (mailboxes and polling) share; nobody else includes it.
 */
#ifndef DAEMON_ACCOUNT_PRIVATE_H
#define DAEMON_ACCOUNT_PRIVATE_H

#include "daemon/account.h"
#include "daemon/log.h"
#include "daemon/secret.h"

/* Connections lost before `sync` ends. */
#define ACCOUNT_ONCE_ATTEMPTS 3

/* One connection, free or lent to a folder. */
struct connection {
	struct connection *next;
	struct account *account;
	struct imap *imap;
	struct folder *folder; /* whose it is; NULL: free, or the account's */
	bool is_ready;
	bool is_busy; /* with the account's own questions */
	bool is_leaving; /* LOGOUT was sent */
};

/* A folder and its place in the queue for connections. */
struct seat {
	struct seat *next; /* in the order of `folders` */
	struct folder *folder;
	struct connection *connection;
	uint64_t ticket; /* 0: it does not wait */
	bool is_gone; /* from the server */
	bool is_seen; /* by the LIST that is being read */
};

struct account {
	struct account_config config;
	const struct settings_account *settings;
	struct log_subject subject;
	struct trace trace;
	struct folder_config folder_config;

	/* the disk */
	struct maildir_root *root;
	struct state *state;
	bool is_open; /* root and state are */
	unsigned jobs;

	/* the secret */
	struct secret *fetching;
	char *secret;
	bool has_secret;
	unsigned refusals; /* of the login, in a row */

	/* the server */
	struct tls_context *tls_context;
	struct connection *connections;
	uint32_t limit; /* of connections: as set, or as learned */
	uint64_t limit_until; /* when a learned one is forgotten */
	unsigned failures; /* connections that could not be made, in a row */
	uint64_t retry_at;
	uint64_t reconnects;
	uint64_t bytes_in; /* of connections that are gone */
	sd_event_source *retry_timer;
	sd_event_source *serve_later;
	struct imap_error error;
	enum imap_error_kind failure; /* the first one */

	/* the mailboxes */
	struct seat *seats;
	struct seat **seats_tail;
	uint64_t last_ticket;
	bool is_listed;
	bool wants_poll;
	struct connection *poller; /* answers LIST and STATUS */
	uint64_t list_serial;
	uint64_t poll_serial; /* of the NOOP behind everything */
	struct imap_error list_error; /* LIST's refusal */
	struct mailboxes listing; /* while it is read */
	struct mailboxes chosen;
	sd_event_source *poll_timer;

	bool was_ready; /* a login succeeded */
	bool is_started;
	bool is_stopping;
	bool is_finished;
};

/* ---- account.c ---- */

/* Nothing can be had from the server now: wait, or give up. */
void account_back_off(struct account *account, const struct imap_error *error);
/* Gives up for good: every folder is told. */
void account_give_up(struct account *account, const struct imap_error *error);
void account_changed(struct account *account);

/* ---- account_pool.c ---- */

extern const struct folder_host account_host;

/* Gives connections to who waits for one, from the loop. */
void account_serve(struct account *account);
int account_on_serve(sd_event_source *source, void *user);
void account_drop_connections(struct account *account, bool says_goodbye);
void account_drop_last(struct account *account);
uint32_t account_connection_count(const struct account *account);

/* ---- account_folders.c ---- */

/* Sends LIST and STATUS on a connection. */
void account_poll(struct account *account, struct connection *connection);
/* An event that may be an answer to them; true if it was. */
bool account_take_answer(struct account *account, struct connection *connection,
    const struct imap_event *event);
void account_poll_lost(
    struct account *account, const struct connection *connection);
int account_on_poll(sd_event_source *source, uint64_t at, void *user);
struct seat *account_seat(struct account *account, const struct folder *folder);
void account_assign_idle(struct account *account);

#endif
