/*
 * The Maildir's root: the directory that one process at a time writes below.
 */
#ifndef DAEMON_MAILDIR_ROOT_H
#define DAEMON_MAILDIR_ROOT_H

#include <stdbool.h>

#include "libclient/base/imap_error.h"

struct maildir;
struct maildir_root;

/*
 * Opens the root, creating it (0700) with missing parents, and locks
 * .mailmirror.lock in it (flock; the file holds our process id). The root
 * itself may be a link. NULL and *error: BUSY naming the other process's id,
 * or LOCAL.
 */
struct maildir_root *maildir_root_open(
    const char *path, struct imap_error *error);

/*
 * Opens a root to look at what is in it: nothing is made, nor locked. Only
 * maildir_view() opens its folders. NULL; without an *error: it is not there.
 */
struct maildir_root *maildir_root_view(
    const char *path, struct imap_error *error);

/* As maildir_open(), and nothing is made. NULL without an *error: there is no
 * Maildir. */
struct maildir *maildir_view(
    struct maildir_root *root, const char *path, struct imap_error *error);

/* True if another process, which lives, has left its id in the lock's file. */
bool maildir_root_is_in_use(const struct maildir_root *root);

/* Unlocks; NULL ok; returns NULL. Its folders go first. */
struct maildir_root *maildir_root_close(struct maildir_root *root);

/* Creates a directory (0700) with missing parents; links are followed. */
bool maildir_make_path(const char *path, struct imap_error *error);

#endif
