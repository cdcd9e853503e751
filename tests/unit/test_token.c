/*
 * What libclient/wire/token.h promises: each reader takes what it names, the
 * way servers write it, and stays where it is when that is not there.
 */
#include <check.h>
#include <stdlib.h>

#include "libclient/base/mem.h"
#include "libclient/wire/token.h"

#define LENGTH(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* Literals over 8 bytes are streamed. */
static const struct frame_limits limits = {
    .text = 4096,
    .search = 4096,
    .inline_literal = 8,
    .literal = 1000,
    .literals = 10,
};

static struct frame *frame;
static struct arena *arena;
static char *input;

static void
set_up(void)
{
	frame = frame_new(&limits);
	arena = arena_new(4096);
	input = NULL;
}

static void
tear_down(void)
{
	frame_free(frame);
	arena_free(arena);
	mem_free(input);
}

/* Begins to read a frame's text, given without its last CRLF. */
static struct token_reader
reader_of(const char *text)
{
	struct token_reader reader;
	struct frame_view view;
	enum frame_status status;

	input = mem_format("%s\r\n", text);
	frame_feed(frame, span_of(input));
	do
		status = frame_next(frame, &view, NULL);
	while (status == FRAME_PIECE);
	ck_assert_int_eq(status, FRAME_READY);
	token_begin(&reader, &view, arena);
	return reader;
}

static void
assert_bytes(struct span span, const char *expected)
{
	ck_assert_msg(span_equal(span, span_of(expected)),
	    "\"%.*s\", not \"%s\"", (int)span.len, span.at, expected);
}

static const struct {
	const char *text;
	const char *atom; /* NULL: none */
	const char *item;
} atoms[] = {
    {"FETCH (UID", "FETCH", "FETCH"},
    {"\\Seen)", "\\Seen", "\\Seen"},
    {"BODY[TEXT]<0> x", "BODY[TEXT]<0>", "BODY"},
    {"[x] y", "[x]", NULL},
    {"a]b*c%d\\e", "a]b*c%d\\e", "a]b*c%d\\e"},
    {"caf\xc3\xa9\"", "caf\xc3\xa9", "caf\xc3\xa9"},
    {"a{b", "a", "a"},
    {"tab\there", "tab", "tab"},
    {"del\177", "del", "del"},
    {" x", NULL, NULL},
    {"(x", NULL, NULL},
    {")", NULL, NULL},
    {"\"x\"", NULL, NULL},
};

START_TEST(test_token_atom_ends_where_servers_end_it)
{
	struct token_reader reader = reader_of(atoms[_i].text);
	struct token_reader again = reader;
	struct span span = {0};

	ck_assert(token_atom(&reader, &span) == (atoms[_i].atom != NULL));
	assert_bytes(span, atoms[_i].atom == NULL ? "" : atoms[_i].atom);
	assert_bytes(reader.rest, atoms[_i].text + span.len);
	span = (struct span){0};
	ck_assert(token_item(&again, &span) == (atoms[_i].item != NULL));
	assert_bytes(span, atoms[_i].item == NULL ? "" : atoms[_i].item);
	assert_bytes(again.rest, atoms[_i].text + span.len);
}
END_TEST

static const struct {
	const char *text;
	uint64_t max;
	bool is_number;
	uint64_t number;
	bool is_uid;
} numbers[] = {
    {"0", UINT64_MAX, true, 0, false},
    {"7 x", UINT64_MAX, true, 7, true},
    {"007", UINT64_MAX, true, 7, false},
    {"4294967295)", UINT32_MAX, true, UINT32_MAX, true},
    {"4294967296", UINT32_MAX, false, 0, false},
    {"18446744073709551615", UINT64_MAX, true, UINT64_MAX, false},
    {"18446744073709551616", UINT64_MAX, false, 0, false},
    {"99999999999999999999999", UINT64_MAX, false, 0, false},
    {"10", 9, false, 0, true},
    {"-1", UINT64_MAX, false, 0, false},
    {"+1", UINT64_MAX, false, 0, false},
    {"x", UINT64_MAX, false, 0, false},
    {" 1", UINT64_MAX, false, 0, false},
};

START_TEST(test_token_number_stays_within_its_bounds)
{
	struct token_reader reader = reader_of(numbers[_i].text);
	struct token_reader again = reader;
	uint64_t number = 0;
	uint32_t uid = 0;

	ck_assert(token_number(&reader, numbers[_i].max, &number) ==
	    numbers[_i].is_number);
	ck_assert_uint_eq(number, numbers[_i].number);
	ck_assert(reader.rest.at != again.rest.at || !numbers[_i].is_number);
	ck_assert(token_uid(&again, &uid) == numbers[_i].is_uid);
	ck_assert(numbers[_i].is_uid || uid == 0);
}
END_TEST

static const struct {
	const char *text;
	const char *nstring; /* NULL: none */
	bool is_nil;
	uint32_t streamed;
	const char *astring;
	const char *rest;
} strings[] = {
    {"\"\" x", "", false, 0, "", " x"},
    {"\"a b\"x", "a b", false, 0, "a b", "x"},
    {"\"a\\\"b\\\\c\")", "a\"b\\c", false, 0, "a\"b\\c", ")"},
    {"\"\\\\\" x", "\\", false, 0, "\\", " x"},
    {"\"a\\b\" x", "a\\b", false, 0, "a\\b", " x"},
    {"\"caf\xc3\xa9\"", "caf\xc3\xa9", false, 0, "caf\xc3\xa9", ""},
    {"\"{3}\"", "{3}", false, 0, "{3}", ""},
    {"{0}\r\n x", "", false, 0, "", " x"},
    {"{3}\r\na\"b x", "a\"b", false, 0, "a\"b", " x"},
    {"{6}\r\n{1}\r\nz x", "{1}\r\nz", false, 0, "{1}\r\nz", " x"},
    {"~{2}\r\nab)", "ab", false, 0, "ab", ")"},
    {"{9}\r\n123456789)", "", false, 1, NULL, ")"},
    {"NIL x", "", true, 0, "NIL", " x"},
    {"nil", "", true, 0, "nil", ""},
    {"NILS", NULL, false, 0, "NILS", ""},
    {"~atom x", NULL, false, 0, "~atom", " x"},
    {"\"unterminated", NULL, false, 0, NULL, NULL},
    {"\"unterminated\\\"", NULL, false, 0, NULL, NULL},
    {"\"a {1}\r\nb\"", NULL, false, 0, NULL, NULL},
    {"{1} x", NULL, false, 0, NULL, NULL},
    {"{}", NULL, false, 0, NULL, NULL},
    {"(x)", NULL, false, 0, NULL, NULL},
    {" ", NULL, false, 0, NULL, NULL},
};

START_TEST(test_token_string_of_every_kind)
{
	struct token_reader reader = reader_of(strings[_i].text);
	struct token_reader again = reader;
	struct token_string string = {0};
	struct span span = {0};

	ck_assert(
	    token_nstring(&reader, &string) == (strings[_i].nstring != NULL));
	ck_assert(
	    token_astring(&again, &span) == (strings[_i].astring != NULL));
	if (strings[_i].nstring != NULL) {
		assert_bytes(string.bytes, strings[_i].nstring);
		ck_assert(string.is_nil == strings[_i].is_nil);
		ck_assert_uint_eq(string.streamed, strings[_i].streamed);
		ck_assert_uint_eq(
		    string.size, string.streamed != 0 ? 9 : string.bytes.len);
		assert_bytes(reader.rest, strings[_i].rest);
	}
	if (strings[_i].astring != NULL) {
		assert_bytes(span, strings[_i].astring);
		assert_bytes(again.rest, strings[_i].rest);
	} else {
		ck_assert_ptr_eq(again.rest.at, again.begin);
	}
}
END_TEST

static const struct {
	const char *text;
	const char *rest; /* NULL: cannot be skipped */
} values[] = {
    {"atom x", " x"},
    {"\"a \\\" b\" x", " x"},
    {"NIL)", ")"},
    {"() x", " x"},
    {"(a (b \"c)\" {2}\r\n)) d)(e)) x", " x"},
    {"(a {9}\r\n123456789 ~{10}\r\n1234567890) x", " x"},
    {"({1}\r\na\r\n) x", " x"},
    {"(\"a\"\"b\"c)d", "d"},
    {"~{1}\r\nab", "b"},
    {"(((((((((((((((((((((((((((((((())))))))))))))))))))))))))))))))", ""},
    {"((((((((((((((((((((((((((((((((()))))))))))))))))))))))))))))))))",
	NULL},
    {"(a", NULL},
    {"(a \"b)", NULL},
    {")", NULL},
    {" ", NULL},
    {"(\t\x15)", ""},
    {"\x15"
     "a\x7f x",
	" x"},
    {"a{b\x01 x", " x"},
    {"a{1}\r\nb x", "{1}\r\nb x"},
};

START_TEST(test_token_skip_takes_one_value_whatever_it_is)
{
	struct token_reader reader = reader_of(values[_i].text);

	ck_assert(token_skip(&reader) == (values[_i].rest != NULL));
	assert_bytes(reader.rest,
	    values[_i].rest == NULL ? values[_i].text : values[_i].rest);
}
END_TEST

START_TEST(test_token_literals_behind_text_read_as_bytes_are_still_found)
{
	struct token_reader reader = reader_of("a {1}\r\nb c {2}\r\nde");
	struct token_string string;

	reader.rest = span_from(reader.rest, 11);
	ck_assert(token_nstring(&reader, &string));
	assert_bytes(string.bytes, "de");
}
END_TEST

START_TEST(test_token_space_takes_any_number)
{
	struct token_reader reader = reader_of("   x  ");

	ck_assert(!token_at_end(&reader));
	ck_assert(token_space(&reader));
	ck_assert(!token_space(&reader));
	ck_assert_int_eq(token_peek(&reader), 'x');
	ck_assert(!token_byte(&reader, 'y'));
	ck_assert(token_byte(&reader, 'x'));
	ck_assert(token_at_end(&reader));
	assert_bytes(reader.rest, "  ");
	ck_assert(token_space(&reader));
	ck_assert_int_eq(token_peek(&reader), '\0');
	ck_assert(!token_byte(&reader, '\0'));
}
END_TEST

START_TEST(test_token_escapes_beyond_the_arena_are_refused)
{
	struct token_reader reader = reader_of("\"\\\"0123456789\" x");
	struct token_string string;

	reader.arena = arena_new(4);
	ck_assert(!token_nstring(&reader, &string));
	ck_assert_ptr_eq(reader.rest.at, reader.begin);
	ck_assert(token_skip(&reader));
	arena_free(reader.arena);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("token");
	TCase *tests = tcase_create("token");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(
	    tests, test_token_atom_ends_where_servers_end_it, 0, LENGTH(atoms));
	tcase_add_loop_test(tests, test_token_number_stays_within_its_bounds, 0,
	    LENGTH(numbers));
	tcase_add_loop_test(
	    tests, test_token_string_of_every_kind, 0, LENGTH(strings));
	tcase_add_loop_test(tests,
	    test_token_skip_takes_one_value_whatever_it_is, 0, LENGTH(values));
	tcase_add_test(tests,
	    test_token_literals_behind_text_read_as_bytes_are_still_found);
	tcase_add_test(tests, test_token_space_takes_any_number);
	tcase_add_test(tests, test_token_escapes_beyond_the_arena_are_refused);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
