/*
 * A folder's outside: what the account tells it, and what its connection's
 * events mean to the watcher.
 */
#include "daemon/folder_path.h"
#include "daemon/folder_private.h"

#include <string.h>
#include <time.h>

#include "daemon/advice.h"
#include "libclient/base/mem.h"

/* Bursts are timed by it (sd-event's default is a quarter of a second). */
#define TIMER_ACCURACY 1000

struct span
folder_mailbox_bytes(const struct folder *folder)
{
	return (struct span){folder->mailbox, folder->mailbox_len};
}

static int
on_timer(sd_event_source *source, uint64_t at, void *user)
{
	struct folder *folder = user;

	(void)source;
	(void)at;
	watcher_tell(&folder->watcher, WATCHER_TIMEOUT);
	return 0;
}

uint64_t
folder_idle_refresh(const struct folder *folder)
{
	return folder->config.host->idle_refresh(folder->config.host_user);
}

void
folder_arm(struct folder *folder, uint64_t at)
{
	if (at == 0) {
		(void)sd_event_source_set_enabled(folder->timer, SD_EVENT_OFF);
		return;
	}
	(void)sd_event_source_set_time(folder->timer, at);
	(void)sd_event_source_set_enabled(folder->timer, SD_EVENT_ONESHOT);
}

struct folder *
folder_new(
    const struct folder_config *config, const struct folder_mailbox *mailbox)
{
	struct folder *folder = mem_new(struct folder);
	const struct settings_account *settings = config->settings;

	folder->config = *config;
	folder->mailbox = span_to_string(mailbox->bytes);
	folder->mailbox_len = mailbox->bytes.len;
	folder->name = span_to_string(mailbox->name);
	folder->is_valid = mailbox->is_valid;
	folder->delimiter = mailbox->delimiter;
	folder->list_flags = mailbox->flags;
	folder->subject.account = settings->name;
	folder->subject.folder = folder->name;
	folder->watcher.ops = &folder_ops;
	folder->watcher.user = folder;
	folder->identity.host = folder_host_of(settings);
	folder->burst.interval = settings->burst_interval;
	folder->burst.max_wait = settings->burst_max_wait;
	landing_init(&folder->landing, settings->line_endings == SETTINGS_CRLF);
	(void)sd_event_add_time(config->loop, &folder->timer, CLOCK_BOOTTIME, 0,
	    TIMER_ACCURACY, on_timer, folder);
	(void)sd_event_source_set_enabled(folder->timer, SD_EVENT_OFF);
	return folder;
}

bool
folder_has_quirk(const struct folder *folder, enum quirk quirk)
{
	const struct folder_config *config = &folder->config;

	return (config->host->quirks(config->host_user) & quirk) != 0;
}

uint32_t
folder_line_max(const struct folder *folder)
{
	return (folder_has_quirk(folder, QUIRK_SHORT_LINES)
		       ? QUIRK_LINE_MAX
		       : COMMAND_MAX_LINE) -
	    COMMAND_LINE_RESERVE;
}

/* Bodies follow one another into its Maildir. */
static bool
is_landing(const struct folder *folder)
{
	return folder->watcher.state == WATCHER_FETCHING ||
	    folder->watcher.state == WATCHER_COMMITTING ||
	    folder->watcher.state == WATCHER_SETTLING;
}

void
folder_rest(struct folder *folder)
{
	if (folder->maildir != NULL && folder->jobs == 0 && !is_landing(folder))
		maildir_rest(folder->maildir);
}

void
folder_end_job(struct folder *folder)
{
	folder->jobs--;
	folder_rest(folder);
}

void
folder_unprepare(struct folder *folder)
{
	folder->is_prepared = false;
	folder_local_end(folder);
	if (folder->maildir != NULL) {
		landing_drop_all(&folder->landing, &folder->flow.bodies);
		landing_free(&folder->landing);
	}
	folder->maildir = maildir_close(folder->maildir);
	index_free(&folder->index);
	keywords_free(&folder->keywords);
	folder_claims_free(&folder->odd);
	uidset_free(&folder->unverified);
	uidset_free(&folder->arriving);
	withheld_free(&folder->absent.withheld);
	uidset_free(&folder->absent.skip);
	uidset_free(&folder->absent.restore);
	folder->path = mem_free(folder->path);
}

struct folder *
folder_free(struct folder *folder)
{
	if (folder == NULL)
		return NULL;
	folder->timer = sd_event_source_disable_unref(folder->timer);
	folder_unprepare(folder);
	compare_free(&folder->compare);
	uidset_free(&folder->vanished);
	uidset_free(&folder->verified);
	uidset_free(&folder->refuted);
	uidset_free(&folder->wanted);
	folder_match_forget(folder);
	uidset_free(&folder->missing);
	uidset_free(&folder->rowless);
	folder_forget_weights(folder);
	for (int i = 0; i < FOLDER_WINDOWS; i++)
		uidset_free(&folder->flow.windows[i].uids);
	mem_free(folder->mailbox);
	mem_free(folder->name);
	return mem_free(folder);
}

/* ---- what the account tells ---- */

void
folder_set_idle(struct folder *folder, bool has_idle)
{
	if (folder->has_idle == has_idle)
		return;
	folder->has_idle = has_idle;
	if (has_idle && folder->watcher.state == WATCHER_RESTING &&
	    folder->failures == 0)
		folder_wake(folder);
	if (!has_idle)
		watcher_tell(&folder->watcher, WATCHER_POLLED);
}

void
folder_set_watch(struct folder *folder, enum mailbox_watch watch)
{
	folder->is_notified = watch == MAILBOX_NOTIFIED;
	folder_set_idle(folder, watch == MAILBOX_IDLED);
}

void
folder_set_gone(struct folder *folder, bool is_gone)
{
	folder->is_gone = is_gone;
}

void
folder_wake(struct folder *folder)
{
	watcher_tell(&folder->watcher, WATCHER_WAKE);
}

/* The mailbox of this name is another than the one that is open. */
static bool
is_replaced(const struct folder *folder, const struct imap_status *status)
{
	return (status->has & IMAP_STATUS_UIDVALIDITY) != 0 &&
	    status->uidvalidity != folder->identity.uidvalidity;
}

/* Whether what STATUS tells is not what the folder has. */
static bool
is_news(const struct folder *folder, const struct imap_status *status)
{
	if (!folder->is_synced)
		return true;
	if ((status->has & IMAP_STATUS_MESSAGES) != 0 &&
	    (int64_t)status->messages != folder_expected(folder))
		return true;
	if (is_replaced(folder, status))
		return true;
	if ((status->has & IMAP_STATUS_UIDNEXT) != 0 &&
	    status->uidnext != folder->row.uidnext)
		return true;
	/* without a MODSEQ, changed flags do not show here */
	return (status->has & IMAP_STATUS_HIGHESTMODSEQ) == 0 ||
	    status->highestmodseq == 0 ||
	    status->highestmodseq != folder->row.highestmodseq;
}

static bool
is_idling(const struct folder *folder)
{
	return folder->watcher.state == WATCHER_IDLING ||
	    folder->watcher.state == WATCHER_SETTLING;
}

void
folder_polled(struct folder *folder, const struct imap_status *status)
{
	/* IDLE tells all the rest by itself */
	if (is_idling(folder)) {
		if (is_replaced(folder, status))
			watcher_tell(&folder->watcher, WATCHER_AGAIN);
		return;
	}
	if (!is_news(folder, status) ||
	    (folder->watcher.state == WATCHER_RESTING && folder->failures > 0))
		return;
	folder_wake(folder);
}

bool
folder_reopens_cheaply(const struct folder *folder)
{
	return folder->imap != NULL && folder_has_modseq(folder);
}

void
folder_yield(struct folder *folder)
{
	watcher_tell(&folder->watcher, WATCHER_YIELD);
}

void
folder_stop(struct folder *folder)
{
	watcher_tell(&folder->watcher, WATCHER_STOP);
}

bool
folder_is_quiet(const struct folder *folder)
{
	return folder->watcher.state == WATCHER_STOPPED && folder->jobs == 0;
}

void
folder_opened(struct folder *folder, struct imap *imap)
{
	folder->imap = imap;
	watcher_tell(&folder->watcher, WATCHER_OPENED);
}

/* What is told over and over is told once. */
static void
fail_at(struct folder *folder, const struct imap_error *error,
    enum settings_log_level level, enum log_event event)
{
	const struct advice_place place = {folder->config.settings, true};
	char text[ADVICE_TEXT_MAX];

	if (folder->error.kind == error->kind &&
	    strcmp(folder->error.text, error->text) == 0)
		level = SETTINGS_LOG_DEBUG;
	else if (level < SETTINGS_LOG_INFO &&
	    !advice_is_news(&place, &folder->error, error))
		level = SETTINGS_LOG_INFO;
	folder->error = *error;
	log_line(level, event, &folder->subject, "%s%s",
	    event == LOG_EVENT_LOST ? "connection lost: " : "",
	    advice_text(&place, error, text));
}

void
folder_fail(struct folder *folder, const struct imap_error *error)
{
	fail_at(folder, error, SETTINGS_LOG_WARNING, log_event_of(error->kind));
}

/* A connection that can be made again at once is no trouble, and of one that
 * cannot, as of what is final, the account tells. */
static void
note_loss(struct folder *folder, const struct imap_error *error)
{
	if (folder->is_final)
		fail_at(folder, error, SETTINGS_LOG_DEBUG,
		    log_event_of(error->kind));
	else if (error->kind == IMAP_ERROR_NETWORK ||
	    error->kind == IMAP_ERROR_TIMEOUT)
		fail_at(folder, error, SETTINGS_LOG_INFO, LOG_EVENT_LOST);
	else
		folder_fail(folder, error);
}

void
folder_lost(
    struct folder *folder, const struct imap_error *error, bool is_final)
{
	folder->imap = NULL;
	folder->is_final = is_final;
	note_loss(folder, error);
	watcher_tell(&folder->watcher, WATCHER_LOST);
}

void
folder_detach(struct folder *folder)
{
	folder->imap = NULL;
}

struct folder_report
folder_report(const struct folder *folder)
{
	return (struct folder_report){
	    .name = folder->name,
	    .path = folder->path,
	    .state = folder->watcher.state,
	    .watch = folder->has_idle ? MAILBOX_IDLED
		: folder->is_notified ? MAILBOX_NOTIFIED
				      : MAILBOX_POLLED,
	    .is_gone = folder->is_gone,
	    .is_synced = folder->is_synced,
	    .is_held = folder->row.is_held,
	    .messages = folder->index.count,
	    .behind =
		uidset_count(&folder->wanted) + uidset_count(&folder->arriving),
	    .tally = folder->tally,
	    .error =
		folder->error.kind == IMAP_ERROR_NONE ? NULL : &folder->error,
	};
}
