/*
 * How news are heard of by NOTIFY, and how a server is asked whether it is
 * there. For the files of an account.
 */
#ifndef DAEMON_ACCOUNT_NOTIFY_H
#define DAEMON_ACCOUNT_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "libclient/imap.h"

struct account;
struct connection;

/* ---- account_notify.c ---- */

/* True if a connection is to be given to account_notify_begin(). */
bool account_wants_notify(struct account *account);
void account_notify_begin(
    struct account *account, struct connection *connection);
/* The mailboxes are others: what does it tell of now? */
void account_notify_renew(struct account *account);
/* Its connection was used for something else, and is free again. */
void account_notify_resume(struct account *account);
/* Its connection can be asked something. */
bool account_notify_is_idle(const struct account *account);
/* Its connection is needed for something else. */
void account_notify_end(struct account *account);
/* ... or is lost. */
void account_notify_lost(struct account *account);
/* An event of its connection; false if it is not. */
bool account_notify_take(struct account *account, struct connection *connection,
    const struct imap_event *event);
int account_on_notify(sd_event_source *source, uint64_t at, void *user);
/* False: a free connection that has waited long enough. */
bool account_lingers(struct account *account, struct connection *connection);
int account_on_linger(sd_event_source *source, uint64_t at, void *user);

/* Has its connection say something, and idle on. */
void account_notify_probe(struct account *account);

/* ---- account_probe.c ---- */

/* Every connection has to show that it lives. */
void account_probe(struct account *account, uint64_t patience);
/* An event came on a connection. */
void account_heard(struct account *account, struct connection *connection,
    const struct imap_event *event);
int account_on_beat(sd_event_source *source, uint64_t at, void *user);

#endif
