/*
 * The types of values, texts and choices: each reads one setting into its
 * field, compares two fields, and clears one. What a message calls allowed is
 * the row's help.
 */
#include "conf/settings_private.h"
#include "conf/settings_tools.h"
#include "conf/vault.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The choices are stored as what the compiler takes for their enums. */
_Static_assert(sizeof(enum settings_layout) == sizeof(unsigned), "enum size");

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

/* The string of a setting; NULL, and a problem, if it is not one or empty. */
static const char *
read_text(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting)
{
	const char *text;

	if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
		(void)settings_refuse_type(reader, row, setting);
		return NULL;
	}
	text = config_setting_get_string(setting);
	if (text[0] == '\0') {
		(void)settings_refuse_value(reader, row, setting, "is empty");
		return NULL;
	}
	return text;
}

/* As read_text(), without control characters. */
static const char *
read_line(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting)
{
	const char *text = read_text(reader, row, setting);

	if (text != NULL && has_control(text)) {
		(void)settings_refuse_value(
		    reader, row, setting, "has a control character");
		return NULL;
	}
	return text;
}

/* ---- strings ---- */

static void
store_string(const struct settings_row *row, void *object, char *text)
{
	*(char **)settings_field(row, object) = text;
}

static bool
text_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	const char *text = read_text(reader, row, setting);

	if (text == NULL)
		return false;
	store_string(row, object, settings_copy(text));
	return true;
}

static bool
string_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	const char *text = read_line(reader, row, setting);

	if (text == NULL)
		return false;
	store_string(row, object, settings_copy(text));
	return true;
}

static bool
password_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	unsigned mode = 0;
	const bool is_open = settings_is_exposed(reader, setting, &mode);
	const char *text;

	if (is_open)
		(void)settings_refuse(reader, setting, row->name,
		    "stands in a file that others can read (mode %04o); "
		    "allowed: a file of mode 0600, or password_command, "
		    "password_file or credential instead",
		    mode);
	text = read_text(reader, row, setting);
	if (text != NULL)
		store_string(row, object, vault_keep(text));
	return text != NULL && !is_open;
}

static bool
path_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	const char *text = read_line(reader, row, setting);
	char wrong[120] = "";
	char *path;

	if (text == NULL)
		return false;
	path = settings_expand_path(reader->folder, text, wrong, sizeof(wrong));
	if (path == NULL)
		return settings_refuse_value(reader, row, setting, "%s", wrong);
	store_string(row, object, path);
	return true;
}

static bool
name_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	const char *text = read_text(reader, row, setting);

	if (text == NULL)
		return false;
	for (const char *c = text; *c != '\0'; c++)
		if (!isascii(*c) || (!isalnum(*c) && strchr("._-", *c) == NULL))
			return settings_refuse_string(
			    reader, row, setting, "has another character");
	if (strlen(text) > row->max)
		return settings_refuse_string(
		    reader, row, setting, "is too long");
	store_string(row, object, settings_copy(text));
	return true;
}

static bool
host_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	const char *text = read_text(reader, row, setting);

	if (text == NULL)
		return false;
	for (const char *c = text; *c != '\0'; c++)
		if (!isascii(*c) ||
		    (!isalnum(*c) && strchr("._-:%", *c) == NULL))
			return settings_refuse_string(
			    reader, row, setting, "is no host name or address");
	if (strlen(text) > row->max || text[0] == '-' || text[0] == '.')
		return settings_refuse_string(
		    reader, row, setting, "is no host name or address");
	store_string(row, object, settings_copy(text));
	return true;
}

static bool
file_name_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	const char *text = read_line(reader, row, setting);

	if (text == NULL)
		return false;
	if (strchr(text, '/') != NULL || strcmp(text, ".") == 0 ||
	    strcmp(text, "..") == 0)
		return settings_refuse_string(
		    reader, row, setting, "is no file name");
	store_string(row, object, settings_copy(text));
	return true;
}

static bool
string_equal(const struct settings_row *row, const void *a, const void *b)
{
	const char *one = *(char *const *)settings_const_field(row, a);
	const char *two = *(char *const *)settings_const_field(row, b);

	if (one == NULL || two == NULL)
		return one == two;
	return strcmp(one, two) == 0;
}

/* All strings are wiped: commands hold secrets, too. */
static void
string_clear(const struct settings_row *row, void *object)
{
	char **text = settings_field(row, object);

	if (*text != NULL)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

static void
password_clear(const struct settings_row *row, void *object)
{
	char **text = settings_field(row, object);

	*text = vault_drop(*text);
}

const struct settings_type settings_type_text = {
    text_read, string_equal, string_clear};
const struct settings_type settings_type_string = {
    string_read, string_equal, string_clear};
const struct settings_type settings_type_password = {
    password_read, string_equal, password_clear};
const struct settings_type settings_type_path = {
    path_read, string_equal, string_clear};
const struct settings_type settings_type_name = {
    name_read, string_equal, string_clear};
const struct settings_type settings_type_host = {
    host_read, string_equal, string_clear};
const struct settings_type settings_type_file_name = {
    file_name_read, string_equal, string_clear};

/* ---- truth values and choices ---- */

static bool
bool_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
		return settings_refuse_type(reader, row, setting);
	*(bool *)settings_field(row, object) =
	    config_setting_get_bool(setting) != 0;
	return true;
}

static bool
bool_equal(const struct settings_row *row, const void *a, const void *b)
{
	return *(const bool *)settings_const_field(row, a) ==
	    *(const bool *)settings_const_field(row, b);
}

static void
bool_clear(const struct settings_row *row, void *object)
{
	*(bool *)settings_field(row, object) = false;
}

/* Which of the row's words a setting is. */
static bool
read_word(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, unsigned *index)
{
	const char *text;

	if (config_setting_type(setting) != CONFIG_TYPE_STRING)
		return settings_refuse_type(reader, row, setting);
	text = config_setting_get_string(setting);
	for (unsigned i = 0; row->words[i] != NULL; i++) {
		if (strcmp(text, row->words[i]) != 0)
			continue;
		*index = i;
		return true;
	}
	return settings_refuse_string(reader, row, setting, "is unknown");
}

static bool
choice_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	unsigned index = 0;

	if (!read_word(reader, row, setting, &index))
		return false;
	memcpy(settings_field(row, object), &index, sizeof(index));
	return true;
}

static bool
choice_equal(const struct settings_row *row, const void *a, const void *b)
{
	return memcmp(settings_const_field(row, a),
		   settings_const_field(row, b), sizeof(unsigned)) == 0;
}

static void
choice_clear(const struct settings_row *row, void *object)
{
	memset(settings_field(row, object), 0, sizeof(unsigned));
}

static bool
switch_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	unsigned index = 0;

	if (!read_word(reader, row, setting, &index))
		return false;
	*(bool *)settings_field(row, object) = index == 1;
	return true;
}

static bool
mode_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	unsigned index = 0;

	(void)object;
	if (!read_word(reader, row, setting, &index))
		return false;
	if (index == 0)
		return true;
	return settings_refuse_string(reader, row, setting,
	    "is reserved until mailmirror.conf(5) says how it behaves");
}

static bool
mode_equal(const struct settings_row *row, const void *a, const void *b)
{
	(void)row;
	(void)a;
	(void)b;
	return true;
}

static void
mode_clear(const struct settings_row *row, void *object)
{
	(void)row;
	(void)object;
}

const struct settings_type settings_type_bool = {
    bool_read, bool_equal, bool_clear};
const struct settings_type settings_type_choice = {
    choice_read, choice_equal, choice_clear};
const struct settings_type settings_type_switch = {
    switch_read, bool_equal, bool_clear};
const struct settings_type settings_type_mode = {
    mode_read, mode_equal, mode_clear};
