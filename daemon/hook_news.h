/*
 * What changed in a folder since its on_change command last began: sets, so
 * that what happens twice counts once, and what came and went does not. Pure.
 */
#ifndef DAEMON_HOOK_NEWS_H
#define DAEMON_HOOK_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/maildir_name.h"
#include "libclient/wire/uidset.h"

/* So many arrivals are remembered whole, to be found without a search. */
#define HOOK_KNOWN_MAX 64

/* All zero is none. */
struct hook_news {
	uint32_t uidvalidity; /* of all UIDs */
	struct uidset arrived;
	struct uidset removed;
	struct uidset reflagged;
	struct maildir_message *known; /* among .arrived */
	uint32_t known_count;
	bool knows_all; /* there is no other */
	bool has_moved; /* the folder, or its files to other names */
};

/* A folder. */
struct hook_subject {
	const char *name; /* for people: UTF-8 */
	const char *path; /* of its Maildir, absolute */
	const char *host; /* as struct maildir_identity has it */
};

void hook_news_free(struct hook_news *news);

void hook_news_arrived(
    struct hook_news *news, const struct maildir_message *message);

/*
 * Adds what came later (emptied). Of another UIDVALIDITY it says all that
 * there is to say.
 */
void hook_news_follow(struct hook_news *news, struct hook_news *later);

#endif
