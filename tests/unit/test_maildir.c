/*
 * daemon/maildir: what a scan sees, and batches that become visible.
 */
#include "tests/unit/maildir_helpers.h"

#define BASE(date, uid, size) #date ".V7.host,U=" #uid ",S=" #size

/* ---- scan ---- */

START_TEST(test_a_scan_sees_regular_files_of_new_and_cur)
{
	write_file("new/" BASE(1, 2, 3), "");
	write_file("cur/" BASE(4, 5, 6) ":2,S", "");
	write_file("cur/local:2,", "");
	write_file("new/.hidden", "");
	write_file("tmp/1.V7.host,U=9,S=9", "");
	write_file("dovecot-uidlist", "");
	ck_assert_int_eq(mkdir("cur/directory", 0700), 0);
	ck_assert_int_eq(symlink("local:2,", "cur/link"), 0);
	ck_assert_int_eq(mkfifo("new/fifo", 0600), 0);
	assert_messages(
	    "cur/" BASE(4, 5, 6) ":2,S cur/local:2, new/" BASE(1, 2, 3));
}
END_TEST

static void
keep_file(void *user, const struct maildir_file *file)
{
	*(struct maildir_file *)user = *file;
}

static const struct scan_case {
	const char *path;
	uint32_t uidvalidity;
	struct maildir_file file;
} scan_cases[] = {
    {"new/" BASE(1, 2, 3), 7, {NULL, true, true, true, {2, 3, 1, 0}}},
    {"cur/" BASE(1, 2, 3) ":2,S", 7,
	{NULL, false, true, true, {2, 3, 1, 1 << 4}}},
    /* another UIDVALIDITY: a claim, but not a name of ours */
    {"cur/" BASE(1, 2, 3) ":2,S", 8,
	{NULL, false, true, false, {2, 3, 1, 1 << 4}}},
    /* none: the folder's numbers prove nothing */
    {"cur/" BASE(1, 2, 3) ":2,S", 0, {NULL, false, false, false, {0}}},
    {"new/1.M2.other", 7, {NULL, true, false, false, {0}}},
};

START_TEST(test_a_scan_tells_whose_a_file_is)
{
	const struct scan_case *test = &scan_cases[_i];
	struct maildir_identity other = {test->uidvalidity, "host"};
	struct maildir_file file = {0};

	write_file(test->path, "");
	ck_assert(maildir_scan(folder, &other, keep_file, &file, &error));
	ck_assert_int_eq(file.is_new, test->file.is_new);
	ck_assert_int_eq(file.has_uid, test->file.has_uid);
	if (!file.has_uid)
		return;
	ck_assert_int_eq(file.is_ours, test->file.is_ours);
	ck_assert_uint_eq(file.message.uid, test->file.message.uid);
	ck_assert_uint_eq(file.message.size, test->file.message.size);
	ck_assert_int_eq(file.message.date, test->file.message.date);
	ck_assert_uint_eq(file.message.flags, test->file.message.flags);
}
END_TEST

START_TEST(test_a_folder_that_goes_away_is_an_error)
{
	struct maildir_file file;

	ck_assert_int_eq(rmdir("cur"), 0);
	ck_assert(!maildir_scan(folder, &identity, keep_file, &file, &error));
	assert_local("cannot open", "root/box/cur", "No such file");
}
END_TEST

/* ---- commit ---- */

static bool
commit(const struct maildir_arrival *arrivals, uint32_t count, bool is_durable,
    uint32_t *committed)
{
	return maildir_commit(
	    folder, &identity, arrivals, count, is_durable, committed, &error);
}

START_TEST(test_a_batch_lands_in_new_and_cur)
{
	struct maildir_arrival arrivals[3];
	bool is_durable = _i == 1;
	uint32_t committed = 99;

	umask(0);
	arrivals[0] = arrive(1, 100, 0, "one");
	arrivals[1] = arrive(2, 200, INDEX_SEEN, "two");
	arrivals[2] =
	    arrive(3, 300, INDEX_SEEN | INDEX_DRAFT | 1 << 6, "three");
	assert_messages("");
	ck_assert_msg(
	    commit(arrivals, 3, is_durable, &committed), "%s", error.text);
	ck_assert_uint_eq(committed, 3);
	assert_messages("cur/" BASE(200, 2, 3) ":2,S cur/" BASE(
	    300, 3, 5) ":2,DSa new/" BASE(100, 1, 3));
	assert_content("new/" BASE(100, 1, 3), "one");
	assert_content("cur/" BASE(200, 2, 3) ":2,S", "two");
	ck_assert_uint_eq(mode_of("new/" BASE(100, 1, 3)), 0600);
	ck_assert_int_eq(rmdir("tmp"), 0);
}
END_TEST

START_TEST(test_a_large_batch_lands_too)
{
	static struct maildir_arrival arrivals[300];
	bool is_durable = _i == 1;
	uint32_t committed = 0;

	for (uint32_t i = 0; i < 300; i++)
		arrivals[i] = arrive(i + 1, i, i % 2 * INDEX_SEEN, "x");
	ck_assert_msg(
	    commit(arrivals, 300, is_durable, &committed), "%s", error.text);
	ck_assert_uint_eq(committed, 300);
	ck_assert(exists("new/" BASE(298, 299, 1)));
	ck_assert(exists("cur/" BASE(299, 300, 1) ":2,S"));
	ck_assert_int_eq(rmdir("tmp"), 0);
}
END_TEST

START_TEST(test_a_second_durable_batch_needs_no_new_directories)
{
	struct maildir_arrival arrivals[2];
	uint32_t committed;

	arrivals[0] = arrive(1, 1, 0, "a");
	ck_assert(commit(arrivals, 1, true, &committed));
	arrivals[0] = arrive(2, 1, 0, "b");
	arrivals[1] = arrive(3, 1, 0, "c");
	ck_assert_msg(commit(arrivals, 2, true, &committed), "%s", error.text);
	assert_messages(
	    "new/" BASE(1, 1, 1) " new/" BASE(1, 2, 1) " new/" BASE(1, 3, 1));
}
END_TEST

START_TEST(test_an_empty_batch_is_nothing)
{
	uint32_t committed = 99;

	ck_assert(commit(NULL, 0, true, &committed));
	ck_assert_uint_eq(committed, 0);
}
END_TEST

static const struct date_case {
	int64_t date;
	int64_t mtime;
} date_cases[] = {
    {1700000000, 1700000000},
    {0, 0},
    {-86400, -86400},
    {UINT32_MAX, UINT32_MAX},
    {INT64_MAX, UINT32_MAX},
    {INT64_MIN + 1, INT32_MIN},
};

START_TEST(test_the_mtime_is_the_internaldate)
{
	struct maildir_arrival arrival =
	    arrive(1, date_cases[_i].date, INDEX_SEEN, "x");
	uint32_t committed;
	struct stat info;
	char path[MAILDIR_NAME_SIZE + 8] = "cur/";

	ck_assert_msg(commit(&arrival, 1, false, &committed), "%s", error.text);
	maildir_base_name(&identity, &arrival.message, path + 4);
	snprintf(path + strlen(path), 8, ":2,S");
	ck_assert_int_eq(stat(path, &info), 0);
	ck_assert_int_eq(info.st_mtim.tv_sec, date_cases[_i].mtime);
	ck_assert_int_eq(info.st_mtim.tv_nsec, 0);
}
END_TEST

START_TEST(test_a_file_of_that_name_is_replaced)
{
	struct maildir_arrival arrival = arrive(1, 5, 0, "new");
	uint32_t committed;

	write_file("new/" BASE(5, 1, 3), "cut");
	ck_assert(commit(&arrival, 1, false, &committed));
	assert_content("new/" BASE(5, 1, 3), "new");
	assert_messages("new/" BASE(5, 1, 3));
}
END_TEST

START_TEST(test_a_failed_rename_tells_how_far_it_came)
{
	struct maildir_arrival arrivals[3];
	bool is_durable = _i == 1;
	uint32_t committed = 99;

	arrivals[0] = arrive(1, 5, 0, "a");
	arrivals[1] = arrive(2, 5, 0, "b");
	arrivals[2] = arrive(3, 5, 0, "c");
	ck_assert_int_eq(mkdir("new/" BASE(5, 2, 1), 0700), 0);
	ck_assert(!commit(arrivals, 3, is_durable, &committed));
	assert_local(
	    "cannot place", "root/box/new/" BASE(5, 2, 1), "Is a directory");
	ck_assert_uint_eq(committed, 1);
	assert_messages("new/" BASE(5, 1, 1));
	maildir_remove_tmp(folder, arrivals[1].tmp_name);
	maildir_remove_tmp(folder, arrivals[2].tmp_name);
	ck_assert_int_eq(rmdir("tmp"), 0);
}
END_TEST

START_TEST(test_a_missing_tmp_file_commits_nothing)
{
	struct maildir_arrival arrivals[2];
	uint32_t committed = 99;

	arrivals[0] = arrive(1, 5, 0, "a");
	arrivals[1] = arrive(2, 5, 0, "b");
	maildir_remove_tmp(folder, arrivals[1].tmp_name);
	ck_assert(!commit(arrivals, 2, true, &committed));
	assert_local("cannot ", "root/box/tmp/mailmirror-", "No such file");
	ck_assert_uint_eq(committed, 0);
	assert_messages("");
}
END_TEST

START_TEST(test_nothing_is_committed_through_a_link)
{
	struct maildir_arrival arrival = arrive(1, 5, 0, "a");
	uint32_t committed = 99;

	ck_assert_int_eq(mkdir("../../outside", 0700), 0);
	ck_assert_int_eq(rmdir("new"), 0);
	ck_assert_int_eq(symlink("../../outside", "new"), 0);
	ck_assert(!commit(&arrival, 1, false, &committed));
	assert_local("cannot open", "root/box/new", "a link or a file");
	ck_assert_uint_eq(committed, 0);
	ck_assert_int_eq(rmdir("../../outside"), 0);
}
END_TEST

START_TEST(test_a_disk_that_turns_read_only_commits_nothing)
{
	struct maildir_arrival arrival;
	const char *reason = strerror(EROFS);
	uint32_t committed = 99;

	if (mount_small("size=64k")) {
		arrival = arrive(1, 5, 0, "a");
		ck_assert_int_eq(
		    mount("none", ".", "none", MS_REMOUNT | MS_RDONLY, NULL),
		    0);
	} else {
		/* A directory without w is as good, but not for root. */
		arrival = arrive(1, 5, 0, "a");
		ck_assert_int_eq(chmod("tmp", 0500), 0);
		if (geteuid() == 0)
			ck_assert_int_eq(seteuid(65534), 0);
		reason = strerror(EACCES);
	}
	ck_assert(!commit(&arrival, 1, true, &committed));
	assert_local("cannot ", "root/box/", reason);
	ck_assert_uint_eq(committed, 0);
	(void)!seteuid(getuid());
	assert_messages("");
	chmod("tmp", 0700);
}
END_TEST

START_TEST(test_directories_can_be_made_durable)
{
	ck_assert(maildir_sync(folder, &error));
	ck_assert_int_eq(rmdir("cur"), 0);
	ck_assert(!maildir_sync(folder, &error));
	assert_local("cannot open", "root/box/cur", "No such file");
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("maildir");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, test_a_scan_sees_regular_files_of_new_and_cur);
	tcase_add_loop_test(
	    tests, test_a_scan_tells_whose_a_file_is, 0, COUNT(scan_cases));
	tcase_add_test(tests, test_a_folder_that_goes_away_is_an_error);
	tcase_add_loop_test(tests, test_a_batch_lands_in_new_and_cur, 0, 2);
	tcase_add_loop_test(tests, test_a_large_batch_lands_too, 0, 2);
	tcase_add_test(
	    tests, test_a_second_durable_batch_needs_no_new_directories);
	tcase_add_test(tests, test_an_empty_batch_is_nothing);
	tcase_add_loop_test(
	    tests, test_the_mtime_is_the_internaldate, 0, COUNT(date_cases));
	tcase_add_test(tests, test_a_file_of_that_name_is_replaced);
	tcase_add_loop_test(
	    tests, test_a_failed_rename_tells_how_far_it_came, 0, 2);
	tcase_add_test(tests, test_a_missing_tmp_file_commits_nothing);
	tcase_add_test(tests, test_nothing_is_committed_through_a_link);
	tcase_add_test(tests, test_a_disk_that_turns_read_only_commits_nothing);
	tcase_add_test(tests, test_directories_can_be_made_durable);
	return run_case("maildir", tests);
}
