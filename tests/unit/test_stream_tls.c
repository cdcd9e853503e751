/*
 * Streams with TLS: what OpenSSL holds is neither late nor lost, and an end
 * that was not announced is told from one that was.
 */
#include <check.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/stream_helpers.h"

enum { RECORD = 16 * 1024 };

static void
open_secure(struct peer *peer, void (*talk)(struct peer *peer))
{
	int fd;

	*peer = (struct peer){.settings = settings, .talk = talk};
	fd = peer_start(peer);
	end.stream = stream_new(loop, fd, fd, &handler, &end);
	stream_start_tls(end.stream, context);
}

static const enum moment tls_moments[] = {
    AT_RECEIVED, AT_SECURED, AT_FLUSHED, AT_CLOSED};

static void
greet_and_close(struct peer *peer)
{
	SSL_write(peer->ssl, "hello", 5);
	SSL_shutdown(peer->ssl);
	shutdown(peer->fd, SHUT_WR);
	peer_wait(peer);
}

START_TEST(test_stream_may_be_freed_in_every_callback_of_tls)
{
	struct peer peer;

	end.free_at = tls_moments[_i];
	open_secure(
	    &peer, end.free_at == AT_CLOSED ? greet_and_close : peer_greet);
	stream_write(end.stream, span_of("x"));
	while (end.stream != NULL)
		turn();
	settle();
	peer_join(&peer);
}
END_TEST

START_TEST(test_stream_secures_and_receives)
{
	struct peer peer;

	open_secure(&peer, peer_greet);
	ck_assert(!end.is_called);
	run_until_received(5);
	ck_assert(end.is_secured);
	ck_assert_mem_eq(buf_span(&end.received).at, "hello", 5);
	ck_assert_int_eq(
	    strncmp(stream_tls_description(end.stream), "TLSv1.3, ", 9), 0);
	/* What is on the wire counts, not what it carries. */
	ck_assert_uint_gt(stream_bytes_in(end.stream), 500);
	ck_assert_uint_gt(stream_bytes_out(end.stream), 200);
	end.stream = stream_free(end.stream);
	peer_join(&peer);
}
END_TEST

START_TEST(test_stream_flight_is_one_record)
{
	struct peer peer;
	uint64_t before;

	open_secure(&peer, peer_greet);
	run_until_received(5);
	before = stream_bytes_out(end.stream);
	stream_write(end.stream, span_of("a1 NOOP\r\n"));
	stream_write(end.stream, span_of("a2 NOOP\r\n"));
	stream_flush(end.stream);
	/* TLS 1.3: 5 bytes of header, 1 of type, 16 of tag */
	ck_assert_uint_eq(stream_bytes_out(end.stream) - before, 18 + 22);
	end.stream = stream_free(end.stream);
	peer_join(&peer);
}
END_TEST

START_TEST(test_stream_close_notify_is_clean)
{
	struct peer peer;

	open_secure(&peer, greet_and_close);
	run_until(&end.is_closed);
	ck_assert(end.is_clean);
	ck_assert_uint_eq(buf_len(&end.received), 5);
	ck_assert_int_eq(end.error.kind, IMAP_ERROR_NETWORK);
	ck_assert_str_eq(end.error.text, "closed by the peer");
	end.stream = stream_free(end.stream);
	peer_join(&peer);
}
END_TEST

static void
greet_and_truncate(struct peer *peer)
{
	SSL_write(peer->ssl, "hello", 5);
	shutdown(peer->fd, SHUT_WR);
	/* Unread bytes would make it a reset. */
	peer_wait(peer);
}

START_TEST(test_stream_end_without_close_notify_is_not_clean)
{
	struct peer peer;

	open_secure(&peer, greet_and_truncate);
	run_until(&end.is_closed);
	ck_assert_uint_eq(buf_len(&end.received), 5);
	ck_assert(!end.is_clean);
	ck_assert_int_eq(end.error.kind, IMAP_ERROR_NETWORK);
	ck_assert_str_eq(end.error.text, "closed by the peer");
	end.stream = stream_free(end.stream);
	peer_join(&peer);
}
END_TEST

static void
expect_close_notify(struct peer *peer)
{
	char byte;

	SSL_write(peer->ssl, "hello", 5);
	ck_assert_int_le(SSL_read(peer->ssl, &byte, 1), 0);
	peer->user =
	    SSL_get_shutdown(peer->ssl) & SSL_RECEIVED_SHUTDOWN ? peer : NULL;
}

START_TEST(test_stream_free_sends_close_notify)
{
	struct peer peer;

	open_secure(&peer, expect_close_notify);
	run_until_received(5);
	end.stream = stream_free(end.stream);
	peer_join(&peer);
	ck_assert_ptr_nonnull(peer.user);
}
END_TEST

static char
pattern(size_t i)
{
	return (char)(i % 251);
}

/* Sends and receives TRANSFER bytes, by turns; says "k" if they were right. */
static void
exchange(struct peer *peer)
{
	char *bytes = mem_alloc(TRANSFER);
	char *back = mem_alloc(TRANSFER);
	size_t done = 0;
	size_t n = 0;
	size_t i;

	for (i = 0; i < TRANSFER; i++)
		bytes[i] = pattern(i);
	for (i = 0; i < TRANSFER; i += n)
		if (SSL_write_ex(peer->ssl, bytes + i,
			TRANSFER - i < RECORD ? TRANSFER - i : RECORD, &n) != 1)
			break;
	while (done < TRANSFER &&
	    SSL_read_ex(peer->ssl, back + done, TRANSFER - done, &n) == 1)
		done += n;
	SSL_write(peer->ssl, memcmp(bytes, back, TRANSFER) == 0 ? "k" : "?", 1);
	mem_free(bytes);
	mem_free(back);
	peer_wait(peer);
}

START_TEST(test_stream_carries_ten_megabytes_both_ways)
{
	struct peer peer;
	char *bytes = mem_alloc(TRANSFER);
	size_t i;

	for (i = 0; i < TRANSFER; i++)
		bytes[i] = pattern(i);
	open_secure(&peer, exchange);
	stream_write(end.stream, (struct span){bytes, TRANSFER});
	run_until_received(TRANSFER + 1);
	ck_assert_msg(!end.is_closed, "%s", end.error.text);
	ck_assert_mem_eq(buf_span(&end.received).at, bytes, TRANSFER);
	ck_assert_int_eq(buf_span(&end.received).at[TRANSFER], 'k');
	ck_assert_uint_eq(stream_pending(end.stream), 0);
	mem_free(bytes);
	end.stream = stream_free(end.stream);
	peer_join(&peer);
}
END_TEST

static sem_t is_sent;

/* Four records that do not fit into 64 KiB by one byte. */
static void
send_one_byte_too_many(struct peer *peer)
{
	char bytes[RECORD] = {0};
	int i;

	SSL_write(peer->ssl, bytes, 1);
	for (i = 0; i < 4; i++)
		SSL_write(peer->ssl, bytes, sizeof(bytes));
	sem_post(&is_sent);
	peer_wait(peer);
}

START_TEST(test_stream_pause_with_bytes_inside_tls)
{
	struct peer peer;

	sem_init(&is_sent, 0, 0);
	end.pause_at_received = true;
	open_secure(&peer, send_one_byte_too_many);
	stream_pause(end.stream, true);
	run_until(&end.is_secured);
	sem_wait(&is_sent);
	settle();
	ck_assert_uint_eq(end.received_calls, 0);
	stream_pause(end.stream, false);
	settle();
	ck_assert_uint_eq(buf_len(&end.received), 4 * (size_t)RECORD);
	/* No poll tells of the byte that OpenSSL holds. */
	stream_pause(end.stream, false);
	settle();
	ck_assert_uint_eq(buf_len(&end.received), 4 * (size_t)RECORD + 1);
	end.stream = stream_free(end.stream);
	peer_join(&peer);
	sem_destroy(&is_sent);
}
END_TEST

START_TEST(test_stream_bytes_inside_tls_do_not_wait)
{
	struct peer peer;

	sem_init(&is_sent, 0, 0);
	open_secure(&peer, send_one_byte_too_many);
	stream_pause(end.stream, true);
	run_until(&end.is_secured);
	sem_wait(&is_sent);
	stream_pause(end.stream, false);
	settle();
	ck_assert_uint_eq(buf_len(&end.received), 4 * (size_t)RECORD + 1);
	end.stream = stream_free(end.stream);
	peer_join(&peer);
	sem_destroy(&is_sent);
}
END_TEST

START_TEST(test_stream_write_to_a_closed_tls_peer)
{
	struct peer peer;

	open_secure(&peer, NULL);
	run_until(&end.is_secured);
	peer_join(&peer);
	stream_write(end.stream, span_of("a1 NOOP\r\n"));
	stream_flush(end.stream);
	run_until(&end.is_closed);
	ck_assert_int_eq(end.error.kind, IMAP_ERROR_NETWORK);
	ck_assert(!end.is_clean);
}
END_TEST

START_TEST(test_stream_starttls_after_plain_text)
{
	struct peer peer = {.settings = settings,
	    .talk = peer_greet,
	    .preface = "a1 OK begin\r\n"};
	const int fd = peer_start(&peer);

	end.stream = stream_new(loop, fd, fd, &handler, &end);
	end.tls_at_received = context;
	run_until_received(13 + 5);
	ck_assert(end.is_secured);
	ck_assert_mem_eq(
	    buf_span(&end.received).at, "a1 OK begin\r\nhello", 13 + 5);
	end.stream = stream_free(end.stream);
	peer_join(&peer);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase,
	    test_stream_may_be_freed_in_every_callback_of_tls, 0,
	    COUNT(tls_moments));
	tcase_add_test(tcase, test_stream_secures_and_receives);
	tcase_add_test(tcase, test_stream_flight_is_one_record);
	tcase_add_test(tcase, test_stream_close_notify_is_clean);
	tcase_add_test(
	    tcase, test_stream_end_without_close_notify_is_not_clean);
	tcase_add_test(tcase, test_stream_free_sends_close_notify);
	tcase_add_test(tcase, test_stream_carries_ten_megabytes_both_ways);
	tcase_add_test(tcase, test_stream_pause_with_bytes_inside_tls);
	tcase_add_test(tcase, test_stream_bytes_inside_tls_do_not_wait);
	tcase_add_test(tcase, test_stream_write_to_a_closed_tls_peer);
	tcase_add_test(tcase, test_stream_starttls_after_plain_text);
}

int
main(void)
{
	Suite *suite = suite_create("stream_tls");
	TCase *tcase = tcase_create("stream_tls");
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
