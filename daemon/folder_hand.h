/*
 * Hands: further connections that fetch for a folder which has much to fetch.
 * A hand has the same mailbox open, brings bodies and judges nothing; what it
 * does not bring, the folder's own connection asks for.
 */
#ifndef DAEMON_FOLDER_HAND_H
#define DAEMON_FOLDER_HAND_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/imap.h"

struct folder;
struct folder_hand;

/* ---- for the account ---- */

/* How many messages there would be for each of its connections if the folder
 * got one more; 0: it has no use for it. */
uint64_t folder_hand_share(const struct folder *folder);

/* Lends a connection, until folder_host.hand_back(); NULL: it is not taken. */
struct folder_hand *folder_hand_begin(struct folder *folder, struct imap *imap);

/* An event of that connection (IMAP_CLOSED excepted). The hand may end. */
void folder_hand_event(
    struct folder_hand *hand, const struct imap_event *event);

/* Another needs the connection: it comes back when what was asked for has
 * come, or at once. */
void folder_hand_recall(struct folder_hand *hand);
bool folder_hand_is_recalled(const struct folder_hand *hand);

/* The connection is gone, and so is the hand. is_ending: so is the folder. */
void folder_hand_lost(struct folder_hand *hand, bool is_ending);

/* ---- for the files of a folder ---- */

/* Gives them what is wanted; those that find nothing end. */
void folder_hands_fill(struct folder *folder);

/* True while messages are on their way by one of them. */
bool folder_hands_are_busy(const struct folder *folder);

/* The bytes of bodies that are not whole yet. */
uint64_t folder_hands_received(const struct folder *folder);

/* Ends them all. */
void folder_hands_end(struct folder *folder);

#endif
