/*
 * In the helper process: orders from the daemon, a child for each, its answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "daemon/runner_private.h"
#include "libclient/base/mem.h"

struct errand {
	struct errand *next;
	struct server *server;
	struct child *child;
	uint32_t id;
};

struct server {
	int fd;
	sd_event *loop;
	struct errand *errands;
	char packet[RUNNER_ORDER_MAX];
};

static void
remove_errand(struct errand *errand)
{
	struct errand **link = &errand->server->errands;

	while (*link != errand)
		link = &(*link)->next;
	*link = errand->next;
	mem_free(errand);
}

/* With _exit(): what is registered for the end is the daemon's. */
static _Noreturn void
end(struct server *server)
{
	for (struct errand *errand = server->errands; errand != NULL;
	     errand = errand->next)
		(void)child_free(errand->child);
	_exit(EXIT_SUCCESS);
}

static void
on_ended(void *user, const struct child_report *report)
{
	struct errand *errand = user;
	struct server *server = errand->server;
	struct runner_answer answer = {
	    .id = errand->id,
	    .end = (int32_t)report->end,
	    .number = report->number,
	};
	struct iovec parts[] = {
	    {&answer, sizeof(answer)},
	    {(void *)(uintptr_t)report->output.at, report->output.len},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t sent;

	remove_errand(errand);
	do
		sent = sendmsg(server->fd, &message, MSG_NOSIGNAL);
	while (sent == -1 && errno == EINTR);
	if (sent == -1)
		end(server);
}

static void
start(struct server *server, const struct runner_order *order, const char *at,
    int input)
{
	struct errand *errand = mem_new(struct errand);
	const char **variables = mem_alloc(order->strings * sizeof(*variables));
	struct child_order own = {
	    .command = at,
	    .variables = variables,
	    .input = input,
	    .merges_errors = order->merges_errors != 0,
	    .output_limit = (size_t)order->output_limit,
	    .timeout = order->timeout,
	    .grace = order->grace,
	};

	for (uint32_t i = 1; i < order->strings; i++) {
		at += strlen(at) + 1;
		variables[i - 1] = at;
	}
	errand->server = server;
	errand->id = order->id;
	errand->next = server->errands;
	server->errands = errand;
	errand->child = child_start(server->loop, &own, on_ended, errand);
	(void)mem_free(variables);
}

static void
stop(struct server *server, const struct runner_order *order)
{
	struct errand *errand = server->errands;

	while (errand != NULL && errand->id != order->id)
		errand = errand->next;
	if (errand == NULL)
		return; /* it has ended: its answer is on the way */
	if (order->hurries != 0) {
		child_hurry(errand->child, order->grace);
		return;
	}
	(void)child_free(errand->child);
	remove_errand(errand);
}

/* Whether as many strings follow as are promised. */
static bool
is_whole(const struct runner_order *order, const char *strings, size_t len)
{
	uint32_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += strings[i] == '\0';
	return count == order->strings &&
	    (len == 0 || strings[len - 1] == '\0');
}

/* As recv(); *input: the descriptor that came with it, or 0. */
static ssize_t
receive(struct server *server, int *input)
{
	union runner_descriptor beside = {0};
	struct iovec part = {server->packet, sizeof(server->packet)};
	struct msghdr message = {
	    .msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = &beside,
	    .msg_controllen = sizeof(beside),
	};
	ssize_t n =
	    recvmsg(server->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*input = 0;
	if (n > 0 && message.msg_controllen >= CMSG_LEN(sizeof(int)))
		memcpy(input, CMSG_DATA(&beside.head), sizeof(int));
	return n;
}

static int
on_packet(sd_event_source *source, int fd, uint32_t events, void *user)
{
	struct server *server = user;
	struct runner_order order;
	int input;
	ssize_t n;

	(void)source;
	(void)fd;
	(void)events;
	n = receive(server, &input);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < (ssize_t)sizeof(order))
		end(server);
	memcpy(&order, server->packet, sizeof(order));
	if (!is_whole(&order, server->packet + sizeof(order),
		(size_t)n - sizeof(order)))
		end(server);
	if (order.strings > 0)
		start(server, &order, server->packet + sizeof(order), input);
	else
		stop(server, &order);
	if (input != 0)
		(void)close(input);
	mem_wipe(server->packet, (size_t)n);
	return 0;
}

/* No descriptors but the pair's end and stderr; the rest is /dev/null. */
static void
close_descriptors(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	(void)close_range(STDERR_FILENO + 1, (unsigned)fd - 1, 0);
	(void)close_range((unsigned)fd + 1, ~0U, 0);
}

_Noreturn void
runner_serve(int fd)
{
	/* They are the daemon's: a terminal and some managers send them to
	 * all. It ends with the daemon. */
	static const int ignored[] = {
	    SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE};
	struct server *server = mem_new(struct server);

	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)prctl(PR_SET_NAME, "mailmirror-cmds");
	close_descriptors(fd);
	server->fd = fd;
	if (sd_event_new(&server->loop) < 0 ||
	    sd_event_add_io(
		server->loop, NULL, fd, EPOLLIN, on_packet, server) < 0)
		_exit(EXIT_FAILURE);
	(void)sd_event_loop(server->loop);
	end(server);
}
