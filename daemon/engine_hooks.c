/*
 * The commands of on_change: one hook for each account's name. It outlives the
 * account, which a reload may replace or take away while a command runs.
 */
#include <string.h>

#include "daemon/engine_private.h"
#include "libclient/base/mem.h"

struct hook_entry {
	struct hook_entry *next;
	struct hook *hook;
};

static void
on_idle(void *user)
{
	engine_changed(user);
}

static struct hook *
make_hook(struct engine *engine, const char *account)
{
	struct hook_config config = {
	    .loop = engine->loop,
	    .disk = engine->disk,
	    .runner = engine->config.runner,
	    .account = account,
	    .timeout = HOOK_TIMEOUT,
	    .grace = HOOK_GRACE,
	    .idle = on_idle,
	    .user = engine,
	};
	struct hook_entry *entry = mem_new(struct hook_entry);

	entry->hook = hook_new(&config);
	entry->next = engine->hooks;
	engine->hooks = entry;
	return entry->hook;
}

static struct hook *
find_hook(const struct engine *engine, const char *account)
{
	for (const struct hook_entry *entry = engine->hooks; entry != NULL;
	     entry = entry->next)
		if (strcmp(hook_account(entry->hook), account) == 0)
			return entry->hook;
	return NULL;
}

struct hook *
engine_hook(struct engine *engine, const struct settings_account *settings)
{
	struct hook *hook = find_hook(engine, settings->name);
	struct hook_settings own = {
	    .command = settings->on_change,
	    .state_dir = engine->settings->state_dir,
	    .burst_interval = settings->burst_interval,
	    .burst_max_wait = settings->burst_max_wait,
	};

	if (engine->config.runner == NULL)
		return NULL;
	if (hook == NULL && settings->on_change != NULL)
		hook = make_hook(engine, settings->name);
	if (hook != NULL)
		hook_configure(hook, &own);
	return hook;
}

void
engine_flush_hook(const struct engine *engine, const char *account)
{
	hook_flush(find_hook(engine, account));
}

void
engine_stop_hooks(struct engine *engine)
{
	for (const struct hook_entry *entry = engine->hooks; entry != NULL;
	     entry = entry->next)
		hook_stop(entry->hook);
}

bool
engine_hooks_are_idle(const struct engine *engine)
{
	for (const struct hook_entry *entry = engine->hooks; entry != NULL;
	     entry = entry->next)
		if (!hook_is_idle(entry->hook))
			return false;
	return true;
}

static bool
is_wanted(const struct engine *engine, const struct hook *hook)
{
	for (const struct slot *slot = engine->slots; slot != NULL;
	     slot = slot->next)
		if (slot->account != NULL &&
		    strcmp(account_report(slot->account).name,
			hook_account(hook)) == 0)
			return true;
	return false;
}

void
engine_free_unused_hooks(struct engine *engine)
{
	struct hook_entry **link = &engine->hooks;
	struct hook_entry *entry;

	while ((entry = *link) != NULL) {
		if (!hook_is_idle(entry->hook) ||
		    is_wanted(engine, entry->hook)) {
			link = &entry->next;
			continue;
		}
		*link = entry->next;
		(void)hook_free(entry->hook);
		mem_free(entry);
	}
}

void
engine_free_hooks(struct engine *engine)
{
	struct hook_entry *entry;

	while ((entry = engine->hooks) != NULL) {
		engine->hooks = entry->next;
		(void)hook_free(entry->hook);
		mem_free(entry);
	}
}
