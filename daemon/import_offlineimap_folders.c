/*
 * Which folders offlineimap synchronizes, and where they are.
 */
#include "daemon/import_offlineimap.h"

#include <string.h>

#include "daemon/import_account.h"
#include "daemon/import_python.h"
#include "daemon/import_shell.h"
#include "daemon/name.h"
#include "libclient/base/mem.h"

/* Adds names, which are modified UTF-7 there, and frees the list. */
static void
add_names(const struct import_offlineimap *from, enum import_setting setting,
    int line, struct import_strings *names)
{
	for (uint32_t i = 0; i < names->count; i++) {
		char *name = import_mailbox(names->items[i]);

		(void)import_item(from->account, setting, line, name);
		mem_free(name);
	}
	import_strings_free(names);
}

static void
read_filter(const struct import_offlineimap *from)
{
	const struct import_option *option =
	    import_section_find(from->remote, "folderfilter");
	struct import_strings folders = {0};
	struct import_strings exclude = {0};

	if (option != NULL &&
	    !import_python_filter(option->words[0], &folders, &exclude))
		import_warn(from->account, IMPORT_FOLDERS, option->line,
		    "folderfilter: what it does in Python was not recognised; "
		    "all folders are mirrored unless you change folders and "
		    "exclude: %s",
		    option->words[0]);
	if (folders.count == 0)
		import_strings_add(&folders, "*");
	add_names(from, IMPORT_FOLDERS,
	    option == NULL ? from->remote->line : option->line, &folders);
	if (option != NULL)
		add_names(from, IMPORT_EXCLUDE, option->line, &exclude);
}

static void
warn_of_excluded(
    const struct import_offlineimap *from, int line, const char *name)
{
	const struct import_value *exclude =
	    &from->account->values[IMPORT_EXCLUDE];

	for (uint32_t i = 0; i < exclude->count; i++)
		if (name_matches(span_of(name), '/', exclude->items[i])) {
			import_warn(from->account, IMPORT_EXCLUDE, line,
			    "folderincludes has \"%s\", which is excluded "
			    "here; exclude always wins",
			    name);
			return;
		}
}

static void
read_includes(const struct import_offlineimap *from)
{
	const struct import_option *option =
	    import_section_find(from->remote, "folderincludes");
	struct import_strings names = {0};

	if (option == NULL)
		return;
	if (!import_python_list(option->words[0], &names)) {
		import_warn(from->account, IMPORT_FOLDERS, option->line,
		    "folderincludes: not a plain list of names; add the "
		    "folders here: %s",
		    option->words[0]);
		return;
	}
	for (uint32_t i = 0; i < names.count; i++)
		warn_of_excluded(from, option->line, names.items[i]);
	add_names(from, IMPORT_FOLDERS, option->line, &names);
}

static void
read_idle(const struct import_offlineimap *from)
{
	const struct import_option *option =
	    import_section_find(from->remote, "idlefolders");
	struct import_strings names = {0};

	if (option == NULL)
		return;
	if (import_python_list(option->words[0], &names))
		add_names(from, IMPORT_WATCH, option->line, &names);
	else
		import_warn(from->account, IMPORT_WATCH, option->line,
		    "idlefolders: not a plain list of names; without one all "
		    "folders are watched, as far as connections go: %s",
		    option->words[0]);
}

static void
warn_of_names(const struct import_offlineimap *from)
{
	const struct import_section *sections[] = {from->remote, from->local};
	const struct import_option *sep =
	    import_section_find(from->local, "sep");

	for (size_t i = 0; i < 2; i++) {
		const struct import_option *option =
		    import_section_find(sections[i], "nametrans");

		if (option != NULL)
			import_warn(from->account, IMPORT_LAYOUT, option->line,
			    "nametrans: folders have the server's names here: "
			    "%s",
			    option->words[0]);
	}
	if (sep == NULL || strcmp(sep->words[0], "/") != 0)
		import_warn(from->account, IMPORT_LAYOUT,
		    sep == NULL ? from->local->line : sep->line,
		    "sep%s: a folder \"a/b\" is the directory b in a here",
		    sep == NULL ? " is \".\", the default" : "");
}

void
import_offlineimap_folders(const struct import_offlineimap *from)
{
	const struct import_option *path =
	    import_section_find(from->local, "localfolders");
	const char *metadata = import_section_text(from->general, "metadata");
	char *word = import_shell_path(metadata == NULL ? "" : metadata);
	char *chosen;

	if (path == NULL ||
	    !import_path(
		from->account, IMPORT_MAILDIR, path->line, path->words[0])) {
		chosen = mem_format("~/Mail/%s", import_name(from->account));
		import_warn(from->account, IMPORT_MAILDIR, from->local->line,
		    "localfolders does not stand there; this is a proposal");
		(void)import_text(
		    from->account, IMPORT_MAILDIR, from->local->line, chosen);
		mem_free(chosen);
	}
	import_remark(from->account, IMPORT_MAILDIR,
	    "`mailmirror adopt offlineimap %s%s%s` takes over what is there",
	    import_name(from->account), metadata == NULL ? "" : " --from ",
	    metadata == NULL ? "" : word);
	mem_free(word);
	warn_of_names(from);
	read_filter(from);
	read_includes(from);
	read_idle(from);
}
