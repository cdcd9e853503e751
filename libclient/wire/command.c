/*
 * Commands to bytes (RFC 9051 section 6, literals: RFC 7888). A command that
 * was refused an argument stays as it is: `failed` is the only thing to ask.
 */
#include "libclient/wire/command.h"

#include <inttypes.h>

#include "libclient/base/mem.h"

/* All literals and the line around them. */
#define MAX_BYTES                                                         \
	(COMMAND_MAX_MESSAGE + COMMAND_MAX_WAITS * COMMAND_MAX_ARGUMENT + \
	    COMMAND_MAX_LINE)

/* The longest literal that LITERAL- lets go unannounced. */
#define LITERAL_MINUS_MAX 4096

/* How an argument is best written. */
enum form { ATOM, QUOTED, LITERAL, REFUSED };

void
command_begin(
    struct command *command, const char *name, enum command_literals literals)
{
	*command = (struct command){
	    .literals = literals, .max_line = COMMAND_MAX_LINE};
	buf_init(&command->bytes, MAX_BYTES);
	/* Few commands need more, and secrets are not moved about. */
	buf_reserve(&command->bytes, 256);
	command_add_raw(command, name);
}

static void
add_bytes(struct command *command, const void *bytes, size_t len)
{
	if (!command->failed && !buf_add(&command->bytes, bytes, len))
		command->failed = true;
}

static void
add_string(struct command *command, const char *string)
{
	add_bytes(command, string, strlen(string));
}

/* The space in front of every argument; the command's name has none. */
static void
begin_argument(struct command *command)
{
	if (buf_len(&command->bytes) > 0)
		add_bytes(command, " ", 1);
}

/* What may stand in an atom (RFC 9051 section 9, ATOM-CHAR). */
static bool
is_atom_char(char c)
{
	return c > ' ' && c < 0x7f &&
	    memchr("(){%*\"\\]", c, sizeof("(){%*\"\\]") - 1) == NULL;
}

static bool
is_wildcard(char c)
{
	return c == '*' || c == '%';
}

/*
 * What bytes need to be an astring. ] may stand in one bare, a wildcard in a
 * pattern. An atom NIL would be legal and misread, so it is quoted.
 */
static enum form
form_of(struct span bytes, bool is_pattern)
{
	enum form form = bytes.len == 0 ? QUOTED : ATOM;
	size_t i;

	if (bytes.len > COMMAND_MAX_ARGUMENT)
		return REFUSED;
	if (span_equal_nocase(bytes, "NIL"))
		form = QUOTED;
	for (i = 0; i < bytes.len; i++) {
		char c = bytes.at[i];

		if (c == '\0' || c == '\r' || c == '\n')
			return REFUSED;
		if ((unsigned char)c >= 0x80)
			form = LITERAL;
		else if (form == ATOM && !is_atom_char(c) && c != ']' &&
		    !(is_pattern && is_wildcard(c)))
			form = QUOTED;
	}
	return bytes.len > COMMAND_MAX_QUOTED ? LITERAL : form;
}

static void
add_quoted(struct command *command, struct span bytes)
{
	size_t i;

	add_bytes(command, "\"", 1);
	for (i = 0; i < bytes.len; i++) {
		if (bytes.at[i] == '"' || bytes.at[i] == '\\')
			add_bytes(command, "\\", 1);
		add_bytes(command, bytes.at + i, 1);
	}
	add_bytes(command, "\"", 1);
}

static bool
must_wait(const struct command *command, size_t len)
{
	return command->literals == COMMAND_LITERALS_SYNC ||
	    (command->literals == COMMAND_LITERALS_MINUS &&
		len > LITERAL_MINUS_MAX);
}

static void
add_literal(struct command *command, struct span bytes)
{
	bool waits = must_wait(command, bytes.len);

	if (waits && command->wait_count == COMMAND_MAX_WAITS)
		command->failed = true;
	if (command->failed ||
	    !buf_add_format(
		&command->bytes, "{%zu%s}\r\n", bytes.len, waits ? "" : "+")) {
		command->failed = true;
		return;
	}
	if (waits)
		command->waits[command->wait_count++] =
		    buf_len(&command->bytes);
	add_bytes(command, bytes.at, bytes.len);
	command->literal_bytes += bytes.len;
}

static void
add_form(struct command *command, enum form form, struct span bytes)
{
	begin_argument(command);
	switch (form) {
	case ATOM:
		add_bytes(command, bytes.at, bytes.len);
		break;
	case QUOTED:
		add_quoted(command, bytes);
		break;
	case LITERAL:
		add_literal(command, bytes);
		break;
	default:
		command->failed = true;
	}
}

void
command_add_atom(struct command *command, const char *atom)
{
	size_t i;

	for (i = 0; atom[i] != '\0'; i++)
		if (!is_atom_char(atom[i]))
			command->failed = true;
	if (i == 0)
		command->failed = true;
	begin_argument(command);
	add_string(command, atom);
}

void
command_add_astring(struct command *command, struct span bytes)
{
	add_form(command, form_of(bytes, false), bytes);
}

void
command_add_string(struct command *command, struct span bytes)
{
	enum form form = form_of(bytes, false);

	add_form(command, form == ATOM ? QUOTED : form, bytes);
}

void
command_add_closing(struct command *command)
{
	add_string(command, ")");
}

void
command_add_secret(struct command *command, struct span bytes)
{
	enum form form = form_of(bytes, false);
	size_t begin;

	/* An escaped byte is two; growth may not leave a copy behind. */
	if (form != REFUSED &&
	    buf_reserve(&command->bytes, 2 * bytes.len + 32) == NULL)
		command->failed = true;
	begin = buf_len(&command->bytes) + 1;
	add_form(command, form == ATOM ? QUOTED : form, bytes);
	if (command->secret_end == 0)
		command->secret_begin = begin;
	command->secret_end = buf_len(&command->bytes);
}

void
command_add_initial_response(struct command *command, struct span base64)
{
	size_t begin;
	size_t i;

	if (base64.len == 0 || base64.len > COMMAND_MAX_ARGUMENT ||
	    buf_reserve(&command->bytes, base64.len + 32) == NULL)
		command->failed = true;
	for (i = 0; i < base64.len; i++)
		if (!is_atom_char(base64.at[i]))
			command->failed = true;
	begin_argument(command);
	begin = buf_len(&command->bytes);
	add_bytes(command, base64.at, base64.len);
	if (command->secret_end == 0)
		command->secret_begin = begin;
	command->secret_end = buf_len(&command->bytes);
}

void
command_add_mailbox(struct command *command, struct span mailbox)
{
	command_add_astring(command, mailbox);
}

void
command_add_pattern(struct command *command, struct span pattern)
{
	add_form(command, form_of(pattern, true), pattern);
}

/* How long the line is so far, what is inside of literals left out. */
static size_t
line_len(const struct command *command)
{
	return buf_len(&command->bytes) - command->literal_bytes;
}

uint32_t
command_add_uids(
    struct command *command, const struct uidset *uids, uint32_t begin)
{
	const size_t room = command->max_line - COMMAND_LINE_RESERVE;
	uint32_t n = 0;

	begin_argument(command);
	if (!command->failed && line_len(command) < room)
		n = uidset_format(
		    uids, begin, room - line_len(command), &command->bytes);
	if (n == 0)
		command->failed = true;
	return begin + n;
}

void
command_add_range(struct command *command, uint32_t first, uint32_t last)
{
	if (first == 0 || first > last)
		command->failed = true;
	begin_argument(command);
	if (!command->failed &&
	    !buf_add_format(
		&command->bytes, "%" PRIu32 ":%" PRIu32, first, last))
		command->failed = true;
}

/* In the order in which we want them: the body last. */
static const struct {
	unsigned item;
	const char *name;
} items_in_order[] = {
    {IMAP_FETCH_FLAGS, " FLAGS"},
    {IMAP_FETCH_INTERNALDATE, " INTERNALDATE"},
    {IMAP_FETCH_SIZE, " RFC822.SIZE"},
    {IMAP_FETCH_MODSEQ, " MODSEQ"},
    {IMAP_FETCH_EMAILID, " EMAILID"},
    {IMAP_FETCH_X_GM_MSGID, " X-GM-MSGID"},
    {IMAP_FETCH_MESSAGE_ID, " BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"},
    {IMAP_FETCH_HEADER, " BODY.PEEK[HEADER]"},
    {IMAP_FETCH_BODY, " BODY.PEEK[]"},
};

void
command_add_items(struct command *command, unsigned items)
{
	size_t i;

	begin_argument(command);
	add_string(command, "(UID");
	for (i = 0; i < sizeof(items_in_order) / sizeof(items_in_order[0]); i++)
		if ((items & items_in_order[i].item) != 0)
			add_string(command, items_in_order[i].name);
	add_string(command, ")");
}

void
command_add_raw(struct command *command, const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		if (*c == '\r' || *c == '\n')
			command->failed = true;
	begin_argument(command);
	add_string(command, text);
}

void
command_add_message(
    struct command *command, struct span message, bool is_literal8)
{
	if (message.len > COMMAND_MAX_MESSAGE)
		command->failed = true;
	if (!is_literal8 && message.len > 0 &&
	    memchr(message.at, '\0', message.len) != NULL)
		command->failed = true;
	begin_argument(command);
	if (is_literal8)
		add_string(command, "~");
	if (!command->failed)
		add_literal(command, message);
}

void
command_add_utf8_message(struct command *command, struct span message)
{
	if (message.len > COMMAND_MAX_MESSAGE)
		command->failed = true;
	begin_argument(command);
	add_string(command, "UTF8 (~");
	if (!command->failed)
		add_literal(command, message);
	command_add_closing(command);
}

bool
command_end(struct command *command)
{
	add_bytes(command, "\r\n", 2);
	if (line_len(command) > command->max_line)
		command->failed = true;
	return !command->failed;
}

void
command_free(struct command *command)
{
	buf_free_secret(&command->bytes);
	*command = (struct command){0};
}
