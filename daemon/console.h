/*
 * The console's state, and how one command is run: words to a call of the
 * client library, its reply to a line. Blocking, with loops of its own: never
 * linked to what runs in the daemon's loop.
 */
#ifndef DAEMON_CONSOLE_H
#define DAEMON_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "conf/settings.h"
#include "daemon/console_words.h"
#include "libclient/imaplib.h"

struct console {
	struct imaplib *client; /* NULL: not connected any more */
	struct tls_options tls; /* for starttls */
	const char *user; /* for authenticate and login; NULL: to be named */
	const struct settings_secret *secret; /* NULL: ask at the terminal */
	FILE *out;
	FILE *trace; /* what debug and print_log say */
	bool is_json;
	bool is_over; /* quit was said */
	struct buf lines; /* what a command of ours has to say */
	int code; /* for exit: the first failure's */
};

void console_init(struct console *console);

/* Says LOGOUT if there is a connection, and frees. */
void console_free(struct console *console);

/* Runs a line; a blank one is nothing. */
void console_run_line(struct console *console, struct span line);

/* Runs words; files are read into them. */
void console_run(struct console *console, struct console_words *words);

/*
 * The exit code that a reply stands for: 0 OK; 77 login refused, and
 * connections that cannot be trusted; 75 NO with a code that says later; 1
 * any other NO, and a mailbox that is read-only; 76 BAD; 64 refused here; an
 * end of the connection as exit_code_for() has it.
 */
int console_exit_code(const struct imaplib_reply *reply, bool is_login);

#endif
