/*
 * What must be remembered between runs, in one SQLite database an account.
 * Losing it loses nothing. Opened, used and closed on the DISK lane only.
 */
#ifndef DAEMON_STATE_H
#define DAEMON_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/state_message.h"
#include "libclient/base/buf.h"
#include "libclient/base/imap_error.h"
#include "libclient/wire/uidset.h"

#define STATE_OBJECTID_SIZE 256 /* with NUL; RFC 8474 */

/* One mirrored mailbox. */
struct state_folder {
	uint32_t uidvalidity; /* 0: never synced */
	uint32_t uidnext; /* highest UIDNEXT seen */
	uint64_t highestmodseq;
	/* The generation before, whose files are still there; 0: none. */
	uint32_t stale_uidvalidity;
	bool is_held; /* by delete_guard */
	bool is_gone; /* vanished from the server */
	int64_t last_full; /* comparison of everything: Unix seconds, or 0 */
	/* When new/ and cur/ had last changed, all as the rows say; or 0. */
	int64_t new_ns;
	int64_t cur_ns;
	/* MAILBOXID, RFC 8474; "": unknown, and in a change: as it was. */
	char mailboxid[STATE_OBJECTID_SIZE];
};

/*
 * Opens DIR/ACCOUNT.db, creating both (0700, 0600). A file that is not a
 * database of ours, is damaged or comes from a newer version is moved aside to
 * ACCOUNT.db.broken (said in *note, to be freed, else NULL) and a new one made:
 * it can be rebuilt. is_durable: commits reach the disk (WAL,
 * synchronous=FULL), else synchronous=OFF. NULL and *error: LOCAL, or BUSY
 * when another process writes it. May be used by another thread than the one
 * that opened it, but never by two at a time.
 */
struct state *state_open(const char *dir, const char *account, bool is_durable,
    char **note, struct imap_error *error);
struct state *state_close(struct state *state);

/*
 * Opens what another process may be writing, to look at it: nothing is made,
 * changed or put aside. NULL without an *error: there is none that could be
 * used.
 */
struct state *state_view(
    const char *dir, const char *account, struct imap_error *error);

/*
 * The path remembered for a mailbox (bytes as the server sends them), or
 * NULL; to be freed. A mailbox's path never changes.
 */
char *state_path(struct state *state, struct span mailbox);
/*
 * Remembers it. False: another mailbox has that path, or this mailbox has
 * another one (LOCAL, "path taken").
 */
bool state_set_path(struct state *state, struct span mailbox, const char *path,
    struct imap_error *error);
/* The mailbox that has a path, to be freed, or NULL. */
char *state_path_owner(struct state *state, const char *path);

/* A mailbox's row; zeroes when there is none. */
bool state_load_folder(struct state *state, struct span mailbox,
    struct state_folder *folder, struct imap_error *error);

/* A change of one mailbox, applied as one transaction; parts may be empty. */
struct state_change {
	struct span mailbox;
	const struct state_folder *folder; /* NULL: as it was */
	bool forget_messages; /* first: another UIDVALIDITY */
	bool forget_retired;
	bool swap_retired; /* then: the retired ones are the present ones */
	const struct state_message *retired; /* then: put among the retired */
	uint32_t retired_count;
	const struct uidset *removed; /* NULL: none */
	const struct state_message *put; /* inserted or replaced */
	uint32_t put_count;
	const struct uidset *admitted; /* no longer withheld; NULL: none */
	const struct state_withheld *withheld; /* inserted or replaced */
	uint32_t withheld_count;
};
bool state_apply(struct state *state, const struct state_change *change,
    struct imap_error *error);

/* Calls found() for each mailbox with a row; path is NULL if it has none. */
bool state_each_folder(struct state *state,
    void (*found)(void *user, struct span mailbox, const char *path,
	const struct state_folder *folder),
    void *user, struct imap_error *error);

/*
 * The server renamed a mailbox: its rows go to the new name and path. False
 * (LOCAL) when another mailbox has the path or the new name was synced before.
 */
bool state_rename_folder(struct state *state, struct span mailbox,
    struct span to, const char *path, struct imap_error *error);
/* Forgets a mailbox, its path and its messages. */
bool state_forget_folder(
    struct state *state, struct span mailbox, struct imap_error *error);

/*
 * What was learned about the server, by name. Returns a copy, to be freed, or
 * NULL; setting NULL forgets it.
 */
char *state_get_fact(struct state *state, const char *name);
bool state_set_fact(struct state *state, const char *name, const char *value,
    struct imap_error *error);

#endif
