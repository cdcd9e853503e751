/*
 * daemon/maildir_folder: whole folders, renamed and removed.
 */
#include "daemon/maildir_folder.h"

#include "tests/unit/maildir_helpers.h"

/* The fixture's working directory is the folder `box`. */
static void
go_up(void)
{
	ck_assert_int_eq(chdir(".."), 0);
}

static void
make(const char *path)
{
	struct maildir *made = maildir_open(root, path, &error);

	ck_assert_msg(made != NULL, "%s", error.text);
	maildir_close(made);
}

/* ---- renaming ---- */

static const struct rename_case {
	const char *from;
	const char *to;
	const char *file;
	const char *file_after;
} rename_cases[] = {
    {"a", "b", "a/cur/1", "b/cur/1"},
    {".Lists.a", ".Lists.b", ".Lists.a/new/1", ".Lists.b/new/1"},
    {"a", "deep/er/b", "a/.uidvalidity", "deep/er/b/.uidvalidity"},
    {"deep/a", "b", "deep/a/cur/1", "b/cur/1"},
};

START_TEST(test_a_folder_is_renamed_with_all_that_is_in_it)
{
	const struct rename_case *test = &rename_cases[_i];

	go_up();
	make(test->from);
	write_file(test->file, "x");
	ck_assert_msg(maildir_rename_folder(root, test->from, test->to, &error),
	    "%s", error.text);
	assert_content(test->file_after, "x");
	ck_assert(!exists(test->from));
	ck_assert(maildir_exists(root, test->to));
}
END_TEST

static const struct refusal_case {
	const char *from;
	const char *to;
	const char *reason;
} refusal_cases[] = {
    {"a", "b", "File exists"},
    {"a", "file", "File exists"},
    {"never", "c", "No such file"},
    {"a", "", "Invalid argument"},
    {"", "c", "Invalid argument"},
    {"a", "../c", "Invalid argument"},
    {"a", "file/c", "Not a directory"},
    {"a", "link/c", "Not a directory"},
};

START_TEST(test_a_folder_is_not_renamed_onto_anything_or_out_of_the_root)
{
	const struct refusal_case *test = &refusal_cases[_i];

	go_up();
	make("a");
	make("b");
	write_file("b/cur/1", "x");
	write_file("file", "x");
	ck_assert_int_eq(symlink("..", "link"), 0);
	ck_assert(!maildir_rename_folder(root, test->from, test->to, &error));
	assert_local("cannot rename", test->from, test->reason);
	ck_assert(maildir_exists(root, "a"));
	assert_content("b/cur/1", "x");
}
END_TEST

/* ---- removing ---- */

START_TEST(test_a_folder_without_messages_is_removed)
{
	int fd;
	char name[MAILDIR_NAME_SIZE];

	ck_assert(maildir_write_uidvalidity(folder, 7, 1, false, &error));
	write_file("dovecot-keywords", "0 x\n");
	fd = maildir_create_tmp(folder, name, &error);
	close(fd);
	go_up();
	ck_assert(maildir_is_empty(root, "box"));
	ck_assert_msg(
	    maildir_remove_folder(root, "box", &error), "%s", error.text);
	ck_assert(!exists("box"));
	ck_assert(maildir_remove_folder(root, "box", &error));
	ck_assert(maildir_is_empty(root, "box"));
}
END_TEST

static const char *const precious[] = {
    "box/cur/1:2,", "box/new/local", "box/tmp/somebodys", "box/cur/.hidden"};

START_TEST(test_a_folder_that_holds_anything_stays)
{
	const char *file = precious[_i];

	go_up();
	write_file(file, "x");
	ck_assert_int_eq(maildir_is_empty(root, "box"), _i >= 2);
	ck_assert(!maildir_remove_folder(root, "box", &error));
	assert_local("cannot remove", "box", "Directory not empty");
	assert_content(file, "x");
	ck_assert(exists("box/new") && exists("box/tmp") && exists("box/cur"));
}
END_TEST

START_TEST(test_what_is_below_a_removed_folder_stays)
{
	go_up();
	make("box/sub");
	write_file("box/notes", "x");
	ck_assert(maildir_remove_folder(root, "box", &error));
	ck_assert(!maildir_exists(root, "box"));
	ck_assert(maildir_exists(root, "box/sub"));
	assert_content("box/notes", "x");
}
END_TEST

START_TEST(test_the_root_as_a_folder_loses_its_parts_alone)
{
	go_up();
	make("");
	ck_assert(maildir_remove_folder(root, "", &error));
	ck_assert(!exists("cur"));
	ck_assert(maildir_exists(root, "box"));
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("maildir_folder");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(
	    tests, test_a_folder_is_renamed_with_all_that_is_in_it, 0, 4);
	tcase_add_loop_test(tests,
	    test_a_folder_is_not_renamed_onto_anything_or_out_of_the_root, 0,
	    8);
	tcase_add_test(tests, test_a_folder_without_messages_is_removed);
	tcase_add_loop_test(
	    tests, test_a_folder_that_holds_anything_stays, 0, 4);
	tcase_add_test(tests, test_what_is_below_a_removed_folder_stays);
	tcase_add_test(tests, test_the_root_as_a_folder_loses_its_parts_alone);
	return run_case("maildir_folder", tests);
}
