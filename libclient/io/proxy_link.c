/*
 * Bytes are looked at where the kernel has them, and only those that were the
 * proxy's are taken: TLS or the server's greeting begins right behind.
 */
#include "libclient/io/proxy_link.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "libclient/base/mem.h"

enum { LOOK_SIZE = 2048 };

struct proxy_link {
	int fd;
	struct proxy *proxy;
	sd_event_source *source;
	proxy_link_handler *handler;
	void *user;
	struct imap_error error; /* found before the loop turned */
};

/* The link may be gone afterwards. */
static void
end(struct proxy_link *link, const struct imap_error *error)
{
	link->source = sd_event_source_disable_unref(link->source);
	link->handler(link->user, error);
}

static void
fail_system(struct proxy_link *link, int system_error)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};

	if (system_error == 0)
		imap_error_set(&error, IMAP_ERROR_NETWORK,
		    "closed the connection before it answered");
	else
		imap_error_set(&error, IMAP_ERROR_NETWORK, "was lost: %s",
		    strerrordesc_np(system_error));
	end(link, &error);
}

static bool
is_to_wait(ssize_t count)
{
	return count < 0 &&
	    (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

/* True: all is sent. Otherwise it waits, or the link may be gone. */
static bool
send_all(struct proxy_link *link)
{
	struct span out = proxy_take(link->proxy);
	ssize_t count;

	while (out.len > 0) {
		count = send(link->fd, out.at, out.len, MSG_NOSIGNAL);
		if (is_to_wait(count)) {
			(void)sd_event_source_set_io_events(
			    link->source, EPOLLOUT);
			return false;
		}
		if (count < 0) {
			fail_system(link, errno);
			return false;
		}
		proxy_taken(link->proxy, (size_t)count);
		out = proxy_take(link->proxy);
	}
	(void)sd_event_source_set_io_events(link->source, EPOLLIN);
	return true;
}

/* True: it was all, and there may be more. The link may be gone otherwise. */
static bool
take_answer(struct proxy_link *link)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	enum proxy_answer answer;
	char bytes[LOOK_SIZE];
	size_t used = 0;
	ssize_t count = recv(link->fd, bytes, sizeof(bytes), MSG_PEEK);

	if (is_to_wait(count))
		return false;
	if (count <= 0) {
		fail_system(link, count < 0 ? errno : 0);
		return false;
	}
	answer = proxy_feed(
	    link->proxy, (struct span){bytes, (size_t)count}, &used, &error);
	/* what was seen is there */
	if (recv(link->fd, bytes, used, 0) != (ssize_t)used) {
		fail_system(link, errno);
		return false;
	}
	if (answer == PROXY_WAITS)
		return true;
	end(link, answer == PROXY_OPEN ? NULL : &error);
	return false;
}

static int
on_ready(sd_event_source *source, int fd, uint32_t revents, void *user)
{
	struct proxy_link *link = user;

	(void)source;
	(void)fd;
	(void)revents;
	if (link->error.kind != IMAP_ERROR_NONE) {
		const struct imap_error error = link->error;

		end(link, &error);
		return 0;
	}
	while (send_all(link) && take_answer(link))
		continue;
	return 0;
}

struct proxy_link *
proxy_link_new(sd_event *loop, int fd, const struct proxy_server *server,
    const char *host, uint16_t port, proxy_link_handler *handler, void *user)
{
	struct proxy_link *link = mem_new(struct proxy_link);

	link->fd = fd;
	link->handler = handler;
	link->user = user;
	link->proxy = proxy_new(server, host, port, &link->error);
	if (sd_event_add_io(
		loop, &link->source, fd, EPOLLOUT, on_ready, link) == -ENOMEM)
		abort();
	return link;
}

struct proxy_link *
proxy_link_free(struct proxy_link *link)
{
	if (link == NULL)
		return NULL;
	link->source = sd_event_source_disable_unref(link->source);
	link->proxy = proxy_free(link->proxy);
	return mem_free(link);
}
