/*
 * libclient/imaplib_legal: what is refused before it is sent, by whichever way
 * it comes: secrets in the clear, writing to what became read-only.
 */
#include "libclient/imaplib_auth.h"
#include "libclient/imaplib_mailbox.h"
#include "libclient/imaplib_message.h"
#include "tests/unit/imaplib_client.h"

/* No loopback address by its letters, though Linux takes it for one. */
#define ELSEWHERE "0.0.0.0"

static const char *const no_words[1];
static const char *const pair[] = {"fred", "secret"};
static const char *const plain[] = {"PLAIN", "AGZyZWQAc2VjcmV0"};
static const char *const plain_line[] = {" plain AGZyZWQAc2VjcmV0"};
static const char *const token[] = {"xoauth2", "eA=="};
static const struct span initial = {"\0fred\0secret", 12};

/* ---- secrets ---- */

static bool
show_secret(int how)
{
	switch (how) {
	case 0:
		return imaplib_login(client, "fred", "secret", &reply);
	case 1:
		return imaplib_login_plain(client, "fred", "secret", &reply);
	case 2:
		return imaplib_xatom(client, "LOGIN", pair, 2, &reply);
	case 3:
		return imaplib_xatom(
		    client, "login fred secret", no_words, 0, &reply);
	case 4:
		return imaplib_xatom(client, " Login", pair, 2, &reply);
	case 5:
		return imaplib_xatom(client, "AUTHENTICATE", plain, 2, &reply);
	case 6:
		return imaplib_xatom(
		    client, "authenticate", plain_line, 1, &reply);
	case 7:
		return imaplib_xatom(client, "AUTHENTICATE", token, 2, &reply);
	case 8:
		return imaplib_xatom(
		    client, "AUTHENTICATE PLAIN", no_words, 0, &reply);
	default:
		return imaplib_authenticate(
		    client, "PLAIN", initial, NULL, NULL, &reply);
	}
}

START_TEST(test_a_secret_does_not_go_in_the_clear)
{
	static const char *const script[] = {
	    HELLO(" SASL-IR AUTH=PLAIN"), "wait", NULL};

	options.host = ELSEWHERE;
	open_to(script);
	ck_assert(!show_secret(_i));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	ck_assert_int_eq(reply.error.kind, IMAP_ERROR_AUTH);
	leave();
}
END_TEST

START_TEST(test_what_shows_no_secret_goes_in_the_clear)
{
	static const char *const script[] = {HELLO(" AUTH=MYMECH"),
	    "< AUTHENTICATE MYMECH\r\n", "> @ NO no", "< NOOP\r\n", "> @ OK x",
	    "wait", NULL};
	static const char *const mine[] = {"MYMECH"};

	options.host = ELSEWHERE;
	open_to(script);
	ck_assert(!imaplib_xatom(client, "AUTHENTICATE", mine, 1, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_NO);
	ck_assert(imaplib_noop(client, &reply));
	leave();
}
END_TEST

START_TEST(test_login_that_is_disabled_is_not_sent_by_name_either)
{
	static const char *const script[] = {
	    HELLO(" LOGINDISABLED"), "wait", NULL};

	open_to(script);
	ck_assert(!imaplib_xatom(client, "LOGIN", pair, 2, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	leave();
}
END_TEST

/* Nobody here has the answer. */
START_TEST(test_a_challenge_to_a_command_by_name_is_cancelled)
{
	static const char *const script[] = {HELLO(""),
	    "< AUTHENTICATE PLAIN\r\n", "> +", "<- *\r\n", "> @ BAD cancelled",
	    "wait", NULL};

	open_to(script);
	ck_assert(!imaplib_xatom(client, "AUTHENTICATE", plain, 1, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_BAD);
	leave();
}
END_TEST

static const char *const with_functions[] = {
    "IDLE", "idle", "STARTTLS", "COMPRESS DEFLATE"};

START_TEST(test_what_changes_the_connection_is_not_sent_by_name)
{
	static const char *const script[] = {
	    PREAUTH(" IDLE STARTTLS COMPRESS=DEFLATE"), "wait", NULL};

	open_to(script);
	ck_assert(
	    !imaplib_xatom(client, with_functions[_i], no_words, 0, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	leave();
}
END_TEST

/* ---- a mailbox that became read-only ---- */

/* A name, what follows it, and whether it only reads. */
static const struct {
	const char *name;
	const char *arguments[3];
	const char *line; /* what is sent; NULL: nothing */
} writers[] = {
    {"STORE", {"1", "FLAGS", "()"}, NULL},
    {"UID", {"STORE", "1", "FLAGS ()"}, NULL},
    {"uid", {"store 1 FLAGS ()"}, NULL},
    {"UID STORE", {"1", "FLAGS", "()"}, NULL},
    {"UID  STORE", {"1", "FLAGS", "()"}, NULL},
    {"uid\tstore", {"1", "FLAGS", "()"}, NULL},
    {"UID", {" STORE", "1", "FLAGS ()"}, NULL},
    {" STORE", {"1", "FLAGS", "()"}, NULL},
    {"STORE 1 FLAGS ()", {NULL}, NULL},
    {"UID", {"MOVE", "1", "x"}, NULL},
    {"UID", {NULL, "EXPUNGE", "1"}, NULL},
    {"EXPUNGE", {NULL}, NULL},
    {"UID", {"REPLACE", "1", "x"}, NULL},
    {"UID", {"FETCH", "1", "FLAGS"}, "< UID FETCH 1 FLAGS\r\n"},
    {"UID", {"COPY", "1", "x"}, "< UID COPY 1 x\r\n"},
    {"X", {"STORE", "1"}, "< X STORE 1\r\n"},
};

START_TEST(test_writing_is_refused_by_whichever_name)
{
	const char *const script[] = {PREAUTH(""), SELECTED, "< NOOP\r\n",
	    "> * OK [READ-ONLY] now", "> @ OK done",
	    writers[_i].line == NULL ? "wait" : writers[_i].line, "> @ OK done",
	    "wait", NULL};
	const bool is_sent = writers[_i].line != NULL;

	open_to(script);
	ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
	ck_assert(imaplib_noop(client, &reply));
	ck_assert_int_eq(imaplib_xatom(client, writers[_i].name,
			     writers[_i].arguments, 3, &reply),
	    is_sent);
	ck_assert_int_eq(reply.type, is_sent ? IMAPLIB_OK : IMAPLIB_READONLY);
	leave();
}
END_TEST

/* ---- states ---- */

static const char *const too_early[][2] = {{"UID", "FETCH 1 FLAGS"},
    {"UID", "LOGIN x"}, {"uid fetch", "1 FLAGS"}, {"FETCH 1", "FLAGS"},
    {" fetch", "1"}};

START_TEST(test_a_state_holds_for_what_is_sent_by_name)
{
	static const char *const script[] = {PREAUTH(""), "wait", NULL};

	open_to(script);
	ck_assert(!imaplib_xatom(
	    client, too_early[_i][0], &too_early[_i][1], 1, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	leave();
}
END_TEST

/* As imaplib: only what it knows has a UID form. */
static const char *const no_uid_forms[] = {
    "FROBNICATE", "LOGIN", "A-NAME-THAT-IS-LONGER-THAN-ANY-COMMAND-IS"};

START_TEST(test_uid_of_an_unknown_command_is_refused)
{
	static const char *const script[] = {
	    PREAUTH(""), SELECTED, "wait", NULL};

	open_to(script);
	ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
	ck_assert(!imaplib_uid(client, no_uid_forms[_i], no_words, 1, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	leave();
}
END_TEST

START_TEST(test_no_message_is_nothing_to_append)
{
	static const char *const script[] = {PREAUTH(""), "wait", NULL};

	open_to(script);
	ck_assert(!imaplib_append(client, "x", NULL, 0, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	leave();
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("imaplib_legal");

	tcase_add_loop_test(
	    tests, test_a_secret_does_not_go_in_the_clear, 0, 10);
	tcase_add_test(tests, test_what_shows_no_secret_goes_in_the_clear);
	tcase_add_test(
	    tests, test_login_that_is_disabled_is_not_sent_by_name_either);
	tcase_add_test(
	    tests, test_a_challenge_to_a_command_by_name_is_cancelled);
	tcase_add_loop_test(tests,
	    test_what_changes_the_connection_is_not_sent_by_name, 0,
	    COUNT(with_functions));
	tcase_add_loop_test(tests, test_writing_is_refused_by_whichever_name, 0,
	    COUNT(writers));
	tcase_add_loop_test(tests, test_a_state_holds_for_what_is_sent_by_name,
	    0, COUNT(too_early));
	tcase_add_loop_test(tests, test_uid_of_an_unknown_command_is_refused, 0,
	    COUNT(no_uid_forms));
	tcase_add_test(tests, test_no_message_is_nothing_to_append);
	return run_suite("imaplib_legal", tests);
}
