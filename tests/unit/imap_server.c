/*
 * A scripted IMAP server on a thread: see imap_server.h.
 */
#include "tests/unit/imap_server.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool
complain(struct server *server, const char *step, struct span got)
{
	(void)snprintf(server->complaint, sizeof(server->complaint),
	    "at \"%s\": %.*s", step, (int)got.len, got.at);
	return false;
}

static bool
inflate_into(struct server *server, struct buf *in)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	char bytes[4096];
	size_t count;

	do {
		if (!zpipe_inflate(server->zpipe, &server->packed, bytes,
			sizeof(bytes), &count, &error))
			return complain(
			    server, "inflating", span_of(error.text));
	} while (buf_add(in, bytes, count) && count > 0);
	return true;
}

/* More bytes from the client; false at their end. */
static bool
receive(struct server *server)
{
	char bytes[16384];
	ssize_t n = server->ssl != NULL
	    ? SSL_read(server->ssl, bytes, sizeof(bytes))
	    : recv(server->fd, bytes, sizeof(bytes), 0);

	if (n <= 0)
		return false;
	if (server->zpipe == NULL)
		return buf_add(&server->in, bytes, (size_t)n);
	return buf_add(&server->packed, bytes, (size_t)n) &&
	    inflate_into(server, &server->in);
}

static bool
say_raw(struct server *server, struct span bytes)
{
	ssize_t n = server->ssl != NULL
	    ? SSL_write(server->ssl, bytes.at, (int)bytes.len)
	    : send(server->fd, bytes.at, bytes.len, MSG_NOSIGNAL);

	return n == (ssize_t)bytes.len;
}

static bool
say(struct server *server, struct span bytes)
{
	bool ok;

	if (server->zpipe == NULL)
		return say_raw(server, bytes);
	zpipe_deflate(server->zpipe, bytes, true, &server->out);
	ok = say_raw(server, buf_span(&server->out));
	buf_clear(&server->out);
	return ok;
}

static void
begin_deflate(struct server *server, const char *line)
{
	buf_add_format(&server->out, "%s%s\r\n",
	    server->tags[server->tag_first++ % 8], line + 1);
	server->zpipe = zpipe_new();
}

static bool
say_line(struct server *server, const char *line)
{
	struct buf out;
	bool ok;

	buf_init(&out, 1U << 20);
	if (line[0] == '@')
		buf_add_string(&out, server->tags[server->tag_first++ % 8]);
	buf_add_format(&out, "%s\r\n", line + (line[0] == '@'));
	ok = say(server, buf_span(&out));
	buf_free(&out);
	return ok;
}

static bool
read_line(struct server *server, const char *step, bool has_tag)
{
	struct span line = {0};
	size_t i = 0;

	while (line.len == 0 || line.at[line.len - 1] != '\n') {
		if (line.len == buf_len(&server->in) && !receive(server))
			return complain(server, step, span_of("the end"));
		line = (struct span){buf_span(&server->in).at, line.len + 1};
	}
	while (has_tag && i < line.len - 1 && line.at[i] != ' ')
		i++;
	if (has_tag)
		(void)snprintf(server->tags[server->tag_end++ % 8], 40, "%.*s",
		    (int)i, line.at);
	if (!span_has_prefix_nocase(
		span_from(line, has_tag ? i + 1 : 0), strchr(step, ' ') + 1))
		return complain(server, step, line);
	buf_consume(&server->in, line.len);
	return true;
}

static bool
read_segment(struct server *server, const char *step)
{
	int lines = 0;

	if (buf_len(&server->in) > 0 || !receive(server))
		return complain(server, step, buf_span(&server->in));
	for (size_t i = 0; i < buf_len(&server->in); i++)
		lines += buf_span(&server->in).at[i] == '\n';
	return lines == step[3] - '0' ||
	    complain(server, step, buf_span(&server->in));
}

static bool
shake_hands(struct server *server)
{
	server->ssl = SSL_new(server->settings);
	SSL_set_fd(server->ssl, server->fd);
	return SSL_accept(server->ssl) == 1;
}

static bool
take_step(struct server *server, const char *step)
{
	if (strncmp(step, ">> ", 3) == 0)
		return say(server, span_of(step + 3));
	if (strncmp(step, "> ", 2) == 0)
		return say_line(server, step + 2);
	if (strncmp(step, "<< ", 3) == 0)
		return read_segment(server, step);
	if (strncmp(step, "<- ", 3) == 0)
		return read_line(server, step, false);
	if (strncmp(step, "< ", 2) == 0)
		return read_line(server, step, true);
	if (strncmp(step, "deflate @", 9) == 0) {
		begin_deflate(server, step + 8);
		return true;
	}
	if (strcmp(step, "pause") == 0)
		return usleep(100000) == 0;
	if (strcmp(step, "tls") == 0)
		return shake_hands(server);
	if (strncmp(step, "drip ", 5) == 0) {
		while (say_line(server, step + 5))
			usleep(20000);
		return false;
	}
	return !receive(server) ||
	    complain(server, step, buf_span(&server->in));
}

static void *
serve(void *user)
{
	struct server *server = user;
	const char *const *step = server->script;

	server->fd = accept(server->listener, NULL, NULL);
	while (server->fd >= 0 && *step != NULL && take_step(server, *step))
		step++;
	SSL_free(server->ssl);
	server->zpipe = zpipe_free(server->zpipe);
	if (server->fd >= 0)
		close(server->fd);
	OPENSSL_thread_stop();
	return user;
}

static void
require(bool is_true)
{
	if (!is_true)
		abort();
}

void
server_listen(struct server *server)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	signal(SIGPIPE, SIG_IGN);
	buf_init(&server->in, 1U << 20);
	buf_init(&server->out, 1U << 20);
	buf_init(&server->packed, 1U << 20);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	require(bind(server->listener, (struct sockaddr *)&address, size) == 0);
	require(listen(server->listener, 8) == 0);
	require(getsockname(
		    server->listener, (struct sockaddr *)&address, &size) == 0);
	server->port = ntohs(address.sin_port);
}

void
server_start(struct server *server, const char *const *script)
{
	server->script = script;
	require(pthread_create(&server->thread, NULL, serve, server) == 0);
}

void
server_join(struct server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
}

void
server_free(struct server *server)
{
	close(server->listener);
	buf_free(&server->in);
	buf_free(&server->out);
	buf_free(&server->packed);
	SSL_CTX_free(server->settings);
}
