/*
 * Folders and their places: found by their mailbox, and in a queue for
 * connections. Nothing here takes longer because there are many.
 */
#include "daemon/account_private.h"

#include "libclient/base/mem.h"

static void
note_place(struct account *account, uint32_t place)
{
	struct seat *seat = account->seats[place];

	seat->place = place;
	spanmap_put(
	    &account->seat_index, folder_mailbox_bytes(seat->folder), place);
}

void
account_index_seats(struct account *account)
{
	spanmap_free(&account->seat_index);
	for (uint32_t i = 0; i < account->seat_count; i++)
		note_place(account, i);
}

static struct folder *
make_folder(struct seat *seat, const struct folder_mailbox *mailbox)
{
	struct folder_config config = seat->account->folder_config;

	config.host_user = seat;
	return folder_new(&config, mailbox);
}

struct seat *
account_add_seat(struct account *account, const struct folder_mailbox *mailbox)
{
	struct seat *seat = mem_new(struct seat);

	seat->account = account;
	seat->folder = make_folder(seat, mailbox);
	if (account->seat_count == account->seat_size) {
		account->seat_size = account->seat_size * 2 + 16;
		account->seats = mem_resize(
		    account->seats, account->seat_size, sizeof(struct seat *));
	}
	account->seats[account->seat_count++] = seat;
	note_place(account, account->seat_count - 1);
	return seat;
}

void
account_reseat(struct seat *seat, const struct folder_mailbox *mailbox)
{
	struct folder *before = seat->folder;

	seat->folder = make_folder(seat, mailbox);
	/* the index borrows the names of the folders that there are */
	account_index_seats(seat->account);
	(void)folder_free(before);
	seat->is_gone = false;
	seat->has_status = false;
}

static void
leave_queue(struct seat *seat)
{
	struct seat_queue *queue = seat->queue;
	struct seat **link = &queue->first;
	struct seat *before = NULL;

	while (*link != seat) {
		before = *link;
		link = &before->next_waiting;
	}
	*link = seat->next_waiting;
	if (queue->last == seat)
		queue->last = before;
	seat->queue = NULL;
}

void
account_settle_seats(struct account *account)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < account->seat_count; i++) {
		struct seat *seat = account->seats[i];

		if (!seat->is_removed) {
			account->seats[kept++] = seat;
			continue;
		}
		if (seat->queue != NULL)
			leave_queue(seat);
		seat->folder = folder_free(seat->folder);
		mem_free(seat);
	}
	account->seat_count = kept;
	account_index_seats(account);
}

void
account_free_seats(struct account *account)
{
	for (uint32_t i = 0; i < account->seat_count; i++) {
		struct seat *seat = account->seats[i];

		seat->folder = folder_free(seat->folder);
		mem_free(seat);
	}
	spanmap_free(&account->seat_index);
	account->seats = mem_free(account->seats);
	account->seat_count = 0;
	account->news = (struct seat_queue){0};
	account->fillings = (struct seat_queue){0};
}

struct seat *
account_find_seat(struct account *account, struct span mailbox)
{
	uint32_t place =
	    spanmap_get(&account->seat_index, mailboxes_key(mailbox));

	return place == SPANMAP_NONE ? NULL : account->seats[place];
}

/* ---- the queue ---- */

void
account_queue(struct account *account, struct seat *seat)
{
	struct seat_queue *queue =
	    folder_report(seat->folder).is_synced && !seat->has_yielded
	    ? &account->news
	    : &account->fillings;

	seat->has_yielded = false;
	seat->is_waiting = true;
	if (seat->queue != NULL)
		return;
	seat->queue = queue;
	seat->next_waiting = NULL;
	if (queue->first == NULL)
		queue->first = seat;
	else
		queue->last->next_waiting = seat;
	queue->last = seat;
}

/* Those that do not wait any more leave the queue when they come to its
 * front. */
static struct seat *
first_of(struct seat_queue *queue)
{
	struct seat *seat;

	while ((seat = queue->first) != NULL && !seat->is_waiting) {
		queue->first = seat->next_waiting;
		seat->queue = NULL;
	}
	return seat;
}

struct seat *
account_first_waiting(struct account *account)
{
	struct seat *seat = first_of(&account->news);

	return seat != NULL ? seat : first_of(&account->fillings);
}

struct seat *
account_last_idler(struct account *account)
{
	struct seat *last = NULL;

	for (struct connection *c = account->connections; c != NULL;
	     c = c->next)
		if (c->seat != NULL && !c->is_busy &&
		    (last == NULL || c->seat->place > last->place) &&
		    folder_report(c->seat->folder).state == WATCHER_IDLING)
			last = c->seat;
	return last;
}

/* ---- what is told of them ---- */

void
account_seat_told(struct seat *seat, const struct imap_status *status)
{
	enum watcher_state state = folder_report(seat->folder).state;

	if (seat->is_gone || state == WATCHER_STOPPED)
		return;
	if (state == WATCHER_RESTING || state == WATCHER_IDLING ||
	    state == WATCHER_SETTLING) {
		folder_polled(seat->folder, status);
		return;
	}
	seat->status = *status;
	seat->status.mailbox = span_of("");
	seat->status.mailboxid = span_of("");
	seat->has_status = true;
}

void
account_seat_changed(struct seat *seat)
{
	if (!seat->has_status ||
	    folder_report(seat->folder).state != WATCHER_RESTING)
		return;
	seat->has_status = false;
	folder_polled(seat->folder, &seat->status);
}

/* The one that was loud keeps the answer short until it is quiet. */
bool
account_seats_are_quiet(struct account *account)
{
	for (uint32_t i = 0; i < account->seat_count; i++) {
		uint32_t place = (account->loud + i) % account->seat_count;

		if (!folder_is_quiet(account->seats[place]->folder)) {
			account->loud = place;
			return false;
		}
	}
	return true;
}
