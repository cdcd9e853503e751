/*
 * Secrets that have to stay, for the next login: each on pages of its own,
 * which no core dump has, no child inherits and, as far as RLIMIT_MEMLOCK
 * goes, no swap sees.
 */
#ifndef CONF_VAULT_H
#define CONF_VAULT_H

/* A copy of the secret; aborts without memory. */
char *vault_keep(const char *secret);

/* Wipes and frees; NULL ok; returns NULL. */
char *vault_drop(char *secret);

#endif
