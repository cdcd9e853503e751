/*
 * Where a mailbox is on the disk. On the disk lane.
 */
#include "daemon/folder_private.h"

#include <string.h>

#include "daemon/folder_expunge.h"
#include "daemon/name.h"
#include "libclient/base/mem.h"

bool
folder_find_path(struct folder *folder, char **path, struct imap_error *error)
{
	struct state *state = folder->config.state;
	struct span mailbox = folder_mailbox_bytes(folder);
	struct span name = folder->is_valid ? span_of(folder->name) : mailbox;
	enum settings_layout layout = folder->config.settings->layout;
	char *owner, *archive;

	*path = state_path(state, mailbox);
	if (*path != NULL)
		return true;
	*path = name_to_path(name, folder->is_valid, folder->delimiter, layout);
	owner = state_path_owner(state, *path);
	archive = folder_archive_path(folder->config.settings);
	if (owner != NULL || (archive != NULL && strcmp(archive, *path) == 0)) {
		mem_free(owner);
		mem_free(*path);
		*path = name_to_unique_path(
		    name, folder->is_valid, folder->delimiter, layout);
	}
	mem_free(archive);
	return state_set_path(state, mailbox, *path, error);
}
