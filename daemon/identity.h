/*
 * When two messages are the same although their UIDs say nothing: pure. They
 * are if date, size and Message-ID are, or, where there is none, the whole
 * header; what several share is nobody's. Keys are hashes that hold for this
 * process alone, so that nobody can prepare two messages that share one.
 */
#ifndef DAEMON_IDENTITY_H
#define DAEMON_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"

/* The longest header that is looked at. */
#define IDENTITY_HEADER_MAX 32768

/* A message that is looked for, and what was found for it. */
struct identity_taker {
	uint64_t key; /* 0: not known, matches nothing */
	uint32_t uid;
	uint32_t size;
	uint32_t date;
	uint32_t flags;
	uint32_t from_uid; /* 0: nothing; or one of those below */
	uint32_t from_size;
	uint32_t from_flags;
};

/* No server gives such UIDs away. */
#define IDENTITY_AMBIGUOUS UINT32_MAX /* several are alike */
#define IDENTITY_HERE	   (UINT32_MAX - 1) /* not looked for: it is here */

/* All zero is empty. */
struct identity_list {
	bool ignores_size; /* RFC822.SIZE says nothing on this server */
	struct identity_taker *items;
	uint32_t count;
	uint32_t size;
};

/* A file that may be one of them. */
struct identity_candidate {
	uint64_t key;
	uint32_t uid;
	uint32_t size;
	uint32_t date;
	uint32_t flags;
};

/* ---- keys: never 0 but where said; lines end in LF or CRLF ---- */

/* A header's first Message-ID; 0: it has none, or an empty one. */
uint64_t identity_message_id_key(struct span header);

/* A whole header, up to the empty line if there is one. */
uint64_t identity_header_key(struct span header);

/*
 * The header at the front of a message, without the empty line. False: that
 * line is further behind than what is there, unless that is_whole.
 */
bool identity_header(struct span message, bool is_whole, struct span *header);

/* ---- lists ---- */

void identity_add(
    struct identity_list *list, const struct identity_taker *taker);
/* Gives back the memory of what was taken off the end. */
void identity_shrink(struct identity_list *list);
void identity_free(struct identity_list *list);

/* In order of UIDs, one of each: then they are found by UID. */
void identity_order(struct identity_list *list);
struct identity_taker *identity_find(
    const struct identity_list *list, uint32_t uid);

/* ---- matching ---- */

/* In order of keys, as the next two functions need them. */
void identity_sort(struct identity_list *list);

/* False if no taker has that size and date: a file's header need then not be
 * read. */
bool identity_may_match(
    const struct identity_list *list, uint32_t size, uint32_t date);

void identity_offer(
    struct identity_list *list, const struct identity_candidate *candidate);

/* Drops the takers without a match, and puts the others in order of UIDs.
 * Returns how many of those that were looked for were ambiguous. */
uint32_t identity_settle(struct identity_list *list);

#endif
