/*
 * An account's life and its connections. For the files of an account.
 */
#ifndef DAEMON_ACCOUNT_POOL_H
#define DAEMON_ACCOUNT_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "daemon/folder.h"

struct account;
struct connection;

/* ---- account.c ---- */

/* Nothing can be had from the server now: wait, or give up. */
void account_back_off(struct account *account, const struct imap_error *error);
/* Cuts that wait short. */
void account_retry(struct account *account);
/* Gives up for good: every folder is told. */
void account_give_up(struct account *account, const struct imap_error *error);
void account_changed(struct account *account);

/* ---- account_host.c ---- */

extern const struct folder_host account_host;

/* A folder, or what was one, is at another path below the Maildir's root. */
void account_note_moved(
    struct account *account, const char *name, const char *path);

/* ---- account_pool.c ---- */

/* Gives connections to who waits for one, from the loop. */
void account_serve(struct account *account);
int account_on_serve(sd_event_source *source, void *user);
void account_drop_connections(struct account *account, bool says_goodbye);
void account_drop_last(struct account *account);
void account_drop(struct account *account, struct connection *connection);
/* The same where it ended, or has to: who had it is told why. */
void account_lose(struct account *account, struct connection *connection,
    const struct imap_error *error);
/* Says goodbye to a connection that nobody needs. */
void account_leave(struct account *account, struct connection *connection);
/* So many connections are allowed, for a while. */
void account_learn_limit(
    struct account *account, uint32_t limit, const struct imap_error *error);
uint32_t account_connection_count(const struct account *account);

#endif
