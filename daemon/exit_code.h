/*
 * Exit codes: sysexits(3), and what fails with which.
 */
#ifndef DAEMON_EXIT_CODE_H
#define DAEMON_EXIT_CODE_H

#include <sysexits.h>

#include "libclient/base/imap_error.h"

/* The code that a failure of this kind ends with; NONE is 0. */
int exit_code_for(enum imap_error_kind kind);

#endif
