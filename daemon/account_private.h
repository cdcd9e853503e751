/*
 * What the files of an account share: the account itself and its connections;
 * a header for each part has what it does. Nobody else includes these.
 */
#ifndef DAEMON_ACCOUNT_PRIVATE_H
#define DAEMON_ACCOUNT_PRIVATE_H

#include "daemon/account.h"
#include "daemon/account_hand.h"
#include "daemon/account_learned.h"
#include "daemon/account_notify.h"
#include "daemon/account_poll.h"
#include "daemon/account_pool.h"
#include "daemon/account_seat.h"
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
	struct folder_hand *hand; /* ... or a folder's second one */
	bool is_extra; /* opened for that alone */
	bool is_ready;
	bool is_early; /* ... for all that is known; the login may fail yet */
	bool is_busy; /* with the account's own questions */
	bool is_leaving; /* LOGOUT was sent */
	uint64_t hear_serial; /* of NOTIFY's end */
	uint64_t free_since; /* 0: it is used, or nobody looked yet */
	uint64_t began; /* when it became ready */
	struct heartbeat heartbeat;
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
	char *secret; /* in the vault; NULL: the settings have it */
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
	uint64_t throttled_until; /* the server said later; 0: it did not */
	unsigned throttles; /* in a row */
	const char **disabled; /* capabilities, set or for a quirk */
	uint32_t disabled_count;
	uint64_t disturbed; /* when the network was last another */
	sd_event_source *serve_later;
	struct imap_error error;
	struct imap_error told; /* what of it the log has; NONE: it is well */
	enum imap_error_kind failure; /* the first one */

	/* the folders */
	struct seat **seats; /* in the order of `folders`, as far as they came
			      * together */
	uint32_t seat_count;
	uint32_t seat_size;
	struct spanmap seat_index; /* by their mailboxes' bytes */
	/* who waits for a connection: what was the same as the server's before
	 * has news, and goes before what is only to be filled */
	struct seat *early; /* began before LIST told of it; NULL: none */
	struct seat_queue news;
	struct seat_queue fillings;
	uint32_t loud; /* a seat that was not quiet when last looked at */

	/* the mailboxes */
	bool is_listed;
	bool has_idle; /* the server offers it */
	bool has_notify;
	bool no_notify; /* ... and does not do it */
	bool wants_poll;
	struct connection *poller; /* answers LIST and STATUS */
	uint64_t polls_since; /* the next one has to be newer; 0: any will do */
	uint64_t list_serial;
	uint64_t poll_serial; /* of the NOOP behind everything */
	bool lists_status; /* the LIST asked for STATUS, too */
	bool no_list_status; /* which this server does not do */
	struct imap_error list_error; /* LIST's refusal */
	struct mailboxes listing; /* while it is read */
	uint32_t listed; /* mailboxes that the last one had */
	bool is_doubtful; /* most of what there was is not in it */
	struct mailboxes chosen;
	sd_event_source *poll_timer;

	/* NOTIFY */
	uint32_t notified; /* mailboxes that are to be watched by it */
	struct connection
	    *notifier; /* has nothing selected, and hears of all */
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
	bool has_lost; /* a connection, and none was made since */
	bool is_started;
	bool is_stopping;
	bool is_finished;
};

#endif
