/*
 * The whole configuration, typed and checked (mailmirror.conf(5)). One table
 * in settings_table.c knows each setting's name, type, default and bounds.
 */
#ifndef CONF_SETTINGS_H
#define CONF_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings_about.h"
#include "conf/settings_proxy.h"

enum settings_log_level {
	SETTINGS_LOG_ERROR,
	SETTINGS_LOG_WARNING,
	SETTINGS_LOG_NOTICE,
	SETTINGS_LOG_INFO,
	SETTINGS_LOG_DEBUG,
	SETTINGS_LOG_TRACE
};
enum settings_tls {
	SETTINGS_TLS_IMPLICIT,
	SETTINGS_TLS_STARTTLS,
	SETTINGS_TLS_NONE
};
enum settings_layout { SETTINGS_LAYOUT_NESTED, SETTINGS_LAYOUT_MAILDIRPP };
enum settings_line_endings { SETTINGS_LF, SETTINGS_CRLF };
enum settings_on_expunge {
	SETTINGS_EXPUNGE_DELETE,
	SETTINGS_EXPUNGE_KEEP,
	SETTINGS_EXPUNGE_ARCHIVE
};
enum settings_compress {
	SETTINGS_COMPRESS_AUTO,
	SETTINGS_COMPRESS_ON,
	SETTINGS_COMPRESS_OFF
};

/* Where a secret comes from; exactly one of the four strings is set, or none.
 */
struct settings_secret {
	char *password;
	char *password_file; /* path, expanded */
	char *password_command; /* for /bin/sh -c */
	char *credential; /* a name in $CREDENTIALS_DIRECTORY */
};

struct settings_list {
	char **items;
	uint32_t count;
};
struct settings_pin {
	uint8_t sha256[32];
};

/* One account. Paths are expanded; times are in microseconds, sizes in bytes.
 */
struct settings_account {
	char *name;

	char *host; /* NULL with a tunnel */
	uint16_t port;
	bool allow_plaintext;
	enum settings_tls tls;
	char *tls_ca_file;
	char *tls_client_cert;
	char *tls_client_key;
	struct settings_pin *tls_fingerprints;
	uint32_t tls_fingerprint_count;
	bool is_tls13_only;
	char *tunnel; /* shell command, or NULL */

	char *user;
	struct settings_secret secret;
	bool is_auth_auto;
	struct settings_list auth; /* mechanism names as written, if not auto */

	char *maildir;
	struct settings_list folders;
	struct settings_list exclude;
	struct settings_list watch; /* empty: all of folders */
	uint32_t max_connections;

	uint64_t poll_interval;
	uint64_t idle_refresh;
	uint64_t burst_interval;
	uint64_t burst_max_wait;
	uint64_t timeout;
	struct settings_list disable_extensions;

	enum settings_on_expunge on_expunge;
	char *archive_folder;
	enum settings_layout layout;
	enum settings_line_endings line_endings;
	uint64_t max_size; /* 0: no limit */
	uint32_t delete_guard; /* percent; 0: off */
	enum settings_compress compress;
	struct settings_proxy *proxy; /* NULL: none */
	char *on_change;
	bool fsync;
	int line; /* of its group in the file */
};

struct settings {
	char *file; /* the path it was read from */
	enum settings_log_level log_level;
	char *state_dir;
	char *metrics_file; /* NULL: none */
	char *control_socket;
	bool has_sandbox;
	struct settings_account *accounts;
	uint32_t account_count;
};

/* FILE:LINE: account "x": setting: what is wrong; allowed: what is */
struct settings_problem {
	char *text;
};

/* What is wrong in a file; every problem is listed, not just the first. */
struct settings_problems {
	struct settings_problem *items;
	uint32_t count;
};

/*
 * Reads and checks a file. NULL, and at least one problem, if anything is
 * wrong. settings_problems_free() frees what is put into problems.
 */
struct settings *settings_load(
    const char *file, struct settings_problems *problems);

/* Wipes secrets and frees; NULL ok; returns NULL. */
struct settings *settings_free(struct settings *settings);
void settings_problems_free(struct settings_problems *problems);

/* The given file, or the first that exists of $XDG_CONFIG_HOME/mailmirror/
 * mailmirror.conf, ~/.config/... and /etc/... (or the last); to be freed. */
char *settings_find(const char *given);

/* True if two accounts are configured alike (all settings equal). */
bool settings_account_equal(
    const struct settings_account *a, const struct settings_account *b);

/* The account of that name, or NULL. */
const struct settings_account *settings_account(
    const struct settings *settings, const char *name);

#endif
