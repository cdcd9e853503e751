/*
 * Reads a configuration file: libconfig's tree, through the tables, into
 * typed structures. Values come in layers: what is built in, the group
 * `defaults`, the account's own.
 */
#include "conf/scrub.h"
#include "conf/settings_private.h"
#include "conf/settings_tools.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The file's tree, and those of the built-in defaults. */
struct source {
	config_t file;
	config_t accounts_builtin;
	config_t globals_builtin;
	const config_setting_t *defaults; /* the group of that name, or NULL */
};

/* ---- tables ---- */

static const struct settings_row *
find_row(const struct settings_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->rows[i].name, name) == 0)
			return &table->rows[i];
	return NULL;
}

const config_setting_t *
settings_origin(const struct settings_reader *reader, const char *name)
{
	const struct settings_row *row = find_row(reader->table, name);

	assert(row != NULL);
	return reader->origins[row - reader->table->rows];
}

static void
clear_object(const struct settings_table *table, void *object)
{
	for (size_t i = 0; i < table->count; i++)
		table->rows[i].type->clear(&table->rows[i], object);
}

static bool
is_object_equal(
    const struct settings_table *table, const void *a, const void *b)
{
	for (size_t i = 0; i < table->count; i++)
		if (!table->rows[i].type->equal(&table->rows[i], a, b))
			return false;
	return true;
}

/* The table's defaults as libconfig reads them. */
static void
init_tree(config_t *config, const struct settings_table *table)
{
	char *text = settings_copy("");

	for (size_t i = 0; i < table->count; i++) {
		const struct settings_row *row = &table->rows[i];
		char *longer;

		if (row->fallback == NULL)
			continue;
		longer = settings_format(
		    "%s%s = %s;\n", text, row->name, row->fallback);
		free(text);
		text = longer;
	}
	config_init(config);
	if (config_read_string(config, text) != CONFIG_TRUE)
		abort();
	free(text);
}

/* ---- one group of settings ---- */

static void
read_setting(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	reader->origins[row - reader->table->rows] = setting;
	row->type->clear(row, object);
	(void)row->type->read(reader, row, setting, object);
}

static void
refuse_unknown(struct settings_reader *reader, const config_setting_t *setting)
{
	const char *name = config_setting_name(setting);
	bool is_elsewhere;

	if (reader->table == &settings_global_table)
		is_elsewhere = find_row(&settings_account_table, name) != NULL;
	else
		is_elsewhere = find_row(&settings_global_table, name) != NULL;
	if (!is_elsewhere)
		(void)settings_refuse(reader, setting, name,
		    "unknown setting; allowed: those of mailmirror.conf(5)");
	else if (reader->table == &settings_global_table)
		(void)settings_refuse(reader, setting, name,
		    "unknown setting here; allowed: in an account and in "
		    "defaults");
	else
		(void)settings_refuse(reader, setting, name,
		    "unknown setting here; allowed: outside of accounts and "
		    "defaults");
}

/* Forgets the rows of a row's group, which an account's own replaces. */
static void
clear_group(struct settings_reader *reader, const struct settings_row *row,
    void *object)
{
	const struct settings_table *table = reader->table;

	for (size_t i = 0; i < table->count; i++) {
		if (row->group == SETTINGS_GROUP_NONE ||
		    table->rows[i].group != row->group)
			continue;
		table->rows[i].type->clear(&table->rows[i], object);
		reader->origins[i] = NULL;
	}
}

/* Reads one layer's settings into the object. */
static void
read_layer(
    struct settings_reader *reader, const config_setting_t *group, void *object)
{
	int count = config_setting_length(group);

	for (int i = 0; i < count; i++) {
		const config_setting_t *setting =
		    config_setting_get_elem(group, (unsigned)i);
		const struct settings_row *row =
		    find_row(reader->table, config_setting_name(setting));

		if (row != NULL)
			clear_group(reader, row, object);
	}
	for (int i = 0; i < count; i++) {
		const config_setting_t *setting =
		    config_setting_get_elem(group, (unsigned)i);
		const char *name = config_setting_name(setting);
		const struct settings_row *row = find_row(reader->table, name);

		if (row != NULL)
			read_setting(reader, row, setting, object);
		else if (!config_setting_is_root(group) ||
		    (strcmp(name, "defaults") != 0 &&
			strcmp(name, "accounts") != 0))
			refuse_unknown(reader, setting);
	}
}

static void
begin_object(struct settings_reader *reader, const struct settings_table *table,
    const config_t *builtin, void *object)
{
	reader->table = table;
	reader->is_quiet = false;
	read_layer(reader, config_root_setting(builtin), object);
	memset(reader->origins, 0, sizeof(reader->origins));
}

static void
init_builtin(struct source *source)
{
	init_tree(&source->accounts_builtin, &settings_account_table);
	init_tree(&source->globals_builtin, &settings_global_table);
}

static void
free_builtin(struct source *source)
{
	config_destroy(&source->accounts_builtin);
	config_destroy(&source->globals_builtin);
}

/* ---- accounts ---- */

static void
derive_account(struct settings_account *account)
{
	account->is_auth_auto = account->auth.count == 0;
	if (account->port == 0)
		account->port =
		    account->tls == SETTINGS_TLS_IMPLICIT ? 993 : 143;
}

/* `account "x": `, or its number where it has no usable name; to be freed. */
static char *
subject_of(const config_setting_t *group, uint32_t index)
{
	const char *name = NULL;
	char quoted[80];

	(void)config_setting_lookup_string(group, "name", &name);
	if (name == NULL)
		return settings_format("account %u: ", index + 1);
	return settings_format(
	    "account %s: ", settings_quote(name, quoted, sizeof(quoted)));
}

static void
read_account(struct settings_reader *reader, const struct source *source,
    const config_setting_t *group, struct settings_account *account)
{
	account->line = (int)config_setting_source_line(group);
	begin_object(reader, &settings_account_table, &source->accounts_builtin,
	    account);
	if (source->defaults != NULL) {
		reader->is_quiet = true;
		read_layer(reader, source->defaults, account);
		reader->is_quiet = false;
	}
	read_layer(reader, group, account);
	settings_check_account(reader, group, account);
	derive_account(account);
}

/* Reports what is wrong in the group of defaults, once for all accounts. */
static void
read_defaults(struct settings_reader *reader, struct source *source)
{
	const config_setting_t *defaults =
	    config_lookup(&source->file, "defaults");
	struct settings_account scratch = {0};

	if (defaults == NULL)
		return;
	if (!config_setting_is_group(defaults)) {
		(void)settings_refuse(reader, defaults, "defaults",
		    "wrong type; allowed: a group, { ... }");
		return;
	}
	source->defaults = defaults;
	begin_object(reader, &settings_account_table, &source->accounts_builtin,
	    &scratch);
	reader->subject = "defaults: ";
	read_layer(reader, defaults, &scratch);
	reader->subject = "";
	clear_object(&settings_account_table, &scratch);
}

static void
read_each_account(struct settings_reader *reader, const struct source *source,
    const config_setting_t *list, struct settings *settings)
{
	uint32_t count = (uint32_t)config_setting_length(list);

	settings->accounts =
	    settings_resize(NULL, count, sizeof(*settings->accounts));
	memset(settings->accounts, 0, count * sizeof(*settings->accounts));
	for (uint32_t i = 0; i < count; i++) {
		const config_setting_t *group =
		    config_setting_get_elem(list, i);
		char *subject;

		if (!config_setting_is_group(group)) {
			(void)settings_refuse(reader, group, "accounts",
			    "wrong type; allowed: a list of groups, "
			    "( { ... }, ... )");
			continue;
		}
		subject = subject_of(group, i);
		reader->subject = subject;
		read_account(reader, source, group,
		    &settings->accounts[settings->account_count]);
		settings_check_unique(
		    reader, settings, settings->account_count++);
		reader->subject = "";
		free(subject);
	}
}

static void
read_accounts(struct settings_reader *reader, struct source *source,
    struct settings *settings)
{
	const config_setting_t *list = config_lookup(&source->file, "accounts");

	read_defaults(reader, source);
	if (list == NULL)
		(void)settings_refuse(reader, NULL, "accounts",
		    "missing; allowed: a list of groups, ( { ... }, ... )");
	else if (!config_setting_is_list(list))
		(void)settings_refuse(reader, list, "accounts",
		    "wrong type; allowed: a list of groups, ( { ... }, ... )");
	else if (config_setting_length(list) == 0)
		(void)settings_refuse(reader, list, "accounts",
		    "is empty; allowed: at least one account");
	else
		read_each_account(reader, source, list, settings);
}

/* ---- globals ---- */

/* The first directory of a list that systemd gives, with a name below it. */
static char *
path_in_systemd(const char *variable, const char *name)
{
	const char *list = getenv(variable);

	if (list == NULL || list[0] != '/')
		return NULL;
	return settings_format("%.*s%s", (int)strcspn(list, ":"), list, name);
}

/* A path below an XDG base directory; those that are not absolute are void. */
static char *
path_in_xdg(const char *variable, const char *name)
{
	const char *base = getenv(variable);

	if (base == NULL || base[0] != '/')
		return NULL;
	return settings_format("%s/%s", base, name);
}

static char *
path_in_home(const char *name)
{
	char *home = settings_home();
	char *path = NULL;

	if (home != NULL)
		path = settings_format("%s/%s", home, name);
	free(home);
	return path;
}

/* Where state goes when the file does not say; NULL without a home. */
static char *
default_state_dir(void)
{
	char *path = path_in_systemd("STATE_DIRECTORY", "");

	if (path == NULL)
		path = path_in_xdg("XDG_STATE_HOME", "mailmirror");
	if (path == NULL)
		path = path_in_home(".local/state/mailmirror");
	return path;
}

static void
read_globals(struct settings_reader *reader, const struct source *source,
    struct settings *settings)
{
	begin_object(
	    reader, &settings_global_table, &source->globals_builtin, settings);
	read_layer(reader, config_root_setting(&source->file), settings);
	if (settings_origin(reader, "state_dir") == NULL) {
		settings->state_dir = default_state_dir();
		if (settings->state_dir == NULL)
			(void)settings_refuse(reader, NULL, "state_dir",
			    "missing, and there is no home directory; "
			    "allowed: a path");
	}
	if (settings_origin(reader, "control_socket") == NULL) {
		settings->control_socket =
		    path_in_systemd("RUNTIME_DIRECTORY", "/control");
		if (settings->control_socket == NULL)
			settings->control_socket = path_in_xdg(
			    "XDG_RUNTIME_DIR", "mailmirror/control");
	}
}

/* ---- the file ---- */

/* The folder of a file, absolute. */
static char *
folder_of(const char *file)
{
	const char *slash = strrchr(file, '/');
	char *here;
	char *folder;

	if (slash == file)
		return settings_copy("/");
	if (file[0] == '/')
		return settings_format("%.*s", (int)(slash - file), file);
	here = getcwd(NULL, 0);
	if (here == NULL)
		here = settings_copy("/");
	if (slash == NULL)
		return here;
	folder = settings_format("%s/%.*s", here, (int)(slash - file), file);
	free(here);
	return folder;
}

/* libconfig does not wipe what it frees, and passwords are among it. */
static void
wipe_strings(config_setting_t *setting)
{
	int type = config_setting_type(setting);

	if (type == CONFIG_TYPE_STRING && setting->value.sval != NULL)
		explicit_bzero(
		    setting->value.sval, strlen(setting->value.sval));
	if (!config_setting_is_aggregate(setting))
		return;
	for (int i = 0; i < config_setting_length(setting); i++)
		wipe_strings(config_setting_get_elem(setting, (unsigned)i));
}

/* Lets libconfig parse the text; false, and a problem, where it cannot. */
static bool
parse_file(struct settings_reader *reader, config_t *config, char *text)
{
	const char *included;
	char *file;

	config_set_include_dir(config, reader->folder);
	if (config_read_string(config, text) == CONFIG_TRUE)
		return true;
	included = config_error_file(config);
	file = included == NULL
	    ? settings_copy(reader->file)
	    : settings_format("%s/%s", reader->folder, included);
	(void)settings_refuse_line(reader, file, config_error_line(config), "",
	    config_error_text(config));
	free(file);
	return false;
}

static void
read_tree(struct settings_reader *reader, struct source *source,
    struct settings *settings)
{
	char *text = settings_text_read(reader);

	if (text == NULL)
		return;
	if (parse_file(reader, &source->file, text)) {
		init_builtin(source);
		read_globals(reader, source, settings);
		read_accounts(reader, source, settings);
		free_builtin(source);
	}
	wipe_strings(config_root_setting(&source->file));
	explicit_bzero(text, strlen(text));
	free(text);
}

struct settings *
settings_load(const char *file, struct settings_problems *problems)
{
	struct settings *settings =
	    settings_resize(NULL, 1, sizeof(struct settings));
	struct settings_reader reader = {
	    .file = file, .subject = "", .problems = problems};
	struct source source = {0};

	memset(settings, 0, sizeof(*settings));
	memset(problems, 0, sizeof(*problems));
	settings->file = settings_copy(file);
	reader.folder = folder_of(file);
	scrub_begin();
	config_init(&source.file);
	read_tree(&reader, &source, settings);
	config_destroy(&source.file);
	scrub_end();
	free(reader.folder);
	return problems->count == 0 ? settings : settings_free(settings);
}

struct settings *
settings_free(struct settings *settings)
{
	if (settings == NULL)
		return NULL;
	for (uint32_t i = 0; i < settings->account_count; i++)
		clear_object(&settings_account_table, &settings->accounts[i]);
	clear_object(&settings_global_table, settings);
	free(settings->accounts);
	free(settings->file);
	free(settings);
	return NULL;
}

void
settings_problems_free(struct settings_problems *problems)
{
	for (uint32_t i = 0; i < problems->count; i++)
		free(problems->items[i].text);
	free(problems->items);
	problems->items = NULL;
	problems->count = 0;
}

char *
settings_find(const char *given)
{
	static const char name[] = "mailmirror/mailmirror.conf";
	char *file;

	if (given != NULL)
		return settings_copy(given);
	file = path_in_xdg("XDG_CONFIG_HOME", name);
	if (file != NULL && access(file, F_OK) == 0)
		return file;
	free(file);
	file = path_in_home(".config/mailmirror/mailmirror.conf");
	if (file != NULL && access(file, F_OK) == 0)
		return file;
	free(file);
	return settings_format("/etc/%s", name);
}

bool
settings_account_equal(
    const struct settings_account *a, const struct settings_account *b)
{
	return is_object_equal(&settings_account_table, a, b);
}

const struct settings_account *
settings_account(const struct settings *settings, const char *name)
{
	for (uint32_t i = 0; i < settings->account_count; i++)
		if (strcmp(settings->accounts[i].name, name) == 0)
			return &settings->accounts[i];
	return NULL;
}
