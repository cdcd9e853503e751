/*
 * Reports to JSON, and an account's state to words.
 */
#include "daemon/status_json.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "daemon/advice.h"
#include "libclient/base/buf.h"
#include "libclient/base/mem.h"
#include "libclient/io/clock.h"

#define WORDS_CAP 2000
#define SECOND	  UINT64_C(1000000)

/* How an account's folders are. */
struct counts {
	uint32_t notified;
	uint32_t idling;
	uint32_t polled;
	uint32_t working;
	uint64_t messages;
};

static void
count(struct counts *counts, const struct folder_report *report)
{
	counts->messages += report->messages;
	switch (report->state) {
	case WATCHER_STOPPED:
		break;
	case WATCHER_RESTING:
	case WATCHER_IDLING:
	case WATCHER_SETTLING:
	case WATCHER_LEAVING:
		if (report->watch == MAILBOX_NOTIFIED)
			counts->notified++;
		else if (report->watch == MAILBOX_IDLED)
			counts->idling++;
		else
			counts->polled++;
		break;
	default:
		counts->working++;
		break;
	}
}

/* JSON has no bytes but UTF-8. */
static json_t *
text_or_null(const char *text)
{
	char printable[1024];
	json_t *value = text == NULL ? json_null() : json_string(text);

	return value != NULL
	    ? value
	    : json_string(imap_error_printable(span_of(text),
		  sizeof(printable) / 4, printable, sizeof(printable)));
}

static json_t *
time_or_null(int64_t at)
{
	return at == 0 ? json_null() : json_integer(at);
}

/* What is wrong, and what can be done about it. */
static json_t *
error_or_null(const struct settings_account *settings, bool was_ready,
    const struct imap_error *error)
{
	const struct advice_place place = {settings, was_ready};
	char text[ADVICE_TEXT_MAX];

	return text_or_null(
	    error == NULL ? NULL : advice_text(&place, error, text));
}

/* ---- folders ---- */

static const char *
folder_state(const struct folder_report *report)
{
	if (report->is_gone)
		return "gone from the server";
	if (report->is_held)
		return "held by delete_guard";
	switch (report->state) {
	case WATCHER_STOPPED:
		return "stopped";
	case WATCHER_RESTING:
		if (report->error != NULL)
			return "failing";
		return report->is_synced ? "watched" : "waiting";
	case WATCHER_OPENING:
	case WATCHER_SELECTING:
		return "opening";
	case WATCHER_COMPARING:
		return "comparing";
	case WATCHER_FETCHING:
		return "fetching";
	case WATCHER_COMMITTING:
		return "writing";
	default:
		return "watched";
	}
}

static json_t *
folder_json(const struct account *account, const struct folder_report *report)
{
	return json_pack(
	    "{s:o, s:o, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:b, "
	    "s:b, s:o}",
	    "name", text_or_null(report->name), "path",
	    text_or_null(report->path), "state", folder_state(report), "watch",
	    mailbox_watch_name(report->watch), "messages",
	    (json_int_t)report->messages, "behind", (json_int_t)report->behind,
	    "fetched", (json_int_t)report->tally.fetched, "removed",
	    (json_int_t)report->tally.removed, "reflagged",
	    (json_int_t)report->tally.reflagged, "last_change",
	    time_or_null(report->tally.changed_at), "last_check",
	    time_or_null(report->tally.checked_at), "held", report->is_held,
	    "gone", report->is_gone, "error",
	    error_or_null(account_settings(account), true, report->error));
}

/* ---- accounts ---- */

/* "17:05", at which something is tried again. */
static void
add_clock_time(struct buf *words, uint64_t wait)
{
	time_t at = time(NULL) + (time_t)(wait / SECOND);
	char text[8] = "";
	struct tm local;

	if (localtime_r(&at, &local) != NULL)
		(void)strftime(text, sizeof(text), "%H:%M", &local);
	(void)buf_add_format(words, "%s", text);
}

static void
add_trouble(struct buf *words, const struct account_report *report)
{
	uint64_t now = clock_now();
	uint64_t wait = report->retry_at > now ? report->retry_at - now : 0;

	if (report->error->kind == IMAP_ERROR_AUTH) {
		(void)buf_add_format(
		    words, "cannot log in: %s", report->error->text);
		if (wait > 0) {
			(void)buf_add_format(words, ", next try ");
			add_clock_time(words, wait);
		}
		return;
	}
	if (wait > 0)
		(void)buf_add_format(words,
		    "waiting %" PRIu64 " s: ", (wait + SECOND - 1) / SECOND);
	(void)buf_add_format(words, "%s", report->error->text);
}

static void
add_part(struct buf *words, uint32_t number, const char *what)
{
	bool is_first = buf_span(words).len == 0;

	if (number == 0)
		return;
	(void)buf_add_format(words, "%s%" PRIu32 "%s %s",
	    is_first ? "watching " : ", ", number,
	    !is_first	      ? ""
		: number == 1 ? " folder"
			      : " folders",
	    what);
}

/* "watching 12 folders by NOTIFY, 3 by polling, 1 being synced" */
static char *
account_words(const struct account_report *report, const struct counts *counts,
    bool is_paused)
{
	struct buf words;
	char *text;

	buf_init(&words, WORDS_CAP);
	if (is_paused) {
		(void)buf_add_format(&words, "paused");
	} else if (report->error != NULL) {
		add_trouble(&words, report);
	} else {
		add_part(&words, counts->notified, "by NOTIFY");
		add_part(&words, counts->idling, "by IDLE");
		add_part(&words, counts->polled, "by polling");
		if (counts->working > 0)
			(void)buf_add_format(&words, "%s%" PRIu32 "%s",
			    buf_span(&words).len == 0 ? "" : ", ",
			    counts->working, " being synced");
		if (buf_span(&words).len == 0)
			(void)buf_add_format(&words, "%s",
			    report->is_listed ? "no folders" : "connecting");
	}
	text = span_to_string(buf_span(&words));
	buf_free(&words);
	return text;
}

/* When it is tried again, as a Unix time. */
static json_t *
retry_time(const struct account_report *report)
{
	uint64_t now = clock_now();

	return report->retry_at <= now
	    ? json_null()
	    : json_integer(
		  time(NULL) + (json_int_t)((report->retry_at - now) / SECOND));
}

json_t *
status_json_account(const struct account *account, bool is_paused)
{
	struct account_report report = account_report(account);
	json_t *folders = json_array(), *result;
	const struct folder *folder;
	struct counts counts = {0};
	char *words;

	for (uint32_t i = 0; (folder = account_folder(account, i)) != NULL;
	     i++) {
		struct folder_report own = folder_report(folder);

		count(&counts, &own);
		(void)json_array_append_new(
		    folders, folder_json(account, &own));
	}
	words = account_words(&report, &counts, is_paused);
	result = json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:o, s:o, s:o}",
	    "name", report.name, "state", words, "paused", is_paused,
	    "connections", (json_int_t)report.connections, "reconnects",
	    (json_int_t)report.reconnects, "bytes", (json_int_t)report.bytes_in,
	    "messages", (json_int_t)counts.messages, "retry_at",
	    retry_time(&report), "error",
	    error_or_null(
		account_settings(account), report.was_ready, report.error),
	    "folders", folders);
	mem_free(words);
	return result;
}

json_t *
status_json(json_t *accounts, int64_t since)
{
	return json_pack("{s:s, s:I, s:I, s:o}", "version", MAILMIRROR_VERSION,
	    "pid", (json_int_t)getpid(), "since", (json_int_t)since, "accounts",
	    accounts);
}
