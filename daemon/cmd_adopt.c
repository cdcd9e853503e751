/*
 * mailmirror adopt: takes over what mbsync or offlineimap keeps in an account's
 * Maildir. Everything is looked at, and told, before anything is touched; then
 * a sync has the server confirm it.
 */
#include "daemon/cmd.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/adopt.h"
#include "daemon/adopt_place.h"
#include "daemon/adopt_state.h"
#include "daemon/exit_code.h"
#include "daemon/maildir.h"
#include "daemon/maildir_folder.h"
#include "daemon/maildir_walk.h"
#include "libclient/base/mem.h"
#include "libclient/wire/utf7.h"

#define BOX_MAX 8192

struct run {
	const struct settings_account *account;
	enum adopt_tool tool;
	const char *tool_name;
	const char *from; /* --from, or NULL */
	struct maildir_root *root;
	bool is_dry; /* this walk only looks */
	bool is_quiet;
	uint32_t found; /* folders of the tool's */
	uint32_t own; /* folders that are ours already */
	struct imap_error error;
};

static int
fail(const char *text, int code)
{
	(void)fprintf(stderr, "mailmirror: adopt: %s\n", text);
	return code;
}

/* ---- one folder ---- */

/* By the name that the mailbox has here; false: nothing, or an error. */
static bool
find_state_of(struct run *run, const char *box, struct adopt *adopt)
{
	if (run->tool == ADOPT_OFFLINEIMAP) {
		adopt->uidvalidity =
		    adopt_find_offlineimaps(run->from, box, &run->error);
		return adopt->uidvalidity != 0;
	}
	adopt->state = adopt_find_mbsyncs(run->from, box, &run->error);
	return adopt->state != NULL;
}

/* What is known of a folder; its path may have been changed already. */
static bool
find_state(struct run *run, struct maildir *maildir, const char *box,
    struct adopt *adopt)
{
	struct buf coded;
	char *name = NULL;
	bool is_found;

	if (run->tool == ADOPT_MBSYNC && run->from == NULL &&
	    maildir_has_file(maildir, ".mbsyncstate"))
		return true;
	if (find_state_of(run, box, adopt))
		return true;
	buf_init(&coded, BOX_MAX);
	if (utf7_encode(span_of(box), &coded))
		name = span_to_string(buf_span(&coded));
	buf_free(&coded);
	is_found = name != NULL && strcmp(name, box) != 0 &&
	    run->error.kind == IMAP_ERROR_NONE &&
	    find_state_of(run, name, adopt);
	mem_free(name);
	return is_found;
}

static void
tell(const struct run *run, const char *path, const char *to, const char *text)
{
	if (!run->is_dry || run->is_quiet)
		return;
	(void)printf("%s%s%s: %s\n", *path == '\0' ? "INBOX" : path,
	    strcmp(path, to) == 0 ? "" : " -> ",
	    strcmp(path, to) == 0 ? "" : to, text);
}

static bool
take(struct run *run, const char *path, const char *to,
    const struct adopt *adopt)
{
	struct adopt_report report;
	char text[ADOPT_TEXT_SIZE];

	if (run->tool == ADOPT_MBSYNC
		? !adopt_mbsync(adopt, &report, &run->error)
		: !adopt_offlineimap(adopt, &report, &run->error))
		return false;
	tell(run, path, to, adopt_text(&report, text));
	return true;
}

/* The folder goes to its place before its files get their names. */
static bool
move_and_take(
    struct run *run, const char *path, const char *to, struct adopt *adopt)
{
	bool is_moved = !run->is_dry && strcmp(path, to) != 0;

	run->found++;
	if (is_moved) {
		maildir_close(adopt->maildir);
		adopt->maildir = NULL;
		if (!maildir_rename_folder(run->root, path, to, &run->error))
			return false;
		adopt->maildir = maildir_open(run->root, to, &run->error);
		if (adopt->maildir == NULL)
			return false;
	}
	return take(run, path, to, adopt);
}

static bool
take_folder(struct run *run, const char *path, const struct adopt_place *place)
{
	const struct settings_account *account = run->account;
	struct adopt adopt = {
	    .maildir = maildir_open(run->root, path, &run->error),
	    .box = place->box,
	    .host = account->tunnel != NULL ? account->name : account->host,
	    .is_crlf = account->line_endings == SETTINGS_CRLF,
	    .is_durable = account->fsync,
	    .is_dry = run->is_dry,
	};
	uint32_t uidvalidity, highest;
	bool is_ok = adopt.maildir != NULL;

	if (!is_ok)
		return false;
	if (maildir_read_uidvalidity(
		adopt.maildir, &uidvalidity, &highest, &run->error))
		run->own++;
	else if (run->error.kind == IMAP_ERROR_NONE &&
	    find_state(run, adopt.maildir, place->box, &adopt))
		is_ok = move_and_take(run, path, place->path, &adopt);
	else if (run->error.kind == IMAP_ERROR_NONE)
		tell(run, path, path, "nothing is known of it: left alone");
	is_ok = is_ok && run->error.kind == IMAP_ERROR_NONE;
	mem_free(adopt.state);
	maildir_close(adopt.maildir);
	return is_ok;
}

static bool
visit(void *user, const char *path)
{
	struct run *run = user;
	struct adopt_place place;
	bool is_ok = adopt_place(path, run->tool, run->account->layout, &place,
			 &run->error) &&
	    take_folder(run, path, &place);

	adopt_place_free(&place);
	return is_ok;
}

/* ---- all of them ---- */

static bool
walk(struct run *run, bool is_dry)
{
	run->is_dry = is_dry;
	run->found = 0;
	run->own = 0;
	return maildir_walk(run->root, visit, run, &run->error);
}

static int
run_locked(struct run *run, bool is_dry)
{
	char text[512];

	if (!walk(run, true))
		return fail(run->error.text, exit_code_for(run->error.kind));
	if (run->found + run->own == 0) {
		snprintf(text, sizeof(text),
		    "nothing of %s's is in %s: is maildir right, or --from?",
		    run->tool_name, run->account->maildir);
		return fail(text, EX_CONFIG);
	}
	if (run->found == 0 && !run->is_quiet)
		(void)printf("nothing is left to be taken over\n");
	(void)fflush(stdout);
	if (!is_dry && !walk(run, false))
		return fail(run->error.text, exit_code_for(run->error.kind));
	return EX_OK;
}

static int
run_account(struct run *run, bool is_dry)
{
	const char *maildir = run->account->maildir;
	char *lock = mem_format("%s/.mailmirror.lock", maildir);
	bool had_lock = access(lock, F_OK) == 0;
	int code;

	if (access(maildir, F_OK) == 0)
		run->root = maildir_root_open(maildir, &run->error);
	else
		imap_error_set(&run->error, IMAP_ERROR_CONFIG,
		    "there is no %s: is maildir right?", maildir);
	if (run->root == NULL)
		code = fail(run->error.text, exit_code_for(run->error.kind));
	else
		code = run_locked(run, is_dry);
	/* who only looks leaves nothing behind */
	if (run->root != NULL && is_dry && !had_lock)
		(void)unlink(lock);
	run->root = maildir_root_close(run->root);
	mem_free(lock);
	return code;
}

static bool
read_tool(const char *name, struct run *run)
{
	run->tool_name = name;
	run->tool =
	    strcmp(name, "offlineimap") == 0 ? ADOPT_OFFLINEIMAP : ADOPT_MBSYNC;
	return run->tool == ADOPT_OFFLINEIMAP || strcmp(name, "mbsync") == 0;
}

int
cmd_adopt(const struct options *options)
{
	struct options sync = *options;
	bool is_dry = (options->flags & CMD_DRY_RUN) != 0;
	struct run run = {
	    .from = options->from, .is_quiet = options->verbosity < 0};
	struct settings *settings;
	int code;

	if (!read_tool(options->words[0], &run))
		return fail(
		    "it takes over from mbsync or from offlineimap", EX_USAGE);
	settings = cmd_load_settings(options);
	if (settings == NULL)
		return EX_CONFIG;
	run.account = settings_account(settings, options->words[1]);
	code = run.account == NULL ? fail("no account of that name", EX_USAGE)
				   : run_account(&run, is_dry);
	settings_free(settings);
	if (code != EX_OK || is_dry)
		return code;
	sync.words++;
	sync.word_count--;
	sync.flags = 0;
	return cmd_sync(&sync);
}
