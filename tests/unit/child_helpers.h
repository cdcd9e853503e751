/*
 * What the tests of daemon/child and daemon/runner share: a directory, a loop,
 * and a note of what was reported.
 */
#ifndef TESTS_UNIT_CHILD_HELPERS_H
#define TESTS_UNIT_CHILD_HELPERS_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/child.h"
#include "tests/unit/run_case.h"

#define SECOND UINT64_C(1000000)

/* A command that ignores requests, with a child: their numbers in "pids". */
#define STUBBORN                                                         \
	"trap '' TERM; sleep 300 & echo $$ $! >new; mv new pids; wait; " \
	"sleep 300"

static char top[] = "/tmp/test_child.XXXXXX";
static sd_event *loop;

static struct {
	int calls;
	enum child_end end;
	int number;
	char output[CHILD_OUTPUT_MAX + 1];
	size_t len;
} result;

static inline void
begin(void)
{
	ck_assert_ptr_nonnull(mkdtemp(top));
	ck_assert_int_eq(chdir(top), 0);
	ck_assert_int_ge(sd_event_new(&loop), 0);
}

static inline void
end(void)
{
	char command[80];

	loop = sd_event_unref(loop);
	ck_assert_int_eq(chdir("/"), 0);
	(void)snprintf(command, sizeof(command), "rm -r '%s'", top);
	ck_assert_int_eq(system(command), 0);
	memcpy(strrchr(top, '.') + 1, "XXXXXX", 6);
}

static inline void
note(void *user, const struct child_report *report)
{
	(void)user;
	result.calls++;
	result.end = report->end;
	result.number = report->number;
	result.len = report->output.len;
	memcpy(result.output, report->output.at, report->output.len);
	result.output[result.len] = '\0';
}

/* Turns the loop until so many reports have come. */
static inline void
turn(const int *calls, int wanted)
{
	for (int i = 0; i < 600 && *calls < wanted; i++)
		ck_assert_int_ge(sd_event_run(loop, 100000), 0);
	ck_assert_int_eq(*calls, wanted);
}

static inline void
expect(enum child_end wanted, int number, const char *output)
{
	turn(&result.calls, 1);
	ck_assert_int_eq(result.end, wanted);
	ck_assert_int_eq(result.number, number);
	ck_assert_str_eq(result.output, output);
}

/* A file's text, once it is there. */
static inline void
read_text(const char *name, char *text, size_t size)
{
	for (int i = 0; i < 600; i++) {
		int fd = open(name, O_RDONLY);
		ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

		if (fd >= 0)
			close(fd);
		if (n > 0) {
			text[n] = '\0';
			return;
		}
		ck_assert_int_ge(sd_event_run(loop, 100000), 0);
	}
	ck_abort_msg("no %s", name);
}

/* Waits until both of STUBBORN's processes are gone, or zombies. */
static inline void
expect_gone(void)
{
	char command[200];
	char text[40];

	read_text("pids", text, sizeof(text));
	text[strcspn(text, "\n")] = '\0';
	(void)snprintf(command, sizeof(command),
	    "for pid in %s; do grep -q '^State:.[^ZX]' /proc/$pid/status "
	    "2>/dev/null && exit 1; done; exit 0",
	    text);
	for (int i = 0; i < 600 && system(command) != 0; i++)
		ck_assert_int_ge(sd_event_run(loop, 100000), 0);
	ck_assert_int_eq(system(command), 0);
}

#endif
