/*
 * mailmirror check: reads the configuration, logs in, and says what would be
 * mirrored and how.
 */
#include "daemon/cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

#include "daemon/engine.h"
#include "daemon/name.h"
#include "libclient/base/mem.h"

static void
print_mailbox(
    const struct settings_account *settings, const struct mailbox *mailbox)
{
	struct span name = mailbox->is_valid
	    ? span_of(mailbox->name)
	    : (struct span){mailbox->bytes, mailbox->bytes_len};
	char *path = name_to_path(
	    name, mailbox->is_valid, mailbox->delimiter, settings->layout);

	(void)printf("  %s: %s -> %s%s%s\n", mailbox->name,
	    mailbox_watch_name(mailbox->watch), settings->maildir,
	    path[0] == '\0' ? "" : "/", path);
	mem_free(path);
}

static void
print_account(void *user, const struct account *account)
{
	struct account_report report = account_report(account);
	const struct settings_account *settings = account_settings(account);
	const struct mailboxes *mailboxes = account_mailboxes(account);

	(void)user;
	if (!report.is_listed) {
		(void)printf("%s: failed: %s\n", report.name,
		    report.error == NULL ? "?" : report.error->text);
		return;
	}
	(void)printf("%s: logged in, %" PRIu32 " folders to be mirrored\n",
	    report.name, mailboxes->count);
	for (uint32_t i = 0; i < mailboxes->count; i++)
		print_mailbox(settings, &mailboxes->items[i]);
	(void)fflush(stdout);
}

int
cmd_check(const struct options *options)
{
	struct engine_config config = {
	    .settings = cmd_load_settings(options),
	    .mode = ACCOUNT_CHECKS,
	    .selected = options->words,
	    .selected_count = options->word_count,
	    .ended = print_account,
	};
	struct engine *engine;
	int code;

	if (config.settings == NULL)
		return EX_CONFIG;
	if ((options->flags & CMD_OFFLINE) != 0) {
		(void)printf("%s: no problems, %" PRIu32 " accounts\n",
		    config.settings->file, config.settings->account_count);
		settings_free(config.settings);
		return EX_OK;
	}
	engine = engine_new(&config);
	if (engine == NULL)
		return EX_USAGE;
	code = engine_run(engine);
	engine_free(engine);
	return code;
}
