/*
 * mbsync's locks: taking one, and seeing who has one.
 */
#ifndef DAEMON_ADOPT_LOCK_H
#define DAEMON_ADOPT_LOCK_H

#include <stdbool.h>

#include "libclient/base/imap_error.h"

/* BUSY, with the process where that can be known, if there is a lock on the
 * file; a missing file
 * is nobody's. */
bool adopt_is_free(const char *path, struct imap_error *error);

/* Takes the lock, making the file: its descriptor, or -1 and *error (BUSY,
 * LOCAL). */
int adopt_lock(const char *path, struct imap_error *error);
/* Removes the file and lets go of it; -1 ok. */
void adopt_unlock(const char *path, int fd);

#endif
