/*
 * Connecting: order and rhythm of the attempts, and the words of failures.
 */
#include "dial_helpers.h"

/*
 * A listener whose queue is full, so that it answers nobody any more. The
 * sockets that fill it are to be closed by the caller.
 */
static int
black_hole(const char *address, uint16_t *port, int fillers[4])
{
	const int fd = bind_to(address, port);
	struct sockaddr_in in = {.sin_family = AF_INET,
	    .sin_port = htons(*port),
	    .sin_addr.s_addr = inet_addr(address)};
	int i;

	ck_assert_int_eq(listen(fd, 0), 0);
	for (i = 0; i < 4; i++) {
		fillers[i] = socket(
		    AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)!connect(fillers[i], (struct sockaddr *)&in, sizeof(in));
	}
	return fd;
}

static void
close_all(const int *fds, int count)
{
	while (count-- > 0)
		close(fds[count]);
}

START_TEST(test_dial_address_literal_needs_no_look_up)
{
	uint16_t port = 0;
	const int fd = listen_at("127.0.0.1", &port);

	connect_to("127.0.0.1", port, 10 * SECOND);
	ck_assert_int_ge(connected_fd, 0);
	ck_assert_int_eq(lookups, 0);
	close(fd);
}
END_TEST

START_TEST(test_dial_name_is_looked_up)
{
	static const char *const one[] = {"127.0.0.1", NULL};
	uint16_t port = 0;
	const int fd = listen_at("127.0.0.1", &port);

	answer = one;
	connect_to(NAME, port, 10 * SECOND);
	ck_assert_int_ge(connected_fd, 0);
	ck_assert_int_eq(lookups, 1);
	close(fd);
}
END_TEST

static int
option(int level, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	ck_assert_int_eq(
	    getsockopt(connected_fd, level, name, &value, &size), 0);
	return value;
}

START_TEST(test_dial_socket_notices_a_dead_peer)
{
	uint16_t port = 0;
	const int fd = listen_at("127.0.0.1", &port);

	connect_to("127.0.0.1", port, 10 * SECOND);
	ck_assert_int_ne(option(IPPROTO_TCP, TCP_NODELAY), 0);
	ck_assert_int_ne(option(SOL_SOCKET, SO_KEEPALIVE), 0);
	ck_assert_int_eq(option(IPPROTO_TCP, TCP_KEEPIDLE), 60);
	ck_assert_int_eq(option(IPPROTO_TCP, TCP_KEEPINTVL), 10);
	ck_assert_int_eq(option(IPPROTO_TCP, TCP_KEEPCNT), 3);
	ck_assert_int_eq(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 10000);
	close(fd);
}
END_TEST

START_TEST(test_dial_closed_port_is_refused)
{
	char expected[64];
	uint16_t port = 0;
	const int fd = bind_to("127.0.0.1", &port);

	connect_to("127.0.0.1", port, 10 * SECOND);
	(void)snprintf(expected, sizeof(expected),
	    "127.0.0.1:%u: connection refused", port);
	ck_assert_int_eq(failure.kind, IMAP_ERROR_NETWORK);
	ck_assert_str_eq(failure.text, expected);
	close(fd);
}
END_TEST

START_TEST(test_dial_same_reason_is_told_once)
{
	static const char *const two[] = {"127.0.0.1", "127.0.0.2", NULL};
	uint16_t port = 0;
	const int fd = bind_to("127.0.0.1", &port);
	char expected[64];

	answer = two;
	connect_to(NAME, port, 10 * SECOND);
	(void)snprintf(
	    expected, sizeof(expected), NAME ":%u: connection refused", port);
	ck_assert_str_eq(failure.text, expected);
	close(fd);
}
END_TEST

START_TEST(test_dial_ipv6_literal_is_bracketed_in_errors)
{
	/* Port 0 cannot be connected to. */
	connect_to("::1", 0, 10 * SECOND);
	ck_assert_int_eq(failure.kind, IMAP_ERROR_NETWORK);
	ck_assert_int_eq(strncmp(failure.text, "[::1]:0: ", 9), 0);
}
END_TEST

static const struct {
	int result;
	const char *words;
} failed_lookups[] = {
    {EAI_NONAME, NAME ":993: name not found: check host"},
    {EAI_NODATA, NAME ":993: name not found: check host"},
    {EAI_AGAIN,
	NAME ":993: name look-up failed: "
	     "Temporary failure in name resolution"},
};

START_TEST(test_dial_name_that_does_not_resolve)
{
	answer_result = failed_lookups[_i].result;
	connect_to(NAME, 993, 10 * SECOND);
	ck_assert_int_eq(failure.kind, IMAP_ERROR_NETWORK);
	ck_assert_str_eq(failure.text, failed_lookups[_i].words);
}
END_TEST

START_TEST(test_dial_falls_back_to_ipv4)
{
	static const char *const both[] = {"::1", "127.0.0.1", NULL};
	uint16_t port = 0;
	const int fd = listen_at("127.0.0.1", &port);

	answer = both;
	connect_to(NAME, port, 10 * SECOND);
	ck_assert_int_ge(connected_fd, 0);
	close(fd);
}
END_TEST

static uint64_t
now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec / 1000;
}

START_TEST(test_dial_silent_address_costs_a_quarter_of_a_second)
{
	static const char *const two[] = {"127.0.0.1", "127.0.0.2", NULL};
	uint16_t port = 0;
	int fillers[4];
	const int hole = black_hole("127.0.0.1", &port, fillers);
	const int fd = listen_at("127.0.0.2", &port);
	const uint64_t begin = now_usec();

	answer = two;
	connect_to(NAME, port, 20 * SECOND);
	ck_assert_int_ge(connected_fd, 0);
	ck_assert_uint_ge(now_usec() - begin, SECOND / 4 - 1000);
	close(fd);
	close(hole);
	close_all(fillers, 4);
}
END_TEST

START_TEST(test_dial_families_take_turns)
{
	/* The silent ones of the first family must not all come first. */
	static const char *const list[] = {"127.0.0.1", "127.0.0.1",
	    "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", "::1", NULL};
	struct sockaddr_in6 in = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const int on = 1;
	uint16_t port = 0;
	int fillers[4];
	const int hole = black_hole("127.0.0.1", &port, fillers);
	const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t begin;

	in.sin6_port = htons(port);
	if (fd >= 0)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (fd >= 0 && bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0) {
		ck_assert_int_eq(listen(fd, 8), 0);
		answer = list;
		begin = now_usec();
		connect_to(NAME, port, 20 * SECOND);
		ck_assert_int_ge(connected_fd, 0);
		ck_assert_uint_lt(now_usec() - begin, SECOND);
	}
	close(fd);
	close(hole);
	close_all(fillers, 4);
}
END_TEST

START_TEST(test_dial_tries_at_most_twenty_addresses)
{
	const char *list[22] = {NULL};
	uint16_t port = 0;
	const int fd = listen_at("127.0.0.2", &port);
	int i;

	for (i = 0; i < 20; i++)
		list[i] = "127.0.0.1";
	list[20] = "127.0.0.2";
	answer = list;
	connect_to(NAME, port, 10 * SECOND);
	ck_assert_int_eq(failure.kind, IMAP_ERROR_NETWORK);
	close(fd);
}
END_TEST

START_TEST(test_dial_silent_server_is_a_timeout)
{
	uint16_t port = 0;
	int fillers[4];
	const int hole = black_hole("127.0.0.1", &port, fillers);
	char expected[80];

	connect_to("127.0.0.1", port, SECOND / 10);
	(void)snprintf(expected, sizeof(expected),
	    "127.0.0.1:%u: no connection within 0.1 s", port);
	ck_assert_int_eq(failure.kind, IMAP_ERROR_TIMEOUT);
	ck_assert_str_eq(failure.text, expected);
	close(hole);
	close_all(fillers, 4);
}
END_TEST

START_TEST(test_dial_slow_look_up_is_a_timeout)
{
	is_answer_late = true;
	connect_to(NAME, 993, SECOND / 10);
	ck_assert_int_eq(failure.kind, IMAP_ERROR_TIMEOUT);
	ck_assert_str_eq(failure.text,
	    NAME ":993: the name look-up did not end within 0.1 s");
	sem_post(&may_answer);
}
END_TEST

START_TEST(test_dial_free_during_the_look_up)
{
	static const char *const one[] = {"127.0.0.1", NULL};

	answer = one;
	is_answer_late = true;
	begin(NAME, 993, SECOND);
	dial = dial_free(dial);
	sem_post(&may_answer);
	lane = job_lane_free(lane);
	ck_assert_int_eq(sd_event_run(loop, 0), 0);
	ck_assert_int_eq(ended, 0);
}
END_TEST

START_TEST(test_dial_free_during_the_attempts)
{
	uint16_t port = 0;
	int fillers[4];
	const int hole = black_hole("127.0.0.1", &port, fillers);

	begin("127.0.0.1", port, 10 * SECOND);
	ck_assert_int_gt(sd_event_run(loop, SECOND), 0);
	dial = dial_free(dial);
	ck_assert_int_eq(sd_event_run(loop, 0), 0);
	ck_assert_int_eq(ended, 0);
	close(hole);
	close_all(fillers, 4);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, test_dial_address_literal_needs_no_look_up);
	tcase_add_test(tcase, test_dial_name_is_looked_up);
	tcase_add_test(tcase, test_dial_socket_notices_a_dead_peer);
	tcase_add_test(tcase, test_dial_closed_port_is_refused);
	tcase_add_test(tcase, test_dial_same_reason_is_told_once);
	tcase_add_test(tcase, test_dial_ipv6_literal_is_bracketed_in_errors);
	tcase_add_loop_test(tcase, test_dial_name_that_does_not_resolve, 0,
	    sizeof(failed_lookups) / sizeof(failed_lookups[0]));
	tcase_add_test(tcase, test_dial_falls_back_to_ipv4);
	tcase_add_test(
	    tcase, test_dial_silent_address_costs_a_quarter_of_a_second);
	tcase_add_test(tcase, test_dial_families_take_turns);
	tcase_add_test(tcase, test_dial_tries_at_most_twenty_addresses);
	tcase_add_test(tcase, test_dial_silent_server_is_a_timeout);
	tcase_add_test(tcase, test_dial_slow_look_up_is_a_timeout);
	tcase_add_test(tcase, test_dial_free_during_the_look_up);
	tcase_add_test(tcase, test_dial_free_during_the_attempts);
}

int
main(void)
{
	Suite *suite = suite_create("dial");
	TCase *tcase = tcase_create("dial");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, setup, teardown);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
