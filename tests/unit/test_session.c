/*
 * What libclient/proto/session.h promises, as data: tests/transcripts/session
 * holds conversations (see conversation.h), .../quirks those with one kind of
 * server. Each is held in whole segments, cut in two at every byte, and byte
 * by byte, with the same events; and those of the first kind are broken off at
 * every byte, with the same events up to there and IMAP_CLOSED.
 */
#include <check.h>
#include <glob.h>
#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/conversation.h"
#include "tests/unit/pace.h"

/* Takes the place of libgsasl's, so that RFC 5802's exchange can be held. */
int
gsasl_nonce(char *data, size_t datalen)
{
	char *nonce = NULL;
	size_t len = 0;

	ck_assert_int_eq(
	    gsasl_base64_from("fyko+d2lbbFgONRv9qkxdawL", 24, &nonce, &len),
	    GSASL_OK);
	ck_assert_uint_eq(len, datalen);
	memcpy(data, nonce, len);
	gsasl_free(nonce);
	return GSASL_OK;
}

static glob_t files; /* first those of .../session */
static int own_count; /* of these */

static void
for_each_way(
    int file, void (*hold_all)(const struct conversation *, struct span))
{
	struct conversation talk;
	struct run run;

	conversation_load(&talk, files.gl_pathv[file]);
	for (int i = 0; i < (talk.is_for_both ? 2 : 1); i++) {
		talk.limits.inline_literal =
		    i == 0 ? frame_default_limits.inline_literal : 0;
		run_begin(&run, &talk);
		run_hold(&run);
		hold_all(&talk, buf_span(&run.told));
		run_free(&run);
	}
	conversation_free(&talk);
}

static size_t
count_bytes(const struct conversation *talk)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < talk->step_count; i++)
		if (talk->steps[i].kind == 'S')
			bytes += buf_len(&talk->steps[i].text);
	return bytes;
}

static void
hold_no_more(const struct conversation *talk, struct span told)
{
	(void)talk;
	(void)told;
}

/* Streamed and inline bodies are told alike. */
START_TEST(test_conversation_whole)
{
	for_each_way(_i, hold_no_more);
}
END_TEST

static void
hold_split(const struct conversation *talk, struct span told)
{
	const size_t bytes = count_bytes(talk);
	const size_t step = (size_t)pace();
	struct run run;

	for (size_t at = 0; at < bytes; at += step) {
		run_begin(&run, talk);
		run.split = at;
		run.is_bytewise = at == 0;
		run_hold(&run);
		ck_assert(span_equal(buf_span(&run.told), told));
		run_free(&run);
	}
}

START_TEST(test_conversation_split_at_every_byte)
{
	for (int i = 0; i < (int)files.gl_pathc; i++)
		for_each_way(i, hold_split);
}
END_TEST

static void
hold_truncated(const struct conversation *talk, struct span told)
{
	const size_t bytes = count_bytes(talk);
	const size_t step = (size_t)pace();
	struct run run;

	for (size_t at = 0; at < bytes; at += step) {
		run_begin(&run, talk);
		run.cut = at;
		run_hold_and_cut(&run, told);
		run_free(&run);
		run_begin(&run, talk);
		run.cut = at;
		run.is_bytewise = true;
		run_hold_and_cut(&run, told);
		run_free(&run);
	}
}

/* Those of .../session: the others break off no differently. */
START_TEST(test_conversation_truncated_at_every_byte)
{
	for (int i = 0; i < own_count; i++)
		for_each_way(i, hold_truncated);
}
END_TEST

/* ---- what no conversation can show ---- */

static void
begin_with(struct run *run, struct conversation *talk, const char *greeting)
{
	*talk = (struct conversation){.limits = frame_default_limits};
	talk->config.limits = &talk->limits;
	talk->config.login.credentials.user = span_of("fred");
	talk->config.login.credentials.secret = span_of("secret");
	talk->config.login.mechanisms = 1U << MECHANISM_PLAIN;
	talk->config.login.is_confidential = true;
	talk->config.login.accepts_preauth = true;
	run_begin(run, talk);
	run_feed(run, span_of(greeting));
}

#define PREAUTH "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n"

START_TEST(test_taken_bytes_are_wiped)
{
	struct conversation talk;
	struct imap_event event;
	struct run run;
	struct span out;

	begin_with(&run, &talk, "");
	session_feed(
	    run.session, span_of("* OK [CAPABILITY IMAP4rev1] hi\r\n"));
	ck_assert(!session_next(run.session, &event));
	out = session_take(run.session);
	ck_assert(span_equal(out, span_of("AAAA1 LOGIN fred \"secret\"\r\n")));
	session_taken(run.session, out.len - 2);
	for (size_t i = 0; i < out.len - 2; i++)
		ck_assert_int_eq(out.at[i], 0);
	ck_assert(span_equal(session_take(run.session), span_of("\r\n")));
	session_taken(run.session, 2);
	ck_assert_uint_eq(session_take(run.session).len, 0);
	run_free(&run);
}
END_TEST

/* A password behind the login would be a command. */
START_TEST(test_answer_is_dropped_when_the_login_is_over)
{
	struct conversation talk;
	struct run run;

	begin_with(
	    &run, &talk, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n");
	buf_clear(&run.sent);
	run_feed(&run, span_of("+\r\nAAAA1 OK [CAPABILITY IMAP4rev1] ok\r\n"));
	ck_assert_uint_eq(buf_len(&run.sent), 0);
	ck_assert(session_is_ready(run.session));
	run_free(&run);
}
END_TEST

START_TEST(test_command_before_ready_is_refused)
{
	struct conversation talk;
	struct command command;
	struct run run;

	begin_with(&run, &talk, "");
	command_begin(&command, "NOOP", COMMAND_LITERALS_SYNC);
	ck_assert(command_end(&command));
	ck_assert_uint_eq(
	    session_command(run.session, &command, PIPELINE_PLAIN), 0);
	run_feed(&run, span_of(PREAUTH));
	run_break_off(&run);
	command_begin(&command, "NOOP", COMMAND_LITERALS_SYNC);
	ck_assert(command_end(&command));
	ck_assert_uint_eq(
	    session_command(run.session, &command, PIPELINE_PLAIN), 0);
	run_free(&run);
}
END_TEST

START_TEST(test_refused_select_keeps_the_mailbox)
{
	struct conversation talk;
	struct command command;
	struct run run;

	begin_with(&run, &talk, PREAUTH "* 3 EXISTS\r\n");
	command_begin(&command, "SELECT", COMMAND_LITERALS_SYNC);
	command_add_mailbox(&command, span_of("a\r\nA1 DELETE b"));
	ck_assert(!command_end(&command));
	ck_assert_uint_eq(session_select(run.session, &command), 0);
	ck_assert_uint_eq(session_mailbox(run.session)->exists, 3);
	ck_assert_uint_eq(session_take(run.session).len, 0);
	run_free(&run);
}
END_TEST

START_TEST(test_bytes_behind_the_end_are_ignored)
{
	struct conversation talk;
	struct run run;

	begin_with(&run, &talk, PREAUTH "* BYE x\r\n* 3 EXISTS\r\n");
	ck_assert(run.is_closed);
	run_feed(&run, span_of("* 4 EXISTS\r\n"));
	run_feed(&run, span_of("* 5 EXISTS\r\n"));
	run_break_off(&run);
	run_free(&run);
}
END_TEST

/* Written out only afterwards it would be deflated: a reply to nothing. */
START_TEST(test_agreement_to_a_command_that_did_not_leave)
{
	struct conversation talk;
	struct imap_event event;
	struct run run;

	begin_with(&run, &talk,
	    "* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hi\r\n");
	ck_assert_uint_eq(session_compress(run.session), 1);
	ck_assert_uint_gt(session_take(run.session).len, 0);
	session_feed(run.session, span_of("AAAA1 OK begin\r\n"));
	while (session_next(run.session, &event))
		continue;
	ck_assert_int_eq(session_want(run.session), SESSION_WANT_CLOSE);
	ck_assert(!session_is_compressed(run.session));
	run_free(&run);
}
END_TEST

/* TLS would have to come in between. */
START_TEST(test_starttls_over_compression_is_refused)
{
	struct conversation talk;
	struct run run;

	begin_with(&run, &talk,
	    "* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hi\r\n");
	ck_assert_uint_eq(session_compress(run.session), 1);
	ck_assert_uint_eq(session_starttls(run.session), 0);
	run_feed(&run, span_of(""));
	run_feed(&run, span_of("* 1 EXISTS\r\n"));
	run_feed(&run, span_of("AAAA1 OK begin\r\n"));
	ck_assert(session_is_compressed(run.session));
	ck_assert_uint_eq(session_starttls(run.session), 0);
	run_free(&run);
}
END_TEST

START_TEST(test_compression_is_refused_at_the_end_and_before_a_manual_greeting)
{
	struct conversation talk;
	struct run run;

	begin_with(&run, &talk, "");
	run_break_off(&run);
	ck_assert_uint_eq(session_compress(run.session), 0);
	run_free(&run);
	talk.config.is_manual = true;
	run_begin(&run, &talk);
	ck_assert_uint_eq(session_compress(run.session), 0);
	run_feed(&run,
	    span_of(
		"* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hi\r\n"));
	ck_assert_uint_eq(session_compress(run.session), 1);
	run_free(&run);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("session");
	TCase *tests = tcase_create("conversations");
	SRunner *runner;
	int failed;

	if (glob(TESTS_DIR "/transcripts/session/*.imap", 0, NULL, &files) != 0)
		return EXIT_FAILURE;
	own_count = (int)files.gl_pathc;
	if (glob(TESTS_DIR "/transcripts/quirks/*.imap", GLOB_APPEND, NULL,
		&files) != 0)
		return EXIT_FAILURE;
	tcase_set_timeout(tests, 400);
	tcase_add_loop_test(
	    tests, test_conversation_whole, 0, (int)files.gl_pathc);
	tcase_add_test(tests, test_conversation_split_at_every_byte);
	tcase_add_test(tests, test_conversation_truncated_at_every_byte);
	tcase_add_test(tests, test_taken_bytes_are_wiped);
	tcase_add_test(tests, test_answer_is_dropped_when_the_login_is_over);
	tcase_add_test(tests, test_command_before_ready_is_refused);
	tcase_add_test(tests, test_refused_select_keeps_the_mailbox);
	tcase_add_test(tests, test_bytes_behind_the_end_are_ignored);
	tcase_add_test(tests, test_agreement_to_a_command_that_did_not_leave);
	tcase_add_test(tests, test_starttls_over_compression_is_refused);
	tcase_add_test(tests,
	    test_compression_is_refused_at_the_end_and_before_a_manual_greeting);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	globfree(&files);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
