/*
 * The console's commands for connections and authentication that are more
 * than one call.
 */
#include "daemon/console_handlers.h"

#include "daemon/console_secret.h"
#include "libclient/base/mem.h"
#include "libclient/imaplib_auth.h"

/* ---- authentication ---- */

/* The secret that a command names, that is configured, or that is asked for;
 * NULL, and the command refused, if there is none. */
static char *
secret_for(struct console_call *call, const char *user, const char *named)
{
	const struct console *console = call->console;
	struct imap_error error = {0};
	char *secret;

	if (named != NULL)
		return mem_copy_string(named);
	/* what belongs to one user is not shown in another's name */
	if (console->secret != NULL &&
	    (console->user == NULL || strcmp(console->user, user) == 0))
		secret = console_secret_fetch(console->secret, &error);
	else
		secret = console_secret_ask(user, &error);
	if (secret == NULL)
		console_refuse(call, error.kind, "%s", error.text);
	return secret;
}

static const char *
user_for(struct console_call *call, const char *named)
{
	const char *user = named != NULL ? named : call->console->user;

	if (user == NULL)
		console_refuse(
		    call, IMAP_ERROR_CONFIG, "a user's name is missing");
	return user;
}

/* One of the three LOGIN-like functions, with its user and password. */
static void
log_in(struct console_call *call,
    bool (*login)(struct imaplib *client, const char *user,
	const char *password, struct imaplib_reply *reply))
{
	const char *user = user_for(call, console_argument(call, 0));
	char *secret;

	if (user == NULL)
		return;
	secret = secret_for(call, user, console_argument(call, 1));
	if (secret == NULL)
		return;
	(void)login(call->console->client, user, secret, call->reply);
	(void)mem_free_secret(secret);
}

void
console_login(struct console_call *call)
{
	log_in(call, imaplib_login);
}

void
console_login_cram_md5(struct console_call *call)
{
	log_in(call, imaplib_login_cram_md5);
}

void
console_login_plain(struct console_call *call)
{
	log_in(call, imaplib_login_plain);
}

void
console_authenticate(struct console_call *call)
{
	const char *mechanism = console_argument(call, 0);
	bool needs_nothing =
	    mechanism_from_name(mechanism) == MECHANISM_EXTERNAL ||
	    mechanism_from_name(mechanism) == MECHANISM_ANONYMOUS;
	const char *user = console_argument(call, 1);
	char *secret;

	if (needs_nothing && user == NULL) {
		user = call->console->user == NULL ? "" : call->console->user;
	} else {
		user = user_for(call, user);
		if (user == NULL)
			return;
	}
	secret = needs_nothing
	    ? mem_copy_string("")
	    : secret_for(call, user, console_argument(call, 2));
	if (secret == NULL)
		return;
	(void)imaplib_authenticate_as(
	    call->console->client, mechanism, user, secret, call->reply);
	(void)mem_free_secret(secret);
}

/* ---- the connection ---- */

void
console_starttls(struct console_call *call)
{
	(void)imaplib_starttls(
	    call->console->client, &call->console->tls, call->reply);
}

void
console_logout(struct console_call *call)
{
	struct console *console = call->console;

	console->client = imaplib_logout(console->client, call->reply);
}

void
console_shutdown(struct console_call *call)
{
	struct console *console = call->console;

	console->client = imaplib_shutdown(console->client);
	console_answer(call);
}

/* The words of a list behind its parentheses; false, and refused, if that
 * cannot be. */
static bool
open_list(struct console_call *call, const struct console_word *list,
    struct console_words *words)
{
	struct console_words_error error;
	struct span inside = console_word_span(list);

	inside = (struct span){inside.at + 1, inside.len - 2};
	if (console_words_split(inside, words, &error))
		return true;
	console_refuse(call, IMAP_ERROR_CONFIG, "column %u: %s",
	    list->column + error.column, error.text);
	return false;
}

void
console_id(struct console_call *call)
{
	struct console_words opened = {0};
	const struct console_word *words = call->words;
	uint32_t count = call->count;
	const char **fields;

	if (count == 1 && words[0].kind == CONSOLE_WORD_LIST) {
		if (!open_list(call, &words[0], &opened))
			return;
		words = opened.items;
		count = opened.count;
	} else if (count == 1 && console_word_is(&words[0], "NIL")) {
		count = 0;
	}
	fields = mem_alloc(sizeof(*fields) * ((size_t)count + 1));
	for (uint32_t i = 0; i < count; i++)
		fields[i] = i % 2 == 1 && console_word_is(&words[i], "NIL")
		    ? NULL
		    : words[i].text;
	if (count % 2 != 0)
		console_refuse(
		    call, IMAP_ERROR_CONFIG, "a name without a value");
	else
		(void)imaplib_id(
		    call->console->client, fields, count, call->reply);
	(void)mem_free(fields);
	console_words_free(&opened);
}

void
console_enable(struct console_call *call)
{
	char *names = console_rest(call, 0);

	(void)imaplib_enable(call->console->client, names, call->reply);
	(void)mem_free_secret(names);
}

void
console_xatom(struct console_call *call)
{
	const struct span name = console_word_span(&call->words[0]);
	const char *arguments[1];
	char *rest;

	/* they know what may be shown to whom, and what not to trace */
	if (span_equal_nocase(name, "LOGIN") ||
	    span_equal_nocase(name, "AUTHENTICATE")) {
		console_refuse(call, IMAP_ERROR_AUTH,
		    "secrets are sent by login and authenticate only");
		return;
	}
	rest = console_rest(call, 1);
	arguments[0] = rest;
	(void)imaplib_xatom(call->console->client, console_argument(call, 0),
	    arguments, call->count > 1 ? 1 : 0, call->reply);
	(void)mem_free_secret(rest);
}

void
console_response(struct console_call *call)
{
	(void)imaplib_response(
	    call->console->client, console_argument(call, 0), call->reply);
}
