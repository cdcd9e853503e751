/*
 * Messages in the state database, those that are here and those that are not.
 * Part of state.h; what it says of threads and errors holds here.
 */
#ifndef DAEMON_STATE_MESSAGE_H
#define DAEMON_STATE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"
#include "libclient/base/imap_error.h"

struct state;
struct uidset;

/* One message as last agreed with the server. */
struct state_message {
	uint32_t uid;
	uint32_t flags; /* index.h's bits */
	uint64_t size;
	int64_t date;
	uint64_t modseq; /* 0: unknown */
	/* EMAILID or X-GM-MSGID, which never changes; when put, empty: as it
	 * was. Never told: it is there to be found by. Borrowed, as keywords
	 * are. */
	struct span emailid;
	/* Without a letter, as keywords.h writes them, 64 KiB at most; when
	 * put: .at NULL is as it was. */
	struct span keywords;
};

/* One message that the server has and we have not. */
struct state_withheld {
	uint32_t uid;
	uint64_t size; /* it is too large (max_size); 0: it cannot be had */
	uint32_t tries; /* how often it was asked for in vain */
	int64_t next_try; /* Unix seconds */
};

/* Calls found() for each message row of a mailbox, in order of UID. */
bool state_load_messages(struct state *state, struct span mailbox,
    void (*found)(void *user, const struct state_message *message), void *user,
    struct imap_error *error);

/* The same for the messages that are not here. */
bool state_load_withheld(struct state *state, struct span mailbox,
    void (*found)(void *user, const struct state_withheld *withheld),
    void *user, struct imap_error *error);

/* Where a message is; all of it borrowed. */
struct state_place {
	struct span mailbox;
	const char *path;
	uint32_t uidvalidity; /* of the mailbox's row */
	uint32_t uid;
	uint32_t flags;
	uint64_t size;
	int64_t date;
};

/* Calls found() for each message with this EMAILID, in any mailbox. */
bool state_find_emailid(struct state *state, struct span emailid,
    void (*found)(void *user, const struct state_place *place), void *user,
    struct imap_error *error);

/*
 * Messages of the generation before (another UIDVALIDITY), whose files may be
 * there still: they are told as of .uidvalidity 0, and no other function
 * tells of them. *all: there are some, and each has its EMAILID.
 */
bool state_find_retired(struct state *state, struct span mailbox,
    struct span emailid,
    void (*found)(void *user, const struct state_place *place), void *user,
    struct imap_error *error);
bool state_has_retired(struct state *state, struct span mailbox, bool *all,
    struct imap_error *error);
bool state_retired_uids(struct state *state, struct span mailbox,
    struct uidset *uids, struct imap_error *error);

#endif
