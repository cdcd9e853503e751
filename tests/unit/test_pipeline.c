/*
 * libclient/proto/pipeline: what may be written when, and whose a reply is.
 */
#include <check.h>
#include <stdlib.h>

#include "libclient/proto/pipeline.h"

static struct pipeline *pipeline;
static struct buf out;

static void
setup(void)
{
	pipeline = pipeline_new(0);
	buf_init(&out, 1000);
}

static void
teardown(void)
{
	pipeline = pipeline_free(pipeline);
	buf_free(&out);
}

static uint64_t
add_kind(const char *text, enum pipeline_kind kind)
{
	struct command command;

	command_begin(&command, text, COMMAND_LITERALS_SYNC);
	(void)command_end(&command);
	return pipeline_add(pipeline, &command, kind);
}

static uint64_t
add(const char *text)
{
	return add_kind(text, PIPELINE_PLAIN);
}

static uint64_t
add_literal(const char *name, const char *value)
{
	struct command command;

	command_begin(&command, name, COMMAND_LITERALS_SYNC);
	command_add_astring(&command, span_of(value));
	(void)command_end(&command);
	return pipeline_add(pipeline, &command, PIPELINE_PLAIN);
}

/* What may be written now is this, all of it and in one go. */
static void
writes(const char *expected)
{
	ck_assert_int_eq(pipeline_write(pipeline, &out), expected[0] != '\0');
	ck_assert_msg(span_equal(buf_span(&out), span_of(expected)),
	    "wrote %.*s", (int)buf_len(&out), buf_span(&out).at);
	buf_clear(&out);
	ck_assert(!pipeline_write(pipeline, &out));
}

static enum pipeline_plus
plus(void)
{
	uint64_t serial = 0;

	return pipeline_plus(pipeline, &serial);
}

static void
ends(const char *tag, uint64_t serial)
{
	ck_assert_uint_eq(pipeline_tagged(pipeline, span_of(tag)), serial);
}

START_TEST(test_tags_are_a_prefix_and_a_counter)
{
	pipeline_free(pipeline);
	pipeline = pipeline_new(0x12f0);
	ck_assert_uint_eq(add("NOOP"), 1);
	ck_assert_uint_eq(add("CHECK"), 2);
	writes("APCB1 NOOP\r\nAPCB2 CHECK\r\n");
	ends("APCB2", 2);
	ends("APCB1", 1);
	ck_assert(pipeline_is_empty(pipeline));
}
END_TEST

START_TEST(test_failed_command_is_not_sent)
{
	ck_assert_uint_eq(add("NOOP\r\nA1 DELETE x"), 0);
	ck_assert(pipeline_is_empty(pipeline));
	writes("");
	ck_assert_uint_eq(add("NOOP"), 1);
}
END_TEST

/* Whoever guesses a tag may not answer what the server cannot have read. */
START_TEST(test_reply_to_what_was_not_written_is_unknown)
{
	add("NOOP");
	ends("AAAA1", 0);
	writes("AAAA1 NOOP\r\n");
	add("NOOP");
	ends("AAAA2", 0);
	ends("aaaa1", 0);
	ends("AAAA", 0);
	ends("", 0);
	ends("AAAA1", 1);
	ends("AAAA1", 0);
}
END_TEST

START_TEST(test_literal_waits_for_its_plus)
{
	add("NOOP");
	add_literal("EXAMINE", "\xc3\xbc");
	add("CHECK");
	writes("AAAA1 NOOP\r\nAAAA2 EXAMINE {2}\r\n");
	ck_assert_int_eq(plus(), PIPELINE_PLUS_LITERAL);
	writes("\xc3\xbc\r\nAAAA3 CHECK\r\n");
	ck_assert_int_eq(plus(), PIPELINE_PLUS_IGNORED);
}
END_TEST

START_TEST(test_refused_literal_is_not_sent)
{
	add_literal("EXAMINE", "\xc3\xbc");
	add("CHECK");
	writes("AAAA1 EXAMINE {2}\r\n");
	ends("AAAA1", 1);
	writes("AAAA2 CHECK\r\n");
}
END_TEST

START_TEST(test_plus_before_the_literal_was_announced_is_ignored)
{
	add_literal("EXAMINE", "\xc3\xbc");
	ck_assert_int_eq(plus(), PIPELINE_PLUS_IGNORED);
	writes("AAAA1 EXAMINE {2}\r\n");
	writes("");
}
END_TEST

START_TEST(test_nothing_is_written_behind_starttls)
{
	add_kind("STARTTLS", PIPELINE_ALONE);
	add("CAPABILITY");
	writes("AAAA1 STARTTLS\r\n");
	ck_assert_int_eq(plus(), PIPELINE_PLUS_IGNORED);
	writes("");
	ends("AAAA1", 1);
	writes("AAAA2 CAPABILITY\r\n");
}
END_TEST

START_TEST(test_challenges_are_answered)
{
	uint64_t serial = 0;

	add_kind("AUTHENTICATE LOGIN", PIPELINE_AUTHENTICATE);
	add("CAPABILITY");
	ck_assert_int_eq(plus(), PIPELINE_PLUS_IGNORED);
	writes("AAAA1 AUTHENTICATE LOGIN\r\n");
	ck_assert_int_eq(
	    pipeline_plus(pipeline, &serial), PIPELINE_PLUS_CHALLENGE);
	ck_assert_uint_eq(serial, 1);
	pipeline_answer(pipeline, span_of("ZnJlZA=="));
	writes("ZnJlZA==\r\n");
	ck_assert_int_eq(plus(), PIPELINE_PLUS_CHALLENGE);
	pipeline_answer(pipeline, span_of(""));
	writes("\r\n");
	ends("AAAA1", 1);
	writes("AAAA2 CAPABILITY\r\n");
}
END_TEST

START_TEST(test_late_answer_is_dropped)
{
	add_kind("AUTHENTICATE PLAIN", PIPELINE_AUTHENTICATE);
	writes("AAAA1 AUTHENTICATE PLAIN\r\n");
	ck_assert_int_eq(plus(), PIPELINE_PLUS_CHALLENGE);
	pipeline_answer(pipeline, span_of("c2VjcmV0"));
	ends("AAAA1", 1);
	writes("");
}
END_TEST

/* One line of work with IDLE: what happens, and what is written then. */
static const struct idle_case {
	const char *name;
	const char
	    *steps; /* i: IDLE, n: NOOP, d: done, +: a plus, 1-9: reply */
	const char *written[8]; /* after each step */
} idle_cases[] = {
    {"open", "i+", {"AAAA1 IDLE\r\n", ""}},
    {"done", "i+d", {"AAAA1 IDLE\r\n", "", "DONE\r\n"}},
    {"done before +", "id+", {"AAAA1 IDLE\r\n", "", "DONE\r\n"}},
    {"done twice", "i+dd1d", {"AAAA1 IDLE\r\n", "", "DONE\r\n", "", "", ""}},
    {"done, then a command", "i+dn",
	{"AAAA1 IDLE\r\n", "", "DONE\r\n", "AAAA2 NOOP\r\n"}},
    {"a command", "i+n", {"AAAA1 IDLE\r\n", "", "DONE\r\nAAAA2 NOOP\r\n"}},
    {"a command before +", "in+",
	{"AAAA1 IDLE\r\n", "", "DONE\r\nAAAA2 NOOP\r\n"}},
    {"plus twice", "i++d", {"AAAA1 IDLE\r\n", "", "", "DONE\r\n"}},
    {"ended at once", "in1", {"AAAA1 IDLE\r\n", "", "AAAA2 NOOP\r\n"}},
    {"ended by the server", "i+1dn",
	{"AAAA1 IDLE\r\n", "", "", "", "AAAA2 NOOP\r\n"}},
    {"done without IDLE", "di+", {"", "AAAA1 IDLE\r\n", ""}},
    {"IDLE behind IDLE", "ii+1+",
	{"AAAA1 IDLE\r\n", "", "DONE\r\nAAAA2 IDLE\r\n", "", ""}},
    {"done for the second", "i+id1+",
	{"AAAA1 IDLE\r\n", "", "DONE\r\nAAAA2 IDLE\r\n", "", "", "DONE\r\n"}},
    {"behind a command", "ni+1", {"AAAA1 NOOP\r\n", "AAAA2 IDLE\r\n", "", ""}},
};

START_TEST(test_idle)
{
	const struct idle_case *idle = &idle_cases[_i];
	char tag[] = "AAAA0";

	for (unsigned i = 0; idle->steps[i] != '\0'; i++) {
		switch (idle->steps[i]) {
		case 'i':
			add_kind("IDLE", PIPELINE_IDLE);
			break;
		case 'n':
			add("NOOP");
			break;
		case 'd':
			pipeline_end_idle(pipeline);
			break;
		case '+':
			(void)plus();
			break;
		default:
			tag[4] = idle->steps[i];
			ends(tag, (uint64_t)(tag[4] - '0'));
		}
		writes(idle->written[i]);
	}
}
END_TEST

START_TEST(test_flight_leaves_in_one_go)
{
	add_kind("IDLE", PIPELINE_IDLE);
	writes("AAAA1 IDLE\r\n");
	ck_assert_int_eq(plus(), PIPELINE_PLUS_IDLING);
	ck_assert(pipeline_is_idling(pipeline));
	add("UID FETCH 7:4294967295 (UID)");
	add_kind("IDLE", PIPELINE_IDLE);
	writes("DONE\r\nAAAA2 UID FETCH 7:4294967295 (UID)\r\nAAAA3 IDLE\r\n");
	ck_assert(!pipeline_is_idling(pipeline));
	/* one too many: the second IDLE cannot be open before this one ended */
	ck_assert_int_eq(plus(), PIPELINE_PLUS_IGNORED);
	ck_assert(!pipeline_is_idling(pipeline));
	ends("AAAA1", 1);
	ck_assert_int_eq(plus(), PIPELINE_PLUS_IDLING);
	ck_assert(pipeline_is_idling(pipeline));
}
END_TEST

START_TEST(test_due_is_the_oldest_reply_that_must_come)
{
	ck_assert_uint_eq(pipeline_due(pipeline), 0);
	add_kind("IDLE", PIPELINE_IDLE);
	ck_assert_uint_eq(pipeline_due(pipeline), 0);
	writes("AAAA1 IDLE\r\n");
	ck_assert_uint_eq(pipeline_due(pipeline), 1);
	plus();
	ck_assert_uint_eq(pipeline_due(pipeline), 0);
	add("NOOP");
	writes("DONE\r\nAAAA2 NOOP\r\n");
	ck_assert_uint_eq(pipeline_due(pipeline), 1);
	ends("AAAA2", 2);
	ck_assert_uint_eq(pipeline_due(pipeline), 1);
	ends("AAAA1", 1);
	ck_assert_uint_eq(pipeline_due(pipeline), 0);
}
END_TEST

/* What has no room waits; nothing is lost and nothing comes twice. */
START_TEST(test_full_output_loses_nothing)
{
	struct buf small;
	struct buf all;

	buf_init(&small, 50);
	buf_init(&all, 1000);
	add_kind("IDLE", PIPELINE_IDLE);
	for (int i = 0; i < 5; i++)
		add("NOOP");
	for (int i = 0; i < 10; i++) {
		(void)pipeline_write(pipeline, &small);
		buf_add_span(&all, buf_span(&small));
		buf_clear(&small);
		if (i == 0)
			ck_assert_int_eq(plus(), PIPELINE_PLUS_IDLING);
	}
	ck_assert(span_has_prefix_nocase(
	    buf_span(&all), "AAAA1 IDLE\r\nDONE\r\nAAAA2 NOOP\r\nAAAA3 NOOP"));
	ck_assert_uint_eq(buf_len(&all), 12 + 6 + 5 * 12);
	ck_assert(span_equal(span_from(buf_span(&all), buf_len(&all) - 12),
	    span_of("AAAA6 NOOP\r\n")));
	buf_free(&small);
	buf_free(&all);
}
END_TEST

START_TEST(test_free_takes_what_is_in_flight)
{
	add("NOOP");
	add_literal("EXAMINE", "\xc3\xbc");
	add_kind("IDLE", PIPELINE_IDLE);
	writes("AAAA1 NOOP\r\nAAAA2 EXAMINE {2}\r\n");
	ck_assert_ptr_null(pipeline_free(NULL));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pipeline");
	TCase *tests = tcase_create("pipeline");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_tags_are_a_prefix_and_a_counter);
	tcase_add_test(tests, test_failed_command_is_not_sent);
	tcase_add_test(tests, test_reply_to_what_was_not_written_is_unknown);
	tcase_add_test(tests, test_literal_waits_for_its_plus);
	tcase_add_test(tests, test_refused_literal_is_not_sent);
	tcase_add_test(
	    tests, test_plus_before_the_literal_was_announced_is_ignored);
	tcase_add_test(tests, test_nothing_is_written_behind_starttls);
	tcase_add_test(tests, test_challenges_are_answered);
	tcase_add_test(tests, test_late_answer_is_dropped);
	tcase_add_loop_test(tests, test_idle, 0,
	    (int)(sizeof(idle_cases) / sizeof(idle_cases[0])));
	tcase_add_test(tests, test_flight_leaves_in_one_go);
	tcase_add_test(tests, test_due_is_the_oldest_reply_that_must_come);
	tcase_add_test(tests, test_full_output_loses_nothing);
	tcase_add_test(tests, test_free_takes_what_is_in_flight);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
