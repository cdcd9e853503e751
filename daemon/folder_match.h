/*
 * Which file that is here already is a message that the server has and the
 * disk has not: after another UIDVALIDITY the old generation's files, and
 * those of other folders that the server says hold the same message. What is
 * found is linked into tmp/ and committed as if it had been downloaded.
 */
#ifndef DAEMON_FOLDER_MATCH_H
#define DAEMON_FOLDER_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/identity.h"
#include "daemon/maildir.h"
#include "libclient/imap.h"

struct folder;
struct match_job;

/* What a folder keeps of it; all zero is nothing. */
struct folder_match {
	bool is_beginning; /* a generation: its first job is on its way */
	bool stale_has_emailids; /* rows of the generation before have them */
	bool is_settled; /* .takers are those that were found */
	struct uidset waiting; /* wanted, and not looked for yet */
	struct uidset asked; /* being looked for */
	uint64_t serial; /* of the question about .asked; 0: none */
	struct match_job *job; /* on the disk lane; NULL: none */
	/* by Message-ID, all at once: */
	struct identity_list takers; /* all that were listed */
	struct uidset headless; /* those whose header is to be asked for */
	/* by EMAILID, some at a time: */
	struct maildir_arrival *queries;
	uint32_t query_count;
};

/* The items besides the flags that folder->question must ask for. */
unsigned folder_match_items(const struct folder *folder);

/* The item that tells a message's EMAILID, or 0: the server has none. */
unsigned folder_match_emailid_item(const struct folder *folder);

/* True if new messages are listed before they are fetched: they may be here,
 * in another folder. */
bool folder_match_asks_first(const struct folder *folder);

/* A message that was listed, or that folder_match_awaits(). */
void folder_match_note(
    struct folder *folder, const struct imap_fetch *fetch, uint32_t flags);

/* True if a FETCH of this UID answers a question of ours. */
bool folder_match_awaits(const struct folder *folder, uint32_t uid);

/* The question of this serial has ended; false if it was not ours. */
bool folder_match_answered(struct folder *folder, uint64_t serial);

/* Takes from folder->wanted what may be here already. */
void folder_match_begin(struct folder *folder);

/*
 * Goes on looking for it. What is not here is put back into folder->wanted;
 * when there is more, OK (the server answered) or COMMITTED (the disk was
 * read) is told.
 */
void folder_match(struct folder *folder);
bool folder_match_is_busy(const struct folder *folder);

/* How many messages are looked for by EMAILID, and may not be here. */
uint64_t folder_match_left(const struct folder *folder);

/* Forgets what was listed; a job that is on its way changes nothing more. */
void folder_match_forget(struct folder *folder);

#endif
