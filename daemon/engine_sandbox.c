/*
 * Which directories are left to the engine's accounts, and what is to be said
 * when they want others: only a new process can have them.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/engine_private.h"
#include "daemon/log.h"
#include "daemon/sandbox.h"
#include "libclient/base/mem.h"

static bool
add_place(struct engine *engine, const char *path)
{
	struct imap_error error;

	if (sandbox_add(engine->sandbox, path, &error))
		return true;
	log_warning(NULL, "not in a sandbox this time: %s", error.text);
	return false;
}

/* The directory of a file that is replaced by rename, or NULL. */
static char *
directory_of(const char *file)
{
	const char *name = file == NULL ? NULL : strrchr(file, '/');

	return name == NULL || name == file
	    ? NULL
	    : span_to_string((struct span){file, (size_t)(name - file)});
}

/* That of the metrics is somebody else's: it is not made. */
static bool
add_place_of(struct engine *engine, const char *file, bool is_made)
{
	char *directory = directory_of(file);
	bool is_ok = directory == NULL ||
	    (!is_made && access(directory, F_OK) != 0) ||
	    add_place(engine, directory);

	(void)mem_free(directory);
	return is_ok;
}

static bool
add_places(struct engine *engine)
{
	const struct settings *settings = engine->settings;
	bool is_daemon = engine->config.mode == ACCOUNT_RUNS;

	for (const struct slot *slot = engine->slots; slot != NULL;
	     slot = slot->next) {
		if (slot->successor->tunnel != NULL) {
			log_info(NULL,
			    "not in a sandbox: account %s has a tunnel",
			    slot->successor->name);
			return false;
		}
		if (!add_place(engine, slot->successor->maildir))
			return false;
	}
#ifdef MAILMIRROR_COUNTERS
	/* gcov's, written when the process ends */
	if (!add_place(engine, MAILMIRROR_COUNTERS))
		return false;
#endif
	return add_place(engine, settings->state_dir) &&
	    (!is_daemon ||
		(add_place_of(engine, settings->metrics_file, false) &&
		    add_place_of(engine, settings->control_socket, true)));
}

void
engine_confine(struct engine *engine)
{
	const char *why = NULL;

	if (engine->config.runner == NULL || !engine->settings->has_sandbox)
		return;
	engine->sandbox = sandbox_new();
	if (!add_places(engine)) {
		engine->sandbox = sandbox_free(engine->sandbox);
		return;
	}
	/* SQLite's large sorts; /tmp is not among the places */
	(void)setenv("SQLITE_TMPDIR", engine->settings->state_dir, 1);
	if (sandbox_enter(engine->sandbox, &why)) {
		log_debug(NULL, "in a sandbox from here on");
		return;
	}
	log_debug(NULL, "not in a sandbox, for want of Landlock: %s", why);
	engine->sandbox = sandbox_free(engine->sandbox);
}

/* False, which is said, if the place is not one of the sandbox's. */
static bool
has_place(const struct engine *engine, const struct log_subject *subject,
    const char *path)
{
	if (path == NULL || sandbox_allows(engine->sandbox, path))
		return true;
	log_error(subject,
	    "restart mailmirror to have it write to %s: the sandbox was made "
	    "without it",
	    path);
	return false;
}

static bool
has_place_of(const struct engine *engine, const char *file)
{
	char *directory = directory_of(file);
	bool is_ok = has_place(engine, NULL, directory);

	(void)mem_free(directory);
	return is_ok;
}

bool
engine_may_reload(const struct engine *engine, const struct settings *settings)
{
	bool is_ok;

	if (engine->sandbox == NULL)
		return true;
	is_ok = has_place(engine, NULL, settings->state_dir);
	is_ok &= has_place_of(engine, settings->metrics_file);
	is_ok &= has_place_of(engine, settings->control_socket);
	for (uint32_t i = 0; i < settings->account_count; i++) {
		const struct settings_account *account = &settings->accounts[i];
		struct log_subject subject = {.account = account->name};

		is_ok &= has_place(engine, &subject, account->maildir);
		if (account->tunnel == NULL)
			continue;
		log_error(&subject,
		    "restart mailmirror to use a tunnel: the sandbox lets it "
		    "run nothing");
		is_ok = false;
	}
	return is_ok;
}

bool
engine_is_shut_out(const struct engine *engine)
{
	const char *state_dir = engine->settings->state_dir;

	if (engine->sandbox == NULL)
		return false;
	for (const struct slot *slot = engine->slots; slot != NULL;
	     slot = slot->next) {
		const char *path = account_settings(slot->account)->maildir;
		struct log_subject subject = {
		    .account = account_report(slot->account).name};

		if (account_failure(slot->account) != IMAP_ERROR_LOCAL)
			continue;
		if (sandbox_allows(engine->sandbox, path)) {
			if (sandbox_allows(engine->sandbox, state_dir))
				continue;
			path = state_dir;
		}
		log_error(&subject,
		    "%s is not the directory that it was, and the sandbox was "
		    "made without the new one: ending, to be started again",
		    path);
		return true;
	}
	return false;
}
