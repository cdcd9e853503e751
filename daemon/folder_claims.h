/*
 * Files that claim a UID without being named as ours: they wait for the
 * server's word.
 */
#ifndef DAEMON_FOLDER_CLAIMS_H
#define DAEMON_FOLDER_CLAIMS_H

#include "daemon/maildir.h"

/* A file whose claim to a UID is not ours to the letter. */
struct folder_claim {
	char *name;
	bool is_new;
	struct maildir_message message;
	int64_t date_here; /* without a name: what that of ours says */
};

/* A list of them. */
struct folder_claims {
	struct folder_claim *items;
	uint32_t count;
	uint32_t sorted; /* so many of them, at least, are in order */
	uint32_t size;
};

/* Adds a copy of what a scan found. */
void folder_claims_add(
    struct folder_claims *claims, const struct maildir_file *file);
void folder_claims_free(struct folder_claims *claims);

/* Adds a file with a name of ours, as its message is to be. */
void folder_claims_add_dated(struct folder_claims *claims,
    const struct maildir_message *message, int64_t date_here);

/* By UID. */
void folder_claims_sort(struct folder_claims *claims);

/* The first claim to a UID, or NULL; fast where the claims are in order. */
struct folder_claim *folder_claims_find(
    const struct folder_claims *claims, uint32_t uid);

#endif
