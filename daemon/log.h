/*
 * The one way to log. To the journal go records with fields of their own, or,
 * where its socket is not to be had, lines with `<N>` priorities; to anybody
 * else lines with a level word for people. A folder's or account's lines carry
 * its name. Secrets never come here: libclient does not hand them out.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "libclient/base/imap_error.h"

/* Whose line it is; either may be NULL. */
struct log_subject {
	const char *account;
	const char *folder;
	uint32_t uid; /* of the one message that it is about; 0: none */
};

/* What is worth finding again: each has a MESSAGE_ID= in the journal, and an
 * entry of systemd/mailmirror.catalog. */
enum log_event {
	LOG_EVENT_NONE,
	LOG_EVENT_READY,
	LOG_EVENT_RELOADED,
	LOG_EVENT_NOT_RELOADED,
	LOG_EVENT_SYNCED, /* a folder, for the first time */
	LOG_EVENT_BURST, /* ... and again */
	LOG_EVENT_HELD, /* by delete_guard */
	LOG_EVENT_FOLDER_NEW,
	LOG_EVENT_FOLDER_GONE,
	LOG_EVENT_FOLDER_RENAMED,
	LOG_EVENT_UIDVALIDITY,
	LOG_EVENT_WITHHELD, /* a message that the server does not give */
	LOG_EVENT_LOCAL_CHANGE, /* undone */
	LOG_EVENT_LOST, /* a connection */
	LOG_EVENT_BACK, /* after it was lost, or could not be made */
	LOG_EVENT_UNREACHABLE,
	LOG_EVENT_LATER, /* the server says so */
	LOG_EVENT_LOGIN, /* refused */
	LOG_EVENT_CERTIFICATE, /* refused */
	LOG_EVENT_PROTOCOL, /* the server breaks it, or lacks what is needed */
	LOG_EVENT_DISK, /* full, read-only, or not to be had */
	LOG_EVENT_COUNT
};

/* Sets the lowest level that is shown. */
void log_set_level(enum settings_log_level level);
bool log_is_shown(enum settings_log_level level);

/* The event that a failure of this kind is; NONE for some. */
enum log_event log_event_of(enum imap_error_kind kind);

/* The event's MESSAGE_ID=; NULL: it has none. */
const char *log_event_id(enum log_event event);

/* Called before and after each line that goes to stderr: what is shown there
 * makes way. */
void log_set_around(void (*around)(void *user, bool is_after), void *user);

/* Writes "account/folder: text" as one line, control bytes escaped. */
void log_line(enum settings_log_level level, enum log_event event,
    const struct log_subject *subject, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define log_error(subject, ...) \
	log_line(SETTINGS_LOG_ERROR, LOG_EVENT_NONE, subject, __VA_ARGS__)
#define log_warning(subject, ...) \
	log_line(SETTINGS_LOG_WARNING, LOG_EVENT_NONE, subject, __VA_ARGS__)
#define log_notice(subject, ...) \
	log_line(SETTINGS_LOG_NOTICE, LOG_EVENT_NONE, subject, __VA_ARGS__)
#define log_info(subject, ...) \
	log_line(SETTINGS_LOG_INFO, LOG_EVENT_NONE, subject, __VA_ARGS__)
#define log_debug(subject, ...) \
	log_line(SETTINGS_LOG_DEBUG, LOG_EVENT_NONE, subject, __VA_ARGS__)
#define log_trace(subject, ...) \
	log_line(SETTINGS_LOG_TRACE, LOG_EVENT_NONE, subject, __VA_ARGS__)

#endif
