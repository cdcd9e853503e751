/*
 * The proxy's handshakes: what is said, byte for byte, and what is made of the
 * answers, however they are cut.
 */
#include <check.h>
#include <stdlib.h>

#include "libclient/base/mem.h"
#include "libclient/io/proxy.h"

#define HOST "imap.example.org"

/* C: what we say, S: what the proxy says, in this order. */
struct step {
	const char *at;
	size_t len;
	bool is_ours;
};

#define C(text)                              \
	{                                    \
		text, sizeof(text) - 1, true \
	}
#define S(text)                               \
	{                                     \
		text, sizeof(text) - 1, false \
	}
#define END                    \
	{                      \
		NULL, 0, false \
	}

static const struct proxy_server socks = {.host = "p", .port = 1080};
static const struct proxy_server socks_login = {
    .host = "p", .port = 1080, .user = "me", .password = "s3cr\xc3\xa9t"};
static const struct proxy_server http = {
    .is_http = true, .host = "p", .port = 8080};

#define HELLO	    C("\5\1\0")
#define HELLO_LOGIN C("\5\2\0\2")
#define LOGIN	    C("\1\2me\7s3cr\xc3\xa9t")
#define REQUEST	    C("\5\1\0\3\20" HOST "\3\xe1") /* port 993 */
#define OPENED	    S("\5\0\0\1\1\2\3\4\5\6")
#define CONNECT                               \
	C("CONNECT " HOST ":993 HTTP/1.1\r\n" \
	  "Host: " HOST ":993\r\n\r\n")

static const struct conversation {
	const struct proxy_server *server;
	const char *host;
	struct step steps[8];
	enum imap_error_kind kind; /* NONE: the way is open */
	const char *words;
} conversations[] = {
    /* ---- SOCKS ---- */
    {&socks, HOST, {HELLO, S("\5\0"), REQUEST, OPENED}, 0, NULL},
    /* a login that nobody wants */
    {&socks_login, HOST, {HELLO_LOGIN, S("\5\0"), REQUEST, OPENED}, 0, NULL},
    {&socks_login, HOST,
	{HELLO_LOGIN, S("\5\2"), LOGIN, S("\1\0"), REQUEST, OPENED}, 0, NULL},
    /* the version that some write in the login's answer */
    {&socks_login, HOST,
	{HELLO_LOGIN, S("\5\2"), LOGIN, S("\5\0"), REQUEST, OPENED}, 0, NULL},
    /* addresses go as addresses, other spellings of them as names */
    {&socks, "192.0.2.1",
	{HELLO, S("\5\0"), C("\5\1\0\1\xc0\0\2\1\3\xe1"), OPENED}, 0, NULL},
    {&socks, "2001:db8::1",
	{HELLO, S("\5\0"),
	    C("\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\3\xe1"), OPENED},
	0, NULL},
    {&socks, "127.1",
	{HELLO, S("\5\0"),
	    C("\5\1\0\3\5"
	      "127.1\3\xe1"),
	    OPENED},
	0, NULL},
    /* where the proxy is bound may be anything */
    {&socks, HOST,
	{HELLO, S("\5\0"), REQUEST, S("\5\0\0\4aaaabbbbccccdddd\0\1")}, 0,
	NULL},
    {&socks, HOST, {HELLO, S("\5\0"), REQUEST, S("\5\0\0\3\4name\0\1")}, 0,
	NULL},
    {&socks, HOST, {HELLO, S("\5\0"), REQUEST, S("\5\0\0\3\0\0\1")}, 0, NULL},

    {&socks, HOST, {HELLO, S("\5\xff")}, IMAP_ERROR_PROXY,
	"wants a user and password"},
    {&socks_login, HOST, {HELLO_LOGIN, S("\5\xff")}, IMAP_ERROR_PROXY,
	"takes no user and password"},
    {&socks_login, HOST, {HELLO_LOGIN, S("\5\2"), LOGIN, S("\1\1")},
	IMAP_ERROR_PROXY, "refuses the user and password"},
    {&socks, HOST, {HELLO, S("\5\2")}, IMAP_ERROR_PROTOCOL,
	"wants a login that it was not offered"},
    {&socks_login, HOST, {HELLO_LOGIN, S("\5\1")}, IMAP_ERROR_PROTOCOL,
	"wants a login that it was not offered"},
    {&socks, HOST, {HELLO, S("\4\x5a")}, IMAP_ERROR_PROTOCOL,
	"does not speak SOCKS 5"},
    {&socks, HOST, {HELLO, S("HTTP/1.1 400")}, IMAP_ERROR_PROTOCOL,
	"does not speak SOCKS 5"},
    {&socks, HOST, {HELLO, S("\5\0"), REQUEST, S("\4\0\0\1")},
	IMAP_ERROR_PROTOCOL, "does not speak SOCKS 5"},
    {&socks, HOST, {HELLO, S("\5\0"), REQUEST, S("\5\0\0\2\0\0\0\0\0\0")},
	IMAP_ERROR_PROTOCOL, "answers with an unknown kind of address"},
/* its reason is told, whatever is or is not behind it */
#define SAYS(code, words)                                             \
	{                                                             \
		&socks, HOST,                                         \
		    {HELLO, S("\5\0"), REQUEST, S("\5" code "\0\0")}, \
		    IMAP_ERROR_NETWORK, "says: " words                \
	}
    SAYS("\1", "general failure"),
    SAYS("\2", "not allowed by its rules"),
    SAYS("\3", "network unreachable"),
    SAYS("\4", "host unreachable"),
    SAYS("\5", "connection refused"),
    SAYS("\6", "time to live exceeded"),
    SAYS("\7", "command not supported"),
    SAYS("\10", "kind of address not supported"),
    SAYS("\xf0", "failure number 240"),

    /* ---- HTTP ---- */
    {&http, HOST, {CONNECT, S("HTTP/1.1 200 OK\r\n\r\n")}, 0, NULL},
    {&http, HOST,
	{CONNECT,
	    S("HTTP/1.0 200 Connection established\r\n"
	      "Proxy-agent: tinyproxy/1.11.1\r\n\r\n")},
	0, NULL},
    /* any 2xx; a length of it means nothing (RFC 9110 section 9.3.6) */
    {&http, HOST, {CONNECT, S("HTTP/1.1 299\r\nContent-Length: 7\r\n\r\n")}, 0,
	NULL},
    {&http, HOST, {CONNECT, S("HTTP/1.1 200 OK\nA: b\n\n")}, 0, NULL},
    {&http, HOST,
	{CONNECT,
	    S("HTTP/1.1 102 Processing\r\nA: b\r\n\r\n"
	      "HTTP/1.1 200 OK\r\n\r\n")},
	0, NULL},
    {&http, "2001:db8::1",
	{C("CONNECT [2001:db8::1]:993 HTTP/1.1\r\n"
	   "Host: [2001:db8::1]:993\r\n\r\n"),
	    S("HTTP/1.1 200 OK\r\n\r\n")},
	0, NULL},

    {&http, HOST, {CONNECT, S("HTTP/1.1 403 Filtered\r\n")}, IMAP_ERROR_NETWORK,
	"says: 403 Filtered"},
    {&http, HOST, {CONNECT, S("HTTP/1.1 502\r\n")}, IMAP_ERROR_NETWORK,
	"says: 502"},
    {&http, HOST, {CONNECT, S("HTTP/1.1 302 Found\r\n")}, IMAP_ERROR_NETWORK,
	"says: 302 Found"},
    {&http, HOST, {CONNECT, S("HTTP/1.1 503 \x1b[2Jno\xff\r\n")},
	IMAP_ERROR_NETWORK, "says: 503 \\x1b[2Jno\\xff"},
    {&http, HOST,
	{CONNECT, S("HTTP/1.1 407 Proxy Authentication Required\r\n")},
	IMAP_ERROR_PROXY, "says: 407 Proxy Authentication Required"},
    {&http, HOST, {CONNECT, S("* OK IMAP4rev1 ready\r\n")}, IMAP_ERROR_PROTOCOL,
	"does not answer CONNECT as HTTP does"},
    {&http, HOST, {CONNECT, S("\r\n")}, IMAP_ERROR_PROTOCOL,
	"does not answer CONNECT as HTTP does"},
    {&http, HOST, {CONNECT, S("HTTP/1.1 020 OK\r\n")}, IMAP_ERROR_PROTOCOL,
	"does not answer CONNECT as HTTP does"},
    {&http, HOST, {CONNECT, S("HTTP/1.1 20x OK\r\n")}, IMAP_ERROR_PROTOCOL,
	"does not answer CONNECT as HTTP does"},
    {&http, HOST, {CONNECT, S("HTTP/2 200 OK\r\n")}, IMAP_ERROR_PROTOCOL,
	"does not answer CONNECT as HTTP does"},
};

#define COUNT(array) (int)(sizeof(array) / sizeof(*(array)))

static void
check_said(struct proxy *proxy, struct span expected)
{
	ck_assert(span_equal(proxy_take(proxy), expected));
	proxy_taken(proxy, expected.len);
	ck_assert_uint_eq(proxy_take(proxy).len, 0);
}

/* Of bytes that come piece by piece, so many were the proxy's. */
static enum proxy_answer
feed(struct proxy *proxy, struct span bytes, size_t piece, size_t *taken,
    struct imap_error *error)
{
	enum proxy_answer answer = PROXY_WAITS;
	size_t used = 0;

	*taken = 0;
	while (bytes.len > 0 && answer == PROXY_WAITS &&
	    proxy_take(proxy).len == 0) {
		struct span now = {
		    bytes.at, bytes.len < piece ? bytes.len : piece};

		answer = proxy_feed(proxy, now, &used, error);
		bytes = span_from(bytes, used);
		*taken += used;
	}
	return answer;
}

static void
converse(const struct conversation *talk, size_t piece)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	struct proxy *proxy = proxy_new(talk->server, talk->host, 993, &error);
	enum proxy_answer answer = PROXY_WAITS;
	size_t taken;

	ck_assert_ptr_nonnull(proxy);
	for (const struct step *step = talk->steps; step->at != NULL; step++) {
		const struct span text = {step->at, step->len};

		ck_assert_int_eq(answer, PROXY_WAITS);
		if (step->is_ours) {
			check_said(proxy, text);
			continue;
		}
		answer = feed(proxy, text, piece, &taken, &error);
		if (answer != PROXY_REFUSES)
			ck_assert_uint_eq(taken, text.len);
	}
	ck_assert_int_eq(
	    answer, talk->words == NULL ? PROXY_OPEN : PROXY_REFUSES);
	ck_assert_int_eq(error.kind, talk->kind);
	ck_assert_str_eq(error.text, talk->words == NULL ? "" : talk->words);
	proxy_free(proxy);
}

START_TEST(test_proxy_conversation_in_any_pieces)
{
	converse(&conversations[_i], 1);
	converse(&conversations[_i], 3);
	converse(&conversations[_i], 1000);
}
END_TEST

START_TEST(test_proxy_leaves_what_the_destination_says_first)
{
	static const char answers[][40] = {"\5\0\0\1\1\2\3\4\5\6* OK hello\r\n",
	    "HTTP/1.1 200 OK\r\n\r\n* OK hello\r\n"};
	const size_t lengths[] = {10, 19};
	const size_t piece = _i / 2 == 0 ? 1 : 1000;
	const bool is_http = _i % 2 == 1;
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	struct proxy *proxy =
	    proxy_new(is_http ? &http : &socks, HOST, 993, &error);
	const struct span answer = {answers[_i % 2], lengths[_i % 2] + 12};
	size_t taken;

	proxy_taken(proxy, proxy_take(proxy).len);
	if (!is_http) {
		(void)feed(proxy, span_of("\5"), piece, &taken, &error);
		(void)feed(
		    proxy, (struct span){"\0", 1}, piece, &taken, &error);
		proxy_taken(proxy, proxy_take(proxy).len);
	}
	ck_assert_int_eq(
	    feed(proxy, answer, piece, &taken, &error), PROXY_OPEN);
	ck_assert_uint_eq(taken, lengths[_i % 2]);
	proxy_free(proxy);
}
END_TEST

/* An answer to what was not asked yet is looked at after it was. */
START_TEST(test_proxy_answer_that_comes_too_early_waits)
{
	static const char all[] = "\5\0\5\0\0\1\1\2\3\4\5\6";
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	struct proxy *proxy = proxy_new(&socks, HOST, 993, &error);
	struct span bytes = {all, sizeof(all) - 1};
	size_t used;

	proxy_taken(proxy, proxy_take(proxy).len);
	ck_assert_int_eq(proxy_feed(proxy, bytes, &used, &error), PROXY_WAITS);
	ck_assert_uint_eq(used, 2);
	ck_assert_uint_gt(proxy_take(proxy).len, 0);
	proxy_taken(proxy, proxy_take(proxy).len);
	bytes = span_from(bytes, used);
	ck_assert_int_eq(proxy_feed(proxy, bytes, &used, &error), PROXY_OPEN);
	ck_assert_uint_eq(used, bytes.len);
	proxy_free(proxy);
}
END_TEST

static const char *const endless[] = {"HTTP/1.1 200 OK\r\nA: ", "HTTP/1.1 ",
    "HTTP/1.1 100 Continue\r\n\r\n", "A"};

/* The line, the block and the number of answers are bounded together. */
START_TEST(test_proxy_header_without_an_end_is_refused)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	struct proxy *proxy = proxy_new(&http, HOST, 993, &error);
	const struct span begin = span_of(endless[_i]);
	const struct span rest = span_of(_i == 2 ? endless[_i] : "aaaaaaaaaa");
	size_t total = begin.len;
	size_t used;

	proxy_taken(proxy, proxy_take(proxy).len);
	ck_assert_int_eq(proxy_feed(proxy, begin, &used, &error), PROXY_WAITS);
	while (proxy_feed(proxy, rest, &used, &error) == PROXY_WAITS)
		total += used;
	ck_assert_uint_le(total, PROXY_MAX_HEADER);
	ck_assert_int_eq(error.kind, IMAP_ERROR_LIMIT);
	ck_assert_str_eq(error.text, "sends a header of more than 16384 bytes");
	proxy_free(proxy);
}
END_TEST

START_TEST(test_proxy_reason_is_cut)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	struct proxy *proxy = proxy_new(&http, HOST, 993, &error);
	size_t used;

	proxy_taken(proxy, proxy_take(proxy).len);
	(void)proxy_feed(proxy, span_of("HTTP/1.1 500 "), &used, &error);
	for (int i = 0; i < 1000; i++)
		(void)proxy_feed(proxy, span_of("wide "), &used, &error);
	ck_assert_int_eq(
	    proxy_feed(proxy, span_of("\r\n"), &used, &error), PROXY_REFUSES);
	ck_assert_uint_lt(strlen(error.text), 120);
	proxy_free(proxy);
}
END_TEST

START_TEST(test_proxy_refuses_what_cannot_be_said)
{
	static const char *const hosts[] = {
	    "", "imap.example.org\r\nX: y", "a b", "a\x7f"};
	char text[300];
	struct proxy_server server = socks_login;
	struct imap_error error = {.kind = IMAP_ERROR_NONE};

	for (int i = 0; i < COUNT(hosts); i++)
		ck_assert_ptr_null(proxy_new(
		    i % 2 == 0 ? &socks : &http, hosts[i], 993, &error));
	memset(text, 'x', sizeof(text) - 1);
	text[256] = '\0';
	ck_assert_ptr_null(proxy_new(&socks, text, 993, &error));
	server.password = text;
	ck_assert_ptr_null(proxy_new(&server, HOST, 993, &error));
	server.password = "";
	ck_assert_ptr_null(proxy_new(&server, HOST, 993, &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_CONFIG);
	text[255] = '\0';
	server.password = text;
	server.user = text;
	proxy_free(proxy_new(&server, text, 993, &error));
}
END_TEST

START_TEST(test_proxy_server_is_copied_whole)
{
	struct proxy_server *copy = proxy_server_copy(&socks_login);

	ck_assert_str_eq(copy->host, socks_login.host);
	ck_assert_ptr_ne(copy->host, socks_login.host);
	ck_assert_uint_eq(copy->port, socks_login.port);
	ck_assert_str_eq(copy->user, socks_login.user);
	ck_assert_ptr_ne(copy->user, socks_login.user);
	ck_assert_str_eq(copy->password, socks_login.password);
	ck_assert_ptr_ne(copy->password, socks_login.password);
	ck_assert_ptr_null(proxy_server_free(copy));
	ck_assert_ptr_null(proxy_server_copy(NULL));
	ck_assert_ptr_null(proxy_server_free(NULL));
	ck_assert_ptr_null(proxy_free(NULL));
}
END_TEST

static void
add_tests(TCase *tests)
{
	tcase_add_loop_test(tests, test_proxy_conversation_in_any_pieces, 0,
	    COUNT(conversations));
	tcase_add_loop_test(
	    tests, test_proxy_leaves_what_the_destination_says_first, 0, 4);
	tcase_add_test(tests, test_proxy_answer_that_comes_too_early_waits);
	tcase_add_loop_test(tests, test_proxy_header_without_an_end_is_refused,
	    0, COUNT(endless));
	tcase_add_test(tests, test_proxy_reason_is_cut);
	tcase_add_test(tests, test_proxy_refuses_what_cannot_be_said);
	tcase_add_test(tests, test_proxy_server_is_copied_whole);
}

int
main(void)
{
	Suite *suite = suite_create("proxy");
	TCase *tests = tcase_create("proxy");
	SRunner *runner;
	int failed;

	add_tests(tests);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
