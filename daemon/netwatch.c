/*
 * rtnetlink and the clocks. None says that a connection is dead; each says
 * that it is worth asking.
 */
#include "daemon/netwatch.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "libclient/base/mem.h"

#define SECOND UINT64_C(1000000)

/* A change seldom comes alone: an address, its routes, the link. */
#define MOMENT (SECOND / 5)

/* Rests between two tellings, for links that come and go all the time. */
#define REST (SECOND / 2)

/* The timer counts the time asleep, so it ends at once on waking up. */
#define LOOK (10 * SECOND)

/* Clocks are read one after the other, and on a busy machine. */
#define SLEPT_AT_LEAST SECOND

/* Between an address's making and its last change, in hundredths of a second:
 * less says that it is new. */
#define JUST_NOW 100

#define DATAGRAM_SIZE 16384

struct netwatch {
	struct netwatch_clocks clocks;
	netwatch_handler *handler;
	void *user;
	int fd; /* -1: none */
	sd_event_source *io;
	int set_fd; /* readable when somebody sets the time; -1: none */
	sd_event_source *set_io;
	sd_event_source *clock_timer;
	sd_event_source *news_timer;
	uint64_t slept; /* in all, when last looked at */
	uint64_t told; /* when; 0: never */
	const char *why; /* to be told; NULL: nothing is */
};

static uint64_t
read_clock(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t
boot_clock(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

static uint64_t
monotonic_clock(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

static const struct netwatch_clocks real_clocks = {
    .with_sleep = boot_clock,
    .awake = monotonic_clock,
};

/* ---- telling ---- */

static int
on_news(sd_event_source *source, uint64_t at, void *user)
{
	struct netwatch *netwatch = user;
	const char *why = netwatch->why;

	(void)source;
	(void)at;
	netwatch->why = NULL;
	netwatch->told = boot_clock();
	netwatch->handler(netwatch->user, why);
	return 0;
}

static void
note(struct netwatch *netwatch, const char *why, uint64_t moment)
{
	uint64_t at = boot_clock() + moment;

	/* what cannot wait goes before what can */
	if (netwatch->why != NULL && moment != 0)
		return;
	netwatch->why = why;
	if (netwatch->told != 0 && at < netwatch->told + REST)
		at = netwatch->told + REST;
	(void)sd_event_source_set_time(netwatch->news_timer, at);
	(void)sd_event_source_set_enabled(
	    netwatch->news_timer, SD_EVENT_ONESHOT);
}

/* ---- sleep ---- */

static uint64_t
time_asleep(const struct netwatch *netwatch)
{
	uint64_t awake = netwatch->clocks.awake();
	uint64_t all = netwatch->clocks.with_sleep();

	return all > awake ? all - awake : 0;
}

void
netwatch_look(struct netwatch *netwatch)
{
	uint64_t slept = time_asleep(netwatch);

	if (slept > netwatch->slept + SLEPT_AT_LEAST)
		note(netwatch, "the machine was asleep", 0);
	netwatch->slept = slept;
}

static int
on_clock(sd_event_source *source, uint64_t at, void *user)
{
	(void)at;
	netwatch_look(user);
	(void)sd_event_source_set_time_relative(source, LOOK);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

/* ---- the time of day ---- */

/* A timer that never ends and is cancelled when somebody sets the time. */
static void
arm_set_timer(int fd)
{
	static const struct itimerspec never = {
	    .it_value.tv_sec = INT64_MAX / INT64_C(1000000000)};

	(void)timerfd_settime(
	    fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

/* A certificate that was not yet valid may be so now. */
static int
on_time_set(sd_event_source *source, int fd, uint32_t events, void *user)
{
	uint64_t count;

	(void)source;
	(void)events;
	(void)!read(fd, &count, sizeof(count));
	arm_set_timer(fd);
	note(user, "the clock was set", MOMENT);
	return 0;
}

static int
open_set_timer(void)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0)
		arm_set_timer(fd);
	return fd;
}

/* ---- rtnetlink ---- */

/* What follows something of so many bytes; both are aligned to 4. */
static const void *
step(const void *at, size_t size, size_t *left)
{
	size_t aligned = NLMSG_ALIGN(size);

	if (aligned > *left)
		aligned = *left;
	*left -= aligned;
	return (const char *)at + aligned;
}

/* The kernel tells of an address again whenever its lease is renewed. */
static bool
is_old_address(const struct nlmsghdr *header)
{
	const struct ifaddrmsg *address = NLMSG_DATA(header);
	const struct rtattr *attribute = (const void *)((const char *)address +
	    NLMSG_ALIGN(sizeof(*address)));
	size_t left = NLMSG_PAYLOAD(header, NLMSG_ALIGN(sizeof(*address)));

	if (header->nlmsg_type == RTM_DELADDR ||
	    header->nlmsg_len < NLMSG_LENGTH(sizeof(*address)))
		return false;
	if ((address->ifa_flags & IFA_F_TENTATIVE) != 0)
		return true; /* told again when it can be used */
	/* the kernel's macros would warn, and go past a ragged end */
	for (; left >= sizeof(*attribute) &&
	     attribute->rta_len >= sizeof(*attribute) &&
	     attribute->rta_len <= left;
	     attribute = step(attribute, attribute->rta_len, &left)) {
		const struct ifa_cacheinfo *info = RTA_DATA(attribute);

		if (attribute->rta_type == IFA_CACHEINFO &&
		    RTA_PAYLOAD(attribute) >= sizeof(*info))
			return info->tstamp - info->cstamp > JUST_NOW;
	}
	return false;
}

static const char *
news_of(const struct nlmsghdr *header)
{
	const struct ifinfomsg *link = NLMSG_DATA(header);
	const struct rtmsg *route = NLMSG_DATA(header);
	size_t size = NLMSG_PAYLOAD(header, 0);

	switch (header->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return size < sizeof(struct ifaddrmsg) || is_old_address(header)
		    ? NULL
		    : "an address changed";
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return size < sizeof(*route) ||
			(route->rtm_flags & RTM_F_CLONED) != 0 ||
			route->rtm_type != RTN_UNICAST ||
			route->rtm_table != RT_TABLE_MAIN
		    ? NULL
		    : "a route changed";
	case RTM_NEWLINK:
		/* what changed is said; statistics and scans say nothing */
		return size < sizeof(*link) ||
			(link->ifi_change & (IFF_UP | IFF_RUNNING)) == 0 ||
			(link->ifi_flags & IFF_RUNNING) == 0
		    ? NULL
		    : "a link came up";
	default:
		return NULL;
	}
}

const char *
netwatch_news(const void *datagram, size_t size)
{
	const struct nlmsghdr *header = datagram;
	const char *news = NULL;
	size_t left = size;

	for (; news == NULL && left >= sizeof(*header) &&
	     header->nlmsg_len >= sizeof(*header) && header->nlmsg_len <= left;
	     header = step(header, header->nlmsg_len, &left))
		news = news_of(header);
	return news;
}

static int
on_datagram(sd_event_source *source, int fd, uint32_t events, void *user)
{
	struct netwatch *netwatch = user;
	uint32_t buffer[DATAGRAM_SIZE / sizeof(uint32_t)];
	ssize_t size;

	(void)source;
	(void)events;
	while ((size = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
		const char *news = netwatch_news(buffer, (size_t)size);

		if (news != NULL)
			note(netwatch, news, MOMENT);
	}
	/* more came than could be kept for us */
	if (size < 0 && errno == ENOBUFS)
		note(netwatch, "a route changed", MOMENT);
	return 0;
}

static int
open_rtnetlink(void)
{
	struct sockaddr_nl address = {
	    .nl_family = AF_NETLINK,
	    .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
		RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
	};
	int fd = socket(
	    AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 &&
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

/* ---- life ---- */

struct netwatch *
netwatch_new(sd_event *loop, const struct netwatch_clocks *clocks,
    netwatch_handler *handler, void *user)
{
	struct netwatch *netwatch = mem_new(struct netwatch);

	netwatch->clocks = clocks == NULL ? real_clocks : *clocks;
	netwatch->handler = handler;
	netwatch->user = user;
	netwatch->slept = time_asleep(netwatch);
	netwatch->fd = open_rtnetlink();
	if (netwatch->fd >= 0)
		(void)sd_event_add_io(loop, &netwatch->io, netwatch->fd,
		    EPOLLIN, on_datagram, netwatch);
	netwatch->set_fd = open_set_timer();
	if (netwatch->set_fd >= 0)
		(void)sd_event_add_io(loop, &netwatch->set_io, netwatch->set_fd,
		    EPOLLIN, on_time_set, netwatch);
	(void)sd_event_add_time_relative(loop, &netwatch->clock_timer,
	    CLOCK_BOOTTIME, LOOK, SECOND, on_clock, netwatch);
	(void)sd_event_add_time(loop, &netwatch->news_timer, CLOCK_BOOTTIME, 0,
	    1000, on_news, netwatch);
	(void)sd_event_source_set_enabled(netwatch->news_timer, SD_EVENT_OFF);
	/* before whatever else came due in a sleep: who rests is asked for a
	 * word, who is about to do something is given time for it */
	(void)sd_event_source_set_priority(
	    netwatch->clock_timer, SD_EVENT_PRIORITY_IMPORTANT);
	(void)sd_event_source_set_priority(
	    netwatch->news_timer, SD_EVENT_PRIORITY_IMPORTANT);
	return netwatch;
}

struct netwatch *
netwatch_free(struct netwatch *netwatch)
{
	if (netwatch == NULL)
		return NULL;
	netwatch->io = sd_event_source_disable_unref(netwatch->io);
	netwatch->set_io = sd_event_source_disable_unref(netwatch->set_io);
	netwatch->clock_timer =
	    sd_event_source_disable_unref(netwatch->clock_timer);
	netwatch->news_timer =
	    sd_event_source_disable_unref(netwatch->news_timer);
	if (netwatch->fd >= 0)
		(void)close(netwatch->fd);
	if (netwatch->set_fd >= 0)
		(void)close(netwatch->set_fd);
	return mem_free(netwatch);
}
