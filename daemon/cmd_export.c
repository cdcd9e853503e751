/*
 * mailmirror export mbsync: leaves an account's Maildir to mbsync, and prints
 * how it is to be configured.
 */
#include "daemon/cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/adopt_export.h"
#include "daemon/exit_code.h"
#include "daemon/maildir_walk.h"
#include "libclient/base/mem.h"

struct run {
	const struct settings_account *account;
	struct maildir_root *root;
	char **boxes; /* as mbsync names them */
	uint32_t count;
	bool is_quiet;
	bool has_foreign; /* names that need mbsync 1.5 */
	struct imap_error error;
};

static int
fail(const char *text, int code)
{
	(void)fprintf(stderr, "mailmirror: export: %s\n", text);
	return code;
}

/* ---- the folders ---- */

/* The mailbox as mbsync names it by the folder's path, or NULL: it has no such
 * name. */
static char *
box_of(const char *path, enum settings_layout layout)
{
	char *box;

	if (strchr(path, '%') != NULL)
		return NULL;
	if (layout == SETTINGS_LAYOUT_NESTED)
		return mem_copy_string(path);
	if (path[0] == '\0')
		return mem_copy_string("INBOX");
	box = mem_copy_string(path + (path[0] == '.'));
	for (char *at = box; *at != '\0'; at++)
		if (*at == '.')
			*at = '/';
	return box;
}

static bool
has_foreign_letters(const char *box)
{
	for (; *box != '\0'; box++)
		if ((unsigned char)*box >= 0x80 || *box == '&')
			return true;
	return false;
}

static bool
visit(void *user, const char *path)
{
	struct run *run = user;
	const struct settings_account *account = run->account;
	const char *host =
	    account->tunnel != NULL ? account->name : account->host;
	struct maildir *maildir = maildir_open(run->root, path, &run->error);
	uint32_t uidvalidity, highest, count;
	char *box;
	bool is_ok = maildir != NULL;

	if (is_ok &&
	    maildir_read_uidvalidity(
		maildir, &uidvalidity, &highest, &run->error)) {
		box = box_of(path, account->layout);
		if (box == NULL) {
			(void)fprintf(stderr,
			    "mailmirror: export: %s: mbsync has no such name: "
			    "left alone\n",
			    path);
			maildir_close(maildir);
			return true;
		}
		is_ok = adopt_export(
		    maildir, host, account->fsync, &count, &run->error);
		if (is_ok && !run->is_quiet)
			(void)fprintf(stderr,
			    "mailmirror: export: %s: %" PRIu32 " messages\n",
			    box, count);
		run->has_foreign = run->has_foreign || has_foreign_letters(box);
		run->boxes =
		    mem_resize(run->boxes, run->count + 1, sizeof(*run->boxes));
		run->boxes[run->count++] = box;
	}
	maildir_close(maildir);
	return is_ok && run->error.kind == IMAP_ERROR_NONE;
}

/* ---- the configuration ---- */

/* An argument in mbsync's quotes. */
static void
print_quoted(const char *before, const char *text, const char *after)
{
	(void)printf("%s\"", before);
	for (; *text != '\0'; text++)
		(void)printf(
		    *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	(void)printf("\"%s", after);
}

/* A command that prints the first line of a file, quoted for the shell. */
static char *
first_line_of(const char *path)
{
	char *command = mem_copy_string("head -n 1 '");

	for (; *path != '\0'; path++) {
		char *longer = mem_format(
		    *path == '\'' ? "%s'\\'%c" : "%s%c", command, *path);

		mem_free(command);
		command = longer;
	}
	return command;
}

static void
print_secret(const struct settings_secret *secret)
{
	char *command, *whole;

	if (secret->password_command != NULL) {
		print_quoted("PassCmd ", secret->password_command, "\n");
	} else if (secret->password_file != NULL) {
		command = first_line_of(secret->password_file);
		whole = mem_format("%s'", command);
		print_quoted("PassCmd ", whole, "\n");
		mem_free(whole);
		mem_free(command);
	} else {
		(void)printf("# Pass or PassCmd: not told here; without it, "
			     "mbsync asks\n");
	}
}

static void
print_server(const struct settings_account *account)
{
	static const char *const modes[] = {
	    [SETTINGS_TLS_IMPLICIT] = "IMAPS",
	    [SETTINGS_TLS_STARTTLS] = "STARTTLS",
	    [SETTINGS_TLS_NONE] = "None",
	};

	(void)printf("IMAPStore %s-server\n", account->name);
	if (account->tunnel != NULL) {
		print_quoted("Tunnel ", account->tunnel, "\n");
	} else {
		print_quoted("Host ", account->host, "\n");
		(void)printf("Port %u\n", (unsigned)account->port);
		if (account->proxy != NULL)
			(void)printf("# proxy: a Tunnel may go through one\n");
		(void)printf("# TLSType from mbsync 1.5 on\nSSLType %s\n",
		    modes[account->tls]);
	}
	if (account->tls_ca_file != NULL)
		print_quoted("CertificateFile ", account->tls_ca_file, "\n");
	if (account->tls_fingerprint_count > 0)
		(void)printf("# tls_fingerprint: CertificateFile with the "
			     "server's certificate does the same\n");
	if (account->user != NULL)
		print_quoted("User ", account->user, "\n");
	print_secret(&account->secret);
}

static void
print_configuration(const struct run *run)
{
	const struct settings_account *account = run->account;
	bool is_nested = account->layout == SETTINGS_LAYOUT_NESTED;
	char *path = mem_format("%s%s", account->maildir, is_nested ? "/" : "");
	char *inbox =
	    mem_format("%s%s", account->maildir, is_nested ? "/INBOX" : "");

	if (run->has_foreign)
		(void)printf("# names beyond ASCII need mbsync 1.5 or newer\n");
	print_server(account);
	(void)printf("\nMaildirStore %s-local\n", account->name);
	if (is_nested)
		print_quoted("Path ", path, "\n");
	print_quoted("Inbox ", inbox, "\n");
	(void)printf("SubFolders %s\n\n", is_nested ? "Verbatim" : "Maildir++");
	(void)printf("Channel %s\nFar :%s-server:\nNear :%s-local:\nPatterns",
	    account->name, account->name, account->name);
	for (uint32_t i = 0; i < run->count; i++)
		print_quoted(" ", run->boxes[i], "");
	(void)printf("\nSync Pull\nCreate Near\nRemove None\nExpunge Near\n"
		     "CopyArrivalDate yes\nSyncState *\n");
	mem_free(inbox);
	mem_free(path);
}

/* ---- all of it ---- */

static int
run_account(struct run *run)
{
	const char *maildir = run->account->maildir;
	bool is_ok = access(maildir, F_OK) == 0 ||
	    imap_error_set(
		&run->error, IMAP_ERROR_LOCAL, "there is no %s", maildir);

	if (is_ok)
		run->root = maildir_root_open(maildir, &run->error);
	is_ok = run->root != NULL &&
	    maildir_walk(run->root, visit, run, &run->error);
	run->root = maildir_root_close(run->root);
	if (is_ok && run->count == 0)
		is_ok = imap_error_set(&run->error, IMAP_ERROR_CONFIG,
		    "nothing is mirrored in %s: is maildir right?", maildir);
	if (!is_ok)
		return fail(run->error.text, exit_code_for(run->error.kind));
	print_configuration(run);
	if (fflush(stdout) != 0)
		return fail("cannot write the configuration", EX_IOERR);
	return EX_OK;
}

int
cmd_export(const struct options *options)
{
	struct run run = {.is_quiet = options->verbosity < 0};
	struct settings *settings;
	int code;

	if (strcmp(options->words[0], "mbsync") != 0)
		return fail("it exports for mbsync alone", EX_USAGE);
	settings = cmd_load_settings(options);
	if (settings == NULL)
		return EX_CONFIG;
	run.account = settings_account(settings, options->words[1]);
	code = run.account == NULL ? fail("no account of that name", EX_USAGE)
				   : run_account(&run);
	for (uint32_t i = 0; i < run.count; i++)
		mem_free(run.boxes[i]);
	mem_free(run.boxes);
	settings_free(settings);
	return code;
}
