/*
 * The console's commands by imaplib's names, in one table: how many words
 * they take and what they do.
 */
#ifndef DAEMON_CONSOLE_TABLE_H
#define DAEMON_CONSOLE_TABLE_H

#include "daemon/console.h"

/* A command on its way: what a handler gets. */
struct console_call {
	struct console *console;
	const struct console_word *words; /* behind the command's name */
	uint32_t count;
	bool is_uid; /* the UID form is asked for */
	struct imaplib_reply *reply; /* all zero; to be filled */
};

struct console_command {
	const char *name; /* imaplib's */
	uint32_t min; /* words, the name apart */
	uint32_t max;
	const char *words; /* what they are: "SET ITEMS [(MODIFIERS)]" */
	const char *help;
	/* One of these: a function of imaplib*.h that takes so many strings
	 * (absent ones are NULL), or a handler. */
	bool (*none)(struct imaplib *client, struct imaplib_reply *reply);
	bool (*one)(struct imaplib *client, const char *first,
	    struct imaplib_reply *reply);
	bool (*two)(struct imaplib *client, const char *first,
	    const char *second, struct imaplib_reply *reply);
	bool (*three)(struct imaplib *client, const char *first,
	    const char *second, const char *third, struct imaplib_reply *reply);
	void (*run)(struct console_call *call);
	bool has_bytes; /* the last word, and each third one before it but for
			 * the first, may have NUL bytes */
	bool has_uid; /* there is a UID form */
	bool is_local; /* needs no connection */
	bool is_login; /* a refusal is one of credentials */
};

/* All of them, to a row whose name is NULL. */
extern const struct console_command console_table[];

/* The row of a name in any case, or NULL. */
const struct console_command *console_table_find(struct span name);

/* ERROR, and why: nothing was sent. */
void console_refuse(struct console_call *call, enum imap_error_kind kind,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* OK, with what console->lines has as its text. */
void console_answer(struct console_call *call);

/* A word as a string, NULL if there are not so many. */
const char *console_argument(const struct console_call *call, uint32_t i);

/* True if there is such a word and it is a parenthesised list. */
bool console_is_list(const struct console_call *call, uint32_t i);

/* The words from one on in the protocol's form; mem_free_secret(). */
char *console_rest(const struct console_call *call, uint32_t from);

#endif
