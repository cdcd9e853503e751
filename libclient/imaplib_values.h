/*
 * How the replies of imaplib.h are filled: untagged responses as trees of
 * values, and the result. Only imaplib*.c includes it.
 */
#ifndef LIBCLIENT_IMAPLIB_VALUES_H
#define LIBCLIENT_IMAPLIB_VALUES_H

#include "libclient/imaplib_memory.h"
#include "libclient/imaplib_reply.h"
#include "libclient/wire/code.h"
#include "libclient/wire/frame.h"

/* The reply's memory, made at the first call. */
struct imaplib_memory *imaplib_reply_memory(struct imaplib_reply *reply);

/*
 * A piece of a streamed literal: total bytes come in order, as one id, before
 * the frame that names it. They are copied once, to where their value will
 * point. False: more than the limit, or more than announced.
 */
bool imaplib_reply_add_body(struct imaplib_reply *reply, uint32_t id,
    struct span piece, uint64_t total, struct imap_error *error);

/*
 * Adds an untagged response from a FRAME_READY view, whose streamed literals
 * were added to the same reply before. Tolerant as wire/response.h; data that
 * is no tree of values is one ATOM with its bytes as sent, and a line without
 * a name has an empty one. NULL: a limit is reached, or a literal is missing.
 */
struct imaplib_untagged *imaplib_reply_add(struct imaplib_reply *reply,
    const struct frame_view *view, struct imap_error *error);

/* Adds an untagged OK, NO, ... that was parsed already; as _add(). */
struct imaplib_untagged *imaplib_reply_add_state(struct imaplib_reply *reply,
    enum imap_state state, const struct imap_code *code, struct span text,
    struct imap_error *error);

/* Puts an untagged response, which is in the reply's memory, behind the
 * others. False: there are too many. */
bool imaplib_reply_append(struct imaplib_reply *reply,
    struct imaplib_untagged *untagged, struct imap_error *error);

/*
 * Moves at most max untagged responses whose name, or response code, is name
 * (NULL: any) from a queue behind what another reply has; no literal is
 * copied. What *from still has may then be elsewhere, for memory is given back
 * as a queue empties. False: *to reached a limit; the rest is still in *from.
 */
bool imaplib_reply_take(struct imaplib_reply *from, const char *name,
    uint32_t max, struct imaplib_reply *to, struct imap_error *error);

/* A deep copy behind what a reply has. */
bool imaplib_reply_copy(struct imaplib_reply *to,
    const struct imaplib_untagged *untagged, struct imap_error *error);

/* What the command came to: its tagged OK, NO or BAD (from a struct response
 * or an IMAP_DONE); the words are made printable. */
void imaplib_reply_set_state(struct imaplib_reply *reply, enum imap_state state,
    const struct imap_code *code, struct span text);

/* ... or ERROR, ABORT, READONLY, and why. A code set before stays. */
void imaplib_reply_set_error(struct imaplib_reply *reply,
    enum imaplib_type type, const struct imap_error *error);

#endif
