/*
 * What becomes of the files of messages that the server no longer has: the
 * setting on_expunge. For the files of a folder.
 */
#ifndef DAEMON_FOLDER_EXPUNGE_H
#define DAEMON_FOLDER_EXPUNGE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "daemon/keywords.h"
#include "daemon/maildir.h"
#include "daemon/state.h"

/* What the disk lane must know of it. */
struct folder_expunge {
	enum settings_on_expunge what;
	char *path; /* of the archive; NULL: none */
	struct keywords keywords; /* of the folder: their names alone */
};

/* The path of the account's archive below the root, to be freed, or NULL. */
char *folder_archive_path(const struct settings_account *settings);

/* All zero is to be begun; on the loop. */
void folder_expunge_begin(struct folder_expunge *expunge,
    const struct settings_account *settings, const struct keywords *keywords);

/*
 * Removes the files, or lets go of them: what is interrupted is done again
 * with the same result, as long as the rows are there. DISK lane.
 */
bool folder_expunge(struct folder_expunge *expunge, struct maildir_root *root,
    struct state *state, struct maildir *maildir,
    const struct maildir_identity *identity,
    const struct maildir_message *messages, uint32_t count, bool is_durable,
    struct imap_error *error);

void folder_expunge_free(struct folder_expunge *expunge);

#endif
