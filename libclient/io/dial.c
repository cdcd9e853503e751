/*
 * Connecting (RFC 8305, "happy eyeballs"): one look-up on the lane, then
 * attempts that overlap. Whoever connects first wins, the rest is closed.
 * Whatever calls the handler does so as its last act, for the handler may
 * free the dial.
 */
#include "libclient/io/dial.h"

#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "libclient/base/mem.h"
#include "libclient/io/proxy_link.h"

#define ATTEMPT_DELAY_USEC UINT64_C(250000) /* RFC 8305 section 5 */
#define ACCURACY_USEC	   UINT64_C(1000)
#define USEC_PER_MSEC	   UINT64_C(1000)
#define USEC_PER_SEC	   1e6

enum {
	MAX_ADDRESSES = 20,
	REASONS_SIZE = 160,
	PORT_SIZE = 8,
	KEEPALIVE_IDLE_S = 60,
	KEEPALIVE_INTERVAL_S = 10,
	KEEPALIVE_PROBES = 3
};

/* What the lane's thread works on; outlives a dial that is given up. */
struct lookup {
	struct dial *dial;
	char *host;
	char port[PORT_SIZE];
	struct addrinfo *list;
	int result; /* of getaddrinfo() */
	int system_error;
};

struct attempt {
	struct dial *dial;
	struct sockaddr_storage address;
	socklen_t length;
	int fd; /* -1: not under way */
	sd_event_source *source;
};

struct dial {
	sd_event *loop;
	char *host;
	uint16_t port;
	const struct proxy_server *proxy;
	uint64_t timeout_usec;
	dial_handler *handler;
	void *user;
	struct proxy_link *link; /* to the proxy, once it is connected */
	int link_fd;
	struct job *job; /* the look-up, while it runs */
	sd_event_source *begin;
	sd_event_source *deadline;
	sd_event_source *stagger;
	struct attempt attempts[MAX_ADDRESSES];
	unsigned count;
	unsigned next; /* the first attempt that was not begun */
	int fault; /* an errno that kept it from beginning */
	char reasons[REASONS_SIZE];
	bool is_local; /* we have no descriptor or memory left */
};

static void
look_up(void *data)
{
	struct lookup *lookup = data;
	const struct addrinfo hints = {
	    .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICSERV,
	};

	errno = 0;
	lookup->result =
	    getaddrinfo(lookup->host, lookup->port, &hints, &lookup->list);
	lookup->system_error = errno;
}

static void
free_lookup(void *data)
{
	struct lookup *lookup = data;

	if (lookup->list != NULL)
		freeaddrinfo(lookup->list);
	mem_free(lookup->host);
	mem_free(lookup);
}

static void
close_attempt(struct attempt *attempt)
{
	attempt->source = sd_event_source_disable_unref(attempt->source);
	if (attempt->fd >= 0)
		close(attempt->fd);
	attempt->fd = -1;
}

static void
stop_attempts(struct dial *dial)
{
	unsigned i;

	dial->stagger = sd_event_source_disable_unref(dial->stagger);
	for (i = 0; i < dial->count; i++)
		close_attempt(&dial->attempts[i]);
}

/* Stops everything that could still happen. */
static void
stop(struct dial *dial)
{
	job_cancel(dial->job, free_lookup, true);
	dial->job = NULL;
	dial->begin = sd_event_source_disable_unref(dial->begin);
	dial->deadline = sd_event_source_disable_unref(dial->deadline);
	stop_attempts(dial);
	dial->link = proxy_link_free(dial->link);
	if (dial->link_fd >= 0)
		close(dial->link_fd);
	dial->link_fd = -1;
}

/* "host:port", "[::1]:993"; to be freed. */
static char *
name_of(const char *host, uint16_t port)
{
	const bool is_ipv6 = strchr(host, ':') != NULL;

	return mem_format(
	    "%s%s%s:%u", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", port);
}

/* Calls the handler: the dial may be gone afterwards. */
static void
fail(struct dial *dial, enum imap_error_kind kind, const char *reason)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	char *host = name_of(dial->host, dial->port);
	char *proxy = dial->proxy == NULL
	    ? NULL
	    : name_of(dial->proxy->host, dial->proxy->port);

	if (proxy == NULL)
		imap_error_set(&error, kind, "%s: %s", host, reason);
	else if (dial->link == NULL)
		imap_error_set(&error, kind, "%s: no way to the proxy %s: %s",
		    host, proxy, reason);
	else
		imap_error_set(
		    &error, kind, "%s: the proxy %s %s", host, proxy, reason);
	mem_free(host);
	mem_free(proxy);
	stop(dial);
	dial->handler(dial->user, -1, &error);
}

/* Every reason is told once, however many addresses share it. */
static void
note_reason(struct dial *dial, int system_error)
{
	const char *text = strerrordesc_np(system_error);
	char reason[REASONS_SIZE];
	size_t used = strlen(dial->reasons);

	(void)snprintf(reason, sizeof(reason), "%s",
	    text == NULL ? "unknown error" : text);
	if (reason[0] >= 'A' && reason[0] <= 'Z')
		reason[0] = (char)(reason[0] - 'A' + 'a');
	if (strstr(dial->reasons, reason) != NULL ||
	    used + strlen(reason) + 2 >= sizeof(dial->reasons))
		return;
	(void)snprintf(dial->reasons + used, sizeof(dial->reasons) - used,
	    "%s%s", used > 0 ? ", " : "", reason);
}

static int
on_deadline(sd_event_source *source, uint64_t usec, void *user)
{
	struct dial *dial = user;
	char reason[REASONS_SIZE * 2];

	(void)source;
	(void)usec;
	(void)snprintf(reason, sizeof(reason), "%s within %.3g s%s%s%s",
	    dial->job != NULL	     ? "the name look-up did not end"
		: dial->link != NULL ? "did not open the way"
				     : "no connection",
	    (double)dial->timeout_usec / USEC_PER_SEC,
	    dial->reasons[0] != '\0' ? " (" : "", dial->reasons,
	    dial->reasons[0] != '\0' ? ")" : "");
	fail(dial, IMAP_ERROR_TIMEOUT, reason);
	return 0;
}

/* Options are a courtesy: a socket without them still works. */
static void
set_options(const struct dial *dial, int fd)
{
	const uint64_t msec = dial->timeout_usec / USEC_PER_MSEC;
	const unsigned timeout = msec > INT_MAX ? INT_MAX : (unsigned)msec;
	const int on = 1;
	const int idle = KEEPALIVE_IDLE_S;
	const int interval = KEEPALIVE_INTERVAL_S;
	const int probes = KEEPALIVE_PROBES;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(
	    fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	(void)setsockopt(
	    fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
}

static void
on_linked(void *user, const struct imap_error *error)
{
	struct dial *dial = user;
	const int fd = dial->link_fd;

	if (error != NULL) {
		fail(dial, error->kind, error->text);
		return;
	}
	dial->link_fd = -1;
	stop(dial);
	dial->handler(dial->user, fd, NULL);
}

/* Gives the attempt's socket away: the dial may be gone afterwards. */
static void
succeed(struct attempt *attempt)
{
	struct dial *dial = attempt->dial;
	const int fd = attempt->fd;

	attempt->source = sd_event_source_disable_unref(attempt->source);
	attempt->fd = -1;
	if (dial->proxy == NULL) {
		stop(dial);
		dial->handler(dial->user, fd, NULL);
		return;
	}
	stop_attempts(dial);
	dial->reasons[0] = '\0';
	dial->link_fd = fd;
	dial->link = proxy_link_new(dial->loop, fd, dial->proxy, dial->host,
	    dial->port, on_linked, dial);
}

static int on_connected(
    sd_event_source *source, int fd, uint32_t revents, void *user);

enum outcome { UNDER_WAY, CONNECTED, REFUSED };

static enum outcome
begin_attempt(struct attempt *attempt)
{
	struct dial *dial = attempt->dial;
	const struct sockaddr *address =
	    (const struct sockaddr *)&attempt->address;
	int result;

	attempt->fd = socket(attempt->address.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (attempt->fd < 0) {
		dial->is_local |= errno == EMFILE || errno == ENFILE ||
		    errno == ENOBUFS || errno == ENOMEM;
		note_reason(dial, errno);
		return REFUSED;
	}
	set_options(dial, attempt->fd);
	if (connect(attempt->fd, address, attempt->length) == 0)
		return CONNECTED;
	if (errno != EINPROGRESS && errno != EINTR) {
		note_reason(dial, errno);
		close_attempt(attempt);
		return REFUSED;
	}
	result = sd_event_add_io(dial->loop, &attempt->source, attempt->fd,
	    EPOLLOUT, on_connected, attempt);
	if (result < 0) {
		note_reason(dial, -result);
		close_attempt(attempt);
		return REFUSED;
	}
	return UNDER_WAY;
}

static bool
is_any_under_way(const struct dial *dial)
{
	unsigned i;

	for (i = 0; i < dial->next; i++) {
		if (dial->attempts[i].fd >= 0)
			return true;
	}
	return false;
}

/*
 * Begins the next attempt, and those behind it while they fail at once. The
 * dial may be gone afterwards.
 */
static void
go_on(struct dial *dial)
{
	enum outcome outcome = REFUSED;
	struct attempt *attempt;

	while (dial->next < dial->count && outcome == REFUSED) {
		attempt = &dial->attempts[dial->next++];
		outcome = begin_attempt(attempt);
		if (outcome == CONNECTED) {
			succeed(attempt);
			return;
		}
	}
	if (!is_any_under_way(dial)) {
		fail(dial,
		    dial->is_local ? IMAP_ERROR_LOCAL : IMAP_ERROR_NETWORK,
		    dial->reasons);
		return;
	}
	if (dial->next < dial->count) {
		(void)sd_event_source_set_time_relative(
		    dial->stagger, ATTEMPT_DELAY_USEC);
		(void)sd_event_source_set_enabled(
		    dial->stagger, SD_EVENT_ONESHOT);
	}
}

static int
on_connected(sd_event_source *source, int fd, uint32_t revents, void *user)
{
	struct attempt *attempt = user;
	socklen_t size = sizeof(int);
	int error = 0;

	(void)source;
	(void)revents;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (error == 0) {
		succeed(attempt);
		return 0;
	}
	note_reason(attempt->dial, error);
	close_attempt(attempt);
	/* RFC 8305 section 5: a failure need not wait for the delay. */
	go_on(attempt->dial);
	return 0;
}

static int
on_stagger(sd_event_source *source, uint64_t usec, void *user)
{
	(void)source;
	(void)usec;
	go_on(user);
	return 0;
}

/* The next one in the list that is (not) of the family; NULL at its end. */
static const struct addrinfo *
next_of(const struct addrinfo *list, int family, bool is_same)
{
	while (list != NULL &&
	    ((list->ai_family == family) != is_same ||
		list->ai_addrlen > sizeof(struct sockaddr_storage)))
		list = list->ai_next;
	return list;
}

static void
add_address(struct dial *dial, const struct addrinfo *info)
{
	struct attempt *attempt = &dial->attempts[dial->count++];

	attempt->dial = dial;
	attempt->fd = -1;
	attempt->length = info->ai_addrlen;
	memcpy(&attempt->address, info->ai_addr, info->ai_addrlen);
}

/*
 * RFC 8305 section 4: the resolver has sorted by RFC 6724; the family that it
 * puts first leads, and the families take turns.
 */
static void
interleave(struct dial *dial, const struct addrinfo *list)
{
	const int family = list->ai_family;
	const struct addrinfo *same = next_of(list, family, true);
	const struct addrinfo *other = next_of(list, family, false);

	while (same != NULL || other != NULL) {
		if (same != NULL && dial->count < MAX_ADDRESSES) {
			add_address(dial, same);
			same = next_of(same->ai_next, family, true);
		}
		if (other != NULL && dial->count < MAX_ADDRESSES) {
			add_address(dial, other);
			other = next_of(other->ai_next, family, false);
		}
		if (dial->count == MAX_ADDRESSES)
			return;
	}
}

/* The dial may be gone afterwards. */
static void
on_looked_up(void *data)
{
	struct lookup *lookup = data;
	struct dial *dial = lookup->dial;
	const int result = lookup->result;
	const int system_error = lookup->system_error;
	char reason[REASONS_SIZE];

	dial->job = NULL;
	if (result == 0 && lookup->list != NULL)
		interleave(dial, lookup->list);
	free_lookup(lookup);
	if (dial->count > 0) {
		go_on(dial);
		return;
	}
	if (result == EAI_NONAME || result == EAI_NODATA || result == 0)
		(void)snprintf(reason, sizeof(reason),
		    "name not found: check %s",
		    dial->proxy == NULL ? "host" : "proxy");
	else
		(void)snprintf(reason, sizeof(reason),
		    "name look-up failed: %s",
		    result == EAI_SYSTEM ? strerrordesc_np(system_error)
					 : gai_strerror(result));
	fail(dial, IMAP_ERROR_NETWORK, reason);
}

static int
on_begin(sd_event_source *source, void *user)
{
	struct dial *dial = user;

	(void)source;
	if (dial->fault != 0)
		fail(dial, IMAP_ERROR_LOCAL, strerrordesc_np(dial->fault));
	else
		go_on(dial);
	return 0;
}

/* An address needs no look-up, and must not wait for those of others. */
static bool
take_literal(struct dial *dial, const char *host, const char *port)
{
	const struct addrinfo hints = {
	    .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	};
	struct addrinfo *list = NULL;

	if (getaddrinfo(host, port, &hints, &list) != 0 || list == NULL)
		return false;
	interleave(dial, list);
	freeaddrinfo(list);
	return dial->count > 0;
}

static int
add_timers(struct dial *dial)
{
	int result = sd_event_add_time_relative(dial->loop, &dial->deadline,
	    CLOCK_BOOTTIME, dial->timeout_usec, ACCURACY_USEC, on_deadline,
	    dial);

	if (result >= 0)
		result = sd_event_add_time_relative(dial->loop, &dial->stagger,
		    CLOCK_BOOTTIME, ATTEMPT_DELAY_USEC, ACCURACY_USEC,
		    on_stagger, dial);
	if (result >= 0)
		result =
		    sd_event_source_set_enabled(dial->stagger, SD_EVENT_OFF);
	return result;
}

struct dial *
dial_new(sd_event *loop, struct job_lane *names,
    const struct dial_target *target, dial_handler *handler, void *user)
{
	const struct proxy_server *proxy = target->proxy;
	const char *host = proxy == NULL ? target->host : proxy->host;
	const uint16_t port = proxy == NULL ? target->port : proxy->port;
	struct dial *dial = mem_new(struct dial);
	struct lookup *lookup;
	char service[PORT_SIZE];
	int result;

	dial->loop = loop;
	dial->host = mem_copy_string(target->host);
	dial->port = target->port;
	dial->proxy = proxy;
	dial->link_fd = -1;
	dial->timeout_usec = target->timeout_usec;
	dial->handler = handler;
	dial->user = user;
	result = add_timers(dial);
	dial->fault = result < 0 ? -result : 0;
	(void)snprintf(service, sizeof(service), "%u", port);
	if (dial->fault != 0 || take_literal(dial, host, service)) {
		result = sd_event_add_defer(loop, &dial->begin, on_begin, dial);
		if (result == -ENOMEM)
			abort();
		return dial;
	}
	lookup = mem_new(struct lookup);
	lookup->dial = dial;
	lookup->host = mem_copy_string(host);
	memcpy(lookup->port, service, sizeof(service));
	dial->job = job_submit(names, look_up, on_looked_up, lookup);
	return dial;
}

struct dial *
dial_free(struct dial *dial)
{
	if (dial == NULL)
		return NULL;
	stop(dial);
	mem_free(dial->host);
	mem_free(dial);
	return NULL;
}

/* ---- later ---- */

static bool
has_address(const struct sockaddr_storage *address, socklen_t length)
{
	struct sockaddr_storage copy = *address;
	int fd = socket(address->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool has;

	if (fd < 0)
		return true;
	if (copy.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&copy)->sin6_port = 0;
	else
		((struct sockaddr_in *)&copy)->sin_port = 0;
	has = bind(fd, (struct sockaddr *)&copy, length) == 0 ||
	    errno != EADDRNOTAVAIL;
	close(fd);
	return has;
}

bool
dial_is_stranded(int fd, bool was_sent)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof(address);
	int unacknowledged = 0;

	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0 ||
	    (address.ss_family != AF_INET && address.ss_family != AF_INET6))
		return false; /* a tunnel's */
	return !has_address(&address, length) ||
	    (was_sent && ioctl(fd, SIOCOUTQ, &unacknowledged) == 0 &&
		unacknowledged > 0);
}
