/*
 * The protocol of bench_server: what a mirror says in a session, and no more.
 * A message's flags, size and text follow from its UID.
 */
#include "tests/bench/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define UIDVALIDITY  7
#define MODSEQ	     1000
#define FOLDER_GROUP 500 /* as many as an account of bench_idle.py watches */
#define CHUNK	     ((size_t)64 * 1024) /* of a long answer, at a time */

struct command {
	const char *tag;
	const char *name;
	char *rest;
};

void
text_reserve(struct text *text, size_t more)
{
	if (text->len + more <= text->size)
		return;
	text->size = (text->len + more) * 2;
	text->at = realloc(text->at, text->size);
	if (text->at == NULL)
		abort();
}

void
text_free(struct text *text)
{
	free(text->at);
	*text = (struct text){0};
}

void
reply(struct peer *peer, const char *format, ...)
{
	va_list list;
	int length;

	text_reserve(&peer->out, 1024);
	va_start(list, format);
	length = vsnprintf(peer->out.at + peer->out.len, 1024, format, list);
	va_end(list);
	if (length < 0 || length >= 1024)
		abort();
	peer->out.len += (size_t)length;
}

/* ---- messages ---- */

static const char *
flags_of(uint32_t uid)
{
	static const char *const all[] = {"\\Seen", "", "\\Seen \\Answered",
	    "\\Seen", "\\Flagged \\Seen", "\\Seen", "\\Seen", "\\Draft"};

	return all[uid % 8];
}

static void
reply_message(struct peer *peer, uint32_t uid)
{
	const struct answer *answer = &peer->answer;
	char text[256];
	int length = snprintf(text, sizeof(text),
	    "From: someone@example.org\r\nSubject: number %u\r\n"
	    "Message-ID: <%u@example.org>\r\n\r\nThe text of %u.\r\n",
	    uid, uid, uid);

	reply(peer, "* %u FETCH (UID %u", uid, uid);
	if (answer->flags)
		reply(peer, " FLAGS (%s)", flags_of(uid));
	if (answer->modseq)
		reply(peer, " MODSEQ (%d)", MODSEQ);
	if (answer->date)
		reply(peer, " INTERNALDATE \"01-Jan-2024 00:00:00 +0000\"");
	if (answer->size)
		reply(peer, " RFC822.SIZE %d", length);
	if (answer->body)
		reply(peer, " BODY[] {%d}\r\n%s", length, text);
	reply(peer, ")\r\n");
}

/* One end of a range: a number or *. */
static uint32_t
take_number(const char **at, uint32_t highest)
{
	char *end;
	unsigned long number;

	if (**at == '*') {
		(*at)++;
		return highest;
	}
	number = strtoul(*at, &end, 10);
	*at = end;
	return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

/* The next range of the set; false at its end. */
static bool
take_range(struct peer *peer)
{
	struct answer *answer = &peer->answer;
	uint32_t first;
	uint32_t last;

	if (*answer->rest == ',')
		answer->rest++;
	if (*answer->rest == '\0')
		return false;
	first = take_number(&answer->rest, peer->messages);
	last = first;
	if (*answer->rest == ':') {
		answer->rest++;
		last = take_number(&answer->rest, peer->messages);
	}
	answer->next = first < last ? first : last;
	answer->last = first < last ? last : first;
	if (answer->last > peer->messages)
		answer->last = peer->messages;
	if (answer->next == 0 || (*answer->rest != ',' && *answer->rest))
		answer->rest = "";
	return true;
}

static void
continue_answer(struct peer *peer)
{
	struct answer *answer = &peer->answer;

	while (peer->out.len < CHUNK) {
		if (answer->next != 0 && answer->next <= answer->last) {
			reply_message(peer, answer->next++);
			continue;
		}
		if (!take_range(peer)) {
			reply(peer, "%s OK fetched\r\n", answer->tag);
			free(answer->set);
			*answer = (struct answer){0};
			return;
		}
	}
}

static void
begin_fetch(struct peer *peer, const struct command *command)
{
	struct answer *answer = &peer->answer;
	char *items = strchr(command->rest, ' ');
	const char *since = strcasestr(command->rest, "CHANGEDSINCE ");

	if (items == NULL) {
		reply(peer, "%s BAD no items\r\n", command->tag);
		return;
	}
	*items++ = '\0';
	if (since != NULL && strtoull(since + 13, NULL, 10) >= MODSEQ) {
		reply(peer, "%s OK nothing\r\n", command->tag);
		return;
	}
	snprintf(answer->tag, sizeof(answer->tag), "%s", command->tag);
	answer->set = strdup(command->rest);
	if (answer->set == NULL)
		abort();
	answer->rest = answer->set;
	answer->flags = strcasestr(items, "FLAGS") != NULL;
	answer->modseq = since != NULL || strcasestr(items, "MODSEQ") != NULL;
	answer->date = strcasestr(items, "INTERNALDATE") != NULL;
	answer->size = strcasestr(items, "RFC822.SIZE") != NULL;
	answer->body = strcasestr(items, "BODY.PEEK[]") != NULL;
}

/* ---- commands ---- */

static void
list(struct peer *peer, const struct command *command)
{
	(void)command;
	reply(peer, "* LIST (\\HasNoChildren) \"/\" INBOX\r\n");
	for (uint32_t i = 0; i < server.folders; i++)
		reply(peer, "* LIST (\\HasNoChildren) \"/\" f%03u-%03u\r\n",
		    i / FOLDER_GROUP, i % FOLDER_GROUP);
}

static void
examine(struct peer *peer, const struct command *command)
{
	char name[16];

	snprintf(name, sizeof(name), "%s",
	    command->rest + (command->rest[0] == '"'));
	peer->messages =
	    strncasecmp(name, "INBOX", 5) == 0 ? server.messages : 0;
	reply(peer,
	    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
	    "* OK [PERMANENTFLAGS ()] read only\r\n"
	    "* %u EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY %d] valid\r\n"
	    "* OK [UIDNEXT %u] next\r\n* OK [HIGHESTMODSEQ %d] highest\r\n",
	    peer->messages, UIDVALIDITY, peer->messages + 1, MODSEQ);
}

static void
search(struct peer *peer, const struct command *command)
{
	if (strncasecmp(command->rest, "RETURN", 6) == 0) {
		reply(peer, "* ESEARCH (TAG \"%s\") UID", command->tag);
		if (peer->messages > 0)
			reply(peer, " ALL 1:%u", peer->messages);
	} else {
		reply(peer, "* SEARCH");
		for (uint32_t uid = 1; uid <= peer->messages; uid++)
			reply(peer, " %u", uid);
	}
	reply(peer, "\r\n");
}

static void
status(struct peer *peer, const struct command *command)
{
	uint32_t count = strncasecmp(command->rest + (command->rest[0] == '"'),
			     "INBOX", 5) == 0
	    ? server.messages
	    : 0;

	reply(peer,
	    "* STATUS %.*s (MESSAGES %u UIDNEXT %u UIDVALIDITY %d "
	    "UNSEEN 0 HIGHESTMODSEQ %d)\r\n",
	    (int)strcspn(command->rest, " "), command->rest, count, count + 1,
	    UIDVALIDITY, MODSEQ);
}

static void
capability(struct peer *peer, const struct command *command)
{
	(void)command;
	reply(peer, "* CAPABILITY " CAPABILITIES "\r\n");
}

static void
identify(struct peer *peer, const struct command *command)
{
	(void)command;
	reply(peer, "* ID (\"name\" \"bench\")\r\n");
}

static void
enable(struct peer *peer, const struct command *command)
{
	(void)command;
	reply(peer, "* ENABLED QRESYNC\r\n");
}

static void
leave(struct peer *peer, const struct command *command)
{
	(void)command;
	peer->is_leaving = true;
	reply(peer, "* BYE\r\n");
}

static void
nothing(struct peer *peer, const struct command *command)
{
	(void)peer;
	(void)command;
}

/* Commands that say something and then OK. */
static const struct {
	const char *name;
	void (*say)(struct peer *peer, const struct command *command);
} commands[] = {
    {"CAPABILITY", capability},
    {"LOGIN", nothing},
    {"AUTHENTICATE", nothing}, /* with SASL-IR: whoever comes is let in */
    {"ID", identify},
    {"ENABLE", enable},
    {"LIST", list},
    {"NOOP", nothing},
    {"EXAMINE", examine},
    {"SELECT", examine},
    {"STATUS", status},
    {"UID SEARCH", search},
    {"UNSELECT", nothing},
    {"CLOSE", nothing},
    {"LOGOUT", leave},
};

static void
obey(struct peer *peer, const struct command *command)
{
	if (strcasecmp(command->name, "UID FETCH") == 0) {
		begin_fetch(peer, command);
		return;
	}
	if (strcasecmp(command->name, "IDLE") == 0) {
		snprintf(
		    peer->idle_tag, sizeof(peer->idle_tag), "%s", command->tag);
		peer->is_idling = true;
		server.idling++;
		reply(peer, "+ idling\r\n");
		return;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcasecmp(command->name, commands[i].name) != 0)
			continue;
		commands[i].say(peer, command);
		reply(peer, "%s OK done\r\n", command->tag);
		return;
	}
	reply(peer, "%s BAD unknown\r\n", command->tag);
}

static void
split(char *line, struct command *command)
{
	char *end = line + strlen(line);
	char *name = strchr(line, ' ');
	char *rest;

	command->tag = line;
	command->name = end;
	command->rest = end;
	if (name == NULL)
		return;
	*name++ = '\0';
	command->name = name;
	if (strncasecmp(name, "UID ", 4) == 0)
		name += 4;
	rest = strchr(name, ' ');
	if (rest != NULL) {
		*rest++ = '\0';
		command->rest = rest;
	}
}

static void
obey_line(struct peer *peer, char *line)
{
	struct command command;

	if (peer->is_idling) {
		peer->is_idling = false;
		server.idling--;
		reply(peer, "%s OK idled\r\n", peer->idle_tag);
		return;
	}
	split(line, &command);
	obey(peer, &command);
}

void
peer_continue(struct peer *peer)
{
	while (peer->out.len < CHUNK && !peer->is_leaving) {
		char *end;
		size_t length;

		if (peer->answer.set != NULL) {
			continue_answer(peer);
			continue;
		}
		end = peer->in.len == 0
		    ? NULL
		    : memmem(peer->in.at, peer->in.len, "\r\n", 2);
		if (end == NULL)
			return;
		*end = '\0';
		length = (size_t)(end - peer->in.at) + 2;
		obey_line(peer, peer->in.at);
		memmove(
		    peer->in.at, peer->in.at + length, peer->in.len - length);
		peer->in.len -= length;
	}
}
