/*
 * mailmirror folders: what mailboxes the server has, and what becomes of them.
 */
#include "daemon/cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/cmd_listing.h"
#include "daemon/cmd_session.h"
#include "daemon/console_json.h"
#include "libclient/base/mem.h"

/* Room for a name or a path, each byte of it escaped. */
#define TEXT_MAX ((size_t)4 * 8192)

static const char *
state_of(const struct cmd_mailbox *item)
{
	if (item->cannot_open)
		return "noselect";
	return item->is_mirrored ? "mirrored" : "excluded";
}

/* The path, root included, or NULL: there is none. */
static char *
path_of(const struct cmd_mailbox *item, struct state *state,
    const struct settings_account *settings)
{
	char *below;
	char *path;

	if (!item->is_mirrored)
		return NULL;
	below = cmd_listing_path(state, settings, &item->mailbox);
	path = mem_format(
	    "%s%s%s", settings->maildir, below[0] == '\0' ? "" : "/", below);
	mem_free(below);
	return path;
}

/* "\\Archive,\\Sent", or "-". */
static void
format_uses(unsigned flags, char *out, size_t size)
{
	const char *use;
	size_t len = 0;

	(void)snprintf(out, size, "-");
	for (uint32_t i = 0; (use = mailboxes_special_use(flags, i)) != NULL;
	     i++)
		len += (size_t)snprintf(
		    out + len, size - len, "%s%s", i > 0 ? "," : "", use);
}

/* In columns for people, with tabs for programs. */
static void
print_text(const struct cmd_mailbox *item, const char *path, bool is_terminal)
{
	char messages[24] = "-";
	char size[24] = "-";
	char uses[160];
	char *name = mem_alloc(TEXT_MAX);
	char *place = mem_alloc(TEXT_MAX);

	if ((item->has & IMAP_STATUS_MESSAGES) != 0)
		(void)snprintf(
		    messages, sizeof(messages), "%" PRIu32, item->messages);
	if ((item->has & IMAP_STATUS_SIZE) != 0)
		(void)snprintf(size, sizeof(size), "%" PRIu64, item->size);
	format_uses(item->mailbox.flags, uses, sizeof(uses));
	imap_error_printable(
	    span_of(item->mailbox.name), TEXT_MAX / 4, name, TEXT_MAX);
	imap_error_printable(span_of(path), TEXT_MAX / 4, place, TEXT_MAX);
	if (is_terminal)
		(void)printf("%8s  %12s  %-10s  %-9s  %s%s%s\n", messages, size,
		    uses, state_of(item), name, path == NULL ? "" : " -> ",
		    place);
	else
		(void)printf("%s\t%s\t%s\t%s\t%s\t%s\n", messages, size, uses,
		    state_of(item), name, path == NULL ? "-" : place);
	mem_free(name);
	mem_free(place);
}

static void
print_number(const char *name, bool is_there, uint64_t number)
{
	if (is_there)
		(void)printf(",\"%s\":%" PRIu64, name, number);
	else
		(void)printf(",\"%s\":null", name);
}

static void
print_json(const struct cmd_mailbox *item, const char *path)
{
	const struct mailbox *mailbox = &item->mailbox;
	const char *use;

	(void)fputs("{\"name\":", stdout);
	console_json_bytes(stdout,
	    mailbox->is_valid ? span_of(mailbox->name)
			      : cmd_listing_bytes(mailbox));
	print_number("messages", (item->has & IMAP_STATUS_MESSAGES) != 0,
	    item->messages);
	print_number("size", (item->has & IMAP_STATUS_SIZE) != 0, item->size);
	(void)fputs(",\"special_use\":[", stdout);
	for (uint32_t i = 0;
	     (use = mailboxes_special_use(mailbox->flags, i)) != NULL; i++) {
		(void)fputs(i > 0 ? "," : "", stdout);
		console_json_bytes(stdout, span_of(use));
	}
	(void)printf("],\"state\":\"%s\",\"path\":", state_of(item));
	if (path == NULL)
		(void)fputs("null", stdout);
	else
		console_json_bytes(stdout, span_of(path));
	(void)fputs("}\n", stdout);
}

static void
print_all(const struct cmd_listing *listing, struct state *state,
    const struct settings_account *settings, bool is_json)
{
	bool is_terminal = isatty(STDOUT_FILENO) == 1;

	if (!is_json && is_terminal)
		(void)printf("%8s  %12s  %-10s  %-9s  %s\n", "MESSAGES",
		    "BYTES", "USE", "STATE", "NAME -> PATH");
	for (uint32_t i = 0; i < listing->count; i++) {
		char *path = path_of(&listing->items[i], state, settings);

		if (is_json)
			print_json(&listing->items[i], path);
		else
			print_text(&listing->items[i], path, is_terminal);
		mem_free(path);
	}
}

static int
run(const struct settings *settings, const struct settings_account *account,
    const struct options *options)
{
	struct cmd_session session = {
	    .account = account, .verbosity = options->verbosity};
	struct cmd_listing listing = {0};
	struct imap_error error = {0};
	struct state *state;
	int code = cmd_session_open(&session);

	if (code == EX_OK)
		code = cmd_listing_ask(&listing, &session, true);
	if (code == EX_OK) {
		/* it has the paths of names that have been mirrored */
		state = state_view(settings->state_dir, account->name, &error);
		if (error.kind != IMAP_ERROR_NONE)
			(void)fprintf(stderr, "mailmirror: %s\n", error.text);
		print_all(
		    &listing, state, account, (options->flags & CMD_JSON) != 0);
		(void)state_close(state);
	}
	cmd_listing_free(&listing);
	cmd_session_close(&session);
	return code;
}

int
cmd_folders(const struct options *options)
{
	struct settings *settings = cmd_load_settings(options);
	const struct settings_account *account;
	int code = EX_USAGE;

	if (settings == NULL)
		return EX_CONFIG;
	account = settings_account(settings, options->words[0]);
	if (account != NULL)
		code = run(settings, account, options);
	else
		(void)fprintf(stderr, "mailmirror: no account \"%s\" in %s\n",
		    options->words[0], settings->file);
	(void)settings_free(settings);
	return code;
}
