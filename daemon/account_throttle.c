/*
 * A server that says "later" is obeyed: nothing new is asked of it until then.
 * What idles goes on, for it asks nothing.
 */
#include "daemon/account_private.h"

#include <inttypes.h>

#include "daemon/throttle.h"

#define SECOND UINT64_C(1000000)

/* The most by which a wait that the server did not name grows. */
#define GROWTH_MAX 16
#define WAIT_MAX   (3600 * SECOND)

/* How long a learned limit of connections is believed. */
#define LIMIT_LASTS (600 * SECOND)

/* That something behind the server fails is one folder's affair. */
static bool
is_ours(const struct throttle *throttle)
{
	return throttle->kind == THROTTLE_RATE ||
	    throttle->kind == THROTTLE_QUOTA ||
	    throttle->kind == THROTTLE_LOGIN ||
	    throttle->kind == THROTTLE_CONNECTIONS;
}

uint64_t
account_named_wait(
    const struct account *account, const struct imap_error *error)
{
	struct throttle throttle =
	    throttle_of(IMAP_CODE_NONE, span_of(error->text));

	(void)account;
	if (error->kind == IMAP_ERROR_AUTH || !is_ours(&throttle))
		return 0;
	return throttle.wait;
}

static void
wait_for(struct account *account, const struct throttle *throttle,
    const struct imap_error *error)
{
	uint64_t wait = throttle->wait;

	for (unsigned i = 1; !throttle->is_named && i <= account->throttles &&
	     i < GROWTH_MAX && wait < WAIT_MAX;
	     i *= 2)
		wait *= 2;
	account->throttles++;
	account->error = *error;
	account->error.kind = IMAP_ERROR_THROTTLED;
	account->throttled_until = clock_now() + wait;
	account->retry_at = account->throttled_until;
	/* what goes on needs no second warning */
	log_line(
	    account->throttles > 1 ? SETTINGS_LOG_INFO : SETTINGS_LOG_WARNING,
	    LOG_EVENT_LATER, &account->subject,
	    "%s; asking nothing new for %" PRIu64 " s (%s)", error->text,
	    (wait + SECOND - 1) / SECOND, throttle_kind_name(throttle->kind));
	(void)sd_event_source_set_time(account->retry_timer, account->retry_at);
	(void)sd_event_source_set_enabled(
	    account->retry_timer, SD_EVENT_ONESHOT);
	account_changed(account);
}

/* One connection less than were too many. */
static void
use_fewer(struct account *account, const struct imap_error *error)
{
	uint32_t live = account_connection_count(account);

	account_learn_limit(account, live > 1 ? live - 1 : 1, error);
}

static void
act(struct account *account, const struct throttle *throttle,
    const struct imap_error *error)
{
	if (throttle->kind == THROTTLE_CONNECTIONS &&
	    account_connection_count(account) > 1)
		use_fewer(account, error);
	else if (account->throttled_until == 0 || throttle->is_named)
		wait_for(account, throttle, error);
}

void
account_obey(struct account *account, const struct imap_error *error)
{
	struct throttle throttle =
	    throttle_of(IMAP_CODE_NONE, span_of(error->text));

	if (account->config.mode == ACCOUNT_RUNS && is_ours(&throttle))
		act(account, &throttle, error);
}

bool
account_is_throttled(struct account *account, struct connection *connection,
    const struct imap_event *event)
{
	struct seat *seat = connection->seat;
	struct imap_error error = {0};
	struct throttle throttle;

	if (event->type != IMAP_DONE || account->config.mode != ACCOUNT_RUNS)
		return false;
	/* Gmail says OK and THROTTLED: what was asked was answered */
	throttle = throttle_of(event->code.type,
	    event->state == IMAP_STATE_OK ? span_of("") : event->text);
	if (!is_ours(&throttle))
		return false;
	(void)imap_refusal(&error, "a command", event, IMAP_ERROR_THROTTLED);
	error.kind = IMAP_ERROR_THROTTLED;
	act(account, &throttle, &error);
	if (event->state == IMAP_STATE_OK)
		return false;
	if (connection->hand != NULL) {
		account_drop(account, connection);
		return true;
	}
	if (seat == NULL)
		return false;
	/* the folder has done nothing wrong, and nor have its messages */
	connection->seat = NULL;
	seat->connection = NULL;
	if (throttle.kind == THROTTLE_CONNECTIONS ||
	    !imap_is_quiet(connection->imap))
		account_drop(account, connection);
	folder_lost(seat->folder, &error, false);
	return true;
}

/* ---- connections ---- */

void
account_learn_limit(
    struct account *account, uint32_t limit, const struct imap_error *error)
{
	account->limit = limit;
	account->limit_until = clock_now() + LIMIT_LASTS;
	log_notice(&account->subject,
	    "going on with %" PRIu32 " connections: %s", limit, error->text);
	account_assign_watch(account);
	account_serve(account);
}
