/*
 * What other programs made of a message's bytes, and back: line ends, and the
 * header line by which mbsync knows its own copies. Part of maildir.h; errors
 * as there. DISK lane.
 */
#ifndef DAEMON_MAILDIR_CONTENT_H
#define DAEMON_MAILDIR_CONTENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/maildir.h"

/* How a file should be. */
struct maildir_form {
	bool is_crlf; /* lines end in CRLF, else in LF */
	bool drops_tuid; /* without mbsync's X-TUID: line */
};

/* How a file is. */
struct maildir_content {
	uint64_t size; /* RFC822.SIZE, once it is as it should be */
	int64_t date; /* its mtime */
	bool is_right; /* nothing need be changed */
	off_t tuid_at; /* where the line is that is dropped */
	size_t tuid_len; /* 0: there is none */
};

/* Reads a file of new/ or cur/. False, and no error: it is not there, or
 * cannot be read. */
bool maildir_measure(struct maildir *maildir, const char *name, bool is_new,
    const struct maildir_form *form, struct maildir_content *content);

/* Writes what it should be into tmp/, with its mtime; not made durable. */
bool maildir_rewrite(struct maildir *maildir, const char *name, bool is_new,
    const struct maildir_form *form, const struct maildir_content *content,
    char tmp_name[MAILDIR_TMP_NAME_SIZE], struct imap_error *error);

/* Puts that in place of the file, in one step; false, too, if that is gone. */
bool maildir_replace(struct maildir *maildir, const char *tmp_name,
    const char *name, bool is_new, struct imap_error *error);

/* Gives the file the mode, and (date not MAILDIR_DATE_UNKNOWN) the time, that
 * one of ours has; a missing one has them. */
bool maildir_dress(struct maildir *maildir, const char *name, bool is_new,
    int64_t date, struct imap_error *error);

/* The same for the folder's directories. */
bool maildir_dress_folder(struct maildir *maildir, struct imap_error *error);

/* Everything written below the root so far is on stable storage. */
bool maildir_sync_all(struct maildir *maildir, struct imap_error *error);

#endif
