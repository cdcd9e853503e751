/*
 * Where secrets come from: each source, what is wrong with it, and that a
 * command is neither waited for nor left behind.
 */
#include "daemon/secret.h"

#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

static char folder[] = "/tmp/test_secret.XXXXXX";
static sd_event *loop;
static uint64_t shortened = 1; /* commands' time is divided by this */
static uint64_t asked_time;

/* What the handler was given. */
static struct {
	int calls;
	char secret[70000];
	bool is_null;
	struct imap_error error;
} result;

/* Stands before libsystemd's, so that no test takes 30 s. */
int
sd_event_add_time_relative(sd_event *event, sd_event_source **source,
    clockid_t clock, uint64_t usec, uint64_t accuracy,
    sd_event_time_handler_t callback, void *user)
{
	int (*real)(sd_event *, sd_event_source **, clockid_t, uint64_t,
	    uint64_t, sd_event_time_handler_t, void *);

	*(void **)&real = dlsym(RTLD_NEXT, "sd_event_add_time_relative");
	asked_time = usec;
	return real(
	    event, source, clock, usec / shortened, accuracy, callback, user);
}

static void
set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_ge(sd_event_new(&loop), 0);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void
tear_down(void)
{
	char command[80];

	loop = sd_event_unref(loop);
	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	ck_assert_int_eq(system(command), 0);
	memcpy(strrchr(folder, '.') + 1, "XXXXXX", 6);
}

static void
note(void *user, const char *secret, const struct imap_error *error)
{
	ck_assert_ptr_eq(user, &result);
	ck_assert_int_eq((secret == NULL) + (error == NULL), 1);
	result.calls++;
	result.is_null = secret == NULL;
	if (secret != NULL)
		snprintf(result.secret, sizeof(result.secret), "%s", secret);
	else
		result.error = *error;
}

/* Runs the loop until the handler was called, and a little longer. */
static void
fetch(const struct settings_secret *source)
{
	struct secret *secret = secret_fetch(loop, NULL, source, note, &result);

	ck_assert_int_eq(result.calls, 0);
	for (int i = 0; i < 400 && result.calls == 0; i++)
		ck_assert_int_ge(sd_event_run(loop, 50000), 0);
	ck_assert_int_ge(sd_event_run(loop, 1000), 0);
	ck_assert_int_eq(result.calls, 1);
	ck_assert_ptr_null(secret_free(secret));
}

static void
fetch_command(const char *command)
{
	char *copy = strdup(command);
	struct settings_secret source = {.password_command = copy};

	fetch(&source);
	free(copy);
}

static void
write_file(const char *name, const char *text, mode_t mode)
{
	FILE *stream = fopen(name, "w");

	ck_assert_ptr_nonnull(stream);
	fputs(text, stream);
	fclose(stream);
	ck_assert_int_eq(chmod(name, mode), 0);
}

START_TEST(test_secret_is_empty_without_a_source)
{
	fetch(&(struct settings_secret){0});
	ck_assert(!result.is_null);
	ck_assert_str_eq(result.secret, "");
}
END_TEST

START_TEST(test_secret_may_be_in_the_settings)
{
	char password[] = " two\nlines ";

	fetch(&(struct settings_secret){.password = password});
	ck_assert_str_eq(result.secret, " two\nlines ");
}
END_TEST

static const struct {
	const char *text;
	const char *secret; /* NULL: refused */
} lines[] = {
    {"s", "s"},
    {"s\n", "s"},
    {"s\r\n", "s"},
    {"s\r\r\nmore\n", "s"},
    {"s\nmore\n", "s"},
    {" s p a c e \n", " s p a c e "},
    {"\xc3\xbc\n", "\xc3\xbc"},
    {"", NULL},
    {"\n", NULL},
    {"\r\n", NULL},
    {"\nlate\n", NULL},
};

START_TEST(test_secret_is_the_first_line_of_a_file)
{
	char name[] = "file";

	/* that others may read it is the owner's choice */
	write_file(name, lines[_i].text, _i % 2 == 0 ? 0600 : 0644);
	fetch(&(struct settings_secret){.password_file = name});
	if (lines[_i].secret != NULL) {
		ck_assert_str_eq(result.secret, lines[_i].secret);
		return;
	}
	ck_assert_int_eq(result.error.kind, IMAP_ERROR_AUTH);
	ck_assert_str_eq(
	    result.error.text, "password_file: the first line is empty");
}
END_TEST

START_TEST(test_secret_is_the_first_line_of_a_command)
{
	write_file("output", lines[_i].text, 0600);
	fetch_command("cat output");
	if (lines[_i].secret != NULL) {
		ck_assert_str_eq(result.secret, lines[_i].secret);
		return;
	}
	ck_assert_int_eq(result.error.kind, IMAP_ERROR_AUTH);
	ck_assert_str_eq(
	    result.error.text, "password_command: the first line is empty");
}
END_TEST

START_TEST(test_secret_file_must_be_readable)
{
	char none[] = "none";
	char here[] = ".";

	if (_i == 0)
		fetch(&(struct settings_secret){.password_file = none});
	else
		fetch(&(struct settings_secret){.password_file = here});
	ck_assert_int_eq(result.error.kind, IMAP_ERROR_AUTH);
	ck_assert_str_eq(result.error.text,
	    _i == 0 ? "password_file: cannot read none: No such file or "
		      "directory"
		    : "password_file: cannot read .: Is a directory");
}
END_TEST

START_TEST(test_secret_file_may_be_a_fifo_without_blocking)
{
	char name[] = "fifo";

	ck_assert_int_eq(mkfifo(name, 0600), 0);
	fetch(&(struct settings_secret){.password_file = name});
	ck_assert_int_eq(result.error.kind, IMAP_ERROR_AUTH);
}
END_TEST

START_TEST(test_secret_may_be_a_credential)
{
	char name[] = "work";

	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	write_file(name, "s\n", 0400);
	fetch(&(struct settings_secret){.credential = name});
	ck_assert_str_eq(result.secret, "s");
}
END_TEST

START_TEST(test_secret_credential_needs_its_directory)
{
	char name[] = "work";

	fetch(&(struct settings_secret){.credential = name});
	ck_assert_int_eq(result.error.kind, IMAP_ERROR_CONFIG);
	ck_assert_str_eq(result.error.text,
	    "credential: $CREDENTIALS_DIRECTORY is not set; the unit needs "
	    "LoadCredential=work");
}
END_TEST

START_TEST(test_secret_has_a_limit)
{
	char command[100];

	snprintf(command, sizeof(command),
	    "head -c %d /dev/zero | tr '\\0' a; echo; echo more",
	    65536 + (_i == 0 ? 0 : 1));
	fetch_command(command);
	if (_i == 0) {
		ck_assert_uint_eq(strlen(result.secret), 65536);
		return;
	}
	ck_assert_int_eq(result.error.kind, IMAP_ERROR_AUTH);
	ck_assert_str_eq(result.error.text,
	    "password_command: the first line is longer than 64 KiB");
}
END_TEST

START_TEST(test_secret_has_no_nul)
{
	fetch_command("printf 'a\\0b\\n'");
	ck_assert_int_eq(result.error.kind, IMAP_ERROR_AUTH);
	ck_assert_str_eq(result.error.text,
	    "password_command: the first line has a NUL byte");
}
END_TEST

START_TEST(test_secret_command_must_succeed)
{
	static const struct {
		const char *command;
		const char *error;
	} failing[] = {
	    {"echo secret; exit 3",
		"password_command failed with exit status 3"},
	    {"exec 2>/dev/null; no-such-program-at-all",
		"password_command failed with exit status 127"},
	    {"echo secret; kill -TERM $$",
		"password_command was killed by signal 15 (Terminated)"},
	};

	fetch_command(failing[_i].command);
	ck_assert(result.is_null);
	ck_assert_int_eq(result.error.kind, IMAP_ERROR_AUTH);
	ck_assert_str_eq(result.error.text, failing[_i].error);
}
END_TEST

START_TEST(test_secret_command_gets_a_clean_process)
{
	sigset_t all;

	/* as a daemon has them */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* signals 1 to 16; the C library ignores 32 and 33 by itself */
	fetch_command("read line && echo stdin || "
		      "grep -E '^Sig(Blk|Ign):' /proc/self/status | "
		      "sed 's/.*\\(....\\)$/\\1/' | tr '\\n' ' '; "
		      "(ls /proc/$$/fd >fds); tr '\\n' ' ' <fds");
	ck_assert_str_eq(result.secret, "0000 0000 0 1 2 ");
}
END_TEST

START_TEST(test_secret_command_may_print_more_than_a_pipe_holds)
{
	fetch_command("echo s; head -c 1000000 /dev/zero");
	ck_assert_str_eq(result.secret, "s");
}
END_TEST

START_TEST(test_secret_command_may_leave_an_agent_behind)
{
	time_t start = time(NULL);
	FILE *stream;
	int pid = 0;

	fetch_command("sleep 300 & echo $! > pid; echo s");
	ck_assert_str_eq(result.secret, "s");
	ck_assert_int_lt(time(NULL) - start, 10);
	stream = fopen("pid", "r");
	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(fscanf(stream, "%d", &pid), 1);
	fclose(stream);
	ck_assert_int_eq(kill(pid, SIGKILL), 0); /* it was alive */
}
END_TEST

/* True once the process is gone or a zombie. */
static bool
has_ended(int pid)
{
	char path[40];
	char line[200] = "";
	const char *state;
	FILE *stream;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stream = fopen(path, "r");
	if (stream == NULL)
		return true;
	if (fgets(line, sizeof(line), stream) == NULL)
		line[0] = '\0';
	fclose(stream);
	state = strrchr(line, ')');
	return state == NULL || state[2] == 'Z';
}

/* Waits for the file that says that the command runs; two process ids. */
static void
wait_for_pids(int pids[2])
{
	for (int i = 0; i < 200; i++) {
		FILE *stream = fopen("pids", "r");
		int n = 0;

		if (stream != NULL) {
			n = fscanf(stream, "%d %d", &pids[0], &pids[1]);
			fclose(stream);
		}
		if (n == 2)
			return;
		ck_assert_int_ge(sd_event_run(loop, 10000), 0);
	}
	ck_abort_msg("the command did not start");
}

static void
expect_both_ended(const int pids[2])
{
	for (int i = 0; i < 200; i++) {
		if (has_ended(pids[0]) && has_ended(pids[1]))
			break;
		ck_assert_int_ge(sd_event_run(loop, 10000), 0);
	}
	ck_assert(has_ended(pids[1]));
	/* the command itself was reaped by the loop */
	for (int i = 0; i < 200 && kill(pids[0], 0) == 0; i++)
		ck_assert_int_ge(sd_event_run(loop, 10000), 0);
	ck_assert_int_eq(kill(pids[0], 0), -1);
}

#define SLOW "trap '' TERM; sleep 300 & echo $$ $! > pids; wait; sleep 300"

START_TEST(test_secret_command_is_killed_after_30_seconds)
{
	int pids[2];

	shortened = 60;
	fetch_command(SLOW);
	ck_assert_uint_eq(asked_time, 30000000);
	ck_assert_int_eq(result.error.kind, IMAP_ERROR_AUTH);
	ck_assert_str_eq(result.error.text,
	    "password_command took longer than 30 s and was killed");
	wait_for_pids(pids);
	expect_both_ended(pids);
}
END_TEST

START_TEST(test_secret_free_kills_the_commands_group)
{
	char command[] = SLOW;
	struct settings_secret source = {.password_command = command};
	struct secret *secret =
	    secret_fetch(loop, NULL, &source, note, &result);
	int pids[2];

	wait_for_pids(pids);
	ck_assert_ptr_null(secret_free(secret));
	expect_both_ended(pids);
	ck_assert_int_eq(result.calls, 0);
}
END_TEST

START_TEST(test_secret_free_before_the_answer_silences_it)
{
	struct secret *secret = secret_fetch(
	    loop, NULL, &(struct settings_secret){0}, note, &result);

	ck_assert_ptr_null(secret_free(secret));
	ck_assert_int_ge(sd_event_run(loop, 1000), 0);
	ck_assert_int_eq(result.calls, 0);
	ck_assert_ptr_null(secret_free(NULL));
}
END_TEST

static struct secret *freed_within;

static void
free_within(void *user, const char *secret, const struct imap_error *error)
{
	freed_within = secret_free(freed_within);
	note(user, secret, error); /* still there */
}

START_TEST(test_secret_may_be_freed_by_its_handler)
{
	char command[] = "echo s";
	char password[] = "s";
	struct settings_secret source = {0};

	if (_i == 0)
		source.password = password;
	else
		source.password_command = command;
	freed_within = secret_fetch(loop, NULL, &source, free_within, &result);
	for (int i = 0; i < 100 && result.calls == 0; i++)
		ck_assert_int_ge(sd_event_run(loop, 50000), 0);
	ck_assert_int_eq(result.calls, 1);
	ck_assert_str_eq(result.secret, "s");
}
END_TEST

static Suite *
secret_suite(void)
{
	Suite *suite = suite_create("secret");
	TCase *tests = tcase_create("secret");

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, test_secret_is_empty_without_a_source);
	tcase_add_test(tests, test_secret_may_be_in_the_settings);
	tcase_add_loop_test(
	    tests, test_secret_is_the_first_line_of_a_file, 0, COUNT(lines));
	tcase_add_loop_test(
	    tests, test_secret_is_the_first_line_of_a_command, 0, COUNT(lines));
	tcase_add_loop_test(tests, test_secret_file_must_be_readable, 0, 2);
	tcase_add_test(tests, test_secret_file_may_be_a_fifo_without_blocking);
	tcase_add_test(tests, test_secret_may_be_a_credential);
	tcase_add_test(tests, test_secret_credential_needs_its_directory);
	tcase_add_loop_test(tests, test_secret_has_a_limit, 0, 2);
	tcase_add_test(tests, test_secret_has_no_nul);
	tcase_add_loop_test(tests, test_secret_command_must_succeed, 0, 3);
	tcase_add_test(tests, test_secret_command_gets_a_clean_process);
	tcase_add_test(
	    tests, test_secret_command_may_print_more_than_a_pipe_holds);
	tcase_add_test(tests, test_secret_command_may_leave_an_agent_behind);
	tcase_add_test(tests, test_secret_command_is_killed_after_30_seconds);
	tcase_add_test(tests, test_secret_free_kills_the_commands_group);
	tcase_add_test(tests, test_secret_free_before_the_answer_silences_it);
	tcase_add_loop_test(
	    tests, test_secret_may_be_freed_by_its_handler, 0, 2);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(secret_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
