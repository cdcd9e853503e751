/*
 * What imap.c shows imap_command.c and imaplib*.c; nobody else includes it.
 */
#ifndef LIBCLIENT_IMAP_PRIVATE_H
#define LIBCLIENT_IMAP_PRIVATE_H

#include "libclient/imap.h"

/* What STARTTLS of a manual connection uses; borrowed. */
void imap_set_tls_context(struct imap *imap, struct tls_context *context);

/* The descriptor that is read from; -1: there is none. */
int imap_descriptor(const struct imap *imap);

/* Channel binding data, written into the caller's room. */
void imap_binding(const struct imap *imap, char *exporter, size_t exporter_size,
    struct span *exporter_out, char *unique, size_t unique_size,
    struct span *unique_out);

struct session *imap_session(const struct imap *imap);

/* A command was queued: it leaves when the handler returns, or the loop turns.
 * Returns the serial. */
uint64_t imap_queued(struct imap *imap, uint64_t serial);

#endif
