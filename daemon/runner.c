/*
 * The daemon's end of the pair. Packets that the socket does not take yet
 * wait at their tasks; answers are wiped when they have been handed on.
 */
#include "daemon/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/runner_private.h"
#include "libclient/base/mem.h"

/* How long the helper gets to end with the daemon. */
#define END_MS 1000

enum {
	FIRST_FREE_FD = 3, /* the ones below are stdio */
	SOCKET_BUFFER = 512 * 1024,
	ANSWER_MAX = sizeof(struct runner_answer) + CHILD_OUTPUT_MAX
};

struct runner_task {
	struct runner_task *next;
	struct runner *runner;
	child_handler *handler; /* NULL: nobody waits for it any more */
	void *user;
	struct buf packet; /* to be sent; empty: it was */
	int input; /* ... with it; 0: none */
	bool is_sent; /* the helper has the order */
	int refusal; /* an errno: the helper does not get it */
	uint32_t id;
};

struct runner {
	int fd; /* -1: the helper went */
	pid_t pid;
	sd_event_source *io;
	sd_event_source *refusal; /* on: tasks are to be answered without it */
	runner_lost *lost;
	void *user;
	struct runner_task *tasks; /* in the order in which they came */
	uint32_t last_id;
	char *answer;
};

/* ---- tasks ---- */

static void
drop_packet(struct runner_task *task)
{
	buf_free_secret(&task->packet);
	if (task->input > 0)
		(void)close(task->input);
	task->input = 0;
}

static void
remove_task(struct runner_task *task)
{
	struct runner_task **link = &task->runner->tasks;

	while (*link != task)
		link = &(*link)->next;
	*link = task->next;
	drop_packet(task);
	mem_free(task);
}

/* The handler may start and cancel others. */
static void
finish(struct runner_task *task, const struct child_report *report)
{
	child_handler *handler = task->handler;
	void *user = task->user;

	remove_task(task);
	if (handler != NULL)
		handler(user, report);
}

static struct runner_task *
find_refused(const struct runner *runner)
{
	struct runner_task *task = runner->tasks;

	while (task != NULL && task->refusal == 0 && runner->fd != -1)
		task = task->next;
	return task;
}

static int
on_refusal(sd_event_source *source, void *user)
{
	struct runner *runner = user;
	struct runner_task *task;

	(void)source;
	while ((task = find_refused(runner)) != NULL) {
		struct child_report report = {
		    .end = CHILD_NOT_RUN, .output = {"", 0}};

		report.number = task->refusal == 0 ? EPIPE : task->refusal;
		finish(task, &report);
	}
	return 0;
}

static void
refuse_soon(struct runner *runner)
{
	(void)sd_event_source_set_enabled(runner->refusal, SD_EVENT_ONESHOT);
}

/* ---- the helper is gone ---- */

/* Reaps the helper, which is about to end; false if it does not. */
static bool
reap(struct runner *runner, siginfo_t *info)
{
	struct pollfd end = {
	    .fd = pidfd_open(runner->pid, 0), .events = POLLIN};
	int count = poll(&end, 1, END_MS);

	(void)close(end.fd);
	if (count != 1 ||
	    waitid(P_PID, (id_t)runner->pid, info, WEXITED | WNOHANG) != 0)
		return false;
	runner->pid = 0;
	return true;
}

static char *
describe_end(struct runner *runner)
{
	siginfo_t info = {0};

	if (!reap(runner, &info))
		return mem_copy_string("closed its socket");
	if (info.si_code == CLD_EXITED)
		return mem_format("ended with status %d", info.si_status);
	return mem_format("was killed by signal %d (%s)", info.si_status,
	    sigdescr_np(info.si_status));
}

static void
lose(struct runner *runner)
{
	char *end;

	if (runner->fd == -1)
		return;
	runner->io = sd_event_source_disable_unref(runner->io);
	(void)close(runner->fd);
	runner->fd = -1;
	end = describe_end(runner);
	refuse_soon(runner);
	runner->lost(runner->user, end);
	(void)mem_free(end);
}

/* ---- the pair ---- */

/* The packet, and its descriptor if it has one, as one message. */
static ssize_t
send_message(const struct runner_task *task)
{
	union runner_descriptor beside = {0};
	struct span bytes = buf_span(&task->packet);
	struct iovec part = {(void *)(uintptr_t)bytes.at, bytes.len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (task->input > 0) {
		beside.head.cmsg_level = SOL_SOCKET;
		beside.head.cmsg_type = SCM_RIGHTS;
		beside.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&beside.head), &task->input, sizeof(int));
		message.msg_control = &beside;
		message.msg_controllen = sizeof(beside);
	}
	return sendmsg(task->runner->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* False if the socket takes no more for now. */
static bool
send_packet(struct runner_task *task)
{
	struct runner *runner = task->runner;
	ssize_t sent;

	do
		sent = send_message(task);
	while (sent == -1 && errno == EINTR);
	if (sent == -1 && errno == EAGAIN)
		return false;
	/* if the helper has ended, the loop will hear of it */
	if (sent == -1 && errno == EMSGSIZE) {
		task->refusal = E2BIG;
		refuse_soon(runner);
	}
	task->is_sent = task->refusal == 0;
	drop_packet(task);
	return true;
}

/* Sends what waits, in order. */
static void
flush(struct runner *runner)
{
	struct runner_task *task = runner->tasks, *next;
	bool is_blocked = false;

	if (runner->io == NULL)
		return;
	for (; task != NULL && !is_blocked; task = next) {
		next = task->next;
		if (buf_len(&task->packet) == 0)
			continue;
		is_blocked = !send_packet(task);
		if (!is_blocked && task->handler == NULL)
			remove_task(task);
	}
	(void)sd_event_source_set_io_events(
	    runner->io, EPOLLIN | (is_blocked ? EPOLLOUT : 0));
}

static void
take_answer(struct runner *runner, size_t len)
{
	struct runner_answer answer;
	struct child_report report;
	struct runner_task *task = runner->tasks;

	memcpy(&answer, runner->answer, sizeof(answer));
	while (task != NULL && task->id != answer.id)
		task = task->next;
	if (task == NULL)
		return; /* it was cancelled */
	report.end = (enum child_end)answer.end;
	report.number = answer.number;
	report.output = (struct span){
	    runner->answer + sizeof(answer), len - sizeof(answer)};
	finish(task, &report);
}

static int
on_io(sd_event_source *source, int fd, uint32_t events, void *user)
{
	struct runner *runner = user;
	ssize_t n;

	(void)source;
	if ((events & EPOLLOUT) != 0)
		flush(runner);
	n = recv(fd, runner->answer, ANSWER_MAX, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < (ssize_t)sizeof(struct runner_answer)) {
		lose(runner);
		return 0;
	}
	take_answer(runner, (size_t)n);
	mem_wipe(runner->answer, (size_t)n);
	return 0;
}

/* ---- orders ---- */

/* False if it is longer than any command that can be executed. */
static bool
write_order(struct runner_task *task, const struct child_order *order)
{
	struct runner_order head = {
	    .timeout = order->timeout,
	    .grace = order->grace,
	    .output_limit = order->output_limit,
	    .id = task->id,
	    .strings = 1,
	    .merges_errors = order->merges_errors,
	};
	size_t size = sizeof(head) + strlen(order->command) + 1;

	for (size_t i = 0;
	     order->variables != NULL && order->variables[i] != NULL; i++) {
		head.strings++;
		size += strlen(order->variables[i]) + 1;
	}
	/* all at once, since growing would leave copies behind */
	if (buf_reserve(&task->packet, size) == NULL)
		return false;
	(void)buf_add(&task->packet, &head, sizeof(head));
	(void)buf_add(
	    &task->packet, order->command, strlen(order->command) + 1);
	for (uint32_t i = 1; i < head.strings; i++)
		(void)buf_add(&task->packet, order->variables[i - 1],
		    strlen(order->variables[i - 1]) + 1);
	return true;
}

struct runner_task *
runner_run(struct runner *runner, const struct child_order *order,
    child_handler *handler, void *user)
{
	struct runner_task *task = mem_new(struct runner_task);
	struct runner_task **link = &runner->tasks;

	while (*link != NULL)
		link = &(*link)->next;
	*link = task;
	task->runner = runner;
	task->handler = handler;
	task->user = user;
	task->id = ++runner->last_id;
	buf_init(&task->packet, RUNNER_ORDER_MAX);
	if (!write_order(task, order))
		task->refusal = E2BIG;
	if (order->input > 0)
		task->input =
		    fcntl(order->input, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	if (task->input == -1)
		task->refusal = errno;
	if (runner->fd == -1 || task->refusal != 0)
		refuse_soon(runner);
	else
		flush(runner);
	return task;
}

static void
stop_task(struct runner_task *task, uint64_t grace)
{
	struct runner_order stop = {
	    .id = task->id,
	    .grace = grace,
	    .hurries = task->handler != NULL,
	};

	buf_clear(&task->packet);
	(void)buf_add(&task->packet, &stop, sizeof(stop));
	flush(task->runner);
}

void
runner_hurry(struct runner_task *task, uint64_t grace)
{
	if (task->runner->fd == -1 || task->refusal != 0)
		return; /* the answer is due */
	if (task->is_sent) {
		stop_task(task, grace);
		return;
	}
	task->refusal = ECANCELED;
	drop_packet(task);
	refuse_soon(task->runner);
}

struct runner_task *
runner_cancel(struct runner_task *task)
{
	if (task == NULL)
		return NULL;
	if (task->runner->fd == -1 || !task->is_sent) {
		remove_task(task); /* the helper knows nothing of it */
		return NULL;
	}
	task->handler = NULL;
	stop_task(task, 0);
	return NULL;
}

/* ---- life ---- */

/* A pair whose ends are out of the way of stdio. */
static bool
open_pair(int ends[2])
{
	static const int size = SOCKET_BUFFER;
	int low[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, low) == -1)
		return false;
	for (int i = 0; i < 2; i++) {
		ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
		(void)close(low[i]);
		(void)setsockopt(
		    ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	if (ends[0] != -1 && ends[1] != -1)
		return true;
	(void)close(ends[0]);
	(void)close(ends[1]);
	errno = EMFILE;
	return false;
}

struct runner *
runner_start(struct imap_error *error)
{
	struct runner *runner;
	int ends[2];
	pid_t pid;

	if (!open_pair(ends)) {
		(void)imap_error_set(error, IMAP_ERROR_LOCAL,
		    "no socket to be had for the process that runs commands: "
		    "%s",
		    strerrordesc_np(errno));
		return NULL;
	}
	pid = fork();
	if (pid == 0)
		runner_serve(ends[1]);
	(void)close(ends[1]);
	if (pid == -1) {
		(void)imap_error_set(error, IMAP_ERROR_LOCAL,
		    "cannot fork the process that runs commands: %s",
		    strerrordesc_np(errno));
		(void)close(ends[0]);
		return NULL;
	}
	runner = mem_new(struct runner);
	runner->fd = ends[0];
	runner->pid = pid;
	runner->answer = mem_alloc(ANSWER_MAX);
	return runner;
}

bool
runner_attach(struct runner *runner, sd_event *loop, runner_lost *lost,
    void *user, struct imap_error *error)
{
	int result;

	runner->lost = lost;
	runner->user = user;
	result = sd_event_add_defer(loop, &runner->refusal, on_refusal, runner);
	if (result >= 0)
		result =
		    sd_event_source_set_enabled(runner->refusal, SD_EVENT_OFF);
	if (result >= 0)
		result = sd_event_add_io(
		    loop, &runner->io, runner->fd, EPOLLIN, on_io, runner);
	return result >= 0 ||
	    imap_error_set(error, IMAP_ERROR_LOCAL,
		"cannot watch the process that runs commands: %s",
		strerrordesc_np(-result));
}

struct runner *
runner_free(struct runner *runner)
{
	siginfo_t info;

	if (runner == NULL)
		return NULL;
	runner->io = sd_event_source_disable_unref(runner->io);
	runner->refusal = sd_event_source_disable_unref(runner->refusal);
	while (runner->tasks != NULL)
		remove_task(runner->tasks);
	if (runner->fd != -1)
		(void)close(runner->fd);
	/* so that nothing is left when the daemon has ended */
	if (runner->pid != 0)
		(void)reap(runner, &info);
	(void)mem_free(runner->answer);
	return mem_free(runner);
}
