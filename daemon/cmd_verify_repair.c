/*
 * The mirror mends by itself what it looks at: so it is made to look.
 */
#include "daemon/cmd_verify_repair.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/cmd_listing.h"
#include "daemon/engine.h"
#include "daemon/exit_code.h"
#include "libclient/base/mem.h"

/* ---- what is known ---- */

static bool
remove_files(struct verify *verify, struct imap_error *error)
{
	for (uint32_t i = 0; i < verify->difference_count; i++) {
		const struct verify_difference *one = &verify->differences[i];

		if (one->file != NULL &&
		    !maildir_remove_file(
			verify->maildir, one->file, one->is_new, error))
			return false;
	}
	return verify->maildir == NULL || maildir_sync(verify->maildir, error);
}

static bool
forget_agreement(const struct verify *verify, struct imap_error *error)
{
	struct state_folder row = {0};
	struct state_change change = {
	    .mailbox = cmd_listing_bytes(verify->mailbox),
	    .folder = &row,
	};
	char *note = NULL;
	struct state *state = state_open(verify->state_dir,
	    verify->settings->name, verify->settings->fsync, &note, error);
	bool is_ok = state != NULL &&
	    state_load_folder(state, change.mailbox, &row, error);

	if (note != NULL)
		(void)fprintf(stderr, "mailmirror: %s\n", note);
	mem_free(note);
	if (is_ok && row.uidvalidity != 0) {
		row.highestmodseq = 0;
		row.uidnext = 0;
		row.last_full = 0;
		row.new_ns = 0;
		row.cur_ns = 0;
		is_ok = state_apply(state, &change, error);
	}
	(void)state_close(state);
	return is_ok;
}

int
verify_distrust(struct verify *verify)
{
	struct imap_error error = {0};

	if (remove_files(verify, &error) && forget_agreement(verify, &error))
		return EX_OK;
	(void)fprintf(
	    stderr, "mailmirror: %s: %s\n", verify->label, error.text);
	return exit_code_for(error.kind);
}

/* ---- the pass ---- */

static int
run_engine(const struct options *options, struct runner *runner,
    char *const *folders, uint32_t count)
{
	struct engine_config config = {
	    /* anew: a fork gets no passwords */
	    .settings = cmd_load_settings(options),
	    .mode = ACCOUNT_SYNCS,
	    .selected = folders,
	    .selected_count = count,
	    .runner = runner,
	};
	struct engine *engine =
	    config.settings == NULL ? NULL : engine_new(&config);
	int code = engine == NULL ? EX_CONFIG : engine_run(engine);

	(void)engine_free(engine);
	return code;
}

int
verify_pass(const struct options *options, struct runner *runner,
    char *const *folders, uint32_t count)
{
	int status = 0;
	pid_t child;

	(void)fflush(stdout);
	child = fork();
	if (child < 0) {
		(void)fprintf(
		    stderr, "mailmirror: cannot fork: %s\n", strerror(errno));
		return EX_IOERR;
	}
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		exit(run_engine(options, runner, folders, count));
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
}
