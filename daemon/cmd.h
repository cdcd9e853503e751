/*
 * What the command line says, and the subcommands.
 */
#ifndef DAEMON_CMD_H
#define DAEMON_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"

struct options {
	const char *config; /* -c, or NULL */
	int verbosity; /* -v more, -q less */
	bool is_offline;
	bool accepts_deletes;
	char *const *words; /* what follows the subcommand */
	uint32_t word_count;
};

/* Each returns an exit code. */
int cmd_run(const struct options *options);
int cmd_sync(const struct options *options);
int cmd_check(const struct options *options);

/*
 * Reads the configuration and sets the log's level. NULL: its problems were
 * printed on stderr, one a line.
 */
struct settings *cmd_load_settings(const struct options *options);

#endif
