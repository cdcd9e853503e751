/*
 * What a server is like: by what is known of its kind, by what it says, and
 * by what was learned. For the files of an account.
 */
#ifndef DAEMON_ACCOUNT_LEARNED_H
#define DAEMON_ACCOUNT_LEARNED_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "daemon/state.h"
#include "libclient/imap.h"

struct account;
struct connection;

/* What is remembered of a server; 0: nothing is. */
enum fact {
	FACT_NO_LIST_STATUS, /* when that was seen, in Unix seconds */
	FACT_NO_NOTIFY,
	FACT_IDLE, /* seconds */
	FACT_IDLE_SINCE,
	FACT_QUIRKS, /* enum quirk */
	FACT_KNOWN_FORM, /* what the mask below means; 0: it is not known */
	FACT_KNOWN, /* offered behind the login: enum capability */
	FACT_COUNT
};

/* ---- account_facts.c ---- */

/* On the disk lane. */
void account_load_facts(struct state *state,
    const struct settings_account *settings, int64_t facts[FACT_COUNT]);
void account_use_facts(struct account *account);
/* no_list_status, no_notify or quirks have changed. */
void account_note_facts(struct account *account);
/* How long IDLE may last: as set, or less, as learned. */
uint64_t account_idle_refresh(const struct account *account);
/* A connection was dead when the server had been silent for so long. */
void account_learn_silence(struct account *account, uint64_t silence);

/* ---- account_early.c ---- */

/* What the last session was offered; false if it is not known. */
bool account_known(const struct account *account, struct capabilities *known);
/* Remembers what this one was offered; forgets it. */
void account_note_known(struct account *account, const struct imap *imap);
void account_forget_known(struct account *account);
/*
 * Begins with the INBOX before LIST has told of it: if an earlier run mirrored
 * it, or there is a connection (NULL: not yet) that can watch it.
 */
void account_begin_early(struct account *account, const struct imap *imap);

/* ---- account_quirks.c ---- */

/* By what is remembered, and by what a new connection shows. False: with what
 * is known now it would have begun in another way. */
void account_use_quirks(struct account *account, uint32_t quirks);
bool account_note_server(
    struct account *account, const struct connection *connection);

/* ---- account_throttle.c ---- */

/* How long a failure says to wait before the next connection; 0: it does not.
 */
uint64_t account_named_wait(
    const struct account *account, const struct imap_error *error);
/* True if the event was a "later", and the folder has lost its connection. */
bool account_is_throttled(struct account *account,
    struct connection *connection, const struct imap_event *event);
/* A connection ended with these words. */
void account_obey(struct account *account, const struct imap_error *error);

#endif
