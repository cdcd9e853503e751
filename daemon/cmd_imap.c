/*
 * mailmirror imap: the console. Connects and logs in as an account of the
 * configuration, or as the options say, then runs one command or those that
 * come on stdin.
 */
#include "daemon/cmd.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/cmd_session.h"
#include "daemon/console.h"
#include "daemon/console_input.h"
#include "libclient/base/mem.h"

/* Whom to talk to, from an account or from options. */
struct target {
	struct settings *settings; /* NULL with options */
	struct settings_account *account; /* of the settings, or .own */
	struct settings_account own; /* borrows the options' strings */
	char *const *words; /* the command, if there is one */
	uint32_t word_count;
};

static int
refuse_usage(const char *what)
{
	(void)fprintf(stderr, "mailmirror: imap: %s\n", what);
	return EX_USAGE;
}

/* ---- whom to talk to ---- */

static bool
read_tls(const char *name, enum settings_tls *tls)
{
	static const struct {
		const char *name;
		enum settings_tls tls;
	} modes[] = {
	    {"implicit", SETTINGS_TLS_IMPLICIT},
	    {"starttls", SETTINGS_TLS_STARTTLS},
	    {"none", SETTINGS_TLS_NONE},
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		if (strcmp(name, modes[i].name) != 0)
			continue;
		*tls = modes[i].tls;
		return true;
	}
	return false;
}

static int
target_from_options(struct target *target, const struct options *options)
{
	const struct imap_options *given = &options->imap;
	struct settings_account *own = &target->own;
	unsigned long long port = 0;

	if (given->tls != NULL && !read_tls(given->tls, &own->tls))
		return refuse_usage("--tls is implicit, starttls or none");
	if (given->port != NULL &&
	    (!span_to_number(span_of(given->port), UINT16_MAX, &port) ||
		port == 0))
		return refuse_usage("--port is a number from 1 to 65535");
	own->host = (char *)given->host;
	own->port = (uint16_t)port;
	own->user = (char *)given->user;
	own->secret.password_file = (char *)given->password_file;
	own->is_auth_auto = true;
	target->account = own;
	target->words = options->words;
	target->word_count = options->word_count;
	return EX_OK;
}

static int
target_from_account(struct target *target, const struct options *options)
{
	const struct imap_options *given = &options->imap;

	if (given->port != NULL || given->tls != NULL || given->user != NULL ||
	    given->password_file != NULL)
		return refuse_usage(
		    "--port, --tls, --user and --password-file need --host");
	if (options->word_count == 0)
		return refuse_usage("an account, or --host, is missing");
	target->settings = cmd_load_settings(options);
	if (target->settings == NULL)
		return EX_CONFIG;
	target->account = (struct settings_account *)settings_account(
	    target->settings, options->words[0]);
	if (target->account == NULL) {
		(void)fprintf(stderr,
		    "mailmirror: imap: %s: no account of that name\n",
		    options->words[0]);
		return EX_USAGE;
	}
	target->words = options->words + 1;
	target->word_count = options->word_count - 1;
	return EX_OK;
}

static void
target_free(struct target *target)
{
	target->settings = settings_free(target->settings);
}

/* ---- commands ---- */

static void
run_argument_words(struct console *console, const struct target *target)
{
	struct console_words words = {0};

	for (uint32_t i = 0; i < target->word_count; i++)
		console_words_add_argument(&words, target->words[i]);
	console_run(console, &words);
	console_words_free(&words);
}

static void
run_lines(struct console *console)
{
	bool is_terminal =
	    isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
	struct console_input *input = console_input_new(is_terminal);
	struct span line;

	while (!console->is_over && ferror(console->out) == 0 &&
	    console_input_next(input, &line))
		console_run_line(console, line);
	(void)console_input_free(input);
}

static int
run(struct target *target, const struct options *options)
{
	const struct settings_account *account = target->account;
	struct cmd_session session = {
	    .account = account,
	    .is_adhoc = account == &target->own,
	    .verbosity = options->verbosity,
	};
	struct console console;
	int code;

	console_init(&console);
	code = cmd_session_open(&session);
	console.client = session.client;
	session.client = NULL;
	console.tls = session.tls;
	console.user = account->user;
	console.secret =
	    cmd_session_has_secret(&account->secret) ? &account->secret : NULL;
	console.is_json = (options->flags & CMD_JSON) != 0;
	if (code == EX_OK && target->word_count > 0)
		run_argument_words(&console, target);
	else if (code == EX_OK)
		run_lines(&console);
	console_free(&console);
	cmd_session_close(&session);
	return code != EX_OK ? code : console.code;
}

int
cmd_imap(const struct options *options)
{
	struct target target = {0};
	int code = options->imap.host != NULL
	    ? target_from_options(&target, options)
	    : target_from_account(&target, options);

	if (code == EX_OK)
		code = run(&target, options);
	target_free(&target);
	return code;
}
