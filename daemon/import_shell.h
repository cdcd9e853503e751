/*
 * Commands of the shell's: words put into them, commands put together, and
 * what is in front of those that are still needed here.
 */
#ifndef DAEMON_IMPORT_SHELL_H
#define DAEMON_IMPORT_SHELL_H

#include <stdbool.h>

#include "libclient/base/buf.h"

/* Adds a word that is what the text is, in quotes. */
void import_shell_quote(struct buf *out, const char *text);

/* ... in quotes if it needs them. */
void import_shell_word(struct buf *out, const char *text);

/* A path as a word of the shell's, but for its "~/"; to be freed. */
char *import_shell_path(const char *path);

/* Adds a command that "&&", ";;" or "; fi" may follow, whatever it ends with.
 */
void import_shell_put(struct buf *out, const char *command);

/* True if the command at the front only fetches mail. */
bool import_shell_fetches(const char *command);

/* The command without those at its front that only fetch mail, as far as
 * nothing depends on these. */
const char *import_shell_rest(const char *command);

#endif
