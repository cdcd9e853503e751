/*
 * Commands as children: what they get, what comes back, and their end.
 */
#include "daemon/child.h"

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
	tcase_add_test(tests, test_child_has_our_environment_and_more);
	tcase_add_test(
	    tests, test_child_without_a_limit_talks_to_standard_error);
	tcase_add_test(
	    tests, test_child_is_killed_with_its_group_when_it_is_late);
	tcase_add_test(tests, test_child_may_be_too_long_to_run);
	tcase_add_test(tests, test_child_free_kills_the_group_and_says_nothing);
	return run_case("child", tests);
}
