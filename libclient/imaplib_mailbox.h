/*
 * Mailboxes. Names are UTF-8 and encoded as the connection needs it (modified
 * UTF-7, or UTF-8 once UTF8=ACCEPT or IMAP4rev2 is enabled).
 */
#ifndef LIBCLIENT_IMAPLIB_MAILBOX_H
#define LIBCLIENT_IMAPLIB_MAILBOX_H

#include "libclient/imaplib.h"

/* SELECT, or EXAMINE if is_readonly. READONLY if SELECT gives a read-only
 * mailbox. parameters: "(CONDSTORE)", "(QRESYNC (1 2))" or NULL. (select) */
bool imaplib_select(struct imaplib *client, const char *mailbox,
    bool is_readonly, const char *parameters, struct imaplib_reply *reply);
bool imaplib_close(struct imaplib *client, struct imaplib_reply *reply);
bool imaplib_unselect(struct imaplib *client, struct imaplib_reply *reply);
bool imaplib_check(struct imaplib *client, struct imaplib_reply *reply);

/* options: "(USE (\\Sent))" or NULL. (create) */
bool imaplib_create(struct imaplib *client, const char *mailbox,
    const char *options, struct imaplib_reply *reply);
bool imaplib_delete(
    struct imaplib *client, const char *mailbox, struct imaplib_reply *reply);
bool imaplib_rename(struct imaplib *client, const char *from, const char *to,
    struct imaplib_reply *reply);
bool imaplib_subscribe(
    struct imaplib *client, const char *mailbox, struct imaplib_reply *reply);
bool imaplib_unsubscribe(
    struct imaplib *client, const char *mailbox, struct imaplib_reply *reply);

/* LIST; selection "(SUBSCRIBED)" and returns "(CHILDREN STATUS (MESSAGES))"
 * of LIST-EXTENDED, or NULL. LSUB. (list, lsub) */
bool imaplib_list(struct imaplib *client, const char *reference,
    const char *pattern, const char *selection, const char *returns,
    struct imaplib_reply *reply);
bool imaplib_lsub(struct imaplib *client, const char *reference,
    const char *pattern, struct imaplib_reply *reply);

/* STATUS; items: "(MESSAGES UIDNEXT)". (status) */
bool imaplib_status(struct imaplib *client, const char *mailbox,
    const char *items, struct imaplib_reply *reply);
/* The same of several, sent at once: what the server says of each is in the
 * reply, whose result is the last one's. A name that no command can carry is
 * left out. */
bool imaplib_status_each(struct imaplib *client, const char *const *mailboxes,
    uint32_t count, const char *items, struct imaplib_reply *reply);
bool imaplib_namespace(struct imaplib *client, struct imaplib_reply *reply);

/* NOTIFY (RFC 5465): "SET (SELECTED (...))" or "NONE". */
bool imaplib_notify(
    struct imaplib *client, const char *what, struct imaplib_reply *reply);

#endif
