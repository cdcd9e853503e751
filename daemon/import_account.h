/*
 * What the configurations of all programs have in common: servers, secrets,
 * paths, times, and what an account cannot do without.
 */
#ifndef DAEMON_IMPORT_ACCOUNT_H
#define DAEMON_IMPORT_ACCOUNT_H

#include "conf/settings.h"
#include "daemon/import.h"

/* "yes", "true", "on" or "1", and what is the contrary; false: neither. */
bool import_truth(const char *text, bool *is_true);

/* False, and a problem: it is no host name, or no port. */
bool import_host(struct import_account *account, int line, const char *host);
bool import_port(struct import_account *account, int line, const char *port);

/* Call it after import_host(), and after a proxy is known. */
void import_tls(
    struct import_account *account, int line, enum settings_tls mode);

/* A path, in which their $NAME is our ${NAME} if it is a variable there. */
bool import_path(struct import_account *account, enum import_setting setting,
    int line, const char *path);

/* A trust anchor, unless it is the system's own. */
void import_authority(
    struct import_account *account, int line, const char *path);

/* A time, which is brought between least and most. */
void import_seconds(struct import_account *account, enum import_setting setting,
    int line, uint64_t seconds, uint64_t least, uint64_t most);

/* One more SASL mechanism, by the name that it has there. */
void import_mechanism(
    struct import_account *account, int line, const char *name);

/* There is a password, which is not ours to print. */
void import_password(struct import_account *account, int line);

/* Puts what stands for a login name or a secret where there is none. */
void import_complete(struct import_account *account, int line);

/* Gives a Maildir of its own to every account that has one of another's. */
void import_separate(struct import *import);

/* A mailbox name of which it is not sure that it is modified UTF-7; to be
 * freed. */
char *import_mailbox(const char *name);

#endif
