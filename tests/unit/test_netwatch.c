/*
 * daemon/netwatch: which of the kernel's news count, and waking up.
 */
#include <check.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/netwatch.h"

#define SECOND UINT64_C(1000000)

/* ---- what the kernel tells ---- */

static struct {
	struct nlmsghdr header;
	union {
		struct ifaddrmsg address;
		struct rtmsg route;
		struct ifinfomsg link;
	};
	struct rtattr attribute;
	struct ifa_cacheinfo info;
} datagram;

static const char *
news(uint16_t type, size_t size)
{
	datagram.header.nlmsg_type = type;
	datagram.header.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + size);
	return netwatch_news(&datagram, datagram.header.nlmsg_len);
}

static void
clear(void)
{
	memset(&datagram, 0, sizeof(datagram));
}

START_TEST(test_an_address_that_comes_or_goes)
{
	datagram.address.ifa_family = AF_INET;
	ck_assert_str_eq(
	    news(RTM_NEWADDR, sizeof(datagram.address)), "an address changed");
	ck_assert_str_eq(
	    news(RTM_DELADDR, sizeof(datagram.address)), "an address changed");
}
END_TEST

START_TEST(test_an_address_that_cannot_be_used_yet_is_no_news)
{
	datagram.address.ifa_family = AF_INET6;
	datagram.address.ifa_flags = IFA_F_TENTATIVE;
	ck_assert_ptr_null(news(RTM_NEWADDR, sizeof(datagram.address)));
}
END_TEST

START_TEST(test_a_renewed_lease_is_no_news)
{
	struct {
		struct nlmsghdr header;
		struct ifaddrmsg address;
		struct rtattr attribute;
		struct ifa_cacheinfo info;
	} told = {
	    .header = {.nlmsg_len = sizeof(told), .nlmsg_type = RTM_NEWADDR},
	    .address = {.ifa_family = AF_INET},
	    .attribute = {.rta_len = RTA_LENGTH(sizeof(told.info)),
		.rta_type = IFA_CACHEINFO},
	    .info = {.cstamp = 100, .tstamp = 900},
	};

	ck_assert_ptr_null(netwatch_news(&told, sizeof(told)));
	told.info.tstamp = 100;
	ck_assert_str_eq(
	    netwatch_news(&told, sizeof(told)), "an address changed");
}
END_TEST

START_TEST(test_a_route_of_the_main_table)
{
	datagram.route.rtm_type = RTN_UNICAST;
	datagram.route.rtm_table = RT_TABLE_MAIN;
	ck_assert_str_eq(
	    news(RTM_NEWROUTE, sizeof(datagram.route)), "a route changed");
	ck_assert_str_eq(
	    news(RTM_DELROUTE, sizeof(datagram.route)), "a route changed");
	datagram.route.rtm_table = RT_TABLE_LOCAL;
	ck_assert_ptr_null(news(RTM_NEWROUTE, sizeof(datagram.route)));
}
END_TEST

START_TEST(test_a_cached_route_is_no_news)
{
	datagram.route.rtm_type = RTN_UNICAST;
	datagram.route.rtm_table = RT_TABLE_MAIN;
	datagram.route.rtm_flags = RTM_F_CLONED;
	ck_assert_ptr_null(news(RTM_NEWROUTE, sizeof(datagram.route)));
}
END_TEST

START_TEST(test_a_link_that_comes_up)
{
	datagram.link.ifi_flags = IFF_UP | IFF_RUNNING;
	ck_assert_ptr_null(news(RTM_NEWLINK, sizeof(datagram.link)));
	datagram.link.ifi_change = IFF_RUNNING;
	ck_assert_str_eq(
	    news(RTM_NEWLINK, sizeof(datagram.link)), "a link came up");
	datagram.link.ifi_flags = IFF_UP;
	ck_assert_ptr_null(news(RTM_NEWLINK, sizeof(datagram.link)));
}
END_TEST

START_TEST(test_what_is_cut_short_is_no_news)
{
	datagram.link.ifi_flags = IFF_RUNNING;
	datagram.link.ifi_change = IFF_RUNNING;
	for (size_t size = 0; size < sizeof(datagram.link); size++)
		ck_assert_ptr_null(news(RTM_NEWLINK, size));
	ck_assert_ptr_null(netwatch_news(&datagram, 3));
}
END_TEST

/* ---- waking up ---- */

static sd_event *loop;
static uint64_t asleep;
static uint64_t awake;
static unsigned tellings;
static const char *reason;

static uint64_t
awake_clock(void)
{
	return awake;
}

static uint64_t
whole_clock(void)
{
	return awake + asleep;
}

static void
on_change(void *user, const char *why)
{
	(void)user;
	tellings++;
	reason = why;
}

static const struct netwatch_clocks clocks = {whole_clock, awake_clock};

/* Runs the loop for so long, or until there is news. */
static void
wait_for_news(uint64_t usec)
{
	struct timespec now;
	uint64_t end;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	end =
	    (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec / 1000 + usec;
	while (tellings == 0) {
		uint64_t at;

		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		at = (uint64_t)now.tv_sec * SECOND +
		    (uint64_t)now.tv_nsec / 1000;
		if (at >= end)
			break;
		ck_assert_int_ge(sd_event_run(loop, end - at), 0);
	}
}

static void
set_up(void)
{
	ck_assert_int_ge(sd_event_new(&loop), 0);
	asleep = 0;
	awake = 1000 * SECOND;
	tellings = 0;
}

static void
tear_down(void)
{
	loop = sd_event_unref(loop);
}

START_TEST(test_time_asleep_is_noticed)
{
	struct netwatch *netwatch =
	    netwatch_new(loop, &clocks, on_change, NULL);

	asleep += 60 * SECOND;
	netwatch_look(netwatch);
	wait_for_news(5 * SECOND);
	ck_assert_uint_eq(tellings, 1);
	ck_assert_str_eq(reason, "the machine was asleep");
	netwatch_free(netwatch);
}
END_TEST

START_TEST(test_time_that_only_passes_is_not)
{
	struct netwatch *netwatch =
	    netwatch_new(loop, &clocks, on_change, NULL);

	awake += 3600 * SECOND;
	asleep += SECOND / 2;
	netwatch_look(netwatch);
	ck_assert_int_ge(sd_event_run(loop, SECOND / 2), 0);
	ck_assert_uint_eq(tellings, 0);
	netwatch_free(netwatch);
}
END_TEST

START_TEST(test_what_comes_together_is_told_once)
{
	struct netwatch *netwatch =
	    netwatch_new(loop, &clocks, on_change, NULL);

	for (unsigned i = 0; i < 5; i++) {
		asleep += 60 * SECOND;
		netwatch_look(netwatch);
	}
	wait_for_news(5 * SECOND);
	ck_assert_int_ge(sd_event_run(loop, SECOND / 2), 0);
	ck_assert_uint_eq(tellings, 1);
	netwatch_free(netwatch);
}
END_TEST

START_TEST(test_the_real_clocks_agree_while_nobody_sleeps)
{
	struct netwatch *netwatch = netwatch_new(loop, NULL, on_change, NULL);

	netwatch_look(netwatch);
	ck_assert_int_ge(sd_event_run(loop, SECOND / 3), 0);
	ck_assert_uint_eq(tellings, 0);
	netwatch_free(netwatch);
	ck_assert_ptr_null(netwatch_free(NULL));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("netwatch");
	TCase *kernel = tcase_create("what the kernel tells");
	TCase *waking = tcase_create("waking up");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(kernel, clear, NULL);
	tcase_add_test(kernel, test_an_address_that_comes_or_goes);
	tcase_add_test(
	    kernel, test_an_address_that_cannot_be_used_yet_is_no_news);
	tcase_add_test(kernel, test_a_renewed_lease_is_no_news);
	tcase_add_test(kernel, test_a_route_of_the_main_table);
	tcase_add_test(kernel, test_a_cached_route_is_no_news);
	tcase_add_test(kernel, test_a_link_that_comes_up);
	tcase_add_test(kernel, test_what_is_cut_short_is_no_news);
	suite_add_tcase(suite, kernel);
	tcase_add_checked_fixture(waking, set_up, tear_down);
	tcase_add_test(waking, test_time_asleep_is_noticed);
	tcase_add_test(waking, test_time_that_only_passes_is_not);
	tcase_add_test(waking, test_what_comes_together_is_told_once);
	tcase_add_test(waking, test_the_real_clocks_agree_while_nobody_sleeps);
	suite_add_tcase(suite, waking);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
