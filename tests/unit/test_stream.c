/*
 * Streams without TLS: what comes in and goes out, when the handler is told,
 * and that it may do anything while it is told, freeing the stream included.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/stream_helpers.h"

enum { RECORD = 16 * 1024, WAKE_LIMIT = 256 * 1024 };

/* A stream on one end of a socketpair; returns the other end. */
static int
open_plain(int type)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
	end.stream = stream_new(loop, ends[0], ends[0], &handler, &end);
	return ends[1];
}

START_TEST(test_stream_delivers_what_comes)
{
	const int fd = open_plain(SOCK_STREAM);

	ck_assert_int_eq(write(fd, "* OK\r\n", 6), 6);
	run_until_received(6);
	ck_assert_mem_eq(buf_span(&end.received).at, "* OK\r\n", 6);
	ck_assert_uint_eq(stream_bytes_in(end.stream), 6);
	ck_assert_str_eq(stream_tls_description(end.stream), "");
	close(fd);
}
END_TEST

START_TEST(test_stream_writes_of_a_turn_go_out_as_one)
{
	const int fd = open_plain(SOCK_SEQPACKET);
	char bytes[64];

	stream_write(end.stream, span_of("a1 NOOP\r\n"));
	stream_write(end.stream, span_of("a2 NOOP\r\n"));
	ck_assert_uint_eq(stream_pending(end.stream), 18);
	ck_assert_int_eq(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
	while (end.flushed_calls == 0)
		turn();
	ck_assert_int_eq(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT), 18);
	ck_assert_uint_eq(stream_pending(end.stream), 0);
	ck_assert_uint_eq(stream_bytes_out(end.stream), 18);
	settle();
	ck_assert_uint_eq(end.flushed_calls, 1);
	close(fd);
}
END_TEST

START_TEST(test_stream_flush_writes_at_once_and_calls_later)
{
	const int fd = open_plain(SOCK_SEQPACKET);
	char bytes[64];

	stream_write(end.stream, span_of("a1 "));
	stream_write(end.stream, span_of("NOOP\r\n"));
	stream_flush(end.stream);
	ck_assert_int_eq(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT), 9);
	ck_assert(!end.is_called);
	while (end.flushed_calls == 0)
		turn();
	close(fd);
}
END_TEST

START_TEST(test_stream_reply_leaves_in_the_turn_of_the_question)
{
	const int fd = open_plain(SOCK_STREAM);
	char bytes[64];

	end.reply_at_received = "DONE\r\n";
	ck_assert_int_eq(write(fd, "+\r\n", 3), 3);
	run_until_received(3);
	ck_assert_int_eq(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT), 6);
	close(fd);
}
END_TEST

START_TEST(test_stream_end_of_file_is_clean_without_tls)
{
	const int fd = open_plain(SOCK_STREAM);

	ck_assert_int_eq(write(fd, "* BYE\r\n", 7), 7);
	close(fd);
	run_until(&end.is_closed);
	ck_assert_uint_eq(buf_len(&end.received), 7);
	ck_assert_int_eq(end.error.kind, IMAP_ERROR_NETWORK);
	ck_assert_str_eq(end.error.text, "closed by the peer");
	ck_assert(end.is_clean);
	/* Nothing follows. */
	stream_write(end.stream, span_of("x"));
	stream_flush(end.stream);
	settle();
	ck_assert_uint_eq(stream_pending(end.stream), 0);
}
END_TEST

START_TEST(test_stream_last_words_come_before_a_failed_write)
{
	const int fd = open_plain(SOCK_STREAM);

	/* Whatever the program does with SIGPIPE, it must not die of it. */
	ck_assert_int_eq(write(fd, "* BYE\r\n", 7), 7);
	close(fd);
	stream_write(end.stream, span_of("a1 NOOP\r\n"));
	stream_flush(end.stream);
	ck_assert(!end.is_called);
	run_until(&end.is_closed);
	ck_assert_uint_eq(buf_len(&end.received), 7);
	ck_assert_int_eq(end.error.kind, IMAP_ERROR_NETWORK);
	ck_assert_str_eq(end.error.text, "connection lost: Broken pipe");
}
END_TEST

START_TEST(test_stream_on_two_pipes)
{
	int to_peer[2];
	int from_peer[2];
	char bytes[64];

	ck_assert_int_eq(pipe2(to_peer, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(from_peer, O_CLOEXEC), 0);
	end.stream = stream_new(loop, from_peer[0], to_peer[1], &handler, &end);
	ck_assert_int_eq(write(from_peer[1], "* PREAUTH\r\n", 11), 11);
	stream_write(end.stream, span_of("a1 NOOP\r\n"));
	run_until_received(11);
	while (end.flushed_calls == 0)
		turn();
	ck_assert_int_eq(read(to_peer[0], bytes, sizeof(bytes)), 9);
	/* The reader's death shows when it is written to. */
	close(to_peer[0]);
	settle();
	ck_assert(!end.is_closed);
	stream_write(end.stream, span_of("a2 NOOP\r\n"));
	run_until(&end.is_closed);
	ck_assert_int_eq(end.error.kind, IMAP_ERROR_NETWORK);
	close(from_peer[1]);
}
END_TEST

START_TEST(test_stream_pipe_to_a_slow_reader_waits)
{
	int to_peer[2];
	int from_peer[2];
	char *bytes = mem_alloc(TRANSFER);
	size_t total = 0;
	ssize_t n;

	ck_assert_int_eq(pipe2(to_peer, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(pipe2(from_peer, O_CLOEXEC), 0);
	end.stream = stream_new(loop, from_peer[0], to_peer[1], &handler, &end);
	stream_write(end.stream, (struct span){bytes, TRANSFER});
	while (end.flushed_calls == 0) {
		/* Nothing to do until the reader has read: no busy loop. */
		settle();
		while ((n = read(to_peer[0], bytes, RECORD)) > 0)
			total += (size_t)n;
	}
	while ((n = read(to_peer[0], bytes, RECORD)) > 0)
		total += (size_t)n;
	ck_assert_uint_eq(total, TRANSFER);
	mem_free(bytes);
	close(to_peer[0]);
	close(from_peer[1]);
}
END_TEST

START_TEST(test_stream_pause_holds_bytes_back)
{
	const int fd = open_plain(SOCK_STREAM);

	stream_pause(end.stream, true);
	ck_assert_int_eq(write(fd, "abc", 3), 3);
	close(fd);
	/* The peer is gone, which must not spin either. */
	settle();
	ck_assert(!end.is_called);
	stream_pause(end.stream, false);
	ck_assert(!end.is_called);
	run_until(&end.is_closed);
	ck_assert_uint_eq(buf_len(&end.received), 3);
}
END_TEST

START_TEST(test_stream_queue_has_a_limit)
{
	const int fd = open_plain(SOCK_STREAM);
	char *bytes = mem_alloc(TRANSFER);
	int i;

	for (i = 0; i < 7; i++)
		stream_write(end.stream, (struct span){bytes, TRANSFER});
	ck_assert(!end.is_called);
	run_until(&end.is_closed);
	ck_assert_int_eq(end.error.kind, IMAP_ERROR_LIMIT);
	mem_free(bytes);
	close(fd);
}
END_TEST

START_TEST(test_stream_bad_descriptor_is_told_by_the_loop)
{
	const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* It cannot be polled. */
	end.stream = stream_new(loop, fd, fd, &handler, &end);
	ck_assert(!end.is_called);
	run_until(&end.is_closed);
	ck_assert_int_eq(end.error.kind, IMAP_ERROR_LOCAL);
}
END_TEST

START_TEST(test_stream_busy_one_lets_others_have_their_turn)
{
	struct end other = {.is_closed = false};
	const int fd = open_plain(SOCK_STREAM);
	char *bytes = mem_alloc(1 << 20);
	int pipe_ends[2];
	int spare[2];

	buf_init(&other.received, 1 << 21);
	ck_assert_int_eq(pipe2(pipe_ends, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(spare, O_CLOEXEC), 0);
	ck_assert_int_ge(fcntl(pipe_ends[1], F_SETPIPE_SZ, 1 << 20), 1 << 20);
	ck_assert_int_eq(write(pipe_ends[1], bytes, 1 << 20), 1 << 20);
	other.stream =
	    stream_new(loop, pipe_ends[0], spare[1], &handler, &other);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	run_until_received(1);
	ck_assert_uint_le(buf_len(&other.received), WAKE_LIMIT);
	/* And the rest comes, too. */
	while (buf_len(&other.received) < 1 << 20)
		turn();
	other.stream = stream_free(other.stream);
	buf_free(&other.received);
	mem_free(bytes);
	close(pipe_ends[1]);
	close(spare[0]);
	close(fd);
}
END_TEST

static const enum moment plain_moments[] = {AT_RECEIVED, AT_FLUSHED, AT_CLOSED};

START_TEST(test_stream_may_be_freed_in_every_callback)
{
	const int fd = open_plain(SOCK_STREAM);

	end.free_at = plain_moments[_i];
	stream_write(end.stream, span_of("x"));
	ck_assert_int_eq(write(fd, "y", 1), 1);
	if (end.free_at == AT_CLOSED)
		shutdown(fd, SHUT_WR);
	while (end.stream != NULL)
		turn();
	settle();
	close(fd);
}
END_TEST

START_TEST(test_stream_free_takes_null)
{
	ck_assert_ptr_null(stream_free(NULL));
}
END_TEST

START_TEST(test_stream_free_before_the_loop_turns)
{
	const int fd = open_plain(SOCK_STREAM);

	ck_assert_int_eq(write(fd, "y", 1), 1);
	stream_write(end.stream, span_of("x"));
	end.stream = stream_free(end.stream);
	settle();
	ck_assert(!end.is_called);
	close(fd);
}
END_TEST

START_TEST(test_stream_tls_does_not_begin_before_the_question_left)
{
	const int fd = open_plain(SOCK_STREAM);

	stream_write(end.stream, span_of("a1 STARTTLS\r\n"));
	stream_start_tls(end.stream, context);
	ck_assert(!end.is_called);
	run_until(&end.is_closed);
	ck_assert_int_eq(end.error.kind, IMAP_ERROR_PROTOCOL);
	close(fd);
}
END_TEST

START_TEST(test_stream_makes_sigpipe_harmless)
{
	struct sigaction action;
	int fd;

	signal(SIGPIPE, SIG_DFL);
	fd = open_plain(SOCK_STREAM);
	sigaction(SIGPIPE, NULL, &action);
	ck_assert(action.sa_handler == SIG_IGN);
	close(fd);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, test_stream_delivers_what_comes);
	tcase_add_test(tcase, test_stream_writes_of_a_turn_go_out_as_one);
	tcase_add_test(tcase, test_stream_flush_writes_at_once_and_calls_later);
	tcase_add_test(
	    tcase, test_stream_reply_leaves_in_the_turn_of_the_question);
	tcase_add_test(tcase, test_stream_end_of_file_is_clean_without_tls);
	tcase_add_test(
	    tcase, test_stream_last_words_come_before_a_failed_write);
	tcase_add_test(tcase, test_stream_on_two_pipes);
	tcase_add_test(tcase, test_stream_pipe_to_a_slow_reader_waits);
	tcase_add_test(tcase, test_stream_pause_holds_bytes_back);
	tcase_add_test(tcase, test_stream_queue_has_a_limit);
	tcase_add_test(tcase, test_stream_bad_descriptor_is_told_by_the_loop);
	tcase_add_test(tcase, test_stream_busy_one_lets_others_have_their_turn);
	tcase_add_loop_test(tcase, test_stream_may_be_freed_in_every_callback,
	    0, COUNT(plain_moments));
	tcase_add_test(tcase, test_stream_free_takes_null);
	tcase_add_test(tcase, test_stream_free_before_the_loop_turns);
	tcase_add_test(tcase, test_stream_makes_sigpipe_harmless);
	tcase_add_test(
	    tcase, test_stream_tls_does_not_begin_before_the_question_left);
}

int
main(void)
{
	Suite *suite = suite_create("stream");
	TCase *tcase = tcase_create("stream");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
