/*
 * Commands as children: what they get, what comes back, and their end.
 */
#include "daemon/child.h"

#include <sys/ioctl.h>

#include "tests/unit/child_helpers.h"

static struct child *
start(const char *command, size_t limit, uint64_t timeout,
    const char *const *variables)
{
	struct child_order order = {
	    .command = command,
	    .variables = variables,
	    .output_limit = limit,
	    .timeout = timeout,
	};

	return child_start(loop, &order, note, NULL);
}

START_TEST(test_child_reports_output_and_status)
{
	start("printf 'one\\ntwo'; exit 3", 100, 30 * SECOND, NULL);
	ck_assert_int_eq(result.calls, 0);
	expect(CHILD_EXITED, 3, "one\ntwo");
}
END_TEST

START_TEST(test_child_reports_a_signal)
{
	start("echo out; kill -USR2 $$", 100, 30 * SECOND, NULL);
	expect(CHILD_SIGNALLED, SIGUSR2, "out\n");
}
END_TEST

START_TEST(test_child_drops_output_behind_the_limit)
{
	start(
	    "printf 12345678; head -c 200000 /dev/zero", 5, 30 * SECOND, NULL);
	expect(CHILD_EXITED, 0, "12345");
}
END_TEST

START_TEST(test_child_that_floods_is_read_a_piece_a_turn)
{
	static const char flood[1 << 20];
	struct child *child = start(
	    "echo $$ >new; mv new pids; sleep 300", 100, 30 * SECOND, NULL);
	char pid[40], path[80];
	int pipe, left = 0;

	read_text("pids", pid, sizeof(pid));
	(void)snprintf(
	    path, sizeof(path), "/proc/%d/fd/1", (int)strtol(pid, NULL, 10));
	pipe = open(path, O_WRONLY | O_NONBLOCK);
	ck_assert_int_ge(pipe, 0);
	ck_assert_int_ge(fcntl(pipe, F_SETPIPE_SZ, sizeof(flood)), 0);
	ck_assert_int_eq(write(pipe, flood, sizeof(flood)), sizeof(flood));
	ck_assert_int_gt(sd_event_run(loop, 30 * SECOND), 0);
	ck_assert_int_eq(ioctl(pipe, FIONREAD, &left), 0);
	ck_assert_int_lt(left, sizeof(flood));
	ck_assert_int_gt(left, sizeof(flood) / 2);
	while (left > 0) {
		ck_assert_int_gt(sd_event_run(loop, 30 * SECOND), 0);
		ck_assert_int_eq(ioctl(pipe, FIONREAD, &left), 0);
	}
	ck_assert_int_eq(result.calls, 0);
	ck_assert_int_eq(close(pipe), 0);
	(void)child_free(child);
}
END_TEST

START_TEST(test_child_has_our_environment_and_more)
{
	static const char *const variables[] = {
	    "NEW=n e w", "OLD=other", "OLDER=", NULL};

	setenv("KEPT", "kept", 1);
	setenv("OLD", "old", 1);
	setenv("OLDER", "older", 1);
	start("echo \"$KEPT,$NEW,$OLD,$OLDER\"; env | grep -c ^OLD=", 100,
	    30 * SECOND, variables);
	expect(CHILD_EXITED, 0, "kept,n e w,other,\n1\n");
}
END_TEST

START_TEST(test_child_without_a_limit_talks_to_standard_error)
{
	char text[40];
	int fd = open("stderr", O_WRONLY | O_CREAT, 0600);

	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	start("echo out; echo err >&2", 0, 30 * SECOND, NULL);
	expect(CHILD_EXITED, 0, "");
	read_text("stderr", text, sizeof(text));
	ck_assert_str_eq(text, "out\nerr\n");
}
END_TEST

START_TEST(test_child_is_killed_with_its_group_when_it_is_late)
{
	start(STUBBORN, 100, SECOND, NULL);
	expect(CHILD_LATE, 0, "");
	expect_gone();
}
END_TEST

START_TEST(test_child_goes_without_a_variable_that_has_no_value)
{
	static const char *const variables[] = {"GONE", "GO=1", NULL};

	setenv("GONE", "gone", 1);
	setenv("GONER", "kept", 1);
	start("echo ${GONE-none},$GONER,$GO", 100, 30 * SECOND, variables);
	expect(CHILD_EXITED, 0, "none,kept,1\n");
}
END_TEST

static struct child *
start_order(const char *command, int input, uint64_t timeout)
{
	struct child_order order = {
	    .command = command,
	    .input = input,
	    .merges_errors = true,
	    .output_limit = 100,
	    .timeout = timeout,
	    .grace = SECOND,
	};

	return child_start(loop, &order, note, NULL);
}

START_TEST(test_child_reads_what_it_is_given)
{
	int fd = open("given", O_RDWR | O_CREAT, 0600);

	ck_assert_int_eq(write(fd, "one\ntwo\n", 8), 8);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	start_order("cat; ls /proc/self/fd | wc -l", fd, 30 * SECOND);
	ck_assert_int_eq(close(fd), 0);
	/* ls has one of its own */
	expect(CHILD_EXITED, 0, "one\ntwo\n4\n");
}
END_TEST

START_TEST(test_child_says_errors_in_its_output)
{
	start_order("echo out; echo err >&2", 0, 30 * SECOND);
	expect(CHILD_EXITED, 0, "out\nerr\n");
}
END_TEST

START_TEST(test_child_that_is_late_is_asked_first)
{
	start_order(
	    "trap 'echo asked; exit 0' TERM; sleep 300 & wait", 0, SECOND);
	expect(CHILD_LATE, 0, "asked\n");
}
END_TEST

START_TEST(test_child_that_does_not_end_when_asked_is_killed)
{
	struct child *child = start_order(STUBBORN, 0, 30 * SECOND);
	char text[40];

	read_text("pids", text, sizeof(text));
	child_hurry(child, SECOND);
	child_hurry(child, 30 * SECOND);
	expect(CHILD_LATE, 0, "");
	expect_gone();
}
END_TEST

START_TEST(test_child_report_has_words)
{
	static const struct {
		struct child_report report;
		const char *words;
	} cases[] = {
	    {{CHILD_EXITED, 3, {0}}, "failed with exit status 3"},
	    {{CHILD_SIGNALLED, 9, {0}}, "was killed by signal 9 (Killed)"},
	    {{CHILD_LATE, 0, {0}}, "took too long and was killed"},
	    {{CHILD_NOT_RUN, E2BIG, {0}},
		"cannot be run: Argument list too long"},
	    {{CHILD_LOST, ECHILD, {0}},
		"has an exit status that cannot be learnt: No child "
		"processes"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *words = child_describe(&cases[i].report);

		ck_assert_str_eq(words, cases[i].words);
		free(words);
	}
}
END_TEST

START_TEST(test_child_may_be_too_long_to_run)
{
	char *command = malloc(200001);

	memset(command, ':', 200000);
	command[200000] = '\0';
	start(command, 100, 30 * SECOND, NULL);
	free(command);
	ck_assert_int_eq(result.calls, 0);
	expect(CHILD_NOT_RUN, E2BIG, "");
}
END_TEST

START_TEST(test_child_free_kills_the_group_and_says_nothing)
{
	struct child *child = start(STUBBORN, 100, 30 * SECOND, NULL);
	char text[40];

	read_text("pids", text, sizeof(text));
	ck_assert_ptr_null(child_free(child));
	expect_gone();
	ck_assert_int_eq(result.calls, 0);
	ck_assert_ptr_null(child_free(NULL));
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("child");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, test_child_reports_output_and_status);
	tcase_add_test(tests, test_child_reports_a_signal);
	tcase_add_test(tests, test_child_drops_output_behind_the_limit);
	tcase_add_test(tests, test_child_that_floods_is_read_a_piece_a_turn);
	tcase_add_test(tests, test_child_has_our_environment_and_more);
	tcase_add_test(
	    tests, test_child_without_a_limit_talks_to_standard_error);
	tcase_add_test(
	    tests, test_child_is_killed_with_its_group_when_it_is_late);
	tcase_add_test(
	    tests, test_child_goes_without_a_variable_that_has_no_value);
	tcase_add_test(tests, test_child_reads_what_it_is_given);
	tcase_add_test(tests, test_child_says_errors_in_its_output);
	tcase_add_test(tests, test_child_that_is_late_is_asked_first);
	tcase_add_test(
	    tests, test_child_that_does_not_end_when_asked_is_killed);
	tcase_add_test(tests, test_child_report_has_words);
	tcase_add_test(tests, test_child_may_be_too_long_to_run);
	tcase_add_test(tests, test_child_free_kills_the_group_and_says_nothing);
	return run_case("child", tests);
}
