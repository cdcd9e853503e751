/*
 * What libclient/base/buf.h and mem.h promise: spans compare and convert
 * without a locale, and no buf ever holds more than its cap.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>

#include "libclient/base/buf.h"
#include "libclient/base/mem.h"

#define LENGTH(table) ((int)(sizeof(table) / sizeof((table)[0])))

static struct span
bytes(const char *at, size_t len)
{
	return (struct span){at, len};
}

static void
assert_holds(const struct buf *buf, const char *expected)
{
	ck_assert_msg(span_equal(buf_span(buf), span_of(expected)),
	    "holds \"%.*s\", not \"%s\"", (int)buf_len(buf), buf_span(buf).at,
	    expected);
}

START_TEST(test_span_of_null_is_empty)
{
	ck_assert_uint_eq(span_of(NULL).len, 0);
	ck_assert(span_equal(span_of(NULL), span_of("")));
}
END_TEST

START_TEST(test_span_equal_compares_bytes_also_behind_nul)
{
	ck_assert(span_equal(bytes("a\0b", 3), bytes("a\0b", 3)));
	ck_assert(!span_equal(bytes("a\0b", 3), bytes("a\0c", 3)));
	ck_assert(!span_equal(span_of("ab"), span_of("abc")));
	ck_assert(!span_equal(span_of("ab"), span_of("AB")));
}
END_TEST

static const struct {
	const char *span;
	const char *string;
	bool equal;
	bool prefix;
} nocase[] = {
    {"UIDVALIDITY", "uidvalidity", true, true}, {"fetch", "FETCH", true, true},
    {"FETCH (", "fetch", false, true}, {"FETC", "FETCH", false, false},
    {"", "", true, true}, {"x", "", false, true},
    {"@[`{", "`{@[", false, false}, /* beside the letters: no case */
    {"\xc4", "\xe4", false, false}, /* Latin-1 letters: no case either */
};

START_TEST(test_span_nocase_folds_ascii_letters_only)
{
	struct span span = span_of(nocase[_i].span);

	ck_assert_int_eq(
	    span_equal_nocase(span, nocase[_i].string), nocase[_i].equal);
	ck_assert_int_eq(
	    span_has_prefix_nocase(span, nocase[_i].string), nocase[_i].prefix);
}
END_TEST

static const struct {
	const char *text;
	unsigned long long max;
	bool ok;
	unsigned long long number;
} numbers[] = {
    {"0", 0, true, 0},
    {"0042", 100, true, 42},
    {"4294967295", 4294967295, true, 4294967295},
    {"4294967296", 4294967295, false, 0},
    {"18446744073709551615", ~0ULL, true, ~0ULL},
    {"18446744073709551616", ~0ULL, false, 0},
    {"99999999999999999999999", ~0ULL, false, 0},
    {"1", 0, false, 0},
    {"9", 5, false, 0},
    {"", 9, false, 0},
    {"-1", 9, false, 0},
    {"+1", 9, false, 0},
    {" 1", 9, false, 0},
    {"1 ", 9, false, 0},
    {"1e3", 9999, false, 0},
    {"\xb1", 9, false, 0},
};

START_TEST(test_span_to_number_takes_digits_up_to_max)
{
	unsigned long long number = 77;

	ck_assert_int_eq(
	    span_to_number(span_of(numbers[_i].text), numbers[_i].max, &number),
	    numbers[_i].ok);
	ck_assert(number == (numbers[_i].ok ? numbers[_i].number : 77));
}
END_TEST

static const struct {
	const char *text;
	size_t len;
	uint32_t code;
} characters[] = {
    {"a\xc3\xa9", 1, 'a'},
    {"\x7f", 1, 0x7f},
    {"\xc2\x80", 2, 0x80},
    {"\xc3\xa9x", 2, 0xe9},
    {"\xdf\xbf", 2, 0x7ff},
    {"\xe0\xa0\x80", 3, 0x800},
    {"\xed\x9f\xbf", 3, 0xd7ff},
    {"\xee\x80\x80", 3, 0xe000},
    {"\xef\xbf\xbf", 3, 0xffff},
    {"\xf0\x90\x80\x80", 4, 0x10000},
    {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
    {"", 0, 0},
    {"\x80", 0, 0}, /* stray */
    {"\xc3", 0, 0}, /* cut */
    {"\xc3(", 0, 0}, /* interrupted */
    {"\xe2\x82", 0, 0}, /* cut */
    {"\xc0\x80", 0, 0}, /* overlong */
    {"\xc1\xbf", 0, 0}, /* overlong */
    {"\xe0\x9f\xbf", 0, 0}, /* overlong */
    {"\xf0\x8f\xbf\xbf", 0, 0}, /* overlong */
    {"\xed\xa0\x80", 0, 0}, /* surrogate */
    {"\xed\xbf\xbf", 0, 0}, /* surrogate */
    {"\xf4\x90\x80\x80", 0, 0}, /* above U+10FFFF */
    {"\xf5\x80\x80\x80", 0, 0}, /* no such byte */
    {"\xf8\x88\x80\x80\x80", 0, 0}, /* no such byte */
    {"\xff", 0, 0},
};

START_TEST(test_span_utf8_reads_one_valid_character)
{
	uint32_t code = 77;

	ck_assert_uint_eq(
	    span_utf8(span_of(characters[_i].text), &code), characters[_i].len);
	ck_assert_uint_eq(code, characters[_i].len ? characters[_i].code : 77);
}
END_TEST

START_TEST(test_span_to_string_terminates_its_copy)
{
	char *string = span_to_string(bytes("INBOX]", 5));

	ck_assert_str_eq(string, "INBOX");
	mem_free(string);
	string = span_to_string(span_of(NULL));
	ck_assert_str_eq(string, "");
	mem_free(string);
}
END_TEST

START_TEST(test_buf_begins_empty)
{
	struct buf buf;

	buf_init(&buf, 10);
	ck_assert_uint_eq(buf_len(&buf), 0);
	assert_holds(&buf, "");
	buf_free(&buf);
}
END_TEST

START_TEST(test_buf_is_a_queue)
{
	struct buf buf;

	buf_init(&buf, 100);
	ck_assert(buf_add_string(&buf, "A001 "));
	ck_assert(buf_add_span(&buf, span_of("NOOP")));
	ck_assert(buf_add_format(&buf, " %d:%s", 17, "*"));
	ck_assert(buf_add(&buf, "\r\n", 2));
	assert_holds(&buf, "A001 NOOP 17:*\r\n");
	buf_consume(&buf, 5);
	assert_holds(&buf, "NOOP 17:*\r\n");
	ck_assert(buf_add_string(&buf, "x"));
	assert_holds(&buf, "NOOP 17:*\r\nx");
	buf_consume(&buf, 12);
	ck_assert_uint_eq(buf_len(&buf), 0);
	buf_free(&buf);
}
END_TEST

START_TEST(test_buf_refuses_what_passes_its_cap_and_keeps_the_rest)
{
	struct buf buf;

	buf_init(&buf, 8);
	ck_assert(buf_add_string(&buf, "123456"));
	ck_assert(!buf_add_string(&buf, "789"));
	ck_assert(!buf_add_format(&buf, "%03d", 7));
	ck_assert_ptr_null(buf_reserve(&buf, 3));
	ck_assert_ptr_null(buf_reserve(&buf, SIZE_MAX));
	assert_holds(&buf, "123456");
	ck_assert(buf_add_format(&buf, "%02d", 78));
	assert_holds(&buf, "12345678");
	ck_assert(!buf_add_string(&buf, "9"));
	ck_assert(buf_add_string(&buf, ""));
	buf_consume(&buf, 3);
	ck_assert(buf_add_string(&buf, "9ab"));
	assert_holds(&buf, "456789ab");
	buf_free(&buf);
}
END_TEST

START_TEST(test_buf_with_cap_0_takes_nothing)
{
	struct buf buf = {0};

	ck_assert(!buf_add_string(&buf, "x"));
	ck_assert(buf_add(&buf, NULL, 0));
	assert_holds(&buf, "");
	buf_free(&buf);
}
END_TEST

START_TEST(test_buf_reserved_room_counts_when_grown)
{
	struct buf buf;
	char *room;

	buf_init(&buf, 5000);
	ck_assert(buf_add_string(&buf, "ab"));
	room = buf_reserve(&buf, 4096);
	ck_assert_ptr_nonnull(room);
	memset(room, 'c', 4096);
	assert_holds(&buf, "ab");
	buf_grow(&buf, 2);
	assert_holds(&buf, "abcc");
	buf_free(&buf);
}
END_TEST

START_TEST(test_buf_truncate_drops_the_end)
{
	struct buf buf;

	buf_init(&buf, 100);
	ck_assert(buf_add_string(&buf, "0123456789"));
	buf_consume(&buf, 2);
	buf_truncate(&buf, 3);
	assert_holds(&buf, "234");
	ck_assert(buf_add_string(&buf, "x"));
	assert_holds(&buf, "234x");
	buf_free(&buf);
}
END_TEST

START_TEST(test_buf_can_be_used_again_after_clear_and_free)
{
	struct buf buf;

	buf_init(&buf, 4);
	ck_assert(buf_add_string(&buf, "1234"));
	buf_clear(&buf);
	ck_assert(buf_add_string(&buf, "5678"));
	assert_holds(&buf, "5678");
	buf_free_secret(&buf);
	ck_assert_ptr_null(buf.data);
	ck_assert(buf_add_string(&buf, "abcd"));
	ck_assert(!buf_add_string(&buf, "e"));
	assert_holds(&buf, "abcd");
	buf_free(&buf);
	buf_free(&buf);
}
END_TEST

START_TEST(test_buf_never_allocates_much_more_than_its_cap)
{
	struct buf buf;
	int i;

	buf_init(&buf, 1000);
	for (i = 0; i < 1000; i++)
		ck_assert(buf_add_string(&buf, "x"));
	ck_assert_uint_le(buf.size, 1001);
	ck_assert(!buf_add_string(&buf, "x"));
	buf_free(&buf);
}
END_TEST

/* What is in the queue is always one stretch of this text. */
START_TEST(test_buf_keeps_order_through_any_adds_and_consumes)
{
	char text[4096];
	struct buf buf;
	size_t out = 0;
	size_t in = 0;
	size_t n;
	int turn;

	srand((unsigned)_i);
	for (n = 0; n < sizeof(text); n++)
		text[n] = (char)(rand() % 256);
	buf_init(&buf, 700);
	for (turn = 0; turn < 3000; turn++) {
		n = (size_t)rand() % 300;
		if (in + n > sizeof(text)) {
			buf_clear(&buf);
			in = 0;
			out = 0;
		}
		if (buf_add(&buf, text + in, n))
			in += n;
		else
			ck_assert_uint_gt(in - out + n, 700);
		ck_assert_uint_eq(buf_len(&buf), in - out);
		ck_assert_mem_eq(buf_span(&buf).at, text + out, in - out);
		n = (size_t)rand() % (in - out + 1);
		buf_consume(&buf, n);
		out += n;
	}
	buf_free(&buf);
}
END_TEST

START_TEST(test_mem_strings_and_zeroed_memory)
{
	char *copy = mem_copy_string("mail");
	char *formatted = mem_format("%s:%u", copy, 993U);
	unsigned long *zero = mem_new(unsigned long);

	ck_assert_str_eq(formatted, "mail:993");
	ck_assert_uint_eq(*zero, 0);
	ck_assert_ptr_null(mem_copy_string(NULL));
	ck_assert_ptr_null(mem_free(copy));
	ck_assert_ptr_null(mem_free_secret(formatted));
	ck_assert_ptr_null(mem_free(zero));
	ck_assert_ptr_null(mem_free(NULL));
	ck_assert_ptr_null(mem_free_secret(NULL));
}
END_TEST

START_TEST(test_mem_wipe_overwrites)
{
	char secret[] = "hunter2";

	mem_wipe(secret, sizeof(secret) - 2);
	ck_assert_mem_eq(secret, (char[6]){0}, 6);
	ck_assert_str_eq(secret + 6, "2");
	mem_wipe(NULL, 0);
}
END_TEST

START_TEST(test_mem_resize_aborts_on_overflow)
{
	mem_resize(NULL, SIZE_MAX / 2, 3);
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("buf");
	Suite *suite = suite_create("buf");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, test_span_of_null_is_empty);
	tcase_add_test(tests, test_span_equal_compares_bytes_also_behind_nul);
	tcase_add_loop_test(tests, test_span_nocase_folds_ascii_letters_only, 0,
	    LENGTH(nocase));
	tcase_add_loop_test(tests, test_span_to_number_takes_digits_up_to_max,
	    0, LENGTH(numbers));
	tcase_add_loop_test(tests, test_span_utf8_reads_one_valid_character, 0,
	    LENGTH(characters));
	tcase_add_test(tests, test_span_to_string_terminates_its_copy);
	tcase_add_test(tests, test_buf_begins_empty);
	tcase_add_test(tests, test_buf_is_a_queue);
	tcase_add_test(
	    tests, test_buf_refuses_what_passes_its_cap_and_keeps_the_rest);
	tcase_add_test(tests, test_buf_with_cap_0_takes_nothing);
	tcase_add_test(tests, test_buf_reserved_room_counts_when_grown);
	tcase_add_test(tests, test_buf_truncate_drops_the_end);
	tcase_add_test(tests, test_buf_can_be_used_again_after_clear_and_free);
	tcase_add_test(tests, test_buf_never_allocates_much_more_than_its_cap);
	tcase_add_loop_test(
	    tests, test_buf_keeps_order_through_any_adds_and_consumes, 0, 4);
	tcase_add_test(tests, test_mem_strings_and_zeroed_memory);
	tcase_add_test(tests, test_mem_wipe_overwrites);
	tcase_add_test_raise_signal(
	    tests, test_mem_resize_aborts_on_overflow, SIGABRT);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
