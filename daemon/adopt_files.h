/*
 * The files of a folder that is taken over, and which messages they are. For
 * adopt.c.
 */
#ifndef DAEMON_ADOPT_FILES_H
#define DAEMON_ADOPT_FILES_H

#include "daemon/adopt.h"
#include "daemon/maildir_content.h"

struct adopt_file {
	char *name;
	bool is_new;
	bool is_ours; /* it has a name of ours already */
	struct maildir_message message; /* as the name says */
	uint32_t uid; /* the server's; 0: nobody knows */
};

/* All zero is empty. */
struct adopt_files {
	struct adopt_file *items;
	uint32_t count;
	uint32_t size;
};

/* All that claim a UID, in the order of those; *others: how many do not. */
bool adopt_files_scan(struct maildir *maildir,
    const struct maildir_identity *identity, struct adopt_files *files,
    uint32_t *others, struct imap_error *error);
void adopt_files_free(struct adopt_files *files);

/* Of several files that are one message, none is taken. */
void adopt_files_settle(struct adopt_files *files);

/* Gives each file whose uid is known our name, and the form that it should
 * have; *gone: how many were not there any more. */
bool adopt_files_take(const struct adopt *adopt,
    const struct maildir_identity *identity, const struct maildir_form *form,
    const struct adopt_files *files, uint32_t *gone, struct imap_error *error);

#endif
