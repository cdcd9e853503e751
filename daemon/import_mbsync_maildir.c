/*
 * Where mbsync has an account's folders, and where they are to be here.
 */
#include "daemon/import_mbsync.h"

#include <string.h>
#include <strings.h>

#include "daemon/import_account.h"
#include "daemon/import_shell.h"
#include "libclient/base/mem.h"

const char *
import_mbsync_prefix(const struct import_channel *channel)
{
	return channel->has_patterns && channel->server_box[0] == '\0'
	    ? channel->local_box
	    : "";
}

/* Says which channels have other names here than on the server. */
static void
warn_of_names(
    struct import_account *account, const struct import_channels *channels)
{
	for (uint32_t i = 0; i < channels->count; i++) {
		const struct import_channel *channel = channels->items[i];
		const char *here = channel->local_box;
		const char *there = channel->server_box;

		if (!channel->has_patterns) {
			here = here[0] == '\0' ? "INBOX" : here;
			there = there[0] == '\0' ? "INBOX" : there;
		}
		if (import_mbsync_prefix(channel)[0] == '\0' &&
		    strcmp(here, there) != 0)
			import_warn(account, IMPORT_MAILDIR,
			    channel->section->line,
			    "Channel %s: what is \"%s\" on the server has "
			    "that name here, too, not \"%s\"",
			    channel->section->name, there, here);
	}
}

static void
warn_of_layout(
    struct import_account *account, const struct import_section *local)
{
	const struct import_option *flat =
	    import_section_find(local, "Flatten");
	const struct import_option *style =
	    import_section_find(local, "SubFolders");
	const struct import_option *path = import_section_find(local, "Path");

	if (flat != NULL)
		import_warn(account, IMPORT_LAYOUT, flat->line,
		    "Flatten: here \"a/b\" is the directory b in a, or with "
		    "layout = \"maildir++\" the directory .a.b");
	else if (style != NULL && strcasecmp(style->words[0], "Legacy") == 0)
		import_warn(account, IMPORT_LAYOUT, style->line,
		    "SubFolders Legacy: here \"a/b\" is a/b, not a/.b");
	if (path != NULL &&
	    (path->words[0][0] == '\0' ||
		path->words[0][strlen(path->words[0]) - 1] != '/'))
		import_warn(account, IMPORT_MAILDIR, path->line,
		    "Path %s has no \"/\" at its end, so that mbsync puts the "
		    "names right behind it; here there is one",
		    path->words[0]);
}

/* INBOX has a place of its own for mbsync. */
static void
warn_of_inbox(struct import_account *account,
    const struct import_section *local, const char *root)
{
	const struct import_option *inbox = import_section_find(local, "Inbox");
	const char *path = inbox == NULL ? "~/Maildir" : inbox->words[0];
	const struct import_value *folders = &account->values[IMPORT_FOLDERS];
	size_t len = strlen(root);

	while (len > 1 && root[len - 1] == '/')
		len--;
	if (strncmp(path, root, len) == 0 &&
	    (strcmp(path + len, "/INBOX") == 0 ||
		strcmp(path + len, "/INBOX/") == 0))
		return;
	for (uint32_t i = 0; i < folders->count; i++)
		if (strchr("*%", folders->items[i][0]) != NULL ||
		    strcasecmp(folders->items[i], "INBOX") == 0) {
			import_warn(account, IMPORT_MAILDIR,
			    inbox == NULL ? local->line : inbox->line,
			    "INBOX is %s for mbsync, and the directory INBOX "
			    "in this one here",
			    path);
			return;
		}
}

static void
set_maildirpp(struct import_account *account, int line, const char *path)
{
	(void)import_path(account, IMPORT_MAILDIR, line, path);
	(void)import_text(account, IMPORT_LAYOUT, line, "maildir++");
}

static void
place(struct import_account *account, const struct import_channels *channels)
{
	const struct import_channel *first = channels->items[0];
	const struct import_section *local = first->local;
	const char *style = import_section_text(local, "SubFolders");
	const char *path = import_section_text(local, "Path");
	const char *inbox = import_section_text(local, "Inbox");
	bool is_only_inbox = channels->count == 1 && !first->has_patterns &&
	    (first->server_box[0] == '\0' ||
		strcmp(first->server_box, "INBOX") == 0);
	bool is_inbox_here = first->local_box[0] == '\0' ||
	    strcmp(first->local_box, "INBOX") == 0;
	char *root = mem_format(
	    "%s%s", path == NULL ? "" : path, import_mbsync_prefix(first));

	if (is_only_inbox && !is_inbox_here) {
		mem_free(root);
		root = mem_format(
		    "%s%s", path == NULL ? "" : path, first->local_box);
		set_maildirpp(account, local->line, root);
		import_remark(
		    account, IMPORT_LAYOUT, "INBOX is the Maildir itself");
	} else if ((style != NULL && strcasecmp(style, "Maildir++") == 0) ||
	    path == NULL) {
		set_maildirpp(
		    account, local->line, inbox == NULL ? "~/Maildir" : inbox);
		warn_of_names(account, channels);
	} else {
		(void)import_path(account, IMPORT_MAILDIR, local->line, root);
		warn_of_names(account, channels);
		warn_of_layout(account, local);
		warn_of_inbox(account, local, root);
	}
	mem_free(root);
	if (import_is_set(account, IMPORT_MAILDIR))
		return;
	root = mem_format("~/Mail/%s", import_name(account));
	(void)import_text(account, IMPORT_MAILDIR, local->line, root);
	mem_free(root);
}

static void
tell_of_state(struct import_account *account,
    const struct import_channels *channels,
    const struct import_section *globals)
{
	const char *path =
	    import_section_text(channels->items[0]->section, "SyncState");
	char *word;

	if (path == NULL)
		path = import_section_text(globals, "SyncState");
	if (path == NULL)
		path = "~/.mbsync/";
	if (strcmp(path, "*") == 0) {
		import_remark(account, IMPORT_MAILDIR,
		    "`mailmirror adopt mbsync %s` takes over what is there",
		    import_name(account));
		return;
	}
	word = import_shell_path(path);
	import_remark(account, IMPORT_MAILDIR,
	    "`mailmirror adopt mbsync %s --from %s` takes over what is there",
	    import_name(account), word);
	mem_free(word);
}

void
import_mbsync_maildir(struct import_account *account,
    const struct import_channels *channels,
    const struct import_section *globals)
{
	place(account, channels);
	tell_of_state(account, channels, globals);
}
