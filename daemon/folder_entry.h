/*
 * A message in the terms of index.h and of maildir.h. What the index has no
 * room for is UNKNOWN there.
 */
#ifndef DAEMON_FOLDER_ENTRY_H
#define DAEMON_FOLDER_ENTRY_H

#include "daemon/index.h"
#include "daemon/maildir_name.h"

struct maildir_message folder_message(const struct index_entry *entry);
struct index_entry folder_entry(const struct maildir_message *message);

#endif
