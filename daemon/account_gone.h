/*
 * Mailboxes that the server does not list any more, and those that are new:
 * account_gone.c gathers them and acts on what account_renames.c, on the disk
 * lane, has found out and done. For these two.
 */
#ifndef DAEMON_ACCOUNT_GONE_H
#define DAEMON_ACCOUNT_GONE_H

#include "daemon/account_private.h"

enum missing_outcome { STAYS, IS_GONE, IS_RENAMED, IS_REMOVED };

/* A mailbox that is missing; owned by the job while it runs. */
struct missing {
	char *mailbox;
	size_t mailbox_len;
	char *path; /* as the state has it, or NULL */
	char *at; /* where that directory is now, or NULL */
	bool is_moved; /* ... which is where it belongs, once renamed */
	bool is_entered; /* the rows have the new name */
	struct state_folder row;
	uint64_t messages;
	uint32_t place; /* of its seat; SPANMAP_NONE: it has none */
	enum missing_outcome outcome;
	uint32_t to; /* IS_RENAMED: the candidate */
	bool was_gone; /* that is no news */
	char note[320];
};

/* A mailbox that is new. */
struct candidate {
	struct newcomer told;
	char *mailbox;
	size_t mailbox_len;
	char *name;
	bool is_valid;
	char delimiter;
	unsigned flags;
	bool is_taken;
};

struct reconciling {
	struct account *account;
	bool is_running; /* on the disk lane */
	struct missing *missing;
	uint32_t missing_count;
	struct candidate *candidates;
	uint32_t candidate_count;
	struct state *state;
	struct maildir_root *root;
	const struct settings_account *settings;
	bool may_remove; /* even what holds messages, if it is named */
};

static inline struct span
missing_bytes(const struct missing *missing)
{
	return (struct span){missing->mailbox, missing->mailbox_len};
}

static inline struct span
candidate_bytes(const struct candidate *candidate)
{
	return (struct span){candidate->mailbox, candidate->mailbox_len};
}

/* Finds out which is which, and has the disk follow. A job's work: the data is
 * a struct reconciling. */
void account_renames_work(void *data);

#endif
