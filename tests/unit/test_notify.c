/*
 * What systemd is told, read from a socket in its place.
 */
#include "daemon/notify.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static char directory[] = "/tmp/test_notify.XXXXXX";
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static int manager;

static void
set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(
	    address.sun_path, sizeof(address.sun_path), "%s/notify", directory);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(
	    bind(manager, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
}

static void
tear_down(void)
{
	close(manager);
	unlink(address.sun_path);
	rmdir(directory);
	memcpy(strrchr(directory, '.') + 1, "XXXXXX", 6);
}

/* The next message, or "" if there is none. */
static const char *
next_message(void)
{
	static char message[4096];
	ssize_t n = recv(manager, message, sizeof(message) - 1, MSG_DONTWAIT);

	message[n < 0 ? 0 : n] = '\0';
	return message;
}

START_TEST(test_notify_ready_and_stopping)
{
	notify_ready();
	ck_assert_str_eq(next_message(), "READY=1");
	notify_stopping();
	ck_assert_str_eq(next_message(), "STOPPING=1");
	ck_assert_str_eq(next_message(), "");
}
END_TEST

START_TEST(test_notify_reloading_has_the_time)
{
	static const char front[] = "RELOADING=1\nMONOTONIC_USEC=";
	struct timespec before;
	struct timespec after;
	const char *message;
	long long usec;

	clock_gettime(CLOCK_MONOTONIC, &before);
	notify_reloading();
	clock_gettime(CLOCK_MONOTONIC, &after);
	message = next_message();
	ck_assert_int_eq(strncmp(message, front, strlen(front)), 0);
	usec = strtoll(message + strlen(front), NULL, 10);
	ck_assert_int_ge(
	    usec, before.tv_sec * 1000000LL + before.tv_nsec / 1000);
	ck_assert_int_le(usec, after.tv_sec * 1000000LL + after.tv_nsec / 1000);
}
END_TEST

START_TEST(test_notify_status_is_sent_when_it_changes)
{
	notify_status("a");
	ck_assert_str_eq(next_message(), "STATUS=a");
	notify_status("a");
	ck_assert_str_eq(next_message(), "");
	notify_status("b");
	ck_assert_str_eq(next_message(), "STATUS=b");
	notify_status("a");
	ck_assert_str_eq(next_message(), "STATUS=a");
}
END_TEST

START_TEST(test_notify_status_is_one_line)
{
	notify_status("a\nREADY=1");
	ck_assert_str_eq(next_message(), "STATUS=a READY=1");
}
END_TEST

START_TEST(test_notify_watchdog_comes_from_the_loop)
{
	sd_event *loop = NULL;
	char pid[20];

	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("WATCHDOG_PID", pid, 1);
	setenv("WATCHDOG_USEC", "200000", 1);
	ck_assert_int_ge(sd_event_new(&loop), 0);
	notify_watchdog(loop);
	ck_assert_str_eq(next_message(), "WATCHDOG=1");
	for (int i = 0; i < 20 && next_message()[0] == '\0'; i++)
		ck_assert_int_ge(sd_event_run(loop, 50000), 0);
	sd_event_unref(loop);
}
END_TEST

START_TEST(test_notify_does_nothing_without_systemd)
{
	sd_event *loop = NULL;

	unsetenv("NOTIFY_SOCKET");
	ck_assert_int_ge(sd_event_new(&loop), 0);
	notify_watchdog(loop);
	notify_ready();
	notify_reloading();
	notify_status("x");
	notify_stopping();
	sd_event_unref(loop);
	ck_assert_str_eq(next_message(), "");
}
END_TEST

static Suite *
notify_suite(void)
{
	Suite *suite = suite_create("notify");
	TCase *tests = tcase_create("notify");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, test_notify_ready_and_stopping);
	tcase_add_test(tests, test_notify_reloading_has_the_time);
	tcase_add_test(tests, test_notify_status_is_sent_when_it_changes);
	tcase_add_test(tests, test_notify_status_is_one_line);
	tcase_add_test(tests, test_notify_watchdog_comes_from_the_loop);
	tcase_add_test(tests, test_notify_does_nothing_without_systemd);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(notify_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
