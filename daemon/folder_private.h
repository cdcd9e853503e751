/*
 * What the files of a folder share: folder.c (outside), folder_event.c,
 * folder_act.c and folder_ask.c (actions), folder_prepare.c, folder_commit.c
 * and folder_generation.c (jobs). Nobody else includes it.
 */
#ifndef DAEMON_FOLDER_PRIVATE_H
#define DAEMON_FOLDER_PRIVATE_H

#include "daemon/compare.h"
#include "daemon/folder.h"
#include "daemon/folder_claims.h"
#include "daemon/keywords.h"
#include "daemon/landing.h"
#include "daemon/log.h"
#include "libclient/burst.h"

#define FOLDER_WINDOWS 2 /* FETCH commands in flight */
#define FOLDER_WINDOW  256 /* messages of one */

#define FOLDER_BODY_ITEMS                                               \
	(IMAP_FETCH_FLAGS | IMAP_FETCH_INTERNALDATE | IMAP_FETCH_SIZE | \
	    IMAP_FETCH_BODY)

/* A FETCH of bodies in flight. */
struct folder_window {
	uint64_t serial; /* 0: free */
	struct uidset uids;
};

struct folder {
	struct folder_config config;
	char *mailbox; /* bytes, NUL-terminated for convenience */
	size_t mailbox_len;
	char *name;
	bool is_valid;
	char delimiter;
	unsigned list_flags;
	struct log_subject subject;

	struct watcher watcher;
	sd_event_source *timer;
	bool has_idle;
	uint64_t retry_at; /* RESTING: when; 0: when woken */
	unsigned failures; /* in a row */
	struct imap_error error;
	bool is_final; /* the error is not to be tried again */
	bool must_stop;
	bool is_lost;

	/* the disk */
	bool is_prepared;
	bool is_altered; /* flags on disk are not as last agreed */
	bool is_stale_held; /* by delete_guard, until somebody accepts it */
	unsigned jobs; /* on the disk lane */
	unsigned commits; /* those of them that change messages */
	struct maildir *maildir;
	char *path;
	struct maildir_identity identity;
	uint32_t stale_uidvalidity; /* the generation to be removed, or 0 */
	struct state_folder row;
	struct index index;
	struct keywords keywords;
	struct uidset unverified; /* files that no row vouches for */
	struct folder_claims odd; /* files to be renamed, if they are right */
	struct landing landing;
	struct uidset arriving; /* landed, not yet in the index */

	/* the server */
	struct imap *imap;
	uint64_t serial_examine;
	uint64_t serial_question; /* what OK and NO answer */
	uint64_t serial_bodies; /* the FETCH of what is new */
	uint64_t serial_idle;
	bool is_listing; /* the question is a listing */
	bool has_listing; /* ... and was answered */
	uint64_t listed; /* lines of the listing so far */
	bool needs_listing; /* only a listing tells what changed */
	uint32_t next_uid; /* above all UIDs ever seen */
	uint32_t bodies_from;
	int64_t unexplained; /* EXISTS less what a listing gave */
	bool has_looked; /* at what EXAMINE said */
	unsigned idle_laps; /* asked in a row without a change */
	uint64_t examined_modseq;
	struct compare compare;
	struct uidset vanished;
	struct uidset verified; /* claims that the server confirmed */
	struct uidset refuted; /* claims that it did not */
	struct uidset wanted;
	struct folder_window windows[FOLDER_WINDOWS];
	struct uidset missing; /* asked for and not given, once */
	struct uidset quarantine;
	uint64_t quarantine_until;
	struct burst burst;
	uint64_t last_arrival; /* of a message, or of its body */
	uint64_t idle_began;
	unsigned idle_failures; /* IDLE ended by the server at once, in a row */

	bool is_synced;
	uint64_t fetched;
	uint64_t removed;
	uint64_t reflagged;
};

extern const struct watcher_ops folder_ops;

/* Arms the folder's one timer; 0: off. */
void folder_arm(struct folder *folder, uint64_t at);

/* Keeps the first error until the folder is well again; logs it. */
void folder_fail(struct folder *folder, const struct imap_error *error);

/* How many messages the server should have, by what we know. */
int64_t folder_expected(const struct folder *folder);

/* A message of ours in maildir.h's terms. */
struct maildir_message folder_message(const struct index_entry *entry);
struct index_entry folder_entry(const struct maildir_message *message);

/* Forgets the last answer; a new one is compared from here on. */
void folder_begin_lap(struct folder *folder);

/* What compare may do with this folder. */
struct compare_rules folder_rules(const struct folder *folder);

/* An IDLE that we end after a while was a good one. */
void folder_note_idle_end(struct folder *folder);

/* Forgets what was read of the disk: it is to be read again. */
void folder_unprepare(struct folder *folder);

enum watcher_event folder_ask(void *user);
enum watcher_event folder_judge(void *user);

/* Reads the disk: PREPARED follows, or DISK. */
void folder_prepare(struct folder *folder);

/* The server has another UIDVALIDITY: COMMITTED follows, or DISK. */
void folder_begin_generation(struct folder *folder, uint32_t uidvalidity);

/* Removes the files of the generation before. */
void folder_end_generation(struct folder *folder);

/*
 * Commits what landed and, if with_plan, the comparison's plan and the
 * verified claims. False if there was nothing to commit; else COMMITTED
 * follows when no commit is left, or DISK.
 */
bool folder_commit(struct folder *folder, bool with_plan);

#endif
