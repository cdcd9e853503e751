/*
 * What responses say of the selected mailbox. Pure.
 */
#ifndef LIBCLIENT_PROTO_SELECTED_H
#define LIBCLIENT_PROTO_SELECTED_H

#include "libclient/proto/event.h"

/* A response code, tagged or not. */
void selected_note_code(
    struct imap_mailbox *mailbox, const struct imap_code *code);

/* EXISTS, EXPUNGE, VANISHED; anything else says nothing. */
void selected_note_data(
    struct imap_mailbox *mailbox, const struct imap_data *data);

#endif
