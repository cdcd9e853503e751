/*
 * Log lines: nothing in them that a terminal would obey; on stderr one
 * write(2) each, so that lines of several processes do not mix.
 */
#include "daemon/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/log_journal.h"

#define TEXT_MAX 4096 /* of a line, before bytes are escaped */
#define OUT_MAX	 (4 * TEXT_MAX + 64)

static const struct {
	int priority;
	const char *word;
} levels[] = {
    [SETTINGS_LOG_ERROR] = {LOG_ERR, "error"},
    [SETTINGS_LOG_WARNING] = {LOG_WARNING, "warning"},
    [SETTINGS_LOG_NOTICE] = {LOG_NOTICE, "notice"},
    [SETTINGS_LOG_INFO] = {LOG_INFO, "info"},
    [SETTINGS_LOG_DEBUG] = {LOG_DEBUG, "debug"},
    [SETTINGS_LOG_TRACE] = {LOG_DEBUG, "trace"},
};

/* Never changed: people search for them. */
static const char *const event_ids[LOG_EVENT_COUNT] = {
    [LOG_EVENT_READY] = "cf6920cee88c44babce12a40519e9ff4",
    [LOG_EVENT_RELOADED] = "e4464992c5354a83bead2bb9cd6f07ae",
    [LOG_EVENT_NOT_RELOADED] = "69ed48fdd8a54c6da9ee5b221f88ed44",
    [LOG_EVENT_SYNCED] = "85dab7655f274d349da831eaf788f303",
    [LOG_EVENT_BURST] = "5e5f6a613cc540a09cdcffa8eb8070bb",
    [LOG_EVENT_HELD] = "1ce7077e3ed94389a9060cda942067f0",
    [LOG_EVENT_FOLDER_NEW] = "fb788dcadd0541e29ed1c2eaf924989e",
    [LOG_EVENT_FOLDER_GONE] = "6002dc2ce97f4158a16fa2d89018e933",
    [LOG_EVENT_FOLDER_RENAMED] = "5ebab0e2fb0342188acaa184277e0c22",
    [LOG_EVENT_UIDVALIDITY] = "c9700fee186a4db1b80cbcabaac4bcbd",
    [LOG_EVENT_WITHHELD] = "9e31bf382de846fbb0aba7a80ab5d427",
    [LOG_EVENT_LOCAL_CHANGE] = "0c9c0ec9a59a4962915d6952714c726f",
    [LOG_EVENT_LOST] = "a03fa74fb6e743328ea97d16710d8533",
    [LOG_EVENT_BACK] = "cb2a8db9629146aaaaabb57451ab1071",
    [LOG_EVENT_UNREACHABLE] = "67d994a73fed40aa8afab26c157ca7b2",
    [LOG_EVENT_LATER] = "17ecc89e9a6f4663af0c8066cd564f8e",
    [LOG_EVENT_LOGIN] = "8687dcb899ec48798dd727bf9ad09cd6",
    [LOG_EVENT_CERTIFICATE] = "e7cbeade7cd6488aab5a9953cdbc70e9",
    [LOG_EVENT_PROTOCOL] = "82562f07ba714fc1927d9aa455871f54",
    [LOG_EVENT_DISK] = "99e933b8fdbf4df581bff5e0bd4a37d5",
};

static enum settings_log_level lowest_level = SETTINGS_LOG_INFO;
static void (*line_around)(void *user, bool is_after);
static void *line_user;

void
log_set_level(enum settings_log_level level)
{
	lowest_level = level;
}

void
log_set_around(void (*around)(void *user, bool is_after), void *user)
{
	line_around = around;
	line_user = user;
}

bool
log_is_shown(enum settings_log_level level)
{
	return level <= lowest_level;
}

const char *
log_event_id(enum log_event event)
{
	return event_ids[event];
}

enum log_event
log_event_of(enum imap_error_kind kind)
{
	switch (kind) {
	case IMAP_ERROR_NETWORK:
	case IMAP_ERROR_TIMEOUT:
		return LOG_EVENT_UNREACHABLE;
	case IMAP_ERROR_THROTTLED:
		return LOG_EVENT_LATER;
	case IMAP_ERROR_AUTH:
	case IMAP_ERROR_PROXY:
		return LOG_EVENT_LOGIN;
	case IMAP_ERROR_TLS:
		return LOG_EVENT_CERTIFICATE;
	case IMAP_ERROR_UNSUPPORTED:
	case IMAP_ERROR_PROTOCOL:
	case IMAP_ERROR_LIMIT:
		return LOG_EVENT_PROTOCOL;
	case IMAP_ERROR_LOCAL:
		return LOG_EVENT_DISK;
	case IMAP_ERROR_NONE:
	case IMAP_ERROR_BUSY:
	case IMAP_ERROR_CONFIG:
		break;
	}
	return LOG_EVENT_NONE;
}

/* "account/folder: ", as far as there is one; returns its length. */
static size_t
format_subject(const struct log_subject *subject, char *out, size_t size)
{
	int length = 0;

	if (subject == NULL)
		return 0;
	if (subject->account != NULL && subject->folder != NULL)
		length = snprintf(out, size,
		    "%.200s/%.500s: ", subject->account, subject->folder);
	else if (subject->account != NULL || subject->folder != NULL)
		length = snprintf(out, size, "%.500s: ",
		    subject->account != NULL ? subject->account
					     : subject->folder);
	return length < 0 ? 0 : (size_t)length;
}

static void
write_line(const char *line, size_t length)
{
	ssize_t n;

	if (line_around != NULL)
		line_around(line_user, false);
	do
		n = write(STDERR_FILENO, line, length);
	while (n == -1 && errno == EINTR);
	if (line_around != NULL)
		line_around(line_user, true);
}

/*
 * A record that has fields goes by the journal's socket. A plain line has
 * nothing to gain there, and something to lose: the journal asks the kernel
 * for the sender's unit, which is too late for a program's last words.
 */
static bool
send_record(enum log_journal kind, int priority, enum log_event event,
    const struct log_subject *subject, const char *text)
{
	return kind == LOG_JOURNAL_RECORDS &&
	    (event != LOG_EVENT_NONE || subject != NULL) &&
	    log_journal_send(priority, event, subject, text);
}

void
log_line(enum settings_log_level level, enum log_event event,
    const struct log_subject *subject, const char *format, ...)
{
	static const char more[] = "...";
	int saved_errno = errno;
	enum log_journal journal;
	char text[TEXT_MAX];
	char line[OUT_MAX];
	va_list arguments;
	size_t length;
	size_t begin;
	int n;

	if (!log_is_shown(level))
		return;
	journal = log_journal_kind();
	length = format_subject(subject, text, sizeof(text));
	errno = saved_errno; /* for %m */
	va_start(arguments, format);
	n = vsnprintf(text + length, sizeof(text) - length, format, arguments);
	va_end(arguments);
	if (n >= 0 && (size_t)n >= sizeof(text) - length)
		memcpy(text + sizeof(text) - sizeof(more), more, sizeof(more));

	if (journal != LOG_JOURNAL_NONE)
		begin = (size_t)snprintf(
		    line, sizeof(line), "<%d>", levels[level].priority);
	else
		begin = (size_t)snprintf(
		    line, sizeof(line), "mailmirror: %s: ", levels[level].word);
	(void)imap_error_printable(span_of(text), sizeof(text), line + begin,
	    sizeof(line) - begin - 1);
	if (!send_record(journal, levels[level].priority, event, subject,
		line + begin)) {
		length = strlen(line);
		line[length++] = '\n';
		write_line(line, length);
	}
	errno = saved_errno;
}
