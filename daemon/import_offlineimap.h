/*
 * One account of offlineimap's configuration; what import_offlineimap*.c
 * share.
 */
#ifndef DAEMON_IMPORT_OFFLINEIMAP_H
#define DAEMON_IMPORT_OFFLINEIMAP_H

#include "daemon/import_sections.h"

struct import_offlineimap {
	struct import *import;
	struct import_account *account;
	const struct import_section *defaults; /* [DEFAULT], or NULL */
	const struct import_section *general;
	const struct import_section *settings; /* [Account ...] */
	const struct import_section *local; /* [Repository ...] */
	const struct import_section *remote;
};

/* ---- import_offlineimap.c ---- */

/* What the option says, or the fallback; false: refused. */
bool import_offlineimap_truth(struct import *import,
    const struct import_section *section, const char *key, bool fallback,
    bool *is_true);

/* ---- import_offlineimap_server.c ---- */

/* host or tunnel, TLS, and the login. False: refused. */
bool import_offlineimap_server(const struct import_offlineimap *from);

/* ---- import_offlineimap_folders.c ---- */

/* maildir, folders, exclude and watch. */
void import_offlineimap_folders(const struct import_offlineimap *from);

#endif
