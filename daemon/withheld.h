/*
 * Messages that the server has and we have not, and why: it does not give
 * them (they are asked for again, more and more rarely), or they are larger
 * than max_size. Pure; the rows are state.h's.
 */
#ifndef DAEMON_WITHHELD_H
#define DAEMON_WITHHELD_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/state.h"

/* In seconds: the wait after the first attempt, doubled after each, and its
 * limit. */
#define WITHHELD_WAIT	  600
#define WITHHELD_WAIT_MAX 86400

/* All zero is empty. */
struct withheld {
	struct state_withheld *items; /* in order of UIDs */
	uint32_t count;
	uint32_t size;
	uint32_t too_large; /* how many of them are */
	struct uidset changed; /* since they were last written */
};

/* What the state database had of it, in any order of UIDs. */
void withheld_load(
    struct withheld *withheld, const struct state_withheld *item);

/* A message was asked for, alone, and not given. now: Unix seconds. */
void withheld_refuse(struct withheld *withheld, uint32_t uid, int64_t now);

/* A message is larger than max_size. */
void withheld_too_large(struct withheld *withheld, uint32_t uid, uint64_t size);

/* These came, or are no longer on the server. */
void withheld_admit(struct withheld *withheld, const struct uidset *uids);

/* The server listed all that it has: the others are gone. */
void withheld_keep(struct withheld *withheld, const struct uidset *seen);

/* What is to be asked for again: its time has come, or max_size (0: none)
 * has grown. Adds to *due. */
void withheld_due(const struct withheld *withheld, int64_t now,
    uint64_t max_size, struct uidset *due);

/* The others. Adds to *rest. */
void withheld_rest(const struct withheld *withheld, int64_t now,
    uint64_t max_size, struct uidset *rest);

/* All whose time has come or not are due now. */
void withheld_hurry(struct withheld *withheld);

/* Those that the server does not give; adds to *refused. */
void withheld_refused(const struct withheld *withheld, struct uidset *refused);

/*
 * What the database is to be told: the changed UIDs, to be admitted first,
 * and the rows of those that are still withheld. Both are the caller's to
 * free. False: nothing changed.
 */
bool withheld_take_changes(struct withheld *withheld, struct uidset *changed,
    struct state_withheld **rows, uint32_t *count);

void withheld_free(struct withheld *withheld);

#endif
