/*
 * The setting `proxy`: its parts, who may read them, and what it is beside
 * others. Its refusals are with all others.
 */
#include "settings_helpers.h"

START_TEST(test_settings_takes_a_proxy_apart)
{
	static const struct {
		const char *text;
		struct settings_proxy proxy;
	} cases[] = {
	    {"socks5h://localhost:9050",
		{false, "localhost", 9050, NULL, NULL}},
	    {"SOCKS5H://192.0.2.1:1", {false, "192.0.2.1", 1, NULL, NULL}},
	    {"http://proxy.example:65535",
		{true, "proxy.example", 65535, NULL, NULL}},
	    {"http://[2001:db8::1]:3128",
		{true, "2001:db8::1", 3128, NULL, NULL}},
	    {"socks5h://me:pw@h:1", {false, "h", 1, "me", "pw"}},
	    {"socks5h://a%40b:p:%3a%2F%25@[::1]:1",
		{false, "::1", 1, "a@b", "p::/%"}},
	    {"socks5h://me:a@b@h:1", {false, "h", 1, "me", "a@b"}},
	    {"socks5h://m\xc3\xa9:%C3%a9@h:1",
		{false, "h", 1, "m\xc3\xa9", "\xc3\xa9"}},
	};
	const struct settings_proxy *expected = &cases[_i].proxy;
	const struct settings_proxy *proxy;
	struct settings *settings;
	char text[300];

	snprintf(text, sizeof(text),
	    "accounts = ({ " COMPLETE " proxy = \"%s\"; });", cases[_i].text);
	settings = load_good(text);
	proxy = settings->accounts[0].proxy;
	ck_assert_int_eq(proxy->is_http, expected->is_http);
	ck_assert_str_eq(proxy->host, expected->host);
	ck_assert_uint_eq(proxy->port, expected->port);
	ck_assert_pstr_eq(proxy->user, expected->user);
	ck_assert_pstr_eq(proxy->password, expected->password);
	settings_free(settings);
}
END_TEST

START_TEST(test_settings_tunnel_does_without_the_defaults_proxy)
{
	settings_free(load_good("defaults = { proxy = \"http://p:80\"; };\n"
				"accounts = ({ name = \"a\"; maildir = \"/a\";"
				" tunnel = \"ssh h imap\"; });\n"));
}
END_TEST

START_TEST(test_settings_accounts_differ_in_any_part_of_a_proxy)
{
	static const char *const proxies[] = {"", "proxy = \"http://h:1\";",
	    "proxy = \"socks5h://h:1\";", "proxy = \"socks5h://h:2\";",
	    "proxy = \"socks5h://i:1\";", "proxy = \"socks5h://a:b@h:1\";",
	    "proxy = \"socks5h://a:c@h:1\";", "proxy = \"socks5h://b:b@h:1\";"};
	struct settings *all[COUNT(proxies)];
	char text[200];

	for (size_t i = 0; i < COUNT(proxies); i++) {
		snprintf(text, sizeof(text),
		    "accounts = ({ " COMPLETE " %s });", proxies[i]);
		all[i] = load_good(text);
	}
	for (size_t i = 0; i < COUNT(proxies) * COUNT(proxies); i++) {
		size_t a = i / COUNT(proxies);
		size_t b = i % COUNT(proxies);

		ck_assert_int_eq(settings_account_equal(&all[a]->accounts[0],
				     &all[b]->accounts[0]),
		    a == b);
	}
	for (size_t i = 0; i < COUNT(proxies); i++)
		settings_free(all[i]);
}
END_TEST

START_TEST(test_settings_proxy_password_needs_a_private_file)
{
	static const struct {
		const char *proxy;
		mode_t mode;
		bool is_allowed;
	} cases[] = {{"socks5h://me:secret@p:1", 0600, true},
	    {"socks5h://me:secret@p:1", 0640, false},
	    {"socks5h://me:secret@p:1", 0604, false},
	    {"socks5h://p:1", 0644, true}, {"http://p:1", 0644, true}};
	struct settings *settings;
	char text[300];

	snprintf(text, sizeof(text),
	    "accounts = ({ " COMPLETE "\nproxy = \"%s\"; });\n",
	    cases[_i].proxy);
	write_file(file, text, cases[_i].mode);
	settings = settings_load(file, &problems);
	ck_assert_int_eq(settings != NULL, cases[_i].is_allowed);
	if (settings != NULL) {
		settings_free(settings);
		return;
	}
	snprintf(text, sizeof(text),
	    "%s:2: account \"a\": proxy: has a password in a file that others "
	    "can read (mode %04o); allowed: a file of mode 0600",
	    file, cases[_i].mode);
	ck_assert_uint_eq(problems.count, 1);
	ck_assert_str_eq(problems.items[0].text, text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("settings_proxy");
	TCase *tests = tcase_create("settings_proxy");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, test_settings_takes_a_proxy_apart, 0, 8);
	tcase_add_test(
	    tests, test_settings_accounts_differ_in_any_part_of_a_proxy);
	tcase_add_test(
	    tests, test_settings_tunnel_does_without_the_defaults_proxy);
	tcase_add_loop_test(
	    tests, test_settings_proxy_password_needs_a_private_file, 0, 5);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
