/*
 * Where bodies touch the disk: pieces go into files in tmp/ as they come, a
 * FETCH gives the file its message, and finished files wait for the commit.
 */
#ifndef DAEMON_LANDING_H
#define DAEMON_LANDING_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/maildir.h"
#include "libclient/imap.h"

/* Bodies that may be open at once: a server has one reason for one. */
#define LANDING_MAX_BODIES 4

/* One body between its first piece and its FETCH. */
struct landing_body {
	uint32_t id; /* 0: free */
	int fd;
	uint64_t total;
	uint64_t received;
	bool ends_in_cr; /* the last piece did: its LF may follow */
	char tmp_name[MAILDIR_TMP_NAME_SIZE];
};

/* Those of one connection, whose ids they have; all zero is none. */
struct landing_bodies {
	struct landing_body items[LANDING_MAX_BODIES];
};

struct landing {
	struct maildir *maildir; /* borrowed */
	bool keeps_crlf;
	struct maildir_arrival *arrivals; /* finished, not yet committed */
	uint32_t arrival_count;
	uint32_t arrival_size;
	uint64_t arrival_bytes;
	struct uidset landed; /* UIDs of .arrivals */
	char *scratch; /* for line endings */
};

void landing_init(struct landing *landing, bool keeps_crlf);

/* Removes uncommitted files; no connection has bodies any more. */
void landing_free(struct landing *landing);

/* A piece came. False and *error (LOCAL): the disk took it not. */
bool landing_piece(struct landing *landing, struct landing_bodies *bodies,
    uint32_t id, struct span piece, uint64_t total, struct imap_error *error);

/*
 * A FETCH names the body: it becomes an arrival if it is complete and its
 * message not landed already. Returns true if it did.
 */
bool landing_name(struct landing *landing, struct landing_bodies *bodies,
    uint32_t id, const struct maildir_message *message);

/* The EMAILID of the message that was named last. */
void landing_note_emailid(struct landing *landing, struct span emailid);
void landing_note_modseq(struct landing *landing, uint64_t modseq);

/* An arrival whose file is in tmp/ already; copied. */
void landing_add(
    struct landing *landing, const struct maildir_arrival *arrival);

/* Drops bodies that no FETCH has named (wanted: the one with this id). */
void landing_drop(
    struct landing *landing, struct landing_bodies *bodies, uint32_t id);
void landing_drop_all(struct landing *landing, struct landing_bodies *bodies);

/* Moves the arrivals out: the caller frees *arrivals. Returns their number. */
uint32_t landing_take(
    struct landing *landing, struct maildir_arrival **arrivals);

#endif
