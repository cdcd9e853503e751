/*
 * Log lines on stderr: one write(2) each, so that lines of several
 * processes do not mix, and nothing in them that a terminal would obey.
 */
#include "daemon/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "libclient/base/imap_error.h"

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

static enum settings_log_level lowest_level = SETTINGS_LOG_INFO;

void
log_set_level(enum settings_log_level level)
{
	lowest_level = level;
}

bool
log_is_shown(enum settings_log_level level)
{
	return level <= lowest_level;
}

/*
 * True if stderr is the journal's: $JOURNAL_STREAM is its "DEVICE:INODE". A
 * process whose stderr was redirected since inherits the variable as well.
 */
static bool
is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat status;
	char expected[64];

	if (stream == NULL || fstat(STDERR_FILENO, &status) != 0)
		return false;
	(void)snprintf(expected, sizeof(expected), "%ju:%ju",
	    (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return strcmp(stream, expected) == 0;
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

	do
		n = write(STDERR_FILENO, line, length);
	while (n == -1 && errno == EINTR);
}

void
log_line(enum settings_log_level level, const struct log_subject *subject,
    const char *format, ...)
{
	static const char more[] = "...";
	int saved_errno = errno;
	char text[TEXT_MAX];
	char line[OUT_MAX];
	va_list arguments;
	size_t length;
	int n;

	if (!log_is_shown(level))
		return;
	length = format_subject(subject, text, sizeof(text));
	errno = saved_errno; /* for %m */
	va_start(arguments, format);
	n = vsnprintf(text + length, sizeof(text) - length, format, arguments);
	va_end(arguments);
	if (n >= 0 && (size_t)n >= sizeof(text) - length)
		memcpy(text + sizeof(text) - sizeof(more), more, sizeof(more));

	if (is_journal())
		length = (size_t)snprintf(
		    line, sizeof(line), "<%d>", levels[level].priority);
	else
		length = (size_t)snprintf(
		    line, sizeof(line), "mailmirror: %s: ", levels[level].word);
	(void)imap_error_printable(span_of(text), sizeof(text), line + length,
	    sizeof(line) - length - 1);
	length += strlen(line + length);
	line[length++] = '\n';
	write_line(line, length);
	errno = saved_errno;
}
