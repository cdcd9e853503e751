/*
 * Everything that runs: the loop, its helper lanes and the accounts.
 */
#ifndef DAEMON_ENGINE_H
#define DAEMON_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "daemon/account.h"
#include "daemon/runner.h"

struct engine;

/* Name look-ups at a time: those that hang are not to hold up the others. */
#define LOOKUPS_MAX 16

struct engine_config {
	struct settings *settings; /* becomes the engine's */
	enum account_mode mode;
	bool accepts_deletes;
	bool shows_progress; /* on a terminal */
	struct runner *runner; /* borrowed; NULL: no helper and no sandbox */
	/* "ACCOUNT" or "ACCOUNT/FOLDER" as given; none: everything */
	char *const *selected;
	uint32_t selected_count;
	/* ACCOUNT_RUNS: reads the configuration anew; NULL: it is bad */
	struct settings *(*reload)(void *user);
	/* ACCOUNT_RUNS: what was read is not taken, these stay */
	void (*kept)(void *user, const struct settings *settings);
	/* An account has ended (ACCOUNT_SYNCS, ACCOUNT_CHECKS). */
	void (*ended)(void *user, const struct account *account);
	void *user;
};

/* NULL if a selected account is not in the settings (said on stderr). */
struct engine *engine_new(const struct engine_config *config);

/* Runs until it is told to stop or all is done; returns the exit code. */
int engine_run(struct engine *engine);

/* Also closes what engine_run() left open; NULL ok; returns NULL. */
struct engine *engine_free(struct engine *engine);

#endif
