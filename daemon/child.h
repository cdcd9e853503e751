/*
 * A shell command as a child process: its output, its end, its time limit.
 */
#ifndef DAEMON_CHILD_H
#define DAEMON_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "libclient/base/buf.h"

/* The most of its output that can be asked for. */
#define CHILD_OUTPUT_MAX ((size_t)65537)

struct child_order {
	const char *command; /* for /bin/sh -c */
	/* "NAME=value" beside or instead of our own, "NAME" to go without;
	 * NULL behind the last; NULL: none */
	const char *const *variables;
	/* Its stdin: a descriptor above stdio, which stays the caller's; 0:
	 * /dev/null */
	int input;
	bool merges_errors; /* standard error is part of the output */
	/* Bytes of its output to be kept, up to CHILD_OUTPUT_MAX; what is
	 * behind them is dropped. 0: it goes to standard error */
	size_t output_limit;
	uint64_t timeout; /* in microseconds */
	/* From the request to end, when its time is over, until it is killed;
	 * 0: there is no request */
	uint64_t grace;
};

enum child_end {
	CHILD_EXITED, /* number: its status */
	CHILD_SIGNALLED, /* number: the signal */
	CHILD_LATE, /* killed when its time was over */
	CHILD_NOT_RUN, /* number: an errno */
	CHILD_LOST /* its status cannot be learnt; number: an errno */
};

/* The output is borrowed, and wiped when the handler has returned. */
struct child_report {
	enum child_end end;
	int number;
	struct span output;
};

typedef void child_handler(void *user, const struct child_report *report);

struct child;

/*
 * Runs the command in its own process group, with stderr inherited unless it
 * is output, no other descriptor, no signal blocked or ignored. Ends in one
 * call of the handler, from the loop; the child is gone then.
 */
struct child *child_start(sd_event *loop, const struct child_order *order,
    child_handler *handler, void *user);

/* Its time is over now: as at the end of the time limit, with this grace. */
void child_hurry(struct child *child, uint64_t grace);

/* How it ended, in words that go behind its name; to be freed. */
char *child_describe(const struct child_report *report);

/* Kills the command's group and says nothing; NULL ok; returns NULL. */
struct child *child_free(struct child *child);

#endif
