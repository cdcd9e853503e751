/*
 * libclient/proto/login: what no conversation in tests/transcripts/session
 * shows: the kinds of refusals, channel binding, and what cannot be sent.
 */
#include <check.h>
#include <stdlib.h>

#include "libclient/proto/login.h"

#define BYTES(string) ((struct span){(string), sizeof(string) - 1})
#define CODE(word)    ((struct imap_code){.type = (word), .name = BYTES("CODE")})

static struct login_config config;
static struct capabilities capabilities;
static struct pipeline *pipeline;
static struct login *login;
static struct imap_error error;
static struct buf out;

static void
setup(void)
{
	config = (struct login_config){
	    .credentials = {.user = BYTES("fred"), .secret = BYTES("secret")},
	    .mechanisms = (1U << MECHANISM_COUNT) - 1,
	    .is_confidential = true};
	capabilities = (struct capabilities){0};
	error = (struct imap_error){0};
	pipeline = pipeline_new(0);
	login = login_new(&config, pipeline, &capabilities);
	buf_init(&out, 100000);
}

static void
teardown(void)
{
	login = login_free(login);
	pipeline = pipeline_free(pipeline);
	buf_free(&out);
}

static enum login_progress
greet(enum imap_state state, const char *words)
{
	const struct imap_code none = {.type = IMAP_CODE_NONE};

	login_capabilities(login, span_of(words));
	return login_greeting(login, state, &none, span_of("hi"), &error);
}

static bool
says(const char *begin)
{
	buf_clear(&out);
	(void)pipeline_write(pipeline, &out);
	return span_has_prefix_nocase(buf_span(&out), begin);
}

static const struct {
	enum imap_code_type code;
	const char *text;
	enum imap_error_kind kind;
} refusals[] = {
    {IMAP_CODE_NONE, "no", IMAP_ERROR_PROTOCOL},
    {IMAP_CODE_OTHER, "no", IMAP_ERROR_PROTOCOL},
    {IMAP_CODE_ALERT, "no", IMAP_ERROR_PROTOCOL},
    {IMAP_CODE_NONEXISTENT, "no", IMAP_ERROR_PROTOCOL},
    {IMAP_CODE_AUTHENTICATIONFAILED, "no", IMAP_ERROR_AUTH},
    {IMAP_CODE_AUTHORIZATIONFAILED, "no", IMAP_ERROR_AUTH},
    {IMAP_CODE_EXPIRED, "no", IMAP_ERROR_AUTH},
    {IMAP_CODE_PRIVACYREQUIRED, "no", IMAP_ERROR_AUTH},
    {IMAP_CODE_WEBALERT, "no", IMAP_ERROR_AUTH},
    {IMAP_CODE_CONTACTADMIN, "no", IMAP_ERROR_AUTH},
    {IMAP_CODE_UNAVAILABLE, "no", IMAP_ERROR_THROTTLED},
    {IMAP_CODE_INUSE, "no", IMAP_ERROR_THROTTLED},
    {IMAP_CODE_LIMIT, "no", IMAP_ERROR_THROTTLED},
    {IMAP_CODE_OVERQUOTA, "no", IMAP_ERROR_THROTTLED},
    {IMAP_CODE_THROTTLED, "no", IMAP_ERROR_THROTTLED},
    {IMAP_CODE_SERVERBUG, "no", IMAP_ERROR_THROTTLED},
    {IMAP_CODE_ALERT, "Too many simultaneous connections. (Failure)",
	IMAP_ERROR_THROTTLED},
    {IMAP_CODE_NONE, "too many logins", IMAP_ERROR_THROTTLED},
    {IMAP_CODE_AUTHENTICATIONFAILED, "Too many failures", IMAP_ERROR_AUTH},
};

START_TEST(test_refusal_kind_follows_the_code)
{
	ck_assert(!login_refusal(&error, "EXAMINE", IMAP_STATE_NO,
	    &CODE(refusals[_i].code), span_of(refusals[_i].text),
	    IMAP_ERROR_PROTOCOL));
	ck_assert_int_eq(error.kind, refusals[_i].kind);
}
END_TEST

/* The text is the server's: shown escaped, and not at any length. */
START_TEST(test_refusal_shows_the_servers_words_safely)
{
	char text[1000];

	login_refusal(&error, "login", IMAP_STATE_NO, &CODE(IMAP_CODE_OTHER),
	    BYTES("\033[2Jrm\r\n\xe2\x80\xae"), IMAP_ERROR_AUTH);
	ck_assert_str_eq(error.text,
	    "login refused, server says: NO [CODE] "
	    "\\x1b[2Jrm\\x0d\\x0a\\xe2\\x80\\xae");
	error = (struct imap_error){0};
	memset(text, 'x', sizeof(text));
	login_refusal(&error, "login", IMAP_STATE_NO, &CODE(IMAP_CODE_NONE),
	    (struct span){text, sizeof(text)}, IMAP_ERROR_AUTH);
	ck_assert_uint_lt(strlen(error.text), 240);
}
END_TEST

START_TEST(test_refusal_shows_where_a_person_has_to_go)
{
	const struct imap_code code = {.type = IMAP_CODE_WEBALERT,
	    .name = BYTES("WEBALERT"),
	    .arguments = BYTES("https://example.org/\033[2Jin")};

	login_refusal(&error, "login", IMAP_STATE_NO, &code,
	    BYTES("Web login required"), IMAP_ERROR_AUTH);
	ck_assert_str_eq(error.text,
	    "login refused, server says: NO [WEBALERT "
	    "https://example.org/\\x1b[2Jin] Web login required");
}
END_TEST

#define SCRAM_BOTH \
	"IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256"

START_TEST(test_channel_binding_is_used_where_tls_has_it)
{
	char exporter[32] = "x";

	login_set_binding(login, (struct span){exporter, 32}, BYTES(""));
	memset(exporter, 'y', 32); /* they were copied */
	ck_assert_int_eq(greet(IMAP_STATE_OK, SCRAM_BOTH), LOGIN_GOES_ON);
	ck_assert(
	    says("AAAA1 AUTHENTICATE SCRAM-SHA-256-PLUS cD10bHMtZXhwb3J0"));
}
END_TEST

START_TEST(test_no_channel_binding_no_plus)
{
	char huge[200] = "x";

	login_set_binding(login, (struct span){0}, (struct span){huge, 200});
	ck_assert_int_eq(greet(IMAP_STATE_OK, SCRAM_BOTH), LOGIN_GOES_ON);
	ck_assert(says("AAAA1 AUTHENTICATE SCRAM-SHA-256 "));
}
END_TEST

/* A command that is not sent would never be answered. */
START_TEST(test_password_that_login_cannot_carry_is_refused)
{
	config.credentials.secret = BYTES("a\r\nA2 DELETE x");
	login_free(login);
	login = login_new(&config, pipeline, &capabilities);
	ck_assert_int_eq(greet(IMAP_STATE_OK, "IMAP4rev1"), LOGIN_FAILED);
	ck_assert_int_eq(error.kind, IMAP_ERROR_AUTH);
	ck_assert(pipeline_is_empty(pipeline));
}
END_TEST

START_TEST(test_id_that_would_inject_is_refused)
{
	config.id = "(\"name\" \"x\")\r\nA9 DELETE x";
	config.accepts_preauth = true;
	ck_assert_int_eq(
	    greet(IMAP_STATE_PREAUTH, "IMAP4rev1 ID"), LOGIN_FAILED);
	ck_assert_int_eq(error.kind, IMAP_ERROR_LOCAL);
	ck_assert(pipeline_is_empty(pipeline));
}
END_TEST

START_TEST(test_challenge_without_exchange_fails)
{
	ck_assert_int_eq(
	    login_challenge(login, BYTES("eA=="), &error), LOGIN_FAILED);
	ck_assert_int_eq(error.kind, IMAP_ERROR_PROTOCOL);
}
END_TEST

/* As PASSWORDs go: nothing is shown in clear unless it is safe. */
static const struct {
	const char *offered;
	bool is_confidential;
	const char *said; /* NULL: refused */
} choices[] = {
    {"IMAP4rev1", true, "AAAA1 LOGIN fred \"secret\""},
    {"IMAP4rev1", false, NULL},
    {"IMAP4rev1 LOGINDISABLED", true, NULL},
    {"IMAP4rev1 AUTH=PLAIN", false, NULL},
    {"IMAP4rev1 AUTH=LOGIN", false, NULL},
    {"IMAP4rev1 AUTH=PLAIN", true, "AAAA1 AUTHENTICATE PLAIN\r\n"},
    {"IMAP4rev1 AUTH=PLAIN LOGINDISABLED", true, "AAAA1 AUTHENTICATE PLAIN"},
    {"IMAP4rev1 AUTH=LOGIN AUTH=PLAIN", true, "AAAA1 AUTHENTICATE PLAIN"},
    {"IMAP4rev1 AUTH=PLAIN AUTH=CRAM-MD5", false,
	"AAAA1 AUTHENTICATE CRAM-MD5"},
    {"IMAP4rev1 AUTH=CRAM-MD5 AUTH=SCRAM-SHA-1", true,
	"AAAA1 AUTHENTICATE SCRAM-SHA-1"},
    {"IMAP4rev1 AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-256", false,
	"AAAA1 AUTHENTICATE SCRAM-SHA-256"},
    {"IMAP4rev1 AUTH=XOAUTH2 AUTH=EXTERNAL AUTH=ANONYMOUS LOGINDISABLED", true,
	NULL},
};

START_TEST(test_choice_of_the_mechanism)
{
	config.is_confidential = choices[_i].is_confidential;
	if (choices[_i].said == NULL) {
		ck_assert_int_eq(
		    greet(IMAP_STATE_OK, choices[_i].offered), LOGIN_FAILED);
		ck_assert(pipeline_is_empty(pipeline));
		return;
	}
	ck_assert_int_eq(
	    greet(IMAP_STATE_OK, choices[_i].offered), LOGIN_GOES_ON);
	ck_assert(says(choices[_i].said));
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int
main(void)
{
	Suite *suite = suite_create("login");
	TCase *tests = tcase_create("login");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(
	    tests, test_refusal_kind_follows_the_code, 0, COUNT(refusals));
	tcase_add_test(tests, test_refusal_shows_the_servers_words_safely);
	tcase_add_test(tests, test_refusal_shows_where_a_person_has_to_go);
	tcase_add_test(tests, test_channel_binding_is_used_where_tls_has_it);
	tcase_add_test(tests, test_no_channel_binding_no_plus);
	tcase_add_test(tests, test_password_that_login_cannot_carry_is_refused);
	tcase_add_test(tests, test_id_that_would_inject_is_refused);
	tcase_add_test(tests, test_challenge_without_exchange_fails);
	tcase_add_loop_test(
	    tests, test_choice_of_the_mechanism, 0, COUNT(choices));
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
