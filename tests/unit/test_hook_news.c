/*
 * daemon/hook_news: what is told once, however often it happened, and what is
 * not told at all.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/hook_news.h"
#include "tests/unit/run_case.h"

#define UIDVALIDITY 7

/* Sets in IMAP's notation: "" is none. */
struct told {
	const char *arrived;
	const char *removed;
	const char *reflagged;
};

static struct hook_news
news_of(const struct told *told)
{
	struct hook_news news = {.uidvalidity = UIDVALIDITY};
	struct uidset arrived = {0};

	(void)uidset_parse(&arrived, span_of(told->arrived));
	(void)uidset_parse(&news.removed, span_of(told->removed));
	(void)uidset_parse(&news.reflagged, span_of(told->reflagged));
	for (uint32_t uid = 1; uid <= uidset_last(&arrived); uid++)
		if (uidset_contains(&arrived, uid))
			hook_news_arrived(
			    &news, &(struct maildir_message){.uid = uid});
	uidset_free(&arrived);
	return news;
}

static void
expect_set(const struct uidset *set, const char *text)
{
	struct uidset wanted = {0};

	(void)uidset_parse(&wanted, span_of(text));
	ck_assert_msg(uidset_equal(set, &wanted), "not %s", text);
	uidset_free(&wanted);
}

static const struct {
	const char *what;
	struct told before, later, sum;
} sums[] = {
    {"unrelated", {"1", "2", "3"}, {"4", "5", "6"}, {"1,4", "2,5", "3,6"}},
    {"flags twice", {"", "", "3"}, {"", "", "3:4"}, {"", "", "3:4"}},
    {"new, and its flags", {"1", "", ""}, {"", "", "1:2"}, {"1", "", "2"}},
    {"came and went", {"1:3", "", ""}, {"", "2", ""}, {"1,3", "", ""}},
    {"all that came went", {"1", "", ""}, {"", "1", ""}, {"", "", ""}},
    {"flags, then gone", {"", "", "3"}, {"", "3", ""}, {"", "3", ""}},
    {"nothing before", {"", "", ""}, {"1", "2", "3"}, {"1", "2", "3"}},
    {"nothing later", {"1", "2", "3"}, {"", "", ""}, {"1", "2", "3"}},
};

START_TEST(test_news_of_two_times_are_summed_up)
{
	struct hook_news news = news_of(&sums[_i].before);
	struct hook_news later = news_of(&sums[_i].later);

	hook_news_follow(&news, &later);
	expect_set(&news.arrived, sums[_i].sum.arrived);
	expect_set(&news.removed, sums[_i].sum.removed);
	expect_set(&news.reflagged, sums[_i].sum.reflagged);
	ck_assert_uint_eq(news.known_count, uidset_count(&news.arrived));
	ck_assert(uidset_is_empty(&later.arrived));
	hook_news_free(&news);
}
END_TEST

START_TEST(test_news_know_few_messages_whole)
{
	struct told many = {"1:64", "", ""}, more = {"65", "", ""};
	struct hook_news news = news_of(&many);
	struct hook_news later = news_of(&more);

	ck_assert(news.knows_all);
	hook_news_follow(&news, &later);
	ck_assert(!news.knows_all);
	expect_set(&news.arrived, "1:65");
	hook_news_free(&news);
}
END_TEST

START_TEST(test_news_of_another_uidvalidity_replace_those_before)
{
	struct told old = {"1:9", "10", "11"}, new = {"3", "", ""};
	struct hook_news news = news_of(&old);
	struct hook_news later = news_of(&new);

	news.has_moved = true;
	later.uidvalidity++;
	hook_news_follow(&news, &later);
	ck_assert_uint_eq(news.uidvalidity, UIDVALIDITY + 1);
	expect_set(&news.arrived, "3");
	expect_set(&news.removed, "");
	ck_assert(news.has_moved);
	hook_news_free(&news);
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("hook_news");

	tcase_add_loop_test(tests, test_news_of_two_times_are_summed_up, 0,
	    sizeof(sums) / sizeof(*sums));
	tcase_add_test(tests, test_news_know_few_messages_whole);
	tcase_add_test(
	    tests, test_news_of_another_uidvalidity_replace_those_before);
	return run_case("hook_news", tests);
}
