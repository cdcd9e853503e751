/*
 * Using a file that is here already as if it had just been downloaded: a
 * second name of it, or a copy, in tmp/. For the DISK lane; errors as in
 * maildir.h.
 */
#ifndef DAEMON_MAILDIR_LINK_H
#define DAEMON_MAILDIR_LINK_H

#include <sys/types.h>

#include "daemon/maildir.h"

/*
 * Puts a message's file into the tmp/ of a folder (`to` may be the same one)
 * and writes its name there to out: linked if it may be, as its time is that
 * of every name, else copied. The file is looked for where its name should
 * be, then by a name of ours with this UID, size and date. False, and no
 * error: it is not there, or could not be had.
 */
bool maildir_link(struct maildir *from, const struct maildir_identity *identity,
    const struct maildir_message *message, struct maildir *to, bool may_link,
    char out[MAILDIR_TMP_NAME_SIZE]);

/* Reads the beginning of a file of new/ or cur/. -1: it could not be. */
ssize_t maildir_read_front(struct maildir *maildir, const char *name,
    bool is_new, char *out, size_t size);

/* The number of the file that a name in new/ or cur/ stands for. */
bool maildir_file_number(
    struct maildir *maildir, const char *name, bool is_new, uint64_t *number);

#endif
