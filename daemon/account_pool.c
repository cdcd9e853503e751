/*
 * Connections: opened when somebody waits and the limit allows, lent to one
 * folder at a time, taken back from folders that only idle.
 */
#include "daemon/account_private.h"

#include <inttypes.h>

#include "daemon/account_proxy.h"
#include "daemon/folder_hand.h"
#include "daemon/quirk.h"
#include "libclient/base/mem.h"

/* A connection that lasted so long was a good one: so may the next be. */
#define RECONNECT_AT_ONCE UINT64_C(10000000)

/* How long what happened to the network may show. */
#define DISTURBED UINT64_C(60000000)

uint32_t
account_connection_count(const struct account *account)
{
	uint32_t count = 0;

	for (const struct connection *c = account->connections; c != NULL;
	     c = c->next)
		count++;
	return count;
}

void
account_drop(struct account *account, struct connection *connection)
{
	struct connection **link = &account->connections;
	struct folder_hand *hand = connection->hand;

	while (*link != connection)
		link = &(*link)->next;
	*link = connection->next;
	if (connection->seat != NULL) {
		connection->seat->connection = NULL;
		folder_detach(connection->seat->folder);
	}
	account->bytes_in += imap_bytes_in(connection->imap);
	account_poll_lost(account, connection);
	if (account->notifier == connection)
		account_notify_lost(account);
	connection->imap = imap_free(connection->imap);
	mem_free(connection);
	if (hand != NULL)
		folder_hand_lost(
		    hand, account->is_stopping || account->is_finished);
	account_serve(account);
}

/* ---- the login's ends ---- */

/* The end of what was told of. */
static void
log_back(struct account *account)
{
	const bool was_told = account->told.kind != IMAP_ERROR_NONE;

	if (was_told || account->has_lost)
		log_line(was_told ? SETTINGS_LOG_NOTICE : SETTINGS_LOG_INFO,
		    LOG_EVENT_BACK, &account->subject,
		    was_told ? "all is well again: logged in"
			     : "connected again");
	account->told = (struct imap_error){0};
	account->has_lost = false;
}

static void
on_ready(struct account *account, struct connection *connection)
{
	log_debug(&account->subject, "connected%s%s",
	    imap_tls_description(connection->imap)[0] == '\0' ? "" : ": ",
	    imap_tls_description(connection->imap));
	connection->is_ready = true;
	connection->is_early = imap_is_early(connection->imap);
	connection->began = clock_now();
	if (!connection->is_early)
		log_back(account);
	account->was_ready = true;
	account->refusals = 0;
	if (!account_note_server(account, connection)) {
		log_info(&account->subject,
		    "connecting anew, for this server's sake");
		account_drop(account, connection);
		return;
	}
	account_note_known(account, connection->imap);
	account_begin_early(account, connection->imap);
	if (account->throttled_until == 0) {
		account->error = (struct imap_error){0};
		account->retry_at = 0;
	}
	account_serve(account);
	account_changed(account);
}

/*
 * One connection more than the server allows is no failure, while others
 * live: the limit is lowered, and tried again after a while. A refused login
 * is about the secret, not about their number, unless others could do without
 * this one.
 */
static bool
learn_limit(
    struct account *account, const struct imap_error *error, bool is_extra)
{
	uint32_t live = 0;

	for (struct connection *c = account->connections; c != NULL;
	     c = c->next)
		live += c->is_ready;
	if (live == 0 || (error->kind == IMAP_ERROR_AUTH && !is_extra))
		return false;
	account_learn_limit(account, live, error);
	return true;
}

/* Whatever else happened to the network was not the silence's fault. */
static void
learn_silence(struct account *account, const struct connection *connection)
{
	uint64_t silence = imap_silence(connection->imap);

	if (account->disturbed == 0 ||
	    clock_now() - account->disturbed > silence + DISTURBED)
		account_learn_silence(account, silence);
}

void
account_lose(struct account *account, struct connection *connection,
    const struct imap_error *error)
{
	struct imap_error copy = *error;
	struct seat *seat = connection->seat;
	bool was_early =
	    connection->is_early && imap_is_early(connection->imap);
	bool was_ready = connection->is_ready && !was_early;
	bool was_leaving = connection->is_leaving;
	bool was_extra = connection->is_extra;
	bool was_poller =
	    account->poller == connection || account->notifier == connection;
	bool has_lasted =
	    was_ready && clock_now() - connection->began >= RECONNECT_AT_ONCE;

	if (was_ready && !was_leaving)
		learn_silence(account, connection);
	if (seat != NULL)
		seat->connection = NULL;
	connection->seat = NULL;
	account_drop(account, connection);
	if (was_leaving || account->is_stopping)
		return;
	if (!was_ready && was_extra && learn_limit(account, &copy, true))
		return;
	if (was_early) {
		/* it may be for what was taken for granted */
		account_forget_known(account);
		account->wants_poll |= was_poller;
		if (seat != NULL) {
			folder_lost(seat->folder, &copy, false);
			folder_wake(seat->folder);
		}
		return;
	}
	if (!was_ready) {
		if (!learn_limit(account, &copy, false))
			account_back_off(account, &copy);
		return;
	}
	account->reconnects++;
	account->has_lost = true;
	account_obey(account, &copy);
	if (seat != NULL)
		folder_lost(seat->folder, &copy, false);
	if (was_poller && !has_lasted)
		account_back_off(account, &copy);
	else if (seat == NULL)
		log_line(SETTINGS_LOG_INFO, LOG_EVENT_LOST, &account->subject,
		    "connection lost: %s", copy.text);
}

static void
on_event(struct imap *imap, const struct imap_event *event, void *user)
{
	struct connection *connection = user;
	struct account *account = connection->account;

	(void)imap;
	account_heard(account, connection, event);
	if (connection->is_early && !imap_is_early(imap) &&
	    event->type != IMAP_CLOSED) {
		connection->is_early = false;
		log_back(account);
		account_note_known(account, imap);
	}
	if (event->type == IMAP_READY) {
		on_ready(account, connection);
		return;
	}
	if (event->type == IMAP_CLOSED) {
		account_lose(account, connection, event->error);
		account_changed(account);
		return;
	}
	if (connection->is_leaving) {
		if (event->type == IMAP_DONE) {
			account_drop(account, connection);
			account_changed(account);
		}
		return;
	}
	if (event->type == IMAP_DATA && event->data->type == IMAP_DATA_ID)
		(void)account_note_server(account, connection);
	if (account_take_answer(account, connection, event) ||
	    account_notify_take(account, connection, event) ||
	    account_is_throttled(account, connection, event))
		return;
	if (connection->seat != NULL)
		folder_event(connection->seat->folder, event);
	else if (connection->hand != NULL)
		folder_hand_event(connection->hand, event);
}

/* ---- opening ---- */

static uint32_t
usable_mechanisms(const struct settings_account *settings)
{
	uint32_t mask = 0;

	if (settings->is_auth_auto) {
		mask = (1u << MECHANISM_COUNT) - 1;
		mask &= ~(1u << MECHANISM_ANONYMOUS);
		if (settings->tls_client_cert == NULL)
			mask &= ~(1u << MECHANISM_EXTERNAL);
		return mask;
	}
	for (uint32_t i = 0; i < settings->auth.count; i++) {
		enum mechanism mechanism =
		    mechanism_from_name(settings->auth.items[i]);

		if (mechanism < MECHANISM_COUNT)
			mask |= 1u << mechanism;
		if (mechanism == MECHANISM_SCRAM_SHA_1)
			mask |= 1u << MECHANISM_SCRAM_SHA_1_PLUS;
	}
	return mask;
}

/*
 * It costs a round trip and much memory, and wins where much is to come: for
 * folders that are to be filled, and at the first contact.
 */
static bool
wants_compression(const struct account *account, bool is_near, bool is_extra)
{
	switch (account->settings->compress) {
	case SETTINGS_COMPRESS_ON:
		return true;
	case SETTINGS_COMPRESS_OFF:
		return false;
	case SETTINGS_COMPRESS_AUTO:
		break;
	}
	if (is_near || account->config.mode == ACCOUNT_CHECKS)
		return false;
	return is_extra || account->fillings.first != NULL ||
	    (!account->is_listed && account->remembered.count == 0);
}

static void
open_connection(struct account *account, bool is_extra)
{
	const struct settings_account *settings = account->settings;
	struct connection *connection = mem_new(struct connection);
	struct capabilities known;
	struct proxy_server proxy;
	struct imap_endpoint endpoint = {
	    .host = settings->host == NULL ? settings->name : settings->host,
	    .port = settings->port,
	    .tunnel = settings->tunnel,
	    .proxy = account_proxy(settings, &proxy),
	    .tls = settings->tls == SETTINGS_TLS_IMPLICIT ? IMAP_TLS_IMPLICIT
		: settings->tls == SETTINGS_TLS_STARTTLS  ? IMAP_TLS_STARTTLS
							  : IMAP_TLS_NONE,
	    .tls_context = account->tls_context,
	    .names = account->config.names,
	    .user = settings->user == NULL ? "" : settings->user,
	    .secret = settings->secret.password == NULL
		? account->secret
		: settings->secret.password,
	    .is_token = settings_wants_token(settings),
	    .mechanisms = usable_mechanisms(settings),
	    .is_loopback = settings_is_near(settings),
	    .disabled = account->disabled,
	    .disabled_count = account->disabled_count,
	    .enable = "QRESYNC",
	    .asks_capability = (account->quirks & QUIRK_ASK_CAPABILITY) != 0,
	    .forces_id = (account->quirks & QUIRK_ID_FIRST) != 0,
	    .known = account_known(account, &known) ? &known : NULL,
	    .trace = &account->trace,
	    .timeout = settings->timeout,
	};

	connection->account = account;
	connection->is_extra = is_extra;
	connection->next = account->connections;
	account->connections = connection;
	connection->imap =
	    imap_new(account->config.loop, &endpoint, on_event, connection);
	if (wants_compression(account,
		endpoint.is_loopback || endpoint.tunnel != NULL, is_extra))
		(void)imap_compress(connection->imap);
}

/* ---- lending ---- */

void
account_leave(struct account *account, struct connection *connection)
{
	connection->is_leaving = true;
	if (imap_logout(connection->imap) == 0)
		account_drop(account, connection);
}

static bool
is_free(const struct connection *connection)
{
	return connection->is_ready && connection->seat == NULL &&
	    connection->hand == NULL && !connection->is_busy &&
	    !connection->is_leaving &&
	    connection != connection->account->notifier;
}

static struct connection *
find_free(struct account *account, uint32_t *connecting)
{
	struct connection *free = NULL;

	*connecting = 0;
	for (struct connection *c = account->connections; c != NULL;
	     c = c->next) {
		if (!c->is_ready)
			(*connecting)++;
		else if (is_free(c))
			free = c;
	}
	return free;
}

static void
lend(struct connection *connection, struct seat *seat)
{
	seat->is_waiting = false;
	seat->connection = connection;
	connection->seat = seat;
	connection->free_since = 0;
	connection->is_extra = false;
	folder_opened(seat->folder, connection->imap);
}

/* A polled folder may take an idling one's connection for a while. */
static bool
take_back(struct account *account, const struct seat *waiting)
{
	struct seat *idler;

	if (folder_report(waiting->folder).watch == MAILBOX_IDLED)
		return false;
	idler = account_last_idler(account);
	if (idler == NULL)
		return false;
	idler->has_yielded = true;
	folder_yield(idler->folder);
	return true;
}

/* Who could use a connection now. */
struct wishes {
	struct seat *waiting;
	bool polls;
	bool notifies;
};

static struct wishes
wishes_of(struct account *account)
{
	return (struct wishes){
	    .waiting = account_first_waiting(account),
	    .polls = account->wants_poll && account->poller == NULL &&
		account->reconciling == NULL && account->retry_at == 0,
	    .notifies = account_wants_notify(account),
	};
}

static void
give(struct account *account, const struct wishes *wishes,
    struct connection *connection)
{
	if (wishes->polls)
		account_poll(account, connection);
	else if (wishes->notifies)
		account_notify_begin(account, connection);
	else
		lend(connection, wishes->waiting);
}

/* All connections are taken: one that only waits for news is used. */
static bool
take_from_watchers(struct account *account, const struct wishes *wishes)
{
	struct connection *notifier = account->notifier;
	struct seat *idler;

	if (wishes->polls) {
		idler = account_last_idler(account);
		if (idler == NULL)
			return false;
		if (account_polls_alone(idler)) {
			idler->has_yielded = true;
			folder_yield(idler->folder);
			return true;
		}
		account_poll(account, idler->connection);
		folder_wake(idler->folder);
		return true;
	}
	if (wishes->waiting == NULL)
		return false;
	if (take_back(account, wishes->waiting))
		return true;
	/* the others may be long in filling theirs */
	if (notifier == NULL || notifier->is_busy ||
	    (account->limit > 1 && wishes->waiting->queue != &account->news))
		return false;
	account_notify_end(account);
	lend(notifier, wishes->waiting);
	return true;
}

/* The first folder goes into the flight of the first LIST. */
static bool
serve_early(struct account *account, const struct wishes *wishes)
{
	struct connection *poller = account->poller;

	if (account->is_listed)
		account->early = NULL;
	if (account->early == NULL || wishes->waiting != account->early ||
	    poller == NULL || poller->seat != NULL)
		return false;
	lend(poller, account->early);
	account->early = NULL;
	return true;
}

/* Nobody waits: a folder with much to fetch gets one more, or one goes that
 * nobody needs. */
static bool
serve_nobody(
    struct account *account, struct connection *free, uint32_t connecting)
{
	struct seat *seat = account_wants_hand(account, free != NULL);

	if (seat != NULL && free != NULL) {
		account_lend_hand(free, seat);
		return true;
	}
	if (seat != NULL) {
		if (connecting == 0 && account->has_secret &&
		    account_connection_count(account) < account->limit)
			open_connection(account, true);
		return false;
	}
	for (struct connection *c = account->connections; c != NULL;
	     c = c->next) {
		if (!is_free(c) || account_lingers(account, c))
			continue;
		account_leave(account, c);
		return true;
	}
	return false;
}

/* All connections are taken. */
static bool
serve_from_others(struct account *account, const struct wishes *wishes)
{
	unsigned waiting = (wishes->waiting != NULL) + (unsigned)wishes->polls +
	    (unsigned)wishes->notifies;
	bool has_hands;

	if (account_recall_hands(account, waiting, &has_hands))
		return true;
	return !has_hands && take_from_watchers(account, wishes);
}

/* Serves one who waits; false if nobody can be served now. */
static bool
serve_one(struct account *account)
{
	struct wishes wishes = wishes_of(account);
	uint32_t connecting;
	struct connection *free = find_free(account, &connecting);

	if (serve_early(account, &wishes))
		return true;
	if (wishes.waiting == NULL && !wishes.polls && !wishes.notifies)
		return serve_nobody(account, free, connecting);
	if (wishes.polls && free != NULL &&
	    free->began < account->polls_since) {
		account_leave(account, free);
		return true;
	}
	/* the one that watches all can ask as well */
	if (free == NULL && wishes.polls && account_notify_is_idle(account) &&
	    account->notifier->began >= account->polls_since)
		free = account->notifier;
	if (free != NULL) {
		give(account, &wishes, free);
		return true;
	}
	if (account->retry_at != 0 || !account->has_secret)
		return false;
	if (account_connection_count(account) < account->limit) {
		/* the first one tells whether the server wants us */
		if (connecting > 1 ||
		    (!account->is_listed &&
			(connecting > 0 || account->poller != NULL)))
			return false;
		open_connection(account, false);
		return connecting > 0;
	}
	return connecting == 0 && serve_from_others(account, &wishes);
}

int
account_on_serve(sd_event_source *source, void *user)
{
	struct account *account = user;

	(void)source;
	if (account->is_stopping || !account->is_started)
		return 0;
	while (account->throttled_until == 0 && serve_one(account))
		;
	return 0;
}

void
account_serve(struct account *account)
{
	if (account->serve_later != NULL)
		(void)sd_event_source_set_enabled(
		    account->serve_later, SD_EVENT_ONESHOT);
}

void
account_drop_last(struct account *account)
{
	account_drop(account, account->connections);
}

void
account_drop_connections(struct account *account, bool says_goodbye)
{
	struct connection *next;

	for (struct connection *c = account->connections; c != NULL; c = next) {
		next = c->next;
		if (c->is_leaving)
			continue;
		if (says_goodbye && c->is_ready)
			account_leave(account, c);
		else
			account_drop(account, c);
	}
}
