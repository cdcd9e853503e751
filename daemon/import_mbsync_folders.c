/*
 * Patterns and boxes of mbsync's Channels as folders and exclude. Of mbsync's
 * patterns the last that matches decides; here exclude always wins, so that an
 * exclusion from which something is taken back needs another way to say it.
 */
#include "daemon/import_mbsync.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "daemon/import_account.h"
#include "daemon/name.h"
#include "libclient/base/mem.h"

#define PATTERNS_MAX 2000 /* each is compared with all others */

struct pattern {
	char *text; /* on the server's names, "/" between the levels */
	bool is_exclusion;
	uint32_t channel;
	int line;
};

struct patterns {
	struct pattern *items;
	uint32_t count;
};

/* Gmail's folders, by English names and special use. */
static const struct {
	const char *name;
	const char *use;
} gmail[] = {
    {"All Mail", "\\All"},
    {"Drafts", "\\Drafts"},
    {"Important", "\\Important"},
    {"Sent Mail", "\\Sent"},
    {"Spam", "\\Junk"},
    {"Starred", "\\Flagged"},
    {"Trash", "\\Trash"},
    {"Bin", "\\Trash"},
};

static void
add_pattern(struct patterns *patterns, const struct import_channel *channel,
    const char *text, bool is_exclusion)
{
	bool is_inbox = strcasecmp(text, "INBOX") == 0 ||
	    strncasecmp(text, "INBOX/", 6) == 0;
	const char *path = import_section_text(channel->server, "Path");
	char *encoded =
	    mem_format("%s%s", is_inbox || path == NULL ? "" : path, text);
	struct pattern *pattern;

	patterns->items = mem_resize(
	    patterns->items, patterns->count + 1, sizeof(*patterns->items));
	pattern = &patterns->items[patterns->count++];
	*pattern = (struct pattern){
	    .text = import_mailbox(encoded),
	    .is_exclusion = is_exclusion,
	    .line = channel->section->line,
	};
	mem_free(encoded);
}

static void
add_channel(struct patterns *patterns, const struct import_channel *channel,
    uint32_t number)
{
	const struct import_section *section = channel->section;
	uint32_t first = patterns->count;

	if (!channel->has_patterns)
		add_pattern(patterns, channel,
		    channel->server_box[0] == '\0' ? "INBOX"
						   : channel->server_box,
		    false);
	for (uint32_t i = 0; i < section->count; i++) {
		const struct import_option *option = &section->options[i];
		bool is_pattern = strcmp(option->key, "Patterns") == 0;

		for (uint32_t j = 0; is_pattern && j < option->count; j++) {
			const char *word = option->words[j];
			const char *box = channel->server_box;
			char *text = mem_format("%s%s%s", box,
			    box[0] == '\0' ? "" : "/", word + (word[0] == '!'));

			add_pattern(patterns, channel, text, word[0] == '!');
			patterns->items[patterns->count - 1].line =
			    option->line;
			mem_free(text);
		}
	}
	for (uint32_t i = first; i < patterns->count; i++)
		patterns->items[i].channel = number;
}

/* True if what the pattern says is asked after what the exclusion says. */
static bool
is_after(const struct patterns *patterns, uint32_t pattern, uint32_t exclusion)
{
	const struct pattern *items = patterns->items;

	return !items[pattern].is_exclusion &&
	    (pattern > exclusion ||
		items[pattern].channel != items[exclusion].channel);
}

static bool
covers(const struct pattern *wide, const struct pattern *narrow)
{
	return name_matches(span_of(narrow->text), '/', wide->text);
}

/* The place in gmail[] of what a name is below the prefix; -1: nowhere. */
static int
gmail_folder(const char *name, size_t prefix_len)
{
	for (size_t i = 0; i < sizeof(gmail) / sizeof(*gmail); i++)
		if (strlen(name) > prefix_len &&
		    strcasecmp(name + prefix_len, gmail[i].name) == 0)
			return (int)i;
	return -1;
}

/*
 * "[Gmail]*" is excluded, and some of what is in it is not: the other folders
 * that Gmail has are excluded. False: it is not of that kind.
 */
static bool
exclude_gmail(struct import_account *account, const struct patterns *patterns,
    uint32_t index)
{
	const struct pattern *exclusion = &patterns->items[index];
	const char *text = exclusion->text;
	size_t prefix = strncmp(text, "[Gmail]", 7) == 0 ? 7 : 13;
	unsigned kept = 0;

	if ((prefix == 13 && strncmp(text, "[Google Mail]", 13) != 0) ||
	    strspn(text + prefix, "/*%") != strlen(text + prefix) ||
	    text[prefix] == '\0')
		return false;
	for (uint32_t i = 0; i < patterns->count; i++) {
		const struct pattern *pattern = &patterns->items[i];
		int folder = gmail_folder(pattern->text, prefix + 1);

		if (!is_after(patterns, i, index) ||
		    !covers(exclusion, pattern))
			continue;
		if (folder == -1)
			return false;
		for (size_t j = 0; j < sizeof(gmail) / sizeof(*gmail); j++)
			if (strcmp(gmail[j].use, gmail[folder].use) == 0)
				kept |= 1U << j;
	}
	import_remark(account, IMPORT_EXCLUDE,
	    "line %d: what Gmail has in %s, but for the folders that are named "
	    "above",
	    exclusion->line, text);
	for (size_t j = 0; j < sizeof(gmail) / sizeof(*gmail); j++)
		if ((kept & 1U << j) == 0)
			(void)import_item(account, IMPORT_EXCLUDE,
			    exclusion->line, gmail[j].use);
	return true;
}

/* The pattern as the server has it, with its own delimiter. */
static void
add_item(struct import_account *account, enum import_setting setting,
    const struct import_channels *channels, const struct pattern *pattern)
{
	const struct import_section *server =
	    channels->items[pattern->channel]->server;
	const char *delimiter = import_section_text(server, "PathDelimiter");
	bool is_known = delimiter != NULL && delimiter[0] != '\0';
	char *text = mem_copy_string(pattern->text);

	for (char *c = text; is_known && *c != '\0'; c++)
		if (*c == '/')
			*c = delimiter[0];
	if (!is_known && strchr(text, '/') != NULL &&
	    strncmp(text, "[G", 2) != 0)
		import_remark(account, setting,
		    "%s: if the server has another character than \"/\" "
		    "between the levels of its folders, write that",
		    text);
	(void)import_item(account, setting, pattern->line, text);
	mem_free(text);
}

static void
exclude(struct import_account *account, const struct import_channels *channels,
    const struct patterns *patterns, uint32_t index)
{
	const struct pattern *exclusion = &patterns->items[index];

	for (uint32_t i = 0; i < patterns->count; i++)
		if (is_after(patterns, i, index) &&
		    covers(&patterns->items[i], exclusion)) {
			import_remark(account, IMPORT_EXCLUDE,
			    "line %d: \"!%s\" has no effect, as \"%s\" "
			    "includes it again",
			    exclusion->line, exclusion->text,
			    patterns->items[i].text);
			return;
		}
	for (uint32_t i = 0; i < patterns->count; i++) {
		if (!is_after(patterns, i, index) ||
		    !covers(exclusion, &patterns->items[i]))
			continue;
		if (!exclude_gmail(account, patterns, index))
			import_warn(account, IMPORT_EXCLUDE, exclusion->line,
			    "\"!%s\" is left out, as here it would also "
			    "exclude \"%s\"; write the folders that are not "
			    "wanted one by one",
			    exclusion->text, patterns->items[i].text);
		return;
	}
	add_item(account, IMPORT_EXCLUDE, channels, exclusion);
}

static void
add_all(struct import_account *account, const struct import_channels *channels,
    const struct patterns *patterns)
{
	int line = channels->items[0]->section->line;

	for (uint32_t i = 0; i < patterns->count; i++)
		if (!patterns->items[i].is_exclusion)
			add_item(account, IMPORT_FOLDERS, channels,
			    &patterns->items[i]);
	for (uint32_t i = 0; i < patterns->count; i++)
		if (patterns->items[i].is_exclusion)
			exclude(account, channels, patterns, i);
	if (!import_is_set(account, IMPORT_FOLDERS)) {
		import_warn(account, IMPORT_FOLDERS, line,
		    "no pattern includes a folder; here that is INBOX");
		(void)import_item(account, IMPORT_FOLDERS, line, "INBOX");
	}
}

bool
import_mbsync_folders(
    struct import_account *account, const struct import_channels *channels)
{
	struct patterns patterns = {0};
	bool is_good = true;

	for (uint32_t i = 0; i < channels->count; i++)
		add_channel(&patterns, channels->items[i], i);
	if (patterns.count > PATTERNS_MAX)
		is_good = import_refuse(account->import,
		    patterns.items[PATTERNS_MAX].line,
		    "this is pattern %d of one account, and the first too "
		    "many; have \"*\" and \"%%\" stand for several folders",
		    PATTERNS_MAX + 1);
	else
		add_all(account, channels, &patterns);
	for (uint32_t i = 0; i < patterns.count; i++)
		mem_free(patterns.items[i].text);
	mem_free(patterns.items);
	return is_good;
}
