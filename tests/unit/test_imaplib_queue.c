/*
 * How untagged responses go from one reply to another: what came while nobody
 * asked waits in a queue, which is a reply, too.
 */
#include <stdlib.h>

#include "imaplib_lines.h"

static struct imaplib_reply queue;
static struct imaplib_reply reply;
static struct imap_error error;

static void
set_up(void)
{
	queue = (struct imaplib_reply){0};
	reply = (struct imaplib_reply){0};
	error = (struct imap_error){0};
}

static void
tear_down(void)
{
	imaplib_reply_free(&queue);
	imaplib_reply_free(&reply);
}

/* A line with a literal of 2 MiB, which is more than is copied. */
static const struct imaplib_value *
add_long_literal(uint32_t id)
{
	static char piece[2U << 20];
	static const char line[] = "* X {2097152}\n";
	const struct frame_literal literal = {
	    .at = sizeof(line) - 1, .size = sizeof(piece), .id = id};
	const struct frame_view view = {
	    .text = span_of(line),
	    .literals = &literal,
	    .literal_count = 1,
	};
	const struct imaplib_untagged *added;

	memset(piece, 'a' + (int)(id % 26), sizeof(piece));
	ck_assert(imaplib_reply_add_body(&queue, id,
	    (struct span){piece, sizeof(piece)}, sizeof(piece), &error));
	added = imaplib_reply_add(&queue, &view, &error);
	ck_assert_ptr_nonnull(added);
	return added->data;
}

static void
assert_numbers(const struct imaplib_reply *of, const char *expected)
{
	const struct imaplib_untagged *untagged = of->untagged;
	char text[100] = "";
	size_t len = 0;
	uint32_t count = 0;

	for (; untagged != NULL; untagged = untagged->next, count++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%u ", untagged->number);
	ck_assert_str_eq(text, expected);
	ck_assert_uint_eq(of->count, count);
}

static void
take(const char *name, uint32_t max)
{
	ck_assert(imaplib_reply_take(&queue, name, max, &reply, &error));
}

START_TEST(test_those_of_a_name_are_taken_in_order)
{
	add_line(&queue, "* 1 EXISTS");
	add_line(&queue, "* 2 RECENT");
	add_line(&queue, "* 3 EXISTS");
	take("exists", UINT32_MAX);
	assert_numbers(&reply, "1 3 ");
	assert_numbers(&queue, "2 ");
	add_line(&queue, "* 4 EXISTS");
	assert_numbers(&queue, "2 4 ");
}
END_TEST

START_TEST(test_those_of_a_response_code_are_taken_too)
{
	add_line(&queue, "* OK [UIDNEXT 7] x");
	add_line(&queue, "* OK [UIDVALIDITY 5] y");
	take("UIDVALIDITY", UINT32_MAX);
	ck_assert_uint_eq(reply.count, 1);
	assert_span(reply.untagged->name, "OK");
	assert_span(reply.untagged->status->code, "UIDVALIDITY");
	assert_span(reply.untagged->status->arguments, "5");
	assert_span(reply.untagged->status->text, "y");
	ck_assert_uint_eq(queue.count, 1);
}
END_TEST

START_TEST(test_one_of_any_name_is_taken)
{
	add_line(&queue, "* 1 EXISTS");
	add_line(&queue, "* 2 RECENT");
	take(NULL, 1);
	assert_numbers(&reply, "1 ");
	assert_numbers(&queue, "2 ");
}
END_TEST

START_TEST(test_nothing_is_taken_from_an_empty_queue)
{
	take(NULL, 5);
	take("EXISTS", 5);
	ck_assert_uint_eq(reply.count, 0);
}
END_TEST

START_TEST(test_all_is_taken_and_the_queue_goes_on)
{
	add_line(&queue, "* 1 EXISTS");
	add_line(&queue, "* 2 FETCH (FLAGS (\\Seen))");
	take(NULL, UINT32_MAX);
	assert_numbers(&reply, "1 2 ");
	ck_assert_uint_eq(queue.count, 0);
	add_line(&queue, "* 3 EXISTS");
	take(NULL, UINT32_MAX);
	assert_numbers(&reply, "1 2 3 ");
}
END_TEST

START_TEST(test_a_taken_tree_is_whole_without_the_queue)
{
	add_line(&queue,
	    "* 2 FETCH (A ((b \"c\") () NIL) D {10}\r\n0123456789 \"\" (E "
	    "(F)))");
	add_line(&queue, "* 3 EXISTS");
	take("FETCH", 1);
	imaplib_reply_free(&queue);
	ck_assert_str_eq(values_text(reply.untagged->data),
	    "(A ((b 'c') () NIL) D '0123456789' '' (E (F)))");
}
END_TEST

START_TEST(test_a_long_literal_is_not_copied)
{
	const struct imaplib_value *value = add_long_literal(1);
	const char *at = value->bytes.at;

	add_line(&queue, "* 3 EXISTS");
	take("X", 1);
	ck_assert_ptr_eq(reply.untagged->data->bytes.at, at);
	imaplib_reply_free(&queue);
	ck_assert_int_eq(at[(2U << 20) - 1], 'b');
}
END_TEST

START_TEST(test_what_the_taker_has_no_room_for_stays)
{
	add_long_literal(1);
	add_long_literal(2);
	imaplib_reply_memory(&reply)->max_held = 3U << 20;
	ck_assert(!imaplib_reply_take(&queue, NULL, 9, &reply, &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_LIMIT);
	ck_assert_uint_eq(reply.count, 1);
	ck_assert_uint_eq(queue.count, 1);
	imaplib_reply_free(&reply);
	ck_assert_int_eq(queue.untagged->data->bytes.at[0], 'c');
}
END_TEST

START_TEST(test_a_literal_goes_back_if_its_response_cannot_go)
{
	add_long_literal(1);
	imaplib_reply_memory(&reply)->max_untagged = 0;
	ck_assert(!imaplib_reply_take(&queue, NULL, 9, &reply, &error));
	imaplib_reply_free(&reply);
	ck_assert_int_eq(queue.untagged->data->bytes.at[0], 'b');
	take(NULL, 1);
	ck_assert_int_eq(reply.untagged->data->bytes.at[0], 'b');
}
END_TEST

START_TEST(test_a_queue_that_is_never_empty_does_not_grow)
{
	add_line(&queue, "* 1 EXISTS");
	add_long_literal(1);
	for (int i = 0; i < 20000; i++) {
		add_line(&queue, "* 7 FETCH (UID 5 FLAGS (\\Seen \\Flagged))");
		take("FETCH", 1);
		imaplib_reply_free(&reply);
	}
	ck_assert_uint_lt(queue.memory->held, 16U << 20);
	ck_assert_uint_eq(queue.count, 2);
	ck_assert_int_eq(imaplib_find(&queue, "X")->data->bytes.at[0], 'b');
}
END_TEST

START_TEST(test_a_literal_that_arrives_survives_an_emptied_queue)
{
	const struct frame_literal literal = {.at = 8, .size = 4, .id = 7};
	const struct frame_view view = {
	    .text = span_of("* X {4}\n"),
	    .literals = &literal,
	    .literal_count = 1,
	};
	const struct imaplib_untagged *added;

	add_line(&queue, "* 1 EXISTS");
	ck_assert(imaplib_reply_add_body(&queue, 7, span_of("ab"), 4, &error));
	take(NULL, UINT32_MAX);
	imaplib_reply_free(&reply);
	ck_assert(imaplib_reply_add_body(&queue, 7, span_of("cd"), 4, &error));
	added = imaplib_reply_add(&queue, &view, &error);
	ck_assert_ptr_nonnull(added);
	assert_span(added->data->bytes, "abcd");
}
END_TEST

START_TEST(test_a_copy_leaves_the_original)
{
	const struct imaplib_untagged *added =
	    add_line(&queue, "* 2 FETCH (A (b \"c\"))");

	ck_assert(imaplib_reply_copy(&reply, added, &error));
	imaplib_reply_free(&queue);
	assert_numbers(&reply, "2 ");
	ck_assert_str_eq(values_text(reply.untagged->data), "(A (b 'c'))");
}
END_TEST

START_TEST(test_a_parsed_state_is_queued_by_its_code)
{
	const struct imap_code code = {
	    .type = IMAP_CODE_APPENDUID,
	    .name = span_of("appenduid"),
	    .arguments = span_of("1 2"),
	};

	ck_assert_ptr_nonnull(imaplib_reply_add_state(
	    &queue, IMAP_STATE_OK, &code, span_of("done"), &error));
	take("APPENDUID", 1);
	assert_span(reply.untagged->name, "OK");
	assert_span(reply.untagged->status->code, "APPENDUID");
	assert_span(reply.untagged->status->arguments, "1 2");
	assert_span(reply.untagged->status->text, "done");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("imaplib_queue");
	TCase *tests = tcase_create("imaplib_queue");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, test_those_of_a_name_are_taken_in_order);
	tcase_add_test(tests, test_those_of_a_response_code_are_taken_too);
	tcase_add_test(tests, test_one_of_any_name_is_taken);
	tcase_add_test(tests, test_nothing_is_taken_from_an_empty_queue);
	tcase_add_test(tests, test_all_is_taken_and_the_queue_goes_on);
	tcase_add_test(tests, test_a_taken_tree_is_whole_without_the_queue);
	tcase_add_test(tests, test_a_long_literal_is_not_copied);
	tcase_add_test(tests, test_what_the_taker_has_no_room_for_stays);
	tcase_add_test(
	    tests, test_a_literal_goes_back_if_its_response_cannot_go);
	tcase_add_test(tests, test_a_queue_that_is_never_empty_does_not_grow);
	tcase_add_test(
	    tests, test_a_literal_that_arrives_survives_an_emptied_queue);
	tcase_add_test(tests, test_a_copy_leaves_the_original);
	tcase_add_test(tests, test_a_parsed_state_is_queued_by_its_code);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
