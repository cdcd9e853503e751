/*
 * The configuration file: every setting's default, each form that it may
 * take, and how values come together from several places.
 */
#include "settings_helpers.h"

#include <glob.h>
#include <stddef.h>

#define ACCOUNT(field) offsetof(struct settings_account, field)
#define SECOND	       UINT64_C(1000000)

START_TEST(test_settings_has_a_default_for_everything)
{
	struct settings *settings = load_account("");
	const struct settings_account *account = &settings->accounts[0];

	ck_assert_str_eq(settings->file, file);
	ck_assert_int_eq(settings->log_level, SETTINGS_LOG_INFO);
	ck_assert_str_eq(
	    settings->state_dir, "/home/me/.local/state/mailmirror");
	ck_assert_ptr_null(settings->metrics_file);
	ck_assert_ptr_null(settings->control_socket);
	ck_assert(settings->has_sandbox);
	ck_assert_uint_eq(settings->account_count, 1);

	ck_assert_int_eq(account->line, 2);
	ck_assert_uint_eq(account->port, 993);
	ck_assert_int_eq(account->tls, SETTINGS_TLS_IMPLICIT);
	ck_assert(!account->allow_plaintext);
	ck_assert_ptr_null(account->tls_ca_file);
	ck_assert_ptr_null(account->tls_client_cert);
	ck_assert_ptr_null(account->tls_client_key);
	ck_assert_uint_eq(account->tls_fingerprint_count, 0);
	ck_assert(!account->is_tls13_only);
	ck_assert_ptr_null(account->tunnel);
	ck_assert(account->is_auth_auto);
	ck_assert_uint_eq(account->auth.count, 0);
	ck_assert_uint_eq(account->folders.count, 1);
	ck_assert_str_eq(account->folders.items[0], "INBOX");
	ck_assert_uint_eq(account->exclude.count, 0);
	ck_assert_uint_eq(account->watch.count, 0);
	ck_assert_uint_eq(account->max_connections, 5);
	ck_assert_uint_eq(account->poll_interval, 300 * SECOND);
	ck_assert_uint_eq(account->idle_refresh, 540 * SECOND);
	ck_assert_uint_eq(account->burst_interval, SECOND / 10);
	ck_assert_uint_eq(account->burst_max_wait, 2 * SECOND);
	ck_assert_uint_eq(account->timeout, 60 * SECOND);
	ck_assert_uint_eq(account->disable_extensions.count, 0);
	ck_assert_int_eq(account->on_expunge, SETTINGS_EXPUNGE_DELETE);
	ck_assert_ptr_null(account->archive_folder);
	ck_assert_int_eq(account->layout, SETTINGS_LAYOUT_NESTED);
	ck_assert_int_eq(account->line_endings, SETTINGS_LF);
	ck_assert_uint_eq(account->max_size, 0);
	ck_assert_uint_eq(account->delete_guard, 50);
	ck_assert_int_eq(account->compress, SETTINGS_COMPRESS_AUTO);
	ck_assert_ptr_null(account->proxy);
	ck_assert(account->fsync);
	ck_assert_ptr_null(account->on_change);
	settings_free(settings);
}
END_TEST

static const struct {
	const char *setting;
	size_t offset;
	size_t size;
	uint64_t value;
} number_forms[] = {
#define FORM(setting, field, value)                                      \
	{                                                                \
		setting, ACCOUNT(field),                                 \
		    sizeof(((struct settings_account *)0)->field), value \
	}
    FORM("port = 1;", port, 1),
    FORM("port = 65535;", port, 65535),
    FORM("port = 143L;", port, 143),
    FORM("tls = \"implicit\";", port, 993),
    FORM("tls = \"starttls\";", port, 143),
    FORM("tls = \"starttls\";", tls, SETTINGS_TLS_STARTTLS),
    FORM("tls = \"none\"; allow_plaintext = true;", tls, SETTINGS_TLS_NONE),
    FORM("tls = \"none\"; allow_plaintext = true;", port, 143),
    FORM("allow_plaintext = TRUE;", allow_plaintext, 1),
    FORM("tls_min_version = \"1.2\";", is_tls13_only, 0),
    FORM("tls_min_version = \"1.3\";", is_tls13_only, 1),
    FORM("auth = \"auto\";", is_auth_auto, 1),
    FORM("auth = \"plain\";", is_auth_auto, 0),
    FORM("max_connections = 1;", max_connections, 1),
    FORM("max_connections = 1000;", max_connections, 1000),
    FORM("poll_interval = 1;", poll_interval, SECOND),
    FORM("poll_interval = \"1000ms\";", poll_interval, SECOND),
    FORM("poll_interval = \"30s\";", poll_interval, 30 * SECOND),
    FORM("poll_interval = \"5m\";", poll_interval, 300 * SECOND),
    FORM("poll_interval = \"2h\";", poll_interval, 7200 * SECOND),
    FORM("poll_interval = 100000L;", poll_interval, 100000 * SECOND),
    FORM("idle_refresh = \"29m\";", idle_refresh, 1740 * SECOND),
    FORM("idle_refresh = 1740;", idle_refresh, 1740 * SECOND),
    FORM("burst_interval = \"1ms\";", burst_interval, SECOND / 1000),
    FORM("burst_interval = 0;", burst_interval, 0),
    FORM("burst_max_wait = \"500ms\";", burst_max_wait, SECOND / 2),
    FORM("timeout = \"1s\";", timeout, SECOND),
    FORM("on_expunge = \"delete\";", on_expunge, SETTINGS_EXPUNGE_DELETE),
    FORM("on_expunge = \"keep\";", on_expunge, SETTINGS_EXPUNGE_KEEP),
    FORM("on_expunge = \"archive\"; archive_folder = \"x\";", on_expunge,
	SETTINGS_EXPUNGE_ARCHIVE),
    FORM("layout = \"nested\";", layout, SETTINGS_LAYOUT_NESTED),
    FORM("layout = \"maildir++\";", layout, SETTINGS_LAYOUT_MAILDIRPP),
    FORM("line_endings = \"lf\";", line_endings, SETTINGS_LF),
    FORM("line_endings = \"crlf\";", line_endings, SETTINGS_CRLF),
    FORM("max_size = 0;", max_size, 0),
    FORM("max_size = \"0\";", max_size, 0),
    FORM("max_size = 1;", max_size, 1),
    FORM("max_size = \"50M\";", max_size, 50 * 1024 * 1024),
    FORM("delete_guard = \"1%\";", delete_guard, 1),
    FORM("delete_guard = \"100%\";", delete_guard, 100),
    FORM("delete_guard = \"off\";", delete_guard, 0),
    FORM("compress = \"auto\";", compress, SETTINGS_COMPRESS_AUTO),
    FORM("compress = \"off\";", compress, SETTINGS_COMPRESS_OFF),
    FORM("compress = \"on\";", compress, SETTINGS_COMPRESS_ON),
    FORM("fsync = false;", fsync, 0),
    FORM("mode = \"mirror\";", fsync, 1),
};

START_TEST(test_settings_takes_a_number_or_choice)
{
	struct settings *settings = load_account(number_forms[_i].setting);
	uint64_t value = 0;

	/* little-endian or not: compare the field in its own size */
	switch (number_forms[_i].size) {
	case 1:
		value = *((const uint8_t *)settings->accounts +
		    number_forms[_i].offset);
		break;
	case 2:
		value = *(const uint16_t *)((const char *)settings->accounts +
		    number_forms[_i].offset);
		break;
	case 4:
		value = *(const uint32_t *)((const char *)settings->accounts +
		    number_forms[_i].offset);
		break;
	default:
		value = *(const uint64_t *)((const char *)settings->accounts +
		    number_forms[_i].offset);
		break;
	}
	if (value != number_forms[_i].value)
		ck_abort_msg("%s gives %llu", number_forms[_i].setting,
		    (unsigned long long)value);
	settings_free(settings);
}
END_TEST

static const struct {
	const char *setting;
	size_t offset;
	const char *value; /* $: the configuration's folder */
} string_forms[] = {
    {"tls_ca_file = \"/ca.pem\";", ACCOUNT(tls_ca_file), "/ca.pem"},
    {"tls_ca_file = \"ca.pem\";", ACCOUNT(tls_ca_file), "$/ca.pem"},
    {"tls_ca_file = \"./x//ca.pem/\";", ACCOUNT(tls_ca_file), "$/x/ca.pem"},
    {"tls_ca_file = \"../ca.pem\";", ACCOUNT(tls_ca_file), "$/../ca.pem"},
    {"tls_ca_file = \"~\";", ACCOUNT(tls_ca_file), "/home/me"},
    {"tls_ca_file = \"~/ca.pem\";", ACCOUNT(tls_ca_file), "/home/me/ca.pem"},
    {"tls_ca_file = \"a~/ca.pem\";", ACCOUNT(tls_ca_file), "$/a~/ca.pem"},
    {"tls_ca_file = \"${MAILROOT}\";", ACCOUNT(tls_ca_file), "/srv/mail"},
    {"tls_ca_file = \"${MAILROOT}/x${MAILROOT}\";", ACCOUNT(tls_ca_file),
	"/srv/mail/x/srv/mail"},
    {"tls_ca_file = \"x/${MAILROOT}\";", ACCOUNT(tls_ca_file), "$/x/srv/mail"},
    {"tls_ca_file = \"/a$b\";", ACCOUNT(tls_ca_file), "/a$b"},
    {"tls_client_cert = \"~/c\";", ACCOUNT(tls_client_cert), "/home/me/c"},
    {"tls_client_cert = \"c\"; tls_client_key = \"~/k\";",
	ACCOUNT(tls_client_key), "/home/me/k"},
    {"", ACCOUNT(name), "a"},
    {"", ACCOUNT(host), "mail.example"},
    {"", ACCOUNT(user), "u"},
    {"", ACCOUNT(secret.password_command), "p"},
    {"", ACCOUNT(maildir), "/m/a"},
};

START_TEST(test_settings_takes_a_string_or_path)
{
	struct settings *settings = load_account(string_forms[_i].setting);
	const char *value = *(char *const *)((const char *)settings->accounts +
	    string_forms[_i].offset);
	char expected[200];

	snprintf(expected, sizeof(expected), "%s%s",
	    string_forms[_i].value[0] == '$' ? folder : "",
	    string_forms[_i].value + (string_forms[_i].value[0] == '$'));
	ck_assert_str_eq(value, expected);
	settings_free(settings);
}
END_TEST

static const struct {
	const char *setting;
	size_t offset;
	const char *value;
} list_forms[] = {
    {"folders = \"*\";", ACCOUNT(folders), "*|"},
    {"folders = [ \"INBOX\", \"Lists/*\" ];", ACCOUNT(folders),
	"INBOX|Lists/*|"},
    {"folders = ( \"INBOX\", \"Entw\xc3\xbcrfe\" );", ACCOUNT(folders),
	"INBOX|Entw\xc3\xbcrfe|"},
    {"folders = \"\\\\Sent\";", ACCOUNT(folders), "\\Sent|"},
    {"exclude = [ ];", ACCOUNT(exclude), ""},
    {"exclude = ( );", ACCOUNT(exclude), ""},
    {"exclude = [ \"Spam\" ];", ACCOUNT(exclude), "Spam|"},
    {"watch = [ \"INBOX\" ];", ACCOUNT(watch), "INBOX|"},
    {"disable_extensions = [ \"QRESYNC\", \"AUTH=PLAIN\" ];",
	ACCOUNT(disable_extensions), "QRESYNC|AUTH=PLAIN|"},
    {"disable_extensions = \"NOTIFY\";", ACCOUNT(disable_extensions),
	"NOTIFY|"},
    {"auth = \"plain\";", ACCOUNT(auth), "plain|"},
    {"auth = [ \"scram-sha-256-plus\", \"scram-sha-256\", "
     "\"scram-sha-1\", \"cram-md5\", \"plain\", \"login\", \"xoauth2\", "
     "\"oauthbearer\", \"external\", \"anonymous\" ];",
	ACCOUNT(auth),
	"scram-sha-256-plus|scram-sha-256|scram-sha-1|cram-md5|plain|login|"
	"xoauth2|oauthbearer|external|anonymous|"},
};

START_TEST(test_settings_takes_a_list)
{
	struct settings *settings = load_account(list_forms[_i].setting);
	const struct settings_list *list =
	    (const void *)((const char *)settings->accounts +
		list_forms[_i].offset);
	char joined[300] = "";

	for (uint32_t i = 0; i < list->count; i++)
		snprintf(joined + strlen(joined),
		    sizeof(joined) - strlen(joined), "%s|", list->items[i]);
	ck_assert_str_eq(joined, list_forms[_i].value);
	settings_free(settings);
}
END_TEST

START_TEST(test_settings_takes_fingerprints)
{
	struct settings *settings =
	    load_account("tls_fingerprint = [ "
			 "\"" PIN_PLAIN "\", \"" PIN_COLONS "\" ];");
	const struct settings_account *account = settings->accounts;

	ck_assert_uint_eq(account->tls_fingerprint_count, 2);
	for (int i = 0; i < 2; i++) {
		const uint8_t *pin = account->tls_fingerprints[i].sha256;

		ck_assert_uint_eq(pin[0], 0);
		ck_assert_uint_eq(pin[1], 1);
		ck_assert_uint_eq(pin[10], 10);
		ck_assert_uint_eq(pin[31], 255);
	}
	settings_free(settings);
	settings = load_account("tls_fingerprint = \"" PIN_COLONS "\";");
	ck_assert_uint_eq(settings->accounts->tls_fingerprint_count, 1);
	settings_free(settings);
}
END_TEST

/* ---- globals ---- */

START_TEST(test_settings_takes_each_log_level)
{
	static const char *const levels[] = {
	    "error", "warning", "notice", "info", "debug", "trace"};
	char before[40];
	struct settings *settings;
	char *text;

	snprintf(before, sizeof(before), "log_level = \"%s\";", levels[_i]);
	text = with_account(before, "");
	settings = load_good(text);
	ck_assert_int_eq((int)settings->log_level, _i);
	settings_free(settings);
	free(text);
}
END_TEST

static const struct {
	const char *variables[4]; /* name, value, name, value */
	const char *before;
	const char *state_dir;
	const char *control_socket;
} globals[] = {
    {{NULL}, "", "/home/me/.local/state/mailmirror", NULL},
    {{"XDG_STATE_HOME", "/xs", "XDG_RUNTIME_DIR", "/xr"}, "", "/xs/mailmirror",
	"/xr/mailmirror/control"},
    {{"XDG_STATE_HOME", "xs", "XDG_RUNTIME_DIR", "xr"}, "",
	"/home/me/.local/state/mailmirror", NULL},
    {{"STATE_DIRECTORY", "/ss:/other", "RUNTIME_DIRECTORY", "/sr:/other"}, "",
	"/ss", "/sr/control"},
    {{"STATE_DIRECTORY", "/ss", "XDG_STATE_HOME", "/xs"}, "", "/ss", NULL},
    {{"STATE_DIRECTORY", "/ss"}, "state_dir = \"~/state\";", "/home/me/state",
	NULL},
};

START_TEST(test_settings_finds_state_dir_and_control_socket)
{
	char *text = with_account(globals[_i].before, "");
	struct settings *settings;

	for (int i = 0; i < 4 && globals[_i].variables[i] != NULL; i += 2)
		setenv(
		    globals[_i].variables[i], globals[_i].variables[i + 1], 1);
	settings = load_good(text);
	ck_assert_str_eq(settings->state_dir, globals[_i].state_dir);
	ck_assert_pstr_eq(settings->control_socket, globals[_i].control_socket);
	settings_free(settings);
	free(text);
}
END_TEST

/* ---- layers ---- */

START_TEST(test_settings_account_overrides_defaults)
{
	struct settings *settings =
	    load_good("defaults = { poll_interval = \"7m\"; user = \"all\";\n"
		      "  password_file = \"~/pw\"; folders = [ \"*\" ]; };\n"
		      "accounts = (\n"
		      "  { name = \"a\"; host = \"h\"; maildir = \"/a\"; },\n"
		      "  { name = \"b\"; host = \"h\"; maildir = \"/b\";\n"
		      "    poll_interval = \"8m\"; password_command = \"x\";\n"
		      "    folders = [ \"INBOX\", \"B\" ]; });\n");
	const struct settings_account *a = settings_account(settings, "a");
	const struct settings_account *b = settings_account(settings, "b");

	ck_assert_ptr_eq(a, &settings->accounts[0]);
	ck_assert_ptr_eq(b, &settings->accounts[1]);
	ck_assert_ptr_null(settings_account(settings, "c"));
	ck_assert_int_eq(a->line, 4);
	ck_assert_int_eq(b->line, 5);
	ck_assert_uint_eq(a->poll_interval, 420 * SECOND);
	ck_assert_uint_eq(b->poll_interval, 480 * SECOND);
	ck_assert_str_eq(a->user, "all");
	ck_assert_str_eq(b->user, "all");
	ck_assert_uint_eq(a->folders.count, 1);
	ck_assert_uint_eq(b->folders.count, 2);
	/* one source of a secret replaces another */
	ck_assert_str_eq(a->secret.password_file, "/home/me/pw");
	ck_assert_ptr_null(b->secret.password_file);
	ck_assert_str_eq(b->secret.password_command, "x");
	settings_free(settings);
}
END_TEST

START_TEST(test_settings_tunnel_replaces_the_defaults_host)
{
	struct settings *settings =
	    load_good("defaults = { host = \"h\"; };\n"
		      "accounts = ({ name = \"a\"; maildir = \"/a\";\n"
		      "  tunnel = \"ssh h imap\"; });\n");

	ck_assert_ptr_null(settings->accounts[0].host);
	ck_assert_str_eq(settings->accounts[0].tunnel, "ssh h imap");
	settings_free(settings);
}
END_TEST

START_TEST(test_settings_reads_an_included_file)
{
	char path[80];
	struct settings *settings;

	snprintf(path, sizeof(path), "%s/b.inc", folder);
	write_file(
	    path, "defaults = { password = \"s\"; user = \"u\"; };\n", 0600);
	settings = load_good("@include \"b.inc\"\n"
			     "accounts = ({ name = \"a\"; host = \"h\";\n"
			     "  maildir = \"/a\"; });\n");
	ck_assert_str_eq(settings->accounts[0].secret.password, "s");
	settings_free(settings);
	write_file(
	    path, "defaults = { password = \"s\"; user = \"u\"; };\n", 0644);
	expect_problems("@include \"b.inc\"\n"
			"accounts = ({ name = \"a\"; host = \"h\";\n"
			"  maildir = \"/a\"; });\n",
	    "/b.inc:1: defaults: password: stands in a file that others can "
	    "read (mode 0644); allowed: a file of mode 0600, or "
	    "password_command, password_file or credential instead");
}
END_TEST

START_TEST(test_settings_needs_no_secret_where_none_is_used)
{
	static const char *const accounts[] = {
	    "tunnel = \"t\";",
	    "host = \"h\"; auth = \"anonymous\";",
	    "host = \"h\"; auth = [ \"external\" ]; tls_client_cert = \"c\";",
	    "host = \"h\"; tls_client_cert = \"c\";",
	};
	char text[200];

	snprintf(text, sizeof(text),
	    "accounts = ({ name = \"a\"; maildir = \"/a\"; %s });",
	    accounts[_i]);
	settings_free(load_good(text));
}
END_TEST

START_TEST(test_settings_plaintext_is_for_loopback)
{
	static const char *const hosts[] = {
	    "127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST"};
	char text[200];

	snprintf(text, sizeof(text),
	    "accounts = ({ name = \"a\"; maildir = \"/a\"; user = \"u\"; "
	    "password_file = \"p\"; tls = \"none\"; host = \"%s\"; });",
	    hosts[_i]);
	settings_free(load_good(text));
}
END_TEST

START_TEST(test_settings_is_loopback_knows_only_loopback)
{
	ck_assert(!settings_is_loopback("128.0.0.1"));
	ck_assert(!settings_is_loopback("0.0.0.0"));
	ck_assert(!settings_is_loopback("::2"));
	ck_assert(!settings_is_loopback("127.0.0.1.example.org"));
	ck_assert(!settings_is_loopback("localhost.example.org"));
	ck_assert(!settings_is_loopback(""));
}
END_TEST

START_TEST(test_settings_paths_are_relative_to_a_relative_file)
{
	char *text = with_account("", "tls_ca_file = \"ca\";");
	char expected[80];
	struct settings *settings;

	write_file(file, text, 0600);
	ck_assert_int_eq(chdir("/tmp"), 0);
	settings = settings_load(file + strlen("/tmp/"), &problems);
	ck_assert_ptr_nonnull(settings);
	snprintf(expected, sizeof(expected), "%s/ca", folder);
	ck_assert_str_eq(settings->accounts[0].tls_ca_file, expected);
	settings_free(settings);
	ck_assert_int_eq(chdir(folder), 0);
	settings = settings_load("a.conf", &problems);
	ck_assert_ptr_nonnull(settings);
	ck_assert_str_eq(settings->accounts[0].tls_ca_file, expected);
	settings_free(settings);
	free(text);
}
END_TEST

/* ---- equality ---- */

START_TEST(test_settings_accounts_differ_in_any_one_setting)
{
	struct settings *plain = load_account("");
	struct settings *other = load_account(number_forms[_i].setting);
	struct settings *again = load_account(number_forms[_i].setting);
	bool is_default = number_forms[_i].offset == ACCOUNT(is_auth_auto)
	    ? number_forms[_i].value == 1
	    : strstr(number_forms[_i].setting, "tls = \"implicit\"") != NULL ||
		strstr(number_forms[_i].setting, "mode") != NULL ||
		strstr(number_forms[_i].setting, "\"1.2\"") != NULL ||
		strstr(number_forms[_i].setting, "\"5m\"") != NULL ||
		strstr(number_forms[_i].setting, "\"delete\"") != NULL ||
		strstr(number_forms[_i].setting, "\"nested\"") != NULL ||
		strstr(number_forms[_i].setting, "\"lf\"") != NULL ||
		strstr(number_forms[_i].setting, "max_size = 0") != NULL ||
		strstr(number_forms[_i].setting, "\"0\"") != NULL ||
		strstr(number_forms[_i].setting, "compress = \"auto\"") != NULL;

	ck_assert(settings_account_equal(other->accounts, again->accounts));
	if (settings_account_equal(plain->accounts, other->accounts) !=
	    is_default)
		ck_abort_msg("%s", number_forms[_i].setting);
	settings_free(plain);
	settings_free(other);
	settings_free(again);
}
END_TEST

START_TEST(test_settings_accounts_differ_in_strings_and_lists)
{
	static const char *const more[] = {"tls_ca_file = \"x\";",
	    "folders = [ \"x\" ];", "folders = [ \"INBOX\", \"x\" ];",
	    "tls_fingerprint = \"" PIN_PLAIN "\";"};
	struct settings *plain = load_account("");
	struct settings *other = load_account(more[_i]);

	ck_assert(!settings_account_equal(plain->accounts, other->accounts));
	ck_assert(settings_account_equal(other->accounts, other->accounts));
	settings_free(plain);
	settings_free(other);
}
END_TEST

/* ---- finding the file ---- */

START_TEST(test_settings_find_takes_the_first_that_exists)
{
	char path[120];
	char *found = settings_find("given");

	ck_assert_str_eq(found, "given");
	free(found);
	setenv("XDG_CONFIG_HOME", folder, 1);
	setenv("HOME", folder, 1);
	found = settings_find(NULL);
	ck_assert_str_eq(found, "/etc/mailmirror/mailmirror.conf");
	free(found);
	snprintf(path, sizeof(path), "%s/.config", folder);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/.config/mailmirror", folder);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/.config/mailmirror/mailmirror.conf",
	    folder);
	write_file(path, "", 0600);
	found = settings_find(NULL);
	ck_assert_str_eq(found, path);
	free(found);
	snprintf(path, sizeof(path), "%s/mailmirror", folder);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/mailmirror/mailmirror.conf", folder);
	write_file(path, "", 0600);
	found = settings_find(NULL);
	ck_assert_str_eq(found, path);
	free(found);
}
END_TEST

START_TEST(test_settings_examples_have_no_problems)
{
	glob_t found;

	ck_assert_int_eq(
	    glob(TESTS_DIR "/../conf/examples/*.conf", 0, NULL, &found), 0);
	ck_assert_uint_ge(found.gl_pathc, 10);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct settings *settings =
		    settings_load(found.gl_pathv[i], &problems);

		if (settings == NULL)
			ck_abort_msg("%s", problems.items[0].text);
		settings_free(settings);
	}
	globfree(&found);
}
END_TEST

static Suite *
settings_suite(void)
{
	Suite *suite = suite_create("settings");
	TCase *tests = tcase_create("settings");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, test_settings_has_a_default_for_everything);
	tcase_add_loop_test(tests, test_settings_takes_a_number_or_choice, 0,
	    COUNT(number_forms));
	tcase_add_loop_test(tests, test_settings_takes_a_string_or_path, 0,
	    COUNT(string_forms));
	tcase_add_loop_test(
	    tests, test_settings_takes_a_list, 0, COUNT(list_forms));
	tcase_add_test(tests, test_settings_takes_fingerprints);
	tcase_add_loop_test(tests, test_settings_takes_each_log_level, 0, 6);
	tcase_add_loop_test(tests,
	    test_settings_finds_state_dir_and_control_socket, 0,
	    COUNT(globals));
	tcase_add_test(tests, test_settings_account_overrides_defaults);
	tcase_add_test(tests, test_settings_tunnel_replaces_the_defaults_host);
	tcase_add_test(tests, test_settings_reads_an_included_file);
	tcase_add_loop_test(
	    tests, test_settings_needs_no_secret_where_none_is_used, 0, 4);
	tcase_add_loop_test(
	    tests, test_settings_plaintext_is_for_loopback, 0, 5);
	tcase_add_test(tests, test_settings_is_loopback_knows_only_loopback);
	tcase_add_test(
	    tests, test_settings_paths_are_relative_to_a_relative_file);
	tcase_add_loop_test(tests,
	    test_settings_accounts_differ_in_any_one_setting, 0,
	    COUNT(number_forms));
	tcase_add_loop_test(
	    tests, test_settings_accounts_differ_in_strings_and_lists, 0, 4);
	tcase_add_test(tests, test_settings_find_takes_the_first_that_exists);
	tcase_add_test(tests, test_settings_examples_have_no_problems);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(settings_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
