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

#include "daemon/console.h"
#include "daemon/console_input.h"
#include "daemon/console_secret.h"
#include "daemon/exit_code.h"
#include "libclient/base/mem.h"
#include "libclient/imaplib_auth.h"

/* Levels of debug that -v gives: the first shows what is sent and comes. */
#define DEBUG_LINES 4
#define DEBUG_MOST  5

/* Whom to talk to, from an account or from options. */
struct target {
	struct settings *settings; /* NULL with options */
	struct settings_account *account; /* of the settings, or .own */
	struct settings_account own; /* borrows the options' strings */
	uint8_t (*pins)[TLS_FINGERPRINT_SIZE];
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
	(void)mem_free(target->pins);
}

/* ---- connecting ---- */

static struct tls_options
tls_options_of(struct target *target)
{
	const struct settings_account *account = target->account;
	uint32_t count = account->tls_fingerprint_count;

	if (count > 0)
		target->pins = mem_alloc(count * sizeof(*target->pins));
	for (uint32_t i = 0; i < count; i++)
		memcpy(target->pins[i], account->tls_fingerprints[i].sha256,
		    sizeof(*target->pins));
	return (struct tls_options){
	    .host = account->host,
	    .ca_file = account->tls_ca_file,
	    .client_cert = account->tls_client_cert,
	    .client_key = account->tls_client_key,
	    .pins = (const uint8_t(*)[TLS_FINGERPRINT_SIZE])target->pins,
	    .pin_count = count,
	    .is_tls13_only = account->is_tls13_only,
	};
}

static void
print_trace(void *user, const char *line)
{
	(void)fprintf(user, "%s\n", line);
}

/* Why there is no connection or login, on stderr; returns the exit code. */
static int
report(const struct target *target, const struct imaplib_reply *reply,
    bool is_login)
{
	const struct settings_account *account = target->account;
	char text[sizeof(reply->error.text)];

	(void)fprintf(stderr, "mailmirror: %s: %s: %s\n",
	    account->name != NULL ? account->name : account->host,
	    imaplib_type_name(reply->type),
	    imap_error_printable(
		reply->text, sizeof(text) / 4, text, sizeof(text)));
	return console_exit_code(reply, is_login);
}

static int
secure(const struct target *target, struct console *console)
{
	struct imaplib_reply reply = {0};
	int code = EX_OK;

	/* who logs us in before TLS is not to be believed */
	if (imaplib_get_state(console->client) != IMAPLIB_NONAUTH) {
		(void)fprintf(stderr,
		    "mailmirror: the server greets with PREAUTH, which would "
		    "skip TLS\n");
		return EX_PROTOCOL;
	}
	if (!imaplib_starttls(console->client, &console->tls, &reply))
		code = report(target, &reply, false);
	imaplib_reply_free(&reply);
	return code;
}

static int
connect_to(const struct target *target, struct console *console,
    const struct options *options)
{
	const struct settings_account *account = target->account;
	int debug = DEBUG_LINES - 1 + options->verbosity;
	struct imaplib_options to = {
	    .host = account->host,
	    .port = account->port,
	    .command = account->tunnel,
	    .has_tls = account->tunnel == NULL &&
		account->tls == SETTINGS_TLS_IMPLICIT,
	    .tls = console->tls,
	    .timeout = account->timeout,
	    .debug = options->verbosity <= 0 ? 0
		: debug > DEBUG_MOST	     ? DEBUG_MOST
					     : debug,
	    .trace = print_trace,
	    .trace_user = stderr,
	};
	struct imaplib_reply reply = {0};
	int code = EX_OK;

	console->client = imaplib_open(&to, &reply);
	if (console->client == NULL)
		code = report(target, &reply, false);
	imaplib_reply_free(&reply);
	if (code == EX_OK && account->tunnel == NULL &&
	    account->tls == SETTINGS_TLS_STARTTLS)
		code = secure(target, console);
	return code;
}

/* ---- logging in ---- */

static bool
has_secret(const struct settings_secret *secret)
{
	return secret->password != NULL || secret->password_file != NULL ||
	    secret->password_command != NULL || secret->credential != NULL;
}

/*
 * By the strongest mechanism of a list that the server offers. One that is
 * refused here (nothing was sent) leaves room for the next.
 */
static void
authenticate(const struct settings_account *account, struct imaplib *client,
    const char *secret, struct imaplib_reply *reply)
{
	const char *user = account->user == NULL ? "" : account->user;
	uint32_t wanted = 0;
	uint32_t offered;

	if (account->is_auth_auto) {
		(void)imaplib_authenticate_as(
		    client, NULL, user, secret, reply);
		return;
	}
	for (uint32_t i = 0; i < account->auth.count; i++)
		wanted |= 1u << mechanism_from_name(account->auth.items[i]);
	(void)imap_error_set(&reply->error, IMAP_ERROR_AUTH,
	    "the server offers none of the mechanisms in auth");
	reply->type = IMAPLIB_ERROR;
	reply->text = span_of(reply->error.text);
	offered = imaplib_get_capabilities(client)->mechanisms;
	for (enum mechanism i = 0; i < MECHANISM_COUNT; i++) {
		if ((wanted & offered & 1u << i) == 0)
			continue;
		imaplib_reply_free(reply);
		*reply = (struct imaplib_reply){0};
		if (imaplib_authenticate_as(
			client, mechanism_name(i), user, secret, reply) ||
		    reply->type != IMAPLIB_ERROR)
			return;
	}
	if ((wanted & 1u << MECHANISM_LOGIN) == 0)
		return;
	imaplib_reply_free(reply);
	*reply = (struct imaplib_reply){0};
	(void)imaplib_login(client, user, secret, reply);
}

static int
log_in(const struct target *target, struct console *console)
{
	const struct settings_account *account = target->account;
	struct imaplib_reply reply = {0};
	struct imap_error error = {0};
	int code = EX_OK;
	char *secret;

	if (imaplib_get_state(console->client) != IMAPLIB_NONAUTH)
		return EX_OK; /* a tunnel has done it */
	if (account == &target->own && account->user == NULL)
		return EX_OK; /* it will be a command's business */
	secret = account == &target->own && !has_secret(&account->secret)
	    ? console_secret_ask(account->user, &error)
	    : console_secret_fetch(&account->secret, &error);
	if (secret == NULL) {
		(void)fprintf(stderr, "mailmirror: imap: %s\n", error.text);
		return exit_code_for(error.kind);
	}
	authenticate(account, console->client, secret, &reply);
	(void)mem_free_secret(secret);
	if (reply.type != IMAPLIB_OK)
		code = report(target, &reply, true);
	imaplib_reply_free(&reply);
	return code;
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
	struct console console;
	int code;

	console_init(&console);
	console.tls = tls_options_of(target);
	console.user = account->user;
	console.secret = has_secret(&account->secret) ? &account->secret : NULL;
	console.is_json = (options->flags & CMD_JSON) != 0;
	code = connect_to(target, &console, options);
	if (code == EX_OK)
		code = log_in(target, &console);
	if (code != EX_OK)
		console.client = imaplib_shutdown(console.client);
	else if (target->word_count > 0)
		run_argument_words(&console, target);
	else
		run_lines(&console);
	console_free(&console);
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
