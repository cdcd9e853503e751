/*
 * What people ask of the daemon and tell it, over the control socket; and the
 * metrics, which are the same answer in a file.
 */
#include "daemon/engine_private.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "daemon/control.h"
#include "daemon/log.h"
#include "daemon/metrics_file.h"
#include "daemon/status_json.h"
#include "libclient/base/mem.h"

/* Prometheus looks every 15 s, by custom. */
#define METRICS_INTERVAL UINT64_C(15000000)

static json_t *
status(void *user)
{
	const struct engine *engine = user;
	json_t *accounts = json_array();

	for (const struct slot *slot = engine->slots; slot != NULL;
	     slot = slot->next)
		(void)json_array_append_new(accounts,
		    status_json_account(slot->account, slot->is_paused));
	return status_json(accounts, engine->since);
}

/* ---- orders ---- */

/* "ACCOUNT" or "ACCOUNT/FOLDER". */
struct target {
	struct slot *slot;
	const char *folder; /* NULL: all of them */
};

static bool
find_target(struct engine *engine, const char *word, struct target *target,
    struct imap_error *error)
{
	size_t len = strcspn(word, "/");
	char *name = span_to_string((struct span){word, len});

	target->slot = engine_find_slot(engine, name);
	target->folder = word[len] == '/' ? word + len + 1 : NULL;
	if (target->slot == NULL)
		imap_error_set(error, IMAP_ERROR_CONFIG,
		    "no account \"%s\" in %s", name, engine->settings->file);
	mem_free(name);
	return target->slot != NULL;
}

static bool
sync_target(const struct target *target, struct imap_error *error)
{
	struct account *account = target->slot->account;
	const char *name = account_report(account).name;

	if (target->slot->is_paused)
		return imap_error_set(error, IMAP_ERROR_BUSY,
		    "account \"%s\" is paused: mailmirror resume %s", name,
		    name);
	if (target->folder == NULL) {
		account_wake(account);
		return true;
	}
	return account_wake_folder(account, target->folder) ||
	    imap_error_set(error, IMAP_ERROR_CONFIG,
		"account \"%s\" mirrors no folder \"%s\"; mailmirror status "
		"lists them",
		name, target->folder);
}

static bool
refuse_folder(
    const struct target *target, const char *command, struct imap_error *error)
{
	return target->folder != NULL &&
	    !imap_error_set(error, IMAP_ERROR_CONFIG,
		"%s takes an account, not a folder", command);
}

static bool
pause_target(const struct target *target, struct imap_error *error)
{
	struct slot *slot = target->slot;
	struct log_subject subject = {
	    .account = account_report(slot->account).name};

	if (refuse_folder(target, "pause", error))
		return false;
	if (slot->is_leaving)
		return imap_error_set(error, IMAP_ERROR_BUSY,
		    "account \"%s\" is being reloaded", subject.account);
	if (slot->is_paused)
		return true;
	log_notice(&subject, "paused until \"resume\"");
	slot->is_paused = true;
	account_stop(slot->account);
	return true;
}

static bool
resume_target(const struct target *target, struct imap_error *error)
{
	struct slot *slot = target->slot;
	struct log_subject subject = {
	    .account = account_report(slot->account).name};

	if (refuse_folder(target, "resume", error))
		return false;
	if (!slot->is_paused)
		return true;
	log_notice(&subject, "resumed");
	engine_replace(slot, account_settings(slot->account), slot->settings);
	return true;
}

static bool
order_one(struct engine *engine, const char *command, const char *word,
    struct imap_error *error)
{
	struct target target;

	if (!find_target(engine, word, &target, error))
		return false;
	if (strcmp(command, "pause") == 0)
		return pause_target(&target, error);
	if (strcmp(command, "resume") == 0)
		return resume_target(&target, error);
	return sync_target(&target, error);
}

/* No target: every account, where that makes sense. */
static bool
order_all(struct engine *engine, const char *command, struct imap_error *error)
{
	if (strcmp(command, "sync-now") != 0)
		return imap_error_set(
		    error, IMAP_ERROR_CONFIG, "%s which account?", command);
	for (struct slot *slot = engine->slots; slot != NULL; slot = slot->next)
		if (!slot->is_paused)
			account_wake(slot->account);
	return true;
}

static bool
obey(struct engine *engine, const char *command, const json_t *targets,
    struct imap_error *error)
{
	if (strcmp(command, "reload") == 0)
		return engine_reload(engine) ||
		    imap_error_set(error, IMAP_ERROR_LOCAL,
			"the configuration has errors (mailmirror check "
			"--offline): going on with the one before");
	if (json_array_size(targets) == 0)
		return order_all(engine, command, error);
	for (size_t i = 0; i < json_array_size(targets); i++)
		if (!order_one(engine, command,
			json_string_value(json_array_get(targets, i)), error))
			return false;
	return true;
}

static bool
order(void *user, const char *command, const json_t *targets, int *code,
    struct imap_error *error)
{
	struct engine *engine = user;

	if (engine->is_stopping) {
		*code = EX_TEMPFAIL;
		return imap_error_set(
		    error, IMAP_ERROR_BUSY, "the daemon is ending");
	}
	if (!obey(engine, command, targets, error)) {
		*code = error->kind == IMAP_ERROR_LOCAL ? EX_CONFIG
		    : error->kind == IMAP_ERROR_BUSY	? EX_TEMPFAIL
							: EX_USAGE;
		return false;
	}
	engine_changed(engine);
	return true;
}

/* ---- metrics ---- */

static void
write_metrics(struct engine *engine)
{
	struct imap_error error = {0};
	json_t *now;

	if (engine->settings->metrics_file == NULL)
		return;
	now = status(engine);
	if (!metrics_file_write(engine->settings->metrics_file, now, &error))
		log_warning(NULL, "%s", error.text);
	json_decref(now);
}

static int
on_metrics(sd_event_source *source, uint64_t at, void *user)
{
	(void)at;
	write_metrics(user);
	(void)sd_event_source_set_time_relative(source, METRICS_INTERVAL);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static void
begin_metrics(struct engine *engine)
{
	(void)sd_event_add_time_relative(engine->loop, &engine->metrics_timer,
	    CLOCK_BOOTTIME, 0, 1000000, on_metrics, engine);
	if (engine->settings->metrics_file == NULL)
		(void)sd_event_source_set_enabled(
		    engine->metrics_timer, SD_EVENT_OFF);
}

/* ---- life ---- */

static const struct control_ops ops = {.status = status, .order = order};

void
engine_control_begin(struct engine *engine)
{
	struct imap_error error = {0};

	engine->since = time(NULL);
	begin_metrics(engine);
	if (engine->settings->control_socket == NULL) {
		log_notice(NULL,
		    "no control socket: neither control_socket nor "
		    "RUNTIME_DIRECTORY nor XDG_RUNTIME_DIR is set");
		return;
	}
	engine->control = control_new(engine->loop,
	    engine->settings->control_socket, &ops, engine, &error);
	if (engine->control == NULL)
		log_warning(NULL, "%s: \"mailmirror status\" will not work",
		    error.text);
}

void
engine_control_end(struct engine *engine)
{
	engine->control = control_free(engine->control);
	if (engine->metrics_timer != NULL)
		write_metrics(engine);
	engine->metrics_timer =
	    sd_event_source_disable_unref(engine->metrics_timer);
}
