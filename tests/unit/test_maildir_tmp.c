/*
 * daemon/maildir_tmp: files in tmp/, the folder's small files, .uidvalidity.
 */
#include <sys/resource.h>

#include "tests/unit/maildir_helpers.h"

/* ---- tmp/ ---- */

START_TEST(test_a_tmp_file_is_0600_whatever_the_umask)
{
	char name[MAILDIR_NAME_SIZE], path[MAILDIR_NAME_SIZE + 8];

	umask(_i == 0 ? 0 : 0777);
	close(maildir_create_tmp(folder, name, &error));
	snprintf(path, sizeof(path), "tmp/%s", name);
	ck_assert_uint_eq(mode_of(path), 0600);
	maildir_remove_tmp(folder, name);
	ck_assert(!exists(path));
}
END_TEST

START_TEST(test_a_tmp_file_never_replaces_one)
{
	char name[MAILDIR_NAME_SIZE], taken[64];

	snprintf(taken, sizeof(taken), "tmp/mailmirror-%ld-0", (long)getpid());
	write_file(taken, "taken");
	close(maildir_create_tmp(folder, name, &error));
	ck_assert_str_ne(name, taken + 4);
	assert_content(taken, "taken");
}
END_TEST

static void
make_older(const char *path, long hours)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};

	times[1].tv_sec = time(NULL) - hours * 3600;
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

START_TEST(test_cleaning_removes_ours_at_once_and_others_after_36_hours)
{
	struct maildir_arrival arrival;
	char in_use[MAILDIR_NAME_SIZE + 8];

	write_file("tmp/mailmirror-1-5", "ours, of another process");
	write_file("tmp/1.M2.host", "somebody's");
	write_file("tmp/old", "somebody's");
	write_file("tmp/not-so-old", "somebody's");
	ck_assert_int_eq(mkdir("tmp/old-directory", 0700), 0);
	ck_assert_int_eq(symlink("/etc/passwd", "tmp/old-link"), 0);
	make_older("tmp/old", 37);
	make_older("tmp/not-so-old", 35);
	make_older("tmp/old-directory", 37);
	arrival = arrive(1, 0, 0, "being written");
	snprintf(in_use, sizeof(in_use), "tmp/%s", arrival.tmp_name);
	maildir_clean_tmp(folder);
	ck_assert(!exists("tmp/mailmirror-1-5"));
	ck_assert(!exists("tmp/old"));
	ck_assert(exists("tmp/1.M2.host"));
	ck_assert(exists("tmp/not-so-old"));
	ck_assert(exists("tmp/old-directory"));
	ck_assert(exists("tmp/old-link"));
	ck_assert(exists(in_use));
}
END_TEST

START_TEST(test_what_our_process_id_left_before_is_cleaned_too)
{
	char left[64];

	/* In a container a process id comes again at every start. */
	snprintf(left, sizeof(left), "tmp/mailmirror-%ld-3", (long)getpid());
	write_file(left, "");
	maildir_clean_tmp(folder);
	ck_assert(!exists(left));
}
END_TEST

/* ---- small files ---- */

START_TEST(test_a_small_file_is_read_as_far_as_there_is_room)
{
	char bytes[8];

	write_file("small", "12345");
	ck_assert_uint_eq(
	    maildir_read_file(folder, "small", bytes, sizeof(bytes), &error),
	    5);
	ck_assert_int_eq(memcmp(bytes, "12345", 5), 0);
	ck_assert_uint_eq(
	    maildir_read_file(folder, "small", bytes, 3, &error), 3);
	write_file("small", "");
	ck_assert_uint_eq(
	    maildir_read_file(folder, "small", bytes, sizeof(bytes), &error),
	    0);
}
END_TEST

START_TEST(test_what_is_no_small_file_is_not_read)
{
	char bytes[8];

	write_file("file", "12345");
	ck_assert_int_eq(symlink("file", "link"), 0);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	ck_assert_uint_eq(
	    maildir_read_file(folder, "missing", bytes, sizeof(bytes), &error),
	    0);
	ck_assert_uint_eq(
	    maildir_read_file(folder, "link", bytes, sizeof(bytes), &error), 0);
	ck_assert_uint_eq(
	    maildir_read_file(folder, "fifo", bytes, sizeof(bytes), &error), 0);
	ck_assert_uint_eq(
	    maildir_read_file(folder, "cur", bytes, sizeof(bytes), &error), 0);
}
END_TEST

START_TEST(test_a_small_file_is_replaced_at_once)
{
	bool is_durable = _i == 1;
	FILE *before;
	char line[16] = "";

	umask(0);
	write_file("small", "before");
	before = fopen("small", "re");
	ck_assert_ptr_nonnull(before);
	ck_assert(maildir_replace_file(
	    folder, "small", span_of("after"), is_durable, &error));
	assert_content("small", "after");
	ck_assert_uint_eq(mode_of("small"), 0600);
	/* who had it open still reads the old one, whole */
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), before));
	ck_assert_str_eq(line, "before");
	fclose(before);
	ck_assert_int_eq(rmdir("tmp"), 0);
}
END_TEST

START_TEST(test_a_link_in_the_small_files_place_is_replaced_itself)
{
	write_file("elsewhere", "theirs");
	ck_assert_int_eq(symlink("elsewhere", "small"), 0);
	ck_assert(maildir_replace_file(
	    folder, "small", span_of("ours"), false, &error));
	assert_content("elsewhere", "theirs");
	assert_content("small", "ours");
}
END_TEST

START_TEST(test_a_directory_in_the_small_files_place_is_an_error)
{
	ck_assert_int_eq(mkdir("small", 0700), 0);
	ck_assert(!maildir_replace_file(
	    folder, "small", span_of("ours"), true, &error));
	assert_local("cannot write", "root/box/small", strerror(EISDIR));
	ck_assert_int_eq(rmdir("tmp"), 0);
}
END_TEST

START_TEST(test_a_folder_tells_what_it_has)
{
	write_file("file", "");
	ck_assert_int_eq(symlink("nowhere", "link"), 0);
	ck_assert(maildir_has_file(folder, "file"));
	ck_assert(maildir_has_file(folder, "link"));
	ck_assert(!maildir_has_file(folder, "missing"));
	ck_assert(!maildir_has_file(folder, "nowhere"));
}
END_TEST

/* ---- .uidvalidity ---- */

static const struct uidvalidity_case {
	const char *text; /* NULL: no file */
	bool is_valid;
	uint32_t uidvalidity;
	uint32_t highest_uid;
} uidvalidity_cases[] = {
    {"7\n42\nmailmirror\n", true, 7, 42},
    {"7\n42\nmailmirror", true, 7, 42},
    {"4294967295\n4294967295\nmailmirror\n", true, UINT32_MAX, UINT32_MAX},
    {"7\n0\nmailmirror\n", true, 7, 0},
    /* mbsync's: U= is its own number */
    {"7\n42\n", false, 7, 42},
    {"7\n42\nmailmirrors\n", false, 7, 42},
    {"7\n42\n\nmailmirror\n", false, 7, 42},
    {"7\n", false, 7, 0},
    {"7\nx\nmailmirror\n", false, 7, 0},
    {"7\n4294967296\nmailmirror\n", false, 7, 0},
    {"0\n42\nmailmirror\n", false, 0, 0},
    {"-7\n42\nmailmirror\n", false, 0, 0},
    {"4294967296\n42\nmailmirror\n", false, 0, 0},
    {"7 42 mailmirror\n", false, 0, 0},
    {"\n", false, 0, 0},
    {"", false, 0, 0},
    {NULL, false, 0, 0},
};

START_TEST(test_uidvalidity_counts_with_all_three_lines)
{
	const struct uidvalidity_case *test = &uidvalidity_cases[_i];
	uint32_t uidvalidity = 99, highest_uid = 99;

	if (test->text != NULL)
		write_file(".uidvalidity", test->text);
	ck_assert(maildir_read_uidvalidity(folder, &uidvalidity, &highest_uid,
		      &error) == test->is_valid);
	ck_assert_uint_eq(uidvalidity, test->uidvalidity);
	ck_assert_uint_eq(highest_uid, test->highest_uid);
}
END_TEST

START_TEST(test_a_uidvalidity_of_garbage_or_a_link_is_none)
{
	uint32_t uidvalidity, highest_uid;
	char garbage[5000];

	memset(garbage, '7', sizeof(garbage) - 1);
	garbage[sizeof(garbage) - 1] = '\0';
	write_file(".uidvalidity", garbage);
	ck_assert(!maildir_read_uidvalidity(
	    folder, &uidvalidity, &highest_uid, &error));
	write_file("elsewhere", "7\n42\nmailmirror\n");
	ck_assert_int_eq(unlink(".uidvalidity"), 0);
	ck_assert_int_eq(symlink("elsewhere", ".uidvalidity"), 0);
	ck_assert(!maildir_read_uidvalidity(
	    folder, &uidvalidity, &highest_uid, &error));
}
END_TEST

/* For lack of a descriptor nothing can be said about a file. */
START_TEST(test_a_file_that_cannot_be_opened_now_is_not_missing)
{
	uint32_t uidvalidity, highest_uid;
	struct rlimit before, none;

	write_file(".uidvalidity", "7\n42\nmailmirror\n");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){0, before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert(!maildir_read_uidvalidity(
	    folder, &uidvalidity, &highest_uid, &error));
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(error.kind, IMAP_ERROR_LOCAL);
}
END_TEST

START_TEST(test_uidvalidity_is_written_as_it_is_read)
{
	bool is_durable = _i == 1;

	umask(0);
	ck_assert_msg(maildir_write_uidvalidity(
			  folder, 4294967295, 3, is_durable, &error),
	    "%s", error.text);
	assert_content(".uidvalidity", "4294967295\n3\nmailmirror\n");
	ck_assert_uint_eq(mode_of(".uidvalidity"), 0600);
	ck_assert(maildir_write_uidvalidity(folder, 8, 4, is_durable, &error));
	assert_content(".uidvalidity", "8\n4\nmailmirror\n");
	ck_assert_int_eq(rmdir("tmp"), 0);
}
END_TEST

static ino_t
number_of(const char *path)
{
	struct stat info;

	ck_assert_int_eq(stat(path, &info), 0);
	return info.st_ino;
}

START_TEST(test_the_same_highest_uid_is_not_written_again)
{
	ino_t number;

	ck_assert(maildir_note_highest_uid(folder, 7, 5, false));
	number = number_of(".uidvalidity");
	ck_assert(maildir_note_highest_uid(folder, 7, 5, false));
	ck_assert_uint_eq(number_of(".uidvalidity"), number);
	ck_assert(maildir_note_highest_uid(folder, 7, 6, false));
	assert_content(".uidvalidity", "7\n6\nmailmirror\n");
}
END_TEST

START_TEST(test_a_highest_uid_of_before_another_uidvalidity_is_written)
{
	ck_assert(maildir_note_highest_uid(folder, 7, 5, false));
	ck_assert(maildir_write_uidvalidity(folder, 8, 0, false, &error));
	ck_assert(maildir_write_uidvalidity(folder, 7, 2, false, &error));
	ck_assert(maildir_note_highest_uid(folder, 7, 5, false));
	assert_content(".uidvalidity", "7\n5\nmailmirror\n");
}
END_TEST

/* ---- a full disk ---- */

/*
 * Fills the disk that the folder is on; where mounting is not allowed files
 * may not grow, which is the same at another place.
 */
static const char *
fill_disk(void)
{
	struct rlimit none = {0, 0};
	bool is_mounted = mount_small("size=4k,nr_inodes=16");

	ck_assert(maildir_write_uidvalidity(folder, 7, 1, false, &error));
	if (is_mounted)
		return strerror(ENOSPC);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	return strerror(EFBIG);
}

START_TEST(test_a_full_disk_leaves_the_old_uidvalidity)
{
	const char *reason = fill_disk();

	ck_assert(!maildir_write_uidvalidity(folder, 8, 2, true, &error));
	assert_local("cannot write", "root/box/tmp/mailmirror-", reason);
	assert_content(".uidvalidity", "7\n1\nmailmirror\n");
	ck_assert_int_eq(rmdir("tmp"), 0);
}
END_TEST

START_TEST(test_a_file_that_cannot_be_created_is_an_error)
{
	const char *reason = strerror(ENOSPC);
	char name[MAILDIR_NAME_SIZE];
	int fd;

	if (!mount_small("size=64k,nr_inodes=8")) {
		struct rlimit files;

		reason = strerror(EMFILE);
		fd = dup(0);
		files.rlim_cur = files.rlim_max = (rlim_t)fd + 3;
		close(fd);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	}
	for (int i = 0; i < 100; i++) {
		fd = maildir_create_tmp(folder, name, &error);
		if (fd < 0)
			break;
	}
	assert_local("cannot ", "root/box/tmp", reason);
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("maildir_tmp");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(
	    tests, test_a_tmp_file_is_0600_whatever_the_umask, 0, 2);
	tcase_add_test(tests, test_a_tmp_file_never_replaces_one);
	tcase_add_test(tests,
	    test_cleaning_removes_ours_at_once_and_others_after_36_hours);
	tcase_add_test(
	    tests, test_what_our_process_id_left_before_is_cleaned_too);
	tcase_add_test(
	    tests, test_a_small_file_is_read_as_far_as_there_is_room);
	tcase_add_test(tests, test_what_is_no_small_file_is_not_read);
	tcase_add_loop_test(tests, test_a_small_file_is_replaced_at_once, 0, 2);
	tcase_add_test(
	    tests, test_a_link_in_the_small_files_place_is_replaced_itself);
	tcase_add_test(
	    tests, test_a_directory_in_the_small_files_place_is_an_error);
	tcase_add_test(tests, test_a_folder_tells_what_it_has);
	tcase_add_loop_test(tests, test_uidvalidity_counts_with_all_three_lines,
	    0, COUNT(uidvalidity_cases));
	tcase_add_test(tests, test_a_uidvalidity_of_garbage_or_a_link_is_none);
	tcase_add_test(
	    tests, test_a_file_that_cannot_be_opened_now_is_not_missing);
	tcase_add_loop_test(
	    tests, test_uidvalidity_is_written_as_it_is_read, 0, 2);
	tcase_add_test(tests, test_the_same_highest_uid_is_not_written_again);
	tcase_add_test(
	    tests, test_a_highest_uid_of_before_another_uidvalidity_is_written);
	tcase_add_test(tests, test_a_full_disk_leaves_the_old_uidvalidity);
	tcase_add_test(tests, test_a_file_that_cannot_be_created_is_an_error);
	return run_case("maildir_tmp", tests);
}
