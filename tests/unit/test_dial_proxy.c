/*
 * Connecting by way of a proxy, which is looked up and tried as a server is.
 */
#include "dial_helpers.h"

#define ANSWER "\5\0\5\0\0\1\1\2\3\4\5\6"

static struct span proxy_says; /* to each that connects */
static bool is_proxy_closing; /* behind that */
static int proxy_peer = -1;

static int
on_accept(sd_event_source *source, int fd, uint32_t revents, void *user)
{
	(void)source;
	(void)revents;
	(void)user;
	proxy_peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_eq(
	    send(proxy_peer, proxy_says.at, proxy_says.len, MSG_NOSIGNAL),
	    proxy_says.len);
	if (is_proxy_closing)
		shutdown(proxy_peer, SHUT_WR);
	return 0;
}

/* To NAME:993, a name that nobody here can look up. */
static void
connect_by_proxy(const char *host, struct span says, uint64_t timeout_usec)
{
	static struct proxy_server server;
	sd_event_source *source = NULL;
	uint16_t port = 0;
	const int fd = listen_at("127.0.0.1", &port);

	server = (struct proxy_server){.host = host, .port = port};
	proxy = &server;
	proxy_says = says;
	ck_assert_int_ge(
	    sd_event_add_io(loop, &source, fd, EPOLLIN, on_accept, NULL), 0);
	connect_to(NAME, 993, timeout_usec);
	sd_event_source_disable_unref(source);
	close(fd);
	close(proxy_peer);
}

/* %u of the words is the proxy's port. */
static void
assert_failure(enum imap_error_kind kind, const char *words)
{
	const char *mark = strstr(words, "%u");
	char expected[160];

	(void)snprintf(expected, sizeof(expected), "%.*s%u%s",
	    (int)(mark - words), words, proxy->port, mark + 2);
	ck_assert_str_eq(failure.text, expected);
	ck_assert_int_eq(failure.kind, kind);
}

START_TEST(test_dial_proxy_leaves_the_servers_first_words)
{
	static const char says[] = ANSWER "* OK hello\r\n";
	char heard[40] = "";

	connect_by_proxy(
	    "127.0.0.1", (struct span){says, sizeof(says) - 1}, 20 * SECOND);
	ck_assert_int_ge(connected_fd, 0);
	ck_assert_int_eq(lookups, 0);
	ck_assert_int_gt(recv(connected_fd, heard, sizeof(heard) - 1, 0), 0);
	ck_assert_str_eq(heard, "* OK hello\r\n");
}
END_TEST

START_TEST(test_dial_proxy_is_what_is_looked_up)
{
	static const char *const two[] = {"::1", "127.0.0.1", NULL};
	static const char says[] = ANSWER;

	answer = two;
	connect_by_proxy("proxy.example.org",
	    (struct span){says, sizeof(says) - 1}, 20 * SECOND);
	ck_assert_int_ge(connected_fd, 0);
	ck_assert_int_eq(lookups, 1);
	ck_assert_str_eq(looked_up, "proxy.example.org");
}
END_TEST

START_TEST(test_dial_proxy_that_is_not_found)
{
	const struct proxy_server server = {
	    .host = "proxy.example.org", .port = 1080};

	proxy = &server;
	answer_result = EAI_NONAME;
	connect_to(NAME, 993, 20 * SECOND);
	assert_failure(IMAP_ERROR_NETWORK,
	    NAME ":993: no way to the proxy proxy.example.org:%u: name not "
		 "found: check proxy");
}
END_TEST

START_TEST(test_dial_proxy_that_is_not_there)
{
	struct proxy_server server = {.host = "127.0.0.1"};
	const int fd = bind_to("127.0.0.1", &server.port);

	proxy = &server;
	connect_to(NAME, 993, 20 * SECOND);
	assert_failure(IMAP_ERROR_NETWORK,
	    NAME ":993: no way to the proxy 127.0.0.1:%u: connection refused");
	close(fd);
}
END_TEST

START_TEST(test_dial_proxy_refuses)
{
	connect_by_proxy(
	    "127.0.0.1", (struct span){"\5\0\5\5", 4}, 20 * SECOND);
	assert_failure(IMAP_ERROR_NETWORK,
	    NAME ":993: the proxy 127.0.0.1:%u says: connection refused");
}
END_TEST

START_TEST(test_dial_proxy_ends_in_the_middle)
{
	is_proxy_closing = true;
	connect_by_proxy("127.0.0.1", (struct span){ANSWER, 5}, 20 * SECOND);
	assert_failure(IMAP_ERROR_NETWORK,
	    NAME ":993: the proxy 127.0.0.1:%u closed the connection before it "
		 "answered");
}
END_TEST

START_TEST(test_dial_proxy_stops_in_the_middle)
{
	connect_by_proxy("127.0.0.1", (struct span){ANSWER, 5}, SECOND);
	assert_failure(IMAP_ERROR_TIMEOUT,
	    NAME
	    ":993: the proxy 127.0.0.1:%u did not open the way within 1 s");
}
END_TEST

START_TEST(test_dial_proxy_takes_no_such_login)
{
	uint16_t port = 0;
	const int fd = listen_at("127.0.0.1", &port);
	const struct proxy_server server = {
	    .host = "127.0.0.1", .port = port, .user = "me", .password = ""};

	proxy = &server;
	connect_to(NAME, 993, 20 * SECOND);
	assert_failure(IMAP_ERROR_CONFIG,
	    NAME
	    ":993: the proxy 127.0.0.1:%u takes names, users and passwords "
	    "of 1 to 255 bytes");
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dial_proxy");
	TCase *tests = tcase_create("dial_proxy");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_dial_proxy_leaves_the_servers_first_words);
	tcase_add_test(tests, test_dial_proxy_is_what_is_looked_up);
	tcase_add_test(tests, test_dial_proxy_that_is_not_found);
	tcase_add_test(tests, test_dial_proxy_that_is_not_there);
	tcase_add_test(tests, test_dial_proxy_refuses);
	tcase_add_test(tests, test_dial_proxy_ends_in_the_middle);
	tcase_add_test(tests, test_dial_proxy_stops_in_the_middle);
	tcase_add_test(tests, test_dial_proxy_takes_no_such_login);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
