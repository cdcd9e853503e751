/*
 * What the files of the engine share: engine.c (life), engine_accounts.c (who
 * there is, reloads), engine_control.c (what people tell it), engine_hooks.c
 * (what it runs). Nobody else includes it.
 */
#ifndef DAEMON_ENGINE_PRIVATE_H
#define DAEMON_ENGINE_PRIVATE_H

#include "daemon/engine.h"
#include "daemon/hook.h"
#include "daemon/progress.h"

/* An account's place: who is there, and who comes next. */
struct slot {
	struct slot *next;
	struct account *account;
	struct settings *settings; /* that the account's own are part of */
	const struct settings_account *successor; /* starts when it is quiet */
	struct settings *successor_settings;
	bool is_leaving;
	bool is_paused;
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
	struct hook_entry *hooks;
	struct slot *slots;
	sd_event_source *look_later;
	sd_event_source *stop_timer;
	sd_event_source *status_timer; /* on: the line is to be shown */
	struct progress *progress; /* NULL: nobody is shown any */
	struct control *control; /* NULL: nobody can ask */
	sd_event_source *metrics_timer;
	int64_t since; /* Unix time */
	struct netwatch *netwatch;
	struct sandbox *sandbox; /* NULL: everything is allowed */
	bool has_reloaded;
	bool is_stopping;
	bool is_forced; /* the end could not wait any longer */
	int exit_code;
};

/* Something is another than it was: the engine looks, soon. */
void engine_changed(struct engine *engine);

struct account *engine_make_account(struct engine *engine,
    const struct slot *slot, const struct settings_account *settings);

/* ---- who there is ---- */

/* The slots that the command line names, or all; false: said on stderr. */
bool engine_select(struct engine *engine);

/* From now on these are the current ones, and the engine's. */
void engine_add_settings(struct engine *engine, struct settings *settings);
void engine_free_unused_settings(struct engine *engine);

struct slot *engine_find_slot(struct engine *engine, const char *name);

/* False: the configuration has errors, and the one before stays. */
bool engine_reload(struct engine *engine);

/* The account leaves, and comes again with these settings, or not (NULL). */
void engine_replace(struct slot *slot, const struct settings_account *successor,
    struct settings *settings);

/* ---- what is run when a folder changed ---- */

/* The account's hook, from now on with these settings; NULL: it has none. */
struct hook *engine_hook(
    struct engine *engine, const struct settings_account *settings);

/* The account has ended: what waits is run at once. */
void engine_flush_hook(const struct engine *engine, const char *account);
void engine_stop_hooks(struct engine *engine);
bool engine_hooks_are_idle(const struct engine *engine);

/* Those of accounts that are gone, once they have run. */
void engine_free_unused_hooks(struct engine *engine);
void engine_free_hooks(struct engine *engine);

/* ---- what is left to it ---- */

/* Before there are threads: from now on the selected accounts' directories are
 * all that can be written to, if the kernel and the settings have it so. */
void engine_confine(struct engine *engine);

/* False: the settings need more than that, which was said. */
bool engine_may_reload(
    const struct engine *engine, const struct settings *settings);

/* Whether an account fails since its directory was replaced by one that may
 * not be written to, which was said. */
bool engine_is_shut_out(const struct engine *engine);

/* ---- what people tell it ---- */

void engine_control_begin(struct engine *engine);
void engine_control_end(struct engine *engine);

#endif
