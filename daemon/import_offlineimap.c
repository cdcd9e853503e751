/*
 * mailmirror import offlineimap: an account for each of those that "accounts"
 * names.
 */
#include "daemon/import_offlineimap.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/import_account.h"
#include "daemon/import_ini.h"
#include "daemon/import_python.h"
#include "libclient/base/mem.h"

static const char python[] =
    "there is no Python here; write the value of the expression";
static const char labels[] = "Gmail's labels are folders here";
static const char dates[] =
    "a file's name and time are the server's INTERNALDATE";
static const char whole[] =
    "mailmirror mirrors all messages of a folder, however old";

/* What is translated elsewhere, or needs no word, has no note. A note is not
 * worth a warning when it is about what is switched off. */
static const struct option {
	const char *key;
	const char *note;
} options[] = {
    {"accounts", NULL},
    {"auth_mechanisms", NULL},
    {"authproxy", "mailmirror fetches no tokens; password_command does"},
    {"autorefresh", NULL},
    {"cert_fingerprint", NULL},
    {"copy_ignore_eval", "there is no list of messages to leave out"},
    {"createfolders", NULL},
    {"decodefoldernames", NULL},
    {"dynamic_folderfilter", NULL},
    {"expunge", NULL},
    {"filename_use_mail_timestamp", dates},
    {"filterheaders", NULL},
    {"folderfilter", NULL},
    {"folderincludes", NULL},
    {"foldersort", "the order of folders is that of their patterns"},
    {"fsync", NULL},
    {"holdconnectionopen", NULL},
    {"idlefolders", NULL},
    {"ignore-readonly", NULL},
    {"ignorelabels", NULL},
    {"ipv6", "both are tried; the host's addresses decide"},
    {"keepalive", NULL},
    {"labelsheader", NULL},
    {"localfolders", NULL},
    {"localrepository", NULL},
    {"maildir-windows-compatible",
	"in mailmirror's names a \":\" is in front of the flags"},
    {"maxage", whole},
    {"maxconnections", NULL},
    {"maxsize", NULL},
    {"maxsyncaccounts", NULL},
    {"metadata", NULL},
    {"nametrans", NULL},
    {"newmail_hook", NULL},
    {"oauth2_access_token", NULL},
    {"oauth2_access_token_eval", NULL},
    {"oauth2_client_id", NULL},
    {"oauth2_client_id_eval", NULL},
    {"oauth2_client_secret", NULL},
    {"oauth2_client_secret_eval", NULL},
    {"oauth2_refresh_token", NULL},
    {"oauth2_refresh_token_eval", NULL},
    {"oauth2_request_url", NULL},
    {"postsynchook", NULL},
    {"preauthtunnel", NULL},
    {"presynchook", "nothing is run before; let a timer run it"},
    {"proxy", NULL},
    {"pythonfile", NULL},
    {"quick", NULL},
    {"readonly", NULL},
    {"reference",
	"there is no reference; write it in front of the names of folders"},
    {"remote_identity", "one logs in as oneself here"},
    {"remotehost", NULL},
    {"remotehosteval", python},
    {"remotepass", NULL},
    {"remotepasseval", NULL},
    {"remotepassfile", NULL},
    {"remoteport", NULL},
    {"remoteporteval", python},
    {"remoterepository", NULL},
    {"remoteuser", NULL},
    {"remoteusereval", python},
    {"restoreatime", "mailmirror leaves access times to the system"},
    {"retrycount", NULL},
    {"sep", NULL},
    {"singlethreadperfolder", NULL},
    {"socktimeout", NULL},
    {"spamfolder", NULL},
    {"ssl", NULL},
    {"ssl_version", NULL},
    {"sslcacertfile", NULL},
    {"sslclientcert", NULL},
    {"sslclientkey", NULL},
    {"startdate", whole},
    {"starttls", NULL},
    {"status_backend", NULL},
    {"subscribedonly", "subscriptions do not count here; name the folders"},
    {"sync_deletes", NULL},
    {"synclabels", labels},
    {"tls_level", NULL},
    {"transporttunnel", NULL},
    {"trashfolder", NULL},
    {"type", NULL},
    {"ui", NULL},
    {"usecompression", NULL},
    {"utf8foldernames", NULL},
    {"utime_from_header", dates},
};

bool
import_offlineimap_truth(struct import *import,
    const struct import_section *section, const char *key, bool fallback,
    bool *is_true)
{
	const struct import_option *option = import_section_find(section, key);

	*is_true = fallback;
	if (option == NULL || import_truth(option->words[0], is_true))
		return true;
	return import_refuse(import, option->line,
	    "%s: \"%s\" is neither yes nor no", key, option->words[0]);
}

static void
warn_of_options(
    const struct import_offlineimap *from, const struct import_section *section)
{
	for (uint32_t i = 0; i < section->count; i++) {
		const struct import_option *given = &section->options[i];
		bool is_variable =
		    import_section_find(from->defaults, given->key) != NULL;
		const char *note = is_variable ? NULL : "is not known here";
		bool is_on = true;

		for (size_t j = 0; j < sizeof(options) / sizeof(*options); j++)
			if (strcmp(options[j].key, given->key) == 0)
				note = options[j].note;
		if (strncmp(given->key, "customflag_", 11) == 0)
			note = "the letters of keywords are in each folder's "
			       "dovecot-keywords, as messages bring them";
		if (note == NULL || given->words[0][0] == '\0' ||
		    (import_truth(given->words[0], &is_on) && !is_on))
			continue;
		import_warn(from->account, IMPORT_OTHER, given->line, "%s: %s",
		    given->key, note);
	}
}

/* ---- times, sizes, numbers ---- */

/* A whole number; *number is untouched if there is none. False: refused. */
static bool
read_number(struct import *import, const struct import_section *section,
    const char *key, unsigned long long *number)
{
	const struct import_option *option = import_section_find(section, key);

	if (option == NULL ||
	    span_to_number(span_of(option->words[0]), INT32_MAX, number))
		return true;
	return import_refuse(import, option->line, "%s: \"%s\" is no number",
	    key, option->words[0]);
}

/* autorefresh is in minutes, with a fraction. */
static bool
read_refresh(const struct import_offlineimap *from)
{
	const struct import_option *option =
	    import_section_find(from->settings, "autorefresh");
	char *end = NULL;
	double minutes;

	if (option == NULL)
		return true;
	minutes = strtod(option->words[0], &end);
	if (end == option->words[0] || *end != '\0' ||
	    !(minutes >= 0 && minutes < 1e6))
		return import_refuse(from->import, option->line,
		    "autorefresh: \"%s\" is no number of minutes",
		    option->words[0]);
	if (minutes > 0)
		import_seconds(from->account, IMPORT_POLL_INTERVAL,
		    option->line, (uint64_t)(minutes * 60 + 0.5), 1,
		    8760 * UINT64_C(3600));
	return true;
}

static bool
read_numbers(const struct import_offlineimap *from)
{
	const struct import_value *watch = &from->account->values[IMPORT_WATCH];
	const struct import_section *remote = from->remote;
	unsigned long long connections = 0;
	unsigned long long size = 0;
	unsigned long long timeout = 0;
	unsigned long long keepalive = 0;

	if (!read_number(
		from->import, remote, "maxconnections", &connections) ||
	    !read_number(from->import, from->settings, "maxsize", &size) ||
	    !read_number(
		from->import, from->general, "socktimeout", &timeout) ||
	    !read_number(from->import, remote, "keepalive", &keepalive))
		return false;
	/* offlineimap takes one more for each of them, if need be */
	if (connections > 0 && watch->count >= connections)
		connections = watch->count + 1;
	if (connections > 0)
		import_bare(from->account, IMPORT_MAX_CONNECTIONS,
		    connections > 1000 ? 1000 : connections);
	if (size > 0)
		import_bare(from->account, IMPORT_MAX_SIZE, size);
	if (timeout > 0)
		import_seconds(from->account, IMPORT_TIMEOUT,
		    import_section_find(from->general, "socktimeout")->line,
		    timeout, 1, 86400);
	if (keepalive > 0)
		import_seconds(from->account, IMPORT_IDLE_REFRESH,
		    import_section_find(remote, "keepalive")->line, keepalive,
		    1, UINT64_C(29) * 60);
	return read_refresh(from);
}

/* ---- what is done ---- */

static bool
read_changes(const struct import_offlineimap *from)
{
	bool is_readonly;
	bool deletes;
	bool has_fsync;
	bool compresses;

	if (!import_offlineimap_truth(
		from->import, from->remote, "readonly", false, &is_readonly) ||
	    !import_offlineimap_truth(
		from->import, from->remote, "sync_deletes", true, &deletes) ||
	    !import_offlineimap_truth(
		from->import, from->general, "fsync", true, &has_fsync) ||
	    !import_offlineimap_truth(from->import, from->remote,
		"usecompression", true, &compresses))
		return false;
	if (!is_readonly)
		import_warn(from->account, IMPORT_CHANGES, from->remote->line,
		    "offlineimap carries changes that are made here to the "
		    "server, as there is no readonly = True; mailmirror "
		    "mirrors, and does not");
	if (!deletes)
		(void)import_text(from->account, IMPORT_ON_EXPUNGE,
		    from->remote->line, "keep");
	if (!has_fsync)
		import_bool(from->account, IMPORT_FSYNC, false);
	if (!compresses)
		(void)import_text(
		    from->account, IMPORT_COMPRESS, from->remote->line, "off");
	return true;
}

static void
read_hooks(const struct import_offlineimap *from)
{
	const struct import_option *hook =
	    import_section_find(from->remote, "newmail_hook");
	const struct import_option *after =
	    import_section_find(from->settings, "postsynchook");
	char *command = NULL;
	char *both;

	if (hook != NULL) {
		command = import_python_command(hook->words[0], NULL);
		if (command == NULL)
			import_warn(from->account, IMPORT_ON_CHANGE, hook->line,
			    "newmail_hook: what it does in Python was not "
			    "recognised: %s",
			    hook->words[0]);
		else
			import_remark(from->account, IMPORT_ON_CHANGE,
			    "Runs for every folder, and after every change; "
			    "$MAILMIRROR_FOLDER and $MAILMIRROR_NEW tell.");
	}
	if (after != NULL && after->words[0][0] != '\0') {
		both = command == NULL
		    ? mem_copy_string(after->words[0])
		    : mem_format("%s; %s", command, after->words[0]);
		mem_free(command);
		command = both;
	}
	if (command != NULL)
		(void)import_command(from->account, IMPORT_ON_CHANGE,
		    after == NULL ? hook->line : after->line, command);
	mem_free(command);
}

/* ---- accounts ---- */

/* Adds [PREFIX NAME], which has to be there. */
static bool
expand_named(struct import *import, const struct import_sections *sections,
    const char *prefix, const char *name, int line, struct import_sections *out)
{
	char *full = mem_format("%s %s", prefix, name);
	bool is_there = import_sections_find(sections, "", full) != NULL;
	bool is_good;

	if (!is_there)
		(void)import_refuse(
		    import, line, "there is no section [%s]", full);
	is_good = is_there && import_ini_expand(import, sections, full, out);
	mem_free(full);
	return is_good;
}

/* Adds the repository that an option of the account names. */
static bool
expand_repository(struct import *import, const struct import_sections *sections,
    const char *key, struct import_sections *out)
{
	const struct import_section *account = &out->items[1];
	const struct import_option *option = import_section_find(account, key);
	char *name;
	bool is_good;

	if (option == NULL)
		return import_refuse(import, account->line,
		    "[%s]: %s is missing", account->name, key);
	name = mem_copy_string(option->words[0]);
	is_good = expand_named(
	    import, sections, "Repository", name, option->line, out);
	mem_free(name);
	return is_good;
}

static bool
is_type(const struct import_section *section, const char *one, const char *two)
{
	const char *type = import_section_text(section, "type");

	return type != NULL &&
	    (strcasecmp(type, one) == 0 || strcasecmp(type, two) == 0);
}

static bool
translate(struct import *import, const char *name,
    const struct import_section *defaults, const struct import_sections *parts)
{
	struct import_offlineimap from = {
	    .import = import,
	    .defaults = defaults,
	    .general = &parts->items[0],
	    .settings = &parts->items[1],
	    .local = &parts->items[2],
	    .remote = &parts->items[3],
	};

	if (!is_type(from.local, "Maildir", "GmailMaildir") ||
	    !is_type(from.remote, "IMAP", "Gmail")) {
		import_warn_all(import, from.settings->line,
		    "[%s] is left out: it is not of a Repository of type IMAP "
		    "or Gmail and one of type Maildir",
		    from.settings->name);
		return true;
	}
	from.account = import_add(import, name, from.settings->line);
	if (!import_offlineimap_server(&from))
		return false;
	import_offlineimap_folders(&from);
	if (!read_numbers(&from) || !read_changes(&from))
		return false;
	read_hooks(&from);
	if (import->count == 1)
		warn_of_options(&from, from.general);
	warn_of_options(&from, from.settings);
	warn_of_options(&from, from.local);
	warn_of_options(&from, from.remote);
	import_complete(from.account, from.remote->line);
	return true;
}

static bool
translate_account(struct import *import, const struct import_sections *sections,
    const char *name, int line)
{
	struct import_sections parts = {0};
	bool is_good = import_ini_expand(import, sections, "general", &parts) &&
	    expand_named(import, sections, "Account", name, line, &parts) &&
	    expand_repository(import, sections, "localrepository", &parts) &&
	    expand_repository(import, sections, "remoterepository", &parts) &&
	    translate(import, name,
		import_sections_find(sections, "", "DEFAULT"), &parts);

	import_sections_free(&parts);
	return is_good;
}

/* False, and a warning, if the account was named before. */
static bool
is_new(struct import *import, struct import_strings *names, const char *name,
    int line)
{
	for (uint32_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i], name) == 0) {
			import_warn_all(import, line,
			    "accounts names %s twice; here it is one account",
			    name);
			return false;
		}
	import_strings_add(names, name);
	return true;
}

static bool
translate_all(struct import *import, const struct import_sections *sections,
    const struct import_section *general)
{
	const struct import_option *accounts =
	    import_section_find(general, "accounts");
	struct import_strings names = {0};
	const char *list;
	bool is_good = true;

	if (accounts == NULL)
		return import_refuse(
		    import, general->line, "[general]: accounts is missing");
	list = accounts->words[0];
	while (is_good && *(list += strspn(list, ", \t\n")) != '\0') {
		size_t len = strcspn(list, ",\n");
		struct span name = {list, len};
		char *text;

		while (isspace((unsigned char)name.at[name.len - 1]))
			name.len--;
		text = span_to_string(name);
		is_good = !is_new(import, &names, text, accounts->line) ||
		    translate_account(import, sections, text, accounts->line);
		mem_free(text);
		list += len;
	}
	import_strings_free(&names);
	if (is_good && import->count == 0)
		return import_refuse(import, accounts->line,
		    "accounts names none of IMAP and a Maildir");
	if (is_good)
		import_separate(import);
	return is_good;
}

bool
import_offlineimap(struct import *import, const char *text)
{
	struct import_sections sections = {0};
	struct import_sections general = {0};
	const struct import_section *names;
	bool is_good;

	import->has_variables = true;
	is_good = import_ini_parse(import, text, &sections) &&
	    import_ini_expand(import, &sections, "general", &general) &&
	    translate_all(import, &sections, &general.items[0]);

	names = import_sections_find(&sections, "", "mbnames");
	if (is_good && import_section_text(names, "enabled") != NULL)
		import_warn_all(import, names->line,
		    "[mbnames]: mailmirror writes no list of folders; "
		    "`mailmirror folders ACCOUNT` prints one");
	import_sections_free(&general);
	import_sections_free(&sections);
	return is_good;
}
