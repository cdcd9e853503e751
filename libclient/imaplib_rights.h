/*
 * Rights (RFC 4314), quotas (RFC 9208), annotations and metadata (RFC 5464).
 */
#ifndef LIBCLIENT_IMAPLIB_RIGHTS_H
#define LIBCLIENT_IMAPLIB_RIGHTS_H

#include "libclient/imaplib.h"

bool imaplib_getacl(
    struct imaplib *client, const char *mailbox, struct imaplib_reply *reply);
bool imaplib_setacl(struct imaplib *client, const char *mailbox,
    const char *who, const char *rights, struct imaplib_reply *reply);
bool imaplib_deleteacl(struct imaplib *client, const char *mailbox,
    const char *who, struct imaplib_reply *reply);
bool imaplib_listrights(struct imaplib *client, const char *mailbox,
    const char *who, struct imaplib_reply *reply);
bool imaplib_myrights(
    struct imaplib *client, const char *mailbox, struct imaplib_reply *reply);

bool imaplib_getquota(
    struct imaplib *client, const char *root, struct imaplib_reply *reply);
bool imaplib_getquotaroot(
    struct imaplib *client, const char *mailbox, struct imaplib_reply *reply);
/* limits: "(STORAGE 512)". (setquota) */
bool imaplib_setquota(struct imaplib *client, const char *root,
    const char *limits, struct imaplib_reply *reply);

/* ANNOTATEMORE, before RFC 5464. entry and attribute: a name, "/comment", or
 * a list, "(\"/comment\" \"/vendor\")". (getannotation, setannotation) */
bool imaplib_getannotation(struct imaplib *client, const char *mailbox,
    const char *entry, const char *attribute, struct imaplib_reply *reply);
/* values: "(\"value.priv\" \"x\")". */
bool imaplib_setannotation(struct imaplib *client, const char *mailbox,
    const char *entry, const char *values, struct imaplib_reply *reply);

/* RFC 5464; mailbox "": the server's. options: "(MAXSIZE 1024)" or NULL. */
bool imaplib_getmetadata(struct imaplib *client, const char *mailbox,
    const char *options, const char *const *entries, uint32_t count,
    struct imaplib_reply *reply);
/* value NULL: the entry is removed. */
bool imaplib_setmetadata(struct imaplib *client, const char *mailbox,
    const char *entry, const struct span *value, struct imaplib_reply *reply);

#endif
