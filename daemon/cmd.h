/*
 * What the command line says, and the subcommands.
 */
#ifndef DAEMON_CMD_H
#define DAEMON_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "daemon/runner.h"

/* What belongs to imap alone; absent ones are NULL. */
struct imap_options {
	const char *host;
	const char *port;
	const char *tls;
	const char *user;
	const char *password_file;
};

/* What options without an argument say. */
enum cmd_flag {
	CMD_OFFLINE = 1 << 0,
	CMD_ACCEPT_DELETES = 1 << 1,
	CMD_JSON = 1 << 2,
	CMD_FOLLOW = 1 << 3,
	CMD_PROMETHEUS = 1 << 4,
	CMD_REPAIR = 1 << 5,
	CMD_DRY_RUN = 1 << 10
};

struct options {
	const char *config; /* -c, or NULL */
	int verbosity; /* -v more, -q less */
	unsigned flags; /* enum cmd_flag */
	char *const *words; /* what follows the subcommand */
	uint32_t word_count;
	struct imap_options imap;
	const char *from; /* --from, adopt's, or NULL */
};

/* Each returns an exit code. */
int cmd_run(const struct options *options);
int cmd_sync(const struct options *options);
int cmd_check(const struct options *options);
int cmd_folders(const struct options *options);
int cmd_verify(const struct options *options);
int cmd_imap(const struct options *options);
int cmd_import(const struct options *options);
int cmd_adopt(const struct options *options);
int cmd_export(const struct options *options);
int cmd_status(const struct options *options);
int cmd_sync_now(const struct options *options);
int cmd_pause(const struct options *options);
int cmd_resume(const struct options *options);
int cmd_reload(const struct options *options);

/*
 * Reads the configuration and sets the log's level. NULL: its problems were
 * printed on stderr, one a line.
 */
struct settings *cmd_load_settings(const struct options *options);

/* The level that the settings say, more or less as -v and -q do. */
void cmd_set_log_level(
    const struct options *options, const struct settings *settings);

/* Forks the helper process: before the configuration is read. NULL: it was
 * logged why not. */
struct runner *cmd_start_runner(void);

#endif
