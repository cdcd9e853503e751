/*
 * The sandbox: what is left of the file system, and what else is gone. Each
 * test is a process of its own; the kernel must have Landlock.
 */
#include "daemon/sandbox.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/run_case.h"

static char top[] = "/tmp/test_sandbox.XXXXXX";
static struct sandbox *sandbox;
static struct imap_error error;

/* In the process that runs the tests, which is never restricted. */
static void
make_top(void)
{
	ck_assert_ptr_nonnull(mkdtemp(top));
}

static void
remove_top(void)
{
	char command[80];

	(void)snprintf(command, sizeof(command), "rm -r '%s'", top);
	ck_assert_int_eq(system(command), 0);
}

static void
set_up(void)
{
	char name[80];

	(void)snprintf(name, sizeof(name), "%s/XXXXXX", top);
	ck_assert_ptr_nonnull(mkdtemp(name));
	ck_assert_int_eq(chdir(name), 0);
	ck_assert_int_eq(mkdir("outside", 0700), 0);
	ck_assert_int_eq(close(creat("outside/file", 0600)), 0);
	sandbox = sandbox_new();
	ck_assert(sandbox_add(sandbox, "a/mail", &error));
	ck_assert(sandbox_add(sandbox, "state", &error));
}

static void
tear_down(void)
{
	sandbox = sandbox_free(sandbox);
}

static void
enter(void)
{
	const char *why = NULL;

	ck_assert_msg(sandbox_enter(sandbox, &why), "%s", why);
}

static int
make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	return fd == -1 ? errno : close(fd);
}

static int
failure(int result)
{
	return result == -1 ? errno : 0;
}

START_TEST(test_sandbox_makes_what_is_missing)
{
	struct stat info;

	ck_assert_int_eq(stat("a/mail", &info), 0);
	ck_assert_int_eq(info.st_mode & 0777, 0700);
	ck_assert(!sandbox_add(sandbox, "outside/file", &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_LOCAL);
	ck_assert_str_eq(
	    error.text, "cannot create directory outside/file: File exists");
}
END_TEST

START_TEST(test_sandbox_leaves_its_places)
{
	enter();
	ck_assert_int_eq(mkdir("a/mail/tmp", 0700), 0);
	ck_assert_int_eq(mkdir("a/mail/new", 0700), 0);
	ck_assert_int_eq(make("a/mail/tmp/1"), 0);
	ck_assert_int_eq(rename("a/mail/tmp/1", "a/mail/new/1"), 0);
	ck_assert_int_eq(link("a/mail/new/1", "a/mail/tmp/2"), 0);
	ck_assert_int_eq(truncate("a/mail/tmp/2", 0), 0);
	ck_assert_int_eq(unlink("a/mail/tmp/2"), 0);
	ck_assert_int_eq(rmdir("a/mail/tmp"), 0);
	ck_assert_int_eq(make("state/db"), 0);
}
END_TEST

START_TEST(test_sandbox_forbids_the_rest)
{
	enter();
	ck_assert_int_eq(make("outside/new"), EACCES);
	ck_assert_int_eq(make("outside/file"), EACCES);
	ck_assert_int_eq(make("a/file"), EACCES);
	ck_assert_int_eq(failure(truncate("outside/file", 0)), EACCES);
	ck_assert_int_eq(failure(unlink("outside/file")), EACCES);
	ck_assert_int_eq(failure(mkdir("outside/new", 0700)), EACCES);
	ck_assert_int_eq(failure(symlink("x", "a/mail/link")), EACCES);
	ck_assert_int_eq(failure(rename("a/mail", "outside/mail")), EACCES);
}
END_TEST

START_TEST(test_sandbox_leaves_reading)
{
	int fd;

	enter();
	fd = open("outside/file", O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(access("/etc/passwd", R_OK), 0);
}
END_TEST

START_TEST(test_sandbox_has_no_way_out_by_a_link)
{
	ck_assert_int_eq(symlink("../../outside", "a/mail/link"), 0);
	enter();
	ck_assert_int_eq(make("a/mail/link/new"), EACCES);
}
END_TEST

START_TEST(test_sandbox_runs_nothing)
{
	pid_t pid;
	int status;

	enter();
	ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	pid = fork();
	if (pid == 0) {
		(void)execl("/bin/true", "true", NULL);
		_exit(errno == EACCES ? 42 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 42);
}
END_TEST

static const struct {
	const char *path;
	bool is_allowed;
} paths[] = {
    {"a/mail", true},
    {"a/mail/", true},
    {"a/mail/new/one", true},
    {"link", true},
    {"link/new/one", true},
    {"state", true},
    {"a", false},
    {"outside", false},
    {"outside/new", false},
    {"/", false},
    {"/tmp", false},
    {"outside/file", false},
    {"a/mail/../../outside", false},
};

START_TEST(test_sandbox_tells_what_it_allows)
{
	ck_assert_int_eq(symlink("a/mail", "link"), 0);
	/* everything, before it is entered */
	ck_assert(sandbox_allows(sandbox, paths[_i].path));
	enter();
	ck_assert_int_eq(
	    sandbox_allows(sandbox, paths[_i].path), paths[_i].is_allowed);
}
END_TEST

START_TEST(test_sandbox_forbids_nothing_for_want_of_a_descriptor)
{
	struct rlimit limit, none;

	enter();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert(sandbox_allows(sandbox, "a/mail"));
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}
END_TEST

START_TEST(test_sandbox_does_not_allow_what_took_a_places_place)
{
	ck_assert_int_eq(rename("a/mail", "a/away"), 0);
	ck_assert_int_eq(mkdir("a/mail", 0700), 0);
	enter();
	ck_assert(!sandbox_allows(sandbox, "a/mail"));
	ck_assert(sandbox_allows(sandbox, "a/away"));
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("sandbox");

	tcase_add_unchecked_fixture(tests, make_top, remove_top);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, test_sandbox_makes_what_is_missing);
	tcase_add_test(tests, test_sandbox_leaves_its_places);
	tcase_add_test(tests, test_sandbox_forbids_the_rest);
	tcase_add_test(tests, test_sandbox_leaves_reading);
	tcase_add_test(tests, test_sandbox_has_no_way_out_by_a_link);
	tcase_add_test(tests, test_sandbox_runs_nothing);
	tcase_add_loop_test(tests, test_sandbox_tells_what_it_allows, 0,
	    sizeof(paths) / sizeof(paths[0]));
	tcase_add_test(
	    tests, test_sandbox_forbids_nothing_for_want_of_a_descriptor);
	tcase_add_test(
	    tests, test_sandbox_does_not_allow_what_took_a_places_place);
	return run_case("sandbox", tests);
}
