/*
 * Records for the journal: the fields of journal-fields(7), sent by
 * sd_journal_sendv(3).
 */
#include "daemon/log_journal.h"

#define SD_JOURNAL_SUPPRESS_LOCATION

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "libclient/base/mem.h"

#define FIELDS_MAX 7

/* Where sd_journal_sendv() sends to, which says nothing if it is not there. */
#define NATIVE_SOCKET "/run/systemd/journal/socket"

/*
 * True if stderr is the journal's: $JOURNAL_STREAM is its "DEVICE:INODE". A
 * process whose stderr was redirected since inherits the variable as well.
 */
static bool
is_stream(void)
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

/* Whoever else reads stderr, behind a variable that says it is the journal,
 * is to read all of it there. Journals with a namespace have a suffix. */
static bool
is_from_journald(void)
{
	static const char directory[] = "/run/systemd/journal";
	struct sockaddr_un peer = {0};
	socklen_t size = sizeof(peer) - 1;

	return getpeername(STDERR_FILENO, (struct sockaddr *)&peer, &size) ==
	    0 &&
	    peer.sun_family == AF_UNIX &&
	    strncmp(peer.sun_path, directory, sizeof(directory) - 1) == 0 &&
	    access(NATIVE_SOCKET, W_OK) == 0;
}

enum log_journal
log_journal_kind(void)
{
	if (!is_stream())
		return LOG_JOURNAL_NONE;
	return is_from_journald() ? LOG_JOURNAL_RECORDS : LOG_JOURNAL_LINES;
}

struct record {
	struct iovec fields[FIELDS_MAX];
	int count;
};

static void
add_field(struct record *record, const char *name, const char *value)
{
	char *text;

	if (value == NULL)
		return;
	text = mem_format("%s=%s", name, value);
	record->fields[record->count++] =
	    (struct iovec){.iov_base = text, .iov_len = strlen(text)};
}

bool
log_journal_send(int priority, enum log_event event,
    const struct log_subject *subject, const char *text)
{
	static const struct log_subject nobody = {0};
	struct record record = {.count = 0};
	char number[16];
	char uid[16];
	int result;

	if (subject == NULL)
		subject = &nobody;
	(void)snprintf(number, sizeof(number), "%d", priority);
	(void)snprintf(uid, sizeof(uid), "%" PRIu32, subject->uid);
	add_field(&record, "MESSAGE", text);
	add_field(&record, "PRIORITY", number);
	add_field(&record, "SYSLOG_IDENTIFIER", "mailmirror");
	add_field(&record, "MESSAGE_ID", log_event_id(event));
	add_field(&record, "ACCOUNT", subject->account);
	add_field(&record, "FOLDER", subject->folder);
	add_field(&record, "UID", subject->uid == 0 ? NULL : uid);
	result = sd_journal_sendv(record.fields, record.count);
	for (int i = 0; i < record.count; i++)
		mem_free(record.fields[i].iov_base);
	return result >= 0;
}
