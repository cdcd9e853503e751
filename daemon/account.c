/*
 * An account's life: the disk, the secret, the server, and what happens when
 * one of them is not to be had.
 */
#include "daemon/account_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/vault.h"
#include "daemon/advice.h"
#include "libclient/base/mem.h"

#define SECOND		     UINT64_C(1000000)
#define BACK_OFF_MAX	     (600 * SECOND)
#define BACK_OFF_REFUSED     (60 * SECOND)
#define BACK_OFF_REFUSED_MAX (3600 * SECOND)
#define TIMER_ACCURACY	     10000

/* Who asks wants to know. */
#define PATIENCE_WAKE (5 * SECOND)

void
account_changed(struct account *account)
{
	account->config.changed(account->config.user, account);
}

/* With advice for the first time, and quietly while it stays the same. */
static void
tell_error(struct account *account, enum settings_log_level level,
    const struct imap_error *error, const char *then)
{
	const struct advice_place place = {
	    account->settings, account->was_ready};
	const bool is_news = advice_is_news(&place, &account->told, error);
	char text[ADVICE_TEXT_MAX];

	if (level != SETTINGS_LOG_ERROR && !is_news)
		level = SETTINGS_LOG_INFO;
	log_line(level, log_event_of(error->kind), &account->subject, "%s%s",
	    is_news ? advice_text(&place, error, text) : error->text, then);
	account->told = *error;
}

void
account_give_up(struct account *account, const struct imap_error *error)
{
	struct seat *seat;

	account->error = *error;
	if (account->failure == IMAP_ERROR_NONE)
		account->failure = error->kind;
	tell_error(account, SETTINGS_LOG_ERROR, error, "");
	account->is_finished = true;
	account_drop_connections(account, false);
	account_each_seat(account, seat) if (!seat->is_gone)
	    folder_lost(seat->folder, error, true);
	account_changed(account);
}

static bool
is_final(const struct account *account, const struct imap_error *error)
{
	if (account->config.mode == ACCOUNT_RUNS)
		return false;
	if (account->config.mode == ACCOUNT_CHECKS)
		return true;
	return (error->kind != IMAP_ERROR_NETWORK &&
		   error->kind != IMAP_ERROR_TIMEOUT) ||
	    !account->was_ready || account->failures >= ACCOUNT_ONCE_ATTEMPTS;
}

static uint64_t
delay_of(const struct account *account, const struct imap_error *error)
{
	bool is_refusal = error->kind == IMAP_ERROR_AUTH ||
	    error->kind == IMAP_ERROR_TLS || error->kind == IMAP_ERROR_PROXY;
	uint64_t delay = is_refusal ? BACK_OFF_REFUSED : SECOND;
	uint64_t most = is_refusal ? BACK_OFF_REFUSED_MAX : BACK_OFF_MAX;
	uint64_t named = account_named_wait(account, error);

	/* as long as told; then a little more, not all at once */
	if (named != 0)
		return named + (uint64_t)random() % (named / 10 + 1);

	for (unsigned i = 1; i < account->failures && delay < most; i++)
		delay *= 2;
	if (delay > most)
		delay = most;
	return delay / 2 + (uint64_t)random() % (delay / 2 + 1);
}

/* A command may have a newer secret than the one that was refused. */
static bool
may_refetch(struct account *account, const struct imap_error *error)
{
	const struct settings_secret *source = &account->settings->secret;

	if (error->kind != IMAP_ERROR_AUTH)
		return false;
	account->has_secret = false;
	account->refusals++;
	return account->refusals == 1 &&
	    (source->password_command != NULL || source->password_file != NULL);
}

void
account_back_off(struct account *account, const struct imap_error *error)
{
	uint64_t delay;
	char then[64];

	if (account->is_finished || account->is_stopping)
		return;
	account->failures++;
	if (may_refetch(account, error)) {
		delay = SECOND / 10;
		log_line(SETTINGS_LOG_INFO, log_event_of(error->kind),
		    &account->subject, "%s; asking for the secret once more",
		    error->text);
	} else if (is_final(account, error)) {
		account_give_up(account, error);
		return;
	} else {
		delay = delay_of(account, error);
		(void)snprintf(then, sizeof(then),
		    "; next try in %" PRIu64 " s",
		    (delay + SECOND - 1) / SECOND);
		tell_error(account, SETTINGS_LOG_WARNING, error, then);
	}
	account->error = *error;
	account->retry_at = clock_now() + delay;
	(void)sd_event_source_set_time(account->retry_timer, account->retry_at);
	(void)sd_event_source_set_enabled(
	    account->retry_timer, SD_EVENT_ONESHOT);
	account_changed(account);
}

/* ---- the secret ---- */

static void
on_secret(void *user, const char *secret, const struct imap_error *error)
{
	struct account *account = user;

	account->fetching = secret_free(account->fetching);
	if (secret == NULL) {
		account_back_off(account, error);
		return;
	}
	account->secret = vault_drop(account->secret);
	/* the settings keep theirs: it is in memory once */
	if (account->settings->secret.password == NULL)
		account->secret = vault_keep(secret);
	account->has_secret = true;
	account_serve(account);
}

static void
fetch_secret(struct account *account)
{
	if (account->fetching == NULL && !account->has_secret)
		account->fetching =
		    secret_fetch(account->config.loop, account->config.runner,
			&account->settings->secret, on_secret, account);
}

/* ---- the disk ---- */

struct opening {
	struct account *account;
	struct maildir_root *root;
	struct state *state;
	struct account_remembered remembered;
	int64_t facts[FACT_COUNT];
	char *note;
	struct imap_error error;
};

static void
open_work(void *data)
{
	struct opening *opening = data;
	const struct account *account = opening->account;

	opening->root =
	    maildir_root_open(account->settings->maildir, &opening->error);
	if (opening->root == NULL)
		return;
	opening->state =
	    state_open(account->config.state_dir, account->settings->name,
		account->settings->fsync, &opening->note, &opening->error);
	if (opening->state == NULL)
		return;
	account_remember(opening->state, &opening->remembered);
	account_load_facts(opening->state, account->settings, opening->facts);
}

static void
open_done(void *data)
{
	struct opening *opening = data;
	struct account *account = opening->account;

	account->jobs--;
	if (opening->note != NULL)
		log_warning(&account->subject, "%s", opening->note);
	mem_free(opening->note);
	if (opening->state == NULL) {
		struct imap_error error = opening->error;

		opening->root = maildir_root_close(opening->root);
		mem_free(opening);
		account_back_off(account, &error);
		account_changed(account);
		return;
	}
	account->root = opening->root;
	account->state = opening->state;
	account->remembered = opening->remembered;
	memcpy(account->facts, opening->facts, sizeof(account->facts));
	account_use_facts(account);
	account->folder_config.root = account->root;
	account->folder_config.state = account->state;
	account->is_open = true;
	mem_free(opening);
	if (!account->is_stopping && !account->is_finished) {
		account_begin_early(account, NULL);
		fetch_secret(account);
	}
	account_serve(account);
	account_changed(account);
}

static void
open_disk(struct account *account)
{
	struct opening *opening;

	if (account->is_open || account->config.mode == ACCOUNT_CHECKS) {
		account->is_open = true;
		fetch_secret(account);
		account_serve(account);
		return;
	}
	if (account->jobs > 0)
		return;
	opening = mem_new(struct opening);
	opening->account = account;
	account->jobs++;
	(void)job_submit(account->config.disk, open_work, open_done, opening);
}

static int
on_retry(sd_event_source *source, uint64_t at, void *user)
{
	struct account *account = user;

	(void)source;
	(void)at;
	account->retry_at = 0;
	account->throttled_until = 0;
	open_disk(account);
	return 0;
}

/* ---- life ---- */

static void
trace_line(void *user, bool is_ours, const char *line)
{
	const struct account *account = user;

	log_trace(&account->subject, "%s %s", is_ours ? "C:" : "S:", line);
}

struct account *
account_new(const struct account_config *config)
{
	struct account *account = mem_new(struct account);
	sd_event *loop = config->loop;

	account->config = *config;
	account->settings = config->settings;
	account->subject.account = account->settings->name;
	if (log_is_shown(SETTINGS_LOG_TRACE))
		account->trace =
		    (struct trace){.line = trace_line, .user = account};
	account->limit = account->settings->max_connections;
	account_use_quirks(account, 0);
	account->folder_config = (struct folder_config){
	    .loop = loop,
	    .disk = config->disk,
	    .settings = account->settings,
	    .host = &account_host,
	    .runs_once = config->mode == ACCOUNT_SYNCS,
	    .accepts_deletes = config->accepts_deletes,
	};
	(void)sd_event_add_time(loop, &account->retry_timer, CLOCK_BOOTTIME, 0,
	    TIMER_ACCURACY, on_retry, account);
	(void)sd_event_source_set_enabled(account->retry_timer, SD_EVENT_OFF);
	(void)sd_event_add_time(loop, &account->poll_timer, CLOCK_BOOTTIME, 0,
	    TIMER_ACCURACY, account_on_poll, account);
	(void)sd_event_source_set_enabled(account->poll_timer, SD_EVENT_OFF);
	(void)sd_event_add_time(loop, &account->notify_timer, CLOCK_BOOTTIME, 0,
	    TIMER_ACCURACY, account_on_notify, account);
	(void)sd_event_source_set_enabled(account->notify_timer, SD_EVENT_OFF);
	(void)sd_event_add_time(loop, &account->beat_timer, CLOCK_BOOTTIME, 0,
	    TIMER_ACCURACY, account_on_beat, account);
	(void)sd_event_source_set_enabled(account->beat_timer, SD_EVENT_OFF);
	(void)sd_event_add_time(loop, &account->linger_timer, CLOCK_BOOTTIME, 0,
	    TIMER_ACCURACY, account_on_linger, account);
	(void)sd_event_source_set_enabled(account->linger_timer, SD_EVENT_OFF);
	(void)sd_event_add_defer(
	    loop, &account->serve_later, account_on_serve, account);
	(void)sd_event_source_set_enabled(account->serve_later, SD_EVENT_OFF);
	return account;
}

static bool
make_tls_context(struct account *account, struct imap_error *error)
{
	const struct settings_account *settings = account->settings;
	struct tls_options options = {
	    .host = settings->host,
	    .ca_file = settings->tls_ca_file,
	    .client_cert = settings->tls_client_cert,
	    .client_key = settings->tls_client_key,
	    .pins = (const uint8_t(*)[TLS_FINGERPRINT_SIZE])
			settings->tls_fingerprints,
	    .pin_count = settings->tls_fingerprint_count,
	    .is_tls13_only = settings->is_tls13_only,
	};

	if (settings->tunnel != NULL || settings->tls == SETTINGS_TLS_NONE)
		return true;
	account->tls_context = tls_context_new(&options, error);
	return account->tls_context != NULL;
}

void
account_start(struct account *account)
{
	struct imap_error error = {0};

	account->is_started = true;
	account->wants_poll = true;
	if (!make_tls_context(account, &error)) {
		account_give_up(account, &error);
		return;
	}
	open_disk(account);
}

void
account_retry(struct account *account)
{
	account->failures = 0;
	account->retry_at = 0;
	account->throttled_until = 0;
	(void)sd_event_source_set_enabled(account->retry_timer, SD_EVENT_OFF);
	open_disk(account);
}

void
account_wake(struct account *account)
{
	struct seat *seat;

	if (account->is_finished || account->is_stopping)
		return;
	account->limit = account->settings->max_connections;
	account->limit_until = 0;
	account->wants_poll = true;
	account_retry(account);
	/* those that idle are woken by it, too */
	account_probe(account, PATIENCE_WAKE);
	account_each_seat(account, seat) if (!seat->is_gone)
	    folder_wake(seat->folder);
}

bool
account_wake_folder(struct account *account, const char *name)
{
	struct seat *seat;

	if (account->is_finished || account->is_stopping)
		return false;
	account_each_seat(account, seat)
	{
		if (seat->is_gone ||
		    strcmp(folder_report(seat->folder).name, name) != 0)
			continue;
		account_retry(account);
		folder_wake(seat->folder);
		return true;
	}
	return false;
}

void
account_stop(struct account *account)
{
	struct seat *seat;

	account->is_stopping = true;
	account->fetching = secret_free(account->fetching);
	account_reconcile_drop(account);
	(void)sd_event_source_set_enabled(account->retry_timer, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(account->poll_timer, SD_EVENT_OFF);
	account_each_seat(account, seat) folder_stop(seat->folder);
	account_drop_connections(account, true);
	account_changed(account);
}

bool
account_is_quiet(struct account *account)
{
	if (account->jobs > 0 || !account_seats_are_quiet(account))
		return false;
	if (account->is_stopping)
		return account->connections == NULL;
	if (account->is_finished)
		return true;
	return account->config.mode != ACCOUNT_RUNS && account->is_listed &&
	    account->reconciling == NULL;
}

struct account *
account_free(struct account *account)
{
	if (account == NULL)
		return NULL;
	account->is_stopping = true;
	account->serve_later =
	    sd_event_source_disable_unref(account->serve_later);
	account->retry_timer =
	    sd_event_source_disable_unref(account->retry_timer);
	account->poll_timer =
	    sd_event_source_disable_unref(account->poll_timer);
	account->notify_timer =
	    sd_event_source_disable_unref(account->notify_timer);
	account->beat_timer =
	    sd_event_source_disable_unref(account->beat_timer);
	account->linger_timer =
	    sd_event_source_disable_unref(account->linger_timer);
	account_drop_connections(account, false);
	while (account->connections != NULL)
		account_drop_last(account);
	account_free_seats(account);
	account_reconcile_drop(account);
	account_forget_remembered(&account->remembered);
	account->newcomers = mem_free(account->newcomers);
	account->disabled = mem_free(account->disabled);
	account->fetching = secret_free(account->fetching);
	account->secret = vault_drop(account->secret);
	account->state = state_close(account->state);
	account->root = maildir_root_close(account->root);
	account->tls_context = tls_context_free(account->tls_context);
	mailboxes_free(&account->listing);
	mailboxes_free(&account->chosen);
	return mem_free(account);
}

/* ---- what can be seen ---- */

struct account_report
account_report(const struct account *account)
{
	struct account_report report = {
	    .name = account->settings->name,
	    .connections = account_connection_count(account),
	    .reconnects = account->reconnects,
	    .bytes_in = account->bytes_in,
	    .retry_at = account->retry_at,
	    .error =
		account->error.kind == IMAP_ERROR_NONE ? NULL : &account->error,
	    .is_listed = account->is_listed,
	    .was_ready = account->was_ready,
	};

	for (const struct connection *c = account->connections; c != NULL;
	     c = c->next)
		report.bytes_in += imap_bytes_in(c->imap);
	return report;
}

const struct settings_account *
account_settings(const struct account *account)
{
	return account->settings;
}

const struct folder *
account_folder(const struct account *account, uint32_t i)
{
	return i < account->seat_count ? account->seats[i]->folder : NULL;
}

const struct mailboxes *
account_mailboxes(const struct account *account)
{
	return &account->chosen;
}

enum imap_error_kind
account_failure(const struct account *account)
{
	const struct seat *seat;

	if (account->failure != IMAP_ERROR_NONE)
		return account->failure;
	account_each_seat(account, seat)
	{
		struct folder_report report = folder_report(seat->folder);

		if (report.error != NULL && !seat->is_gone)
			return report.error->kind;
	}
	return IMAP_ERROR_NONE;
}
