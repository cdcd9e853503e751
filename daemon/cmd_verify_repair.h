/*
 * Mending what verify found: what is known of a folder is distrusted, so that
 * the mirror itself compares all of it anew. Only cmd_verify*.c includes it.
 */
#ifndef DAEMON_CMD_VERIFY_REPAIR_H
#define DAEMON_CMD_VERIFY_REPAIR_H

#include "daemon/cmd.h"
#include "daemon/cmd_verify.h"
#include "daemon/runner.h"

/*
 * After verify_look(), with the Maildir locked: removes files whose bytes are
 * not the message's, and has the next pass over the folder believe neither
 * MODSEQs nor what the directories looked like. Returns an exit code.
 */
int verify_distrust(struct verify *verify);

/*
 * A pass over the folders ("ACCOUNT/FOLDER"), by a process of its own, since
 * its sandbox is for good. Returns its exit code. The Maildir is not locked.
 */
int verify_pass(const struct options *options, struct runner *runner,
    char *const *folders, uint32_t count);

#endif
