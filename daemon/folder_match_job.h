/*
 * Looking for messages among the files that are here: on the disk lane. For
 * folder_match.c.
 */
#ifndef DAEMON_FOLDER_MATCH_JOB_H
#define DAEMON_FOLDER_MATCH_JOB_H

#include <stdatomic.h>

#include "daemon/identity.h"
#include "daemon/maildir.h"
#include "daemon/maildir_root.h"
#include "daemon/state.h"

struct folder;

enum match_work {
	MATCH_SCAN, /* .takers among the old generation's files, by text */
	MATCH_LINK, /* .takers' files become .arrivals */
	MATCH_LOOK /* .arrivals by EMAILID in the database */
};

/* Owns its values. Of .arrivals those with a tmp_name were found. */
struct match_job {
	struct folder *folder;
	enum match_work work;
	atomic_bool is_abandoned; /* nobody wants to know any more */

	struct maildir *maildir;
	const char *path; /* the folder's, below the root */
	struct span mailbox;
	struct maildir_identity identity;
	uint32_t stale; /* the old generation's UIDVALIDITY, or 0 */
	struct maildir_root *root;
	struct state *state;
	bool ignores_size; /* RFC822.SIZE says nothing on this server */

	struct identity_list takers;
	struct maildir_arrival *arrivals;
	uint32_t arrival_count;
	uint32_t ambiguous;
	struct imap_error error; /* NONE: none */

	/* while it works */
	char *header; /* IDENTITY_HEADER_MAX bytes */
	struct maildir_arrival *arrival; /* what is looked for */
	struct maildir *other; /* the last other folder that was opened */
	char *other_path;
};

void match_job_work(void *data);

/* Frees it, and the files in tmp/ that nobody took. */
void match_job_free(struct match_job *job);

#endif
