/*
 * What imap.c shows imap_command.c; nobody else includes it.
 */
#ifndef LIBCLIENT_IMAP_PRIVATE_H
#define LIBCLIENT_IMAP_PRIVATE_H

#include "libclient/imap.h"

struct session *imap_session(const struct imap *imap);

/* A command was queued: it leaves when the handler returns, or the loop turns.
 * Returns the serial. */
uint64_t imap_queued(struct imap *imap, uint64_t serial);

#endif
