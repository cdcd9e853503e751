/*
 * mailmirror run: the daemon, in the foreground.
 */
#include "daemon/cmd.h"

#include <stdio.h>
#include <sysexits.h>

#include "daemon/engine.h"

static struct settings *
reload(void *user)
{
	return cmd_load_settings(user);
}

static void
keep(void *user, const struct settings *settings)
{
	cmd_set_log_level(user, settings);
}

int
cmd_run(const struct options *options)
{
	struct options copy = *options;
	struct runner *runner = cmd_start_runner();
	struct engine_config config = {
	    .mode = ACCOUNT_RUNS,
	    .shows_progress = options->verbosity >= 0,
	    .reload = reload,
	    .kept = keep,
	    .runner = runner,
	    .user = &copy,
	};
	struct engine *engine;
	int code;

	if (runner == NULL)
		return EX_IOERR;
	config.settings = cmd_load_settings(options);
	engine = config.settings == NULL ? NULL : engine_new(&config);
	if (engine != NULL)
		code = engine_run(engine);
	else
		code = config.settings == NULL ? EX_CONFIG : EX_SOFTWARE;
	engine_free(engine);
	runner_free(runner);
	return code;
}
