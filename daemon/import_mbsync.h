/*
 * mbsyncrc, read and not yet translated; what import_mbsync*.c share.
 */
#ifndef DAEMON_IMPORT_MBSYNC_H
#define DAEMON_IMPORT_MBSYNC_H

#include "daemon/import_sections.h"

/* A Channel, seen from here: one of its stores is the server's. */
struct import_channel {
	const struct import_section *section;
	const struct import_section *server; /* IMAPStore */
	const struct import_section *local; /* MaildirStore */
	char *server_box; /* or prefix; "" if there is none */
	char *local_box;
	bool has_patterns;
	bool is_reversed; /* the server is Near */
};

/* The channels that make one account. */
struct import_channels {
	const struct import_channel **items;
	uint32_t count;
};

/* What propagates, of all that Sync and Expunge can say. */
struct import_mbsync_flow {
	bool pulls_new;
	bool pulls_gone;
	bool pulls_flags;
	bool pushes;
};

/* ---- import_mbsync_file.c ---- */

/*
 * The sections; the first is of kind "" and has the global options. Keywords
 * are those of mbsync 1.4 and 1.5, whatever the file has. False: refused.
 */
bool import_mbsync_parse(
    struct import *import, const char *text, struct import_sections *sections);

/* Warns of the section's options that have no equivalent here. */
void import_mbsync_warn(
    struct import_account *account, const struct import_section *section);

/* ---- import_mbsync_server.c ---- */

/* host or tunnel, TLS and the login, of an IMAPStore and its IMAPAccount or
 * NULL. */
bool import_mbsync_server(
    struct import_account *account, const struct import_section *server[2]);

/* ---- import_mbsync_maildir.c ---- */

/* What the near side has in front of the names that the server has. */
const char *import_mbsync_prefix(const struct import_channel *channel);

/* maildir and layout; call it after import_mbsync_folders(). */
void import_mbsync_maildir(struct import_account *account,
    const struct import_channels *channels,
    const struct import_section *globals);

/* ---- import_mbsync_folders.c ---- */

/* folders and exclude; false: refused. */
bool import_mbsync_folders(
    struct import_account *account, const struct import_channels *channels);

/* ---- import_mbsync_flow.c ---- */

/* What an account's channels do; globals are where they say nothing. */
bool import_mbsync_flow(struct import_account *account,
    const struct import_channels *channels,
    const struct import_section *globals);

#endif
