/*
 * Where a mailbox is on the disk. On the disk lane.
 */
#include "daemon/folder_path.h"

#include <string.h>

#include "daemon/folder_expunge.h"
#include "daemon/folder_private.h"
#include "daemon/name.h"
#include "libclient/base/mem.h"

/* That of a mailbox which has none yet. */
static char *
path_for(struct state *state, const struct settings_account *settings,
    const struct folder_mailbox *mailbox)
{
	struct span name = mailbox->is_valid ? mailbox->name : mailbox->bytes;
	char *path = name_to_path(
	    name, mailbox->is_valid, mailbox->delimiter, settings->layout);
	char *owner = state == NULL ? NULL : state_path_owner(state, path);
	char *archive = folder_archive_path(settings);

	if (owner != NULL || (archive != NULL && strcmp(archive, path) == 0)) {
		mem_free(path);
		path = name_to_unique_path(name, mailbox->is_valid,
		    mailbox->delimiter, settings->layout);
	}
	mem_free(owner);
	mem_free(archive);
	return path;
}

char *
folder_path_of(struct state *state, const struct settings_account *settings,
    const struct folder_mailbox *mailbox)
{
	char *path = state == NULL ? NULL : state_path(state, mailbox->bytes);

	return path != NULL ? path : path_for(state, settings, mailbox);
}

bool
folder_find_path(struct folder *folder, char **path, struct imap_error *error)
{
	struct state *state = folder->config.state;
	const struct folder_mailbox mailbox = {
	    .bytes = folder_mailbox_bytes(folder),
	    .name = span_of(folder->name),
	    .is_valid = folder->is_valid,
	    .delimiter = folder->delimiter,
	};

	*path = state_path(state, mailbox.bytes);
	if (*path != NULL)
		return true;
	*path = path_for(state, folder->config.settings, &mailbox);
	return state_set_path(state, mailbox.bytes, *path, error);
}

const char *
folder_host_of(const struct settings_account *settings)
{
	return settings->host == NULL || settings->tunnel != NULL
	    ? settings->name
	    : settings->host;
}
