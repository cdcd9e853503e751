/*
 * Which accounts there are: those that the command line selects, and those that
 * a reload brings or takes.
 */
#include "daemon/engine_private.h"

#include <stdio.h>
#include <string.h>

#include "conf/vault.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "libclient/base/mem.h"

/* ---- settings ---- */

void
engine_add_settings(struct engine *engine, struct settings *settings)
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

static bool
has_account(
    const struct engine *engine, const struct settings_account *settings)
{
	for (const struct slot *slot = engine->slots; slot != NULL;
	     slot = slot->next)
		if (slot->successor == settings ||
		    (slot->account != NULL &&
			account_settings(slot->account) == settings))
			return true;
	return false;
}

/* Settings that stay for one account have the others' passwords, too. */
static void
forget_passwords(const struct engine *engine, struct settings *settings)
{
	for (uint32_t i = 0; i < settings->account_count; i++) {
		struct settings_account *account = &settings->accounts[i];

		if (account->secret.password != NULL &&
		    !has_account(engine, account))
			account->secret.password =
			    vault_drop(account->secret.password);
	}
}

void
engine_free_unused_settings(struct engine *engine)
{
	struct settings_entry **link = &engine->entries;
	struct settings_entry *entry;

	while ((entry = *link) != NULL) {
		if (is_used(engine, entry->settings)) {
			forget_passwords(engine, entry->settings);
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

bool
engine_select(struct engine *engine)
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

/* ---- reload ---- */

struct slot *
engine_find_slot(struct engine *engine, const char *name)
{
	for (struct slot *slot = engine->slots; slot != NULL; slot = slot->next)
		if (strcmp(account_report(slot->account).name, name) == 0)
			return slot;
	return NULL;
}

void
engine_replace(struct slot *slot, const struct settings_account *successor,
    struct settings *settings)
{
	slot->successor = successor;
	slot->successor_settings = settings;
	/* one that is paused has been stopped before */
	if (!slot->is_leaving && !slot->is_paused)
		account_stop(slot->account);
	slot->is_paused = false;
	slot->is_leaving = true;
}

static void
reload_account(struct engine *engine, const struct settings_account *settings,
    bool is_elsewhere)
{
	struct slot *slot = engine_find_slot(engine, settings->name);

	if (slot == NULL) {
		slot = add_slot(engine);
		slot->account = engine_make_account(engine, slot, settings);
		account_start(slot->account);
		return;
	}
	if (!slot->is_leaving && !is_elsewhere &&
	    settings_account_equal(account_settings(slot->account), settings))
		return;
	engine_replace(slot, settings, engine->settings);
}

bool
engine_reload(struct engine *engine)
{
	struct settings *before = engine->settings, *settings;
	bool is_elsewhere;

	notify_reloading();
	/* what is wrong goes to standard error, past the log */
	progress_hide(engine->progress);
	settings = engine->config.reload(engine->config.user);
	if (settings != NULL && !engine_may_reload(engine, settings)) {
		settings = settings_free(settings);
		engine->config.kept(engine->config.user, before);
	}
	if (settings == NULL) {
		log_line(SETTINGS_LOG_ERROR, LOG_EVENT_NOT_RELOADED, NULL,
		    "going on with the configuration before");
		notify_ready();
		return false;
	}
	is_elsewhere = strcmp(before->state_dir, settings->state_dir) != 0;
	engine_add_settings(engine, settings);
	engine->has_reloaded = true;
	for (uint32_t i = 0; i < settings->account_count; i++)
		reload_account(engine, &settings->accounts[i], is_elsewhere);
	for (struct slot *slot = engine->slots; slot != NULL;
	     slot = slot->next) {
		if (settings_account(
			settings, account_report(slot->account).name) != NULL)
			continue;
		engine_replace(slot, NULL, NULL);
	}
	engine_free_unused_settings(engine);
	log_line(SETTINGS_LOG_NOTICE, LOG_EVENT_RELOADED, NULL,
	    "configuration reloaded");
	notify_ready();
	engine_changed(engine);
	return true;
}
