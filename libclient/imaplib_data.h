/*
 * What LIST, STATUS, FETCH and SEARCH said, typed, from a reply's trees of
 * values. What is filled in borrows from the reply.
 */
#ifndef LIBCLIENT_IMAPLIB_DATA_H
#define LIBCLIENT_IMAPLIB_DATA_H

#include "libclient/imaplib_reply.h"
#include "libclient/wire/data.h"

/* LIST; .name is decoded into *decoded (initialised, replaced). False: it is
 * another response, or not to be understood. */
bool imaplib_data_list(const struct imaplib_untagged *untagged,
    struct buf *decoded, struct imap_list *list);

/* STATUS: MESSAGES and SIZE of it. */
bool imaplib_data_status(
    const struct imaplib_untagged *untagged, struct imap_status *status);

/* FETCH with a UID: FLAGS and RFC822.SIZE. keywords: room for max of them;
 * more are left out. */
bool imaplib_data_fetch(const struct imaplib_untagged *untagged,
    struct span *keywords, uint32_t max, struct imap_fetch *fetch);

/* The string of BODY[...] in a FETCH of this UID; false: there is none. */
bool imaplib_data_body(
    const struct imaplib_untagged *untagged, uint32_t uid, struct span *body);

/* Adds what SEARCH, or ESEARCH's ALL, found. False: it is another response, or
 * its numbers are none. */
bool imaplib_data_search(
    const struct imaplib_untagged *untagged, struct uidset *found);

#endif
