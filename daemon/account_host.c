/*
 * What a folder asks of its account (struct folder_host).
 */
#include "daemon/account_private.h"
#include "daemon/hook.h"
#include "libclient/base/mem.h"

static void
host_want(void *user, struct folder *folder)
{
	struct seat *seat = user;

	(void)folder;
	account_queue(seat->account, seat);
	account_serve(seat->account);
}

static void
host_release(void *user, struct folder *folder)
{
	struct seat *seat = user;
	struct account *account = seat->account;
	struct connection *connection = seat->connection;

	(void)folder;
	seat->is_waiting = false;
	seat->connection = NULL;
	if (connection == NULL)
		return;
	connection->seat = NULL;
	/* replies to another's questions would confuse the next one */
	if (!imap_is_quiet(connection->imap))
		account_drop(account, connection);
	account_serve(account);
}

static void
host_missed(void *user, struct folder *folder)
{
	struct seat *seat = user;

	(void)folder;
	seat->account->wants_poll = true;
	account_serve(seat->account);
}

static void
host_changed(void *user, struct folder *folder)
{
	struct seat *seat = user;
	struct account *account = seat->account;
	struct folder_report report = folder_report(folder);

	hook_note_rest(account->config.hook, report.name,
	    report.state == WATCHER_IDLING || report.state == WATCHER_RESTING ||
		report.state == WATCHER_STOPPED);
	switch (report.state) {
	case WATCHER_IDLING:
		/* it has come to rest, and may lend its connection */
		account->failures = 0;
		if (account->throttled_until == 0)
			account->throttles = 0;
		account_serve(account);
		break;
	case WATCHER_FETCHING:
		/* it may be worth a second one */
		account_serve(account);
		break;
	default:
		break;
	}
	account_seat_changed(seat);
	account_reconcile_next(account);
	account_changed(account);
}

static void
host_news(
    void *user, const struct hook_subject *subject, struct hook_news *news)
{
	const struct seat *seat = user;

	hook_note(seat->account->config.hook, subject, news);
}

static uint32_t
host_quirks(void *user)
{
	const struct seat *seat = user;

	return seat->account->quirks;
}

static uint64_t
host_idle_refresh(void *user)
{
	const struct seat *seat = user;

	return account_idle_refresh(seat->account);
}

void
account_note_moved(struct account *account, const char *name, const char *path)
{
	char *whole = mem_format("%s%s%s", account->settings->maildir,
	    *path == '\0' ? "" : "/", path);
	struct hook_subject subject = {
	    .name = name,
	    .path = whole,
	    .host = "",
	};
	struct hook_news news = {.has_moved = true};

	hook_note(account->config.hook, &subject, &news);
	hook_note_rest(account->config.hook, name, true);
	(void)mem_free(whole);
}

const struct folder_host account_host = {
    .quirks = host_quirks,
    .missed = host_missed,
    .want = host_want,
    .release = host_release,
    .hand_back = account_hand_back,
    .changed = host_changed,
    .news = host_news,
    .idle_refresh = host_idle_refresh,
};
