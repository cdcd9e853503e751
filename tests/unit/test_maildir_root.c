/*
 * daemon/maildir_root: the root and its lock, and folders that are never
 * opened through a link.
 */
#include "tests/unit/maildir_helpers.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/wait.h>

/* ---- the root ---- */

START_TEST(test_missing_parents_of_the_root_are_made_0700)
{
	struct maildir_root *other;

	umask(0277);
	other = maildir_root_open("a/b//c/", &error);
	ck_assert_msg(other != NULL, "%s", error.text);
	ck_assert_uint_eq(mode_of("a"), 0700);
	ck_assert_uint_eq(mode_of("a/b"), 0700);
	ck_assert_uint_eq(mode_of("a/b/c"), 0700);
	ck_assert_uint_eq(mode_of("a/b/c/.mailmirror.lock"), 0600);
	maildir_root_close(other);
}
END_TEST

START_TEST(test_modes_are_not_wider_with_an_open_umask)
{
	struct maildir_root *other;

	umask(0);
	other = maildir_root_open("wide", &error);
	ck_assert_uint_eq(mode_of("wide"), 0700);
	ck_assert_uint_eq(mode_of("wide/.mailmirror.lock"), 0600);
	maildir_root_close(other);
}
END_TEST

START_TEST(test_the_root_may_be_a_link)
{
	struct maildir_root *other;

	ck_assert_int_eq(mkdir("real", 0700), 0);
	ck_assert_int_eq(symlink("real", "link"), 0);
	other = maildir_root_open("link", &error);
	ck_assert_msg(other != NULL, "%s", error.text);
	ck_assert(exists("real/.mailmirror.lock"));
	maildir_root_close(other);
}
END_TEST

START_TEST(test_a_file_in_the_roots_place_is_refused)
{
	write_file("file", "");
	ck_assert_ptr_null(maildir_root_open("file/root", &error));
	assert_local("cannot create directory", "file", "File exists");
}
END_TEST

START_TEST(test_a_link_in_the_locks_place_is_refused)
{
	ck_assert_int_eq(mkdir("other", 0700), 0);
	ck_assert_int_eq(symlink("../victim", "other/.mailmirror.lock"), 0);
	ck_assert_ptr_null(maildir_root_open("other", &error));
	assert_local("cannot open", "other/.mailmirror.lock", "symbolic link");
	ck_assert(!exists("victim"));
}
END_TEST

START_TEST(test_the_lock_holds_our_process_id)
{
	char expected[32];

	snprintf(expected, sizeof(expected), "%ld\n", (long)getpid());
	assert_content("../.mailmirror.lock", expected);
}
END_TEST

START_TEST(test_a_second_process_is_told_who_holds_the_lock)
{
	char expected[64];
	pid_t child;
	int status;

	snprintf(expected, sizeof(expected), ".. is in use by process %ld",
	    (long)getpid());
	child = fork();
	if (child == 0) {
		struct maildir_root *other = maildir_root_open("..", &error);

		_exit(other == NULL && error.kind == IMAP_ERROR_BUSY &&
			    strcmp(error.text, expected) == 0
			? 0
			: 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(test_the_lock_goes_with_its_holder)
{
	struct maildir_root *other;
	pid_t child;

	root = maildir_root_close(root);
	assert_content("../.mailmirror.lock", "");
	child = fork();
	if (child == 0) {
		/* Killed while it holds the lock: the file says its id. */
		(void)!maildir_root_open("..", &error);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	other = maildir_root_open("..", &error);
	ck_assert_msg(other != NULL, "%s", error.text);
	maildir_root_close(other);
}
END_TEST

START_TEST(test_a_lock_without_a_process_id_is_still_a_lock)
{
	write_file("../.mailmirror.lock", "rubbish\n");
	ck_assert_ptr_null(maildir_root_open("..", &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_BUSY);
	ck_assert_str_eq(error.text, ".. is in use by another process");
}
END_TEST

/* ---- folders ---- */

START_TEST(test_a_folder_is_made_with_its_parents)
{
	static const char *const made[] = {"../a", "../a/b", "../a/b/c",
	    "../a/b/c/cur", "../a/b/c/new", "../a/b/c/tmp"};
	struct maildir *other;

	umask(_i == 0 ? 0 : 0777);
	other = maildir_open(root, "a/b/c", &error);
	ck_assert_msg(other != NULL, "%s", error.text);
	for (int i = 0; i < COUNT(made); i++)
		ck_assert_uint_eq(mode_of(made[i]), 0700);
	ck_assert(!exists("../a/cur"));
	ck_assert_str_eq(maildir_path(other), "root/a/b/c");
	maildir_close(other);
}
END_TEST

START_TEST(test_the_root_can_be_a_folder)
{
	struct maildir *other = maildir_open(root, "", &error);

	ck_assert_msg(other != NULL, "%s", error.text);
	ck_assert(exists("../cur"));
	ck_assert_str_eq(maildir_path(other), "root");
	maildir_close(other);
}
END_TEST

START_TEST(test_what_is_there_is_left_as_it_is)
{
	struct maildir *other;

	ck_assert_int_eq(chmod("cur", 0750), 0);
	write_file("cur/1", "x");
	ck_assert_int_eq(rmdir("tmp"), 0);
	other = maildir_open(root, "box", &error);
	ck_assert_msg(other != NULL, "%s", error.text);
	ck_assert_uint_eq(mode_of("cur"), 0750);
	ck_assert(exists("tmp"));
	assert_content("cur/1", "x");
	maildir_close(other);
}
END_TEST

static const struct obstacle_case {
	const char *place; /* of the obstacle */
	bool is_link;
	const char *path; /* of the folder that it is in the way of */
} obstacle_cases[] = {
    {"../evil", true, "evil"},
    {"../evil", true, "evil/deeper"},
    {"../a/evil", true, "a/evil"},
    {"../a/cur", true, "a"},
    {"../a/new", true, "a"},
    {"../a/tmp", true, "a"},
    {"../evil", false, "evil"},
    {"../evil", false, "evil/deeper"},
    {"../a/tmp", false, "a"},
};

START_TEST(test_a_link_or_a_file_is_not_walked_through)
{
	const struct obstacle_case *test = &obstacle_cases[_i];

	ck_assert_int_eq(mkdir("../../outside", 0700), 0);
	ck_assert_int_eq(mkdir("../a", 0700), 0);
	if (test->is_link)
		ck_assert_int_eq(symlink("../../outside", test->place), 0);
	else
		write_file(test->place, "mine");
	ck_assert_ptr_null(maildir_open(root, test->path, &error));
	assert_local("cannot open Maildir", test->path,
	    "a link or a file is where a directory should be");
	/* Nothing was made behind it, and it is as it was. */
	ck_assert_int_eq(rmdir("../../outside"), 0);
	if (!test->is_link)
		assert_content(test->place, "mine");
}
END_TEST

START_TEST(test_a_link_that_comes_later_is_not_followed_either)
{
	char name[MAILDIR_NAME_SIZE];

	ck_assert_int_eq(mkdir("../../outside", 0700), 0);
	ck_assert_int_eq(rmdir("tmp"), 0);
	ck_assert_int_eq(symlink("../../outside", "tmp"), 0);
	ck_assert_int_lt(maildir_create_tmp(folder, name, &error), 0);
	assert_local("cannot open", "root/box/tmp", "a link or a file");
	maildir_clean_tmp(folder);
	ck_assert_int_eq(rmdir("../../outside"), 0);
}
END_TEST

static const char *const refused_paths[] = {
    "..", "../x", "a/../../x", ".", "a/./b", "/etc", "a//b"};

START_TEST(test_a_path_cannot_leave_the_root)
{
	ck_assert_ptr_null(maildir_open(root, refused_paths[_i], &error));
	assert_local("cannot open Maildir", "root/", "Invalid argument");
	ck_assert(!maildir_exists(root, refused_paths[_i]));
}
END_TEST

START_TEST(test_a_folder_exists_once_it_has_cur)
{
	ck_assert(maildir_exists(root, "box"));
	ck_assert(!maildir_exists(root, "other"));
	ck_assert(!exists("../other"));
	ck_assert_int_eq(mkdir("../half", 0700), 0);
	ck_assert(!maildir_exists(root, "half"));
	ck_assert_int_eq(symlink("box", "../link"), 0);
	ck_assert(!maildir_exists(root, "link"));
}
END_TEST

/* Open descriptors of this process. */
static int
count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

#define FOLDERS 20

static void
open_folders(struct maildir *folders[FOLDERS])
{
	for (int i = 0; i < FOLDERS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		folders[i] = maildir_open(root, name, &error);
		ck_assert_ptr_nonnull(folders[i]);
	}
}

START_TEST(test_an_open_folder_costs_one_descriptor)
{
	struct maildir *folders[FOLDERS];
	int before = count_descriptors();

	open_folders(folders);
	ck_assert_int_eq(count_descriptors(), before + FOLDERS);
	for (int i = 0; i < FOLDERS; i++)
		maildir_close(folders[i]);
	ck_assert_int_eq(count_descriptors(), before);
}
END_TEST

/* ---- folders at rest ---- */

START_TEST(test_a_folder_at_rest_costs_no_descriptor)
{
	struct maildir *folders[FOLDERS];
	int before = count_descriptors();

	open_folders(folders);
	for (int i = 0; i < FOLDERS; i++) {
		maildir_rest(folders[i]);
		maildir_rest(folders[i]);
	}
	ck_assert_int_eq(count_descriptors(), before);
	ck_assert(!maildir_has_file(folders[0], "dovecot-keywords"));
	ck_assert(!maildir_has_file(folders[0], "dovecot-keywords"));
	ck_assert_int_eq(count_descriptors(), before + 1);
	for (int i = 0; i < FOLDERS; i++)
		maildir_close(folders[i]);
	ck_assert_int_eq(count_descriptors(), before);
}
END_TEST

static const char *const resting_paths[] = {"", "box", "a", "a/b/c"};

START_TEST(test_what_rested_goes_on_where_it_was)
{
	struct maildir *other = maildir_open(root, resting_paths[_i], &error);
	char name[MAILDIR_NAME_SIZE], path[320];
	int fd;

	ck_assert_msg(other != NULL, "%s", error.text);
	maildir_rest(other);
	fd = maildir_create_tmp(other, name, &error);
	ck_assert_msg(fd >= 0, "%s", error.text);
	close(fd);
	snprintf(path, sizeof(path), "../%s/tmp/%s", resting_paths[_i], name);
	ck_assert(exists(path));
	maildir_rest(other);
	maildir_remove_tmp(other, name);
	ck_assert(!exists(path));
	maildir_close(other);
}
END_TEST

/* What is found in the place of a/b, which was moved away to ../b. */
static const struct successor_case {
	const char *made; /* a directory, as a Maildir */
	const char *link; /* to the one that was moved away */
	const char *reason;
} successor_cases[] = {
    {NULL, NULL, "No such file or directory"},
    {"../a/b", NULL, "it was removed or replaced meanwhile"},
    {NULL, "../a/b", "a link or a file is where a directory should be"},
};

START_TEST(test_another_directory_is_not_taken_for_one_that_rested)
{
	const struct successor_case *test = &successor_cases[_i];
	struct maildir *other = maildir_open(root, "a/b", &error);
	char name[MAILDIR_NAME_SIZE], tmp[32];

	maildir_rest(other);
	ck_assert_int_eq(rename("../a/b", "../b"), 0);
	if (test->made != NULL) {
		snprintf(tmp, sizeof(tmp), "%s/tmp", test->made);
		ck_assert_int_eq(mkdir(test->made, 0700), 0);
		ck_assert_int_eq(mkdir(tmp, 0700), 0);
	}
	if (test->link != NULL)
		ck_assert_int_eq(symlink("../b", test->link), 0);
	ck_assert_int_lt(maildir_create_tmp(other, name, &error), 0);
	assert_local("cannot open", "root/a/b/tmp", test->reason);
	ck_assert(!maildir_sync(other, &error));
	/* nothing was made, here or there: both are empty */
	ck_assert_int_eq(rmdir("../b/tmp"), 0);
	if (test->made != NULL)
		ck_assert_int_eq(rmdir(tmp), 0);
	else
		ck_assert(!exists("../a/b/tmp"));
	maildir_close(other);
}
END_TEST

START_TEST(test_one_that_comes_back_goes_on)
{
	maildir_rest(folder);
	ck_assert_int_eq(rename("../box", "../away"), 0);
	ck_assert(!maildir_sync(folder, &error));
	ck_assert_int_eq(rename("../away", "../box"), 0);
	ck_assert_msg(maildir_sync(folder, &error), "%s", error.text);
}
END_TEST

static pthread_barrier_t barrier;

static void *
use_folder(void *user)
{
	(void)user;
	pthread_barrier_wait(&barrier);
	(void)maildir_has_file(folder, "dovecot-keywords");
	return NULL;
}

START_TEST(test_two_threads_that_wake_a_folder_open_it_once)
{
	int before;

	maildir_rest(folder);
	before = count_descriptors();
	ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
	for (int i = 0; i < 500; i++) {
		pthread_t other;

		ck_assert_int_eq(
		    pthread_create(&other, NULL, use_folder, NULL), 0);
		use_folder(NULL);
		ck_assert_int_eq(pthread_join(other, NULL), 0);
		ck_assert_int_eq(count_descriptors(), before + 1);
		maildir_rest(folder);
	}
	pthread_barrier_destroy(&barrier);
	ck_assert_int_eq(count_descriptors(), before);
}
END_TEST

START_TEST(test_no_descriptor_survives_exec)
{
	char name[MAILDIR_NAME_SIZE];
	int fd = maildir_create_tmp(folder, name, &error);
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;

	while ((entry = readdir(directory)) != NULL) {
		char link[320], target[256] = "";

		snprintf(link, sizeof(link), "/proc/self/fd/%s", entry->d_name);
		if (readlink(link, target, sizeof(target) - 1) < 0 ||
		    strstr(target, top) == NULL)
			continue;
		ck_assert_msg(
		    (fcntl((int)strtol(entry->d_name, NULL, 10), F_GETFD) &
			FD_CLOEXEC) != 0,
		    "%s", target);
	}
	closedir(directory);
	close(fd);
}
END_TEST

START_TEST(test_a_long_path_does_not_push_out_the_reason)
{
	char path[1024] = "";
	size_t len = 0;

	for (int i = 0; i < 5; i++) {
		memset(path + len, 'a' + i, 150);
		path[len + 150] = '/';
		len += 151;
	}
	snprintf(path + len, sizeof(path) - len, "end");
	folder = maildir_close(folder);
	folder = maildir_open(root, path, &error);
	ck_assert_msg(folder != NULL, "%s", error.text);
	ck_assert(!maildir_remove_file(folder, "..", true, &error));
	assert_local("cannot remove ...", "/end/new/..", "Is a directory");
}
END_TEST

/* A root below top by its whole path, and one folder in it. */
static struct maildir_root *
open_whole(char path[128], struct maildir **box)
{
	struct maildir_root *whole;

	snprintf(path, 128, "%s/whole", top);
	whole = maildir_root_open(path, &error);
	ck_assert_msg(whole != NULL, "%s", error.text);
	*box = maildir_close(maildir_open(whole, "box", &error));
	return whole;
}

static const char *const lost_cases[] = {
    "mv whole away", "rm -r whole", "rm whole/.mailmirror.lock"};

START_TEST(test_a_root_that_is_lost_is_made_and_locked_anew)
{
	char path[128];
	struct maildir *box;
	struct maildir_root *whole = open_whole(path, &box);
	char command[256];

	snprintf(command, sizeof(command), "cd %s && %s", top, lost_cases[_i]);
	ck_assert_int_eq(system(command), 0);
	box = maildir_open(whole, "box", &error);
	ck_assert_msg(box != NULL, "%s", error.text);
	snprintf(command, sizeof(command), "%s/box/cur", path);
	ck_assert(exists(command));
	ck_assert_ptr_null(maildir_root_open(path, &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_BUSY);
	maildir_close(box);
	maildir_root_close(whole);
}
END_TEST

START_TEST(test_a_successor_of_the_root_that_is_anothers_is_left_alone)
{
	char path[128], other[128];
	struct maildir *box;
	struct maildir_root *whole = open_whole(path, &box);
	struct maildir_root *successor;

	snprintf(other, sizeof(other), "%s/other", top);
	ck_assert_int_eq(rename(path, other), 0);
	successor = maildir_root_open(path, &error);
	ck_assert_ptr_nonnull(successor);
	ck_assert_ptr_null(maildir_open(whole, "box", &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_BUSY);
	maildir_root_close(successor);
	box = maildir_open(whole, "box", &error);
	ck_assert_msg(box != NULL, "%s", error.text);
	maildir_close(box);
	maildir_root_close(whole);
}
END_TEST

START_TEST(test_looking_makes_and_locks_nothing)
{
	struct maildir_root *view;
	struct maildir *seen;

	ck_assert_ptr_null(maildir_root_view("nothing", &error));
	ck_assert(!exists("nothing"));
	ck_assert_int_eq(mkdir("r", 0700), 0);
	view = maildir_root_view("r", &error);
	ck_assert_msg(view != NULL, "%s", error.text);
	ck_assert_ptr_null(maildir_view(view, "a/b", &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_NONE);
	ck_assert(!maildir_root_is_in_use(view));
	ck_assert(!exists("r/a"));
	ck_assert(!exists("r/.mailmirror.lock"));
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(mkdir((const char *[]){"r/a", "r/a/cur",
					   "r/a/new", "r/a/tmp"}[i],
				     0700),
		    0);
	seen = maildir_view(view, "a", &error);
	ck_assert_msg(seen != NULL, "%s", error.text);
	maildir_close(seen);
	ck_assert_int_eq(symlink("a", "r/link"), 0);
	ck_assert_ptr_null(maildir_view(view, "link", &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_LOCAL);
	maildir_root_close(view);
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("maildir_root");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, test_missing_parents_of_the_root_are_made_0700);
	tcase_add_test(tests, test_modes_are_not_wider_with_an_open_umask);
	tcase_add_test(tests, test_the_root_may_be_a_link);
	tcase_add_test(tests, test_a_file_in_the_roots_place_is_refused);
	tcase_add_test(tests, test_a_link_in_the_locks_place_is_refused);
	tcase_add_test(tests, test_the_lock_holds_our_process_id);
	tcase_add_test(tests, test_a_second_process_is_told_who_holds_the_lock);
	tcase_add_test(tests, test_the_lock_goes_with_its_holder);
	tcase_add_test(tests, test_a_lock_without_a_process_id_is_still_a_lock);
	tcase_add_loop_test(
	    tests, test_a_folder_is_made_with_its_parents, 0, 2);
	tcase_add_test(tests, test_the_root_can_be_a_folder);
	tcase_add_test(tests, test_what_is_there_is_left_as_it_is);
	tcase_add_loop_test(tests, test_a_link_or_a_file_is_not_walked_through,
	    0, COUNT(obstacle_cases));
	tcase_add_test(
	    tests, test_a_link_that_comes_later_is_not_followed_either);
	tcase_add_loop_test(
	    tests, test_a_path_cannot_leave_the_root, 0, COUNT(refused_paths));
	tcase_add_test(tests, test_a_folder_exists_once_it_has_cur);
	tcase_add_test(tests, test_an_open_folder_costs_one_descriptor);
	tcase_add_test(tests, test_a_folder_at_rest_costs_no_descriptor);
	tcase_add_loop_test(tests, test_what_rested_goes_on_where_it_was, 0,
	    COUNT(resting_paths));
	tcase_add_loop_test(tests,
	    test_another_directory_is_not_taken_for_one_that_rested, 0,
	    COUNT(successor_cases));
	tcase_add_test(tests, test_one_that_comes_back_goes_on);
	tcase_add_test(tests, test_two_threads_that_wake_a_folder_open_it_once);
	tcase_add_test(tests, test_no_descriptor_survives_exec);
	tcase_add_test(tests, test_a_long_path_does_not_push_out_the_reason);
	tcase_add_loop_test(tests,
	    test_a_root_that_is_lost_is_made_and_locked_anew, 0,
	    COUNT(lost_cases));
	tcase_add_test(
	    tests, test_a_successor_of_the_root_that_is_anothers_is_left_alone);
	tcase_add_test(tests, test_looking_makes_and_locks_nothing);
	return run_case("maildir_root", tests);
}
