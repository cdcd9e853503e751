/*
 * libclient/imaplib: connecting, what is refused before anything is sent, how
 * arguments are written, and how connections end.
 */
#include <stdio.h>

#include "libclient/imaplib_auth.h"
#include "libclient/imaplib_helper.h"
#include "libclient/imaplib_idle.h"
#include "libclient/imaplib_mailbox.h"
#include "libclient/imaplib_message.h"
#include "libclient/imaplib_rights.h"
#include "tests/unit/imaplib_client.h"

/* ---- connecting ---- */

static const struct {
	const char *script[6];
	enum imaplib_type type; /* OK: it opens */
	enum imaplib_state state;
	enum imaplib_version version;
	const char *words;
} greetings[] = {
    {{HELLO(" idle x-Foo"), "wait"}, IMAPLIB_OK, IMAPLIB_NONAUTH,
	IMAPLIB_IMAP4REV1, "IMAP4REV1 IDLE X-FOO"},
    {{PREAUTH(""), "wait"}, IMAPLIB_OK, IMAPLIB_AUTH, IMAPLIB_IMAP4REV1,
	"IMAP4REV1"},
    {{"> * OK hi", "< CAPABILITY\r\n", "> * CAPABILITY IMAP4rev2", "> @ OK x",
	 "wait"},
	IMAPLIB_OK, IMAPLIB_NONAUTH, IMAPLIB_IMAP4REV2, "IMAP4REV2"},
    {{"> * OK [CAPABILITY IMAP4rev2 IMAP4rev1] hi", "wait"}, IMAPLIB_OK,
	IMAPLIB_NONAUTH, IMAPLIB_IMAP4REV1, "IMAP4REV2 IMAP4REV1"},
    {{"> * OK [CAPABILITY IMAP4 X] hi", "wait"}, IMAPLIB_OK, IMAPLIB_NONAUTH,
	IMAPLIB_IMAP4, "IMAP4 X"},
    {{"> * OK [CAPABILITY IMAP5] hi", "wait"}, IMAPLIB_ERROR, 0, 0, ""},
    {{"> * OK hi", "< CAPABILITY\r\n", "> @ OK x", "wait"}, IMAPLIB_ERROR, 0, 0,
	""},
    {{"> * OK hi", "< CAPABILITY\r\n", "> @ BAD x", "wait"}, IMAPLIB_ERROR, 0,
	0, ""},
    {{"> * BYE busy", "wait"}, IMAPLIB_ABORT, 0, 0, ""},
    {{"> +OK POP3", "wait"}, IMAPLIB_ABORT, 0, 0, ""},
    {{"> +", "wait"}, IMAPLIB_ABORT, 0, 0, ""},
    {{"> * 3 EXISTS", "wait"}, IMAPLIB_ABORT, 0, 0, ""},
    {{">> * OK"}, IMAPLIB_ABORT, 0, 0, ""},
    {{NULL}, IMAPLIB_ABORT, 0, 0, ""},
};

START_TEST(test_the_greeting_decides)
{
	try_to(greetings[_i].script);
	ck_assert_int_eq(reply.type, greetings[_i].type);
	ck_assert_int_eq(client != NULL, reply.type == IMAPLIB_OK);
	if (client == NULL) {
		ck_assert_str_ne(reply.error.text, "");
	} else {
		ck_assert_int_eq(
		    imaplib_get_state(client), greetings[_i].state);
		ck_assert_int_eq(
		    imaplib_get_version(client), greetings[_i].version);
		ck_assert_str_eq(
		    imaplib_get_capability_words(client), greetings[_i].words);
		ck_assert_str_eq(imaplib_get_welcome(client), "hi");
	}
	leave();
}
END_TEST

START_TEST(test_what_is_known_of_the_connection)
{
	static const char *const script[] = {PREAUTH(""), NULL};

	open_to(script);
	ck_assert_str_eq(imaplib_get_host(client), "127.0.0.1");
	ck_assert_uint_eq(imaplib_get_port(client), server.port);
	ck_assert_int_ge(imaplib_get_descriptor(client), 0);
	ck_assert(!imaplib_is_utf8(client) && !imaplib_is_read_only(client));
	ck_assert(!imaplib_noop(client, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ABORT);
	ck_assert_int_eq(imaplib_get_descriptor(client), -1);
	ck_assert_int_eq(imaplib_get_state(client), IMAPLIB_LOGOUT);
	leave();
}
END_TEST

/* Of an address where hardly anybody listens. */
START_TEST(test_ports_have_defaults)
{
	uint16_t port = _i == 1 ? IMAPLIB_SSL_PORT : IMAPLIB_PORT;
	char text[8];

	options = (struct imaplib_options){
	    .host = "127.43.21.7", .has_tls = _i == 1, .timeout = 5000 * MSEC};
	client = imaplib_open(&options, &reply);
	(void)snprintf(text, sizeof(text), "%u", port);
	if (client != NULL)
		ck_assert_uint_eq(imaplib_get_port(client), port);
	else if (reply.error.kind == IMAP_ERROR_NETWORK)
		ck_assert_ptr_nonnull(strstr(reply.error.text, text));
}
END_TEST

START_TEST(test_a_silent_greeting_times_out)
{
	static const char *const script[] = {"wait", NULL};

	options.timeout = 150 * MSEC;
	try_to(script);
	ck_assert_ptr_null(client);
	ck_assert_int_eq(reply.type, IMAPLIB_ABORT);
	ck_assert_int_eq(reply.error.kind, IMAP_ERROR_TIMEOUT);
	leave();
}
END_TEST

START_TEST(test_a_command_is_a_server_too)
{
	options.command =
	    "printf '* PREAUTH [CAPABILITY IMAP4rev1] hi\\r\\n';"
	    "read tag noop; printf '* 2 EXISTS\\r\\n%s OK x\\r\\n'"
	    " \"$tag\"; cat >/dev/null";
	client = imaplib_open(&options, &reply);
	ck_assert_ptr_nonnull(client);
	ck_assert_int_ge(imaplib_get_descriptor(client), 0);
	ck_assert(imaplib_noop(client, &reply));
	assert_names("EXISTS");
}
END_TEST

/* ---- states ---- */

#define CALL(name, ...)                                                        \
	static bool call_##name(struct imaplib *to, struct imaplib_reply *got) \
	{                                                                      \
		return imaplib_##name(to, __VA_ARGS__, got);                   \
	}

static const char *const words[] = {"1", "ALL"};
static const struct span no_bytes;
static const struct imaplib_append mail = {.message = {"x", 1}};

static bool
answer_nothing(void *user, struct span challenge, struct buf *answer)
{
	(void)user;
	(void)challenge;
	(void)answer;
	return false;
}

CALL(append, "x", &mail, 1)
CALL(authenticate, "PLAIN", no_bytes, answer_nothing, NULL)
CALL(authenticate_as, "PLAIN", "u", "s")
CALL(copy, "1", "x", false)
CALL(create, "x", NULL)
CALL(delete, "x")
CALL(deleteacl, "x", "y")
CALL(enable, "CONDSTORE")
CALL(expunge, NULL)
CALL(fetch, "1", "FLAGS", NULL, false)
CALL(getacl, "x")
CALL(getannotation, "x", "y", "z")
CALL(getmetadata, "x", NULL, words, 1)
CALL(getquota, "x")
CALL(getquotaroot, "x")
CALL(idle, 0)
CALL(list, "", "*", NULL, NULL)
CALL(listrights, "x", "y")
CALL(login, "u", "p")
CALL(login_cram_md5, "u", "p")
CALL(login_plain, "u", "p")
CALL(lsub, "", "*")
CALL(move, "1", "x", true)
CALL(myrights, "x")
CALL(notify, "NONE")
CALL(partial, "1", "", 0, 1, false)
CALL(proxyauth, "x")
CALL(rename, "x", "y")
CALL(search, NULL, NULL, "ALL", true)
CALL(select, "x", false, NULL)
CALL(setacl, "x", "y", "z")
CALL(setannotation, "x", "y", "()")
CALL(setmetadata, "x", "y", NULL)
CALL(setquota, "x", "()")
CALL(sort, "(DATE)", "UTF-8", "ALL", false)
CALL(starttls, &(struct tls_options){0})
CALL(status, "x", "()")
CALL(store, "1", "FLAGS", "x", 0, false)
CALL(subscribe, "x")
CALL(thread, "REFERENCES", "UTF-8", "ALL", false)
CALL(uid, "FETCH", words, 2)
CALL(unsubscribe, "x")
CALL(xatom, "select", words, 1)

#define N (1u << IMAPLIB_NONAUTH)
#define A (1u << IMAPLIB_AUTH)
#define S (1u << IMAPLIB_SELECTED)

static const struct {
	const char *name;
	bool (*call)(struct imaplib *to, struct imaplib_reply *got);
	unsigned legal;
} methods[] = {{"append", call_append, A | S},
    {"authenticate", call_authenticate, N},
    {"authenticate_as", call_authenticate_as, N}, {"check", imaplib_check, S},
    {"close", imaplib_close, S}, {"compress", imaplib_compress, A | S},
    {"copy", call_copy, S}, {"create", call_create, A | S},
    {"delete", call_delete, A | S}, {"deleteacl", call_deleteacl, A | S},
    {"enable", call_enable, A}, {"expunge", call_expunge, S},
    {"fetch", call_fetch, S}, {"getacl", call_getacl, A | S},
    {"getannotation", call_getannotation, A | S},
    {"getmetadata", call_getmetadata, A | S},
    {"getquota", call_getquota, A | S},
    {"getquotaroot", call_getquotaroot, A | S}, {"idle", call_idle, A | S},
    {"list", call_list, A | S}, {"listrights", call_listrights, A | S},
    {"login", call_login, N}, {"login_cram_md5", call_login_cram_md5, N},
    {"login_plain", call_login_plain, N}, {"lsub", call_lsub, A | S},
    {"move", call_move, S}, {"myrights", call_myrights, A | S},
    {"namespace", imaplib_namespace, A | S}, {"notify", call_notify, A | S},
    {"partial", call_partial, S}, {"proxyauth", call_proxyauth, A},
    {"rename", call_rename, A | S}, {"search", call_search, S},
    {"select", call_select, A | S}, {"setacl", call_setacl, A | S},
    {"setannotation", call_setannotation, A | S},
    {"setmetadata", call_setmetadata, A | S},
    {"setquota", call_setquota, A | S}, {"sort", call_sort, S},
    {"starttls", call_starttls, N}, {"status", call_status, A | S},
    {"store", call_store, S}, {"subscribe", call_subscribe, A | S},
    {"thread", call_thread, S}, {"uid", call_uid, S},
    {"unauthenticate", imaplib_unauthenticate, A | S},
    {"unselect", imaplib_unselect, S}, {"unsubscribe", call_unsubscribe, A | S},
    {"xatom", call_xatom, A | S}};

#define ALL " IDLE ENABLE COMPRESS=DEFLATE STARTTLS AUTH=PLAIN AUTH=CRAM-MD5"

static const struct {
	enum imaplib_state state;
	const char *script[6];
} states[] = {{IMAPLIB_NONAUTH, {HELLO(ALL), "wait"}},
    {IMAPLIB_AUTH, {PREAUTH(ALL), "wait"}},
    {IMAPLIB_SELECTED, {PREAUTH(ALL), SELECTED, "wait"}}};

START_TEST(test_a_command_that_is_illegal_now_is_not_sent)
{
	open_to(states[_i].script);
	if (states[_i].state == IMAPLIB_SELECTED)
		ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
	for (int i = 0; i < COUNT(methods); i++) {
		if ((methods[i].legal >> states[_i].state & 1) != 0)
			continue;
		ck_assert_msg(
		    !methods[i].call(client, &reply), "%s", methods[i].name);
		ck_assert_msg(reply.type == IMAPLIB_ERROR &&
			strstr(reply.error.text, "illegal in state") != NULL,
		    "%s: %s", methods[i].name, reply.error.text);
	}
	ck_assert_int_eq(imaplib_get_state(client), states[_i].state);
	leave();
}
END_TEST

START_TEST(test_every_command_aborts_once_the_connection_ended)
{
	static const char *const script[] = {PREAUTH(ALL), "< NOOP\r\n",
	    "> * BYE maintenance", "> @ OK late", NULL};

	open_to(script);
	ck_assert(!imaplib_noop(client, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ABORT);
	ck_assert_ptr_nonnull(strstr(reply.error.text, "maintenance"));
	for (int i = 0; i < COUNT(methods); i++) {
		if (methods[i].call == call_starttls)
			continue;
		ck_assert(!methods[i].call(client, &reply));
		ck_assert_msg(reply.type == IMAPLIB_ABORT, "%s: %s",
		    methods[i].name, reply.error.text);
	}
	leave();
}
END_TEST

START_TEST(test_what_is_not_offered_is_not_sent)
{
	static const char *const script[] = {PREAUTH(""), "wait", NULL};

	open_to(script);
	ck_assert(!call_enable(client, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	ck_assert(!imaplib_compress(client, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	leave();
}
END_TEST

/* ---- arguments ---- */

/* A mailbox name, and how CREATE has it. */
static const struct {
	const char *name;
	const char *line;
} names[] = {
    {"INBOX", "< CREATE INBOX\r\n"},
    {"New folder", "< CREATE \"New folder\"\r\n"},
    {"a\"b", "< CREATE \"a\\\"b\"\r\n"},
    {"a\\b", "< CREATE \"a\\\\b\"\r\n"},
    {"", "< CREATE \"\"\r\n"},
    {"*", "< CREATE \"*\"\r\n"},
    {"NIL", "< CREATE \"NIL\"\r\n"},
    {"\"a\" SELECT evil \"", "< CREATE \"\\\"a\\\" SELECT evil \\\"\"\r\n"},
    {"A&B", "< CREATE A&-B\r\n"},
    {"a\001b", "< CREATE a&AAE-b\r\n"},
    {"Entw\303\274rfe", "< CREATE Entw&APw-rfe\r\n"},
};

START_TEST(test_a_mailbox_name_is_written_as_it_needs)
{
	const char *const script[] = {
	    PREAUTH(""), names[_i].line, "> @ OK done", "wait", NULL};

	open_to(script);
	ck_assert(imaplib_create(client, names[_i].name, NULL, &reply));
	leave();
}
END_TEST

/* Each would begin a line of its own. */
static const char *const injections[] = {"x\r\nA1 DELETE y", "x\ny", "x\ry"};

START_TEST(test_line_ends_are_refused_everywhere)
{
	static const char *const script[] = {
	    PREAUTH(" ENABLE"), SELECTED, "wait", NULL};
	const char *bad = injections[_i];
	const struct imaplib_append wrong = {.flags = bad, .message = {"x", 1}};

	open_to(script);
	ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
#define REFUSED(call)                                        \
	do {                                                 \
		ck_assert(!(call));                          \
		ck_assert_int_eq(reply.type, IMAPLIB_ERROR); \
	} while (0)
	REFUSED(imaplib_select(client, "x", true, bad, &reply));
	REFUSED(imaplib_status(client, "x", bad, &reply));
	REFUSED(imaplib_list(client, "", "*", bad, NULL, &reply));
	REFUSED(imaplib_fetch(client, bad, "FLAGS", NULL, false, &reply));
	REFUSED(imaplib_fetch(client, "1", bad, NULL, true, &reply));
	REFUSED(imaplib_partial(client, "1", bad, 0, 1, false, &reply));
	REFUSED(imaplib_store(client, "1", "FLAGS", bad, 0, false, &reply));
	REFUSED(imaplib_search(client, NULL, NULL, bad, false, &reply));
	REFUSED(imaplib_setacl(client, "x", bad, "l", &reply));
	REFUSED(imaplib_setquota(client, "x", bad, &reply));
	REFUSED(imaplib_getmetadata(client, "x", NULL, &bad, 1, &reply));
	REFUSED(imaplib_setmetadata(client, "x", bad, NULL, &reply));
	REFUSED(imaplib_id(client, (const char *[]){"a", bad}, 2, &reply));
	REFUSED(imaplib_xatom(client, bad, NULL, 0, &reply));
	REFUSED(imaplib_xatom(client, "X", &bad, 1, &reply));
	REFUSED(imaplib_uid(client, "FETCH", &bad, 1, &reply));
	REFUSED(imaplib_append(client, "x", &wrong, 1, &reply));
	/* a refused SELECT changes nothing */
	ck_assert_int_eq(imaplib_get_state(client), IMAPLIB_SELECTED);
	ck_assert(imaplib_response(client, "EXISTS", &reply));
	leave();
}
END_TEST

START_TEST(test_id_fields_are_quoted)
{
	static const char *const script[] = {PREAUTH(""),
	    "< ID (\"name\" \"a\\\"b\" \"os\" NIL)\r\n", "> * ID NIL ",
	    "> @ OK done", "< ID NIL\r\n", "> @ OK done", "wait", NULL};
	static const char *const fields[] = {"name", "a\"b", "os", NULL};
	char *many = malloc(20001);
	const char *const long_fields[] = {"name", many};

	ck_assert_ptr_nonnull(many);
	memset(many, 'x', 20000);
	many[20000] = '\0';
	open_to(script);
	ck_assert(imaplib_id(client, fields, 4, &reply));
	assert_names("ID");
	ck_assert(imaplib_id(client, NULL, 0, &reply));
	REFUSED(imaplib_id(client, fields, 3, &reply));
	REFUSED(imaplib_id(client, long_fields, 2, &reply));
	leave();
	free(many);
}
END_TEST

/* A method, and what it sends. */
static const struct {
	bool (*call)(struct imaplib *to, struct imaplib_reply *got);
	const char *line;
} lines[] = {{call_fetch, "< FETCH 1 (FLAGS)\r\n"},
    {call_partial, "< FETCH 1 (BODY.PEEK[]<0.1>)\r\n"},
    {call_store, "< STORE 1 FLAGS (x)\r\n"}, {call_copy, "< COPY 1 x\r\n"},
    {call_move, "< UID MOVE 1 x\r\n"}, {call_expunge, "< EXPUNGE\r\n"},
    {call_search, "< UID SEARCH ALL\r\n"},
    {call_sort, "< SORT (DATE) UTF-8 ALL\r\n"},
    {call_thread, "< THREAD REFERENCES UTF-8 ALL\r\n"},
    {call_uid, "< UID FETCH 1 ALL\r\n"}, {call_list, "< LIST \"\" *\r\n"},
    {call_lsub, "< LSUB \"\" *\r\n"}, {call_rename, "< RENAME x y\r\n"},
    {call_delete, "< DELETE x\r\n"}, {call_subscribe, "< SUBSCRIBE x\r\n"},
    {call_unsubscribe, "< UNSUBSCRIBE x\r\n"},
    {call_status, "< STATUS x ()\r\n"}, {imaplib_namespace, "< NAMESPACE\r\n"},
    {imaplib_check, "< CHECK\r\n"}, {imaplib_capability, "< CAPABILITY\r\n"},
    {call_getacl, "< GETACL x\r\n"}, {call_setacl, "< SETACL x y z\r\n"},
    {call_deleteacl, "< DELETEACL x y\r\n"},
    {call_myrights, "< MYRIGHTS x\r\n"},
    {call_listrights, "< LISTRIGHTS x y\r\n"},
    {call_getquota, "< GETQUOTA x\r\n"},
    {call_getquotaroot, "< GETQUOTAROOT x\r\n"},
    {call_setquota, "< SETQUOTA x ()\r\n"},
    {call_getannotation, "< GETANNOTATION x \"y\" \"z\"\r\n"},
    {call_setannotation, "< SETANNOTATION x \"y\" ()\r\n"},
    {call_getmetadata, "< GETMETADATA x (1)\r\n"},
    {call_setmetadata, "< SETMETADATA x (y NIL)\r\n"},
    {call_notify, "< NOTIFY NONE\r\n"}};

START_TEST(test_what_a_method_sends)
{
	const char *const script[] = {PREAUTH(""), SELECTED, lines[_i].line,
	    "> * OK [X-HINT] told", "> @ NO [X-WHY 1] sorry", "wait", NULL};

	open_to(script);
	ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
	ck_assert(!lines[_i].call(client, &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_NO);
	assert_span(reply.code, "X-WHY");
	assert_span(reply.arguments, "1");
	assert_span(reply.text, "sorry");
	assert_names("OK");
	leave();
}
END_TEST

START_TEST(test_any_command_may_be_sent_by_name)
{
	static const char *const script[] = {PREAUTH(""), "< XFOO 1 ALL\r\n",
	    "> * XBAR (a \"b\")", "> @ OK done", "wait", NULL};

	open_to(script);
	ck_assert(imaplib_xatom(client, "XFOO", words, 2, &reply));
	assert_names("XBAR");
	leave();
}
END_TEST

/* ---- leaving ---- */

START_TEST(test_logout)
{
	static const char *const script[] = {PREAUTH(""), "< LOGOUT\r\n",
	    "> * BYE see you", "> @ OK done", NULL};

	open_to(script);
	client = imaplib_logout(client, &reply);
	ck_assert_ptr_null(client);
	ck_assert_int_eq(reply.type, IMAPLIB_OK);
	assert_names("BYE");
	leave();
}
END_TEST

START_TEST(test_logout_of_a_dead_server_returns_in_its_time)
{
	static const char *const script[] = {
	    PREAUTH(""), "< LOGOUT\r\n", "wait", NULL};
	uint64_t begin;

	open_to(script);
	begin = clock_now();
	client = imaplib_logout(client, &reply);
	ck_assert_ptr_null(client);
	ck_assert_int_eq(reply.type, IMAPLIB_ABORT);
	ck_assert_uint_lt(clock_now() - begin, 15000 * MSEC);
	leave();
}
END_TEST

START_TEST(test_logout_of_a_lost_connection_returns_at_once)
{
	static const char *const script[] = {PREAUTH(""), NULL};

	open_to(script);
	client = imaplib_logout(client, &reply);
	ck_assert_ptr_null(client);
	ck_assert_int_eq(reply.type, IMAPLIB_ABORT);
	ck_assert_ptr_null(imaplib_shutdown(NULL));
	leave();
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("imaplib");

	tcase_add_loop_test(
	    tests, test_the_greeting_decides, 0, COUNT(greetings));
	tcase_add_test(tests, test_what_is_known_of_the_connection);
	tcase_add_loop_test(tests, test_ports_have_defaults, 0, 2);
	tcase_add_test(tests, test_a_silent_greeting_times_out);
	tcase_add_test(tests, test_a_command_is_a_server_too);
	tcase_add_loop_test(tests,
	    test_a_command_that_is_illegal_now_is_not_sent, 0, COUNT(states));
	tcase_add_test(
	    tests, test_every_command_aborts_once_the_connection_ended);
	tcase_add_test(tests, test_what_is_not_offered_is_not_sent);
	tcase_add_loop_test(
	    tests, test_a_mailbox_name_is_written_as_it_needs, 0, COUNT(names));
	tcase_add_loop_test(
	    tests, test_line_ends_are_refused_everywhere, 0, COUNT(injections));
	tcase_add_test(tests, test_id_fields_are_quoted);
	tcase_add_loop_test(tests, test_what_a_method_sends, 0, COUNT(lines));
	tcase_add_test(tests, test_any_command_may_be_sent_by_name);
	tcase_add_test(tests, test_logout);
	tcase_add_test(tests, test_logout_of_a_dead_server_returns_in_its_time);
	tcase_add_test(tests, test_logout_of_a_lost_connection_returns_at_once);
	return run_suite("imaplib", tests);
}
