/*
 * Waits for daemon/secret on a loop that lives no longer than that, and asks
 * people.
 */
#include "daemon/console_secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>

#include <systemd/sd-event.h>

#include "daemon/secret.h"
#include "libclient/base/mem.h"

/* The longest line that can be typed. */
#define LINE_SIZE 4096

#define CONTROL_C 3

struct waiting {
	sd_event *loop;
	char *secret;
	struct imap_error error;
};

static void
on_secret(void *user, const char *secret, const struct imap_error *error)
{
	struct waiting *waiting = user;

	if (secret == NULL)
		waiting->error = *error;
	else
		waiting->secret = mem_copy_string(secret);
	(void)sd_event_exit(waiting->loop, 0);
}

char *
console_secret_fetch(
    const struct settings_secret *source, struct imap_error *error)
{
	struct waiting waiting = {0};
	struct secret *secret;

	if (sd_event_new(&waiting.loop) < 0)
		abort(); /* out of memory or descriptors at the start */
	secret = secret_fetch(waiting.loop, NULL, source, on_secret, &waiting);
	(void)sd_event_loop(waiting.loop);
	(void)secret_free(secret);
	waiting.loop = sd_event_unref(waiting.loop);
	if (waiting.secret == NULL)
		*error = waiting.error;
	return waiting.secret;
}

/* Reads a line with the echo off; NULL at the end of the input. */
static char *
read_hidden(FILE *terminal)
{
	struct termios before;
	struct termios hidden;
	char line[LINE_SIZE];
	bool is_read;
	char *secret;

	if (tcgetattr(fileno(terminal), &before) != 0)
		return NULL;
	hidden = before;
	/* a signal would leave the terminal without an echo */
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	hidden.c_lflag |= ECHONL;
	if (tcsetattr(fileno(terminal), TCSAFLUSH, &hidden) != 0)
		return NULL;
	is_read = fgets(line, sizeof(line), terminal) != NULL;
	(void)tcsetattr(fileno(terminal), TCSAFLUSH, &before);
	if (!is_read || strchr(line, CONTROL_C) != NULL)
		return NULL;
	line[strcspn(line, "\r\n")] = '\0';
	secret = mem_copy_string(line);
	mem_wipe(line, sizeof(line));
	return secret;
}

char *
console_secret_ask(const char *user, struct imap_error *error)
{
	FILE *terminal = fopen("/dev/tty", "r+e");
	char *secret = NULL;

	if (terminal != NULL) {
		/* what is typed must not stay in a buffer of the library */
		(void)setvbuf(terminal, NULL, _IONBF, 0);
		(void)fprintf(terminal, "Password for %s: ", user);
		secret = read_hidden(terminal);
		(void)fclose(terminal);
	}
	if (secret == NULL)
		(void)imap_error_set(error, IMAP_ERROR_AUTH,
		    "there is no password, and no terminal to ask for it");
	return secret;
}
