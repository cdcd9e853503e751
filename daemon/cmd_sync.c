/*
 * mailmirror sync: one pass over the selected folders.
 */
#include "daemon/cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

#include "daemon/engine.h"

/* One line an account: what was done, or why not. */
static void
print_summary(void *user, const struct account *account)
{
	const struct options *options = user;
	struct account_report report = account_report(account);
	uint64_t messages = 0;
	uint64_t fetched = 0;
	uint64_t removed = 0;
	uint64_t reflagged = 0;
	uint32_t failed = 0;
	uint32_t held = 0;
	uint32_t gone = 0;
	uint32_t count = 0;
	const struct folder *folder;

	for (; (folder = account_folder(account, count)) != NULL; count++) {
		struct folder_report own = folder_report(folder);

		if (own.is_gone) {
			gone++;
			continue;
		}
		messages += own.messages;
		fetched += own.tally.fetched;
		removed += own.tally.removed;
		reflagged += own.tally.reflagged;
		failed += own.error != NULL;
		held += own.is_held;
	}
	if (options->verbosity < 0)
		return;
	(void)printf("%s: %" PRIu32 " folders, %" PRIu64 " messages: %" PRIu64
		     " new, %" PRIu64 " removed, %" PRIu64 " with other flags",
	    report.name, count - gone, messages, fetched, removed, reflagged);
	if (failed > 0)
		(void)printf(", %" PRIu32 " folders failed", failed);
	if (held > 0)
		(void)printf(
		    ", %" PRIu32 " folders held by delete_guard", held);
	if (gone > 0)
		(void)printf(
		    ", %" PRIu32 " folders gone from the server", gone);
	if (count == 0 && report.error != NULL)
		(void)printf(", failed: %s", report.error->text);
	(void)printf("\n");
	(void)fflush(stdout);
}

int
cmd_sync(const struct options *options)
{
	struct options copy = *options;
	struct runner *runner = cmd_start_runner();
	struct engine_config config = {
	    .mode = ACCOUNT_SYNCS,
	    .accepts_deletes = (options->flags & CMD_ACCEPT_DELETES) != 0,
	    .shows_progress = options->verbosity >= 0,
	    .selected = options->words,
	    .selected_count = options->word_count,
	    .ended = print_summary,
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
		code = config.settings == NULL ? EX_CONFIG : EX_USAGE;
	engine_free(engine);
	runner_free(runner);
	return code;
}
