/*
 * mbsync's state file, pure: which message of the far side (the server) is
 * which of the near side (the Maildir). Reads what mbsync 1.0 and later wrote,
 * writes what 1.1 and later read.
 */
#ifndef DAEMON_MBSYNC_STATE_H
#define DAEMON_MBSYNC_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"
#include "libclient/base/imap_error.h"

/* A pair; 0: that side does not have the message. */
struct mbsync_record {
	uint32_t far;
	uint32_t near;
	uint32_t flags; /* last agreed; index.h's bits */
	bool is_placeholder; /* one side has a stand-in (MaxSize) */
};

/* All zero is empty. */
struct mbsync_state {
	uint32_t far_uidvalidity;
	uint32_t near_uidvalidity;
	uint32_t max_pulled_uid;
	uint32_t max_pushed_uid;
	struct mbsync_record *records;
	uint32_t count;
	uint32_t size;
};

/* False: LOCAL, with the line and what is wrong with it; *state is then to be
 * freed, too. */
bool mbsync_state_parse(
    struct span text, struct mbsync_state *state, struct imap_error *error);
void mbsync_state_add(
    struct mbsync_state *state, const struct mbsync_record *record);
void mbsync_state_free(struct mbsync_state *state);

/* Appends the file's text; false: the cap does not allow it. */
bool mbsync_state_format(const struct mbsync_state *state, struct buf *text);

/*
 * Another UIDVALIDITY. Where the near side's is the server's, mbsync would go
 * on with files that have the server's UIDs, and take these for its own.
 */
uint32_t mbsync_state_other(uint32_t uidvalidity);

/* In order of near UIDs, as the next function needs them. */
void mbsync_state_sort(struct mbsync_state *state);

/* The one record of a near UID, or NULL: none, or several have it. */
const struct mbsync_record *mbsync_state_find(
    const struct mbsync_state *state, uint32_t near);

#endif
