/*
 * Peers of the control socket. Each has one request at a time, and gets no
 * more before it has read what it was sent.
 */
#include "daemon/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/maildir_root.h"
#include "libclient/base/buf.h"
#include "libclient/base/mem.h"

#define REQUEST_MAX ((size_t)65536)
#define REPLY_MAX   ((size_t)64 << 20)
#define PEERS_MAX   32

/* Followers are told of changes no more often than this. */
#define FOLLOW_INTERVAL UINT64_C(250000)

struct peer {
	struct peer *next;
	struct control *control;
	sd_event_source *source;
	int fd;
	bool follows;
	bool is_told; /* of the last change */
	struct buf in;
	struct buf out;
};

struct control {
	sd_event *loop;
	const struct control_ops *ops;
	void *user;
	char *path;
	int fd;
	sd_event_source *source;
	sd_event_source *follow_timer;
	struct peer *peers;
	uint32_t peer_count;
};

static void
follow_soon(struct control *control)
{
	if (sd_event_source_get_enabled(control->follow_timer, NULL) > 0)
		return;
	(void)sd_event_source_set_time_relative(
	    control->follow_timer, FOLLOW_INTERVAL);
	(void)sd_event_source_set_enabled(
	    control->follow_timer, SD_EVENT_ONESHOT);
}

/* ---- a peer ---- */

static void
drop_peer(struct peer *peer)
{
	struct peer **link = &peer->control->peers;

	while (*link != peer)
		link = &(*link)->next;
	*link = peer->next;
	peer->control->peer_count--;
	peer->source = sd_event_source_disable_unref(peer->source);
	close(peer->fd);
	buf_free(&peer->in);
	buf_free(&peer->out);
	mem_free(peer);
}

/* Writes what can be written; false: it is gone. */
static bool
flush(struct peer *peer)
{
	while (buf_span(&peer->out).len > 0) {
		struct span rest = buf_span(&peer->out);
		ssize_t len = send(peer->fd, rest.at, rest.len, MSG_NOSIGNAL);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			break;
		if (len < 0)
			return false;
		buf_consume(&peer->out, (size_t)len);
	}
	(void)sd_event_source_set_io_events(peer->source,
	    EPOLLIN | (buf_span(&peer->out).len > 0 ? EPOLLOUT : 0U));
	if (buf_span(&peer->out).len == 0 && peer->follows && !peer->is_told)
		follow_soon(peer->control);
	return true;
}

/* False: it is gone. The reply is the caller's no more. */
static bool
reply(struct peer *peer, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	bool ok = text != NULL && buf_add_string(&peer->out, text) &&
	    buf_add_string(&peer->out, "\n");

	free(text);
	json_decref(value);
	return ok && flush(peer);
}

static bool
refuse(struct peer *peer, int code, const char *why)
{
	return reply(peer,
	    json_pack("{s:b, s:s, s:i}", "ok", 0, "error", why, "code", code));
}

static bool
tell_status(struct peer *peer)
{
	peer->is_told = true;
	return reply(peer,
	    json_pack("{s:b, s:o}", "ok", 1, "status",
		peer->control->ops->status(peer->control->user)));
}

/* ---- requests ---- */

static bool
are_targets(const json_t *targets)
{
	if (!json_is_array(targets))
		return false;
	for (size_t i = 0; i < json_array_size(targets); i++)
		if (!json_is_string(json_array_get(targets, i)))
			return false;
	return true;
}

static bool
obey(struct peer *peer, const char *command, const json_t *targets)
{
	const struct control *control = peer->control;
	struct imap_error error = {0};
	int code = EX_SOFTWARE;

	if (!are_targets(targets))
		return refuse(peer, EX_USAGE,
		    "\"targets\" is no list of ACCOUNT or ACCOUNT/FOLDER");
	if (!control->ops->order(
		control->user, command, targets, &code, &error))
		return refuse(peer, code, error.text);
	return reply(peer, json_pack("{s:b}", "ok", 1));
}

static bool
answer(struct peer *peer, const json_t *request)
{
	static const char *const orders[] = {
	    "sync-now", "pause", "resume", "reload"};
	const char *command =
	    json_string_value(json_object_get(request, "command"));
	const json_t *targets = json_object_get(request, "targets");
	json_t *none;
	bool is_alive;

	if (command == NULL)
		return refuse(peer, EX_USAGE, "no \"command\" in the request");
	if (strcmp(command, "status") == 0) {
		peer->follows =
		    json_is_true(json_object_get(request, "follow"));
		return tell_status(peer);
	}
	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		if (strcmp(command, orders[i]) != 0)
			continue;
		none = json_array();
		is_alive =
		    obey(peer, orders[i], targets == NULL ? none : targets);
		json_decref(none);
		return is_alive;
	}
	return refuse(peer, EX_USAGE,
	    "unknown command; known: status, sync-now, pause, resume, reload");
}

/* One line; false: the peer is gone. */
static bool
take_line(struct peer *peer, struct span line)
{
	json_error_t error;
	json_t *request = json_loadb(line.at, line.len, 0, &error);
	bool is_alive;

	if (request == NULL)
		return refuse(peer, EX_USAGE, "the request is no JSON object");
	is_alive = answer(peer, request);
	json_decref(request);
	return is_alive;
}

/* False: it is gone, or has to go. */
static bool
read_requests(struct peer *peer)
{
	char bytes[4096];
	ssize_t len = recv(peer->fd, bytes, sizeof(bytes), 0);
	struct span have;
	const char *end;

	if (len < 0)
		return errno == EAGAIN || errno == EINTR;
	if (len == 0 || !buf_add(&peer->in, bytes, (size_t)len))
		return false;
	for (;;) {
		have = buf_span(&peer->in);
		end = have.len == 0 ? NULL : memchr(have.at, '\n', have.len);
		if (end == NULL)
			return true;
		if (!take_line(
			peer, (struct span){have.at, (size_t)(end - have.at)}))
			return false;
		buf_consume(&peer->in, (size_t)(end - have.at) + 1);
	}
}

static int
on_peer(sd_event_source *source, int fd, uint32_t events, void *user)
{
	struct peer *peer = user;
	bool is_alive = true;

	(void)source;
	(void)fd;
	if ((events & EPOLLOUT) != 0)
		is_alive = flush(peer);
	if (is_alive && (events & EPOLLIN) != 0)
		is_alive = read_requests(peer);
	else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		is_alive = false;
	if (!is_alive)
		drop_peer(peer);
	return 0;
}

/* ---- followers ---- */

static int
on_follow(sd_event_source *source, uint64_t at, void *user)
{
	struct control *control = user;
	struct peer *next;

	(void)source;
	(void)at;
	for (struct peer *peer = control->peers; peer != NULL; peer = next) {
		next = peer->next;
		/* who has not read the last one gets the next when it has */
		if (peer->follows && !peer->is_told &&
		    buf_span(&peer->out).len == 0 && !tell_status(peer))
			drop_peer(peer);
	}
	return 0;
}

void
control_changed(struct control *control)
{
	bool has_follower = false;

	if (control == NULL)
		return;
	for (struct peer *peer = control->peers; peer != NULL;
	     peer = peer->next) {
		peer->is_told = false;
		has_follower |= peer->follows;
	}
	if (has_follower)
		follow_soon(control);
}

/* ---- the socket ---- */

static bool
is_ours(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    (peer.uid == geteuid() || peer.uid == 0);
}

static int
on_connection(sd_event_source *source, int fd, uint32_t events, void *user)
{
	struct control *control = user;
	int peer_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct peer *peer;

	(void)source;
	(void)events;
	if (peer_fd < 0)
		return 0;
	if (!is_ours(peer_fd) || control->peer_count >= PEERS_MAX) {
		log_notice(NULL, "a peer of the control socket is refused: %s",
		    is_ours(peer_fd) ? "there are too many"
				     : "it is another user's");
		close(peer_fd);
		return 0;
	}
	peer = mem_new(struct peer);
	peer->control = control;
	peer->fd = peer_fd;
	buf_init(&peer->in, REQUEST_MAX);
	buf_init(&peer->out, REPLY_MAX);
	peer->next = control->peers;
	control->peers = peer;
	control->peer_count++;
	if (sd_event_add_io(control->loop, &peer->source, peer_fd, EPOLLIN,
		on_peer, peer) < 0)
		drop_peer(peer);
	return 0;
}

static bool
fail(const char *what, const char *path, struct imap_error *error)
{
	return imap_error_set(error, IMAP_ERROR_LOCAL,
	    "control_socket: cannot %s %s: %s", what, path, strerror(errno));
}

static bool
make_directory(const char *path, struct imap_error *error)
{
	const char *slash = strrchr(path, '/');
	char *directory;
	bool ok;

	if (slash == NULL || slash == path)
		return true;
	directory = span_to_string((struct span){path, (size_t)(slash - path)});
	ok = maildir_make_path(directory, error);
	mem_free(directory);
	return ok;
}

/* Binds; what nobody listens at any more is replaced. */
static bool
bind_path(int fd, const struct sockaddr_un *address, struct imap_error *error)
{
	const struct sockaddr *general = (const struct sockaddr *)address;
	int probe;
	bool is_alive;

	if (bind(fd, general, sizeof(*address)) == 0)
		return true;
	if (errno != EADDRINUSE)
		return fail("make", address->sun_path, error);
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	is_alive = probe >= 0 && connect(probe, general, sizeof(*address)) == 0;
	if (probe >= 0)
		close(probe);
	if (is_alive)
		return imap_error_set(error, IMAP_ERROR_BUSY,
		    "control_socket: another instance listens at %s",
		    address->sun_path);
	if (unlink(address->sun_path) < 0 ||
	    bind(fd, general, sizeof(*address)) < 0)
		return fail("replace", address->sun_path, error);
	return true;
}

static bool
listen_at(struct control *control, struct imap_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(control->path);

	if (len >= sizeof(address.sun_path))
		return imap_error_set(error, IMAP_ERROR_CONFIG,
		    "control_socket: %s is longer than %zu bytes",
		    control->path, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, control->path, len);
	control->fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->fd < 0)
		return fail("make", control->path, error);
	if (!make_directory(control->path, error) ||
	    !bind_path(control->fd, &address, error)) {
		close(control->fd);
		control->fd = -1;
		return false;
	}
	/* nobody can connect before it listens */
	if (chmod(control->path, 0600) < 0 || listen(control->fd, 8) < 0)
		return fail("listen at", control->path, error);
	return true;
}

struct control *
control_new(sd_event *loop, const char *path, const struct control_ops *ops,
    void *user, struct imap_error *error)
{
	struct control *control = mem_new(struct control);

	control->loop = sd_event_ref(loop);
	control->ops = ops;
	control->user = user;
	control->path = mem_copy_string(path);
	control->fd = -1;
	if (!listen_at(control, error))
		return control_free(control);
	(void)sd_event_add_io(loop, &control->source, control->fd, EPOLLIN,
	    on_connection, control);
	(void)sd_event_add_time(loop, &control->follow_timer, CLOCK_BOOTTIME, 0,
	    1000, on_follow, control);
	(void)sd_event_source_set_enabled(control->follow_timer, SD_EVENT_OFF);
	return control;
}

struct control *
control_free(struct control *control)
{
	if (control == NULL)
		return NULL;
	while (control->peers != NULL)
		drop_peer(control->peers);
	control->source = sd_event_source_disable_unref(control->source);
	control->follow_timer =
	    sd_event_source_disable_unref(control->follow_timer);
	if (control->fd >= 0) {
		(void)unlink(control->path);
		close(control->fd);
	}
	control->loop = sd_event_unref(control->loop);
	mem_free(control->path);
	return mem_free(control);
}
