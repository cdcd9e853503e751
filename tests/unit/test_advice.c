/*
 * The next step: by provider, response code and words, and only where the
 * error does not say it itself.
 */
#include "daemon/advice.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED "login refused, server says: NO "
#define ANY	"mail.example.org"

static char xoauth2[] = "xoauth2";
static char plain[] = "plain";

/* What is advised for an account on the host. */
static const char *
advise(const char *host, bool was_there, char *mechanism,
    enum imap_error_kind kind, const char *text)
{
	struct settings_account settings = {
	    .host = host == NULL ? NULL : strdup(host),
	    .is_auth_auto = mechanism == NULL,
	    .auth = {.items = &mechanism, .count = mechanism != NULL},
	};
	struct advice_place place = {&settings, was_there};
	struct imap_error error = {0};
	const char *advice;

	imap_error_set(&error, kind, "%s", text);
	advice = advice_of(&place, &error);
	free(settings.host);
	return advice;
}

static void
assert_says(const char *advice, const char *words)
{
	ck_assert_ptr_nonnull(advice);
	ck_assert_msg(strstr(advice, words) != NULL, "\"%s\" does not say %s",
	    advice, words);
}

/* What each provider wants instead of the account's password. */
static const struct {
	const char *host;
	const char *words;
} providers[] = {
    {"imap.gmail.com", "app password"},
    {"imap.gmail.com", "xoauth2"},
    {"IMAP.GoogleMail.com.", "app password"},
    {"outlook.office365.com", "xoauth2"},
    {"imap-mail.outlook.com", "xoauth2"},
    {"imap.mail.yahoo.com", "app password"},
    {"imap.aol.com", "app password"},
    {"imap.mail.me.com", "app-specific"},
    {"imap.fastmail.com", "app password"},
    {"imap.zoho.eu", "switch on IMAP"},
    {"imap.yandex.com", "app password"},
    {"imap.mail.ru", "password for external"},
    {"imap.gmx.net", "switch on"},
    {"imap.163.com", "authorization code"},
    {"127.0.0.1", "Proton"},
    {"localhost", "Proton"},
    {ANY, "check user and the password"},
    {"notgmail.com", "check user and the password"},
    {NULL, "check user and the password"},
};

START_TEST(test_a_refused_password_is_explained_by_provider)
{
	assert_says(advise(providers[_i].host, false, NULL, IMAP_ERROR_AUTH,
			REFUSED "[AUTHENTICATIONFAILED] Invalid credentials"),
	    providers[_i].words);
	assert_says(advise(providers[_i].host, false, plain, IMAP_ERROR_AUTH,
			REFUSED "no"),
	    providers[_i].words);
}
END_TEST

START_TEST(test_a_refused_token_is_no_password)
{
	assert_says(advise("imap.gmail.com", false, xoauth2, IMAP_ERROR_AUTH,
			REFUSED "{\"status\":\"401\"}"),
	    "https://mail.google.com/");
	assert_says(advise("outlook.office365.com", false, xoauth2,
			IMAP_ERROR_AUTH, REFUSED "AUTHENTICATE failed."),
	    "IMAP.AccessAsUser.All");
	assert_says(advise(ANY, false, xoauth2, IMAP_ERROR_AUTH, REFUSED "no"),
	    "password_command has to print");
}
END_TEST

START_TEST(test_a_password_that_was_right_may_have_been_changed)
{
	assert_says(advise(ANY, true, NULL, IMAP_ERROR_AUTH, REFUSED "no"),
	    "has it been changed");
}
END_TEST

static const struct {
	enum imap_error_kind kind;
	const char *code;
	const char *words;
} codes[] = {
    {IMAP_ERROR_AUTH, "AUTHENTICATIONFAILED", "check user"},
    {IMAP_ERROR_AUTH, "AUTHORIZATIONFAILED", "administrator"},
    {IMAP_ERROR_AUTH, "EXPIRED", "expired"},
    {IMAP_ERROR_AUTH, "PRIVACYREQUIRED", "set tls"},
    {IMAP_ERROR_AUTH, "CONTACTADMIN", "administrator"},
    {IMAP_ERROR_AUTH, "WEBALERT https://example.org/in", "browser"},
    {IMAP_ERROR_PROTOCOL, "NOPERM", "rights"},
    {IMAP_ERROR_THROTTLED, "INUSE", "another program"},
    {IMAP_ERROR_THROTTLED, "UNAVAILABLE", "tried again"},
    {IMAP_ERROR_THROTTLED, "LIMIT", "max_connections"},
    {IMAP_ERROR_THROTTLED, "THROTTLED", "poll_interval"},
    {IMAP_ERROR_THROTTLED, "OVERQUOTA", "quota"},
    {IMAP_ERROR_PROTOCOL, "ALERT", "for you"},
    {IMAP_ERROR_PROTOCOL, "NONEXISTENT", "mailmirror folders"},
    {IMAP_ERROR_THROTTLED, "SERVERBUG", "administrator"},
    {IMAP_ERROR_PROTOCOL, "CLIENTBUG", "report"},
    {IMAP_ERROR_PROTOCOL, "CANNOT", "exclude"},
    {IMAP_ERROR_PROTOCOL, "ALREADYEXISTS", "another program"},
    {IMAP_ERROR_THROTTLED, "EXPUNGEISSUED", "another program"},
    {IMAP_ERROR_PROTOCOL, "CORRUPTION", "repair"},
    {IMAP_ERROR_PROTOCOL, "UNKNOWN-CTE", "cannot read the message"},
    {IMAP_ERROR_PROTOCOL, "REFERRAL imap://other/", "not followed"},
    {IMAP_ERROR_PROTOCOL, "NOUPDATE", "poll_interval"},
    {IMAP_ERROR_PROTOCOL, "noperm", "rights"},
};

START_TEST(test_a_response_code_has_its_advice)
{
	char text[200];

	snprintf(text, sizeof(text), "EXAMINE refused, server says: NO [%s] x",
	    codes[_i].code);
	assert_says(
	    advise(ANY, false, NULL, codes[_i].kind, text), codes[_i].words);
}
END_TEST

START_TEST(test_a_code_counts_where_codes_stand_alone)
{
	ck_assert_ptr_null(advise(ANY, true, NULL, IMAP_ERROR_PROTOCOL,
	    "EXAMINE refused, server says: NO it was [NOPERM] of you"));
	ck_assert_ptr_null(advise(
	    ANY, true, NULL, IMAP_ERROR_PROTOCOL, "a line [NOPERM] of junk"));
	ck_assert_ptr_null(advise(ANY, true, NULL, IMAP_ERROR_PROTOCOL,
	    "EXAMINE refused, server says: NO [NOPERMIT] x"));
}
END_TEST

static const struct {
	const char *host;
	bool was_there;
	enum imap_error_kind kind;
	const char *text;
	const char *words; /* NULL: no advice */
} cases[] = {
    {ANY, false, IMAP_ERROR_NETWORK, "x:993: connection refused", "993"},
    {ANY, true, IMAP_ERROR_NETWORK, "x:993: connection refused", NULL},
    {"::1", false, IMAP_ERROR_NETWORK, "[::1]:1143: connection refused",
	"bridge"},
    {ANY, false, IMAP_ERROR_TIMEOUT, "x:993: no connection within 60 s",
	"firewall"},
    {ANY, true, IMAP_ERROR_TIMEOUT, "x:993: no connection within 60 s", NULL},
    {ANY, false, IMAP_ERROR_TIMEOUT,
	"the server was silent for 60 s while a reply was due", "tls"},
    {ANY, false, IMAP_ERROR_NETWORK,
	"x: connection lost during the TLS handshake: closed by the peer",
	"starttls"},
    {ANY, true, IMAP_ERROR_NETWORK, "x:993: network is unreachable",
	"when it has one"},
    {ANY, false, IMAP_ERROR_NETWORK,
	"x:993: no way to the proxy p:1: connection refused", "check proxy"},
    {ANY, false, IMAP_ERROR_TIMEOUT,
	"x:993: no way to the proxy p:1: no connection within 60 s",
	"check proxy"},
    {ANY, false, IMAP_ERROR_NETWORK,
	"x:993: the proxy p:1 says: connection refused", "993"},
    {ANY, true, IMAP_ERROR_NETWORK,
	"x:993: the proxy p:1 says: not allowed by its rules", "administrator"},
    {ANY, true, IMAP_ERROR_NETWORK, "x:993: the proxy p:1 says: 403 Forbidden",
	"administrator"},
    {ANY, true, IMAP_ERROR_PROXY, "x:993: the proxy p:1 says: 407 Who?",
	"socks5h alone"},
    {ANY, true, IMAP_ERROR_PROXY,
	"x:993: the proxy p:1 refuses the user and password", "user:pass"},
    {ANY, true, IMAP_ERROR_PROTOCOL,
	"x:993: the proxy p:1 does not speak SOCKS 5", "http://"},
    {ANY, true, IMAP_ERROR_PROTOCOL,
	"x:993: the proxy p:1 does not answer CONNECT as HTTP does",
	"socks5h://"},
    {ANY, false, IMAP_ERROR_UNSUPPORTED,
	"the server does not offer STARTTLS, which tls = \"starttls\" needs",
	"implicit"},
    {ANY, false, IMAP_ERROR_UNSUPPORTED,
	"no way to log in: the server offers PLAIN (LOGINDISABLED), none of "
	"which is safe on an unencrypted connection; use TLS",
	"starttls"},
    {ANY, false, IMAP_ERROR_AUTH,
	"no way to log in: the server offers XOAUTH2, none of which fits the "
	"settings auth, user and password",
	"auth"},
    {"127.0.0.1", false, IMAP_ERROR_TLS, "x: certificate is self-signed",
	"tls_ca_file"},
    {ANY, false, IMAP_ERROR_TLS, "x: certificate is self-signed",
	"openssl x509"},
    {ANY, false, IMAP_ERROR_TLS, "x: certificate has expired on 2020-01-01",
	NULL},
    {ANY, false, IMAP_ERROR_AUTH, "password_command failed with exit status 2",
	"by hand"},
    {"imap.gmail.com", false, IMAP_ERROR_AUTH,
	"password_command: the first line is empty", "first line"},
    {ANY, false, IMAP_ERROR_LOCAL, "cannot write /m: No space left on device",
	"make room"},
    {ANY, false, IMAP_ERROR_LOCAL, "cannot write /m: Read-only file system",
	"ReadWritePaths="},
    {ANY, false, IMAP_ERROR_LOCAL, "cannot open /home/a: Permission denied",
	"ProtectHome="},
    {ANY, true, IMAP_ERROR_PROTOCOL, "what nobody knows", NULL},
};

START_TEST(test_words_have_their_advice)
{
	const char *advice = advise(cases[_i].host, cases[_i].was_there, NULL,
	    cases[_i].kind, cases[_i].text);

	if (cases[_i].words == NULL)
		ck_assert_ptr_null(advice);
	else
		assert_says(advice, cases[_i].words);
}
END_TEST

static bool
is_news(enum imap_error_kind kind, const char *text,
    enum imap_error_kind told_kind, const char *told_text)
{
	const struct settings_account settings = {.is_auth_auto = true};
	const struct advice_place place = {&settings, true};
	struct imap_error error = {0};
	struct imap_error told = {0};

	imap_error_set(&error, kind, "%s", text);
	if (told_text != NULL)
		imap_error_set(&told, told_kind, "%s", told_text);
	return advice_is_news(&place, &told, &error);
}

START_TEST(test_what_calls_for_the_same_is_no_news)
{
	const enum imap_error_kind local = IMAP_ERROR_LOCAL;
	const enum imap_error_kind network = IMAP_ERROR_NETWORK;

	ck_assert(is_news(local, "x", IMAP_ERROR_NONE, NULL));
	ck_assert(!is_news(local, "cannot write /m/tmp/1: Disk quota exceeded",
	    local, "cannot write /m/tmp/2: Disk quota exceeded"));
	ck_assert(is_news(local, "/m: Permission denied", local,
	    "/m: Read-only file system"));
	ck_assert(is_news(local, "x", IMAP_ERROR_AUTH, "x"));
	ck_assert(is_news(local, "x", local, "y"));
	ck_assert(!is_news(local, "x", local, "x"));
	ck_assert(!is_news(network, "h:993: no route to host",
	    IMAP_ERROR_TIMEOUT, "h:993: no connection within 60 s"));
}
END_TEST

START_TEST(test_the_text_has_both)
{
	const struct settings_account settings = {.is_auth_auto = true};
	const struct advice_place place = {&settings, false};
	struct imap_error error = {0};
	char text[ADVICE_TEXT_MAX];

	imap_error_set(&error, IMAP_ERROR_LOCAL, "x: Input/output error");
	ck_assert_str_eq(advice_text(&place, &error, text),
	    "x: Input/output error; the disk fails: see \"journalctl -k\"");
	error = (struct imap_error){0};
	imap_error_set(&error, IMAP_ERROR_LOCAL, "x");
	ck_assert_str_eq(advice_text(&place, &error, text), "x");
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(*(array)))

static Suite *
advice_suite(void)
{
	Suite *suite = suite_create("advice");
	TCase *tests = tcase_create("advice");

	tcase_add_loop_test(tests,
	    test_a_refused_password_is_explained_by_provider, 0,
	    COUNT(providers));
	tcase_add_test(tests, test_a_refused_token_is_no_password);
	tcase_add_test(
	    tests, test_a_password_that_was_right_may_have_been_changed);
	tcase_add_loop_test(
	    tests, test_a_response_code_has_its_advice, 0, COUNT(codes));
	tcase_add_test(tests, test_a_code_counts_where_codes_stand_alone);
	tcase_add_loop_test(
	    tests, test_words_have_their_advice, 0, COUNT(cases));
	tcase_add_test(tests, test_what_calls_for_the_same_is_no_news);
	tcase_add_test(tests, test_the_text_has_both);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(advice_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
