/*
 * The types of values, numbers: plain ones, ports, durations ("30s"), sizes
 * ("50M") and percentages.
 */
#include "conf/settings_private.h"
#include "conf/settings_tools.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit time_units[] = {{"ms", SETTINGS_SECOND / 1000},
    {"s", SETTINGS_SECOND}, {"m", SETTINGS_MINUTE}, {"h", SETTINGS_HOUR},
    {NULL, 0}};
static const struct unit size_units[] = {{"", 1}, {"K", UINT64_C(1) << 10},
    {"M", UINT64_C(1) << 20}, {"G", UINT64_C(1) << 30}, {NULL, 0}};

/* Checks the row's bounds; the message shows the value as it was written. */
static bool
check_bounds(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, uint64_t number)
{
	if (number >= row->min && number <= row->max)
		return true;
	if (config_setting_type(setting) == CONFIG_TYPE_STRING)
		return settings_refuse_string(
		    reader, row, setting, "is out of range");
	return settings_refuse_value(reader, row, setting,
	    "%lld is out of range", config_setting_get_int64(setting));
}

/* A number of the file times a unit, in bounds. */
static bool
read_number(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, uint64_t factor, uint64_t *number)
{
	long long value;
	uint64_t product = 0;

	if (config_setting_type(setting) != CONFIG_TYPE_INT &&
	    config_setting_type(setting) != CONFIG_TYPE_INT64)
		return settings_refuse_type(reader, row, setting);
	value = config_setting_get_int64(setting);
	if (value < 0 ||
	    __builtin_mul_overflow((uint64_t)value, factor, &product))
		return settings_refuse_value(
		    reader, row, setting, "%lld is out of range", value);
	if (!check_bounds(reader, row, setting, product))
		return false;
	*number = product;
	return true;
}

/*
 * Digits and a unit, as in "50M". is_huge: they are well-formed, but too much
 * for 64 bits.
 */
static bool
parse_with_unit(
    const char *text, const struct unit *units, uint64_t *number, bool *is_huge)
{
	char *end = NULL;
	unsigned long long digits;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	digits = strtoull(text, &end, 10);
	for (; units->name != NULL; units++) {
		if (strcmp(end, units->name) != 0)
			continue;
		*is_huge = errno == ERANGE ||
		    __builtin_mul_overflow(digits, units->factor, number);
		return true;
	}
	return false;
}

/* A number, or a string with one of the units; base: what a number counts. */
static bool
read_with_unit(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object, const struct unit *units,
    uint64_t base)
{
	uint64_t number = 0;
	bool is_huge = false;

	if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
		if (!read_number(reader, row, setting, base, &number))
			return false;
	} else if (!parse_with_unit(config_setting_get_string(setting), units,
		       &number, &is_huge)) {
		return settings_refuse_string(reader, row, setting,
		    units == size_units ? "is not a size"
					: "is not a duration");
	} else if (is_huge) {
		return settings_refuse_string(
		    reader, row, setting, "is out of range");
	} else if (!check_bounds(reader, row, setting, number)) {
		return false;
	}
	*(uint64_t *)settings_field(row, object) = number;
	return true;
}

static bool
duration_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	return read_with_unit(
	    reader, row, setting, object, time_units, SETTINGS_SECOND);
}

static bool
size_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	return read_with_unit(reader, row, setting, object, size_units, 1);
}

static bool
quad_equal(const struct settings_row *row, const void *a, const void *b)
{
	return *(const uint64_t *)settings_const_field(row, a) ==
	    *(const uint64_t *)settings_const_field(row, b);
}

static void
quad_clear(const struct settings_row *row, void *object)
{
	*(uint64_t *)settings_field(row, object) = 0;
}

static bool
number_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	uint64_t number = 0;

	if (!read_number(reader, row, setting, 1, &number))
		return false;
	*(uint32_t *)settings_field(row, object) = (uint32_t)number;
	return true;
}

static bool
percent_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	static const struct unit percent[] = {{"%", 1}, {NULL, 0}};
	uint64_t number = 0;
	bool is_huge = false;
	const char *text;

	if (config_setting_type(setting) != CONFIG_TYPE_STRING)
		return settings_refuse_type(reader, row, setting);
	text = config_setting_get_string(setting);
	if (strcmp(text, "off") != 0) {
		if (!parse_with_unit(text, percent, &number, &is_huge))
			return settings_refuse_string(
			    reader, row, setting, "is not a percentage");
		if (is_huge || number < row->min || number > row->max)
			return settings_refuse_string(
			    reader, row, setting, "is out of range");
	}
	*(uint32_t *)settings_field(row, object) = (uint32_t)number;
	return true;
}

static bool
number_equal(const struct settings_row *row, const void *a, const void *b)
{
	return *(const uint32_t *)settings_const_field(row, a) ==
	    *(const uint32_t *)settings_const_field(row, b);
}

static void
number_clear(const struct settings_row *row, void *object)
{
	*(uint32_t *)settings_field(row, object) = 0;
}

static bool
port_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	uint64_t number = 0;

	if (!read_number(reader, row, setting, 1, &number))
		return false;
	*(uint16_t *)settings_field(row, object) = (uint16_t)number;
	return true;
}

static bool
port_equal(const struct settings_row *row, const void *a, const void *b)
{
	return *(const uint16_t *)settings_const_field(row, a) ==
	    *(const uint16_t *)settings_const_field(row, b);
}

static void
port_clear(const struct settings_row *row, void *object)
{
	*(uint16_t *)settings_field(row, object) = 0;
}

const struct settings_type settings_type_duration = {
    duration_read, quad_equal, quad_clear};
const struct settings_type settings_type_size = {
    size_read, quad_equal, quad_clear};
const struct settings_type settings_type_number = {
    number_read, number_equal, number_clear};
const struct settings_type settings_type_percent = {
    percent_read, number_equal, number_clear};
const struct settings_type settings_type_port = {
    port_read, port_equal, port_clear};
