/*
 * The two tables that know every setting: its name, type, default, bounds
 * and what is allowed. mailmirror.conf(5) says what each is for.
 */
#include "conf/settings_private.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define ACCOUNT(field) offsetof(struct settings_account, field)
#define GLOBAL(field)  offsetof(struct settings, field)

/* In the order of the enums in settings.h. */
static const char *const log_levels[] = {
    "error", "warning", "notice", "info", "debug", "trace", NULL};
static const char *const tls_modes[] = {"implicit", "starttls", "none", NULL};
static const char *const tls_versions[] = {"1.2", "1.3", NULL};
static const char *const modes[] = {"mirror", "sync", NULL};
static const char *const on_expunges[] = {"delete", "keep", "archive", NULL};
static const char *const layouts[] = {"nested", "maildir++", NULL};
static const char *const line_endings[] = {"lf", "crlf", NULL};
static const char *const compressions[] = {"auto", "on", "off", NULL};
static const char *const mechanisms[] = {"scram-sha-256-plus", "scram-sha-256",
    "scram-sha-1", "cram-md5", "plain", "login", "xoauth2", "oauthbearer",
    "external", "anonymous", NULL};

/* clang-format off */
static const struct settings_row account_rows[] = {
	{"name", &settings_type_name, ACCOUNT(name), .max = 200,
	    .help = "letters, digits, \".\", \"_\" and \"-\", at most 200"},
	{"host", &settings_type_host, ACCOUNT(host), .max = 253,
	    .group = SETTINGS_GROUP_SERVER,
	    .help = "a host name, or an IPv4 or IPv6 address"},
	{"port", &settings_type_port, ACCOUNT(port), .min = 1, .max = 65535,
	    .help = "a number from 1 to 65535"},
	{"tunnel", &settings_type_text, ACCOUNT(tunnel),
	    .group = SETTINGS_GROUP_SERVER,
	    .help = "a shell command"},
	{"tls", &settings_type_choice, ACCOUNT(tls), "\"implicit\"",
	    .words = tls_modes,
	    .help = "\"implicit\", \"starttls\" or \"none\""},
	{"allow_plaintext", &settings_type_bool, ACCOUNT(allow_plaintext),
	    "false",
	    .help = "true or false"},
	{"tls_ca_file", &settings_type_path, ACCOUNT(tls_ca_file),
	    .help = "the path of a PEM file"},
	{"tls_fingerprint", &settings_type_pins, ACCOUNT(tls_fingerprints),
	    .min = 1,
	    .help = "64 hexadecimal digits, in pairs separated by colons or "
		"not, or a list of these"},
	{"tls_client_cert", &settings_type_path, ACCOUNT(tls_client_cert),
	    .help = "the path of a PEM file"},
	{"tls_client_key", &settings_type_path, ACCOUNT(tls_client_key),
	    .help = "the path of a PEM file"},
	{"tls_min_version", &settings_type_switch, ACCOUNT(is_tls13_only),
	    "\"1.2\"", .words = tls_versions,
	    .help = "\"1.2\" or \"1.3\""},
	{"proxy", &settings_type_proxy, ACCOUNT(proxy),
	    .help = "\"socks5h://[user:pass@]host:port\" or "
		"\"http://host:port\""},

	{"user", &settings_type_string, ACCOUNT(user),
	    .help = "the login name"},
	{"password", &settings_type_password, ACCOUNT(secret.password),
	    .group = SETTINGS_GROUP_SECRET,
	    .help = "a string that is not empty"},
	{"password_file", &settings_type_path, ACCOUNT(secret.password_file),
	    .group = SETTINGS_GROUP_SECRET,
	    .help = "a path"},
	{"password_command", &settings_type_text,
	    ACCOUNT(secret.password_command),
	    .group = SETTINGS_GROUP_SECRET,
	    .help = "a shell command"},
	{"credential", &settings_type_file_name, ACCOUNT(secret.credential),
	    .group = SETTINGS_GROUP_SECRET,
	    .help = "the name of a file in $CREDENTIALS_DIRECTORY, without "
		"\"/\""},
	{"auth", &settings_type_auth, ACCOUNT(auth), "\"auto\"", .min = 1,
	    .words = mechanisms,
	    .help = "\"auto\" or a list of \"scram-sha-256-plus\", "
		"\"scram-sha-256\", \"scram-sha-1\", \"cram-md5\", "
		"\"plain\", \"login\", \"xoauth2\", \"oauthbearer\", "
		"\"external\", \"anonymous\""},

	{"maildir", &settings_type_path, ACCOUNT(maildir),
	    .help = "a path"},
	{"folders", &settings_type_list, ACCOUNT(folders), "[ \"INBOX\" ]",
	    .min = 1,
	    .help = "a list of at least one pattern"},
	{"exclude", &settings_type_list, ACCOUNT(exclude), "[ ]",
	    .help = "a list of patterns"},
	{"watch", &settings_type_list, ACCOUNT(watch), .min = 1,
	    .help = "a list of at least one pattern; without it all folders "
		"are watched"},
	{"max_connections", &settings_type_number, ACCOUNT(max_connections),
	    "5", .min = 1, .max = 1000,
	    .help = "a number from 1 to 1000"},
	{"poll_interval", &settings_type_duration, ACCOUNT(poll_interval),
	    "\"5m\"", .min = SETTINGS_SECOND, .max = 8760 * SETTINGS_HOUR,
	    .help = "seconds, or \"30s\", \"5m\", \"2h\", from 1s to 8760h"},
	{"idle_refresh", &settings_type_duration, ACCOUNT(idle_refresh),
	    "\"9m\"", .min = SETTINGS_SECOND, .max = 29 * SETTINGS_MINUTE,
	    .help = "seconds, or \"30s\", \"5m\", from 1s to 29m"},
	{"burst_interval", &settings_type_duration, ACCOUNT(burst_interval),
	    "\"100ms\"", .max = SETTINGS_HOUR,
	    .help = "seconds, or \"500ms\", \"2s\", at most 1h"},
	{"burst_max_wait", &settings_type_duration, ACCOUNT(burst_max_wait),
	    "\"2s\"", .max = SETTINGS_HOUR,
	    .help = "seconds, or \"500ms\", \"2s\", at most 1h"},
	{"timeout", &settings_type_duration, ACCOUNT(timeout), "\"60s\"",
	    .min = SETTINGS_SECOND, .max = 24 * SETTINGS_HOUR,
	    .help = "seconds, or \"30s\", \"5m\", from 1s to 24h"},
	{"disable_extensions", &settings_type_atoms,
	    ACCOUNT(disable_extensions), "[ ]",
	    .help = "a list of capabilities"},

	{"mode", &settings_type_mode, 0, "\"mirror\"", .words = modes,
	    .help = "\"mirror\""},
	{"on_expunge", &settings_type_choice, ACCOUNT(on_expunge),
	    "\"delete\"", .words = on_expunges,
	    .help = "\"delete\", \"keep\" or \"archive\""},
	{"archive_folder", &settings_type_string, ACCOUNT(archive_folder),
	    .help = "a folder's name"},
	{"layout", &settings_type_choice, ACCOUNT(layout), "\"nested\"",
	    .words = layouts,
	    .help = "\"nested\" or \"maildir++\""},
	{"line_endings", &settings_type_choice, ACCOUNT(line_endings),
	    "\"lf\"", .words = line_endings,
	    .help = "\"lf\" or \"crlf\""},
	{"max_size", &settings_type_size, ACCOUNT(max_size), "0",
	    .max = INT64_MAX,
	    .help = "bytes, or \"500K\", \"50M\", \"2G\"; 0 is no limit"},
	{"delete_guard", &settings_type_percent, ACCOUNT(delete_guard),
	    "\"50%\"", .min = 1, .max = 100,
	    .help = "\"1%\" to \"100%\", or \"off\""},
	{"compress", &settings_type_choice, ACCOUNT(compress), "\"auto\"",
	    .words = compressions,
	    .help = "\"auto\", \"on\" or \"off\""},
	{"fsync", &settings_type_bool, ACCOUNT(fsync), "true",
	    .help = "true or false"},
	{"on_change", &settings_type_text, ACCOUNT(on_change),
	    .help = "a shell command"},
};

static const struct settings_row global_rows[] = {
	{"log_level", &settings_type_choice, GLOBAL(log_level), "\"info\"",
	    .words = log_levels,
	    .help = "\"error\", \"warning\", \"notice\", \"info\", \"debug\" "
		"or \"trace\""},
	{"state_dir", &settings_type_path, GLOBAL(state_dir),
	    .help = "a path"},
	{"metrics_file", &settings_type_path, GLOBAL(metrics_file),
	    .help = "a path"},
	{"control_socket", &settings_type_path, GLOBAL(control_socket),
	    .help = "a path"},
	{"sandbox", &settings_type_bool, GLOBAL(has_sandbox), "true",
	    .help = "true or false"},
};
/* clang-format on */

_Static_assert(COUNT(account_rows) <= SETTINGS_ROWS_MAX, "too many rows");

const struct settings_table settings_account_table = {
    account_rows, COUNT(account_rows)};
const struct settings_table settings_global_table = {
    global_rows, COUNT(global_rows)};
