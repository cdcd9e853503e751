/*
 * libclient/imaplib: logging in and STARTTLS, a mailbox that is or becomes
 * read-only, appending, what was told unasked, and tracing.
 */
#include "libclient/imaplib_auth.h"
#include "libclient/imaplib_mailbox.h"
#include "libclient/imaplib_message.h"
#include "tests/unit/imaplib_client.h"

#define SECRET	"s3cr\"t pass"
#define ENCODED "AGZyZWQAczNjciJ0IHBhc3M=" /* NUL fred NUL s3cr"t pass */

/* ---- logging in ---- */

START_TEST(test_login_quotes_the_password_and_learns_anew)
{
	static const char *const script[] = {HELLO(" IDLE"),
	    "< LOGIN \"us*r\" \"s3cr\\\"t pass\"\r\n", "> @ OK in",
	    "< CAPABILITY\r\n", "> * CAPABILITY IMAP4rev1 x", "> @ OK done",
	    "wait", NULL};

	open_to(script);
	ck_assert(imaplib_login(client, "us*r", SECRET, &reply));
	ck_assert_int_eq(imaplib_get_state(client), IMAPLIB_AUTH);
	ck_assert_str_eq(imaplib_get_capability_words(client), "IMAP4REV1 X");
	leave();
}
END_TEST

START_TEST(test_a_refused_login_changes_nothing)
{
	static const char *const script[] = {HELLO(" IDLE"),
	    "< LOGIN fred \"x\"\r\n", "> @ NO [AUTHENTICATIONFAILED] wrong",
	    "wait", NULL};

	open_to(script);
	ck_assert(!imaplib_login(client, "fred", "x\r\nA DELETE y", &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	ck_assert(!imaplib_login(client, "fred", "x", &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_NO);
	assert_span(reply.code, "AUTHENTICATIONFAILED");
	ck_assert_int_eq(imaplib_get_state(client), IMAPLIB_NONAUTH);
	ck_assert_str_eq(
	    imaplib_get_capability_words(client), "IMAP4REV1 IDLE");
	leave();
}
END_TEST

START_TEST(test_login_that_is_disabled_is_not_sent)
{
	static const char *const script[] = {
	    HELLO(" LOGINDISABLED"), "wait", NULL};

	open_to(script);
	ck_assert(!imaplib_login(client, "fred", "x", &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	leave();
}
END_TEST

static const char *const plain_with_ir[] = {HELLO(" SASL-IR AUTH=PLAIN"),
    "< AUTHENTICATE PLAIN " ENCODED "\r\n", "> @ OK [CAPABILITY IMAP4rev1] in",
    "wait", NULL};
static const char *const plain_without_ir[] = {HELLO(" AUTH=PLAIN"),
    "< AUTHENTICATE PLAIN\r\n", "> +", "<- " ENCODED "\r\n",
    "> @ OK [CAPABILITY IMAP4rev1] in", "wait", NULL};
static const char *const *const plain[] = {plain_with_ir, plain_without_ir};

START_TEST(test_plain_with_and_without_sasl_ir)
{
	open_to(plain[_i]);
	ck_assert(imaplib_login_plain(client, "fred", SECRET, &reply));
	ck_assert_int_eq(imaplib_get_state(client), IMAPLIB_AUTH);
	leave();
}
END_TEST

START_TEST(test_the_callers_initial_response_with_and_without_sasl_ir)
{
	static const char response[] = "\0fred\0" SECRET;

	open_to(plain[_i]);
	ck_assert(imaplib_authenticate(client, "PLAIN",
	    (struct span){response, sizeof(response) - 1}, NULL, NULL, &reply));
	leave();
}
END_TEST

START_TEST(test_cram_md5)
{
	static const char *const script[] = {HELLO(" AUTH=CRAM-MD5"),
	    "< AUTHENTICATE CRAM-MD5\r\n",
	    "> + PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",
	    "<- dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n",
	    "> @ OK [CAPABILITY IMAP4rev1] in", "wait", NULL};

	open_to(script);
	ck_assert(
	    imaplib_login_cram_md5(client, "tim", "tanstaaftanstaaf", &reply));
	leave();
}
END_TEST

/* Says "reply to <challenge>" to the first *user challenges, then cancels. */
static bool
answer_some(void *user, struct span challenge, struct buf *answer)
{
	int *left = user;

	if ((*left)-- == 0)
		return false;
	return buf_add_string(answer, "reply to ") &&
	    buf_add(answer, challenge.at, challenge.len);
}

START_TEST(test_the_callers_mechanism_answers_challenges)
{
	static const char *const script[] = {HELLO(""),
	    "< AUTHENTICATE MYMECH\r\n", "> + b25l", "<- cmVwbHkgdG8gb25l\r\n",
	    "> +", "<- cmVwbHkgdG8g\r\n", "> @ OK [CAPABILITY IMAP4rev1] in",
	    "wait", NULL};
	int count = 2;

	open_to(script);
	ck_assert(imaplib_authenticate(
	    client, "MYMECH", (struct span){0}, answer_some, &count, &reply));
	ck_assert_int_eq(count, 0);
	leave();
}
END_TEST

/* What is no base64 is cancelled without asking, what cancels stays so. */
static const char *const cancelled_at[] = {"> + b25l", "> + &&&"};

START_TEST(test_an_exchange_is_cancelled_with_an_asterisk)
{
	const char *const script[] = {HELLO(""), "< AUTHENTICATE MYMECH\r\n",
	    cancelled_at[_i], "<- *\r\n", "> @ BAD cancelled", "wait", NULL};
	int count = 0;

	open_to(script);
	ck_assert(!imaplib_authenticate(
	    client, "MYMECH", (struct span){0}, answer_some, &count, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_BAD);
	ck_assert_int_eq(imaplib_get_state(client), IMAPLIB_NONAUTH);
	leave();
}
END_TEST

START_TEST(test_unauthenticate_goes_back)
{
	static const char *const script[] = {PREAUTH(""),
	    "< UNAUTHENTICATE\r\n", "> @ OK out", "< CAPABILITY\r\n",
	    "> * CAPABILITY IMAP4rev1 y", "> @ OK done", "wait", NULL};

	open_to(script);
	ck_assert(imaplib_unauthenticate(client, &reply));
	ck_assert_int_eq(imaplib_get_state(client), IMAPLIB_NONAUTH);
	ck_assert_str_eq(imaplib_get_capability_words(client), "IMAP4REV1 Y");
	leave();
}
END_TEST

/* ---- STARTTLS ---- */

static const char *const secured[] = {HELLO(" STARTTLS"), "< STARTTLS\r\n",
    "> @ NO later", "< STARTTLS\r\n", "> @ OK go", "tls", "< CAPABILITY\r\n",
    "> * CAPABILITY IMAP4rev1 SAFE", "> @ OK done", "wait", NULL};
static const char *const injected[] = {HELLO(" STARTTLS"), "< STARTTLS\r\n",
    "> @ OK go\r\n* CAPABILITY IMAP4rev1 INJECTED", "wait", NULL};

/* After a first refusal, too. */
START_TEST(test_starttls)
{
	struct identity self = identity_new(&(struct identity_plan){
	    .common_name = "x", .alt_names = "IP:127.0.0.1"});
	char *file = identity_save(&self, false);
	const struct tls_options tls = {.ca_file = file};

	server.settings = peer_settings(&self);
	open_to(secured);
	ck_assert(!imaplib_starttls(client, &tls, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_NO);
	ck_assert_msg(
	    imaplib_starttls(client, &tls, &reply), "%s", reply.error.text);
	ck_assert_str_eq(
	    imaplib_get_capability_words(client), "IMAP4REV1 SAFE");
	ck_assert(!imaplib_starttls(client, &tls, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	leave();
	identity_unsave(file);
	identity_free(&self);
}
END_TEST

START_TEST(test_starttls_with_injected_bytes_aborts)
{
	open_to(injected);
	ck_assert(!imaplib_starttls(client, &(struct tls_options){0}, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ABORT);
	ck_assert_int_eq(imaplib_get_state(client), IMAPLIB_LOGOUT);
	leave();
}
END_TEST

/* ---- selecting ---- */

static const struct {
	const char *script[8];
	bool is_readonly;
	enum imaplib_type type;
	enum imaplib_state state;
} selects[] = {
    {{PREAUTH(""), SELECTED, "wait"}, false, IMAPLIB_OK, IMAPLIB_SELECTED},
    {{PREAUTH(""), "< SELECT INBOX\r\n", "> @ NO none", "wait"}, false,
	IMAPLIB_NO, IMAPLIB_AUTH},
    {{PREAUTH(""), "< SELECT INBOX\r\n", "> @ BAD what", "wait"}, false,
	IMAPLIB_BAD, IMAPLIB_AUTH},
    {{PREAUTH(""), "< SELECT INBOX\r\n", "> @ OK [READ-ONLY] x", "wait"}, false,
	IMAPLIB_READONLY, IMAPLIB_SELECTED},
    {{PREAUTH(""), "< EXAMINE INBOX\r\n", "> @ OK [READ-ONLY] x", "wait"}, true,
	IMAPLIB_OK, IMAPLIB_SELECTED},
    {{PREAUTH(""), "< SELECT INBOX\r\n", "> * BYE gone"}, false, IMAPLIB_ABORT,
	IMAPLIB_LOGOUT},
};

START_TEST(test_select)
{
	open_to(selects[_i].script);
	(void)imaplib_select(
	    client, "INBOX", selects[_i].is_readonly, NULL, &reply);
	ck_assert_int_eq(reply.type, selects[_i].type);
	ck_assert_int_eq(imaplib_get_state(client), selects[_i].state);
	leave();
}
END_TEST

START_TEST(test_a_mailbox_that_became_read_only_is_still_read)
{
	static const char *const script[] = {PREAUTH(""), SELECTED,
	    "< NOOP\r\n", "> * OK [READ-ONLY] now", "> @ OK done",
	    "< FETCH 1 (FLAGS)\r\n", "> * 1 FETCH (FLAGS ())", "> @ OK done",
	    SELECTED, "< STORE 1 FLAGS (x)\r\n", "> @ OK done", "wait", NULL};
	static const char *const words[] = {"1", "FLAGS", "(x)"};

	open_to(script);
	ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
	ck_assert(imaplib_noop(client, &reply));
	ck_assert(imaplib_is_read_only(client));
	ck_assert(!imaplib_store(client, "1", "FLAGS", "x", 0, false, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_READONLY);
	ck_assert(!imaplib_expunge(client, "1", &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_READONLY);
	ck_assert(!imaplib_move(client, "1", "x", true, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_READONLY);
	ck_assert(!imaplib_uid(client, "store", words, 3, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_READONLY);
	ck_assert(!imaplib_xatom(client, "Store", words, 3, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_READONLY);
	ck_assert(imaplib_fetch(client, "1", "FLAGS", NULL, false, &reply));
	ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
	ck_assert(imaplib_store(client, "1", "FLAGS", "x", 0, false, &reply));
	leave();
}
END_TEST

START_TEST(test_close_leaves_the_mailbox_even_when_refused)
{
	static const char *const script[] = {PREAUTH(""), SELECTED,
	    "< CLOSE\r\n", "> @ NO no", SELECTED, "< UNSELECT\r\n",
	    "> @ BAD what", "wait", NULL};

	open_to(script);
	ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
	ck_assert(!imaplib_close(client, &reply));
	ck_assert_int_eq(imaplib_get_state(client), IMAPLIB_AUTH);
	ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
	ck_assert(!imaplib_unselect(client, &reply));
	ck_assert_int_eq(imaplib_get_state(client), IMAPLIB_AUTH);
	leave();
}
END_TEST

/* ---- appending ---- */

#define APPEND(flags, date, text, ...) \
	((struct imaplib_append){      \
	    flags, date, {text, sizeof(text) - 1}, __VA_ARGS__})

START_TEST(test_append_ends_lines_with_crlf)
{
	static const char *const script[] = {PREAUTH(""),
	    "< APPEND INBOX (\\Seen) \"01-Jan-2020 00:00:00 +0000\" {14}\r\n",
	    "> + go", "<- a\r\n", "<- b\r\n", "<- c\r\n", "<- d\r\n", "<- \r\n",
	    "<- \r\n", "> @ OK [APPENDUID 1 2] done", "wait", NULL};
	const struct imaplib_append message = APPEND(
	    "\\Seen", "01-Jan-2020 00:00:00 +0000", "a\nb\rc\r\nd\n\r", false);

	open_to(script);
	ck_assert(imaplib_append(client, NULL, &message, 1, &reply));
	assert_span(reply.code, "APPENDUID");
	assert_span(reply.arguments, "1 2");
	ck_assert(imaplib_response(client, "APPENDUID", &reply));
	assert_span(reply.untagged->status->arguments, "1 2");
	leave();
}
END_TEST

START_TEST(test_append_may_keep_line_ends)
{
	static const char *const script[] = {PREAUTH(" LITERAL+"),
	    "< APPEND INBOX {4+}\r\n", "<- a\n", "<- b\n", "<- \r\n",
	    "> @ OK done", "wait", NULL};
	const struct imaplib_append message =
	    APPEND(NULL, NULL, "a\nb\n", true);

	open_to(script);
	ck_assert(imaplib_append(client, "", &message, 1, &reply));
	leave();
}
END_TEST

static const char *const no_plus[] = {"> @ NO [TOOBIG] no", "> @ BAD no"};

START_TEST(test_append_that_is_refused_is_not_sent)
{
	const char *const script[] = {PREAUTH(""), "< APPEND INBOX {1}\r\n",
	    no_plus[_i], "< NOOP\r\n", "> @ OK done", "wait", NULL};
	const struct imaplib_append message = APPEND(NULL, NULL, "x", false);

	open_to(script);
	ck_assert(!imaplib_append(client, NULL, &message, 1, &reply));
	ck_assert_int_eq(reply.type, _i == 0 ? IMAPLIB_NO : IMAPLIB_BAD);
	ck_assert(imaplib_noop(client, &reply));
	leave();
}
END_TEST

START_TEST(test_append_in_utf8_mode)
{
	static const char *const script[] = {PREAUTH(" ENABLE UTF8=ACCEPT"),
	    "< ENABLE UTF8=ACCEPT\r\n", "> * ENABLED UTF8=ACCEPT",
	    "> @ OK done", "< APPEND INBOX () UTF8 (~{1}\r\n", "> +",
	    "<- x)\r\n", "> @ OK done", "wait", NULL};
	const struct imaplib_append message = APPEND(NULL, NULL, "x", false);

	open_to(script);
	ck_assert(imaplib_enable(client, "UTF8=ACCEPT", &reply));
	ck_assert(imaplib_is_utf8(client));
	ck_assert(imaplib_append(client, NULL, &message, 1, &reply));
	leave();
}
END_TEST

/* ---- what was told unasked ---- */

START_TEST(test_what_was_told_unasked_may_be_asked_for)
{
	static const char *const script[] = {PREAUTH(""), SELECTED,
	    "< NOOP\r\n", "> * 4 EXISTS", "> * 2 EXPUNGE",
	    "> * OK [HIGHESTMODSEQ 7] x", "> @ OK done", SELECTED, "wait",
	    NULL};

	open_to(script);
	ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
	ck_assert(imaplib_noop(client, &reply));
	ck_assert(imaplib_response(client, "exists", &reply));
	assert_names("EXISTS,EXISTS");
	ck_assert(imaplib_response(client, "HIGHESTMODSEQ", &reply));
	assert_span(reply.untagged->status->arguments, "7");
	ck_assert(!imaplib_response(client, "HIGHESTMODSEQ", &reply));
	/* another mailbox, another count */
	ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
	ck_assert(!imaplib_response(client, "EXPUNGE", &reply));
	leave();
}
END_TEST

START_TEST(test_recent_is_what_was_told_or_asked)
{
	static const char *const script[] = {PREAUTH(""), "< SELECT INBOX\r\n",
	    "> * 2 RECENT", "> @ OK done", "< NOOP\r\n", "> * 5 RECENT",
	    "> @ OK done", "< NOOP\r\n", "> @ OK done", "wait", NULL};

	open_to(script);
	ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
	ck_assert(imaplib_recent(client, &reply));
	ck_assert_uint_eq(reply.untagged->number, 2);
	ck_assert(imaplib_recent(client, &reply));
	ck_assert_uint_eq(imaplib_find(&reply, "RECENT")->number, 5);
	ck_assert(imaplib_recent(client, &reply));
	assert_names("");
	leave();
}
END_TEST

/* ---- tracing ---- */

static void
collect(void *user, const char *line)
{
	ck_assert(buf_add_string(user, line) && buf_add_string(user, "\n"));
}

static bool
is_in(const struct buf *text, const char *words)
{
	struct span span = buf_span(text);

	return memmem(span.at, span.len, words, strlen(words)) != NULL;
}

static const struct {
	int level;
	bool has_refusals;
	bool has_capabilities;
	bool has_lines;
} levels[] = {{0, false, false, false}, {1, true, false, false},
    {2, true, false, false}, {3, true, true, false}, {4, true, true, true},
    {5, true, true, true}};

START_TEST(test_a_debug_level_tells_so_much)
{
	static const char *const script[] = {PREAUTH(""), "< NOOP\r\n",
	    "> * 1 EXISTS", "> @ NO not today", "wait", NULL};
	struct buf told;

	buf_init(&told, 65536);
	options.debug = levels[_i].level;
	options.trace = collect;
	options.trace_user = &told;
	open_to(script);
	(void)imaplib_noop(client, &reply);
	ck_assert_int_eq(is_in(&told, "NO not today"), levels[_i].has_refusals);
	ck_assert_int_eq(
	    is_in(&told, "IMAP4REV1"), levels[_i].has_capabilities);
	ck_assert_int_eq(is_in(&told, "* 1 EXISTS"), levels[_i].has_lines);
	leave();
	buf_free(&told);
}
END_TEST

/* However it is sent, and also in the last lines that are always kept. */
static const char *const logins[][12] = {
    {HELLO(""), "< LOGIN fred \"s3cr\\\"t pass\"\r\n", "> @ NO no", "wait"},
    {HELLO(" SASL-IR AUTH=PLAIN"), "< AUTHENTICATE PLAIN " ENCODED "\r\n",
	"> @ NO no", "wait"},
    {HELLO(" AUTH=PLAIN"), "< AUTHENTICATE PLAIN\r\n", "> +",
	"<- " ENCODED "\r\n", "> @ NO no", "wait"},
    {HELLO(""), "< LOGIN fred \"s3cr\\\"t pass\"\r\n", "> @ NO no", "wait"},
    {HELLO(""), "< AUTHENTICATE PLAIN " ENCODED "\r\n", "> @ NO no", "wait"},
};

static bool
log_in(int how)
{
	static const char *const pair[] = {"fred", "\"s3cr\\\"t pass\""};
	static const char *const plain_pair[] = {"PLAIN", ENCODED};

	switch (how) {
	case 0:
		return imaplib_login(client, "fred", SECRET, &reply);
	case 3:
		return imaplib_xatom(client, "login", pair, 2, &reply);
	case 4:
		return imaplib_xatom(
		    client, "AUTHENTICATE", plain_pair, 2, &reply);
	default:
		return imaplib_login_plain(client, "fred", SECRET, &reply);
	}
}

START_TEST(test_secrets_are_never_traced)
{
	struct buf told;

	buf_init(&told, 65536);
	options.debug = 5;
	options.trace = collect;
	options.trace_user = &told;
	open_to(logins[_i]);
	ck_assert(!log_in(_i));
	ck_assert_int_eq(reply.type, IMAPLIB_NO);
	imaplib_print_log(client, collect, &told);
	ck_assert(is_in(&told, "NO no"));
	ck_assert(!is_in(&told, "s3cr"));
	ck_assert(!is_in(&told, "czNjc"));
	ck_assert(!is_in(&told, ENCODED));
	leave();
	buf_free(&told);
}
END_TEST

START_TEST(test_the_last_ten_lines_are_kept)
{
	static const char *const script[] = {PREAUTH(""), "< NOOP\r\n",
	    "> * 1 A", "> * 2 A", "> * 3 A", "> * 4 A", "> * 5 A", "> * 6 A",
	    "> * 7 A", "> * 8 A", "> * 9 A", "> @ OK done", "wait", NULL};
	struct buf told;
	int lines = 0;

	buf_init(&told, 65536);
	open_to(script);
	ck_assert(imaplib_noop(client, &reply));
	imaplib_print_log(client, collect, &told);
	for (size_t i = 0; i < buf_len(&told); i++)
		lines += buf_span(&told).at[i] == '\n';
	ck_assert_int_eq(lines, 10);
	ck_assert(is_in(&told, "* 1 A") && !is_in(&told, "NOOP"));
	leave();
	buf_free(&told);
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("imaplib_calls");

	tcase_add_test(tests, test_login_quotes_the_password_and_learns_anew);
	tcase_add_test(tests, test_a_refused_login_changes_nothing);
	tcase_add_test(tests, test_login_that_is_disabled_is_not_sent);
	tcase_add_loop_test(
	    tests, test_plain_with_and_without_sasl_ir, 0, COUNT(plain));
	tcase_add_loop_test(tests,
	    test_the_callers_initial_response_with_and_without_sasl_ir, 0,
	    COUNT(plain));
	tcase_add_test(tests, test_cram_md5);
	tcase_add_test(tests, test_the_callers_mechanism_answers_challenges);
	tcase_add_loop_test(tests,
	    test_an_exchange_is_cancelled_with_an_asterisk, 0,
	    COUNT(cancelled_at));
	tcase_add_test(tests, test_unauthenticate_goes_back);
	tcase_add_test(tests, test_starttls);
	tcase_add_test(tests, test_starttls_with_injected_bytes_aborts);
	tcase_add_loop_test(tests, test_select, 0, COUNT(selects));
	tcase_add_test(
	    tests, test_a_mailbox_that_became_read_only_is_still_read);
	tcase_add_test(tests, test_close_leaves_the_mailbox_even_when_refused);
	tcase_add_test(tests, test_append_ends_lines_with_crlf);
	tcase_add_test(tests, test_append_may_keep_line_ends);
	tcase_add_loop_test(
	    tests, test_append_that_is_refused_is_not_sent, 0, COUNT(no_plus));
	tcase_add_test(tests, test_append_in_utf8_mode);
	tcase_add_test(tests, test_what_was_told_unasked_may_be_asked_for);
	tcase_add_test(tests, test_recent_is_what_was_told_or_asked);
	tcase_add_loop_test(
	    tests, test_a_debug_level_tells_so_much, 0, COUNT(levels));
	tcase_add_loop_test(
	    tests, test_secrets_are_never_traced, 0, COUNT(logins));
	tcase_add_test(tests, test_the_last_ten_lines_are_kept);
	return run_suite("imaplib_calls", tests);
}
