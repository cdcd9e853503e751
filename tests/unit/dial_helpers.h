/*
 * What the tests of connecting share. The name service is this file's:
 * getaddrinfo() below stands in for it.
 */
#ifndef TESTS_UNIT_DIAL_HELPERS_H
#define TESTS_UNIT_DIAL_HELPERS_H

#include <arpa/inet.h>
#include <check.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "libclient/io/dial.h"

#define SECOND UINT64_C(1000000)
#define NAME   "imap.example.org"

static sd_event *loop;
static struct job_lane *lane;
static struct dial *dial;
static const struct proxy_server *proxy; /* NULL: none */
static int ended; /* how often the handler was called */
static int connected_fd;
static struct imap_error failure;
static const char *const *answer; /* addresses, up to NULL */
static int answer_result;
static bool is_answer_late; /* waits for may_answer */
static sem_t may_answer;
static int lookups;
static char looked_up[80];

typedef int resolver(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **list);

int
getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
    struct addrinfo **list)
{
	resolver *real = (resolver *)dlsym(RTLD_NEXT, "getaddrinfo");
	struct addrinfo numeric = *hints;
	struct addrinfo **end = list;
	int i;

	if (hints->ai_flags & AI_NUMERICHOST)
		return real(host, service, hints, list);
	lookups++;
	(void)snprintf(looked_up, sizeof(looked_up), "%s", host);
	if (is_answer_late)
		sem_wait(&may_answer);
	*list = NULL;
	numeric.ai_flags |= AI_NUMERICHOST;
	for (i = 0; answer != NULL && answer[i] != NULL; i++) {
		ck_assert_int_eq(real(answer[i], service, &numeric, end), 0);
		end = &(*end)->ai_next;
	}
	return answer_result;
}

static void
setup(void)
{
	ck_assert_int_ge(sd_event_new(&loop), 0);
	lane = job_lane_new(loop, "names");
	sem_init(&may_answer, 0, 0);
	connected_fd = -1;
}

static void
teardown(void)
{
	dial = dial_free(dial);
	lane = job_lane_free(lane);
	loop = sd_event_unref(loop);
	if (connected_fd >= 0)
		close(connected_fd);
}

static void
on_end(void *user, int fd, const struct imap_error *error)
{
	ck_assert_ptr_eq(user, &ended);
	ck_assert((fd >= 0) == (error == NULL));
	ended++;
	connected_fd = fd;
	if (error != NULL)
		failure = *error;
	dial = dial_free(dial);
}

static void
begin(const char *host, uint16_t port, uint64_t timeout_usec)
{
	const struct dial_target target = {
	    .host = host,
	    .port = port,
	    .proxy = proxy,
	    .timeout_usec = timeout_usec,
	};

	dial = dial_new(loop, lane, &target, on_end, &ended);
}

static void
connect_to(const char *host, uint16_t port, uint64_t timeout_usec)
{
	begin(host, port, timeout_usec);
	ck_assert_int_eq(ended, 0);
	while (ended == 0)
		ck_assert_int_gt(sd_event_run(loop, 20 * SECOND), 0);
}

/* A socket bound to address:port (0: any); *port is what it got. */
static int
bind_to(const char *address, uint16_t *port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
	    .sin_port = htons(*port),
	    .sin_addr.s_addr = inet_addr(address)};
	socklen_t size = sizeof(in);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, size), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	*port = ntohs(in.sin_port);
	return fd;
}

static inline int
listen_at(const char *address, uint16_t *port)
{
	const int fd = bind_to(address, port);

	ck_assert_int_eq(listen(fd, 8), 0);
	return fd;
}

#endif
