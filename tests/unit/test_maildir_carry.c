/*
 * daemon/maildir_carry: what was agreed stays so over our own changes, and
 * over nobody else's.
 */
#include "daemon/maildir_carry.h"

#include "tests/unit/maildir_helpers.h"

#define NAME "5.V7.host,U=2,S=3"
static const struct maildir_message message = {2, 3, 5, INDEX_SEEN};

static int64_t
time_of(const char *directory)
{
	struct stat info;

	ck_assert_int_eq(stat(directory, &info), 0);
	return info.st_mtim.tv_sec * INT64_C(1000000000) + info.st_mtim.tv_nsec;
}

static struct maildir_stamp
now(void)
{
	return (struct maildir_stamp){time_of("new"), time_of("cur")};
}

/* One message in cur/, all as agreed. */
static void
agree(void)
{
	write_file("cur/" NAME ":2,S", "one");
	maildir_agree(folder, now());
}

static void
assert_agreed(struct maildir_stamp stamp)
{
	ck_assert_int_gt(stamp.new_ns, 0);
	ck_assert_int_eq(stamp.new_ns, time_of("new"));
	ck_assert_int_eq(stamp.cur_ns, time_of("cur"));
}

static void
assert_not_agreed(struct maildir_stamp stamp)
{
	ck_assert_int_eq(stamp.new_ns, 0);
	ck_assert_int_eq(stamp.cur_ns, 0);
}

/* ---- what we do ---- */

static void
do_nothing(void)
{
}

static void
do_commit(void)
{
	struct maildir_arrival arrivals[] = {
	    arrive(3, 5, 0, "new"), arrive(4, 5, INDEX_SEEN, "cur")};
	uint32_t committed;

	ck_assert(maildir_commit(
	    folder, &identity, arrivals, 2, false, &committed, &error));
}

static void
do_flag(void)
{
	bool is_missing;

	ck_assert(maildir_set_flags(
	    folder, &identity, &message, 0, &is_missing, &error));
	ck_assert(!is_missing);
}

static void
do_remove(void)
{
	ck_assert(maildir_remove(folder, &identity, &message, &error));
}

static void
do_remove_file(void)
{
	ck_assert(maildir_remove_file(folder, NAME ":2,S", false, &error));
	/* one that is not there */
	ck_assert(maildir_remove_file(folder, NAME ":2,S", false, &error));
}

static void
do_disown(void)
{
	ck_assert(maildir_disown(folder, NAME ":2,S", false, &error));
}

static void
do_rename(void)
{
	struct maildir_message flagged = message;

	flagged.flags |= INDEX_FLAGGED;
	ck_assert(maildir_rename(
	    folder, &identity, NAME ":2,S", false, &flagged, &error));
}

static void
do_release(void)
{
	ck_assert(maildir_release(
	    folder, &identity, &message, NULL, INDEX_SEEN, &error));
}

static void
do_release_elsewhere(void)
{
	struct maildir *other = maildir_open(root, "other", &error);

	ck_assert(maildir_release(
	    folder, &identity, &message, other, INDEX_SEEN, &error));
	maildir_close(other);
}

static void (*const doings[])(void) = {do_nothing, do_commit, do_flag,
    do_remove, do_remove_file, do_disown, do_rename, do_release,
    do_release_elsewhere};

START_TEST(test_our_own_changes_keep_what_was_agreed)
{
	struct maildir_carry carry;
	struct maildir_stamp stamp;

	agree();
	for (int i = 0; i < 2; i++) {
		maildir_carry_begin(folder, &carry);
		if (i == 0)
			doings[_i]();
		stamp = maildir_carry_end(folder, &carry, true);
		assert_agreed(stamp);
	}
}
END_TEST

/* ---- what others do ---- */

static void
other_creates(void)
{
	write_file("cur/other", "");
}

static void
other_delivers(void)
{
	write_file("tmp/other", "");
	ck_assert_int_eq(rename("tmp/other", "new/other"), 0);
}

static void
other_renames(void)
{
	ck_assert_int_eq(rename("cur/" NAME ":2,S", "cur/" NAME ":2,FS"), 0);
}

static void
other_removes(void)
{
	ck_assert_int_eq(remove("cur/" NAME ":2,S"), 0);
}

static void
other_moves_a_directory(void)
{
	ck_assert_int_eq(rename("new", "old"), 0);
	ck_assert_int_eq(mkdir("new", 0700), 0);
}

static void (*const others[])(void) = {other_creates, other_delivers,
    other_renames, other_removes, other_moves_a_directory};

START_TEST(test_a_change_by_somebody_else_ends_what_was_agreed)
{
	struct maildir_carry carry;

	agree();
	maildir_carry_begin(folder, &carry);
	do_commit();
	others[_i]();
	assert_not_agreed(maildir_carry_end(folder, &carry, true));
	/* and for good */
	maildir_carry_begin(folder, &carry);
	assert_not_agreed(maildir_carry_end(folder, &carry, true));
}
END_TEST

START_TEST(test_a_change_before_ours_ends_what_was_agreed)
{
	struct maildir_carry carry;
	struct maildir_stamp agreed;

	agree();
	agreed = now();
	others[_i]();
	/* a later tick of the file system's clock */
	while (now().new_ns == agreed.new_ns && now().cur_ns == agreed.cur_ns) {
		write_file("new/tick", "");
		remove("new/tick");
	}
	maildir_carry_begin(folder, &carry);
	assert_not_agreed(maildir_carry_end(folder, &carry, true));
}
END_TEST

/* The file system's clock may not have moved since. */
START_TEST(test_a_change_right_after_ours_gives_another_stamp)
{
	struct maildir_stamp stamp;
	struct maildir_carry carry;

	for (int i = 0; i < 50; i++) {
		char name[16];

		maildir_agree(folder, now());
		maildir_carry_begin(folder, &carry);
		do_commit();
		stamp = maildir_carry_end(folder, &carry, true);
		ck_assert_int_gt(stamp.new_ns, 0);
		snprintf(name, sizeof(name), "new/%d", i);
		write_file(name, "");
		ck_assert_int_ne(stamp.new_ns, time_of("new"));
		snprintf(name, sizeof(name), "cur/%d", i);
		write_file(name, "");
		ck_assert_int_ne(stamp.cur_ns, time_of("cur"));
	}
}
END_TEST

/* ---- nothing to carry ---- */

START_TEST(test_what_is_not_told_ends_what_was_agreed)
{
	struct maildir_carry carry;

	agree();
	maildir_carry_begin(folder, &carry);
	do_commit();
	assert_not_agreed(maildir_carry_end(folder, &carry, false));
}
END_TEST

START_TEST(test_nothing_is_agreed_by_itself_or_by_a_stamp_that_may_change)
{
	static const struct maildir_stamp stamps[] = {{0, 0}, {-1, 5}, {5, -1}};
	struct maildir_carry carry;

	if (_i > 0)
		maildir_agree(folder, stamps[_i - 1]);
	maildir_carry_begin(folder, &carry);
	do_commit();
	assert_not_agreed(maildir_carry_end(folder, &carry, true));
}
END_TEST

START_TEST(test_more_changes_than_the_kernel_keeps_end_what_was_agreed)
{
	struct maildir_carry carry;

	agree();
	maildir_carry_begin(folder, &carry);
	for (int i = 0; i < 20000; i++) {
		struct maildir_message other = message;

		other.flags = i % 2 == 0 ? INDEX_FLAGGED : INDEX_SEEN;
		ck_assert(maildir_rename(folder, &identity,
		    i % 2 == 0 ? NAME ":2,S" : NAME ":2,F", false, &other,
		    &error));
	}
	assert_not_agreed(maildir_carry_end(folder, &carry, true));
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("maildir_carry");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(
	    tests, test_our_own_changes_keep_what_was_agreed, 0, COUNT(doings));
	tcase_add_loop_test(tests,
	    test_a_change_by_somebody_else_ends_what_was_agreed, 0,
	    COUNT(others));
	tcase_add_loop_test(tests,
	    test_a_change_before_ours_ends_what_was_agreed, 0, COUNT(others));
	tcase_add_test(
	    tests, test_a_change_right_after_ours_gives_another_stamp);
	tcase_add_test(tests, test_what_is_not_told_ends_what_was_agreed);
	tcase_add_loop_test(tests,
	    test_nothing_is_agreed_by_itself_or_by_a_stamp_that_may_change, 0,
	    4);
	tcase_add_test(
	    tests, test_more_changes_than_the_kernel_keeps_end_what_was_agreed);
	return run_case("maildir_carry", tests);
}
