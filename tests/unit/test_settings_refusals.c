/*
 * The configuration file: every refusal with its exact message and line.
 */
#include "settings_helpers.h"

/* ---- refusals in an account that is otherwise complete, on line 2 ---- */

#define A "2: account \"a\": "
#define TIME_1 \
	"; allowed: seconds, or \"30s\", \"5m\", \"2h\", from 1s to 8760h"
#define TIME_2 "; allowed: seconds, or \"30s\", \"5m\", from 1s to 29m"
#define TIME_3 "; allowed: seconds, or \"500ms\", \"2s\", at most 1h"
#define TIME_4 "; allowed: seconds, or \"30s\", \"5m\", from 1s to 24h"
#define SIZE   "; allowed: bytes, or \"500K\", \"50M\", \"2G\"; 0 is no limit"
#define PROXY                                                \
	"; allowed: \"socks5h://[user:pass@]host:port\" or " \
	"\"http://host:port\""
#define BAD_PORT ": has no port that is a number from 1 to 65535" PROXY
#define BAD_HOST ": has no host name or address (IPv6 in brackets)" PROXY
#define PINS                                                              \
	"; allowed: 64 hexadecimal digits, in pairs separated by colons " \
	"or not, or a list of these"
#define AUTH                                                            \
	"; allowed: \"auto\" or a list of \"scram-sha-256-plus\", "     \
	"\"scram-sha-256\", \"scram-sha-1\", \"cram-md5\", \"plain\", " \
	"\"login\", \"xoauth2\", \"oauthbearer\", \"external\", "       \
	"\"anonymous\""

static const struct {
	const char *setting;
	const char *problem;
} refusals[] = {
    {"colour = 1;",
	A "colour: unknown setting; allowed: those of mailmirror.conf(5)"},
    {"state_dir = \"/s\";",
	A "state_dir: unknown setting here; allowed: outside of accounts and "
	  "defaults"},
    {"port = \"993\";",
	A "port: wrong type (a string); allowed: a number from 1 to 65535"},
    {"port = 0;",
	A "port: 0 is out of range; allowed: a number from 1 to 65535"},
    {"port = 65536;",
	A "port: 65536 is out of range; allowed: a number from 1 to 65535"},
    {"port = -1;",
	A "port: -1 is out of range; allowed: a number from 1 to 65535"},
    {"port = 9.5;",
	A "port: wrong type (a fraction); allowed: a number from 1 to 65535"},
    {"tunnel = \"t\";",
	A "tunnel: cannot be combined with host; allowed: one of the two"},
    {"tls = \"ssl\";",
	A "tls: \"ssl\" is unknown; allowed: \"implicit\", \"starttls\" or "
	  "\"none\""},
    {"tls = true;",
	A "tls: wrong type (a truth value); allowed: \"implicit\", "
	  "\"starttls\" or \"none\""},
    {"tls = \"none\";",
	A "tls: \"none\" leaves the connection to \"mail.example\" "
	  "unprotected; allowed: a loopback host, or allow_plaintext = true"},
    {"allow_plaintext = 1;",
	A "allow_plaintext: wrong type (a number); allowed: true or false"},
    {"tls_ca_file = \"\";",
	A "tls_ca_file: is empty; allowed: the path of a PEM file"},
    {"tls_ca_file = \"${UNSET}/x\";",
	A "tls_ca_file: the environment variable UNSET is not set; allowed: "
	  "the path of a PEM file"},
    {"tls_ca_file = \"${EMPTY}/x\";",
	A "tls_ca_file: the environment variable EMPTY is empty; allowed: "
	  "the path of a PEM file"},
    {"tls_ca_file = \"${UNSET\";",
	A "tls_ca_file: \"${\" lacks its \"}\"; allowed: the path of a PEM "
	  "file"},
    {"tls_ca_file = \"${}\";",
	A "tls_ca_file: \"${}\" names no variable; allowed: the path of a "
	  "PEM file"},
    {"tls_ca_file = \"~root/x\";",
	A "tls_ca_file: of \"~\" only \"~\" itself and \"~/...\" are known; "
	  "allowed: the path of a PEM file"},
    {"tls_ca_file = \"a\\nb\";",
	A "tls_ca_file: has a control character; allowed: the path of a PEM "
	  "file"},
    {"tls_fingerprint = \"0102\";",
	A "tls_fingerprint: \"0102\" is no SHA-256 fingerprint" PINS},
    {"tls_fingerprint = \"" PIN_PLAIN "0\";",
	A "tls_fingerprint: \"" PIN_PLAIN "0\" is no SHA-256 fingerprint" PINS},
    {"tls_fingerprint = [ ];", A "tls_fingerprint: is empty" PINS},
    {"tls_fingerprint = 5;", A "tls_fingerprint: wrong type (a number)" PINS},
    {"tls_client_key = \"k\";",
	A "tls_client_key: tls_client_cert is missing; allowed: both, or a "
	  "certificate file with the key in it"},
    {"tls_min_version = \"1.1\";",
	A "tls_min_version: \"1.1\" is unknown; allowed: \"1.2\" or \"1.3\""},
    {"tls_min_version = 1.2;",
	A "tls_min_version: wrong type (a fraction); allowed: \"1.2\" or "
	  "\"1.3\""},
    {"proxy = 1080;", A "proxy: wrong type (a number)" PROXY},
    {"proxy = \"\";", A "proxy: has another scheme, or none" PROXY},
    {"proxy = \"p:1080\";", A "proxy: has another scheme, or none" PROXY},
    {"proxy = \"socks4a://p:1\";",
	A "proxy: has another scheme, or none" PROXY},
    {"proxy = \"socks5://p:1\";",
	A "proxy: is socks5, which looks up names here" PROXY},
    {"proxy = \"socks5h://p\";", A "proxy: has no port" PROXY},
    {"proxy = \"socks5h://[::1]\";", A "proxy: has no port" PROXY},
    {"proxy = \"socks5h://p:\";", A "proxy" BAD_PORT},
    {"proxy = \"socks5h://p:0\";", A "proxy" BAD_PORT},
    {"proxy = \"socks5h://p:65536\";", A "proxy" BAD_PORT},
    {"proxy = \"socks5h://p:000080\";", A "proxy" BAD_PORT},
    {"proxy = \"http://p:80/\";", A "proxy" BAD_PORT},
    {"proxy = \"http://:80\";", A "proxy" BAD_HOST},
    {"proxy = \"http://p p:80\";", A "proxy" BAD_HOST},
    {"proxy = \"http://::1:80\";", A "proxy" BAD_HOST},
    {"proxy = \"http://[::1:80\";", A "proxy" BAD_HOST},
    {"proxy = \"http://[]:80\";", A "proxy" BAD_HOST},
    {"proxy = \"http://[p]:80\";", A "proxy" BAD_HOST},
    /* what may be a password is not repeated */
    {"proxy = \"http://me:secret@p:80\";",
	A "proxy: has a user, which only socks5h takes" PROXY},
    {"proxy = \"socks5h://me@p:80\";",
	A "proxy: has a user without a password" PROXY},
    {"proxy = \"socks5h://:secret@p:80\";",
	A "proxy: has an empty user or password" PROXY},
    {"proxy = \"socks5h://me:@p:80\";",
	A "proxy: has an empty user or password" PROXY},
    {"proxy = \"socks5h://me:100%@p:80\";",
	A "proxy: has a % without two hexadecimal digits" PROXY},
    {"proxy = \"socks5h://me:%4@p:80\";",
	A "proxy: has a % without two hexadecimal digits" PROXY},
    {"proxy = \"socks5h://me:%0a@p:80\";",
	A "proxy: has a control character" PROXY},
    {"proxy = \"socks5h://me:secret@p\";", A "proxy: has no port" PROXY},
    {"password = \"x\";",
	A "password_command: cannot be combined with password; allowed: one "
	  "source of the secret"},
    {"password_file = \"x\";",
	A "password_command: cannot be combined with password_file; allowed: "
	  "one source of the secret"},
    {"credential = \"x\";",
	A "credential: cannot be combined with password_command; allowed: "
	  "one source of the secret"},
    {"credential = \"../x\";",
	A "credential: \"../x\" is no file name; allowed: the name of a file "
	  "in $CREDENTIALS_DIRECTORY, without \"/\"\n" A
	  "credential: cannot be combined with password_command; allowed: "
	  "one source of the secret"},
    {"auth = \"digest-md5\";", A "auth: \"digest-md5\" is unknown" AUTH},
    {"auth = [ \"plain\", \"auto\" ];", A "auth: \"auto\" is unknown" AUTH},
    {"auth = [ ];", A "auth: is empty" AUTH},
    {"folders = [ ];",
	A "folders: is empty; allowed: a list of at least one pattern"},
    {"folders = \"\";",
	A "folders: an item is empty; allowed: a list of at least one "
	  "pattern"},
    {"folders = [ \"a\\tb\" ];",
	A "folders: has a control character; allowed: a list of at least one "
	  "pattern"},
    {"folders = ( \"a\", 1, true );",
	A "folders: wrong type (a number); allowed: a list of at least one "
	  "pattern\n" A
	  "folders: wrong type (a truth value); allowed: a list of at least "
	  "one pattern"},
    {"exclude = { };",
	A "exclude: wrong type (a group); allowed: a list of patterns"},
    {"watch = [ ];",
	A "watch: is empty; allowed: a list of at least one pattern; without "
	  "it all folders are watched"},
    {"max_connections = 0;",
	A "max_connections: 0 is out of range; allowed: a number from 1 to "
	  "1000"},
    {"max_connections = 1001;",
	A "max_connections: 1001 is out of range; allowed: a number from 1 "
	  "to 1000"},
    {"poll_interval = 0;", A "poll_interval: 0 is out of range" TIME_1},
    {"poll_interval = -5;", A "poll_interval: -5 is out of range" TIME_1},
    {"poll_interval = \"999ms\";",
	A "poll_interval: \"999ms\" is out of range" TIME_1},
    {"poll_interval = \"5 m\";",
	A "poll_interval: \"5 m\" is not a duration" TIME_1},
    {"poll_interval = \"5\";",
	A "poll_interval: \"5\" is not a duration" TIME_1},
    {"poll_interval = \"-5m\";",
	A "poll_interval: \"-5m\" is not a duration" TIME_1},
    {"poll_interval = \"\";", A "poll_interval: \"\" is not a duration" TIME_1},
    {"poll_interval = \"99999999999999999999h\";",
	A "poll_interval: \"99999999999999999999h\" is out of range" TIME_1},
    {"poll_interval = 9223372036854775807L;",
	A "poll_interval: 9223372036854775807 is out of range" TIME_1},
    {"poll_interval = 0.5;", A "poll_interval: wrong type (a fraction)" TIME_1},
    {"idle_refresh = \"30m\";",
	A "idle_refresh: \"30m\" is out of range" TIME_2},
    {"idle_refresh = \"500ms\";",
	A "idle_refresh: \"500ms\" is out of range" TIME_2},
    {"burst_interval = \"2h\";",
	A "burst_interval: \"2h\" is out of range" TIME_3},
    {"burst_max_wait = 3601;", A "burst_max_wait: 3601 is out of range" TIME_3},
    {"timeout = \"0s\";", A "timeout: \"0s\" is out of range" TIME_4},
    {"disable_extensions = [ \"A B\" ];",
	A "disable_extensions: \"A B\" is no capability; allowed: a list of "
	  "capabilities"},
    {"mode = \"sync\";",
	A "mode: \"sync\" is reserved until mailmirror.conf(5) says how it "
	  "behaves; allowed: \"mirror\""},
    {"mode = \"backup\";",
	A "mode: \"backup\" is unknown; allowed: \"mirror\""},
    {"on_expunge = \"archive\";",
	A "on_expunge: archive_folder is missing; allowed: both, or "
	  "\"delete\" or \"keep\""},
    {"on_expunge = \"trash\";",
	A "on_expunge: \"trash\" is unknown; allowed: \"delete\", \"keep\" "
	  "or \"archive\""},
    {"archive_folder = \"\";",
	A "archive_folder: is empty; allowed: a folder's name"},
    {"layout = \"flat\";",
	A "layout: \"flat\" is unknown; allowed: \"nested\" or "
	  "\"maildir++\""},
    {"line_endings = \"cr\";",
	A "line_endings: \"cr\" is unknown; allowed: \"lf\" or \"crlf\""},
    {"max_size = \"50m\";", A "max_size: \"50m\" is not a size" SIZE},
    {"max_size = \"9999999999G\";",
	A "max_size: \"9999999999G\" is out of range" SIZE},
    {"delete_guard = 50;",
	A "delete_guard: wrong type (a number); allowed: \"1%\" to \"100%\", "
	  "or \"off\""},
    {"delete_guard = \"50\";",
	A "delete_guard: \"50\" is not a percentage; allowed: \"1%\" to "
	  "\"100%\", or \"off\""},
    {"delete_guard = \"101%\";",
	A "delete_guard: \"101%\" is out of range; allowed: \"1%\" to "
	  "\"100%\", or \"off\""},
    {"delete_guard = \"0%\";",
	A "delete_guard: \"0%\" is out of range; allowed: \"1%\" to "
	  "\"100%\", or \"off\""},
    {"compress = \"yes\";",
	A "compress: \"yes\" is unknown; allowed: \"auto\", \"on\" or "
	  "\"off\""},
    {"fsync = \"true\";",
	A "fsync: wrong type (a string); allowed: true or false"},
    {"on_change = \"\";", A "on_change: is empty; allowed: a shell command"},
};

START_TEST(test_settings_refuses_a_setting)
{
	char *text = with_account("", refusals[_i].setting);

	expect_problems(text, refusals[_i].problem);
	free(text);
}
END_TEST

/* ---- whole files ---- */

#define REST "user = \"u\"; password_file = \"p\";"

static const struct {
	const char *text;
	const char *problems;
} files[] = {
    {"", "1: accounts: missing; allowed: a list of groups, ( { ... }, ... )"},
    {"\naccounts = ();\n",
	"2: accounts: is empty; allowed: at least one account"},
    {"accounts = { };",
	"1: accounts: wrong type; allowed: a list of groups, "
	"( { ... }, ... )"},
    {"accounts = (\n 1 );",
	"2: accounts: wrong type; allowed: a list of groups, "
	"( { ... }, ... )"},
    {"defaults = 1;\naccounts = ();",
	"1: defaults: wrong type; allowed: a group, { ... }\n"
	"2: accounts: is empty; allowed: at least one account"},
    {"a = 1;\nb = ;\n", "2: syntax error"},
    {"a = 1;\n\na = 2;\n", "3: duplicate setting name"},
    {"a = 50M;\n", "1: syntax error"},
    {"\n/* 5000000000 */ a = \"5000000000\"; # 5000000000\n"
     "a5000000000 = 1.5e3; b = 2147483647;\n c = 5000000000; // 5\n"
     "d = 0x80000000; e = 99999999999999999999L;\n",
	"4: the number 5000000000 is too large without an L behind it\n"
	"5: the number 0x80000000 is too large without an L behind it\n"
	"5: the number 99999999999999999999 is too large"},
    {"accounts = ();\n@include \"/etc/passwd\"\n",
	"2: @include: cannot read $//etc/passwd: the name must be relative "
	"to the folder of the configuration file"},
    {"@include \".\"\n", "1: @include: cannot read $/.: Is a directory"},
    {"@include \"none\"\n",
	"1: @include: cannot read $/none: No such file or directory"},
    {"log_level = \"loud\"; metrics_file = 5;\n"
     "control_socket = true; state_dir = 1;\n"
     "host = \"h\"; what = 1;\naccounts = ();\n",
	"1: log_level: \"loud\" is unknown; allowed: \"error\", "
	"\"warning\", \"notice\", \"info\", \"debug\" or \"trace\"\n"
	"1: metrics_file: wrong type (a number); allowed: a path\n"
	"2: control_socket: wrong type (a truth value); allowed: a path\n"
	"2: state_dir: wrong type (a number); allowed: a path\n"
	"3: host: unknown setting here; allowed: in an account and in "
	"defaults\n"
	"3: what: unknown setting; allowed: those of mailmirror.conf(5)\n"
	"4: accounts: is empty; allowed: at least one account"},
    {"accounts = (\n { tls = \"starttls\"; } );",
	"2: account 1: name: missing; allowed: letters, digits, \".\", \"_\" "
	"and \"-\", unlike every other account's\n"
	"2: account 1: maildir: missing; allowed: a path that no other "
	"account has\n"
	"2: account 1: host: missing; allowed: a host name or address, or a "
	"tunnel instead of it\n"
	"2: account 1: password_command: missing; allowed: one of password, "
	"password_file, password_command and credential\n"
	"2: account 1: user: missing; allowed: the login name"},
    {"accounts = ({\n name = \"a/b\";\n host = \"h h\";\n maildir = 1; " REST
     " });",
	"2: account \"a/b\": name: \"a/b\" has another character; allowed: "
	"letters, digits, \".\", \"_\" and \"-\", at most 200\n"
	"3: account \"a/b\": host: \"h h\" is no host name or address; "
	"allowed: a host name, or an IPv4 or IPv6 address\n"
	"4: account \"a/b\": maildir: wrong type (a number); allowed: a "
	"path"},
    {"accounts = ({ name = \"a\"; host = \"h\"; maildir = \"/m/x\"; " REST
     "},\n{ name = \"a\"; host = \"h\";\n maildir = \"/m//./x/\"; " REST "});",
	"2: account \"a\": name: the account of line 1 has this name, too; "
	"allowed: one that no other account has\n"
	"3: account \"a\": maildir: the account of line 1 has \"/m/x\", too; "
	"allowed: a path that no other account has"},
    /* what is wrong in defaults is said once, whatever the accounts */
    {"defaults = { timeout = 0; proxy = \"http://p\"; };\n"
     "accounts = ({ name = \"a\"; host = \"h\"; maildir = \"/a\"; " REST
     "},\n{ name = \"b\"; host = \"h\"; maildir = \"/b\"; " REST "});",
	"1: defaults: timeout: 0 is out of range" TIME_4 "\n"
	"1: defaults: proxy: has no port" PROXY},
    /* loopback behind a proxy is anywhere */
    {"accounts = ({ name = \"a\"; maildir = \"/a\"; " REST
     " host = \"127.0.0.1\";\ntls = \"none\"; proxy = \"http://p:80\"; });",
	"2: account \"a\": tls: \"none\" leaves the connection to "
	"\"127.0.0.1\" behind the proxy unprotected; allowed: a loopback host "
	"without a proxy, or allow_plaintext = true"},
    {"accounts = ({ name = \"a\"; maildir = \"/a\"; " REST
     "\nhost = \"fe80::1%eth0\"; proxy = \"http://p:80\"; });",
	"2: account \"a\": host: the zone of an address means nothing to a "
	"proxy; allowed: a host name or an address without \"%\""},
    {"accounts = ({ name = \"a\"; maildir = \"/a\"; tunnel = \"t\";\n"
     "proxy = \"http://p:80\"; });",
	"2: account \"a\": proxy: cannot be combined with tunnel; allowed: "
	"one of the two"},
    /* a contradiction names the setting's own line */
    {"defaults = {\n password_file = \"p\"; user = \"u\";\n"
     " tls = \"none\"; };\n"
     "accounts = ({ name = \"a\"; host = \"h\"; maildir = \"/a\"; });",
	"3: account \"a\": tls: \"none\" leaves the connection to \"h\" "
	"unprotected; allowed: a loopback host, or allow_plaintext = true"},
};

START_TEST(test_settings_refuses_a_file)
{
	char expected[2000] = "";

	for (const char *c = files[_i].problems; *c != '\0'; c++)
		snprintf(expected + strlen(expected),
		    sizeof(expected) - strlen(expected),
		    *c == '$' ? "%s" : "%.1s", *c == '$' ? folder : c);
	expect_problems(files[_i].text, expected);
}
END_TEST

START_TEST(test_settings_refuses_what_cannot_be_read)
{
	char expected[200];

	snprintf(expected, sizeof(expected),
	    "%s/none:1: cannot be read: No such file or directory", folder);
	snprintf(file, sizeof(file), "%s/none", folder);
	ck_assert_ptr_null(settings_load(file, &problems));
	ck_assert_uint_eq(problems.count, 1);
	ck_assert_str_eq(problems.items[0].text, expected);
	settings_problems_free(&problems);

	snprintf(expected, sizeof(expected),
	    "%s:1: cannot be read: Is a directory", folder);
	ck_assert_ptr_null(settings_load(folder, &problems));
	ck_assert_uint_eq(problems.count, 1);
	ck_assert_str_eq(problems.items[0].text, expected);
}
END_TEST

START_TEST(test_settings_password_needs_a_private_file)
{
	static const struct {
		mode_t mode;
		bool is_allowed;
	} modes[] = {{0600, true}, {0400, true}, {0640, false}, {0604, false},
	    {0644, false}, {0660, false}};
	struct settings *settings;
	char expected[300];

	write_file(file,
	    "accounts = ({ name = \"a\"; host = \"h\"; maildir = \"/a\";\n"
	    "user = \"u\"; password = \"secret\"; });\n",
	    modes[_i].mode);
	settings = settings_load(file, &problems);
	ck_assert_int_eq(settings != NULL, modes[_i].is_allowed);
	if (settings != NULL) {
		ck_assert_str_eq(
		    settings->accounts[0].secret.password, "secret");
		settings_free(settings);
		return;
	}
	snprintf(expected, sizeof(expected),
	    "%s:2: account \"a\": password: stands in a file that others can "
	    "read (mode %04o); allowed: a file of mode 0600, or "
	    "password_command, password_file or credential instead",
	    file, modes[_i].mode);
	ck_assert_uint_eq(problems.count, 1);
	ck_assert_str_eq(problems.items[0].text, expected);
}
END_TEST

static Suite *
refusals_suite(void)
{
	Suite *suite = suite_create("settings_refusals");
	TCase *tests = tcase_create("settings_refusals");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(
	    tests, test_settings_refuses_a_setting, 0, COUNT(refusals));
	tcase_add_loop_test(
	    tests, test_settings_refuses_a_file, 0, COUNT(files));
	tcase_add_test(tests, test_settings_refuses_what_cannot_be_read);
	tcase_add_loop_test(
	    tests, test_settings_password_needs_a_private_file, 0, 6);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(refusals_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
