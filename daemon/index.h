/*
 * What the disk has of a folder: 16 bytes a message, sorted by UID. A
 * message's file name follows from its entry.
 */
#ifndef DAEMON_INDEX_H
#define DAEMON_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/wire/uidset.h"

/* Maildir flag letters as bits; sorted as in a file name. */
enum index_flag {
	INDEX_DRAFT = 1 << 0, /* D */
	INDEX_FLAGGED = 1 << 1, /* F */
	INDEX_PASSED = 1 << 2, /* P, $Forwarded */
	INDEX_REPLIED = 1 << 3, /* R */
	INDEX_SEEN = 1 << 4, /* S */
	INDEX_TRASHED = 1 << 5 /* T, \Deleted */
	/* bits 6 to 31: keywords a to z */
};

struct index_entry {
	uint32_t uid;
	uint32_t size; /* RFC822.SIZE; INDEX_SIZE_LARGE: look at the file */
	uint32_t date; /* INTERNALDATE; INDEX_DATE_ODD: look at the file */
	uint32_t flags; /* enum index_flag and keyword bits */
};

#define INDEX_SIZE_LARGE UINT32_MAX
#define INDEX_DATE_ODD	 UINT32_MAX

/* All zero is empty. */
struct index {
	struct index_entry *entries;
	uint32_t count;
	uint32_t sorted; /* so many of them are in order; the others came later
			  */
	uint32_t front; /* room in front of them */
	uint32_t size; /* ... and all room there is */
	struct uidset *repeated; /* notes UIDs that are put again; or NULL */
};

void index_free(struct index *index);

/* Adds or replaces the entry of its UID. Amortised O(1) for rising UIDs, and
 * for batches that fall. */
void index_put(struct index *index, const struct index_entry *entry);

/* Gives back the room that is not used. */
void index_trim(struct index *index);

/* The entry of a UID, or NULL; valid until the index changes. */
struct index_entry *index_find(struct index *index, uint32_t uid);

/* Removes all entries of a set in one pass. */
void index_remove(struct index *index, const struct uidset *uids);

/* Adds every UID that is in the index and in uids to *both; O(ranges of uids,
 * and what is found). */
void index_intersect(
    struct index *index, const struct uidset *uids, struct uidset *both);

/* Adds every UID of the index to the set. */
void index_uids(struct index *index, struct uidset *uids);

#endif
