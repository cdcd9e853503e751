/*
 * What is left to the daemon once it knows where its files are (Landlock):
 * to write below some directories, and to run nothing. Reading stays free.
 */
#ifndef DAEMON_SANDBOX_H
#define DAEMON_SANDBOX_H

#include <stdbool.h>

#include "libclient/base/imap_error.h"

struct sandbox;

struct sandbox *sandbox_new(void);

/* NULL ok; returns NULL. The restrictions stay. */
struct sandbox *sandbox_free(struct sandbox *sandbox);

/* Allows writing below the directory, which is made (0700) with missing
 * parents; a link is followed. False and *error: LOCAL. */
bool sandbox_add(
    struct sandbox *sandbox, const char *path, struct imap_error *error);

/*
 * From now on nothing else may be written, run or signalled, by this thread
 * and those that it starts. False where the kernel cannot see to it, and why;
 * then nothing is restricted but by no_new_privs.
 */
bool sandbox_enter(struct sandbox *sandbox, const char **why);

/* Whether a directory is, or can be made, where writing is allowed. */
bool sandbox_allows(const struct sandbox *sandbox, const char *path);

#endif
