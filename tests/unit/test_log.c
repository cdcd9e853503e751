/*
 * Log lines: who is named, what is escaped, what the journal gets and what
 * people get.
 */
#include "daemon/log.h"

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int log_end; /* what is written to stderr comes here, line by line */

/* A socket that keeps the bounds of each write(2). */
static void
set_up(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	log_end = ends[0];
	unsetenv("JOURNAL_STREAM");
}

/* What one write(2) wrote, or "" if there was none. */
static const char *
next_write(void)
{
	static char line[65536];
	ssize_t n = recv(log_end, line, sizeof(line) - 1, MSG_DONTWAIT);

	line[n < 0 ? 0 : n] = '\0';
	return line;
}

static void
pretend_journal(unsigned long more)
{
	struct stat status;
	char stream[60];

	ck_assert_int_eq(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof(stream), "%lu:%lu",
	    (unsigned long)status.st_dev, (unsigned long)status.st_ino + more);
	setenv("JOURNAL_STREAM", stream, 1);
}

START_TEST(test_log_has_a_level_word_for_people)
{
	static const char *const expected[] = {"mailmirror: error: x 1\n",
	    "mailmirror: warning: x 1\n", "mailmirror: notice: x 1\n",
	    "mailmirror: info: x 1\n", "mailmirror: debug: x 1\n",
	    "mailmirror: trace: x 1\n"};

	log_set_level(SETTINGS_LOG_TRACE);
	log_line((enum settings_log_level)_i, LOG_EVENT_NONE, NULL, "x %d", 1);
	ck_assert_str_eq(next_write(), expected[_i]);
	ck_assert_str_eq(next_write(), "");
}
END_TEST

START_TEST(test_log_has_a_priority_for_the_journal)
{
	static const char *const expected[] = {
	    "<3>x\n", "<4>x\n", "<5>x\n", "<6>x\n", "<7>x\n", "<7>x\n"};

	pretend_journal(0);
	log_set_level(SETTINGS_LOG_TRACE);
	log_line((enum settings_log_level)_i, LOG_EVENT_READY, NULL, "x");
	ck_assert_str_eq(next_write(), expected[_i]);
}
END_TEST

START_TEST(test_log_another_stream_is_not_the_journal)
{
	pretend_journal(1);
	log_info(NULL, "x");
	ck_assert_str_eq(next_write(), "mailmirror: info: x\n");
}
END_TEST

START_TEST(test_log_names_its_subject)
{
	static const struct {
		struct log_subject subject;
		const char *line;
	} cases[] = {
	    {{"work", "Lists/c", 0}, "mailmirror: info: work/Lists/c: x\n"},
	    {{"work", NULL, 0}, "mailmirror: info: work: x\n"},
	    {{NULL, "Lists/c", 0}, "mailmirror: info: Lists/c: x\n"},
	    {{NULL, NULL, 0}, "mailmirror: info: x\n"},
	};

	log_info(&cases[_i].subject, "x");
	ck_assert_str_eq(next_write(), cases[_i].line);
}
END_TEST

START_TEST(test_log_shows_what_reaches_its_level)
{
	log_info(NULL, "a");
	ck_assert_str_eq(next_write(), "mailmirror: info: a\n");
	log_debug(NULL, "b");
	ck_assert_str_eq(next_write(), "");
	log_set_level(SETTINGS_LOG_ERROR);
	log_warning(NULL, "c");
	ck_assert_str_eq(next_write(), "");
	ck_assert(log_is_shown(SETTINGS_LOG_ERROR));
	ck_assert(!log_is_shown(SETTINGS_LOG_WARNING));
}
END_TEST

START_TEST(test_log_escapes_what_a_terminal_would_obey)
{
	struct log_subject subject = {"work", "a\nb", 0};

	log_info(&subject, "%s", "1\n2\r\x1b[31m\x7f\xff\xc3\xbc");
	ck_assert_str_eq(next_write(),
	    "mailmirror: info: work/a\\x0ab: "
	    "1\\x0a2\\x0d\\x1b[31m\\x7f\\xff\xc3\xbc\n");
}
END_TEST

START_TEST(test_log_cuts_long_lines_and_stays_one_write)
{
	char *text = malloc(100001);
	const char *line;
	size_t length;

	memset(text, _i == 0 ? 'a' : '\x01', 100000);
	text[100000] = '\0';
	log_info(NULL, "%s", text);
	line = next_write();
	length = strlen(line);
	ck_assert_uint_gt(length, 4000);
	ck_assert_uint_lt(length, 17000);
	ck_assert_str_eq(line + length - 4, "...\n");
	ck_assert_str_eq(next_write(), "");
	free(text);
}
END_TEST

START_TEST(test_log_keeps_errno)
{
	errno = ENOSPC;
	log_info(NULL, "x: %m");
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_str_eq(
	    next_write(), "mailmirror: info: x: No space left on device\n");
}
END_TEST

static void
make_way(void *user, bool is_after)
{
	(void)user;
	ck_assert_int_eq(
	    write(STDERR_FILENO, is_after ? "after" : "before", 5 + !is_after),
	    5 + !is_after);
}

START_TEST(test_log_what_is_shown_on_stderr_makes_way)
{
	log_set_around(make_way, NULL);
	log_debug(NULL, "x");
	ck_assert_str_eq(next_write(), "");
	log_info(NULL, "x");
	ck_assert_str_eq(next_write(), "before");
	ck_assert_str_eq(next_write(), "mailmirror: info: x\n");
	ck_assert_str_eq(next_write(), "after");
	log_set_around(NULL, NULL);
	log_info(NULL, "x");
	ck_assert_str_eq(next_write(), "mailmirror: info: x\n");
	ck_assert_str_eq(next_write(), "");
}
END_TEST

/* Whether the catalog explains the number. */
static bool
is_explained(const char *id)
{
	FILE *catalog = fopen(TESTS_DIR "/../systemd/mailmirror.catalog", "r");
	char line[200];
	bool is_found = false;

	ck_assert_ptr_nonnull(catalog);
	while (!is_found && fgets(line, sizeof(line), catalog) != NULL)
		is_found = strncmp(line, "-- ", 3) == 0 &&
		    strncmp(line + 3, id, 32) == 0 && line[35] == '\n';
	fclose(catalog);
	return is_found;
}

START_TEST(test_log_each_event_has_a_number_and_an_explanation)
{
	const char *id = log_event_id((enum log_event)_i);

	ck_assert_uint_eq(strspn(id, "0123456789abcdef"), 32);
	ck_assert_uint_eq(strlen(id), 32);
	ck_assert(is_explained(id));
	for (int other = 1; other < _i; other++)
		ck_assert_str_ne(id, log_event_id((enum log_event)other));
}
END_TEST

START_TEST(test_log_an_event_is_no_part_of_the_line)
{
	log_line(SETTINGS_LOG_INFO, LOG_EVENT_BURST,
	    &(struct log_subject){"work", "INBOX", 7}, "x");
	ck_assert_str_eq(next_write(), "mailmirror: info: work/INBOX: x\n");
	ck_assert_ptr_null(log_event_id(LOG_EVENT_NONE));
}
END_TEST

static Suite *
log_suite(void)
{
	Suite *suite = suite_create("log");
	TCase *tests = tcase_create("log");

	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_loop_test(tests, test_log_has_a_level_word_for_people, 0, 6);
	tcase_add_loop_test(
	    tests, test_log_has_a_priority_for_the_journal, 0, 6);
	tcase_add_test(tests, test_log_another_stream_is_not_the_journal);
	tcase_add_loop_test(tests, test_log_names_its_subject, 0, 4);
	tcase_add_test(tests, test_log_shows_what_reaches_its_level);
	tcase_add_test(tests, test_log_escapes_what_a_terminal_would_obey);
	tcase_add_loop_test(
	    tests, test_log_cuts_long_lines_and_stays_one_write, 0, 2);
	tcase_add_test(tests, test_log_keeps_errno);
	tcase_add_test(tests, test_log_what_is_shown_on_stderr_makes_way);
	tcase_add_loop_test(tests,
	    test_log_each_event_has_a_number_and_an_explanation, 1,
	    LOG_EVENT_COUNT);
	tcase_add_test(tests, test_log_an_event_is_no_part_of_the_line);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(log_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
