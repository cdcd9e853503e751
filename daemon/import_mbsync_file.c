/*
 * mbsyncrc: lines of words; an empty line ends a section (mbsync(1)).
 */
#include "daemon/import_mbsync.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "daemon/import_account.h"
#include "libclient/base/mem.h"

#define ANY UINT32_MAX

static const char mirrors_all[] = "mailmirror mirrors all messages of a folder";
static const char no_trash[] =
    "mailmirror has no trash; see on_expunge = \"archive\"";

/* What is translated elsewhere has no note. A note is not worth a warning
 * when it is about what is switched off. */
static const struct keyword {
	const char *name;
	const char *now; /* its name in today's mbsync, if it is another */
	uint32_t words;
	const char *note;
} keywords[] = {
    {"Account", NULL, 1, NULL},
    {"AltMap", NULL, 1,
	"the UIDs are in a database; `mdconvert -n` puts them into the names, "
	"which adopt needs"},
    {"AuthMech", "AuthMechs", ANY, NULL},
    {"AuthMechs", NULL, ANY, NULL},
    {"BufferLimit", NULL, 1, NULL},
    {"CertificateFile", NULL, 1, NULL},
    {"Channel", "Channels", ANY, NULL},
    {"Channels", NULL, ANY, NULL},
    {"CipherString", NULL, 1, "OpenSSL's configuration has the ciphers"},
    {"ClientCertificate", NULL, 1, NULL},
    {"ClientKey", NULL, 1, NULL},
    {"CopyArrivalDate", NULL, 1, NULL},
    {"Create", NULL, ANY, NULL},
    {"DisableExtension", "DisableExtensions", ANY, NULL},
    {"DisableExtensions", NULL, ANY, NULL},
    {"ExpireSide", NULL, 1, mirrors_all},
    {"ExpireUnread", NULL, 1, mirrors_all},
    {"Expunge", NULL, ANY, NULL},
    {"ExpungeSolo", NULL, ANY, NULL},
    {"Far", NULL, 1, NULL},
    {"FieldDelimiter", NULL, 1, NULL},
    {"Flatten", NULL, 1, NULL},
    {"FSync", NULL, 1, NULL},
    {"Host", NULL, 1, NULL},
    {"Inbox", NULL, 1, NULL},
    {"InfoDelimiter", NULL, 1,
	"in mailmirror's names a \":\" is in front of the flags"},
    {"MapInbox", NULL, 1, "INBOX is mirrored under its own name alone"},
    {"Master", "Far", 1, NULL},
    {"MaxMessages", NULL, 1, mirrors_all},
    {"MaxSize", NULL, 1, NULL},
    {"Near", NULL, 1, NULL},
    {"Pass", NULL, 1, NULL},
    {"PassCmd", NULL, 1, NULL},
    {"Path", NULL, 1, NULL},
    {"PathDelimiter", NULL, 1, NULL},
    {"Pattern", "Patterns", ANY, NULL},
    {"Patterns", NULL, ANY, NULL},
    {"PipelineDepth", NULL, 1,
	"there is no setting for it; max_connections limits what is fetched at "
	"a time"},
    {"Port", NULL, 1, NULL},
    {"Remove", NULL, ANY, NULL},
    {"RequireCRAM", NULL, 1, NULL},
    {"RequireSSL", NULL, 1, NULL},
    {"Slave", "Near", 1, NULL},
    {"SSLType", "TLSType", 1, NULL},
    {"SSLVersion", "TLSVersions", ANY, NULL},
    {"SSLVersions", "TLSVersions", ANY, NULL},
    {"SubFolders", NULL, 1, NULL},
    {"SubscribedOnly", NULL, 1,
	"subscriptions do not count here; name the folders"},
    {"Sync", NULL, ANY, NULL},
    {"SyncState", NULL, 1, NULL},
    {"SystemCertificates", NULL, 1, NULL},
    {"Timeout", NULL, 1, NULL},
    {"TLSType", NULL, 1, NULL},
    {"TLSVersion", "TLSVersions", ANY, NULL},
    {"TLSVersions", NULL, ANY, NULL},
    {"Trash", NULL, 1, no_trash},
    {"TrashNewOnly", NULL, 1, no_trash},
    {"TrashRemoteNew", NULL, 1, no_trash},
    {"Tunnel", NULL, 1, NULL},
    {"UseIMAPS", NULL, 1, NULL},
    {"UseKeychain", NULL, 1,
	"let password_command ask it: \"security find-internet-password -w "
	"...\""},
    {"UseNamespace", NULL, 1, NULL},
    {"User", NULL, 1, NULL},
    {"UserCmd", NULL, 1, "run it, and write what it prints as user"},
    {"UseSSLv2", NULL, 1, "only TLS 1.2 and 1.3 are spoken here"},
    {"UseSSLv3", NULL, 1, "only TLS 1.2 and 1.3 are spoken here"},
    {"UseTLSv1", NULL, 1, "only TLS 1.2 and 1.3 are spoken here"},
    {"UseTLSv1.1", NULL, 1, "only TLS 1.2 and 1.3 are spoken here"},
    {"UseTLSv1.2", NULL, 1, NULL},
    {"UseTLSv1.3", NULL, 1, NULL},
};

static const char *const globals[] = {"BufferLimit", "CopyArrivalDate",
    "Create", "ExpireSide", "ExpireUnread", "Expunge", "ExpungeSolo",
    "FieldDelimiter", "FSync", "MaxMessages", "Remove", "Sync", "SyncState",
    NULL};
static const char *const starters[] = {
    "Channel", "Group", "IMAPAccount", "IMAPStore", "MaildirStore", NULL};

/* One file while it is read. */
struct reading {
	struct import *import;
	struct import_sections *sections;
	int line;
	bool is_in_section;
};

static const struct keyword *
find_keyword(const char *name)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (strcasecmp(keywords[i].name, name) == 0)
			return &keywords[i];
	return NULL;
}

/* The word as the list has it, or NULL. */
static const char *
find_word(const char *const *list, const char *word)
{
	for (; *list != NULL; list++)
		if (strcasecmp(*list, word) == 0)
			return *list;
	return NULL;
}

/*
 * Takes the word at the front of *at: "\" is in front of any character that
 * means itself, quotes may stand anywhere in a word. False: refused, or none
 * left, with *word empty.
 */
static bool
take_word(struct reading *reading, const char **at, const char *end,
    struct buf *word, bool *is_there)
{
	bool is_quoted = false;
	const char *c = *at;

	buf_clear(word);
	while (c < end && isspace((unsigned char)*c))
		c++;
	*is_there = c < end && *c != '#';
	for (; *is_there && c < end; c++) {
		if (*c == '"') {
			is_quoted = !is_quoted;
			continue;
		}
		if (isspace((unsigned char)*c) && !is_quoted)
			break;
		if (*c == '\\' && ++c == end)
			return import_refuse(reading->import, reading->line,
			    "there is nothing behind the last \"\\\"");
		(void)buf_add(word, c, 1);
	}
	*at = c;
	if (is_quoted)
		return import_refuse(reading->import, reading->line,
		    "a closing quote (\") is missing");
	return true;
}

/* The words of a line; false: refused. */
static bool
take_words(struct reading *reading, const char *at, const char *end,
    struct import_option *words)
{
	bool is_there = true;
	struct buf word;

	buf_init(&word, (size_t)1 << 20);
	while (is_there) {
		if (!take_word(reading, &at, end, &word, &is_there)) {
			buf_free_secret(&word);
			return false;
		}
		if (is_there)
			import_option_add(words, buf_span(&word));
	}
	buf_free_secret(&word);
	return true;
}

static bool
begin_section(struct reading *reading, const char *kind,
    const struct import_option *words)
{
	struct import_section *section;
	struct import_option *option;

	if (words->count < 2)
		return import_refuse(reading->import, reading->line,
		    "%s: a name is missing", kind);
	if (words->count > 2 && strcmp(kind, "Group") != 0)
		return import_refuse(reading->import, reading->line,
		    "%s: \"%s\" is too much", kind, words->words[2]);
	if (import_sections_find(reading->sections, kind, words->words[1]))
		return import_refuse(reading->import, reading->line,
		    "there is a %s %s already", kind, words->words[1]);
	section = import_sections_add(
	    reading->sections, kind, words->words[1], reading->line);
	reading->is_in_section = true;
	if (words->count == 2)
		return true;
	option = import_section_add(section, "Channels", reading->line);
	for (uint32_t i = 2; i < words->count; i++)
		import_option_add(option, span_of(words->words[i]));
	return true;
}

static bool
add_option(struct reading *reading, struct import_section *section,
    const struct import_option *words)
{
	const struct keyword *keyword = find_keyword(words->words[0]);
	const char *key = words->words[0];
	struct import_option *option;

	if (keyword != NULL)
		key = keyword->now != NULL ? keyword->now : keyword->name;
	if (keyword != NULL && words->count < 2)
		return import_refuse(reading->import, reading->line,
		    "%s: a value is missing", key);
	if (keyword != NULL && words->count - 1 > keyword->words)
		return import_refuse(reading->import, reading->line,
		    "%s: there is more than one value; one with spaces stands "
		    "in double quotes",
		    key);
	option = import_section_add(section, key, reading->line);
	for (uint32_t i = 1; i < words->count; i++)
		import_option_add(option, span_of(words->words[i]));
	return true;
}

static bool
read_line(struct reading *reading, const struct import_option *words)
{
	struct import_sections *sections = reading->sections;
	const char *kind = find_word(starters, words->words[0]);
	struct import_section *section = &sections->items[0];

	if (strcasecmp(words->words[0], "IncludeCmd") == 0) {
		import_warn_all(reading->import, reading->line,
		    "IncludeCmd is not run: put what the command prints in "
		    "its place, and import that");
		return true;
	}
	if (reading->is_in_section) {
		section = &sections->items[sections->count - 1];
		if (kind != NULL &&
		    !(strcmp(kind, "Channel") == 0 &&
			strcmp(section->kind, "Group") == 0))
			return import_refuse(reading->import, reading->line,
			    "%s begins inside %s %s: an empty line ends a "
			    "section",
			    kind, section->kind, section->name);
		return add_option(reading, section, words);
	}
	if (kind != NULL)
		return begin_section(reading, kind, words);
	if (find_word(globals, words->words[0]) == NULL)
		return import_refuse(reading->import, reading->line,
		    "\"%s\" begins no section and is no global option of "
		    "mbsync",
		    words->words[0]);
	return add_option(reading, section, words);
}

bool
import_mbsync_parse(
    struct import *import, const char *text, struct import_sections *sections)
{
	struct reading reading = {.import = import, .sections = sections};
	bool is_good = true;

	(void)import_sections_add(sections, "", "", 1);
	while (*text != '\0' && is_good) {
		const char *end = text + strcspn(text, "\n");
		size_t spaces = strspn(text, " \t\r\f");
		struct import_sections words = {0};
		struct import_option *line;

		reading.line++;
		line = import_section_add(
		    import_sections_add(&words, "", "", 0), "", 0);
		is_good = take_words(&reading, text, end, line);
		if (is_good && line->count > 0)
			is_good = read_line(&reading, line);
		else if (text + spaces >= end)
			reading.is_in_section = false;
		import_sections_free(&words);
		text = *end == '\0' ? end : end + 1;
	}
	return is_good;
}

void
import_mbsync_warn(
    struct import_account *account, const struct import_section *section)
{
	for (uint32_t i = 0; i < section->count; i++) {
		const struct import_option *option = &section->options[i];
		const struct keyword *keyword = find_keyword(option->key);
		bool is_on = true;

		if (keyword == NULL)
			import_warn(account, IMPORT_OTHER, option->line,
			    "%s is not known here", option->key);
		else if (keyword->note != NULL &&
		    !(import_truth(option->words[0], &is_on) && !is_on))
			import_warn(account, IMPORT_OTHER, option->line,
			    "%s: %s", option->key, keyword->note);
	}
}
