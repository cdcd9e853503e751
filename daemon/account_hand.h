/*
 * Connections beyond a folder's own, for one that has much to fetch: lent when
 * nobody else wants one, and asked back when somebody does. For the files of an
 * account.
 */
#ifndef DAEMON_ACCOUNT_HAND_H
#define DAEMON_ACCOUNT_HAND_H

#include <stdbool.h>

#include "libclient/imap.h"

struct account;
struct connection;
struct seat;

/* The folder that has the most to fetch for each of its connections, if one
 * more is worth its login (is_free: there is one); or NULL. */
struct seat *account_wants_hand(struct account *account, bool is_free);

void account_lend_hand(struct connection *connection, struct seat *seat);

/* So many wait: asks as many hands to come back. False if that changed nothing;
 * *has_hands: there are some, and to wait for them will do. */
bool account_recall_hands(
    struct account *account, unsigned waiting, bool *has_hands);

/* struct folder_host */
void account_hand_back(void *user, struct imap *imap);

#endif
