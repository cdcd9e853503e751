/*
 * The setting on_change: a command for each folder that changed, once its
 * burst is over, one at a time. What changes while it runs is for the next.
 * Lives beside an account, which may be replaced or leave meanwhile.
 */
#ifndef DAEMON_HOOK_H
#define DAEMON_HOOK_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "daemon/hook_news.h"
#include "daemon/runner.h"
#include "libclient/io/job.h"

/* How long a command may take, and then to end when it is asked to. */
#define HOOK_TIMEOUT UINT64_C(600000000)
#define HOOK_GRACE   UINT64_C(5000000)

struct hook;

struct hook_config {
	sd_event *loop;
	struct job_lane *disk;
	struct runner *runner;
	const char *account; /* its name; copied, as are all strings here */
	uint64_t timeout;
	uint64_t grace;
	void (*idle)(void *user); /* there is nothing more to be run */
	void *user;
};

/* What a reload may change. */
struct hook_settings {
	const char *command; /* NULL: changes concern nobody */
	const char *state_dir; /* for lists of files */
	uint64_t burst_interval;
	uint64_t burst_max_wait;
};

struct hook *hook_new(const struct hook_config *config);

/* Kills what runs; NULL ok; returns NULL. */
struct hook *hook_free(struct hook *hook);

/* The others take NULL for one that there is not. */

void hook_configure(struct hook *hook, const struct hook_settings *settings);
const char *hook_account(const struct hook *hook);

/* A folder changed (*news is emptied), and is busy until it is said to rest. */
void hook_note(struct hook *hook, const struct hook_subject *subject,
    struct hook_news *news);
void hook_note_rest(struct hook *hook, const char *name, bool is_at_rest);

/* Nothing more is to come for now: no burst is waited for. */
void hook_flush(struct hook *hook);

/* The program ends: nothing more is run, and what runs has to be quick. */
void hook_stop(struct hook *hook);
bool hook_is_idle(const struct hook *hook);

#endif
