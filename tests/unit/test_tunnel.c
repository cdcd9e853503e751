/*
 * The tunnel's process: what it gets, and that none is ever left behind.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libclient/io/tunnel.h"

enum { PATIENCE_MSEC = 10000, TURN_USEC = 100000, TURNS = 100 };

static sd_event *loop;
static struct tunnel *tunnel;
static int read_fd;
static int write_fd;

static void
setup(void)
{
	ck_assert_int_ge(sd_event_new(&loop), 0);
	tunnel = NULL;
}

static void
start(const char *command)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};

	tunnel = tunnel_new(loop, command, &read_fd, &write_fd, &error);
	ck_assert_msg(tunnel != NULL, "%s", error.text);
}

/* Reads a line, without its end; an empty one is the end of file. */
static void
read_line(char *out, size_t size)
{
	struct pollfd ready = {.fd = read_fd, .events = POLLIN};
	size_t len = 0;
	ssize_t n;

	for (;;) {
		ck_assert_int_eq(poll(&ready, 1, PATIENCE_MSEC), 1);
		n = read(read_fd, out + len, 1);
		ck_assert_int_ge(n, 0);
		if (n == 0 || out[len] == '\n')
			break;
		ck_assert_uint_lt(++len, size);
	}
	out[len] = '\0';
}

static pid_t
read_pid(void)
{
	char line[32];

	read_line(line, sizeof(line));
	return (pid_t)strtol(line, NULL, 10);
}

/* Does the process run? Orphans stay as zombies until init gets to them. */
static bool
is_running_in_group(const char *number, pid_t group)
{
	char path[300];
	char line[512] = "";
	char *state;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%s/stat", number);
	file = fopen(path, "r");
	if (file == NULL)
		return false;
	(void)!fgets(line, sizeof(line), file);
	fclose(file);
	/* "pid (name) state parent group": a name may hold anything */
	state = strrchr(line, ')');
	if (state == NULL || state[2] == 'Z' || state[2] == 'X')
		return false;
	(void)strtol(state + 4, &state, 10);
	return strtol(state, NULL, 10) == group;
}

/* Its leader is reaped, and nobody else of it lives. */
static bool
is_group_gone(pid_t pid)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	bool is_gone = kill(pid, 0) < 0 && errno == ESRCH;

	ck_assert_ptr_nonnull(dir);
	while (is_gone && (entry = readdir(dir)) != NULL)
		is_gone = entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
		    !is_running_in_group(entry->d_name, pid);
	closedir(dir);
	return is_gone;
}

static void
run_until_gone(pid_t pid)
{
	int i;

	for (i = 0; i < TURNS && !is_group_gone(pid); i++)
		ck_assert_int_ge(sd_event_run(loop, TURN_USEC), 0);
	ck_assert(is_group_gone(pid));
}

static void
finish(void)
{
	close(read_fd);
	close(write_fd);
	loop = sd_event_unref(loop);
}

START_TEST(test_tunnel_carries_bytes_both_ways)
{
	char line[32];
	pid_t pid;

	start("echo $$; cat");
	pid = read_pid();
	ck_assert_int_eq(write(write_fd, "a001 NOOP\n", 10), 10);
	read_line(line, sizeof(line));
	ck_assert_str_eq(line, "a001 NOOP");
	tunnel = tunnel_free(tunnel);
	run_until_gone(pid);
	finish();
}
END_TEST

START_TEST(test_tunnel_dead_child_is_end_of_file)
{
	char line[8];
	pid_t pid;

	start("echo $$; exit 3");
	pid = read_pid();
	read_line(line, sizeof(line));
	ck_assert_str_eq(line, "");
	/* Its number is not anybody else's before the tunnel is freed. */
	ck_assert(!is_group_gone(pid));
	tunnel = tunnel_free(tunnel);
	run_until_gone(pid);
	finish();
}
END_TEST

START_TEST(test_tunnel_end_of_input_reaches_the_child)
{
	char line[8];
	pid_t pid;

	start("echo $$; cat; echo over");
	pid = read_pid();
	close(write_fd);
	read_line(line, sizeof(line));
	ck_assert_str_eq(line, "over");
	tunnel = tunnel_free(tunnel);
	run_until_gone(pid);
	close(read_fd);
	loop = sd_event_unref(loop);
}
END_TEST

/* Every one ignores, or escapes, what tunnel_free() tries first. */
static const char *const stubborn[] = {
    "trap '' TERM; echo $$; while :; do sleep 1000; done",
    "echo $$; kill -STOP $$; cat",
    "echo $$; sh -c \"trap '' TERM; sleep 1000\" & wait",
};

START_TEST(test_tunnel_stubborn_child_is_killed_and_reaped)
{
	pid_t pid;

	start(stubborn[_i]);
	pid = read_pid();
	tunnel = tunnel_free(tunnel);
	run_until_gone(pid);
	finish();
}
END_TEST

START_TEST(test_tunnel_child_does_not_outlive_the_loop)
{
	pid_t pid;

	start(stubborn[_i]);
	pid = read_pid();
	tunnel = tunnel_free(tunnel);
	finish();
	/* SIGKILL is on its way to those that are not our children. */
	while (kill(pid, 0) < 0 && !is_group_gone(pid))
		continue;
	ck_assert(is_group_gone(pid));
}
END_TEST

START_TEST(test_tunnel_child_is_clean_of_our_signals)
{
	char blocked[64];
	char ignored[64];
	sigset_t all;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	start("echo $$; exec grep -E '^Sig(Blk|Ign)' /proc/self/status");
	pid = read_pid();
	read_line(blocked, sizeof(blocked));
	read_line(ignored, sizeof(ignored));
	ck_assert_str_eq(blocked, "SigBlk:\t0000000000000000");
	/* Not the two above 31 that are the C library's own. */
	ck_assert_uint_eq(
	    strtoull(ignored + strlen("SigIgn:"), NULL, 16) & INT32_MAX, 0);
	tunnel = tunnel_free(tunnel);
	run_until_gone(pid);
	finish();
}
END_TEST

START_TEST(test_tunnel_child_has_three_descriptors)
{
	const int leaked = dup(STDERR_FILENO); /* without close-on-exec */
	char line[64];
	pid_t pid;

	start("echo $$; for i in /proc/$$/fd/[0-9]*; do "
	      "case ${i##*/} in [012]) ;; *) [ -e $i ] && echo $i;; esac; "
	      "done; echo over");
	pid = read_pid();
	read_line(line, sizeof(line));
	ck_assert_str_eq(line, "over");
	tunnel = tunnel_free(tunnel);
	run_until_gone(pid);
	close(leaked);
	finish();
}
END_TEST

START_TEST(test_tunnel_works_without_standard_input_of_our_own)
{
	const int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
	char line[8];
	pid_t pid;

	close(STDIN_FILENO);
	start("echo $$; cat");
	pid = read_pid();
	ck_assert_int_eq(write(write_fd, "x\n", 2), 2);
	read_line(line, sizeof(line));
	ck_assert_str_eq(line, "x");
	tunnel = tunnel_free(tunnel);
	run_until_gone(pid);
	finish();
	dup2(saved, STDIN_FILENO);
	close(saved);
}
END_TEST

START_TEST(test_tunnel_free_takes_null)
{
	ck_assert_ptr_null(tunnel_free(NULL));
	loop = sd_event_unref(loop);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tunnel");
	TCase *tcase = tcase_create("tunnel");
	const int stubborn_count = sizeof(stubborn) / sizeof(stubborn[0]);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, test_tunnel_carries_bytes_both_ways);
	tcase_add_test(tcase, test_tunnel_dead_child_is_end_of_file);
	tcase_add_test(tcase, test_tunnel_end_of_input_reaches_the_child);
	tcase_add_loop_test(tcase,
	    test_tunnel_stubborn_child_is_killed_and_reaped, 0, stubborn_count);
	tcase_add_loop_test(tcase, test_tunnel_child_does_not_outlive_the_loop,
	    0, stubborn_count);
	tcase_add_test(tcase, test_tunnel_child_is_clean_of_our_signals);
	tcase_add_test(tcase, test_tunnel_child_has_three_descriptors);
	tcase_add_test(
	    tcase, test_tunnel_works_without_standard_input_of_our_own);
	tcase_add_test(tcase, test_tunnel_free_takes_null);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
