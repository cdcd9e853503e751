/*
 * The one way to log. Lines go to stderr: with `<N>` priorities for the
 * journal, with a level word for people. A folder's or account's lines carry
 * its name. Secrets never come here: libclient does not hand them out.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdbool.h>

#include "conf/settings.h"

/* Whose line it is; either may be NULL. */
struct log_subject {
	const char *account;
	const char *folder;
};

/* Sets the lowest level that is shown. */
void log_set_level(enum settings_log_level level);
bool log_is_shown(enum settings_log_level level);

/* Writes "account/folder: text" as one line, control bytes escaped. */
void log_line(enum settings_log_level level, const struct log_subject *subject,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

#define log_error(subject, ...) \
	log_line(SETTINGS_LOG_ERROR, subject, __VA_ARGS__)
#define log_warning(subject, ...) \
	log_line(SETTINGS_LOG_WARNING, subject, __VA_ARGS__)
#define log_notice(subject, ...) \
	log_line(SETTINGS_LOG_NOTICE, subject, __VA_ARGS__)
#define log_info(subject, ...) log_line(SETTINGS_LOG_INFO, subject, __VA_ARGS__)
#define log_debug(subject, ...) \
	log_line(SETTINGS_LOG_DEBUG, subject, __VA_ARGS__)
#define log_trace(subject, ...) \
	log_line(SETTINGS_LOG_TRACE, subject, __VA_ARGS__)

#endif
