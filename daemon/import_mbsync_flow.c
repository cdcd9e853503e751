/*
 * What mbsync's Channels carry which way, and what mailmirror, which carries
 * one way, does instead.
 */
#include "daemon/import_mbsync.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "daemon/import_account.h"

#define SIZE_LIMIT (UINT64_C(1) << 50)

/* Kinds of changes, as bits; pushed ones are PUSHED to the left. */
enum { NEW = 1, RENEW = 2, GONE = 4, FLAGS = 8, ALL = 15, PUSHED = 4 };

static const struct {
	const char *name;
	unsigned kinds;
} kinds[] = {
    {"", ALL},
    {"New", NEW},
    {"ReNew", RENEW},
    {"Upgrade", RENEW},
    {"Old", RENEW},
    {"Delete", GONE},
    {"Gone", GONE},
    {"Flags", FLAGS},
};

/* The channel's own option, or the global one, or NULL. */
static const struct import_option *
find(const struct import_channel *channel, const struct import_section *globals,
    const char *key)
{
	const struct import_option *option =
	    import_section_find(channel->section, key);

	return option != NULL ? option : import_section_find(globals, key);
}

/* The kinds that a word names; 0: none. */
static unsigned
find_kind(const char *word)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcasecmp(word, kinds[i].name) == 0)
			return kinds[i].kinds;
	return 0;
}

/*
 * The cells that Sync selects (mbsync(1)): words of direction and kind select
 * rows and columns, or with a compound among them all cells that they have.
 */
static bool
read_sync(
    struct import *import, const struct import_option *option, unsigned *cells)
{
	unsigned compounds = 0;
	unsigned directions = 0; /* 1: pull, 2: push */
	unsigned types = 0;

	for (uint32_t i = 0; i < option->count; i++) {
		const char *word = option->words[i];
		bool is_pull = strncasecmp(word, "Pull", 4) == 0;
		bool is_push = strncasecmp(word, "Push", 4) == 0;
		unsigned kind = find_kind(word + (is_pull || is_push ? 4 : 0));

		if (strcasecmp(word, "None") == 0) {
			*cells = 0;
			return true;
		}
		if (strcasecmp(word, "All") == 0 ||
		    strcasecmp(word, "Full") == 0)
			kind = ALL;
		if (kind == 0 || word[0] == '\0')
			return import_refuse(import, option->line,
			    "Sync: \"%s\" is unknown", word);
		if (!is_pull && !is_push)
			types |= kind;
		else if (kind == ALL)
			directions |= is_pull ? 1 : 2;
		else
			compounds |= is_pull ? kind : kind << PUSHED;
	}
	if (compounds != 0) {
		*cells = compounds | types | types << PUSHED |
		    ((directions & 1) != 0 ? ALL : 0) |
		    ((directions & 2) != 0 ? ALL << PUSHED : 0);
		return true;
	}
	types = types == 0 ? ALL : types;
	directions = directions == 0 ? 3 : directions;
	*cells = ((directions & 1) != 0 ? types : 0) |
	    ((directions & 2) != 0 ? types << PUSHED : 0);
	return true;
}

/* Whether Create, Remove or Expunge is for a side. */
static bool
is_for(const struct import_option *option, const char *side, const char *old)
{
	for (uint32_t i = 0; option != NULL && i < option->count; i++)
		if (strcasecmp(option->words[i], side) == 0 ||
		    strcasecmp(option->words[i], old) == 0 ||
		    strcasecmp(option->words[i], "Both") == 0)
			return true;
	return false;
}

static bool
is_here(
    const struct import_channel *channel, const struct import_option *option)
{
	return channel->is_reversed ? is_for(option, "Far", "Master")
				    : is_for(option, "Near", "Slave");
}

static bool
is_there(
    const struct import_channel *channel, const struct import_option *option)
{
	return channel->is_reversed ? is_for(option, "Near", "Slave")
				    : is_for(option, "Far", "Master");
}

static bool
read_flow(struct import *import, const struct import_channel *channel,
    const struct import_section *globals, struct import_mbsync_flow *flow)
{
	const struct import_option *sync = find(channel, globals, "Sync");
	unsigned cells = ALL | ALL << PUSHED;
	unsigned pulled;
	bool expunges = is_here(channel, find(channel, globals, "Expunge")) ||
	    is_here(channel, find(channel, globals, "ExpungeSolo"));

	if (sync != NULL && !read_sync(import, sync, &cells))
		return false;
	pulled = channel->is_reversed ? cells >> PUSHED : cells & ALL;
	*flow = (struct import_mbsync_flow){
	    .pulls_new = (pulled & NEW) != 0,
	    .pulls_gone = (pulled & GONE) != 0 && expunges,
	    .pulls_flags = (pulled & FLAGS) != 0,
	    .pushes =
		(channel->is_reversed ? cells & ALL : cells >> PUSHED) != 0,
	};
	return true;
}

/* Whether to speak of it: what all channels have is said at the first. */
static bool
is_worth_a_word(
    const struct import_channel *channel, const char *key, bool is_first)
{
	return is_first || import_section_find(channel->section, key) != NULL;
}

/* One line about each way in which the channel differs from a mirror. */
static void
warn_of_changes(struct import_account *account,
    const struct import_channel *channel, const struct import_section *globals,
    const struct import_mbsync_flow *flow, bool is_first)
{
	static const char *const others[] = {
	    "Create", "Remove", "Expunge", "ExpungeSolo"};
	const struct import_option *sync = find(channel, globals, "Sync");
	const char *name = channel->section->name;
	int line = sync == NULL ? channel->section->line : sync->line;
	bool has_word = is_worth_a_word(channel, "Sync", is_first);

	if (flow->pushes && has_word)
		import_warn(account, IMPORT_CHANGES, line,
		    "Channel %s carries changes that are made here to the "
		    "server (Sync%s); mailmirror mirrors, and does not",
		    name, sync == NULL ? " All, the default" : "");
	if (!flow->pulls_new && has_word)
		import_warn(account, IMPORT_CHANGES, line,
		    "Channel %s fetches no new messages; mailmirror does",
		    name);
	if (!flow->pulls_flags && has_word)
		import_warn(account, IMPORT_CHANGES, line,
		    "Channel %s fetches no flags; mailmirror does", name);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		const struct import_option *option =
		    find(channel, globals, others[i]);

		if (option != NULL && is_there(channel, option) &&
		    is_worth_a_word(channel, others[i], is_first))
			import_warn(account, IMPORT_CHANGES, option->line,
			    "%s on the server: mailmirror changes nothing "
			    "there",
			    option->key);
	}
}

/* "200k", "2m", "1000b"; false: none of these. */
static bool
read_size(const char *text, uint64_t *size)
{
	struct span span = span_of(text);
	unsigned long long number = 0;
	uint64_t unit = 1;

	if (span.len > 0 && strchr("bB", span.at[span.len - 1]) != NULL)
		span.len--;
	if (span.len > 0 && strchr("kK", span.at[span.len - 1]) != NULL)
		unit = 1024;
	else if (span.len > 0 && strchr("mM", span.at[span.len - 1]) != NULL)
		unit = UINT64_C(1024) * 1024;
	span.len -= unit > 1;
	if (!span_to_number(span, SIZE_LIMIT / unit, &number))
		return false;
	*size = number * unit;
	return true;
}

/* The size above which messages are not fetched in any of the channels. */
static bool
read_max_size(
    struct import_account *account, const struct import_channels *channels)
{
	uint64_t most = 0;

	for (uint32_t i = 0; i < channels->count; i++) {
		const struct import_channel *channel = channels->items[i];
		const struct import_option *option =
		    import_section_find(channel->section, "MaxSize");
		uint64_t size = 0;

		if (option == NULL)
			option = import_section_find(channel->local, "MaxSize");
		if (option != NULL && !read_size(option->words[0], &size))
			return import_refuse(account->import, option->line,
			    "MaxSize: \"%s\" is no size", option->words[0]);
		if (i > 0 && size != most)
			import_warn(account, IMPORT_MAX_SIZE,
			    channel->section->line,
			    "MaxSize of Channel %s is another; here an account "
			    "has one, the largest",
			    channel->section->name);
		if (size == 0 || (i > 0 && most == 0))
			most = 0;
		else if (size > most)
			most = size;
	}
	if (most > 0)
		import_bare(account, IMPORT_MAX_SIZE, most);
	return true;
}

bool
import_mbsync_flow(struct import_account *account,
    const struct import_channels *channels,
    const struct import_section *globals)
{
	int line = channels->items[0]->section->line;
	uint32_t deleting = 0;

	for (uint32_t i = 0; i < channels->count; i++) {
		const struct import_channel *channel = channels->items[i];
		struct import_mbsync_flow flow;

		if (!read_flow(account->import, channel, globals, &flow))
			return false;
		warn_of_changes(account, channel, globals, &flow, i == 0);
		deleting += flow.pulls_gone;
	}
	if (deleting < channels->count) {
		if (deleting > 0)
			import_warn(account, IMPORT_ON_EXPUNGE, line,
			    "some of the channels keep what is expunged on the "
			    "server, some do not; here all keep it");
		else
			import_remark(account, IMPORT_ON_EXPUNGE,
			    "What is expunged on the server stays here, as "
			    "with this Sync and Expunge; \"delete\" removes "
			    "it.");
		(void)import_text(account, IMPORT_ON_EXPUNGE, line, "keep");
	}
	return read_max_size(account, channels);
}
