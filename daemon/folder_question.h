/*
 * What a folder asks the server, cheapest first. For the files of a folder.
 */
#ifndef DAEMON_FOLDER_QUESTION_H
#define DAEMON_FOLDER_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/watcher.h"
#include "libclient/imap.h"

struct folder;

/* Full comparisons that found more than MODSEQs told, before these are not
 * believed any more. */
#define FOLDER_LIES_MAX 2

/* What is to be found out. */
enum folder_need {
	NEED_CHANGES = 1 << 0, /* what came and what got other flags */
	NEED_UIDS = 1 << 1, /* which messages there are */
	NEED_LISTING = 1 << 2 /* all of them with their flags: both of these */
};

/* What one command asks. */
enum folder_question {
	QUESTION_NONE,
	QUESTION_NOOP, /* the server tells what it has not told yet */
	QUESTION_NEW, /* the new messages, without their bodies */
	QUESTION_CHANGES, /* since a MODSEQ; also what EXAMINE tells by it */
	QUESTION_UIDS, /* UID SEARCH ALL */
	QUESTION_LISTING
};

/* Adds to what is needed. */
void folder_need(struct folder *folder, enum folder_need need);

/* Forgets the last answer; a new one is compared from here on. */
void folder_begin_lap(struct folder *folder);

/* True if a MODSEQ tells what changed since the folder was last the same. */
bool folder_has_modseq(const struct folder *folder);

/* The MODSEQ since which changes are asked for: of then, or, in a folder that
 * never was the same, of a listing of this visit; 0: there is none. */
uint64_t folder_changes_since(const struct folder *folder);

/* delete_guard holds the folder, or does not any more. */
void folder_note_held(struct folder *folder, bool is_held);

/* The items of a FETCH that brings bodies. */
unsigned folder_body_items(const struct folder *folder);

/* True if new messages are looked at before their bodies are asked for. */
bool folder_asks_first(const struct folder *folder);

/* Puts IDLE behind EXAMINE, into the same flight, where EXAMINE may tell all:
 * what changed since the last visit, or that there is nothing. */
void folder_idle_ahead(struct folder *folder);

/* Goes on with a listing, of what is up to last. */
void folder_ask_listing(struct folder *folder, uint32_t last);

/* Asks for what changed since then; IDLE, if there is one, goes on behind. */
void folder_ask_changes(struct folder *folder);

/* How many more messages exist than what is here, or known to come, and not
 * named as gone. */
int64_t folder_count_arrived(struct folder *folder);

/* A command has ended. */
void folder_take_done(struct folder *folder, const struct imap_event *event);

/* An IDLE that we end after a while was a good one. */
void folder_note_idle_end(struct folder *folder);

enum watcher_event folder_ask(void *user);
enum watcher_event folder_judge(void *user);

#endif
