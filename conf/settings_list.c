/*
 * The types of values, lists: patterns, capabilities, mechanisms and pinned
 * certificates. One string stands for a list of one.
 */
#include "conf/settings_private.h"
#include "conf/settings_tools.h"

#include <stdlib.h>
#include <string.h>

/* True, or a problem, for one item of a list. */
typedef bool item_check(struct settings_reader *reader,
    const struct settings_row *row, const config_setting_t *item,
    const char *text);

static bool
has_byte_outside(const char *text, unsigned char first, unsigned char last)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < first || (unsigned char)*text > last)
			return true;
	return false;
}

static bool
check_pattern(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *item, const char *text)
{
	if (!has_byte_outside(text, 0x20, 0xff) && strchr(text, 0x7f) == NULL)
		return true;
	return settings_refuse_value(
	    reader, row, item, "has a control character");
}

static bool
check_atom(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *item, const char *text)
{
	if (!has_byte_outside(text, 0x21, 0x7e))
		return true;
	return settings_refuse_string(reader, row, item, "is no capability");
}

static bool
check_word(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *item, const char *text)
{
	for (const char *const *word = row->words; *word != NULL; word++)
		if (strcmp(text, *word) == 0)
			return true;
	return settings_refuse_string(reader, row, item, "is unknown");
}

/* The setting itself, or its elements. */
static const config_setting_t *
item_at(const config_setting_t *setting, unsigned index)
{
	if (config_setting_type(setting) == CONFIG_TYPE_STRING)
		return setting;
	return config_setting_get_elem(setting, index);
}

/*
 * How many items a setting has, all of them strings that are not empty and
 * pass the check; false, and a problem for each that is not.
 */
static bool
check_items(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, item_check *check, unsigned *count)
{
	int type = config_setting_type(setting);
	bool is_good = true;
	unsigned n = 1;

	if (type == CONFIG_TYPE_ARRAY || type == CONFIG_TYPE_LIST)
		n = (unsigned)config_setting_length(setting);
	else if (type != CONFIG_TYPE_STRING)
		return settings_refuse_type(reader, row, setting);
	if (n < row->min)
		return settings_refuse_value(reader, row, setting, "is empty");
	for (unsigned i = 0; i < n; i++) {
		const config_setting_t *item = item_at(setting, i);
		const char *text;

		if (config_setting_type(item) != CONFIG_TYPE_STRING) {
			is_good = settings_refuse_type(reader, row, item);
			continue;
		}
		text = config_setting_get_string(item);
		if (text[0] == '\0')
			is_good = settings_refuse_value(
			    reader, row, item, "an item is empty");
		else if (!check(reader, row, item, text))
			is_good = false;
	}
	*count = n;
	return is_good;
}

static bool
read_list(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object, item_check *check)
{
	struct settings_list *list = settings_field(row, object);
	unsigned count = 0;

	if (!check_items(reader, row, setting, check, &count))
		return false;
	if (count == 0)
		return true;
	list->items = settings_resize(NULL, count, sizeof(*list->items));
	for (unsigned i = 0; i < count; i++)
		list->items[i] = settings_copy(
		    config_setting_get_string(item_at(setting, i)));
	list->count = count;
	return true;
}

static bool
list_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	return read_list(reader, row, setting, object, check_pattern);
}

static bool
atoms_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	return read_list(reader, row, setting, object, check_atom);
}

static bool
auth_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	if (config_setting_type(setting) == CONFIG_TYPE_STRING &&
	    strcmp(config_setting_get_string(setting), "auto") == 0)
		return true;
	return read_list(reader, row, setting, object, check_word);
}

static bool
list_equal(const struct settings_row *row, const void *a, const void *b)
{
	const struct settings_list *one = settings_const_field(row, a);
	const struct settings_list *two = settings_const_field(row, b);

	if (one->count != two->count)
		return false;
	for (uint32_t i = 0; i < one->count; i++)
		if (strcmp(one->items[i], two->items[i]) != 0)
			return false;
	return true;
}

static void
list_clear(const struct settings_row *row, void *object)
{
	struct settings_list *list = settings_field(row, object);

	for (uint32_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free((void *)list->items);
	list->items = NULL;
	list->count = 0;
}

/* ---- pins ---- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* 32 bytes in hexadecimal, with a colon between all of them or none. */
static bool
parse_pin(const char *text, struct settings_pin *pin)
{
	size_t step = strlen(text) == 95 ? 3 : 2;

	if (strlen(text) != 64 && strlen(text) != 95)
		return false;
	for (size_t i = 0; i < sizeof(pin->sha256); i++) {
		int high = hex_digit(text[i * step]);
		int low = hex_digit(text[i * step + 1]);

		if (high == -1 || low == -1)
			return false;
		if (step == 3 && i > 0 && text[i * step - 1] != ':')
			return false;
		pin->sha256[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool
check_pin(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *item, const char *text)
{
	struct settings_pin pin;

	if (parse_pin(text, &pin))
		return true;
	return settings_refuse_string(
	    reader, row, item, "is no SHA-256 fingerprint");
}

static bool
pins_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	struct settings_account *account = object;
	unsigned count = 0;

	if (!check_items(reader, row, setting, check_pin, &count))
		return false;
	account->tls_fingerprints =
	    settings_resize(NULL, count, sizeof(*account->tls_fingerprints));
	for (unsigned i = 0; i < count; i++)
		(void)parse_pin(config_setting_get_string(item_at(setting, i)),
		    &account->tls_fingerprints[i]);
	account->tls_fingerprint_count = count;
	return true;
}

static bool
pins_equal(const struct settings_row *row, const void *a, const void *b)
{
	const struct settings_account *one = a;
	const struct settings_account *two = b;

	(void)row;
	if (one->tls_fingerprint_count != two->tls_fingerprint_count)
		return false;
	return one->tls_fingerprint_count == 0 ||
	    memcmp(one->tls_fingerprints, two->tls_fingerprints,
		one->tls_fingerprint_count * sizeof(*one->tls_fingerprints)) ==
	    0;
}

static void
pins_clear(const struct settings_row *row, void *object)
{
	struct settings_account *account = object;

	(void)row;
	free(account->tls_fingerprints);
	account->tls_fingerprints = NULL;
	account->tls_fingerprint_count = 0;
}

const struct settings_type settings_type_list = {
    list_read, list_equal, list_clear};
const struct settings_type settings_type_atoms = {
    atoms_read, list_equal, list_clear};
const struct settings_type settings_type_auth = {
    auth_read, list_equal, list_clear};
const struct settings_type settings_type_pins = {
    pins_read, pins_equal, pins_clear};
