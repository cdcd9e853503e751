/*
 * What the server has against what the disk has: pure, and the only place
 * that decides what is fetched, removed and renamed.
 */
#ifndef DAEMON_COMPARE_H
#define DAEMON_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/index.h"
#include "libclient/wire/uidset.h"

/* Fewer removals than this are never held back by delete_guard. */
#define COMPARE_GUARD_MINIMUM 100

/* A message whose flags on disk are not the server's. */
struct compare_reflag {
	uint32_t uid;
	uint32_t flags; /* as they should be */
	uint64_t modseq; /* of that change; 0: not said */
};

/* What is to be done. Owned; free with compare_free(). */
struct plan {
	struct uidset fetch; /* the server has them, the disk has not */
	struct uidset remove; /* the disk has them, the server has not */
	struct compare_reflag *reflags; /* one a UID */
	struct uidset reflagged; /* the UIDs of .reflags */
	uint32_t reflag_count;
	uint32_t reflag_size;
	bool is_doubtful; /* the counts do not agree: nothing is removed */
	bool is_held; /* delete_guard: nothing is removed */
};

struct compare {
	struct index *disk; /* borrowed */
	struct uidset seen; /* what the server listed */
	struct plan plan;
};

/* The decision's other values. */
struct compare_rules {
	uint32_t exists; /* the server's own count at the end */
	uint32_t guard_percent; /* 0: no guard */
	bool accepts_deletes; /* a person has said so */
	const struct uidset *skip; /* not to be fetched now (quarantine) */
	/* The server shows no more than the newest messages of a mailbox. */
	bool is_window;
	int64_t absent; /* messages that exist and are not looked for here */
};

/* Starts with an empty plan; what was there is freed. */
void compare_begin(struct compare *compare, struct index *disk);

/* Which messages there are is to be told anew; what is known of flags stays. */
void compare_forget_uids(struct compare *compare);

/* One message that the server listed, with its flags in index.h's bits and
 * its MODSEQ or 0. What is said of it last counts. */
void compare_message(
    struct compare *compare, uint32_t uid, uint32_t flags, uint64_t modseq);

/* The same of one that changed or came, where not all are listed. */
void compare_change(
    struct compare *compare, uint32_t uid, uint32_t flags, uint64_t modseq);

/* One message whose flags the server told unasked: it is news only of what is
 * here. The last word counts, also when it takes back what was said before. */
void compare_flags(
    struct compare *compare, uint32_t uid, uint32_t flags, uint64_t modseq);

/* Messages that the server listed without their flags. */
void compare_uid_set(struct compare *compare, const struct uidset *uids);

/*
 * The listing is complete: fills in plan.remove, or says why not. Removals
 * are believed only if as many messages were listed as the server says exist.
 */
void compare_listed(struct compare *compare, const struct compare_rules *rules);

/*
 * The server told changes, and what vanished: believed only if what the disk
 * then has is as many as exist; else plan.is_doubtful and nothing is removed.
 */
void compare_changed(struct compare *compare, const struct uidset *vanished,
    const struct compare_rules *rules);

/* True if delete_guard holds back the removal of gone out of count messages. */
bool compare_holds(
    const struct compare_rules *rules, uint64_t gone, uint64_t count);

/* True if nothing is to be done. */
bool compare_is_same(const struct compare *compare);

void compare_free(struct compare *compare);

#endif
