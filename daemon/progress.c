/*
 * The cursor waits at the beginning of the first bar: whatever a terminal does
 * to lines when it is made narrower, to erase from there on erases all bars and
 * nothing else.
 */
#include "daemon/progress.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/progress_view.h"
#include "daemon/terminal.h"
#include "libclient/base/buf.h"
#include "libclient/base/mem.h"
#include "libclient/io/clock.h"

#define INTERVAL UINT64_C(200000)
#define ACCURACY 1000
#define TEXT_CAP 65536

static const char erase[] = "\r\033[J";

struct progress {
	sd_event_source *timer;
	sd_event_source *suspend; /* SIGTSTP */
	void (*gather)(void *user, struct progress *progress);
	void *user;
	struct progress_view view;
	struct progress_row *rows;
	uint32_t row_size;
	const char *first_account;
	bool has_accounts; /* more than one */
	bool is_busy; /* something is being looked at or fetched */
	bool has_unweighed; /* of which nobody knows the bytes */
	struct progress_rate rate;
	struct progress_form form; /* of what was drawn last */
	struct buf frame; /* ... with all that moves the cursor */
	bool is_shown;
	bool has_ended;
};

/* ---- the terminal ---- */

static void
put(struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(STDERR_FILENO, bytes.at, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		bytes = span_from(bytes, (size_t)n);
	}
}

/* One that was stopped (by Ctrl-S) takes nothing: the mail goes on. */
static bool
takes_bytes(void)
{
	struct pollfd terminal = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&terminal, 1, 0) == 1 && (terminal.revents & POLLOUT) != 0;
}

/* In the background it is somebody else's. */
static bool
is_ours(void)
{
	pid_t group = tcgetpgrp(STDERR_FILENO);

	return group == -1 || group == getpgrp();
}

/* A line of log is above, and one column stays free: a full line may or may
 * not make a new one. False: there is no room. */
static bool
find_form(struct progress_form *form)
{
	unsigned columns, lines;

	if (!terminal_size(STDERR_FILENO, &columns, &lines) || lines < 2 ||
	    columns <= PROGRESS_COLUMNS_MIN)
		return false;
	*form = (struct progress_form){.columns = columns - 1,
	    .lines = lines - 1,
	    .has_colour = terminal_wants_colour()};
	return true;
}

static void
hide(struct progress *progress)
{
	if (!progress->is_shown)
		return;
	progress->is_shown = false;
	put(span_of(erase));
}

/* ---- drawing ---- */

/* Each line erases what was behind it, so that nothing flickers. */
static void
make_frame(struct progress *progress)
{
	struct buf *frame = &progress->frame;
	struct span rest;
	struct buf text;
	unsigned count;

	buf_init(&text, TEXT_CAP);
	count = progress_view_put(&progress->view, &progress->form, &text);
	rest = buf_span(&text);
	buf_clear(frame);
	(void)buf_add_format(frame, "\r");
	for (unsigned i = 0; i < count; i++) {
		const char *end = memchr(rest.at, '\n', rest.len);
		size_t len = end == NULL ? rest.len : (size_t)(end - rest.at);

		(void)buf_add(frame, rest.at, len);
		(void)buf_add_format(
		    frame, "\033[K%s", i + 1 < count ? "\n" : "");
		rest = span_from(rest, len + (end != NULL));
	}
	(void)buf_add_format(frame, "\033[J\r");
	if (count > 1)
		(void)buf_add_format(frame, "\033[%uA", count - 1);
	buf_free(&text);
}

static void
gather(struct progress *progress)
{
	progress->view = (struct progress_view){.is_known = true};
	progress->is_busy = false;
	progress->has_unweighed = false;
	progress->has_accounts = false;
	progress->first_account = NULL;
	progress->gather(progress->user, progress);
	for (uint32_t i = 0; i < progress->view.row_count; i++)
		if (!progress->has_accounts)
			progress->rows[i].account = NULL;
	progress->view.rows = progress->rows;
	if (progress->has_unweighed)
		progress->view.all.bytes_total = 0;
	progress->view.rate = progress_rate_note(
	    &progress->rate, clock_now(), progress->view.all.bytes);
}

static void
draw(struct progress *progress)
{
	gather(progress);
	if (!progress->is_busy) {
		progress->rate = (struct progress_rate){0};
		hide(progress);
		return;
	}
	if (!is_ours()) {
		progress->is_shown = false;
		return;
	}
	if (!takes_bytes())
		return;
	if (!find_form(&progress->form)) {
		hide(progress);
		return;
	}
	make_frame(progress);
	put(buf_span(&progress->frame));
	progress->is_shown = true;
}

static int
on_timer(sd_event_source *source, uint64_t at, void *user)
{
	struct progress *progress = user;

	(void)source;
	(void)at;
	draw(progress);
	if (progress->is_busy)
		progress_changed(progress);
	return 0;
}

/* A line of the log goes where the bars are; then these come back, unless the
 * terminal is another by now. */
static void
around_line(void *user, bool is_after)
{
	struct progress *progress = user;
	struct progress_form form;

	if (!is_after) {
		if (progress->is_shown)
			put(span_of(erase));
		return;
	}
	if (!progress->is_shown)
		return;
	progress->is_shown = find_form(&form) &&
	    form.columns == progress->form.columns &&
	    form.lines == progress->form.lines;
	if (progress->is_shown)
		put(buf_span(&progress->frame));
}

/* Ctrl-Z: the shell's prompt finds a clean line. */
static int
on_suspend(
    sd_event_source *source, const struct signalfd_siginfo *info, void *user)
{
	struct progress *progress = user;
	sigset_t set;

	(void)source;
	(void)info;
	hide(progress);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTSTP);
	(void)raise(SIGTSTP);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	/* here it was stopped, and goes on */
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	progress->rate = (struct progress_rate){0};
	return 0;
}

/* ---- the numbers ---- */

static void
add_numbers(struct progress_numbers *sum, const struct progress_numbers *more)
{
	sum->messages += more->messages;
	sum->messages_total += more->messages_total;
	sum->bytes += more->bytes;
	sum->bytes_total += more->bytes_total;
}

static bool
is_at_it(const struct folder_report *report)
{
	switch (report->state) {
	case WATCHER_SELECTING:
	case WATCHER_COMPARING:
	case WATCHER_FETCHING:
	case WATCHER_COMMITTING:
		return true;
	default:
		return false;
	}
}

static void
add_row(struct progress *progress, const struct progress_row *row)
{
	struct progress_view *view = &progress->view;

	if (view->row_count == progress->row_size) {
		progress->row_size = progress->row_size * 2 + 16;
		progress->rows = mem_resize(progress->rows, progress->row_size,
		    sizeof(*progress->rows));
	}
	progress->rows[view->row_count++] = *row;
}

static void
add_folder(struct progress *progress, const char *account,
    const struct folder *folder, const struct folder_report *report)
{
	struct progress_view *view = &progress->view;
	struct folder_progress came = folder_progress(folder);
	struct progress_row row = {
	    .account = account,
	    .folder = report->name,
	    .numbers = {.messages = came.done,
		.messages_total = came.total,
		.bytes = came.bytes_done,
		.bytes_total = came.bytes_total},
	};

	add_numbers(&view->all, &row.numbers);
	view->folders++;
	view->folders_done += report->is_synced;
	view->is_known = view->is_known && came.is_known;
	if (report->is_synced || !is_at_it(report))
		return;
	progress->is_busy = true;
	if (came.done >= came.total)
		return;
	if (came.bytes_total == 0)
		progress->has_unweighed = true;
	add_row(progress, &row);
}

void
progress_add(struct progress *progress, const struct account *account)
{
	struct account_report report = account_report(account);
	const struct folder *folder;

	if (progress->first_account == NULL)
		progress->first_account = report.name;
	else
		progress->has_accounts = true;
	if (!report.is_listed)
		progress->view.is_known = false;
	for (uint32_t i = 0; (folder = account_folder(account, i)) != NULL;
	     i++) {
		struct folder_report own = folder_report(folder);

		if (!own.is_gone)
			add_folder(progress, report.name, folder, &own);
	}
}

/* ---- life ---- */

struct progress *
progress_new(sd_event *loop,
    void (*gather_all)(void *user, struct progress *progress), void *user)
{
	const char *kind = getenv("TERM");
	struct progress *progress;
	sigset_t set;

	if (isatty(STDERR_FILENO) != 1 || kind == NULL || *kind == '\0' ||
	    strcmp(kind, "dumb") == 0)
		return NULL;
	/* for the width of characters */
	(void)setlocale(LC_CTYPE, "");
	progress = mem_new(struct progress);
	progress->gather = gather_all;
	progress->user = user;
	buf_init(&progress->frame, TEXT_CAP);
	(void)sd_event_add_time(loop, &progress->timer, CLOCK_BOOTTIME, 0,
	    ACCURACY, on_timer, progress);
	(void)sd_event_source_set_enabled(progress->timer, SD_EVENT_OFF);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTSTP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)sd_event_add_signal(
	    loop, &progress->suspend, SIGTSTP, on_suspend, progress);
	log_set_around(around_line, progress);
	return progress;
}

struct progress *
progress_free(struct progress *progress)
{
	if (progress == NULL)
		return NULL;
	progress_end(progress);
	log_set_around(NULL, NULL);
	progress->timer = sd_event_source_disable_unref(progress->timer);
	progress->suspend = sd_event_source_disable_unref(progress->suspend);
	buf_free(&progress->frame);
	mem_free(progress->rows);
	return mem_free(progress);
}

void
progress_changed(struct progress *progress)
{
	if (progress == NULL || progress->has_ended ||
	    sd_event_source_get_enabled(progress->timer, NULL) > 0)
		return;
	(void)sd_event_source_set_time_relative(progress->timer, INTERVAL);
	(void)sd_event_source_set_enabled(progress->timer, SD_EVENT_ONESHOT);
}

void
progress_hide(struct progress *progress)
{
	if (progress != NULL)
		hide(progress);
}

void
progress_end(struct progress *progress)
{
	if (progress == NULL)
		return;
	hide(progress);
	progress->has_ended = true;
	(void)sd_event_source_set_enabled(progress->timer, SD_EVENT_OFF);
}
