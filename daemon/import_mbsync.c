/*
 * mailmirror import mbsync: an account for each pair of an IMAPStore and a
 * MaildirStore that Channels connect.
 */
#include "daemon/import_mbsync.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "daemon/import_account.h"
#include "libclient/base/mem.h"

/* One file while it is translated. */
struct translation {
	struct import *import;
	struct import_sections sections;
	struct import_channel *channels;
	uint32_t count;
};

/* ---- channels ---- */

/* Splits ":store:box" and finds the store; false: refused. */
static bool
read_side(struct translation *translation, const struct import_section *channel,
    const char *side, const struct import_section **store, char **box)
{
	const struct import_option *option = import_section_find(channel, side);
	const char *end;
	char *name;

	if (option == NULL)
		return import_refuse(translation->import, channel->line,
		    "Channel %s: %s is missing", channel->name, side);
	end = strchr(option->words[0] + (option->words[0][0] != '\0'), ':');
	if (option->words[0][0] != ':' || end == NULL)
		return import_refuse(translation->import, option->line,
		    "%s: \"%s\" is not :STORE:MAILBOX", side, option->words[0]);
	name = mem_format(
	    "%.*s", (int)(end - option->words[0] - 1), option->words[0] + 1);
	*store =
	    import_sections_find(&translation->sections, "IMAPStore", name);
	if (*store == NULL)
		*store = import_sections_find(
		    &translation->sections, "MaildirStore", name);
	if (*store == NULL)
		(void)import_refuse(translation->import, option->line,
		    "%s: there is no store %s", side, name);
	mem_free(name);
	if (*store == NULL)
		return false;
	*box = mem_copy_string(
	    strcasecmp(end + 1, "INBOX") == 0 ? "INBOX" : end + 1);
	return true;
}

static bool
is_imap(const struct import_section *store)
{
	return strcmp(store->kind, "IMAPStore") == 0;
}

static bool
read_channel(
    struct translation *translation, const struct import_section *section)
{
	const struct import_section *far = NULL;
	const struct import_section *near = NULL;
	char *far_box = NULL;
	char *near_box = NULL;
	struct import_channel *channel;

	if (!read_side(translation, section, "Far", &far, &far_box) ||
	    !read_side(translation, section, "Near", &near, &near_box) ||
	    far == NULL || near == NULL) {
		mem_free(far_box);
		return false;
	}
	if (is_imap(far) == is_imap(near)) {
		import_warn_all(translation->import, section->line,
		    "Channel %s is left out: of its two stores not one is an "
		    "IMAPStore and the other a MaildirStore",
		    section->name);
		mem_free(far_box);
		mem_free(near_box);
		return true;
	}
	translation->channels = mem_resize(translation->channels,
	    translation->count + 1, sizeof(*translation->channels));
	channel = &translation->channels[translation->count++];
	*channel = (struct import_channel){
	    .section = section,
	    .server = is_imap(far) ? far : near,
	    .local = is_imap(far) ? near : far,
	    .server_box = is_imap(far) ? far_box : near_box,
	    .local_box = is_imap(far) ? near_box : far_box,
	    .has_patterns = import_section_find(section, "Patterns") != NULL,
	    .is_reversed = is_imap(near),
	};
	return true;
}

static bool
is_same_account(const struct import_channel *a, const struct import_channel *b)
{
	return a->server == b->server && a->local == b->local &&
	    strcmp(import_mbsync_prefix(a), import_mbsync_prefix(b)) == 0;
}

/* ---- all of it ---- */

static const struct import_section *
find_account(
    const struct translation *translation, const struct import_section *store)
{
	const struct import_option *option =
	    import_section_find(store, "Account");

	if (option == NULL)
		return NULL;
	return import_sections_find(
	    &translation->sections, "IMAPAccount", option->words[0]);
}

static bool
translate(
    struct translation *translation, const struct import_channels *channels)
{
	const struct import_channel *first = channels->items[0];
	const struct import_section *globals =
	    import_sections_find(&translation->sections, "", "");
	const struct import_section *server[2] = {
	    first->server, find_account(translation, first->server)};
	const struct import_option *named =
	    import_section_find(first->server, "Account");
	const struct import_option *fsync =
	    import_section_find(globals, "FSync");
	struct import_account *account;
	bool is_on = true;

	if (named != NULL && server[1] == NULL)
		return import_refuse(translation->import, named->line,
		    "there is no IMAPAccount %s", named->words[0]);
	account = import_add(translation->import,
	    server[server[1] != NULL]->name, first->section->line);
	if (!import_mbsync_server(account, server) ||
	    !import_mbsync_folders(account, channels))
		return false;
	import_mbsync_maildir(account, channels, globals);
	if (!import_mbsync_flow(account, channels, globals))
		return false;
	if (fsync != NULL && import_truth(fsync->words[0], &is_on) && !is_on)
		import_bool(account, IMPORT_FSYNC, false);
	import_mbsync_warn(account, server[0]);
	if (server[1] != NULL)
		import_mbsync_warn(account, server[1]);
	import_mbsync_warn(account, first->local);
	if (translation->import->count == 1)
		import_mbsync_warn(account, globals);
	for (uint32_t i = 0; i < channels->count; i++)
		import_mbsync_warn(account, channels->items[i]->section);
	import_complete(account, server[0]->line);
	return true;
}

static void
add_channel(
    struct import_channels *channels, const struct import_channel *channel)
{
	channels->items = mem_resize((void *)channels->items,
	    channels->count + 1, sizeof(struct import_channel *));
	channels->items[channels->count++] = channel;
}

/* Translates the channel with all later ones that are of its account. */
static bool
translate_from(struct translation *translation, uint32_t index)
{
	const struct import_channel *all = translation->channels;
	struct import_channels channels = {0};
	bool is_good;

	for (uint32_t i = 0; i < index; i++)
		if (is_same_account(&all[i], &all[index]))
			return true;
	add_channel(&channels, &all[index]);
	for (uint32_t i = index + 1; i < translation->count; i++)
		if (is_same_account(&all[i], &all[index]))
			add_channel(&channels, &all[i]);
	is_good = translate(translation, &channels);
	mem_free((void *)channels.items);
	return is_good;
}

static bool
translate_all(struct translation *translation)
{
	const struct import_sections *sections = &translation->sections;
	bool is_good = true;

	for (uint32_t i = 0; is_good && i < sections->count; i++) {
		const struct import_section *section = &sections->items[i];

		if (strcmp(section->kind, "Channel") == 0)
			is_good = read_channel(translation, section);
		else if (strcmp(section->kind, "Group") == 0)
			import_warn_all(translation->import, section->line,
			    "Group %s: here the command line names accounts "
			    "and folders",
			    section->name);
	}
	for (uint32_t i = 0; is_good && i < translation->count; i++)
		is_good = translate_from(translation, i);
	if (is_good && translation->import->count == 0)
		return import_refuse(translation->import, 1,
		    "there is no Channel of an IMAPStore and a MaildirStore");
	if (is_good)
		import_separate(translation->import);
	return is_good;
}

bool
import_mbsync(struct import *import, const char *text)
{
	struct translation translation = {.import = import};
	bool is_good =
	    import_mbsync_parse(import, text, &translation.sections) &&
	    translate_all(&translation);

	for (uint32_t i = 0; i < translation.count; i++) {
		mem_free(translation.channels[i].server_box);
		mem_free(translation.channels[i].local_box);
	}
	mem_free(translation.channels);
	import_sections_free(&translation.sections);
	return is_good;
}
