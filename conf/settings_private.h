/*
 * What the files of this folder share: the tables' rows, the types of
 * values, and the state of reading one file. Nobody else includes it.
 */
#ifndef CONF_SETTINGS_PRIVATE_H
#define CONF_SETTINGS_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libconfig.h>

#include "conf/settings.h"

#define SETTINGS_SECOND	  UINT64_C(1000000)
#define SETTINGS_MINUTE	  (60 * SETTINGS_SECOND)
#define SETTINGS_HOUR	  (60 * SETTINGS_MINUTE)
#define SETTINGS_ROWS_MAX 64

struct settings_reader;
struct settings_row;

/* object: the struct settings or struct settings_account to fill. */
struct settings_type {
	/* Stores the value, or reports what is wrong and returns false. */
	bool (*read)(struct settings_reader *reader,
	    const struct settings_row *row, const config_setting_t *setting,
	    void *object);
	bool (*equal)(
	    const struct settings_row *row, const void *a, const void *b);
	/* Frees (and wipes) the value; the field is then zero. */
	void (*clear)(const struct settings_row *row, void *object);
};

/* Settings of which an account's own replaces any of the defaults'. */
enum settings_group {
	SETTINGS_GROUP_NONE,
	SETTINGS_GROUP_SERVER,
	SETTINGS_GROUP_SECRET
};

struct settings_row {
	const char *name;
	const struct settings_type *type;
	size_t offset; /* of the field in the object */
	const char *fallback; /* default, in the file's syntax; NULL: none */
	uint64_t min, max;
	const char *const *words; /* of a choice: its index is the value */
	enum settings_group group;
	const char *help; /* what is allowed */
};

struct settings_table {
	const struct settings_row *rows;
	size_t count;
};

struct settings_reader {
	const char *file; /* as given */
	char *folder; /* its folder, absolute */
	const char *subject; /* `account "x": `, `defaults: ` or "" */
	bool is_quiet; /* what is wrong here was reported before */
	struct settings_problems *problems;
	const struct settings_table *table;
	/* Where each row was set; NULL where it was not. */
	const config_setting_t *origins[SETTINGS_ROWS_MAX];
};

/* ---- settings_table.c ---- */

extern const struct settings_table settings_account_table;
extern const struct settings_table settings_global_table;

/* ---- settings.c ---- */

/* Where the account's setting was written; NULL if it was not. */
const config_setting_t *settings_origin(
    const struct settings_reader *reader, const char *name);

/* ---- settings_check.c ---- */

/* Reports what is missing or contradicts another setting of the account. */
void settings_check_account(struct settings_reader *reader,
    const config_setting_t *group, const struct settings_account *account);

/* Reports what the account has in common with an earlier one, but must not. */
void settings_check_unique(struct settings_reader *reader,
    const struct settings *settings, uint32_t index);

/* ---- settings_text.c ---- */

/*
 * The file's text, to be wiped and freed. NULL, and problems, if it cannot be
 * read or has (in files that it includes, too) what libconfig mistreats:
 * directories end the process, large numbers without L lose their upper half.
 */
char *settings_text_read(struct settings_reader *reader);

/* ---- settings_value.c: texts and choices ---- */

extern const struct settings_type settings_type_string;
extern const struct settings_type settings_type_text; /* any character */
extern const struct settings_type settings_type_password;
extern const struct settings_type settings_type_path;
extern const struct settings_type settings_type_name;
extern const struct settings_type settings_type_host;
extern const struct settings_type settings_type_file_name;
extern const struct settings_type settings_type_bool;
extern const struct settings_type settings_type_choice;
extern const struct settings_type settings_type_switch; /* choice in a bool */
extern const struct settings_type settings_type_mode; /* is not stored */

/* ---- settings_proxy.c ---- */

extern const struct settings_type settings_type_proxy;

/* ---- settings_number.c ---- */

extern const struct settings_type settings_type_port;
extern const struct settings_type settings_type_number;
extern const struct settings_type settings_type_duration;
extern const struct settings_type settings_type_size;
extern const struct settings_type settings_type_percent;

/* ---- settings_list.c ---- */

extern const struct settings_type settings_type_list;
extern const struct settings_type settings_type_atoms; /* capabilities */
extern const struct settings_type settings_type_auth; /* "auto": none */
extern const struct settings_type settings_type_pins;

#endif
