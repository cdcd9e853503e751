/*
 * daemon/status_view: the table that people read and the text that Prometheus
 * does.
 */
#include <check.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/status_view.h"

#define NOW 1000000

static char *text;
static size_t size;

static const char status_text[] =
    "{\"version\": \"1\", \"pid\": 7, \"since\": 990000, \"accounts\": [{"
    "\"name\": \"work\", \"state\": \"watching 2 folders by NOTIFY\","
    "\"paused\": false, \"connections\": 2, \"reconnects\": 1,"
    "\"bytes\": 1500000, \"messages\": 12, \"retry_at\": null,"
    "\"error\": null, \"folders\": ["
    "{\"name\": \"INBOX\", \"path\": \"INBOX\", \"state\": \"watched\","
    "\"watch\": \"NOTIFY\", \"messages\": 12, \"behind\": 3, \"fetched\": 4,"
    "\"removed\": 5, \"reflagged\": 6, \"last_change\": 999880,"
    "\"last_check\": 999995, \"held\": false, \"gone\": false,"
    "\"error\": null},"
    "{\"name\": \"a \\\"b\\\"\\n\\u001b[2J\\\\\", \"path\": null,"
    "\"state\": \"failing\", \"watch\": \"poll\", \"messages\": 0,"
    "\"behind\": 0, \"fetched\": 0, \"removed\": 0, \"reflagged\": 0,"
    "\"last_change\": null, \"last_check\": null, \"held\": true,"
    "\"gone\": false, \"error\": \"NO: no such mailbox\"}]}]}";

static json_t *
load(void)
{
	json_t *status = json_loads(status_text, 0, NULL);

	ck_assert_ptr_nonnull(status);
	return status;
}

static void
table(unsigned width, bool has_colour)
{
	FILE *out = open_memstream(&text, &size);
	json_t *status = load();

	status_view_table(status, NOW, width, has_colour, out);
	json_decref(status);
	ck_assert_int_eq(fclose(out), 0);
}

static void
metrics(void)
{
	FILE *out = open_memstream(&text, &size);
	json_t *status = load();

	status_view_metrics(status, out);
	json_decref(status);
	ck_assert_int_eq(fclose(out), 0);
}

static void
forget(void)
{
	free(text);
	text = NULL;
}

static void
assert_has(const char *part)
{
	ck_assert_msg(
	    strstr(text, part) != NULL, "no \"%s\" in:\n%s", part, text);
}

START_TEST(test_the_table_has_a_line_for_each_folder)
{
	table(0, false);
	assert_has("mailmirror 1, process 7, for 2 h\n\n"
		   "work: watching 2 folders by NOTIFY\n"
		   "  12 messages, 1.5 MB received, 2 connections, "
		   "1 reconnects\n"
		   "  FOLDER ");
	assert_has("NOTIFY        12  2 min    5 s      watched\n");
	assert_has("poll           0  -        -        failing: NO: no such "
		   "mailbox\n");
}
END_TEST

START_TEST(test_what_others_named_writes_no_escapes)
{
	table(0, false);
	ck_assert_ptr_null(strchr(text, '\033'));
	assert_has("a \"b\"\\x0a\\x1b[2J\\");
}
END_TEST

START_TEST(test_no_line_is_wider_than_the_terminal)
{
	static const unsigned widths[] = {60, 72, 80, 200};

	table(widths[_i], false);
	for (const char *at = text; *at != '\0';) {
		size_t len = strcspn(at, "\n");

		ck_assert_msg(
		    len <= widths[_i], "%zu columns: %.*s", len, (int)len, at);
		at += len + (at[len] == '\n');
	}
}
END_TEST

START_TEST(test_colour_marks_what_is_wrong_if_there_is_any)
{
	table(0, true);
	assert_has("\033[31mfailing: NO: no such mailbox\033[0m");
	ck_assert_ptr_null(strstr(text, "\033[31mwatched"));
}
END_TEST

START_TEST(test_metrics_have_a_type_and_a_line_for_each_folder)
{
	metrics();
	assert_has("mailmirror_info{version=\"1\"} 1\n");
	assert_has("# TYPE mailmirror_folder_fetched_messages_total counter\n"
		   "mailmirror_folder_fetched_messages_total{account=\"work\","
		   "folder=\"INBOX\"} 4\n");
	assert_has("mailmirror_account_received_bytes_total{account=\"work\"} "
		   "1500000\n");
	assert_has("mailmirror_folder_last_check_timestamp_seconds{account="
		   "\"work\",folder=\"INBOX\"} 999995\n");
}
END_TEST

START_TEST(test_labels_are_escaped_and_truths_are_numbers)
{
	metrics();
	assert_has("mailmirror_folder_failing{account=\"work\",folder=\"a "
		   "\\\"b\\\"\\n\033[2J\\\\\"} 1\n");
	assert_has("mailmirror_folder_held{account=\"work\",folder=\"INBOX\"} "
		   "0\n");
	assert_has("mailmirror_folder_failing{account=\"work\",folder="
		   "\"INBOX\"} 0\n");
}
END_TEST

START_TEST(test_what_never_happened_has_no_time)
{
	metrics();
	ck_assert_ptr_null(strstr(
	    text, "last_change_timestamp_seconds{account=\"work\",folder=\"a"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("status_view");
	TCase *tests = tcase_create("status_view");
	SRunner *runner = srunner_create(suite);
	int failed;

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	tcase_add_checked_fixture(tests, NULL, forget);
	tcase_add_test(tests, test_the_table_has_a_line_for_each_folder);
	tcase_add_test(tests, test_what_others_named_writes_no_escapes);
	tcase_add_loop_test(
	    tests, test_no_line_is_wider_than_the_terminal, 0, 4);
	tcase_add_test(tests, test_colour_marks_what_is_wrong_if_there_is_any);
	tcase_add_test(
	    tests, test_metrics_have_a_type_and_a_line_for_each_folder);
	tcase_add_test(tests, test_labels_are_escaped_and_truths_are_numbers);
	tcase_add_test(tests, test_what_never_happened_has_no_time);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
