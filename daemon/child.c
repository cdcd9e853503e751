/*
 * posix_spawn() and a pidfd on the loop. A command has ended when its shell
 * has: what that left behind, such as an agent, may go on.
 */
#include "daemon/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libclient/base/mem.h"

/* Bytes of output that a turn of the loop takes, so that who writes as fast as
 * we read does not keep it. Of the last turn all that counts is in them. */
#define TURN_MAX (2 * CHILD_OUTPUT_MAX)

struct child {
	child_handler *handler;
	void *user;
	struct child_report report;
	struct buf output;
	size_t output_limit;
	uint64_t grace;
	bool is_late;

	sd_event *loop;
	sd_event_source *soon; /* it did not start, and that is to be said */
	sd_event_source *readable;
	sd_event_source *exit;
	sd_event_source *timeout;
	int output_fd;
	int pid_fd;
	pid_t pid; /* 0: it did not start, or has been reaped */
};

/* ---- its end ---- */

static void
stop_watching(struct child *child)
{
	child->soon = sd_event_source_disable_unref(child->soon);
	child->readable = sd_event_source_disable_unref(child->readable);
	child->exit = sd_event_source_disable_unref(child->exit);
	child->timeout = sd_event_source_disable_unref(child->timeout);
	if (child->output_fd != -1)
		(void)close(child->output_fd);
	if (child->pid_fd != -1)
		(void)close(child->pid_fd);
	child->output_fd = -1;
	child->pid_fd = -1;
}

static int
on_killed(sd_event_source *source, int fd, uint32_t events, void *user)
{
	siginfo_t info = {0};

	(void)events;
	(void)user;
	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) == 0 &&
	    info.si_pid == 0)
		return 0;
	/* floating: this is the loop's own reference */
	sd_event_source_disable_unref(source);
	return 0;
}

/* Kills the command's group and leaves the reaping to the loop. */
static void
kill_group(struct child *child)
{
	sd_event_source *reaper = NULL;

	if (child->pid == 0)
		return;
	(void)kill(-child->pid, SIGKILL);
	child->pid = 0;
	child->exit = sd_event_source_disable_unref(child->exit);
	if (sd_event_add_io(child->loop, &reaper, child->pid_fd, EPOLLIN,
		on_killed, NULL) < 0)
		return;
	(void)sd_event_source_set_io_fd_own(reaper, 1);
	child->pid_fd = -1;
	(void)sd_event_source_set_floating(reaper, 1);
	sd_event_source_unref(reaper);
}

struct child *
child_free(struct child *child)
{
	if (child == NULL)
		return NULL;
	kill_group(child);
	stop_watching(child);
	buf_free_secret(&child->output);
	child->loop = sd_event_unref(child->loop);
	return mem_free(child);
}

static void
report(struct child *child)
{
	child->report.output = buf_span(&child->output);
	child->handler(child->user, &child->report);
	(void)child_free(child);
}

static int
on_soon(sd_event_source *source, void *user)
{
	(void)source;
	report(user);
	return 0;
}

static int
on_timeout(sd_event_source *source, uint64_t usec, void *user)
{
	struct child *child = user;

	(void)source;
	(void)usec;
	if (!child->is_late && child->grace > 0) {
		child_hurry(child, child->grace);
		return 0;
	}
	child->report.end = CHILD_LATE;
	kill_group(child);
	report(child);
	return 0;
}

/*
 * The whole group gets its grace, also when its shell ends at once; until that
 * is reaped, the group's number is nobody else's.
 */
void
child_hurry(struct child *child, uint64_t grace)
{
	if (child->is_late || child->pid == 0)
		return;
	child->is_late = true;
	child->exit = sd_event_source_disable_unref(child->exit);
	if (grace > 0)
		(void)kill(-child->pid, SIGTERM);
	(void)sd_event_source_set_time_relative(child->timeout, grace);
	(void)sd_event_source_set_enabled(child->timeout, SD_EVENT_ONESHOT);
}

char *
child_describe(const struct child_report *report)
{
	switch (report->end) {
	case CHILD_EXITED:
		return mem_format("failed with exit status %d", report->number);
	case CHILD_SIGNALLED:
		return mem_format("was killed by signal %d (%s)",
		    report->number, sigdescr_np(report->number));
	case CHILD_LATE:
		return mem_copy_string("took too long and was killed");
	case CHILD_NOT_RUN:
		return mem_format(
		    "cannot be run: %s", strerrordesc_np(report->number));
	case CHILD_LOST:
		break;
	}
	return mem_format("has an exit status that cannot be learnt: %s",
	    strerrordesc_np(report->number));
}

/* ---- its output ---- */

/* Reads what is there, as much as one turn may; false at the end. */
static bool
read_some(struct child *child)
{
	char bytes[4096];
	size_t left = TURN_MAX;
	bool is_open;
	ssize_t n;

	do {
		n = read(child->output_fd, bytes,
		    left < sizeof(bytes) ? left : sizeof(bytes));
		if (n > 0) {
			size_t room =
			    child->output_limit - buf_len(&child->output);

			(void)buf_add(&child->output, bytes,
			    (size_t)n < room ? (size_t)n : room);
			left -= (size_t)n;
		}
	} while ((n > 0 && left > 0) || (n == -1 && errno == EINTR));
	is_open = n > 0 || (n == -1 && errno == EAGAIN);
	mem_wipe(bytes, sizeof(bytes));
	return is_open;
}

static int
on_output(sd_event_source *source, int fd, uint32_t events, void *user)
{
	(void)fd;
	(void)events;
	if (!read_some(user))
		(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

/*
 * The command ended. What it printed is in the pipe; its end is not waited
 * for, since a process that it left behind may hold the pipe open.
 */
static int
on_exit_of_child(sd_event_source *source, int fd, uint32_t events, void *user)
{
	struct child *child = user;
	siginfo_t info = {0};

	(void)source;
	(void)events;
	if (child->output_fd != -1)
		(void)read_some(child);
	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) != 0) {
		child->report.end = CHILD_LOST;
		child->report.number = errno;
	} else if (info.si_pid == 0) {
		return 0;
	} else {
		child->report.end =
		    info.si_code == CLD_EXITED ? CHILD_EXITED : CHILD_SIGNALLED;
		child->report.number = info.si_status;
	}
	child->pid = 0;
	report(child);
	return 0;
}

/* ---- its start ---- */

static bool
is_replaced(const char *entry, const char *const *variables)
{
	size_t len = strcspn(entry, "=");

	for (; *variables != NULL; variables++)
		if (strcspn(*variables, "=") == len &&
		    strncmp(*variables, entry, len) == 0)
			return true;
	return false;
}

/* Our own variables, and the order's; the strings are borrowed. */
static char **
make_environment(const char *const *variables)
{
	static const char *const none[] = {NULL};
	size_t count = 0, n = 0;
	char **all;

	if (variables == NULL)
		variables = none;
	while (environ[count] != NULL)
		count++;
	for (const char *const *extra = variables; *extra != NULL; extra++)
		count++;
	all = mem_alloc((count + 1) * sizeof(*all));
	for (char **own = environ; *own != NULL; own++)
		if (!is_replaced(*own, variables))
			all[n++] = *own;
	/* posix_spawn() takes them as char *, and writes to none */
	for (; *variables != NULL; variables++)
		if (strchr(*variables, '=') != NULL)
			memcpy(&all[n++], variables, sizeof(*all));
	return all;
}

/* posix_spawn's attributes: a group of its own, no signal blocked or ignored.
 */
static void
init_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none;
	sigset_t all;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	(void)posix_spawnattr_init(attributes);
	(void)posix_spawnattr_setflags(attributes,
	    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
		POSIX_SPAWN_SETSIGDEF);
	(void)posix_spawnattr_setpgroup(attributes, 0);
	(void)posix_spawnattr_setsigmask(attributes, &none);
	(void)posix_spawnattr_setsigdefault(attributes, &all);
}

/* Starts the command with its output in the descriptor; 0 or an errno. */
static int
spawn(const struct child_order *order, int output, pid_t *pid)
{
	char shell[] = "sh";
	char option[] = "-c";
	char *copy = mem_copy_string(order->command);
	char *const arguments[] = {shell, option, copy, NULL};
	char **environment = make_environment(order->variables);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int result;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (order->merges_errors)
		(void)posix_spawn_file_actions_adddup2(
		    &actions, output, STDERR_FILENO);
	if (order->input != 0)
		(void)posix_spawn_file_actions_adddup2(
		    &actions, order->input, STDIN_FILENO);
	else
		(void)posix_spawn_file_actions_addopen(
		    &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_addclosefrom_np(
	    &actions, STDERR_FILENO + 1);
	init_attributes(&attributes);
	result = posix_spawn(
	    pid, "/bin/sh", &actions, &attributes, arguments, environment);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)mem_free(environment);
	(void)mem_free_secret(copy);
	return result;
}

/* Watches the command; 0 or an errno. */
static int
watch(struct child *child, uint64_t timeout)
{
	int result = 0;

	child->pid_fd = pidfd_open(child->pid, 0);
	if (child->pid_fd == -1)
		return errno;
	if (child->output_fd != -1)
		result = sd_event_add_io(child->loop, &child->readable,
		    child->output_fd, EPOLLIN, on_output, child);
	if (result >= 0)
		result = sd_event_add_io(child->loop, &child->exit,
		    child->pid_fd, EPOLLIN, on_exit_of_child, child);
	if (result >= 0)
		result =
		    sd_event_add_time_relative(child->loop, &child->timeout,
			CLOCK_BOOTTIME, timeout, 0, on_timeout, child);
	return result < 0 ? -result : 0;
}

/* 0 or an errno. */
static int
run(struct child *child, const struct child_order *order)
{
	int ends[2] = {-1, STDERR_FILENO};
	int result;

	if (child->output_limit > 0) {
		if (pipe2(ends, O_CLOEXEC) == -1)
			return errno;
		child->output_fd = ends[0];
		(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
		/* all at once, since growing would leave copies behind */
		(void)buf_reserve(&child->output, child->output_limit);
	}
	result = spawn(order, ends[1], &child->pid);
	if (result != 0)
		child->pid = 0;
	else
		result = watch(child, order->timeout);
	if (child->output_limit > 0)
		(void)close(ends[1]);
	return result;
}

struct child *
child_start(sd_event *loop, const struct child_order *order,
    child_handler *handler, void *user)
{
	struct child *child = mem_new(struct child);
	int result;

	child->handler = handler;
	child->user = user;
	child->loop = sd_event_ref(loop);
	child->output_fd = -1;
	child->pid_fd = -1;
	child->grace = order->grace;
	child->output_limit = order->output_limit < CHILD_OUTPUT_MAX
	    ? order->output_limit
	    : CHILD_OUTPUT_MAX;
	buf_init(&child->output, CHILD_OUTPUT_MAX);
	result = run(child, order);
	if (result == 0)
		return child;
	kill_group(child);
	stop_watching(child);
	child->report.end = CHILD_NOT_RUN;
	child->report.number = result;
	if (sd_event_add_defer(loop, &child->soon, on_soon, child) < 0)
		abort(); /* out of memory: there is no other reason */
	return child;
}
