/*
 * The helper process: orders and answers between two real processes, and what
 * becomes of one when the other goes.
 */
#include "daemon/runner.h"

#include "tests/unit/child_helpers.h"

#define MANY 200

static struct runner *runner;
static int losses;
static char lost_why[100];
static int answers;

static void
on_lost(void *user, const char *why)
{
	(void)user;
	losses++;
	(void)snprintf(lost_why, sizeof(lost_why), "%s", why);
}

static void
set_up(void)
{
	struct imap_error error;

	begin();
	runner = runner_start(&error);
	ck_assert_ptr_nonnull(runner);
	ck_assert(runner_attach(runner, loop, on_lost, NULL, &error));
}

static void
tear_down(void)
{
	runner = runner_free(runner);
	end();
}

static struct runner_task *
run(const char *command, uint64_t timeout, const char *const *variables)
{
	struct child_order order = {
	    .command = command,
	    .variables = variables,
	    .output_limit = CHILD_OUTPUT_MAX,
	    .timeout = timeout,
	};

	return runner_run(runner, &order, note, NULL);
}

START_TEST(test_runner_carries_output_and_status)
{
	run("printf 'one\\ntwo'; exit 3", 30 * SECOND, NULL);
	ck_assert_int_eq(result.calls, 0);
	expect(CHILD_EXITED, 3, "one\ntwo");
}
END_TEST

START_TEST(test_runner_carries_as_much_as_a_child_may_print)
{
	run("head -c 100000 /dev/zero | tr '\\0' a", 30 * SECOND, NULL);
	turn(&result.calls, 1);
	ck_assert_uint_eq(result.len, CHILD_OUTPUT_MAX);
	ck_assert_uint_eq(strspn(result.output, "a"), CHILD_OUTPUT_MAX);
}
END_TEST

START_TEST(test_runner_carries_variables)
{
	static const char *const variables[] = {"ONE=1\n1", "TWO=2", NULL};

	run("echo \"$ONE,$TWO\"", 30 * SECOND, variables);
	expect(CHILD_EXITED, 0, "1\n1,2\n");
}
END_TEST

START_TEST(test_runner_gives_commands_no_descriptor_of_ours)
{
	int fd = open("/dev/null", O_RDONLY);

	ck_assert_int_ge(fd, 0);
	run("(ls /proc/$$/fd >fds); tr '\\n' ' ' <fds", 30 * SECOND, NULL);
	expect(CHILD_EXITED, 0, "0 1 2 ");
	close(fd);
}
END_TEST

START_TEST(test_runner_kills_what_is_late)
{
	run(STUBBORN, SECOND, NULL);
	expect(CHILD_LATE, 0, "");
	expect_gone();
}
END_TEST

START_TEST(test_runner_kills_what_is_cancelled)
{
	struct runner_task *task = run(STUBBORN, 30 * SECOND, NULL);
	char text[40];

	read_text("pids", text, sizeof(text));
	ck_assert_ptr_null(runner_cancel(task));
	expect_gone();
	ck_assert_int_eq(result.calls, 0);
	ck_assert_ptr_null(runner_cancel(NULL));
	/* it is still at our service */
	run("echo x", 30 * SECOND, NULL);
	expect(CHILD_EXITED, 0, "x\n");
}
END_TEST

START_TEST(test_runner_hands_over_a_descriptor)
{
	struct child_order order = {
	    .command = "cat; ls /proc/self/fd | wc -l; echo err >&2",
	    .merges_errors = true,
	    .output_limit = 100,
	    .timeout = 30 * SECOND,
	};

	order.input = open("given", O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(write(order.input, "one\n", 4), 4);
	ck_assert_int_eq(lseek(order.input, 0, SEEK_SET), 0);
	runner_run(runner, &order, note, NULL);
	ck_assert_int_eq(close(order.input), 0);
	expect(CHILD_EXITED, 0, "one\n4\nerr\n");
	/* the helper has kept none */
	result.calls = 0;
	run("ls /proc/$PPID/fd | wc -l >before; cat before", 30 * SECOND, NULL);
	turn(&result.calls, 1);
	result.calls = 0;
	order.input = open("given", O_RDONLY);
	/* it may yet have to close what the command has */
	order.command = "i=0; while [ $(ls /proc/$PPID/fd | wc -l) -gt "
			"$(cat before) ]; do i=$((i + 1)); "
			"[ $i -lt 1000 ] || exit 1; done";
	runner_run(runner, &order, note, NULL);
	ck_assert_int_eq(close(order.input), 0);
	expect(CHILD_EXITED, 0, "");
}
END_TEST

START_TEST(test_runner_hurries_and_hears_of_the_end)
{
	struct runner_task *task = run("trap 'echo asked; exit 0' TERM; "
				       "echo >begun; while :; do sleep .1; "
				       "done",
	    30 * SECOND, NULL);
	char text[40];

	read_text("begun", text, sizeof(text));
	runner_hurry(task, SECOND);
	expect(CHILD_LATE, 0, "asked\n");
}
END_TEST

START_TEST(test_runner_refuses_what_is_too_long)
{
	/* for the kernel, and for the pair */
	size_t size = _i == 0 ? 150000 : 200000;
	char *command = malloc(size + 1);

	memset(command, ':', size);
	command[size] = '\0';
	run(command, 30 * SECOND, NULL);
	free(command);
	ck_assert_int_eq(result.calls, 0);
	expect(CHILD_NOT_RUN, E2BIG, "");
	ck_assert_int_eq(losses, 0);
}
END_TEST

static void
count_answer(void *user, const struct child_report *report)
{
	const int *number = user;

	ck_assert_int_eq(report->end, CHILD_EXITED);
	ck_assert_int_eq(report->number, *number % 256);
	answers++;
}

START_TEST(test_runner_takes_more_orders_than_the_pair_holds)
{
	static char filler[10000] = "FILLER=";
	static const char *const variables[] = {filler, NULL};
	static int numbers[MANY];

	memset(filler + 7, 'x', sizeof(filler) - 8);
	for (int i = 0; i < MANY; i++) {
		char command[40];
		struct child_order order = {
		    .command = command,
		    .variables = variables,
		    .timeout = 60 * SECOND,
		};

		numbers[i] = i;
		(void)snprintf(command, sizeof(command), "exit %d", i % 256);
		runner_run(runner, &order, count_answer, &numbers[i]);
	}
	turn(&answers, MANY);
}
END_TEST

START_TEST(test_runner_tells_when_the_helper_is_lost)
{
	run("kill -KILL $PPID", 30 * SECOND, NULL);
	expect(CHILD_NOT_RUN, EPIPE, "");
	ck_assert_int_eq(losses, 1);
	ck_assert_str_eq(lost_why, "was killed by signal 9 (Killed)");
	result.calls = 0;
	run("echo x", 30 * SECOND, NULL);
	ck_assert_int_eq(result.calls, 0);
	expect(CHILD_NOT_RUN, EPIPE, "");
}
END_TEST

START_TEST(test_runner_free_ends_helper_and_commands)
{
	char text[40];

	run("echo $PPID >helper; " STUBBORN, 30 * SECOND, NULL);
	read_text("pids", text, sizeof(text));
	runner = runner_free(runner);
	expect_gone();
	read_text("helper", text, sizeof(text));
	ck_assert_int_eq(kill((pid_t)strtol(text, NULL, 10), 0), -1);
	ck_assert_int_eq(result.calls, 0);
	ck_assert_ptr_null(runner_free(NULL));
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("runner");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, test_runner_carries_output_and_status);
	tcase_add_test(tests, test_runner_carries_as_much_as_a_child_may_print);
	tcase_add_test(tests, test_runner_carries_variables);
	tcase_add_test(tests, test_runner_gives_commands_no_descriptor_of_ours);
	tcase_add_test(tests, test_runner_kills_what_is_late);
	tcase_add_test(tests, test_runner_kills_what_is_cancelled);
	tcase_add_test(tests, test_runner_hands_over_a_descriptor);
	tcase_add_test(tests, test_runner_hurries_and_hears_of_the_end);
	tcase_add_loop_test(tests, test_runner_refuses_what_is_too_long, 0, 2);
	tcase_add_test(
	    tests, test_runner_takes_more_orders_than_the_pair_holds);
	tcase_add_test(tests, test_runner_tells_when_the_helper_is_lost);
	tcase_add_test(tests, test_runner_free_ends_helper_and_commands);
	return run_case("runner", tests);
}
