/*
 * The journal behind standard error: is it there, and does it take records?
 */
#ifndef DAEMON_LOG_JOURNAL_H
#define DAEMON_LOG_JOURNAL_H

#include <stdbool.h>

#include "daemon/log.h"

enum log_journal {
	LOG_JOURNAL_NONE, /* stderr is a person's */
	LOG_JOURNAL_LINES, /* it is the journal's, which wants `<N>` there */
	LOG_JOURNAL_RECORDS /* ... and takes records at its own socket */
};

enum log_journal log_journal_kind(void);

/* Sends one record; false: it did not go. */
bool log_journal_send(int priority, enum log_event event,
    const struct log_subject *subject, const char *text);

#endif
