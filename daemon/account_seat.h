/*
 * Folders and their places: found by their mailbox, and in a queue for
 * connections. For the files of an account.
 */
#ifndef DAEMON_ACCOUNT_SEAT_H
#define DAEMON_ACCOUNT_SEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/folder.h"

struct account;
struct connection;

/* Who waits for a connection. */
struct seat_queue {
	struct seat *first;
	struct seat *last;
};

/* A folder and its place in the queue for connections. */
struct seat {
	struct account *account;
	struct folder *folder;
	struct connection *connection;
	uint32_t place; /* among the account's seats */
	struct seat *next_waiting;
	struct seat_queue *queue; /* that it is in, or NULL */
	bool has_yielded; /* its connection to who waits: it is not before it */
	bool is_waiting; /* ... and still wants a connection */
	bool is_gone; /* from the server */
	bool is_seen; /* by the LIST that is being read */
	bool is_covered; /* NOTIFY told of it */
	bool owes_status; /* the poll asked for it, and it has not come */
	bool owed_status; /* nor did it when another connection was asked */
	bool is_removed; /* goes as soon as nobody looks */
	/* What STATUS told while the folder was busy. */
	struct imap_status status;
	bool has_status;
};

/* Places of seats, for all of them. */
#define account_each_seat(account, seat)                            \
	for (uint32_t place_ = 0; place_ < (account)->seat_count && \
	     ((seat) = (account)->seats[place_], true);             \
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

/* The last one in the order of `folders` whose connection only idles. */
struct seat *account_last_idler(struct account *account);

/* STATUS of its mailbox came: the folder looks, now or when it is free. */
void account_seat_told(struct seat *seat, const struct imap_status *status);
/* The folder's state changed. */
void account_seat_changed(struct seat *seat);

bool account_seats_are_quiet(struct account *account);

#endif
