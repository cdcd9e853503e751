/*
 * What the command line says, and the subcommands.
 */
#ifndef DAEMON_CMD_H
#define DAEMON_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"

/* What belongs to imap alone; absent ones are NULL. */
struct imap_options {
	const char *host;
	const char *port;
	const char *tls;
	const char *user;
	const char *password_file;
	bool is_json;
};

struct options {
	const char *config; /* -c, or NULL */
	int verbosity; /* -v more, -q less */
	bool is_offline;
	bool accepts_deletes;
	char *const *words; /* what follows the subcommand */
	uint32_t word_count;
	struct imap_options imap;
};

/* Each returns an exit code. */
int cmd_run(const struct options *options);
int cmd_sync(const struct options *options);
int cmd_check(const struct options *options);
int cmd_imap(const struct options *options);

/*
 * Reads the configuration and sets the log's level. NULL: its problems were
 * printed on stderr, one a line.
 */
struct settings *cmd_load_settings(const struct options *options);

#endif
