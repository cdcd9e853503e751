/*
 * A light IMAP server for tests/bench: thousands of idle TLS connections, or
 * one mailbox of a million messages, in one process with little memory. It has
 * nothing on disk: every message follows from its UID, and nothing changes.
 *
 *   bench_server DIRECTORY FOLDERS MESSAGES
 *
 * DIRECTORY holds server.pem and server.key. INBOX has MESSAGES messages; the
 * FOLDERS others are empty. Prints its port; answers each line of its standard
 * input with "IDLING CONNECTIONS", and ends with it.
 */
#include "tests/bench/server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 256

struct server server;

static void
stop(const char *what)
{
	perror(what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static void
close_peer(struct peer *peer)
{
	server.connections--;
	server.idling -= peer->is_idling;
	SSL_free(peer->ssl);
	close(peer->fd);
	free(peer->out.at);
	free(peer->in.at);
	free(peer);
}

static void
listen_for(struct peer *peer, int how, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = peer};

	if (peer->events == events)
		return;
	peer->events = events;
	if (epoll_ctl(server.epoll, how, peer->fd, &event) != 0)
		stop("epoll_ctl");
}

static void
accept_one(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int one = 1;
	struct peer *peer;

	if (fd < 0)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	peer = calloc(1, sizeof(*peer));
	if (peer == NULL)
		abort();
	peer->fd = fd;
	peer->ssl = SSL_new(server.context);
	if (peer->ssl == NULL || SSL_set_fd(peer->ssl, fd) != 1)
		stop("SSL_new");
	SSL_set_accept_state(peer->ssl);
	server.connections++;
	reply(peer, "* OK [CAPABILITY " CAPABILITIES "] ready\r\n");
	listen_for(peer, EPOLL_CTL_ADD, EPOLLIN);
}

/* False when the connection is at its end. */
static bool
is_alive(struct peer *peer, int result)
{
	int error = SSL_get_error(peer->ssl, result);

	ERR_clear_error();
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static bool
take_input(struct peer *peer)
{
	for (;;) {
		int got;

		text_reserve(&peer->in, 4096);
		got = SSL_read(peer->ssl, peer->in.at + peer->in.len, 4096);
		if (got <= 0)
			return is_alive(peer, got);
		peer->in.len += (size_t)got;
		if (peer->in.len > 1 << 20)
			return false;
	}
}

/* Writes what fits; more of a long answer is made as the last is gone. */
static bool
give_output(struct peer *peer)
{
	for (;;) {
		int gone;

		if (peer->sent == peer->out.len) {
			peer->sent = 0;
			peer->out.len = 0;
			peer_continue(peer);
			if (peer->out.len == 0)
				break;
		}
		gone = SSL_write(peer->ssl, peer->out.at + peer->sent,
		    (int)(peer->out.len - peer->sent));
		if (gone <= 0)
			return is_alive(peer, gone);
		peer->sent += (size_t)gone;
	}
	text_free(&peer->out);
	return !peer->is_leaving;
}

static void
serve(struct peer *peer)
{
	bool is_good = take_input(peer);

	/* An ended answer may let the next command of the flight begin. */
	if (is_good)
		is_good = give_output(peer);
	if (!is_good) {
		close_peer(peer);
		return;
	}
	if (peer->in.len == 0)
		text_free(&peer->in);
	listen_for(peer, EPOLL_CTL_MOD,
	    EPOLLIN |
		(peer->out.len > 0 && SSL_is_init_finished(peer->ssl)
			? (uint32_t)EPOLLOUT
			: 0U));
}

static int
open_listener(void)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 ||
	    listen(fd, 1000) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		stop("listen");
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static void
open_context(const char *directory)
{
	char path[4096];

	server.context = SSL_CTX_new(TLS_server_method());
	if (server.context == NULL)
		stop("SSL_CTX_new");
	SSL_CTX_set_mode(server.context,
	    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	snprintf(path, sizeof(path), "%s/server.pem", directory);
	if (SSL_CTX_use_certificate_chain_file(server.context, path) != 1)
		stop(path);
	snprintf(path, sizeof(path), "%s/server.key", directory);
	if (SSL_CTX_use_PrivateKey_file(
		server.context, path, SSL_FILETYPE_PEM) != 1)
		stop(path);
}

/* A line asks for the figures, the end of the input for our own. */
static void
answer_parent(void)
{
	char line[64];

	if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
		exit(0);
	printf("%u %u\n", server.idling, server.connections);
	fflush(stdout);
}

static void
run(int listener)
{
	struct epoll_event events[EVENTS];
	struct epoll_event asked = {.events = EPOLLIN, .data.ptr = NULL};
	struct epoll_event come = {.events = EPOLLIN, .data.ptr = &server};

	if (epoll_ctl(server.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &asked) != 0 ||
	    epoll_ctl(server.epoll, EPOLL_CTL_ADD, listener, &come) != 0)
		stop("epoll_ctl");
	for (;;) {
		int count = epoll_wait(server.epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr == NULL)
				answer_parent();
			else if (events[i].data.ptr == &server)
				accept_one(listener);
			else
				serve(events[i].data.ptr);
		}
	}
}

int
main(int count, char **arguments)
{
	struct rlimit limit;

	if (count != 4) {
		fputs(
		    "usage: bench_server DIRECTORY FOLDERS MESSAGES\n", stderr);
		return 64;
	}
	signal(SIGPIPE, SIG_IGN);
	server.folders = (uint32_t)strtoul(arguments[2], NULL, 10);
	server.messages = (uint32_t)strtoul(arguments[3], NULL, 10);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	server.epoll = epoll_create1(EPOLL_CLOEXEC);
	open_context(arguments[1]);
	run(open_listener());
	return 0;
}
