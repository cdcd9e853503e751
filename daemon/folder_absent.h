/*
 * Messages that the server has and the disk has not, though both are known:
 * what the server does not give, what is larger than max_size, and what
 * somebody removed here. For the files of a folder.
 */
#ifndef DAEMON_FOLDER_ABSENT_H
#define DAEMON_FOLDER_ABSENT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/folder_progress.h"
#include "daemon/window.h"
#include "daemon/withheld.h"
#include "libclient/imap.h"

struct folder;

struct folder_absent {
	struct withheld withheld; /* not in the index */
	struct uidset skip; /* those of them that are not to be fetched now */
	/* In the index, but without a file: only their bodies are to be
	 * fetched again. */
	struct uidset restore;
	struct uidset unweighed; /* to be fetched, whatever their sizes */
	struct uidset weighing; /* their sizes are being asked for */
	struct window_sizes sizes; /* of what is wanted */
	bool lists_sizes; /* the listing was asked for them */
	uint64_t serial_sizes;
	struct folder_goal goal;
	uint32_t told_large; /* how many the log spoke of */
	bool is_told; /* the log spoke of those that are not given */
	bool is_keyword_told; /* ... of keywords that are left out */
};

/* True if there is something to be fetched that needs no listing. */
bool folder_has_absent(struct folder *folder);

/* Adds it to what a comparison wants fetched. */
void folder_add_absent(struct folder *folder);

/* Finds out anew what is not to be fetched now (compare_rules.skip). */
void folder_note_skipped(struct folder *folder);

/* A message was asked for, alone, and not given. */
void folder_refused(struct folder *folder, uint32_t uid);

/* False if the server keeps messages back, which `sync` must not pass over. */
bool folder_note_absent(struct folder *folder);

/* True if keywords are to be written: new letters, or changes of those that
 * have none. */
bool folder_has_keyword_news(struct folder *folder);

/* What was asked for will not come. */
void folder_forget_weights(struct folder *folder);

/*
 * Takes what is to be fetched: a few at once, many, or all with max_size,
 * after their sizes were asked for. folder_weigh(): asks for the next ones,
 * in time; true while nothing goes on without them.
 */
void folder_want(struct folder *folder, struct uidset *uids);
bool folder_weigh(struct folder *folder);

/* An answer to that; the end of it: true if it was. */
void folder_take_weight(struct folder *folder, const struct imap_fetch *fetch);
bool folder_take_weights_end(struct folder *folder, uint64_t serial);

#endif
