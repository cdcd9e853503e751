/*
 * mailmirror verify: compares the server and the Maildirs, and mends them if
 * that is asked for.
 */
#include "daemon/cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "daemon/cmd_listing.h"
#include "daemon/cmd_session.h"
#include "daemon/cmd_verify.h"
#include "daemon/cmd_verify_repair.h"
#include "daemon/exit_code.h"
#include "libclient/base/mem.h"

#define LABEL_MAX ((size_t)4 * 1200)

/* All of it, and how it goes. */
struct run {
	const struct options *options;
	struct settings *settings;
	struct runner *runner; /* --repair */
	bool has_differences; /* that are not mended */
	int code; /* of the first failure */
};

/* One account. */
struct part {
	struct run *run;
	const struct settings_account *account;
	struct cmd_session session;
	struct cmd_listing listing;
	bool is_again; /* after the repair: .folders alone */
	char **folders; /* those that differed: "ACCOUNT/FOLDER" */
	uint32_t folder_count;
};

static void
note(struct run *run, int code)
{
	if (run->code == EX_OK)
		run->code = code;
}

/* ---- which folders ---- */

/* The folder of "ACCOUNT/FOLDER", "" of "ACCOUNT"; NULL: another account. */
static const char *
folder_of(const char *word, const struct settings_account *account)
{
	size_t len = strcspn(word, "/");

	if (strlen(account->name) != len ||
	    strncmp(word, account->name, len) != 0)
		return NULL;
	return word[len] == '\0' ? "" : word + len + 1;
}

static bool
is_account_selected(
    const struct run *run, const struct settings_account *account)
{
	for (uint32_t i = 0; i < run->options->word_count; i++)
		if (folder_of(run->options->words[i], account) != NULL)
			return true;
	return run->options->word_count == 0;
}

static bool
is_named(const struct part *part, char *const *words, uint32_t count,
    const struct mailbox *mailbox)
{
	for (uint32_t i = 0; i < count; i++) {
		const char *name = folder_of(words[i], part->account);

		if (name != NULL &&
		    (*name == '\0' || mailboxes_is_named(mailbox, name)))
			return true;
	}
	return false;
}

static bool
is_selected(const struct part *part, const struct cmd_mailbox *item)
{
	const struct options *options = part->run->options;

	if (!item->is_mirrored)
		return false;
	if (part->is_again)
		return is_named(
		    part, part->folders, part->folder_count, &item->mailbox);
	return options->word_count == 0 ||
	    is_named(part, options->words, options->word_count, &item->mailbox);
}

/* As `sync` has it: a folder that was asked for and is not there fails. */
static void
report_unmirrored(const struct part *part)
{
	const struct options *options = part->run->options;

	for (uint32_t i = 0; i < options->word_count; i++) {
		const char *name = folder_of(options->words[i], part->account);
		bool is_there = name == NULL || *name == '\0';

		for (uint32_t j = 0; j < part->listing.count && !is_there; j++)
			is_there = part->listing.items[j].is_mirrored &&
			    mailboxes_is_named(
				&part->listing.items[j].mailbox, name);
		if (is_there)
			continue;
		(void)fprintf(stderr,
		    "mailmirror: %s: \"%s\" is not among the folders that are "
		    "mirrored\n",
		    part->account->name, name);
		note(part->run, EX_TEMPFAIL);
	}
}

/* ---- one folder ---- */

static void
print_summary(const struct part *part, const struct verify *verify)
{
	uint32_t count = verify->difference_count;

	if (part->run->options->verbosity < 0)
		return;
	(void)printf("%s: %" PRIu32 " message%s, ", verify->label,
	    verify->total, verify->total == 1 ? "" : "s");
	if (count == 0)
		(void)fputs(
		    part->is_again ? "mended" : "no differences", stdout);
	else
		(void)printf("%" PRIu32 " difference%s%s", count,
		    count == 1 ? "" : "s", part->is_again ? " left" : "");
	if (verify->withheld > 0)
		(void)printf(", %" PRIu32
			     " larger than max_size or not given by the "
			     "server",
		    verify->withheld);
	(void)putchar('\n');
}

static void
print_folder(const struct part *part, const struct verify *verify)
{
	for (uint32_t i = 0; i < verify->difference_count; i++) {
		const struct verify_difference *one = &verify->differences[i];

		if (one->uid == 0)
			(void)printf("%s: %s\n", verify->label, one->text);
		else
			(void)printf("%s: UID %" PRIu32 ": %s\n", verify->label,
			    one->uid, one->text);
	}
	print_summary(part, verify);
	(void)fflush(stdout);
}

static void
note_folder(struct part *part, const struct mailbox *mailbox)
{
	part->folders = mem_resize(
	    part->folders, part->folder_count + 1, sizeof(*part->folders));
	part->folders[part->folder_count++] =
	    mem_format("%s/%s", part->account->name, mailbox->name);
}

static void
verify_folder(struct part *part, const struct mailbox *mailbox)
{
	struct run *run = part->run;
	char *name = mem_format("%s/%s", part->account->name, mailbox->name);
	char *label = mem_alloc(LABEL_MAX);
	struct verify verify = {
	    .session = &part->session,
	    .settings = part->account,
	    .mailbox = mailbox,
	    .state_dir = run->settings->state_dir,
	    .label = imap_error_printable(
		span_of(name), LABEL_MAX / 4, label, LABEL_MAX),
	};
	int code = verify_look(&verify);

	note(run, code);
	if (code == EX_OK)
		print_folder(part, &verify);
	if (code == EX_OK && verify.difference_count > 0) {
		if (run->runner == NULL || part->is_again) {
			run->has_differences = true;
		} else {
			note_folder(part, mailbox);
			note(run, verify_distrust(&verify));
		}
	}
	verify_free(&verify);
	mem_free(label);
	mem_free(name);
}

/* ---- one account ---- */

static void
verify_folders(struct part *part)
{
	int code;

	part->session = (struct cmd_session){
	    .account = part->account,
	    .verbosity = part->run->options->verbosity,
	};
	code = cmd_session_open(&part->session);
	if (code == EX_OK)
		code = cmd_listing_ask(&part->listing, &part->session, false);
	note(part->run, code);
	if (code == EX_OK && !part->is_again)
		report_unmirrored(part);
	for (uint32_t i = 0; code == EX_OK && i < part->listing.count; i++) {
		if (imaplib_get_state(part->session.client) == IMAPLIB_LOGOUT)
			break; /* it was said */
		if (is_selected(part, &part->listing.items[i]))
			verify_folder(part, &part->listing.items[i].mailbox);
	}
	cmd_listing_free(&part->listing);
	cmd_session_close(&part->session);
}

/* NULL, and said, if another process mirrors there. */
static struct maildir_root *
lock(struct part *part)
{
	struct imap_error error = {0};
	struct maildir_root *root =
	    maildir_root_open(part->account->maildir, &error);

	if (root != NULL)
		return root;
	(void)fprintf(stderr, "mailmirror: %s: %s%s\n", part->account->name,
	    error.text,
	    error.kind == IMAP_ERROR_BUSY
		? ": stop it before --repair, or verify without it"
		: "");
	note(part->run, exit_code_for(error.kind));
	return NULL;
}

static void
verify_account(struct run *run, const struct settings_account *account)
{
	struct part part = {.run = run, .account = account};
	struct maildir_root *root = NULL;

	if (run->runner != NULL) {
		root = lock(&part);
		if (root == NULL)
			return;
	}
	verify_folders(&part);
	(void)maildir_root_close(root);
	if (part.folder_count > 0) {
		note(run,
		    verify_pass(run->options, run->runner, part.folders,
			part.folder_count));
		part.is_again = true;
		verify_folders(&part);
	}
	for (uint32_t i = 0; i < part.folder_count; i++)
		mem_free(part.folders[i]);
	mem_free(part.folders);
}

/* ---- the command ---- */

/* Every word names an account; if not, that is said. */
static bool
check_words(const struct run *run)
{
	for (uint32_t i = 0; i < run->options->word_count; i++) {
		const char *word = run->options->words[i];
		char *name =
		    span_to_string((struct span){word, strcspn(word, "/")});
		bool is_there = settings_account(run->settings, name) != NULL;

		if (!is_there)
			(void)fprintf(stderr,
			    "mailmirror: no account \"%s\" in %s\n", name,
			    run->settings->file);
		mem_free(name);
		if (!is_there)
			return false;
	}
	return true;
}

static int
run_all(struct run *run)
{
	run->settings = cmd_load_settings(run->options);
	if (run->settings == NULL)
		return EX_CONFIG;
	if (!check_words(run))
		return EX_USAGE;
	for (uint32_t i = 0; i < run->settings->account_count; i++)
		if (is_account_selected(run, &run->settings->accounts[i]))
			verify_account(run, &run->settings->accounts[i]);
	return run->code == EX_OK && run->has_differences ? EXIT_FAILURE
							  : run->code;
}

int
cmd_verify(const struct options *options)
{
	struct run run = {.options = options};
	int code;

	if ((options->flags & CMD_REPAIR) != 0) {
		/* before there is anything to be kept from it */
		run.runner = cmd_start_runner();
		if (run.runner == NULL)
			return EX_IOERR;
	}
	code = run_all(&run);
	run.settings = settings_free(run.settings);
	(void)runner_free(run.runner);
	return code;
}
