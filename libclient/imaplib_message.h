/*
 * Messages. Sets are texts: "1:5,9", "3:*", "$". is_uid: the UID form of the
 * command. (imaplib: the method, and uid())
 */
#ifndef LIBCLIENT_IMAPLIB_MESSAGE_H
#define LIBCLIENT_IMAPLIB_MESSAGE_H

#include "libclient/imaplib.h"

/* items: "(FLAGS BODY.PEEK[])", a name is put into parentheses unless it is
 * ALL, FULL or FAST; modifiers: "(CHANGEDSINCE 5 VANISHED)" or NULL. (fetch) */
bool imaplib_fetch(struct imaplib *client, const char *set, const char *items,
    const char *modifiers, bool is_uid, struct imaplib_reply *reply);

/* FETCH BODY.PEEK[part]<start.length>. (partial) */
bool imaplib_partial(struct imaplib *client, const char *set, const char *part,
    uint32_t start, uint32_t length, bool is_uid, struct imaplib_reply *reply);

/* operation: "FLAGS", "+FLAGS", "-FLAGS", each with ".SILENT" or not; flags:
 * "\\Seen" or "(\\Seen $Junk)"; unchanged_since 0: none. (store) */
bool imaplib_store(struct imaplib *client, const char *set,
    const char *operation, const char *flags, uint64_t unchanged_since,
    bool is_uid, struct imaplib_reply *reply);

bool imaplib_copy(struct imaplib *client, const char *set, const char *mailbox,
    bool is_uid, struct imaplib_reply *reply);
bool imaplib_move(struct imaplib *client, const char *set, const char *mailbox,
    bool is_uid, struct imaplib_reply *reply);

/* EXPUNGE, or UID EXPUNGE of a set. (expunge) */
bool imaplib_expunge(
    struct imaplib *client, const char *uids, struct imaplib_reply *reply);

/* One message to append. */
struct imaplib_append {
	const char *flags; /* "(\\Seen)", "\\Seen", "" or NULL */
	const char *date; /* INTERNALDATE without quotes; "" or NULL: now */
	struct span message;
	bool keeps_line_ends; /* else each CR, LF and CRLF becomes CRLF */
};

/* APPEND; count > 1: MULTIAPPEND where offered, else one by one. NULL or ""
 * mailbox: INBOX. (append) */
bool imaplib_append(struct imaplib *client, const char *mailbox,
    const struct imaplib_append *messages, uint32_t count,
    struct imaplib_reply *reply);

/* charset NULL: none; returns: "(ALL COUNT)" for ESEARCH, or NULL. (search) */
bool imaplib_search(struct imaplib *client, const char *charset,
    const char *returns, const char *criteria, bool is_uid,
    struct imaplib_reply *reply);
/* order: "(REVERSE DATE)". (sort) */
bool imaplib_sort(struct imaplib *client, const char *order,
    const char *charset, const char *criteria, bool is_uid,
    struct imaplib_reply *reply);

/* algorithm: "REFERENCES", ... (thread) */
bool imaplib_thread(struct imaplib *client, const char *algorithm,
    const char *charset, const char *criteria, bool is_uid,
    struct imaplib_reply *reply);

/* One message of a thread; number 0: a parent that is not there. Walk it with
 * child and sibling, without recursion if it may be deep. */
struct imaplib_thread_node {
	uint32_t number;
	const struct imaplib_thread_node *parent;
	const struct imaplib_thread_node *child;
	const struct imaplib_thread_node *sibling;
};

/* The tree of a THREAD response, owned by the reply; NULL: none, or broken. */
const struct imaplib_thread_node *imaplib_thread_tree(
    struct imaplib_reply *reply);

/* Any command by its UID form: "UID name arguments". (uid) */
bool imaplib_uid(struct imaplib *client, const char *name,
    const char *const *arguments, uint32_t count, struct imaplib_reply *reply);

#endif
