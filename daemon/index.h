/*
 * What the disk has of a folder: 14 bytes a message, sorted by UID. A
 * message's file name follows from its entry.
 */
#ifndef DAEMON_INDEX_H
#define DAEMON_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/index_block.h"
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
	struct index_block *blocks; /* in order */
	uint32_t block_count;
	uint32_t block_room;
	uint32_t count; /* of the entries; once they were asked for */
	struct uidset *repeated; /* notes UIDs that are put again; or NULL */
	struct index_entry found;
};

/* A place between two entries; all zero is before the first. */
struct index_cursor {
	uint32_t block;
	uint32_t entry;
};

void index_free(struct index *index);

/* Adds or replaces the entry of its UID. Amortised O(1) for rising UIDs, and
 * for batches that fall. */
void index_put(struct index *index, const struct index_entry *entry);

/* Gives back the room that is not used. */
void index_trim(struct index *index);

/* The entry of a UID, or NULL; a copy, valid until the index changes or is
 * asked again. */
const struct index_entry *index_find(struct index *index, uint32_t uid);

/* In place of the entry of the same UID; false: there is none. */
bool index_replace(struct index *index, const struct index_entry *entry);

/* The entry behind the cursor, which moves on; false: there is none. Nothing
 * may be put or removed meanwhile. */
bool index_next(struct index *index, struct index_cursor *cursor,
    struct index_entry *entry);

/* Removes all entries of a set in one pass. */
void index_remove(struct index *index, const struct uidset *uids);

/* Adds every UID that is in the index and in uids to *both; O(ranges of uids,
 * and what is found). */
void index_intersect(
    struct index *index, const struct uidset *uids, struct uidset *both);

/* The highest UID; 0: there is none. */
uint32_t index_last(struct index *index);

/* Adds every UID of the index to the set. */
void index_uids(struct index *index, struct uidset *uids);

#endif
