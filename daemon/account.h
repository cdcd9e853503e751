/*
 * One account: its credentials, its connections and its folders. What folders
 * share is decided here: who gets a connection, and when the server is tried
 * again.
 */
#ifndef DAEMON_ACCOUNT_H
#define DAEMON_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "conf/settings.h"
#include "daemon/folder.h"
#include "daemon/mailboxes.h"

enum account_mode {
	ACCOUNT_RUNS, /* until it is stopped */
	ACCOUNT_SYNCS, /* until all folders are the same as the server's */
	ACCOUNT_CHECKS /* until it has listed the mailboxes; touches no disk */
};

struct account;

struct account_config {
	sd_event *loop;
	struct job_lane *disk;
	struct job_lane *names;
	struct runner *runner; /* runs the commands; NULL: we do */
	struct hook *hook; /* is told what changed; NULL: nobody is */
	const struct settings_account *settings; /* outlives the account */
	const char *state_dir;
	enum account_mode mode;
	bool accepts_deletes;
	/* ACCOUNT_SYNCS: names of the folders; none: all */
	const char *const *only;
	uint32_t only_count;
	/* It is quiet, or its state changed: look at it. */
	void (*changed)(void *user, struct account *account);
	void *user;
};

struct account_report {
	const char *name;
	uint32_t connections;
	uint64_t reconnects;
	uint64_t bytes_in;
	uint64_t retry_at; /* boot time in microseconds; 0: not waiting */
	const struct imap_error *error;
	bool is_listed; /* the mailboxes are known */
	bool was_ready; /* a login has succeeded */
};

struct account *account_new(const struct account_config *config);

/* Only when account_is_quiet(), or at the very end; NULL ok. */
struct account *account_free(struct account *account);

void account_start(struct account *account);
/* Cuts all waiting short and looks at every folder. */
void account_wake(struct account *account);
/* The same for one folder, by its name; false: there is none. */
bool account_wake_folder(struct account *account, const char *name);
/* The network may be another: every connection has to show that it lives, and
 * waiting for a network is over. */
void account_network_changed(struct account *account);
/* Stops folders, logs out; account_is_quiet() comes true. */
void account_stop(struct account *account);
bool account_is_quiet(struct account *account);

struct account_report account_report(const struct account *account);
const struct settings_account *account_settings(const struct account *account);

/* The i-th folder, or NULL behind the last. */
const struct folder *account_folder(const struct account *account, uint32_t i);

/* What would be mirrored (ACCOUNT_CHECKS: all that there is to see). */
const struct mailboxes *account_mailboxes(const struct account *account);

/* The first failure, of the account or of a folder; NONE: all is well. */
enum imap_error_kind account_failure(const struct account *account);

#endif
