/*
 * Where a mailbox is on the disk.
 */
#ifndef DAEMON_FOLDER_PATH_H
#define DAEMON_FOLDER_PATH_H

#include "conf/settings.h"
#include "daemon/folder.h"
#include "daemon/state.h"

/*
 * The path below the Maildir's root that a mailbox has, or that it gets when
 * it is mirrored first; to be freed. state NULL: nothing is remembered.
 */
char *folder_path_of(struct state *state,
    const struct settings_account *settings,
    const struct folder_mailbox *mailbox);

/* What the names of an account's files have for a host; borrowed. */
const char *folder_host_of(const struct settings_account *settings);

#endif
