/*
 * Which command is legal when: what is refused before a byte of it is sent.
 */
#include <stdio.h>
#include <strings.h>

#include "libclient/imaplib_private.h"

#define N (1u << IMAPLIB_NONAUTH)
#define A (1u << IMAPLIB_AUTH)
#define S (1u << IMAPLIB_SELECTED)

/* Where each command is legal (imaplib: Commands). */
static const struct {
	const char *name;
	unsigned states;
} commands[] = {
    {"APPEND", A | S},
    {"AUTHENTICATE", N},
    {"CAPABILITY", N | A | S},
    {"CHECK", S},
    {"CLOSE", S},
    {"COMPRESS", A | S},
    {"COPY", S},
    {"CREATE", A | S},
    {"DELETE", A | S},
    {"DELETEACL", A | S},
    {"ENABLE", A},
    {"EXAMINE", A | S},
    {"EXPUNGE", S},
    {"FETCH", S},
    {"GETACL", A | S},
    {"GETANNOTATION", A | S},
    {"GETMETADATA", A | S},
    {"GETQUOTA", A | S},
    {"GETQUOTAROOT", A | S},
    {"ID", N | A | S},
    {"IDLE", A | S},
    {"LIST", A | S},
    {"LISTRIGHTS", A | S},
    {"LOGIN", N},
    {"LOGOUT", N | A | S},
    {"LSUB", A | S},
    {"MOVE", S},
    {"MYRIGHTS", A | S},
    {"NAMESPACE", A | S},
    {"NOOP", N | A | S},
    {"NOTIFY", A | S},
    {"PARTIAL", S},
    {"PROXYAUTH", A},
    {"RENAME", A | S},
    {"REPLACE", S},
    {"SEARCH", S},
    {"SELECT", A | S},
    {"SETACL", A | S},
    {"SETANNOTATION", A | S},
    {"SETMETADATA", A | S},
    {"SETQUOTA", A | S},
    {"SORT", S},
    {"STARTTLS", N},
    {"STATUS", A | S},
    {"STORE", S},
    {"SUBSCRIBE", A | S},
    {"THREAD", S},
    {"UID", S},
    {"UNAUTHENTICATE", A | S},
    {"UNSELECT", S},
    {"UNSUBSCRIBE", A | S},
};

static const char *const state_names[] = {
    "NONAUTH", "AUTH", "SELECTED", "LOGOUT"};

/* What changes messages. */
static const char *const changes[] = {"STORE", "MOVE", "EXPUNGE", "REPLACE"};

/* Takes the first word, read as generously as a server may read it. */
static struct span
take_word(struct span *line)
{
	struct span word;
	size_t len = 0;

	while (line->len > 0 && (line->at[0] == ' ' || line->at[0] == '\t'))
		*line = span_from(*line, 1);
	while (len < line->len && line->at[len] != ' ' && line->at[len] != '\t')
		len++;
	word = (struct span){line->at, len};
	*line = span_from(*line, len);
	return word;
}

/* Where a command is legal; false: it is none that we know. */
static bool
find_states(struct span name, unsigned *states)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (span_equal_nocase(name, commands[i].name)) {
			*states = commands[i].states;
			return true;
		}
	return false;
}

bool
imaplib_is_command(const char *name)
{
	unsigned states;

	return find_states(span_of(name), &states);
}

static bool
check_state(
    struct imaplib *client, struct span name, struct imaplib_reply *reply)
{
	unsigned states = N | A | S;
	char allowed[60] = "";

	(void)find_states(name, &states);
	if ((states >> client->state & 1) != 0)
		return true;
	for (unsigned i = 0; i < 3; i++) {
		size_t used = strlen(allowed);

		if ((states >> i & 1) != 0)
			(void)snprintf(allowed + used, sizeof(allowed) - used,
			    "%s%s", used == 0 ? "" : ", ", state_names[i]);
	}
	return imaplib_refuse(reply,
	    "command %.*s illegal in state %s, only allowed in states %s",
	    (int)name.len, name.at, state_names[client->state], allowed);
}

/* Reading goes on once the mailbox became read-only. */
static bool
check_writable(
    struct imaplib *client, struct span name, struct imaplib_reply *reply)
{
	struct imap_error error = {0};

	if (!client->became_read_only || client->state != IMAPLIB_SELECTED)
		return true;
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		if (!span_equal_nocase(name, changes[i]))
			continue;
		imap_error_set(&error, IMAP_ERROR_UNSUPPORTED,
		    "mailbox status changed to READ-ONLY");
		imaplib_reply_set_error(reply, IMAPLIB_READONLY, &error);
		return false;
	}
	return true;
}

bool
imaplib_check_legal(
    struct imaplib *client, struct span line, struct imaplib_reply *reply)
{
	struct span name = take_word(&line);

	if (!check_state(client, name, reply))
		return false;
	if (span_equal_nocase(name, "UID")) {
		name = take_word(&line);
		if (!check_state(client, name, reply))
			return false;
	}
	return check_writable(client, name, reply);
}

/* ---- secrets ---- */

static bool
check_safe(struct imaplib *client, struct imaplib_reply *reply)
{
	struct imap_error error = {0};

	if (client->is_confidential)
		return true;
	imap_error_set(&error, IMAP_ERROR_AUTH,
	    "the connection is not encrypted: the password is not sent");
	imaplib_reply_set_error(reply, IMAPLIB_ERROR, &error);
	return false;
}

bool
imaplib_check_mechanism(
    struct imaplib *client, struct span name, struct imaplib_reply *reply)
{
	for (unsigned i = 0; i < MECHANISM_COUNT; i++)
		if (sasl_is_cleartext((enum mechanism)i) &&
		    span_equal_nocase(name, mechanism_name((enum mechanism)i)))
			return check_safe(client, reply);
	return true;
}

bool
imaplib_check_login(struct imaplib *client, struct imaplib_reply *reply)
{
	if (!check_safe(client, reply))
		return false;
	if (imaplib_has(client, CAPABILITY_LOGINDISABLED))
		return imaplib_refuse(
		    reply, "the server does not allow LOGIN (LOGINDISABLED)");
	return true;
}

/* True for a line that logs in; *rest is what follows the name. */
static bool
is_login(struct span line, struct span *rest)
{
	struct span name = take_word(&line);

	*rest = line;
	return span_equal_nocase(name, "LOGIN") ||
	    span_equal_nocase(name, "AUTHENTICATE");
}

/* What changes how the connection is read from then on has a function. */
static bool
check_plain(struct span line, struct imaplib_reply *reply)
{
	static const char *const names[] = {"IDLE", "STARTTLS", "COMPRESS"};
	struct span name = take_word(&line);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (span_equal_nocase(name, names[i]))
			return imaplib_refuse(
			    reply, "%s is a function of its own", names[i]);
	return true;
}

size_t
imaplib_shown_part(const struct command *command)
{
	struct span line = buf_span(&command->bytes);
	struct span rest;

	return is_login(line, &rest) ? line.len - rest.len : line.len;
}

bool
imaplib_check_line(struct imaplib *client, const struct command *command,
    struct imaplib_reply *reply)
{
	struct span line = buf_span(&command->bytes);
	struct span rest;

	if (!imaplib_check_legal(client, line, reply) ||
	    !check_plain(line, reply))
		return false;
	if (!is_login(line, &rest))
		return true;
	if (span_equal_nocase(take_word(&line), "LOGIN"))
		return imaplib_check_login(client, reply);
	return imaplib_check_mechanism(client, take_word(&rest), reply);
}
