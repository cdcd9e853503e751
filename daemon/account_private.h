/*
 * What the files of an account share: account.c (life), account_pool.c
 * (connections), account_seat.c (folders in their order), account_poll.c (LIST
 * and STATUS), account_folders.c (what LIST told becomes folders),
 * account_gone.c (mailboxes that are not there any more), account_notify.c,
 * account_facts.c (what was learned) and account_probe.c (is the server still
 * there?). Nobody else includes it.
 */
#ifndef DAEMON_ACCOUNT_PRIVATE_H
#define DAEMON_ACCOUNT_PRIVATE_H

#include "daemon/account.h"
#include "daemon/heartbeat.h"
#include "daemon/log.h"
#include "daemon/secret.h"
#include "daemon/spanmap.h"

/* Connections lost before `sync` ends. */
#define ACCOUNT_ONCE_ATTEMPTS 3

/* One connection, free or lent to a folder. */
struct connection {
	struct connection *next;
	struct account *account;
	struct imap *imap;
	struct seat *seat; /* whose it is; NULL: free, or the account's */
	bool is_ready;
	bool is_busy; /* with the account's own questions */
	bool is_leaving; /* LOGOUT was sent */
	uint64_t free_since; /* 0: it is used, or nobody looked yet */
	uint64_t began; /* when it became ready */
	struct heartbeat heartbeat;
};

/* A folder and its place in the queue for connections. */
struct seat {
	struct account *account;
	struct folder *folder;
	struct connection *connection;
	uint32_t place; /* among the account's seats */
	struct seat *next_waiting;
	bool is_queued; /* is in the queue */
	bool is_waiting; /* ... and still wants a connection */
	bool is_gone; /* from the server */
	bool is_seen; /* by the LIST that is being read */
	bool is_covered; /* NOTIFY told of it */
	bool is_removed; /* goes as soon as nobody looks */
	/* What STATUS told while the folder was busy. */
	struct imap_status status;
	bool has_status;
};

/* A mailbox that an earlier run knew. */
struct remembered {
	char *mailbox;
	size_t mailbox_len;
	char *path; /* or NULL */
};

struct account_remembered {
	struct remembered *items;
	uint32_t count;
	uint32_t size;
};

/* What is remembered of a server; 0: nothing is. */
enum fact {
	FACT_NO_LIST_STATUS, /* when that was seen, in Unix seconds */
	FACT_NO_NOTIFY,
	FACT_IDLE, /* seconds */
	FACT_IDLE_SINCE,
	FACT_QUIRKS, /* enum quirk */
	FACT_COUNT
};

/* A mailbox that is new here, and what STATUS told of it. */
struct newcomer {
	uint32_t chosen; /* its place in account.chosen */
	struct imap_status status;
	char mailboxid[IMAP_MAILBOXID_SIZE];
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
	struct account_remembered remembered; /* until the first LIST */
	int64_t facts[FACT_COUNT];
	uint64_t idle_limit; /* learned; 0: none */

	/* the secret */
	struct secret *fetching;
	char *secret;
	bool has_secret;
	unsigned refusals; /* of the login, in a row */

	/* the server */
	uint32_t quirks; /* a mask of enum quirk */
	struct tls_context *tls_context;
	struct connection *connections;
	uint32_t limit; /* of connections: as set, or as learned */
	uint64_t limit_until; /* when a learned one is forgotten */
	unsigned failures; /* connections that could not be made, in a row */
	uint64_t retry_at;
	uint64_t reconnects;
	uint64_t bytes_in; /* of connections that are gone */
	sd_event_source *retry_timer;
	sd_event_source *beat_timer; /* a heartbeat may be overdue */
	uint64_t disturbed; /* when the network was last another */
	sd_event_source *serve_later;
	struct imap_error error;
	enum imap_error_kind failure; /* the first one */

	/* the folders */
	struct seat **seats; /* in the order of `folders`, as far as they came
			      * together */
	uint32_t seat_count;
	uint32_t seat_size;
	struct spanmap seat_index; /* by their mailboxes' bytes */
	struct seat *waiting; /* the queue for connections */
	struct seat *last_waiting;
	uint32_t loud; /* a seat that was not quiet when last looked at */

	/* the mailboxes */
	bool is_listed;
	bool has_idle; /* the server offers it */
	bool has_notify;
	bool no_notify; /* ... and does not do it */
	bool wants_poll;
	struct connection *poller; /* answers LIST and STATUS */
	uint64_t list_serial;
	uint64_t poll_serial; /* of the NOOP behind everything */
	bool lists_status; /* the LIST asked for STATUS, too */
	bool no_list_status; /* which this server does not do */
	struct imap_error list_error; /* LIST's refusal */
	struct mailboxes listing; /* while it is read */
	uint32_t listed; /* mailboxes that the last one had */
	struct mailboxes chosen;
	sd_event_source *poll_timer;

	/* NOTIFY */
	uint32_t notified; /* mailboxes that are to be watched by it */
	struct connection *notifier; /* has nothing selected, and hears of all */
	bool is_notified; /* the server agreed */
	uint64_t notify_serial; /* of NOTIFY SET */
	uint64_t notify_began;
	bool notify_is_due; /* is to be set as soon as the poll has ended */
	unsigned notify_level;
	unsigned notify_faults; /* in a row */
	sd_event_source *notify_timer; /* renews its IDLE */
	sd_event_source *linger_timer;

	/* those that are new, and those that are missing */
	struct newcomer *newcomers;
	uint32_t newcomer_count;
	bool asks_newcomers; /* STATUS of them is on its way */
	struct reconciling *reconciling; /* until the disk has followed */

	bool was_ready; /* a login succeeded */
	bool is_started;
	bool is_stopping;
	bool is_finished;
};

/* ---- account.c ---- */

/* Nothing can be had from the server now: wait, or give up. */
void account_back_off(struct account *account, const struct imap_error *error);
/* Cuts that wait short. */
void account_retry(struct account *account);
/* Gives up for good: every folder is told. */
void account_give_up(struct account *account, const struct imap_error *error);
void account_changed(struct account *account);

/* ---- account_seat.c ---- */

/* Places of seats, for all of them. */
#define account_each_seat(account, seat)                                      \
	for (uint32_t place_ = 0; place_ < (account)->seat_count &&           \
	     ((seat) = (account)->seats[place_], true);                       \
	     place_++)

/* A folder for the mailbox, not yet awake. */
struct seat *account_add_seat(
    struct account *account, const struct folder_mailbox *mailbox);
/* Another mailbox takes the seat; its folder has to be quiet. */
void account_reseat(struct seat *seat, const struct folder_mailbox *mailbox);
/* Takes away those that are removed, whose folders have to be quiet, and finds
 * all by their mailboxes again: right behind account_reseat(), unless it was
 * for a mailbox of the same name. */
void account_settle_seats(struct account *account);
/* The same, but those that are removed stay. */
void account_index_seats(struct account *account);
void account_free_seats(struct account *account);
struct seat *account_find_seat(struct account *account, struct span mailbox);

void account_queue(struct account *account, struct seat *seat);
/* The one that waits longest, or NULL. */
struct seat *account_first_waiting(struct account *account);

/* STATUS of its mailbox came: the folder looks, now or when it is free. */
void account_seat_told(struct seat *seat, const struct imap_status *status);
/* The folder's state changed. */
void account_seat_changed(struct seat *seat);

bool account_seats_are_quiet(struct account *account);

/* ---- account_pool.c ---- */

extern const struct folder_host account_host;

/* Gives connections to who waits for one, from the loop. */
void account_serve(struct account *account);
int account_on_serve(sd_event_source *source, void *user);
void account_drop_connections(struct account *account, bool says_goodbye);
void account_drop_last(struct account *account);
void account_drop(struct account *account, struct connection *connection);
uint32_t account_connection_count(const struct account *account);

/* ---- account_poll.c ---- */

/* Sends LIST and STATUS on a connection. */
void account_poll(struct account *account, struct connection *connection);
/* The poll has ended, and all that follows from it. */
void account_poll_done(struct account *account);
/* ... or its connection is not needed for what follows. */
void account_release_poller(struct account *account);
/* Asks for STATUS of the newcomers on the connection that polls. */
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
/* Makes folders of those newcomers that have none. */
void account_add_newcomers(struct account *account);
void account_assign_watch(struct account *account);
/* True if a name of the command line means the mailbox or the path. */
bool account_names(const struct account *account, const char *name);

/* ---- account_notify.c ---- */

/* True if a connection is to be given to account_notify_begin(). */
bool account_wants_notify(const struct account *account);
void account_notify_begin(
    struct account *account, struct connection *connection);
/* The mailboxes are others: what does it tell of now? */
void account_notify_renew(struct account *account);
/* Its connection was used for something else, and is free again. */
void account_notify_resume(struct account *account);
/* Its connection can be asked something. */
bool account_notify_is_idle(const struct account *account);
/* Its connection is needed for something else. */
void account_notify_end(struct account *account);
/* ... or is lost. */
void account_notify_lost(struct account *account);
/* An event of its connection; false if it is not. */
bool account_notify_take(struct account *account, struct connection *connection,
    const struct imap_event *event);
int account_on_notify(sd_event_source *source, uint64_t at, void *user);
/* False: a free connection that has waited long enough. */
bool account_lingers(struct account *account, struct connection *connection);
int account_on_linger(sd_event_source *source, uint64_t at, void *user);

/* Has its connection say something, and idle on. */
void account_notify_probe(struct account *account);

/* ---- account_probe.c ---- */

/* Every connection has to show that it lives. */
void account_probe(struct account *account, uint64_t patience);
/* An event came on a connection. */
void account_heard(struct account *account, struct connection *connection,
    const struct imap_event *event);
int account_on_beat(sd_event_source *source, uint64_t at, void *user);

/* ---- account_facts.c ---- */

/* On the disk lane. */
void account_load_facts(struct state *state,
    const struct settings_account *settings, int64_t facts[FACT_COUNT]);
void account_use_facts(struct account *account);
/* no_list_status or no_notify have changed. */
void account_note_facts(struct account *account);
/* How long IDLE may last: as set, or less, as learned. */
uint64_t account_idle_refresh(const struct account *account);
/* A connection was dead when the server had been silent for so long. */
void account_learn_silence(struct account *account, uint64_t silence);

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
