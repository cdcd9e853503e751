/*
 * Streams that deflate: what zlib holds is neither late nor lost, a flight can
 * be read when it arrives, and nobody is starved or bombed.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <zlib.h>

#include "tests/unit/stream_helpers.h"

enum { PIECE = 64 * 1024, WAKE_LIMIT = 256 * 1024, MEGABYTE = 1024 * 1024 };

/* A server's zlib. */
struct packer {
	z_stream deflater;
	z_stream inflater;
};

static struct packer packer;
static struct buf packed;

static void
setup_packer(void)
{
	setup();
	packer = (struct packer){.deflater = {0}};
	ck_assert_int_eq(deflateInit2(&packer.deflater, 6, Z_DEFLATED, -15, 8,
			     Z_DEFAULT_STRATEGY),
	    Z_OK);
	ck_assert_int_eq(inflateInit2(&packer.inflater, -15), Z_OK);
	buf_init(&packed, 64 * (size_t)MEGABYTE);
}

static void
teardown_packer(void)
{
	deflateEnd(&packer.deflater);
	inflateEnd(&packer.inflater);
	buf_free(&packed);
	teardown();
}

/* Appends a flight to what is packed. */
static struct span
pack(struct span text)
{
	z_stream *z = &packer.deflater;

	z->next_in = (Bytef *)text.at;
	z->avail_in = (uInt)text.len;
	do {
		z->next_out = (Bytef *)buf_reserve(&packed, PIECE);
		z->avail_out = PIECE;
		deflate(z, Z_SYNC_FLUSH);
		buf_grow(&packed, PIECE - z->avail_out);
	} while (z->avail_out == 0);
	return buf_span(&packed);
}

/* Appends what bytes become. */
static void
unpack(struct span bytes, struct buf *text)
{
	z_stream *z = &packer.inflater;
	int result;

	z->next_in = (Bytef *)bytes.at;
	z->avail_in = (uInt)bytes.len;
	do {
		z->next_out = (Bytef *)buf_reserve(text, PIECE);
		z->avail_out = PIECE;
		result = inflate(z, Z_SYNC_FLUSH);
		ck_assert(result == Z_OK || result == Z_BUF_ERROR);
		buf_grow(text, PIECE - z->avail_out);
	} while (z->avail_out == 0);
	ck_assert_uint_eq(z->avail_in, 0);
}

/* Bytes that can be deflated, but not much. */
static char *
make_text(size_t len)
{
	char *text = mem_alloc(len);
	uint32_t state = 1;

	for (size_t i = 0; i < len; i++) {
		state = state * 1664525 + 1013904223;
		text[i] = (char)('A' + (state >> 28));
	}
	return text;
}

/* A deflating stream on one end of a socketpair; returns the other end. */
static int
open_deflated(int type)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
	end.stream = stream_new(loop, ends[0], ends[0], &handler, &end);
	stream_start_deflate(end.stream, span_of(""));
	return ends[1];
}

static void
expect_received(const char *text)
{
	ck_assert_uint_eq(buf_len(&end.received), strlen(text));
	ck_assert_mem_eq(
	    buf_span(&end.received).at, text, buf_len(&end.received));
}

static void
send_all(int fd, struct span bytes)
{
	ck_assert_int_eq(write(fd, bytes.at, bytes.len), (ssize_t)bytes.len);
}

START_TEST(test_stream_flight_can_be_inflated_on_arrival)
{
	const int fd = open_deflated(SOCK_SEQPACKET);
	struct buf text;
	char bytes[256];
	ssize_t n;

	buf_init(&text, MEGABYTE);
	for (unsigned i = 0; i < 3; i++) {
		const uint64_t before = stream_bytes_out(end.stream);

		stream_write(end.stream, span_of("a1 NOOP\r\n"));
		stream_write(end.stream, span_of("a2 NOOP\r\n"));
		ck_assert_uint_eq(stream_pending(end.stream), 18);
		while (end.flushed_calls == i)
			turn();
		n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		ck_assert_int_gt(n, 0);
		ck_assert_uint_eq(
		    stream_bytes_out(end.stream) - before, (uint64_t)n);
		buf_clear(&text);
		unpack((struct span){bytes, (size_t)n}, &text);
		ck_assert_uint_eq(buf_len(&text), 18);
		ck_assert_mem_eq(
		    buf_span(&text).at, "a1 NOOP\r\na2 NOOP\r\n", 18);
		ck_assert_uint_eq(stream_pending(end.stream), 0);
	}
	buf_free(&text);
	close(fd);
}
END_TEST

START_TEST(test_stream_inflates_however_it_is_split)
{
	static const char text[] = "* 1 EXISTS\r\na1 OK done\r\n";
	const struct span bytes = pack(span_of(text));

	for (size_t at = 0; at <= bytes.len; at++) {
		const int fd = open_deflated(SOCK_STREAM);

		send_all(fd, (struct span){bytes.at, at});
		settle();
		send_all(fd, span_from(bytes, at));
		close(fd);
		run_until(&end.is_closed);
		expect_received(text);
		ck_assert_uint_eq(stream_bytes_in(end.stream), bytes.len);
		end.stream = stream_free(end.stream);
		buf_clear(&end.received);
		end.is_closed = false;
	}
}
END_TEST

/* What stands behind the OK is compressed, however much of it came. */
START_TEST(test_stream_inflates_what_came_behind_the_agreement)
{
	static const char plain[] = "a1 OK begin\r\n";
	static const char whole[] = "a1 OK begin\r\n* 1 EXISTS\r\n";
	struct span bytes;
	int ends[2];

	ck_assert(buf_add_string(&packed, plain));
	bytes = pack(span_of("* 1 EXISTS\r\n"));
	for (size_t at = strlen(plain); at <= bytes.len; at++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		end.stream = stream_new(loop, ends[0], ends[0], &handler, &end);
		end.plain = strlen(plain);
		send_all(ends[1], (struct span){bytes.at, at});
		settle();
		/* Nothing more may have to come for what is there. */
		if (at == bytes.len)
			expect_received(whole);
		send_all(ends[1], span_from(bytes, at));
		settle();
		expect_received(whole);
		end.stream = stream_free(end.stream);
		buf_clear(&end.received);
		close(ends[1]);
	}
}
END_TEST

START_TEST(test_stream_that_is_cut_tells_a_front_part)
{
	static const char text[] = "* 1 EXISTS\r\na1 OK done\r\n";
	const struct span bytes = pack(span_of(text));

	for (size_t at = 0; at < bytes.len; at++) {
		const int fd = open_deflated(SOCK_STREAM);
		struct span got;

		send_all(fd, (struct span){bytes.at, at});
		close(fd);
		run_until(&end.is_closed);
		got = buf_span(&end.received);
		ck_assert_uint_le(got.len, strlen(text));
		ck_assert_mem_eq(got.at, text, got.len);
		ck_assert_int_eq(end.error.kind, IMAP_ERROR_NETWORK);
		ck_assert_str_eq(end.error.text, "closed by the peer");
		end.stream = stream_free(end.stream);
		buf_clear(&end.received);
		end.is_closed = false;
	}
}
END_TEST

/* ---- with TLS and without: the tests' number is whether there is any ---- */

static bool
peer_send(struct peer *peer, struct span bytes)
{
	size_t n = 0;
	ssize_t sent;

	for (; bytes.len > 0; bytes = span_from(bytes, n)) {
		if (peer->ssl != NULL) {
			if (SSL_write_ex(peer->ssl, bytes.at, bytes.len, &n) !=
			    1)
				return false;
			continue;
		}
		sent = write(peer->fd, bytes.at, bytes.len);
		if (sent <= 0)
			return false;
		n = (size_t)sent;
	}
	return true;
}

static size_t
peer_receive(struct peer *peer, char *bytes, size_t size)
{
	size_t n = 0;
	ssize_t got;

	if (peer->ssl != NULL)
		return SSL_read_ex(peer->ssl, bytes, size, &n) == 1 ? n : 0;
	got = read(peer->fd, bytes, size);
	return got > 0 ? (size_t)got : 0;
}

static void
peer_drain(struct peer *peer)
{
	char byte;

	while (peer_receive(peer, &byte, 1) > 0)
		continue;
}

/* Until the stream deflates: what came before would not be inflated. */
static void
peer_await(struct peer *peer)
{
	char byte;

	(void)peer_receive(peer, &byte, 1);
}

static void
open_peer(struct peer *peer, bool has_tls, void (*talk)(struct peer *peer))
{
	int fd;

	*peer =
	    (struct peer){.settings = has_tls ? settings : NULL, .talk = talk};
	fd = peer_start(peer);
	end.stream = stream_new(loop, fd, fd, &handler, &end);
	if (has_tls) {
		stream_start_tls(end.stream, context);
		run_until(&end.is_secured);
	}
	stream_start_deflate(end.stream, span_of(""));
}

/* The same, and tells a peer that waits for it. */
static void
open_waiting_peer(
    struct peer *peer, bool has_tls, void (*talk)(struct peer *peer))
{
	open_peer(peer, has_tls, talk);
	stream_write(end.stream, span_of("begin"));
}

static void
close_peer(struct peer *peer)
{
	end.stream = stream_free(end.stream);
	peer_join(peer);
}

/* Sends and receives TRANSFER bytes, by turns; says "k" if they were right. */
static void
exchange(struct peer *peer)
{
	char *text = make_text(TRANSFER);
	char *bytes = mem_alloc(PIECE);
	struct buf back;
	size_t n;

	buf_init(&back, 2 * (size_t)TRANSFER);
	for (size_t i = 0; i < TRANSFER; i += PIECE) {
		buf_clear(&packed);
		if (!peer_send(peer, pack((struct span){text + i, PIECE})))
			break;
	}
	do {
		n = peer_receive(peer, bytes, PIECE);
		unpack((struct span){bytes, n}, &back);
	} while (n > 0 && buf_len(&back) < TRANSFER);
	buf_clear(&packed);
	n = buf_len(&back) == TRANSFER &&
	    memcmp(text, buf_span(&back).at, TRANSFER) == 0;
	peer_send(peer, pack(span_of(n == 1 ? "k" : "?")));
	mem_free(text);
	mem_free(bytes);
	buf_free(&back);
	peer_drain(peer);
}

START_TEST(test_stream_deflates_ten_megabytes_both_ways)
{
	char *text = make_text(TRANSFER);
	struct peer peer;

	open_peer(&peer, _i == 1, exchange);
	stream_write(end.stream, (struct span){text, TRANSFER});
	run_until_received(TRANSFER + 1);
	ck_assert_msg(!end.is_closed, "%s", end.error.text);
	ck_assert_mem_eq(buf_span(&end.received).at, text, TRANSFER);
	ck_assert_int_eq(buf_span(&end.received).at[TRANSFER], 'k');
	ck_assert_uint_eq(stream_pending(end.stream), 0);
	ck_assert_uint_lt(stream_bytes_in(end.stream), TRANSFER * 2 / 3);
	ck_assert_uint_lt(stream_bytes_out(end.stream), TRANSFER * 2 / 3);
	mem_free(text);
	close_peer(&peer);
}
END_TEST

static void
send_bomb(struct peer *peer)
{
	char *zeros = mem_alloc(MEGABYTE);

	peer_await(peer);
	for (int i = 0; i < 32; i++) {
		buf_clear(&packed);
		if (!peer_send(peer, pack((struct span){zeros, MEGABYTE})))
			break;
	}
	mem_free(zeros);
	peer_drain(peer);
}

START_TEST(test_stream_refuses_a_bomb)
{
	struct peer peer;

	open_waiting_peer(&peer, _i == 1, send_bomb);
	run_until(&end.is_closed);
	ck_assert_int_eq(end.error.kind, IMAP_ERROR_LIMIT);
	/* Somewhat more than the 1 MiB: flush markers make it legal. */
	ck_assert_uint_le(buf_len(&end.received), 8 * MEGABYTE);
	close_peer(&peer);
}
END_TEST

static void
send_garbage(struct peer *peer)
{
	peer_await(peer);
	peer_send(peer, span_of("* 1 EXISTS\r\n* 2 EXISTS\r\n* 3 EXISTS\r\n"));
	peer_drain(peer);
}

START_TEST(test_stream_refuses_what_is_not_deflated)
{
	struct peer peer;

	open_waiting_peer(&peer, _i == 1, send_garbage);
	run_until(&end.is_closed);
	ck_assert_int_eq(end.error.kind, IMAP_ERROR_PROTOCOL);
	close_peer(&peer);
}
END_TEST

/* Three calls of received() and a byte, in one packet. */
static void
send_much_in_little(struct peer *peer)
{
	char *zeros = mem_alloc(MEGABYTE);

	peer_await(peer);
	peer_send(peer, pack((struct span){zeros, 3 * PIECE + 1}));
	mem_free(zeros);
	peer_drain(peer);
}

/* No poll tells of the bytes that zlib holds. */
START_TEST(test_stream_pause_with_bytes_inside_zlib)
{
	struct peer peer;

	end.pause_at_received = true;
	open_waiting_peer(&peer, _i == 1, send_much_in_little);
	for (size_t i = 1; i <= 3; i++) {
		while (buf_len(&end.received) < i * PIECE)
			turn();
		settle();
		ck_assert_uint_eq(buf_len(&end.received), i * PIECE);
		stream_pause(end.stream, false);
	}
	settle();
	ck_assert_uint_eq(buf_len(&end.received), 3 * PIECE + 1);
	close_peer(&peer);
}
END_TEST

static const enum moment moments[] = {AT_RECEIVED, AT_FLUSHED, AT_CLOSED};

START_TEST(test_stream_that_deflates_may_be_freed_in_every_callback)
{
	const int fd = open_deflated(SOCK_STREAM);

	end.free_at = moments[_i];
	stream_write(end.stream, span_of("x"));
	send_all(fd, pack(span_of("y")));
	if (end.free_at == AT_CLOSED)
		shutdown(fd, SHUT_WR);
	while (end.stream != NULL)
		turn();
	settle();
	close(fd);
}
END_TEST

START_TEST(test_stream_deflated_to_a_slow_reader_waits)
{
	const int fd = open_deflated(SOCK_STREAM);
	char *text = make_text(TRANSFER);
	char *bytes = mem_alloc(PIECE);
	struct buf back;
	ssize_t n;

	buf_init(&back, 2 * (size_t)TRANSFER);
	stream_write(end.stream, (struct span){text, TRANSFER - 5});
	settle();
	/* Behind what is deflated already, and not in its place. */
	stream_write(end.stream, (struct span){text + TRANSFER - 5, 5});
	while (buf_len(&back) < TRANSFER) {
		settle();
		while ((n = recv(fd, bytes, PIECE, MSG_DONTWAIT)) > 0)
			unpack((struct span){bytes, (size_t)n}, &back);
	}
	ck_assert_uint_eq(buf_len(&back), TRANSFER);
	ck_assert_mem_eq(buf_span(&back).at, text, TRANSFER);
	while (end.flushed_calls == 0)
		turn();
	ck_assert_uint_eq(stream_pending(end.stream), 0);
	mem_free(text);
	mem_free(bytes);
	buf_free(&back);
	close(fd);
}
END_TEST

START_TEST(test_stream_inflates_its_share_and_no_more)
{
	const int fd = open_deflated(SOCK_STREAM);
	char *text = mem_alloc(4 * (size_t)MEGABYTE);
	size_t before = 0;

	for (size_t i = 0; i < 4 * MEGABYTE; i += 50)
		text[i] = (char)rand();
	ck_assert_uint_lt(
	    pack((struct span){text, 4 * (size_t)MEGABYTE}).len, 200000);
	send_all(fd, buf_span(&packed));
	while (buf_len(&end.received) < 4 * MEGABYTE) {
		turn();
		ck_assert_uint_le(buf_len(&end.received) - before, WAKE_LIMIT);
		before = buf_len(&end.received);
	}
	ck_assert_mem_eq(
	    buf_span(&end.received).at, text, 4 * (size_t)MEGABYTE);
	mem_free(text);
	close(fd);
}
END_TEST

/* Empty blocks become nothing, and cost time all the same. */
START_TEST(test_stream_reads_its_share_of_nothing_and_no_more)
{
	static const char empty[] = {0, 0, 0, '\xff', '\xff'};
	int pipe_ends[2];
	int spare[2];

	for (int i = 0; i < MEGABYTE / 5; i++)
		ck_assert(buf_add(&packed, empty, sizeof(empty)));
	ck_assert_int_eq(pipe2(pipe_ends, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(spare, O_CLOEXEC), 0);
	ck_assert_int_ge(fcntl(pipe_ends[1], F_SETPIPE_SZ, MEGABYTE), MEGABYTE);
	send_all(pipe_ends[1], buf_span(&packed));
	end.stream = stream_new(loop, pipe_ends[0], spare[1], &handler, &end);
	stream_start_deflate(end.stream, span_of(""));
	turn();
	ck_assert_uint_le(stream_bytes_in(end.stream), WAKE_LIMIT);
	settle();
	ck_assert_uint_eq(stream_bytes_in(end.stream), buf_len(&packed));
	ck_assert(!end.is_called);
	close(pipe_ends[1]);
	close(spare[0]);
}
END_TEST

START_TEST(test_stream_deflate_does_not_begin_before_the_question_left)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	end.stream = stream_new(loop, ends[0], ends[0], &handler, &end);
	stream_write(end.stream, span_of("a1 COMPRESS DEFLATE\r\n"));
	stream_start_deflate(end.stream, span_of(""));
	ck_assert(!end.is_called);
	run_until(&end.is_closed);
	ck_assert_int_eq(end.error.kind, IMAP_ERROR_PROTOCOL);
	close(ends[1]);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, test_stream_flight_can_be_inflated_on_arrival);
	tcase_add_test(tcase, test_stream_inflates_however_it_is_split);
	tcase_add_test(
	    tcase, test_stream_inflates_what_came_behind_the_agreement);
	tcase_add_test(tcase, test_stream_that_is_cut_tells_a_front_part);
	tcase_add_loop_test(
	    tcase, test_stream_deflates_ten_megabytes_both_ways, 0, 2);
	tcase_add_loop_test(tcase, test_stream_refuses_a_bomb, 0, 2);
	tcase_add_loop_test(
	    tcase, test_stream_refuses_what_is_not_deflated, 0, 2);
	tcase_add_loop_test(
	    tcase, test_stream_pause_with_bytes_inside_zlib, 0, 2);
	tcase_add_loop_test(tcase,
	    test_stream_that_deflates_may_be_freed_in_every_callback, 0,
	    COUNT(moments));
	tcase_add_test(tcase, test_stream_deflated_to_a_slow_reader_waits);
	tcase_add_test(tcase, test_stream_inflates_its_share_and_no_more);
	tcase_add_test(
	    tcase, test_stream_reads_its_share_of_nothing_and_no_more);
	tcase_add_test(
	    tcase, test_stream_deflate_does_not_begin_before_the_question_left);
}

int
main(void)
{
	Suite *suite = suite_create("stream_deflate");
	TCase *tcase = tcase_create("stream_deflate");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup_packer, teardown_packer);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
