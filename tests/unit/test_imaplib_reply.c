/*
 * What libclient/imaplib_reply.h promises of one reply: untagged responses as
 * trees of values, however servers write them, and the result.
 */
#include <stdlib.h>

#include "imaplib_lines.h"

static struct imaplib_reply reply;
static struct imap_error error;

static void
set_up(void)
{
	reply = (struct imaplib_reply){0};
	error = (struct imap_error){0};
}

static void
tear_down(void)
{
	imaplib_reply_free(&reply);
}

static const struct {
	const char *line;
	const char *name;
	int64_t number; /* -1: none */
	const char *values;
} lines[] = {
    {"* 12 FETCH (UID 5 FLAGS (\\Seen) RFC822.SIZE 9)", "FETCH", 12,
	"(UID 5 FLAGS (\\Seen) RFC822.SIZE 9)"},
    {"* 3 exists", "EXISTS", 3, ""},
    {"* SEARCH", "SEARCH", -1, ""},
    {"* SEARCH 1 2  3 ", "SEARCH", -1, "1 2 3"},
    {"* LIST (\\HasNoChildren) \"/\" INBOX", "LIST", -1,
	"(\\HasNoChildren) '/' INBOX"},
    {"* LIST () nil \"a \\\"b\\\\c\"", "LIST", -1, "() NIL 'a \"b\\c'"},
    {"* LIST () \"\\\\\" {5}\r\na b)c", "LIST", -1, "() '\\' 'a b)c'"},
    {"* LIST () \"/\" a{b}c", "LIST", -1, "() '/' a{b}c"},
    {"* LIST () \"/\" ~user/[x", "LIST", -1, "() '/' ~user/[x"},
    {"* LIST () \"/\" caf\xc3\xa9", "LIST", -1, "() '/' caf\xc3\xa9"},
    {"* FLAGS (\\Seen [test] $X a]b [c)", "FLAGS", -1,
	"(\\Seen [test] $X a]b [c)"},
    {"* 1 FETCH (BODY[HEADER.FIELDS (FROM \"a]b\")]<0> \"x\")", "FETCH", 1,
	"(BODY[HEADER.FIELDS (FROM \"a]b\")]<0> 'x')"},
    {"* 1 FETCH (binary[1.2] ~{3}\r\na b UID 7)", "FETCH", 1,
	"(binary[1.2] 'a b' UID 7)"},
    {"* 1 FETCH (BODY[]{3}\r\na b UID 7)", "FETCH", 1, "(BODY[] 'a b' UID 7)"},
    {"* 1 FETCH (BODY[ NIL)", "FETCH", 1, "(BODY[ NIL)"},
    {"* 1 FETCH (BODY[] {0}\r\n UID 7)", "FETCH", 1, "(BODY[] '' UID 7)"},
    {"* 1 FETCH (BODY[1] {3}\r\nabc BODY[2] {3}\r\ndef)", "FETCH", 1,
	"(BODY[1] 'abc' BODY[2] 'def')"},
    {"* 1 FETCH (BODY[] {12}\r\n* 99 EXISTS) UID 7)", "FETCH", 1,
	"(BODY[] '* 99 EXISTS)' UID 7)"},
    {"* 1 FETCH (BODY[] {3}\r\nabc\r\n UID 7)", "FETCH", 1,
	"(BODY[] 'abc' UID 7)"},
    {"* THREAD (2)(3 6 (4 23)(44 7 96))", "THREAD", -1,
	"(2) (3 6 (4 23) (44 7 96))"},
    {"* NAMESPACE ((\"\" \"/\")) NIL NIL", "NAMESPACE", -1,
	"(('' '/')) NIL NIL"},
    {"* QUOTA \"\" (STORAGE 10 512)", "QUOTA", -1, "'' (STORAGE 10 512)"},
    {"* ESEARCH (TAG \"a\") UID ALL 1:5,9", "ESEARCH", -1,
	"(TAG 'a') UID ALL 1:5,9"},
    {"* ID NIL ", "ID", -1, "NIL"},
    {"*  4   x-new  1", "X-NEW", 4, "1"},
    {"* 4294967295 EXISTS", "EXISTS", UINT32_MAX, ""},
    {"* FOO a\tb", "FOO", -1, "a\tb"},
    {"* STATUS INBOX (MAILBOXID (\x98~\xfd\xba\x15V) MESSAGES 3)", "STATUS", -1,
	"INBOX (MAILBOXID (\x98~\xfd\xba\x15V) MESSAGES 3)"},
};

START_TEST(test_a_response_is_a_tree_of_values)
{
	const struct imaplib_untagged *added = add_line(&reply, lines[_i].line);

	assert_span(added->name, lines[_i].name);
	ck_assert_int_eq(added->has_number, lines[_i].number != -1);
	if (added->has_number)
		ck_assert_int_eq(added->number, lines[_i].number);
	ck_assert_str_eq(values_text(added->data), lines[_i].values);
}
END_TEST

static const struct {
	const char *line;
	const char *name;
	const char *raw;
} broken[] = {
    {"* 1 FETCH (UID 5", "FETCH", "(UID 5"},
    {"* 1 FETCH UID 5)", "FETCH", "UID 5)"},
    {"* 1 FETCH (X \"a\\\"b\" \"c)", "FETCH", "(X \"a\\\"b\" \"c)"},
    {"* FOO a)b", "FOO", "a)b"},
    {"* 12", "", "12"},
    {"* 99999999999 EXISTS", "", "99999999999 EXISTS"},
    {"* 12FETCH (UID 5)", "", "12FETCH (UID 5)"},
    {"* (a)", "", "(a)"},
    {"*", "", "*"},
    {"junk here", "", "junk here"},
    {"* [what] ever", "", "[what] ever"},
};

START_TEST(test_what_is_no_tree_is_one_atom_as_sent)
{
	const struct imaplib_untagged *added =
	    add_line(&reply, broken[_i].line);

	assert_span(added->name, broken[_i].name);
	ck_assert_ptr_nonnull(added->data);
	ck_assert_int_eq(added->data->kind, IMAPLIB_ATOM);
	ck_assert_ptr_null(added->data->next);
	assert_span(added->data->bytes, broken[_i].raw);
}
END_TEST

static const struct {
	const char *line;
	const char *name;
	const char *code;
	const char *arguments;
	const char *text;
} states[] = {
    {"* OK hello", "OK", "", "", "hello"},
    {"* ok [uidvalidity 5] UIDs valid", "OK", "UIDVALIDITY", "5", "UIDs valid"},
    {"* OK [HIGHESTMODSEQ 5]", "OK", "HIGHESTMODSEQ", "5", ""},
    {"* OK [PERMANENTFLAGS (\\Seen [x] \\*)] ok", "OK", "PERMANENTFLAGS",
	"(\\Seen [x] \\*)", "ok"},
    {"* NO [X-FOO] bar", "NO", "X-FOO", "", "bar"},
    {"* BAD", "BAD", "", "", ""},
    {"* BYE [UNAVAILABLE] later", "BYE", "UNAVAILABLE", "", "later"},
    {"* PREAUTH [CAPABILITY IMAP4rev1 IDLE] hi", "PREAUTH", "CAPABILITY",
	"IMAP4rev1 IDLE", "hi"},
    {"* [ALERT] look", "OK", "ALERT", "", "look"},
    {"[ALERT] look", "OK", "ALERT", "", "look"},
    {"Server Unavailable. 15", "BYE", "", "", "Server Unavailable. 15"},
};

START_TEST(test_a_state_has_code_arguments_and_text)
{
	const struct imaplib_untagged *added =
	    add_line(&reply, states[_i].line);

	assert_span(added->name, states[_i].name);
	assert_span(added->status->code, states[_i].code);
	assert_span(added->status->arguments, states[_i].arguments);
	assert_span(added->status->text, states[_i].text);
	ck_assert_ptr_null(added->data);
}
END_TEST

/* depth lists in each other */
static char *
nested(int depth)
{
	char *line = mem_alloc((size_t)depth * 2 + 8);

	memcpy(line, "* X ", 4);
	memset(line + 4, '(', (size_t)depth);
	memset(line + 4 + depth, ')', (size_t)depth);
	return line;
}

START_TEST(test_lists_nest_to_the_limit)
{
	char *line = nested(TOKEN_MAX_DEPTH);

	ck_assert_int_eq(add_line(&reply, line)->data->kind, IMAPLIB_LIST);
	mem_free(line);
}
END_TEST

START_TEST(test_lists_nested_deeper_are_one_atom)
{
	char *line = nested(100000);
	const struct imaplib_untagged *added = add_line(&reply, line);

	ck_assert_int_eq(added->data->kind, IMAPLIB_ATOM);
	ck_assert_uint_eq(added->data->bytes.len, 200000);
	mem_free(line);
}
END_TEST

START_TEST(test_brackets_without_end_take_no_longer_than_others)
{
	static const char item[] = "BODY[ ";
	char *line = mem_alloc((1U << 20) + 1);
	size_t len = 4;

	memcpy(line, "* X ", len);
	for (; len + sizeof(item) < 1U << 20; len += sizeof(item) - 1)
		memcpy(line + len, item, sizeof(item) - 1);
	/* The test's time limit is what this shows. */
	ck_assert_ptr_nonnull(add_line(&reply, line)->data->next);
	mem_free(line);
}
END_TEST

START_TEST(test_literals_may_hold_any_bytes)
{
	static const char bytes[] = "* 1 FETCH (X {3}\r\n\0\r\n)\r\n";
	const struct imaplib_untagged *added =
	    add_bytes(&reply, (struct span){bytes, sizeof(bytes) - 1}, &error);
	const struct imaplib_value *value;

	ck_assert_ptr_nonnull(added);
	value = added->data->first->next;
	ck_assert_uint_eq(value->bytes.len, 3);
	ck_assert_int_eq(memcmp(value->bytes.at, "\0\r\n", 3), 0);
}
END_TEST

START_TEST(test_streamed_literals_are_values)
{
	const struct imaplib_untagged *added = add_line(&reply,
	    "* 1 FETCH (BODY[1] {10}\r\n0123456789 BODY[2] {11}\r\n"
	    "abcdefghijk UID 7)");

	ck_assert_str_eq(values_text(added->data),
	    "(BODY[1] '0123456789' BODY[2] 'abcdefghijk' UID 7)");
}
END_TEST

START_TEST(test_a_long_literal_grows_as_it_comes)
{
	static char piece[1U << 20];
	const uint64_t total = 100U << 20;
	const struct frame_literal literal = {.at = 16, .size = total, .id = 7};
	const struct frame_view view = {
	    .text = span_of("* X {104857600}\n"),
	    .literals = &literal,
	    .literal_count = 1,
	};
	const struct imaplib_untagged *added;

	for (int i = 0; i < 100; i++) {
		memset(piece, 'a' + i % 26, sizeof(piece));
		ck_assert(imaplib_reply_add_body(&reply, 7,
		    (struct span){piece, sizeof(piece)}, total, &error));
	}
	added = imaplib_reply_add(&reply, &view, &error);
	ck_assert_msg(added != NULL, "%s", error.text);
	ck_assert_uint_eq(added->data->bytes.len, total);
	ck_assert_int_eq(added->data->bytes.at[0], 'a');
	ck_assert_int_eq(added->data->bytes.at[total - 1], 'a' + 99 % 26);
}
END_TEST

START_TEST(test_a_literal_that_did_not_come_whole_is_refused)
{
	const struct frame_literal literal = {.at = 9, .size = 10, .id = 7};
	const struct frame_view view = {
	    .text = span_of("* X {10}\n"),
	    .literals = &literal,
	    .literal_count = 1,
	};

	ck_assert(
	    imaplib_reply_add_body(&reply, 7, span_of("12345"), 10, &error));
	ck_assert_ptr_null(imaplib_reply_add(&reply, &view, &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_PROTOCOL);
}
END_TEST

START_TEST(test_a_literal_longer_than_announced_is_refused)
{
	ck_assert(
	    !imaplib_reply_add_body(&reply, 7, span_of("12345"), 4, &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_PROTOCOL);
}
END_TEST

START_TEST(test_a_literal_that_no_response_names_is_dropped)
{
	ck_assert(
	    imaplib_reply_add_body(&reply, 7, span_of("1"), 10U << 20, &error));
	add_line(&reply, "* 1 EXISTS");
	ck_assert_uint_lt(reply.memory->held, 1U << 20);
}
END_TEST

START_TEST(test_a_literal_beyond_the_limit_is_refused_when_announced)
{
	ck_assert(!imaplib_reply_add_body(
	    &reply, 7, span_of("x"), UINT64_MAX, &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_LIMIT);
}
END_TEST

/* How many of a line fit. */
static uint32_t
fill(const char *line)
{
	char *bytes = mem_format("%s\r\n", line);

	while (add_bytes(&reply, span_of(bytes), &error) != NULL)
		ck_assert_uint_lt(reply.count, 1000000);
	mem_free(bytes);
	return reply.count;
}

START_TEST(test_memory_is_limited)
{
	imaplib_reply_memory(&reply)->max_held = 1U << 20;
	ck_assert_uint_gt(fill("* 1 FETCH (UID 5 FLAGS (\\Seen))"), 1000);
	ck_assert_int_eq(error.kind, IMAP_ERROR_LIMIT);
	ck_assert_uint_le(reply.memory->held, 1U << 20);
}
END_TEST

START_TEST(test_the_number_of_responses_is_limited)
{
	imaplib_reply_memory(&reply)->max_untagged = 10;
	ck_assert_uint_eq(fill("* 1 EXISTS"), 10);
	ck_assert_int_eq(error.kind, IMAP_ERROR_LIMIT);
}
END_TEST

START_TEST(test_responses_are_found_by_name)
{
	const struct imaplib_untagged *found;

	add_line(&reply, "* 1 EXISTS");
	add_line(&reply, "* 2 FETCH (UID 1)");
	add_line(&reply, "* 3 EXISTS");
	found = imaplib_find(&reply, "exists");
	ck_assert_uint_eq(found->number, 1);
	found = imaplib_find_next(found, "EXISTS");
	ck_assert_uint_eq(found->number, 3);
	ck_assert_ptr_null(imaplib_find_next(found, "EXISTS"));
	ck_assert_ptr_null(imaplib_find(&reply, "RECENT"));
	ck_assert_uint_eq(reply.count, 3);
}
END_TEST

START_TEST(test_the_result_has_code_arguments_and_printable_text)
{
	const struct imap_code code = {
	    .type = IMAP_CODE_OTHER,
	    .name = span_of("x-foo"),
	    .arguments = span_of("1 2"),
	};

	imaplib_reply_set_state(
	    &reply, IMAP_STATE_NO, &code, span_of("a\033[1mb"));
	ck_assert_int_eq(reply.type, IMAPLIB_NO);
	ck_assert_str_eq(imaplib_type_name(reply.type), "NO");
	assert_span(reply.code, "X-FOO");
	assert_span(reply.arguments, "1 2");
	assert_span(reply.text, "a\\x1b[1mb");
	ck_assert_int_eq(reply.error.kind, IMAP_ERROR_NONE);
}
END_TEST

START_TEST(test_an_error_is_told_even_at_the_limit)
{
	imaplib_reply_memory(&reply)->max_held = 0;
	imap_error_set(&error, IMAP_ERROR_LIMIT, "too much");
	imaplib_reply_set_error(&reply, IMAPLIB_ABORT, &error);
	ck_assert_int_eq(reply.type, IMAPLIB_ABORT);
	ck_assert_int_eq(reply.error.kind, IMAP_ERROR_LIMIT);
	assert_span(reply.text, "too much");
}
END_TEST

START_TEST(test_an_empty_reply_may_be_freed_and_used_again)
{
	imaplib_reply_free(&reply);
	add_line(&reply, "* 1 EXISTS");
	imaplib_reply_free(&reply);
	ck_assert_ptr_null(reply.untagged);
	ck_assert_uint_eq(reply.count, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("imaplib_reply");
	TCase *tests = tcase_create("imaplib_reply");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(
	    tests, test_a_response_is_a_tree_of_values, 0, LENGTH(lines));
	tcase_add_loop_test(
	    tests, test_what_is_no_tree_is_one_atom_as_sent, 0, LENGTH(broken));
	tcase_add_loop_test(
	    tests, test_a_state_has_code_arguments_and_text, 0, LENGTH(states));
	tcase_add_test(tests, test_lists_nest_to_the_limit);
	tcase_add_test(tests, test_lists_nested_deeper_are_one_atom);
	tcase_add_test(
	    tests, test_brackets_without_end_take_no_longer_than_others);
	tcase_add_test(tests, test_literals_may_hold_any_bytes);
	tcase_add_test(tests, test_streamed_literals_are_values);
	tcase_add_test(tests, test_a_long_literal_grows_as_it_comes);
	tcase_add_test(
	    tests, test_a_literal_that_did_not_come_whole_is_refused);
	tcase_add_test(tests, test_a_literal_longer_than_announced_is_refused);
	tcase_add_test(tests, test_a_literal_that_no_response_names_is_dropped);
	tcase_add_test(
	    tests, test_a_literal_beyond_the_limit_is_refused_when_announced);
	tcase_add_test(tests, test_memory_is_limited);
	tcase_add_test(tests, test_the_number_of_responses_is_limited);
	tcase_add_test(tests, test_responses_are_found_by_name);
	tcase_add_test(
	    tests, test_the_result_has_code_arguments_and_printable_text);
	tcase_add_test(tests, test_an_error_is_told_even_at_the_limit);
	tcase_add_test(tests, test_an_empty_reply_may_be_freed_and_used_again);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
