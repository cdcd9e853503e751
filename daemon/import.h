/*
 * What another program's configuration becomes here: accounts with settings,
 * remarks on them, and warnings about what could not be translated. One file
 * a program reads its configuration, import.c writes ours.
 */
#ifndef DAEMON_IMPORT_H
#define DAEMON_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"

/* In the order in which they are written; the last three are places for
 * remarks alone. */
enum import_setting {
	IMPORT_NAME,
	IMPORT_HOST,
	IMPORT_PORT,
	IMPORT_TUNNEL,
	IMPORT_TLS,
	IMPORT_ALLOW_PLAINTEXT,
	IMPORT_TLS_CA_FILE,
	IMPORT_TLS_FINGERPRINT,
	IMPORT_TLS_CLIENT_CERT,
	IMPORT_TLS_CLIENT_KEY,
	IMPORT_TLS_MIN_VERSION,
	IMPORT_PROXY,
	IMPORT_USER,
	IMPORT_PASSWORD_FILE,
	IMPORT_PASSWORD_COMMAND,
	IMPORT_AUTH,
	IMPORT_MAILDIR,
	IMPORT_LAYOUT,
	IMPORT_FOLDERS,
	IMPORT_EXCLUDE,
	IMPORT_WATCH,
	IMPORT_MAX_CONNECTIONS,
	IMPORT_POLL_INTERVAL,
	IMPORT_IDLE_REFRESH,
	IMPORT_TIMEOUT,
	IMPORT_DISABLE_EXTENSIONS,
	IMPORT_ON_EXPUNGE,
	IMPORT_MAX_SIZE,
	IMPORT_COMPRESS,
	IMPORT_FSYNC,
	IMPORT_ON_CHANGE,
	IMPORT_CHANGES, /* that are made here */
	IMPORT_OTHER,
	IMPORT_SETTINGS
};

struct import_value {
	char **items; /* as they are, not quoted */
	uint32_t count;
	bool is_list;
	bool is_bare; /* a number or a truth value: not to be quoted */
	struct buf remarks; /* one a line */
};

struct import_account {
	struct import *import;
	struct import_value values[IMPORT_SETTINGS];
};

struct import {
	const char *tool;
	const char *file; /* as given */
	bool has_variables; /* $NAME in its paths is a variable's value */
	struct import_account **accounts;
	uint32_t count;
	struct buf remarks; /* of no account */
	struct buf problems; /* FILE:LINE: text, one a line */
};

/* Reads a program's configuration, of size bytes without NUL but for the one
 * behind them. False: it was refused, as problems say. */
typedef bool import_reader(struct import *import, const char *text);

import_reader import_mbsync;
import_reader import_offlineimap;
import_reader import_goimapnotify;

void import_init(struct import *import, const char *tool, const char *file);
void import_free(struct import *import);

/* A new account; the name is made to fit, and unlike all others. */
struct import_account *import_add(
    struct import *import, const char *name, int line);
const char *import_name(const struct import_account *account);

/* ---- settings; one that is set again is replaced ---- */

/* False, a warning, and not set: it is empty, not UTF-8, or has a control
 * character. */
bool import_text(struct import_account *account, enum import_setting setting,
    int line, const char *text);

/* The same for an item of a list, which has none twice. */
bool import_item(struct import_account *account, enum import_setting setting,
    int line, const char *text);

/* The same for a command, which may have any character. */
bool import_command(struct import_account *account, enum import_setting setting,
    int line, const char *text);

/* A number or a truth value. */
void import_bare(
    struct import_account *account, enum import_setting setting, uint64_t n);
void import_bool(
    struct import_account *account, enum import_setting setting, bool is_true);

void import_unset(struct import_account *account, enum import_setting setting);
bool import_is_set(
    const struct import_account *account, enum import_setting setting);

/* The text, or the first item; NULL if it is not set. */
const char *import_get(
    const struct import_account *account, enum import_setting setting);

/* ---- remarks and problems ---- */

/* A comment in front of the setting. */
void import_remark(struct import_account *account, enum import_setting setting,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A comment and a warning: something could not be translated. */
void import_warn(struct import_account *account, enum import_setting setting,
    int line, const char *format, ...) __attribute__((format(printf, 4, 5)));
void import_warn_all(struct import *import, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The file cannot be understood; returns false. */
bool import_refuse(struct import *import, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Our configuration, once everything is translated. */
void import_write(const struct import *import, struct buf *out);

#endif
