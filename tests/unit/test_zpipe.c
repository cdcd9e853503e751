/*
 * Raw deflate both ways: what we send can be inflated flight by flight, what
 * zlib makes of anything is inflated however it arrives, and what a hostile
 * server may send is refused.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "libclient/base/mem.h"
#include "libclient/io/zpipe.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

enum { CHUNK = 65536, MEGABYTE = 1024 * 1024 };

static struct zpipe *zpipe;
static struct buf in;
static struct buf out;

static void
setup(void)
{
	zpipe = zpipe_new();
	buf_init(&in, 64 * (size_t)MEGABYTE);
	buf_init(&out, 64 * (size_t)MEGABYTE);
}

static void
teardown(void)
{
	zpipe = zpipe_free(zpipe);
	buf_free(&in);
	buf_free(&out);
}

/* Bytes that a compressor can do something with, but not much. */
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

static char *
make_noise(size_t len)
{
	char *noise = make_text(len);
	uint32_t state = 7;

	for (size_t i = 0; i < len; i++) {
		state = state * 1664525 + 1013904223;
		noise[i] = (char)(state >> 24);
	}
	return noise;
}

/* Appends to *in what a server with these settings makes of the text. */
static void
pack(struct span text, int window_bits, int level, int flush)
{
	z_stream z = {0};

	ck_assert_int_eq(deflateInit2(&z, level, Z_DEFLATED, window_bits, 8,
			     Z_DEFAULT_STRATEGY),
	    Z_OK);
	z.next_in = (Bytef *)text.at;
	z.avail_in = (uInt)text.len;
	do {
		z.next_out = (Bytef *)buf_reserve(&in, CHUNK);
		z.avail_out = CHUNK;
		deflate(&z, flush);
		buf_grow(&in, CHUNK - z.avail_out);
	} while (z.avail_out == 0);
	deflateEnd(&z);
}

/* Inflates *in into *out, at most size bytes a time. */
static bool
unpack(size_t size, struct imap_error *error)
{
	size_t count;

	do {
		if (!zpipe_inflate(zpipe, &in, buf_reserve(&out, size), size,
			&count, error))
			return false;
		ck_assert_uint_le(count, size);
		buf_grow(&out, count);
	} while (count > 0);
	ck_assert_uint_eq(buf_len(&in), 0);
	return true;
}

static void
expect_refusal(enum imap_error_kind kind)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};

	ck_assert(!unpack(CHUNK, &error));
	ck_assert_msg(error.kind == kind, "%d %s", error.kind, error.text);
}

static void
expect_text(struct span text)
{
	ck_assert_uint_eq(buf_len(&out), text.len);
	ck_assert_mem_eq(buf_span(&out).at, text.at, text.len);
}

START_TEST(test_zpipe_flight_can_be_inflated_at_once)
{
	static const char *const flights[] = {
	    "a1 NOOP\r\n", "x", "a2 UID FETCH 1:* (UID FLAGS)\r\n", "DONE\r\n"};
	struct imap_error error = {.kind = IMAP_ERROR_NONE};

	for (int i = 0; i < COUNT(flights); i++) {
		zpipe_deflate(zpipe, span_of(flights[i]), true, &in);
		buf_clear(&out);
		ck_assert(unpack(CHUNK, &error));
		expect_text(span_of(flights[i]));
	}
}
END_TEST

/* RFC 4978: no zlib header. */
START_TEST(test_zpipe_deflates_raw)
{
	static const char marker[] = {0, 0, '\xff', '\xff'};
	struct span packed;

	zpipe_deflate(zpipe, span_of("a1 NOOP\r\n"), true, &in);
	packed = buf_span(&in);
	ck_assert_int_eq(packed.at[0] & 6, 2); /* a block of type 1 */
	ck_assert_mem_eq(packed.at + packed.len - 4, marker, 4);
}
END_TEST

/* Written for a peer of any kind: with zlib, not with ourselves. */
static void
inflate_all(struct span packed, char *text, size_t len)
{
	z_stream z = {0};

	ck_assert_int_eq(inflateInit2(&z, -15), Z_OK);
	z.next_in = (Bytef *)packed.at;
	z.avail_in = (uInt)packed.len;
	z.next_out = (Bytef *)text;
	z.avail_out = (uInt)len;
	ck_assert_int_eq(inflate(&z, Z_SYNC_FLUSH), Z_OK);
	ck_assert_uint_eq(z.avail_out, 0);
	ck_assert_uint_eq(z.avail_in, 0);
	inflateEnd(&z);
}

static const struct {
	size_t piece;
	bool is_noise;
} pieces[] = {{1000, false}, {4096, true}, {CHUNK, false}, {CHUNK, true},
    {4 * MEGABYTE, true}};

START_TEST(test_zpipe_deflates_any_amount)
{
	const size_t len = 4 * MEGABYTE;
	char *text = pieces[_i].is_noise ? make_noise(len) : make_text(len);
	char *back = mem_alloc(len);
	size_t n;

	for (size_t at = 0; at < len; at += n) {
		const size_t before = buf_len(&in);

		n = len - at < pieces[_i].piece ? len - at : pieces[_i].piece;
		zpipe_deflate(
		    zpipe, (struct span){text + at, n}, at + n == len, &in);
		ck_assert_uint_le(buf_len(&in) - before, ZPIPE_MAX_DEFLATED(n));
	}
	inflate_all(buf_span(&in), back, len);
	ck_assert_mem_eq(back, text, len);
	mem_free(text);
	mem_free(back);
}
END_TEST

static const struct {
	int window_bits;
	int level;
	int flush;
} peers[] = {
    {-15, 9, Z_SYNC_FLUSH},
    {-15, 0, Z_SYNC_FLUSH},
    {-15, 1, Z_FULL_FLUSH},
    {-9, 6, Z_SYNC_FLUSH},
    {-12, 6, Z_PARTIAL_FLUSH},
    {-15, 6, Z_FINISH},
};

START_TEST(test_zpipe_inflates_what_any_zlib_sends)
{
	const size_t len = 300000;
	char *text = make_text(len);
	struct imap_error error = {.kind = IMAP_ERROR_NONE};

	pack((struct span){text, len}, peers[_i].window_bits, peers[_i].level,
	    peers[_i].flush);
	ck_assert(unpack(CHUNK, &error));
	expect_text((struct span){text, len});
	mem_free(text);
}
END_TEST

START_TEST(test_zpipe_inflates_byte_by_byte)
{
	const size_t len = 20000;
	char *text = make_text(len);
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	struct span packed;
	struct buf all;

	pack((struct span){text, len}, -15, 6, Z_SYNC_FLUSH);
	all = in;
	buf_init(&in, 64);
	packed = buf_span(&all);
	for (size_t i = 0; i < packed.len; i++) {
		ck_assert(buf_add(&in, packed.at + i, 1));
		ck_assert(unpack(1 + i % 7, &error));
	}
	expect_text((struct span){text, len});
	buf_free(&all);
	mem_free(text);
}
END_TEST

START_TEST(test_zpipe_nothing_comes_of_nothing)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};

	ck_assert(unpack(CHUNK, &error));
	ck_assert_uint_eq(buf_len(&out), 0);
}
END_TEST

/* The same bytes without end: 1029 times shorter. */
START_TEST(test_zpipe_refuses_a_bomb)
{
	char *zeros = mem_alloc(32 * (size_t)MEGABYTE);

	pack((struct span){zeros, 32 * (size_t)MEGABYTE}, -15, 9, Z_SYNC_FLUSH);
	ck_assert_uint_lt(buf_len(&in), 33000);
	expect_refusal(IMAP_ERROR_LIMIT);
	ck_assert_uint_le(buf_len(&out), MEGABYTE);
	mem_free(zeros);
}
END_TEST

START_TEST(test_zpipe_takes_a_megabyte_of_anything)
{
	char *zeros = mem_alloc(MEGABYTE);
	struct imap_error error = {.kind = IMAP_ERROR_NONE};

	pack((struct span){zeros, MEGABYTE}, -15, 9, Z_SYNC_FLUSH);
	ck_assert(unpack(CHUNK, &error));
	ck_assert_uint_eq(buf_len(&out), MEGABYTE);
	mem_free(zeros);
}
END_TEST

/* Nothing that a mail holds can be deflated better. */
START_TEST(test_zpipe_takes_an_attachment_of_zeros)
{
	const size_t len = 32 * (size_t)MEGABYTE;
	char *text = mem_alloc(len);
	struct imap_error error = {.kind = IMAP_ERROR_NONE};

	memset(text, 'A', len);
	for (size_t i = 76; i + 1 < len; i += 78)
		memcpy(text + i, "\r\n", 2);
	pack((struct span){text, len}, -15, 9, Z_SYNC_FLUSH);
	ck_assert(unpack(CHUNK, &error));
	ck_assert_uint_eq(buf_len(&out), len);
	mem_free(text);
}
END_TEST

/* What came before buys nothing: neither the sum nor the mean counts. */
START_TEST(test_zpipe_refuses_a_bomb_after_honest_mail)
{
	const size_t honest = 10 * (size_t)MEGABYTE;
	char *text = make_text(honest);
	struct imap_error error = {.kind = IMAP_ERROR_NONE};

	pack((struct span){text, honest}, -15, 6, Z_SYNC_FLUSH);
	ck_assert(unpack(CHUNK, &error));
	expect_text((struct span){text, honest});
	memset(text, 0, honest);
	pack((struct span){text, honest}, -15, 9, Z_SYNC_FLUSH);
	expect_refusal(IMAP_ERROR_LIMIT);
	ck_assert_uint_le(buf_len(&out), honest + 2 * (size_t)MEGABYTE);
	expect_refusal(IMAP_ERROR_LIMIT);
	mem_free(text);
}
END_TEST

#define BYTES(string)                        \
	{                                    \
		(string), sizeof(string) - 1 \
	}

static const struct span garbage[] = {
    BYTES("\x78\x9c\x03\x00\x00\x00\x00\x01"), /* with a zlib header */
    BYTES("\x1f\x8b\x08\x00\x00\x00\x00\x00"), /* with a gzip header */
    BYTES("\x07"), /* no such type of block */
    BYTES("\x00\x01\x00\x00\x00"), /* a length unlike its complement */
    BYTES("\x03\x02"), /* a copy of what was before the beginning */
    BYTES("\x05\xff\xff\xff\xff\xff\xff\xff"), /* no such codes */
    BYTES("\x03\x00x"), /* its end, and more */
};

START_TEST(test_zpipe_refuses_garbage)
{
	ck_assert(buf_add_span(&in, garbage[_i]));
	expect_refusal(IMAP_ERROR_PROTOCOL);
	ck_assert_uint_eq(buf_len(&out), 0);
	/* And does not change its mind. */
	expect_refusal(IMAP_ERROR_PROTOCOL);
}
END_TEST

START_TEST(test_zpipe_tells_what_came_before_the_garbage)
{
	pack(span_of("* BYE\r\n"), -15, 6, Z_SYNC_FLUSH);
	ck_assert(buf_add_string(&in, "\x07"));
	expect_refusal(IMAP_ERROR_PROTOCOL);
	expect_text(span_of("* BYE\r\n"));
}
END_TEST

START_TEST(test_zpipe_refuses_bytes_behind_the_end)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};

	pack(span_of("* BYE\r\n"), -15, 6, Z_FINISH);
	ck_assert(unpack(CHUNK, &error));
	expect_text(span_of("* BYE\r\n"));
	ck_assert(unpack(CHUNK, &error));
	ck_assert(buf_add_string(&in, "x"));
	expect_refusal(IMAP_ERROR_PROTOCOL);
}
END_TEST

START_TEST(test_zpipe_free_takes_null)
{
	ck_assert_ptr_null(zpipe_free(NULL));
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, test_zpipe_flight_can_be_inflated_at_once);
	tcase_add_test(tcase, test_zpipe_deflates_raw);
	tcase_add_loop_test(
	    tcase, test_zpipe_deflates_any_amount, 0, COUNT(pieces));
	tcase_add_loop_test(
	    tcase, test_zpipe_inflates_what_any_zlib_sends, 0, COUNT(peers));
	tcase_add_test(tcase, test_zpipe_inflates_byte_by_byte);
	tcase_add_test(tcase, test_zpipe_nothing_comes_of_nothing);
	tcase_add_test(tcase, test_zpipe_refuses_a_bomb);
	tcase_add_test(tcase, test_zpipe_takes_a_megabyte_of_anything);
	tcase_add_test(tcase, test_zpipe_takes_an_attachment_of_zeros);
	tcase_add_test(tcase, test_zpipe_refuses_a_bomb_after_honest_mail);
	tcase_add_loop_test(
	    tcase, test_zpipe_refuses_garbage, 0, COUNT(garbage));
	tcase_add_test(tcase, test_zpipe_tells_what_came_before_the_garbage);
	tcase_add_test(tcase, test_zpipe_refuses_bytes_behind_the_end);
	tcase_add_test(tcase, test_zpipe_free_takes_null);
}

int
main(void)
{
	Suite *suite = suite_create("zpipe");
	TCase *tcase = tcase_create("zpipe");
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
