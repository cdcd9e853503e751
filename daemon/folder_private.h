/* What a folder's files share, and nobody else includes. */
#ifndef DAEMON_FOLDER_PRIVATE_H
#define DAEMON_FOLDER_PRIVATE_H

#include "daemon/compare.h"
#include "daemon/folder.h"
#include "daemon/folder_absent.h"
#include "daemon/folder_claims.h"
#include "daemon/folder_entry.h"
#include "daemon/folder_flow.h"
#include "daemon/folder_hand.h"
#include "daemon/folder_jobs.h"
#include "daemon/folder_local.h"
#include "daemon/folder_match.h"
#include "daemon/folder_question.h"
#include "daemon/keywords.h"
#include "daemon/landing.h"
#include "daemon/log.h"
#include "daemon/quirk.h"
#include "libclient/burst.h"

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
	bool is_notified; /* without one: NOTIFY tells of it */
	bool is_gone; /* from the server */
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
	struct state_folder saved; /* the row as it was last written */
	struct index index;
	struct keywords keywords;
	struct uidset unverified; /* files that no row vouches for */
	uint32_t noted_uid; /* ... and up to it .uidvalidity does; or 0 */
	struct uidset rowless; /* ... or we, who could not write their rows */
	struct folder_claims odd; /* files to be renamed, if they are right */
	struct landing landing;
	struct uidset arriving; /* landed, not yet in the index */
	struct folder_absent absent; /* known, and not here */
	struct folder_local *local; /* NULL: nobody watches the disk */

	/* the server */
	struct imap *imap;
	uint64_t serial_examine;
	uint64_t serial_question; /* what OK and NO answer */
	uint64_t serial_bodies; /* the FETCH of what is new */
	uint64_t serial_idle;
	enum folder_question question; /* what serial_question asks */
	enum folder_question answered; /* what is to be judged */
	unsigned needs; /* of enum folder_need */
	bool resyncs; /* EXAMINE was asked what changed */
	bool no_resync; /* ... which this server does not know */
	bool no_search; /* nor UID SEARCH */
	uint64_t serial_push; /* of NOTIFY: new messages are to come unasked */
	bool is_pushed; /* ... which the server agreed to */
	bool no_push; /* ... or did not */
	bool is_lone; /* the last arrival came after a quiet time */
	bool looks_again; /* opened, and not yet the same as the server's */
	bool has_gap; /* a mailbox was open before: [CLOSED] must come */
	uint64_t listed; /* lines of the answer so far */
	uint64_t asked_modseq; /* the highest one in them */
	uint64_t told_modseq; /* all changes up to it have been told */
	uint64_t covered_modseq; /* the highest that what came can speak for */
	uint64_t listing_modseq; /* ... when a listing was asked for */
	uint64_t listed_modseq; /* ... and it came; 0: none did so far */
	bool tests_modseq; /* a listing is to find nothing new */
	unsigned lies; /* full comparisons that found what no MODSEQ told */
	uint32_t next_uid; /* above all UIDs ever seen */
	bool owes_highest_uid; /* .uidvalidity does not have it */
	uint32_t bodies_from;
	int64_t unexplained; /* EXISTS less what a listing gave */
	bool has_looked; /* at what EXAMINE said */
	unsigned idle_laps; /* asked in a row without a change */
	unsigned laps; /* ... or with one, since it was the same */
	uint32_t lap_arrivals; /* since it was last asked for the rest */
	struct compare compare;
	struct uidset vanished;
	struct uidset verified; /* claims that the server confirmed */
	struct uidset refuted; /* claims that it did not */
	struct uidset wanted;
	struct folder_match match; /* which of them are here already */
	struct folder_flow flow; /* of the folder's own connection */
	struct folder_hand *hands;
	unsigned hand_count;
	unsigned hand_faults; /* since it was last the same */
	struct uidset missing; /* asked for and not given, once */
	struct burst burst;
	uint64_t last_arrival; /* of a message, or of its body */
	uint64_t idle_began;
	unsigned idle_failures; /* IDLE ended by the server at once, in a row */

	bool is_synced;
	struct folder_tally tally;
	struct folder_tally told; /* ... as of the log's last line on it */
};

extern const struct watcher_ops folder_ops;

/* True if the server is one that has this quirk. */
bool folder_has_quirk(const struct folder *folder, enum quirk quirk);

/* How long its IDLE may last. */
uint64_t folder_idle_refresh(const struct folder *folder);

/* The most bytes that a sequence set may have in a command. */
uint32_t folder_line_max(const struct folder *folder);

/* Arms the folder's one timer; 0: off. */
void folder_arm(struct folder *folder, uint64_t at);

/* Keeps the first error until the folder is well again; logs it. */
void folder_fail(struct folder *folder, const struct imap_error *error);

/* Index flag bits of a message's FLAGS; new keywords get letters. */
uint32_t folder_flag_bits(
    struct folder *folder, uint32_t uid, const struct imap_flags *flags);

/* How many messages the server should have, by what we know. */
int64_t folder_expected(const struct folder *folder);

/* What compare may do with this folder. */
struct compare_rules folder_rules(const struct folder *folder);

#endif
