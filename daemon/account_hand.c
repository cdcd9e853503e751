/*
 * Who gets a hand, and who has to give one back.
 */
#include "daemon/account_hand.h"

#include "daemon/account_private.h"
#include "daemon/folder_hand.h"
#include "daemon/window.h"

/* So many messages each are worth a login, and so many an EXAMINE. */
#define SHARE_LOGIN (UINT64_C(4) * WINDOW_MESSAGES)
#define SHARE_FREE  (UINT64_C(2) * WINDOW_MESSAGES)

struct seat *
account_wants_hand(struct account *account, bool is_free)
{
	struct seat *best = NULL;
	uint64_t most = (is_free ? SHARE_FREE : SHARE_LOGIN) - 1;

	if (!account->is_listed || account->retry_at != 0 || account->limit < 2)
		return NULL;
	for (const struct connection *c = account->connections; c != NULL;
	     c = c->next) {
		uint64_t share =
		    c->seat == NULL ? 0 : folder_hand_share(c->seat->folder);

		if (share <= most)
			continue;
		most = share;
		best = c->seat;
	}
	return best;
}

void
account_lend_hand(struct connection *connection, struct seat *seat)
{
	connection->free_since = 0;
	connection->hand = folder_hand_begin(seat->folder, connection->imap);
}

bool
account_recall_hands(struct account *account, unsigned waiting, bool *has_hands)
{
	struct connection *working = NULL;
	unsigned recalled = 0;

	*has_hands = false;
	for (struct connection *c = account->connections; c != NULL;
	     c = c->next) {
		if (c->hand == NULL)
			continue;
		*has_hands = true;
		if (folder_hand_is_recalled(c->hand))
			recalled++;
		else
			working = c;
	}
	if (working == NULL || recalled >= waiting)
		return false;
	folder_hand_recall(working->hand);
	return true;
}

void
account_hand_back(void *user, struct imap *imap)
{
	const struct seat *seat = user;
	struct account *account = seat->account;
	struct connection *connection = account->connections;

	while (connection->imap != imap)
		connection = connection->next;
	connection->hand = NULL;
	/* replies to another's questions would confuse the next one */
	if (!imap_is_quiet(imap))
		account_drop(account, connection);
	account_serve(account);
}
