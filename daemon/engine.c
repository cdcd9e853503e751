/* The loop and who lives on it. Accounts come and go here: at the start, at a
 * reload, when they are done, at the end. */
#include "daemon/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/exit_code.h"
#include "daemon/log.h"
#include "daemon/netwatch.h"
#include "daemon/notify.h"
#include "daemon/status.h"
#include "libclient/base/mem.h"

/* The status line walks all folders: not more often than this. */
#define STATUS_INTERVAL UINT64_C(200000)

/* How long the end may take: systemd is promised five seconds. */
#define STOP_LIMIT UINT64_C(3000000)

/* An account's place: who is there, and who comes next. */
struct slot {
	struct slot *next;
	struct account *account;
	struct settings *settings; /* that the account's own are part of */
	const struct settings_account *successor; /* starts when it is quiet */
	struct settings *successor_settings;
	bool is_leaving;
	bool has_ended; /* its end was told */
	bool is_whole; /* selected without naming folders */
	const char **only;
	uint32_t only_count;
};

/* Settings live as long as an account of theirs. */
struct settings_entry {
	struct settings_entry *next;
	struct settings *settings;
};

struct engine {
	struct engine_config config;
	sd_event *loop;
	struct job_lane *disk;
	struct job_lane *names;
	struct settings *settings; /* the current ones */
	struct settings_entry *entries;
	struct slot *slots;
	sd_event_source *look_later;
	sd_event_source *stop_timer;
	sd_event_source *status_timer; /* on: the line is to be shown */
	struct netwatch *netwatch;
	bool has_reloaded;
	bool is_stopping;
	bool is_forced; /* the end could not wait any longer */
	int exit_code;
};

static void
on_changed(void *user, struct account *account)
{
	struct engine *engine = user;

	(void)account;
	if (engine->look_later != NULL)
		(void)sd_event_source_set_enabled(
		    engine->look_later, SD_EVENT_ONESHOT);
}

static struct account *
make_account(struct engine *engine, const struct slot *slot,
    const struct settings_account *settings)
{
	struct account_config config = {
	    .loop = engine->loop,
	    .disk = engine->disk,
	    .names = engine->names,
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
add_settings(struct engine *engine, struct settings *settings)
{
	struct settings_entry *entry = mem_new(struct settings_entry);

	entry->settings = settings;
	entry->next = engine->entries;
	engine->entries = entry;
	engine->settings = settings;
}

static bool
is_used(const struct engine *engine, const struct settings *settings)
{
	if (settings == engine->settings)
		return true;
	for (const struct slot *slot = engine->slots; slot != NULL;
	     slot = slot->next)
		if (slot->settings == settings ||
		    slot->successor_settings == settings)
			return true;
	return false;
}

static void
free_unused_settings(struct engine *engine)
{
	struct settings_entry **link = &engine->entries;
	struct settings_entry *entry;

	while ((entry = *link) != NULL) {
		if (is_used(engine, entry->settings)) {
			link = &entry->next;
			continue;
		}
		*link = entry->next;
		entry->settings = settings_free(entry->settings);
		mem_free(entry);
	}
}

static struct slot *
add_slot(struct engine *engine)
{
	struct slot **link = &engine->slots;
	struct slot *slot = mem_new(struct slot);

	while (*link != NULL)
		link = &(*link)->next;
	*link = slot;
	slot->settings = engine->settings;
	return slot;
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
	return true;
}

static void
stop(struct engine *engine)
{
	if (engine->is_stopping)
		return;
	engine->is_stopping = true;
	notify_stopping();
	for (struct slot *slot = engine->slots; slot != NULL; slot = slot->next)
		account_stop(slot->account);
	(void)sd_event_source_set_time_relative(engine->stop_timer, STOP_LIMIT);
	(void)sd_event_source_set_enabled(engine->stop_timer, SD_EVENT_ONESHOT);
	on_changed(engine, NULL);
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
	if (engine->exit_code == EX_OK)
		engine->exit_code = exit_code_for(failure);
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

	slot->account = account_free(slot->account);
	slot->is_leaving = false;
	slot->successor = NULL;
	if (successor == NULL)
		return false;
	slot->settings = slot->successor_settings;
	slot->successor_settings = NULL;
	slot->account = make_account(engine, slot, successor);
	account_start(slot->account);
	return true;
}

static void
look_at_leaving(struct engine *engine)
{
	struct slot **link = &engine->slots;
	struct slot *slot;

	while ((slot = *link) != NULL) {
		if (!slot->is_leaving || !account_is_quiet(slot->account) ||
		    replace(engine, slot)) {
			link = &slot->next;
			continue;
		}
		*link = slot->next;
		free_slot(slot);
	}
	free_unused_settings(engine);
}

static int
show_status(sd_event_source *source, uint64_t at, void *user)
{
	const struct engine *engine = user;
	struct status status = {0};
	char *line;

	(void)source;
	(void)at;
	for (const struct slot *slot = engine->slots; slot != NULL;
	     slot = slot->next)
		status_add(&status, slot->account);
	line = status_line(&status);
	notify_status(line);
	mem_free(line);
	return 0;
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
	if (engine->config.mode == ACCOUNT_RUNS) {
		look_at_leaving(engine);
		show_status_soon(engine);
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
	stop(engine);
	return 0;
}

/* ---- reload ---- */

static struct slot *
find_slot(struct engine *engine, const char *name)
{
	for (struct slot *slot = engine->slots; slot != NULL; slot = slot->next)
		if (strcmp(account_report(slot->account).name, name) == 0)
			return slot;
	return NULL;
}

static void
reload_account(struct engine *engine, const struct settings_account *settings,
    bool is_elsewhere)
{
	struct slot *slot = find_slot(engine, settings->name);

	if (slot == NULL) {
		slot = add_slot(engine);
		slot->account = make_account(engine, slot, settings);
		account_start(slot->account);
		return;
	}
	if (!slot->is_leaving && !is_elsewhere &&
	    settings_account_equal(account_settings(slot->account), settings))
		return;
	slot->successor = settings;
	slot->successor_settings = engine->settings;
	if (!slot->is_leaving)
		account_stop(slot->account);
	slot->is_leaving = true;
}

static void
reload(struct engine *engine)
{
	struct settings *before = engine->settings, *settings;
	bool is_elsewhere;

	notify_reloading();
	settings = engine->config.reload(engine->config.user);
	if (settings == NULL) {
		log_error(NULL,
		    "the configuration has errors: going on with "
		    "the one before");
		notify_ready();
		return;
	}
	is_elsewhere = strcmp(before->state_dir, settings->state_dir) != 0;
	add_settings(engine, settings);
	engine->has_reloaded = true;
	for (uint32_t i = 0; i < settings->account_count; i++)
		reload_account(engine, &settings->accounts[i], is_elsewhere);
	for (struct slot *slot = engine->slots; slot != NULL;
	     slot = slot->next) {
		if (settings_account(
			settings, account_report(slot->account).name) != NULL)
			continue;
		slot->successor = NULL;
		if (!slot->is_leaving)
			account_stop(slot->account);
		slot->is_leaving = true;
	}
	log_notice(NULL, "configuration reloaded");
	notify_ready();
	on_changed(engine, NULL);
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
		reload(engine);
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

/* ---- selection ---- */

/* "ACCOUNT/FOLDER": the account's slot, and the folder into its list. */
static bool
select_one(struct engine *engine, const char *word)
{
	size_t len = strcspn(word, "/");
	char *name = span_to_string((struct span){word, len});
	const struct settings_account *settings =
	    settings_account(engine->settings, name);
	struct slot *slot;

	if (settings == NULL) {
		(void)fprintf(stderr, "mailmirror: no account \"%s\" in %s\n",
		    name, engine->settings->file);
		mem_free(name);
		return false;
	}
	mem_free(name);
	for (slot = engine->slots; slot != NULL; slot = slot->next)
		if (slot->successor == settings)
			break;
	if (slot == NULL) {
		slot = add_slot(engine);
		slot->successor = settings;
	}
	/* the whole account, whatever else is said of it */
	if (word[len] == '\0')
		slot->is_whole = true;
	if (slot->is_whole) {
		slot->only_count = 0;
		return true;
	}
	slot->only =
	    mem_resize(slot->only, slot->only_count + 1, sizeof(*slot->only));
	slot->only[slot->only_count++] = word + len + 1;
	return true;
}

static bool
select_accounts(struct engine *engine)
{
	const struct settings *settings = engine->settings;

	for (uint32_t i = 0; i < engine->config.selected_count; i++)
		if (!select_one(engine, engine->config.selected[i]))
			return false;
	if (engine->config.selected_count > 0)
		return true;
	for (uint32_t i = 0; i < settings->account_count; i++)
		add_slot(engine)->successor = &settings->accounts[i];
	return true;
}

/* ---- life ---- */

struct engine *
engine_new(const struct engine_config *config)
{
	struct engine *engine = mem_new(struct engine);

	engine->config = *config;
	add_settings(engine, config->settings);
	return select_accounts(engine) ? engine : engine_free(engine);
}

int
engine_run(struct engine *engine)
{
	int code = sd_event_default(&engine->loop);

	if (code < 0) {
		log_error(NULL, "no event loop to be had: %s", strerror(-code));
		return EX_IOERR;
	}
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
		slot->account = make_account(engine, slot, slot->successor);
		slot->successor = NULL;
	}
	for (struct slot *slot = engine->slots; slot != NULL; slot = slot->next)
		account_start(slot->account);
	if (engine->config.mode == ACCOUNT_RUNS)
		notify_ready();
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
	engine->netwatch = netwatch_free(engine->netwatch);
	/* a disk that never answers must not keep the process */
	if (engine->is_forced)
		_exit(engine->exit_code);
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
	engine->loop = sd_event_unref(engine->loop);
	return mem_free(engine);
}
