/*
 * What libclient/wire/frame.h promises: the same frames wherever the input is
 * cut, no byte twice, and no memory for what passes a limit.
 *
 * What a reader said is written down as text: "<frame>@at:size:id", with
 * "id/total=bytes" in front of it for a streamed literal, "!kind" for the end.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "libclient/base/mem.h"
#include "libclient/wire/frame.h"

#define LENGTH(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* A NUL in the input of a table is written as this byte. */
#define NUL '\1'

/* Small enough that a line of a table can pass each of them. */
static const struct frame_limits small_limits = {
    .text = 60,
    .search = 90,
    .inline_literal = 8,
    .literal = 40,
    .literals = 3,
};

struct record {
	struct buf log;
	uint32_t streaming;
	uint64_t streamed;
	bool failed;
};

static void
record_piece(struct record *record, const struct frame_view *view)
{
	ck_assert_uint_ne(view->id, 0);
	ck_assert_uint_gt(view->piece.len, 0);
	if (record->streaming != view->id) {
		record->streaming = view->id;
		record->streamed = 0;
		buf_add_format(&record->log, "%" PRIu32 "/%" PRIu64 "=",
		    view->id, view->total);
	}
	record->streamed += view->piece.len;
	ck_assert_uint_le(record->streamed, view->total);
	buf_add_span(&record->log, view->piece);
}

static void
record_frame(struct record *record, const struct frame_view *view)
{
	uint32_t i;

	buf_add_string(&record->log, "<");
	buf_add_span(&record->log, view->text);
	buf_add_string(&record->log, ">");
	for (i = 0; i < view->literal_count; i++)
		buf_add_format(&record->log, "@%zu:%" PRIu64 ":%" PRIu32,
		    view->literals[i].at, view->literals[i].size,
		    view->literals[i].id);
}

/* Reads all of the input, from a block of its own that ASan watches. */
static void
feed(struct record *record, struct frame *frame, struct span input)
{
	struct imap_error error = {0};
	struct frame_view view;
	enum frame_status status;
	char *copy = mem_resize(NULL, input.len == 0 ? 1 : input.len, 1);

	if (input.len > 0)
		memcpy(copy, input.at, input.len);
	frame_feed(frame, (struct span){copy, input.len});
	while ((status = frame_next(frame, &view, &error)) != FRAME_MORE) {
		if (status == FRAME_FAILED) {
			record->failed = true;
			buf_add_format(&record->log, "!%s",
			    imap_error_kind_name(error.kind));
			break;
		}
		if (status == FRAME_PIECE)
			record_piece(record, &view);
		else
			record_frame(record, &view);
	}
	if (status == FRAME_MORE)
		ck_assert_uint_eq(frame_unread(frame), 0);
	mem_free(copy);
}

/* Reads the input in parts that end at first, first + step, ... */
static char *
read_in_parts(const struct frame_limits *limits, struct span input,
    size_t first, size_t step)
{
	struct frame *frame = frame_new(limits);
	struct record record = {0};
	size_t len = first;
	char *log;

	buf_init(&record.log, 1U << 24);
	while (!record.failed) {
		if (len > input.len)
			len = input.len;
		feed(&record, frame, (struct span){input.at, len});
		input = span_from(input, len);
		if (input.len == 0)
			break;
		len = step;
	}
	frame_free(frame);
	log = span_to_string(buf_span(&record.log));
	buf_free(&record.log);
	return log;
}

static struct span
input_of(const char *text, char *copy, size_t size)
{
	struct span input = {copy, strlen(text)};
	size_t i;

	ck_assert_uint_lt(input.len, size);
	for (i = 0; i < input.len; i++)
		copy[i] = text[i] == NUL ? '\0' : text[i];
	return input;
}

static void
assert_reads(
    const struct frame_limits *limits, const char *text, const char *expected)
{
	char copy[512];
	struct span input = input_of(text, copy, sizeof(copy));
	size_t i;

	for (i = 0; i <= input.len + 1; i++) {
		bool is_whole = i == input.len + 1;
		char *log = read_in_parts(
		    limits, input, is_whole ? 1 : i, is_whole ? 1 : SIZE_MAX);

		ck_assert_msg(strcmp(log, expected) == 0,
		    "cut at %zu: %s\nnot: %s", i, log, expected);
		mem_free(log);
	}
}

static const struct {
	const char *input;
	const char *expected;
} streams[] = {
    {"", ""},
    {"* OK\r\n", "<* OK>"},
    {"* OK\n", "<* OK>"},
    {"* 1 EXISTS\r\na1 OK\r\n", "<* 1 EXISTS><a1 OK>"},
    {"* OK without an end", ""},
    {"* OK\r", ""},
    /* small literals are part of the text */
    {"* LIST () \"/\" {5}\r\nINBOX\r\n",
	"<* LIST () \"/\" {5}\r\nINBOX>@19:5:0"},
    {"x {3}\r\na\r\n y\r\n", "<x {3}\r\na\r\n y>@7:3:0"},
    {"x {1}\n\r\n", "<x {1}\n\r>@6:1:0"},
    {"x {2}\r\n\1\1 y\r\n", NULL},
    {"x {0}\r\n)\r\n", "<x {0}\r\n)>@7:0:0"},
    {"x {0}\r\n\r\n", "<x {0}\r\n>@7:0:0"},
    {"x ~{1}\r\nb {1}\r\nc\r\n", "<x ~{1}\r\nb {1}\r\nc>@8:1:0@15:1:0"},
    {"x {01}\r\nb\r\n", "<x {01}\r\nb>@8:1:0"},
    {"x {2}\r\n{1}\r\n", "<x {2}\r\n{1}>@7:2:0"},
    /* long ones are not */
    {"x {9}\r\n123456789)\r\n", "1/9=123456789<x {9}\r\n)>@7:9:1"},
    {"x {9}\r\n12345\r\n89)\r\ny\r\n", "1/9=12345\r\n89<x {9}\r\n)>@7:9:1<y>"},
    {"x {9}\r\n123456789 {2}\r\nab {10}\r\n1234567890)\r\n",
	"1/9=1234567892/10=1234567890<x {9}\r\n {2}\r\nab {10}\r\n)>"
	"@7:9:1@13:2:0@22:10:2"},
    {"x {9}\r\n123456789\r\nz {9}\r\n123456789\r\n",
	"1/9=123456789<x {9}\r\n>@7:9:12/9=123456789<z {9}\r\n>@7:9:2"},
    /* only at the end of a line */
    {"x {5} y\r\n", "<x {5} y>"},
    {"x \"{5}\"\r\n", "<x \"{5}\">"},
    {"x {}\r\n", "<x {}>"},
    {"x {a}\r\n", "<x {a}>"},
    {"x 5}\r\n", "<x 5}>"},
    {"5}\r\n", "<5}>"},
    /* blank lines and padding */
    {"\r\n\n\r\n* OK\r\n\r\n* NO\r\n", "<* OK><* NO>"},
    {"\1\1* OK\r\n\1\r\n\1* NO\r\n", "<* OK><* NO>"},
    {"x ({1}\r\na\r\n\r\n)\r\n", "<x ({1}\r\na\r\n\r\n)>@8:1:0"},
    {"x (\"(\" {1}\r\n(\r\n\n) \"\r\n", "<x (\"(\" {1}\r\n(\r\n\n) \">@12:1:0"},
    {"x (\")\\\")\" {9}\r\n)))))))))\r\n)\r\n",
	"1/9=)))))))))<x (\")\\\")\" {9}\r\n\r\n)>@15:9:1"},
    {"x () {1}\r\n(\r\ny\r\n", "<x () {1}\r\n(>@10:1:0<y>"},
    /* what no server may send */
    {"* OK\1\r\n", "!protocol"},
    {"* OK\r \r\n", "!protocol"},
    {"* OK\r\r\n", "!protocol"},
    {"y\r\nx {1+}\r\n", "<y>!protocol"},
    {"x {-1}\r\n", "!protocol"},
    {"x {+5}\r\n", "!protocol"},
    {"x {18446744073709551616}\r\n", "!protocol"},
    {"x {99999999999999999999}\r\n", "!protocol"},
    /* limits */
    {"x {18446744073709551615}\r\n", "!limit"},
    {"x {41}\r\n", "!limit"},
    {"x {40}\r\n1234567890123456789012345678901234567890\r\n",
	"1/40=1234567890123456789012345678901234567890<x {40}\r\n>@8:40:1"},
    {"{1}\r\na{1}\r\na{1}\r\na{1}\r\na\r\n", "!limit"},
    {"{1}\r\na{1}\r\na{1}\r\na\r\n",
	"<{1}\r\na{1}\r\na{1}\r\na>"
	"@5:1:0@11:1:0@17:1:0"},
    {"123456789 123456789 123456789 123456789 123456789 123456789 \r\n",
	"<123456789 123456789 123456789 123456789 123456789 123456789 >"},
    {"123456789 123456789 123456789 123456789 123456789 123456789 1\r\n",
	"!limit"},
    {"123456789 123456789 123456789 123456789 123456789 1234 {8}\r\n",
	"!limit"},
    {"* search 6789 123456789 123456789 123456789 123456789 123456789 1\r\n",
	"<* search 6789 123456789 123456789 123456789 123456789 123456789 1>"},
    {"* VANISHED 89 123456789 123456789 123456789 123456789 123456789 1\r\n",
	"<* VANISHED 89 123456789 123456789 123456789 123456789 123456789 1>"},
    {"* SEARCH 6789 123456789 123456789 123456789 123456789 123456789 "
     "123456789 "
     "123456789 123456789 1\r\n",
	"!limit"},
};

START_TEST(test_frame_is_the_same_however_the_input_is_cut)
{
	char copy[512];
	char *whole = NULL;
	const char *expected = streams[_i].expected;

	/* The log would hold a NUL: it is only compared. */
	if (expected == NULL)
		expected = whole = read_in_parts(&small_limits,
		    input_of(streams[_i].input, copy, sizeof(copy)), SIZE_MAX,
		    1);
	assert_reads(&small_limits, streams[_i].input, expected);
	mem_free(whole);
}
END_TEST

START_TEST(test_frame_cut_off_anywhere_delivers_nothing_of_itself)
{
	static const char text[] =
	    "* 1 FETCH (UID 3 BODY[] {10}\r\n0123456789 X {3}\r\nabc)\r\n";
	struct span input = {text, sizeof(text) - 1};

	while (input.len-- > 0) {
		char *log = read_in_parts(&small_limits, input, 1, 1);

		ck_assert_ptr_null(strchr(log, '<'));
		ck_assert_ptr_null(strchr(log, '!'));
		mem_free(log);
	}
}
END_TEST

START_TEST(test_frame_in_one_input_is_not_copied)
{
	static const char input[] = "* 1 FETCH (X {3}\r\nabc Y)\r\n* OK\r\n";
	struct frame *frame = frame_new(&small_limits);
	struct frame_view view;

	frame_feed(frame, span_of(input));
	ck_assert_int_eq(frame_next(frame, &view, NULL), FRAME_READY);
	ck_assert_ptr_eq(view.text.at, input);
	ck_assert_int_eq(frame_next(frame, &view, NULL), FRAME_READY);
	ck_assert_ptr_eq(view.text.at, input + 26);
	ck_assert_int_eq(frame_next(frame, &view, NULL), FRAME_MORE);
	frame_free(frame);
}
END_TEST

START_TEST(test_frame_streamed_pieces_point_into_the_input)
{
	static const char input[] = "X {12}\r\n0123456789ab";
	struct frame *frame = frame_new(&small_limits);
	struct frame_view view;

	frame_feed(frame, (struct span){input, 12});
	ck_assert_int_eq(frame_next(frame, &view, NULL), FRAME_PIECE);
	ck_assert_ptr_eq(view.piece.at, input + 8);
	ck_assert_uint_eq(view.piece.len, 4);
	ck_assert_uint_eq(view.total, 12);
	ck_assert_int_eq(frame_next(frame, &view, NULL), FRAME_MORE);
	frame_feed(frame, (struct span){input + 12, 8});
	ck_assert_int_eq(frame_next(frame, &view, NULL), FRAME_PIECE);
	ck_assert_ptr_eq(view.piece.at, input + 12);
	ck_assert_uint_eq(view.piece.len, 8);
	ck_assert_int_eq(frame_next(frame, &view, NULL), FRAME_MORE);
	frame_free(frame);
}
END_TEST

START_TEST(test_frame_says_what_it_holds_and_what_is_unread)
{
	struct frame *frame = frame_new(&small_limits);
	struct frame_view view;

	ck_assert(frame_is_empty(frame));
	frame_feed(frame, span_of("a1 OK\r\n* INJECTED\r\n* X"));
	ck_assert_uint_eq(frame_unread(frame), 22);
	ck_assert_int_eq(frame_next(frame, &view, NULL), FRAME_READY);
	ck_assert(frame_is_empty(frame));
	ck_assert_uint_eq(frame_unread(frame), 15);
	ck_assert_int_eq(frame_next(frame, &view, NULL), FRAME_READY);
	ck_assert_uint_eq(frame_unread(frame), 3);
	ck_assert_int_eq(frame_next(frame, &view, NULL), FRAME_MORE);
	ck_assert(!frame_is_empty(frame));
	ck_assert_uint_eq(frame_unread(frame), 0);
	frame_feed(frame, span_of(" {9}\r\n"));
	ck_assert_int_eq(frame_next(frame, &view, NULL), FRAME_MORE);
	ck_assert(!frame_is_empty(frame));
	frame_free(frame);
}
END_TEST

/* Another protocol may begin behind a frame. */
START_TEST(test_frame_hands_back_what_it_did_not_read)
{
	static const char input[] = "a1 OK\r\n* 1 X\r\n{9}";
	struct frame *frame = frame_new(&small_limits);
	struct frame_view view;
	struct span rest;

	frame_feed(frame, span_of(input));
	ck_assert_int_eq(frame_next(frame, &view, NULL), FRAME_READY);
	rest = frame_take_unread(frame);
	ck_assert_ptr_eq(rest.at, input + 7);
	ck_assert_uint_eq(rest.len, strlen(input) - 7);
	ck_assert_uint_eq(frame_take_unread(frame).len, 0);
	ck_assert(span_equal(view.text, span_of("a1 OK")));
	frame_feed(frame, span_of("* 2 Y\r\n"));
	ck_assert_int_eq(frame_next(frame, &view, NULL), FRAME_READY);
	ck_assert(span_equal(view.text, span_of("* 2 Y")));
	ck_assert_int_eq(frame_next(frame, &view, NULL), FRAME_MORE);
	frame_free(frame);
}
END_TEST

START_TEST(test_frame_stays_failed)
{
	struct frame *frame = frame_new(&small_limits);
	struct imap_error error = {0};
	struct frame_view view;

	frame_feed(frame, span_of("x {1+}\r\n* OK\r\n"));
	ck_assert_int_eq(frame_next(frame, &view, &error), FRAME_FAILED);
	ck_assert_int_eq(error.kind, IMAP_ERROR_PROTOCOL);
	ck_assert_int_eq(frame_next(frame, &view, &error), FRAME_FAILED);
	frame_free(frame);
}
END_TEST

/* Feeds the same text n times; true if the reader is still well. */
static bool
survives(const char *text, unsigned n)
{
	struct frame *frame = frame_new(&frame_default_limits);
	struct record record = {0};

	buf_init(&record.log, 1U << 20);
	while (n-- > 0 && !record.failed)
		feed(&record, frame, span_of(text));
	buf_free(&record.log);
	frame_free(frame);
	return !record.failed;
}

START_TEST(test_frame_skips_at_most_100_blanks_in_a_row)
{
	ck_assert(survives("\r\n", 100));
	ck_assert(!survives("\r\n", 101));
	ck_assert(survives("\r\n\r\n* OK\r\n", 200));
}
END_TEST

START_TEST(test_frame_refuses_an_endless_line_at_its_limit)
{
	static char block[65536];
	struct frame *frame = frame_new(&frame_default_limits);
	struct record record = {0};
	unsigned n;

	memset(block, 'x', sizeof(block));
	buf_init(&record.log, 4096);
	for (n = 0; n < 1000 && !record.failed; n++)
		feed(&record, frame, (struct span){block, sizeof(block)});
	ck_assert(record.failed);
	ck_assert_uint_eq(n, 17);
	buf_free(&record.log);
	frame_free(frame);
}
END_TEST

START_TEST(test_frame_announced_bytes_cost_nothing_before_they_come)
{
	struct frame *frame = frame_new(&frame_default_limits);
	struct record record = {0};

	buf_init(&record.log, 4096);
	feed(&record, frame, span_of("* 1 FETCH (BODY[] {4294967295}\r\nx"));
	ck_assert(!record.failed);
	ck_assert(span_equal(buf_span(&record.log), span_of("1/4294967295=x")));
	buf_free(&record.log);
	frame_free(frame);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("frame");
	TCase *tests = tcase_create("frame");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 30);
	tcase_add_loop_test(tests,
	    test_frame_is_the_same_however_the_input_is_cut, 0,
	    LENGTH(streams));
	tcase_add_test(
	    tests, test_frame_cut_off_anywhere_delivers_nothing_of_itself);
	tcase_add_test(tests, test_frame_in_one_input_is_not_copied);
	tcase_add_test(tests, test_frame_streamed_pieces_point_into_the_input);
	tcase_add_test(tests, test_frame_says_what_it_holds_and_what_is_unread);
	tcase_add_test(tests, test_frame_hands_back_what_it_did_not_read);
	tcase_add_test(tests, test_frame_stays_failed);
	tcase_add_test(tests, test_frame_skips_at_most_100_blanks_in_a_row);
	tcase_add_test(tests, test_frame_refuses_an_endless_line_at_its_limit);
	tcase_add_test(
	    tests, test_frame_announced_bytes_cost_nothing_before_they_come);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
