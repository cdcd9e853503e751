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

int
cmd_run(const struct options *options)
{
	struct options copy = *options;
	struct engine_config config = {
	    .settings = cmd_load_settings(options),
	    .mode = ACCOUNT_RUNS,
	    .reload = reload,
	    .user = &copy,
	};
	struct engine *engine;
	int code;

	if (config.settings == NULL)
		return EX_CONFIG;
	engine = engine_new(&config);
	if (engine == NULL)
		return EX_OSERR;
	code = engine_run(engine);
	engine_free(engine);
	return code;
}
