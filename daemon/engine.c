/* The loop and who lives on it. Accounts come and go here: at the start, at a
 * reload, when they are done, at the end. */
#include "daemon/engine_private.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/control.h"
#include "daemon/exit_code.h"
#include "daemon/log.h"
#include "daemon/netwatch.h"
#include "daemon/notify.h"
#include "daemon/sandbox.h"
#include "daemon/status.h"
#include "libclient/base/mem.h"

/* The status line walks all folders: not more often than this. */
#define STATUS_INTERVAL UINT64_C(200000)

/* How long the end may take: systemd is promised five seconds. */
#define STOP_LIMIT UINT64_C(3000000)

void
engine_changed(struct engine *engine)
{
	if (engine->look_later != NULL)
		(void)sd_event_source_set_enabled(
		    engine->look_later, SD_EVENT_ONESHOT);
}

static void
on_changed(void *user, struct account *account)
{
	(void)account;
	engine_changed(user);
}

struct account *
engine_make_account(struct engine *engine, const struct slot *slot,
    const struct settings_account *settings)
{
	struct account_config config = {
	    .loop = engine->loop,
	    .disk = engine->disk,
	    .names = engine->names,
	    .runner = engine->config.runner,
	    .hook = engine_hook(engine, settings),
	    .settings = settings,
	    .state_dir = engine->settings->state_dir,
	    .mode = engine->config.mode,
	    .accepts_deletes = engine->config.accepts_deletes,
	    .only = slot->only,
	    .only_count = slot->only_count,
	    .changed = on_changed,
	    .user = engine,
	};

	return account_new(&config);
}

static void
free_slot(struct slot *slot)
{
	slot->account = account_free(slot->account);
	mem_free(slot->only);
	mem_free(slot);
}

/* ---- the end ---- */

static bool
all_quiet(const struct engine *engine)
{
	for (const struct slot *slot = engine->slots; slot != NULL;
	     slot = slot->next)
		if (slot->account != NULL && !account_is_quiet(slot->account))
			return false;
	return engine_hooks_are_idle(engine);
}

static void
stop(struct engine *engine)
{
	if (engine->is_stopping)
		return;
	engine->is_stopping = true;
	progress_end(engine->progress);
	notify_stopping();
	for (struct slot *slot = engine->slots; slot != NULL; slot = slot->next)
		account_stop(slot->account);
	engine_stop_hooks(engine);
	(void)sd_event_source_set_time_relative(engine->stop_timer, STOP_LIMIT);
	(void)sd_event_source_set_enabled(engine->stop_timer, SD_EVENT_ONESHOT);
	engine_changed(engine);
}

static void
on_runner_lost(void *user, const char *why)
{
	struct engine *engine = user;

	if (engine->is_stopping)
		return;
	/* one that is forked now would have our mail and passwords */
	log_error(NULL,
	    "the process that runs commands %s: ending, since there cannot be "
	    "another",
	    why);
	engine->exit_code = EX_SOFTWARE;
	stop(engine);
}

static int
on_stop_timer(sd_event_source *source, uint64_t at, void *user)
{
	struct engine *engine = user;

	(void)source;
	(void)at;
	log_notice(NULL, "ending although not everything came to rest");
	engine->is_forced = true;
	(void)sd_event_exit(engine->loop, engine->exit_code);
	return 0;
}

/* What an account's end means for the program's. */
static void
note_end(struct engine *engine, struct slot *slot)
{
	enum imap_error_kind failure = account_failure(slot->account);

	slot->has_ended = true;
	engine_flush_hook(engine, account_report(slot->account).name);
	if (engine->exit_code == EX_OK)
		engine->exit_code = exit_code_for(failure);
	/* it writes to standard output */
	progress_hide(engine->progress);
	if (engine->config.ended != NULL)
		engine->config.ended(engine->config.user, slot->account);
}

/* A daemon whose every Maildir is another's has nothing to do. */
static bool
is_second_instance(const struct engine *engine)
{
	for (const struct slot *slot = engine->slots; slot != NULL;
	     slot = slot->next) {
		struct account_report report = account_report(slot->account);

		if (report.error == NULL ||
		    report.error->kind != IMAP_ERROR_BUSY)
			return false;
	}
	return engine->slots != NULL;
}

/* ---- looking at the accounts ---- */

/* An account that left makes room for its successor, or for nobody. */
static bool
replace(struct engine *engine, struct slot *slot)
{
	const struct settings_account *successor = slot->successor;

	if (successor == NULL)
		engine_flush_hook(engine, account_report(slot->account).name);
	slot->account = account_free(slot->account);
	slot->is_leaving = false;
	slot->successor = NULL;
	if (successor == NULL)
		return false;
	slot->settings = slot->successor_settings;
	slot->successor_settings = NULL;
	slot->account = engine_make_account(engine, slot, successor);
	account_start(slot->account);
	return true;
}

static void
look_at_leaving(struct engine *engine)
{
	struct slot **link = &engine->slots;
	struct slot *slot;
	bool has_left = false;

	while ((slot = *link) != NULL) {
		if (!slot->is_leaving || !account_is_quiet(slot->account)) {
			link = &slot->next;
			continue;
		}
		has_left = true;
		if (replace(engine, slot)) {
			link = &slot->next;
			continue;
		}
		*link = slot->next;
		free_slot(slot);
	}
	if (has_left)
		engine_free_unused_settings(engine);
	engine_free_unused_hooks(engine);
}

static int
show_status(sd_event_source *source, uint64_t at, void *user)
{
	struct engine *engine = user;
	struct status status = {0};
	char *line;

	(void)source;
	(void)at;
	if (!engine->is_stopping && engine_is_shut_out(engine)) {
		engine->exit_code = EX_TEMPFAIL;
		stop(engine);
		return 0;
	}
	for (const struct slot *slot = engine->slots; slot != NULL;
	     slot = slot->next)
		status_add(&status, slot->account);
	line = status_line(&status);
	notify_status(line);
	mem_free(line);
	return 0;
}

static void
gather_progress(void *user, struct progress *progress)
{
	struct engine *engine = user;

	for (const struct slot *slot = engine->slots; slot != NULL;
	     slot = slot->next)
		progress_add(progress, slot->account);
}

static void
show_status_soon(struct engine *engine)
{
	if (sd_event_source_get_enabled(engine->status_timer, NULL) > 0)
		return;
	(void)sd_event_source_set_time_relative(
	    engine->status_timer, STATUS_INTERVAL);
	(void)sd_event_source_set_enabled(
	    engine->status_timer, SD_EVENT_ONESHOT);
}

static int
look(sd_event_source *source, void *user)
{
	struct engine *engine = user;

	(void)source;
	if (engine->is_stopping) {
		if (all_quiet(engine))
			(void)sd_event_exit(engine->loop, engine->exit_code);
		return 0;
	}
	progress_changed(engine->progress);
	if (engine->config.mode == ACCOUNT_RUNS) {
		look_at_leaving(engine);
		show_status_soon(engine);
		control_changed(engine->control);
		if (!engine->has_reloaded && is_second_instance(engine)) {
			engine->exit_code = EX_TEMPFAIL;
			stop(engine);
		}
		return 0;
	}
	for (struct slot *slot = engine->slots; slot != NULL; slot = slot->next)
		if (!slot->has_ended && account_is_quiet(slot->account))
			note_end(engine, slot);
	for (struct slot *slot = engine->slots; slot != NULL; slot = slot->next)
		if (!slot->has_ended)
			return 0;
	if (engine_hooks_are_idle(engine))
		stop(engine);
	return 0;
}

/* ---- signals ---- */

static int
on_end_signal(
    sd_event_source *source, const struct signalfd_siginfo *info, void *user)
{
	struct engine *engine = user;

	(void)source;
	log_info(NULL, "ending on signal %" PRIu32, info->ssi_signo);
	if (engine->config.mode != ACCOUNT_RUNS && engine->exit_code == EX_OK)
		engine->exit_code = 128 + (int)info->ssi_signo;
	stop(engine);
	return 0;
}

static int
on_reload_signal(
    sd_event_source *source, const struct signalfd_siginfo *info, void *user)
{
	struct engine *engine = user;

	(void)source;
	(void)info;
	if (!engine->is_stopping)
		(void)engine_reload(engine);
	return 0;
}

static int
on_wake_signal(
    sd_event_source *source, const struct signalfd_siginfo *info, void *user)
{
	struct engine *engine = user;

	(void)source;
	(void)info;
	if (engine->is_stopping)
		return 0;
	log_info(NULL, "checking everything now");
	for (struct slot *slot = engine->slots; slot != NULL; slot = slot->next)
		account_wake(slot->account);
	return 0;
}

static void
on_network(void *user, const char *why)
{
	struct engine *engine = user;

	if (engine->is_stopping)
		return;
	log_info(NULL, "asking every server whether it is there: %s", why);
	for (struct slot *slot = engine->slots; slot != NULL; slot = slot->next)
		account_network_changed(slot->account);
}

static void
add_signal(struct engine *engine, int number, sd_event_signal_handler_t handler)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, number);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)sd_event_add_signal(engine->loop, NULL, number, handler, engine);
}

/* ---- life ---- */

/* Before there are threads. */
static bool
begin_helper(struct engine *engine)
{
	struct imap_error error;

	/* its socket may be outside of what is left to it then */
	if (engine->config.mode == ACCOUNT_RUNS)
		engine_control_begin(engine);
	engine_confine(engine);
	if (engine->config.runner == NULL ||
	    runner_attach(engine->config.runner, engine->loop, on_runner_lost,
		engine, &error))
		return true;
	log_error(NULL, "%s", error.text);
	return false;
}

struct engine *
engine_new(const struct engine_config *config)
{
	struct engine *engine = mem_new(struct engine);

	engine->config = *config;
	engine_add_settings(engine, config->settings);
	return engine_select(engine) ? engine : engine_free(engine);
}

int
engine_run(struct engine *engine)
{
	int code = sd_event_default(&engine->loop);

	if (code < 0) {
		log_error(NULL, "no event loop to be had: %s", strerror(-code));
		return EX_IOERR;
	}
	if (engine->config.shows_progress)
		engine->progress =
		    progress_new(engine->loop, gather_progress, engine);
	if (!begin_helper(engine))
		return EX_IOERR;
	add_signal(engine, SIGTERM, on_end_signal);
	add_signal(engine, SIGINT, on_end_signal);
	if (engine->config.mode == ACCOUNT_RUNS) {
		add_signal(engine, SIGHUP, on_reload_signal);
		add_signal(engine, SIGUSR1, on_wake_signal);
		notify_watchdog(engine->loop);
		engine->netwatch =
		    netwatch_new(engine->loop, NULL, on_network, engine);
	}
	/* the lanes' threads inherit the blocked signals */
	engine->disk = job_lane_new(engine->loop, "disk");
	engine->names = job_lane_new_wide(engine->loop, "names", LOOKUPS_MAX);
	if (engine->disk == NULL || engine->names == NULL) {
		log_error(NULL, "no thread to be had: %s", strerror(errno));
		return EX_IOERR;
	}
	(void)sd_event_add_defer(
	    engine->loop, &engine->look_later, look, engine);
	(void)sd_event_add_time_relative(engine->loop, &engine->stop_timer,
	    CLOCK_BOOTTIME, STOP_LIMIT, 0, on_stop_timer, engine);
	(void)sd_event_source_set_enabled(engine->stop_timer, SD_EVENT_OFF);
	(void)sd_event_add_time(engine->loop, &engine->status_timer,
	    CLOCK_BOOTTIME, 0, 1000, show_status, engine);
	(void)sd_event_source_set_enabled(engine->status_timer, SD_EVENT_OFF);
	for (struct slot *slot = engine->slots; slot != NULL;
	     slot = slot->next) {
		slot->account =
		    engine_make_account(engine, slot, slot->successor);
		slot->successor = NULL;
	}
	for (struct slot *slot = engine->slots; slot != NULL; slot = slot->next)
		account_start(slot->account);
	if (engine->config.mode == ACCOUNT_RUNS) {
		notify_ready();
		log_line(SETTINGS_LOG_INFO, LOG_EVENT_READY, NULL,
		    "ready: the accounts are starting");
	}
	code = sd_event_loop(engine->loop);
	return code < 0 ? EX_SOFTWARE : code;
}

struct engine *
engine_free(struct engine *engine)
{
	struct settings_entry *entry;
	struct slot *slot;

	if (engine == NULL)
		return NULL;
	engine->look_later = sd_event_source_disable_unref(engine->look_later);
	engine->stop_timer = sd_event_source_disable_unref(engine->stop_timer);
	engine->status_timer =
	    sd_event_source_disable_unref(engine->status_timer);
	engine->progress = progress_free(engine->progress);
	engine->netwatch = netwatch_free(engine->netwatch);
	engine_control_end(engine);
	/* a disk that never answers must not keep the process */
	if (engine->is_forced)
		_exit(engine->exit_code);
	engine_free_hooks(engine);
	/* what the disk has begun ends before its handles are closed */
	engine->disk = job_lane_free(engine->disk);
	while ((slot = engine->slots) != NULL) {
		engine->slots = slot->next;
		free_slot(slot);
	}
	engine->names = job_lane_free(engine->names);
	while ((entry = engine->entries) != NULL) {
		engine->entries = entry->next;
		entry->settings = settings_free(entry->settings);
		mem_free(entry);
	}
	engine->sandbox = sandbox_free(engine->sandbox);
	engine->loop = sd_event_unref(engine->loop);
	return mem_free(engine);
}
