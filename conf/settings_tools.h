/*
 * What reading settings needs: problems with their file and line, fields,
 * path expansion, and memory that never runs out.
 */
#ifndef CONF_SETTINGS_TOOLS_H
#define CONF_SETTINGS_TOOLS_H

#include "conf/settings_private.h"

/* Adds a problem `FILE:LINE: subject: name: text`; returns false. */
bool settings_refuse(struct settings_reader *reader, const config_setting_t *at,
    const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same at a place of which only file and line are known; name is "" or
 * ends in ": ". */
bool settings_refuse_line(struct settings_reader *reader, const char *file,
    int line, const char *name, const char *text);

/* `WHAT IS WRONG; allowed: HELP` about a row's setting; returns false. */
bool settings_refuse_value(struct settings_reader *reader,
    const struct settings_row *row, const config_setting_t *at,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same for a wrong type, and for a string: `"string" wrong`. */
bool settings_refuse_type(struct settings_reader *reader,
    const struct settings_row *row, const config_setting_t *setting);
bool settings_refuse_string(struct settings_reader *reader,
    const struct settings_row *row, const config_setting_t *setting,
    const char *wrong);

/* The row's field in an object. */
void *settings_field(const struct settings_row *row, void *object);
const void *settings_const_field(
    const struct settings_row *row, const void *object);

/* True if others than the owner can read the file that a setting stands in;
 * *mode is then the file's. */
bool settings_is_exposed(const struct settings_reader *reader,
    const config_setting_t *setting, unsigned *mode);

/* The path of the file that a setting (NULL: ours) stands in; to be freed. */
char *settings_source(
    const struct settings_reader *reader, const config_setting_t *setting);

/*
 * Expands `~` and `${VAR}`, makes the path absolute against the reader's
 * folder and drops empty and `.` components. NULL, and what is wrong written
 * to wrong, if it cannot.
 */
char *settings_expand_path(
    const char *folder, const char *path, char *wrong, size_t wrong_size);

/* Text in double quotes for a message, control bytes as `?`, cut to fit. */
const char *settings_quote(const char *text, char *out, size_t size);

/* The user's home, to be freed, or NULL when there is none. */
char *settings_home(void);

/* Memory as in libclient/base/mem.h, which this floor does not know. */
char *settings_copy(const char *string);
char *settings_format(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void *settings_resize(void *array, size_t count, size_t size);

#endif
