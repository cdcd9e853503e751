/*
 * Commands to bytes. The encoder refuses CR, LF and NUL wherever they would
 * inject a command, chooses atom, quoted string or literal by content, and
 * marks where a synchronising literal makes it wait and which bytes are
 * secret.
 */
#ifndef LIBCLIENT_WIRE_COMMAND_H
#define LIBCLIENT_WIRE_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"
#include "libclient/wire/uidset.h"

/* The longest command line that we send, literals apart (RFC 7162: 8192). */
#define COMMAND_MAX_LINE 8000

/* Of which a UID set leaves this much for the arguments behind it. */
#define COMMAND_LINE_RESERVE 300

/* FETCH items. */
enum imap_fetch_item {
	IMAP_FETCH_FLAGS = 1 << 0,
	IMAP_FETCH_INTERNALDATE = 1 << 1,
	IMAP_FETCH_SIZE = 1 << 2,
	IMAP_FETCH_BODY = 1 << 3, /* BODY.PEEK[]: \Seen is never set */
	IMAP_FETCH_MODSEQ = 1 << 4,
	IMAP_FETCH_EMAILID = 1 << 5,
	IMAP_FETCH_X_GM_MSGID = 1 << 6,
	IMAP_FETCH_MESSAGE_ID = 1 << 7, /* that header field alone */
	IMAP_FETCH_HEADER = 1 << 8 /* BODY.PEEK[HEADER] */
};

/* Which kinds of literal the server takes. */
enum command_literals {
	COMMAND_LITERALS_SYNC, /* {n}: wait for the + */
	COMMAND_LITERALS_MINUS, /* {n+} up to 4096 bytes (RFC 7888) */
	COMMAND_LITERALS_PLUS /* {n+} of any size */
};

#define COMMAND_MAX_WAITS 4

/* The longest argument; quoted strings up to COMMAND_MAX_QUOTED bytes. */
#define COMMAND_MAX_ARGUMENT 32768
#define COMMAND_MAX_QUOTED   1000

/* The longest message to append. */
#define COMMAND_MAX_MESSAGE 268435456

/* A command without its tag, ready to be sent: "UID FETCH 1 (UID)" CRLF. */
struct command {
	struct buf bytes;
	enum command_literals literals;
	/* COMMAND_MAX_LINE; to be lowered behind command_begin() for servers
	 * that take less, but not below 2 * COMMAND_LINE_RESERVE */
	size_t max_line;
	size_t waits[COMMAND_MAX_WAITS]; /* before which bytes a + is due */
	uint32_t wait_count;
	size_t literal_bytes; /* how many of the bytes are inside literals */
	size_t secret_begin; /* bytes never to be traced: [begin, end) */
	size_t secret_end;
	bool failed; /* an argument was refused; such a command is not sent */
};

/* Starts a command with its name: "UID FETCH". */
void command_begin(
    struct command *command, const char *name, enum command_literals literals);

/* Each appends a space and one argument. */
void command_add_atom(struct command *command, const char *atom);
/* An astring: atom, quoted string or literal, whatever the bytes need. */
void command_add_astring(struct command *command, struct span bytes);
/* A quoted string or literal, never an atom. */
void command_add_string(struct command *command, struct span bytes);
/* A closing parenthesis, without a space. */
void command_add_closing(struct command *command);
/*
 * A quoted string or literal, never an atom, and secret. Between the first and
 * the last secret of a command all is secret.
 */
void command_add_secret(struct command *command, struct span bytes);
/* An initial response: base64 or "=", as an atom, and secret. */
void command_add_initial_response(struct command *command, struct span base64);
/* A mailbox name as LIST gave it, or made by utf7_encode(). */
void command_add_mailbox(struct command *command, struct span mailbox);
/* A LIST pattern: as an astring, but * and % need no quotes. */
void command_add_pattern(struct command *command, struct span pattern);
/*
 * The ranges of a set from index begin on, as many as the line has room for
 * (COMMAND_LINE_RESERVE is left for what follows); returns the index of the
 * first that was left out. No range at all fails.
 */
uint32_t command_add_uids(
    struct command *command, const struct uidset *uids, uint32_t begin);
/* first:last, 1 <= first <= last; last may be UINT32_MAX (never "*", which
 * means the last one). */
void command_add_range(struct command *command, uint32_t first, uint32_t last);
/* "(UID FLAGS ...)" for a mask of enum imap_fetch_item. */
void command_add_items(struct command *command, unsigned items);
/* Already encoded text of our own making, checked for CR, LF and NUL. */
void command_add_raw(struct command *command, const char *text);

/* A message as a literal, any bytes; is_literal8: ~{n}, which may hold NUL. */
void command_add_message(
    struct command *command, struct span message, bool is_literal8);

/* ... as RFC 6855 wants it in UTF-8 mode: UTF8 (~{n}...). */
void command_add_utf8_message(struct command *command, struct span message);

/* Appends the CRLF; false if any argument was refused or the line too long. */
bool command_end(struct command *command);

/* Wipes and frees. */
void command_free(struct command *command);

#endif
