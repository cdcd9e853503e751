/*
 * daemon/throttle: the refusals of real servers, and how much later "later" is.
 */
#include <check.h>
#include <stdlib.h>

#include "daemon/throttle.h"

#define LENGTH(table) ((int)(sizeof(table) / sizeof((table)[0])))

#define SECOND UINT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static const struct {
	enum imap_code_type code;
	const char *text;
	enum throttle_kind kind;
	uint64_t wait;
} refusals[] = {
    /* Gmail */
    {IMAP_CODE_THROTTLED, "", THROTTLE_RATE, 10 * SECOND},
    {IMAP_CODE_OVERQUOTA,
	"Account exceeded command or bandwidth limits. 3f2mb1234567pgb",
	THROTTLE_QUOTA, 4 * HOUR},
    {IMAP_CODE_ALERT, "Too many simultaneous connections. (Failure)",
	THROTTLE_CONNECTIONS, 5 * MINUTE},
    /* Microsoft 365 */
    {IMAP_CODE_NONE, "User is authenticated but not connected.", THROTTLE_LOGIN,
	15 * MINUTE},
    {IMAP_CODE_NONE, "Connection closed. 14", THROTTLE_LOGIN, 15 * MINUTE},
    {IMAP_CODE_NONE,
	"Request is throttled. Suggested Backoff Time: 92415 milliseconds",
	THROTTLE_RATE, UINT64_C(92415000)},
    {IMAP_CODE_NONE, "Server Unavailable. 15", THROTTLE_BACKEND, MINUTE},
    /* Yahoo */
    {IMAP_CODE_LIMIT, "UID FETCH Rate limit hit.", THROTTLE_RATE, 5 * MINUTE},
    {IMAP_CODE_NONE, "UID FETCH Rate limit hit.", THROTTLE_RATE, 5 * MINUTE},
    {IMAP_CODE_UNAVAILABLE, "UID FETCH Server error while fetching messages",
	THROTTLE_BACKEND, MINUTE},
    {IMAP_CODE_SERVERBUG, "UID FETCH Server error - Please try again later",
	THROTTLE_BACKEND, MINUTE},
    /* iCloud */
    {IMAP_CODE_NONE, "Service temporarily unavailable", THROTTLE_BACKEND,
	MINUTE},
    /* Yandex */
    {IMAP_CODE_UNAVAILABLE, "UID SEARCH Backend error. sc=abc",
	THROTTLE_BACKEND, 30 * SECOND},
    /* Dovecot */
    {IMAP_CODE_UNAVAILABLE,
	"Maximum number of connections from user+IP exceeded "
	"(mail_max_userip_connections=10)",
	THROTTLE_CONNECTIONS, 5 * MINUTE},
    {IMAP_CODE_INUSE, "Mailbox is locked", THROTTLE_BACKEND, 30 * SECOND},
    {IMAP_CODE_NONE, "Too many invalid IMAP commands.", THROTTLE_RATE,
	5 * MINUTE},
    /* GroupWise */
    {IMAP_CODE_NONE, "APPEND The 1500 MB storage limit has been exceeded.",
	THROTTLE_QUOTA, HOUR},
    {IMAP_CODE_OVERQUOTA, "", THROTTLE_QUOTA, HOUR},
    /* Stalwart */
    {IMAP_CODE_NONE, "Server shutting down.", THROTTLE_CONNECTIONS, MINUTE},
};

START_TEST(test_a_refusal_says_of_what_kind_it_is_and_how_long)
{
	const struct throttle throttle =
	    throttle_of(refusals[_i].code, span_of(refusals[_i].text));

	ck_assert_int_eq(throttle.kind, refusals[_i].kind);
	ck_assert_uint_eq(throttle.wait, refusals[_i].wait);
}
END_TEST

static const struct {
	enum imap_code_type code;
	const char *text;
} others[] = {
    {IMAP_CODE_NONE, ""},
    {IMAP_CODE_AUTHENTICATIONFAILED, "Invalid credentials (Failure)"},
    {IMAP_CODE_WEBALERT, "Web login required."},
    {IMAP_CODE_NONE, "Autologout; idle for too long"},
    {IMAP_CODE_NONE, "Session invalidated - AccessTokenExpired"},
    {IMAP_CODE_NONE, "Session expired, please login again."},
    {IMAP_CODE_NONE, "SELECT Unsafe Login. Please contact kefu@188.com"},
    {IMAP_CODE_NONE, "UID parameters!"},
    {IMAP_CODE_NONE, "Some of the requested messages no longer exist"},
    {IMAP_CODE_NONE, "The specified message set is invalid."},
    {IMAP_CODE_TOOBIG, "Message too large."},
    {IMAP_CODE_NONE, "LIMIT"},
    {IMAP_CODE_NONE, "Connection closed. 13"},
};

START_TEST(test_a_refusal_may_be_about_something_else)
{
	const struct throttle throttle =
	    throttle_of(others[_i].code, span_of(others[_i].text));

	ck_assert_int_eq(throttle.kind, THROTTLE_NONE);
	ck_assert_uint_eq(throttle.wait, 0);
	ck_assert(!throttle.is_named);
}
END_TEST

/* As login_refusal() writes them. */
static const struct {
	const char *text;
	enum throttle_kind kind;
} errors[] = {
    {"login refused, server says: NO [LIMIT] slow down", THROTTLE_RATE},
    {"login refused, server says: NO [ALERT] Too many simultaneous "
     "connections. (Failure)",
	THROTTLE_CONNECTIONS},
    {"connection refused, server says: BYE Connection closed. 14",
	THROTTLE_LOGIN},
    {"CAPABILITY refused, server says: BAD User is authenticated but not "
     "connected.",
	THROTTLE_LOGIN},
    {"EXAMINE refused, server says: NO [overquota] later", THROTTLE_QUOTA},
    {"login refused, server says: NO [AUTHENTICATIONFAILED] no", THROTTLE_NONE},
};

START_TEST(test_an_error_text_is_as_good_as_the_refusal)
{
	ck_assert_int_eq(
	    throttle_of(IMAP_CODE_NONE, span_of(errors[_i].text)).kind,
	    errors[_i].kind);
}
END_TEST

static const struct {
	const char *time;
	bool is_named;
	uint64_t wait; /* if it is */
} times[] = {
    {"Suggested Backoff Time: 1 milliseconds", true, 1000},
    {"suggested backoff time:299961 Milliseconds.", true, 299961000},
    {"Suggested Backoff Time: 0 milliseconds", true, 0},
    {"Suggested Backoff Time: 86400000 milliseconds", true, THROTTLE_MAX},
    {"Suggested Backoff Time: 86400001 milliseconds", true, THROTTLE_MAX},
    {"Suggested Backoff Time: 99999999999999999999999 milliseconds", true,
	THROTTLE_MAX},
    {"Suggested Backoff Time: -5 milliseconds", false, 0},
    {"Suggested Backoff Time: 5", false, 0},
    {"Suggested Backoff Time: ", false, 0},
    {"Suggested Backoff Time", false, 0},
    {"Suggested Backoff Time: 5 fortnights", false, 0},
};

START_TEST(test_a_named_time_counts_up_to_a_day)
{
	const struct throttle throttle =
	    throttle_of(IMAP_CODE_NONE, span_of(times[_i].time));

	ck_assert_int_eq(throttle.kind, THROTTLE_RATE);
	ck_assert_int_eq(throttle.is_named, times[_i].is_named);
	ck_assert_uint_eq(
	    throttle.wait, times[_i].is_named ? times[_i].wait : 5 * MINUTE);
}
END_TEST

START_TEST(test_kinds_have_names)
{
	ck_assert_str_eq(throttle_kind_name(THROTTLE_NONE), "none");
	ck_assert_str_eq(throttle_kind_name(THROTTLE_LOGIN), "login");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("throttle");
	TCase *tests = tcase_create("throttle");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tests,
	    test_a_refusal_says_of_what_kind_it_is_and_how_long, 0,
	    LENGTH(refusals));
	tcase_add_loop_test(tests, test_a_refusal_may_be_about_something_else,
	    0, LENGTH(others));
	tcase_add_loop_test(tests, test_an_error_text_is_as_good_as_the_refusal,
	    0, LENGTH(errors));
	tcase_add_loop_test(
	    tests, test_a_named_time_counts_up_to_a_day, 0, LENGTH(times));
	tcase_add_test(tests, test_kinds_have_names);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
