/*
 * daemon/maildir_link: a file that is here already, as if just downloaded.
 */
#include "daemon/maildir_link.h"

#include "tests/unit/maildir_helpers.h"

static const struct maildir_message message = {
    .uid = 7, .size = 5, .date = 1000};
static struct maildir *other;
static char tmp_name[MAILDIR_TMP_NAME_SIZE];

static void
begin(void)
{
	set_up();
	other = maildir_open(root, "Other", &error);
	ck_assert_ptr_nonnull(other);
}

static void
end(void)
{
	other = maildir_close(other);
	tear_down();
}

/* The path of a file of the message in this folder, with its content made. */
static const char *
put(const char *directory, const char *suffix)
{
	static char path[MAILDIR_NAME_SIZE + 8];
	char base[MAILDIR_NAME_SIZE];

	maildir_base_name(&identity, &message, base);
	snprintf(path, sizeof(path), "%s/%s%s", directory, base, suffix);
	write_file(path, "hello");
	return path;
}

static const char *
linked(void)
{
	static char path[2 * MAILDIR_NAME_SIZE];

	snprintf(path, sizeof(path), "../Other/tmp/%s", tmp_name);
	return path;
}

static ino_t
number_of(const char *path)
{
	struct stat info;

	ck_assert_int_eq(lstat(path, &info), 0);
	return info.st_ino;
}

START_TEST(test_a_file_gets_a_second_name)
{
	const char *path = put("new", "");

	ck_assert(
	    maildir_link(folder, &identity, &message, other, true, tmp_name));
	ck_assert(number_of(path) == number_of(linked()));
}
END_TEST

START_TEST(test_a_copy_is_a_file_of_its_own)
{
	const char *path = put("new", "");

	ck_assert(
	    maildir_link(folder, &identity, &message, other, false, tmp_name));
	ck_assert(number_of(path) != number_of(linked()));
	assert_content(linked(), "hello");
	ck_assert_int_eq(mode_of(linked()), 0600);
}
END_TEST

START_TEST(test_it_may_stay_in_its_folder)
{
	char path[2 * MAILDIR_NAME_SIZE];
	const char *old = put("new", "");

	ck_assert(
	    maildir_link(folder, &identity, &message, folder, true, tmp_name));
	snprintf(path, sizeof(path), "tmp/%s", tmp_name);
	ck_assert(number_of(old) == number_of(path));
}
END_TEST

START_TEST(test_other_flags_do_not_hide_it)
{
	put("cur", ":2,FS");
	ck_assert(
	    maildir_link(folder, &identity, &message, other, true, tmp_name));
	assert_content(linked(), "hello");
}
END_TEST

START_TEST(test_another_message_is_not_taken)
{
	static const struct maildir_message others[] = {
	    {.uid = 8, .size = 5, .date = 1000},
	    {.uid = 7, .size = 6, .date = 1000},
	    {.uid = 7, .size = 5, .date = 1001},
	};
	struct maildir_identity generation = identity;

	put("new", "");
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		ck_assert(!maildir_link(
		    folder, &identity, &others[i], other, true, tmp_name));
	generation.uidvalidity++;
	ck_assert(!maildir_link(
	    folder, &generation, &message, other, true, tmp_name));
}
END_TEST

START_TEST(test_a_link_or_directory_is_no_message)
{
	char base[MAILDIR_NAME_SIZE], path[MAILDIR_NAME_SIZE + 8];

	maildir_base_name(&identity, &message, base);
	snprintf(path, sizeof(path), "new/%s", base);
	write_file("secret", "x");
	ck_assert_int_eq(symlink("../secret", path), 0);
	ck_assert(
	    !maildir_link(folder, &identity, &message, other, true, tmp_name));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert(
	    !maildir_link(folder, &identity, &message, other, true, tmp_name));
}
END_TEST

START_TEST(test_the_front_of_a_file_is_read)
{
	const char *path = put("new", "");
	char bytes[8];

	ck_assert_int_eq(
	    maildir_read_front(folder, path + 4, true, bytes, 3), 3);
	ck_assert_int_eq(memcmp(bytes, "hel", 3), 0);
	ck_assert_int_eq(
	    maildir_read_front(folder, path + 4, true, bytes, 8), 5);
	ck_assert_int_eq(
	    maildir_read_front(folder, path + 4, false, bytes, 8), -1);
}
END_TEST

START_TEST(test_two_names_of_a_file_have_one_number)
{
	const char *path = put("new", "");
	uint64_t a, b;

	ck_assert_int_eq(link(path, "cur/b:2,"), 0);
	write_file("cur/c:2,", "hello");
	ck_assert(maildir_file_number(folder, path + 4, true, &a));
	ck_assert(maildir_file_number(folder, "b:2,", false, &b));
	ck_assert(a == b);
	ck_assert(maildir_file_number(folder, "c:2,", false, &b));
	ck_assert(a != b);
	ck_assert(!maildir_file_number(folder, "d", false, &b));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("maildir_link");
	TCase *tests = tcase_create("maildir_link");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, test_a_file_gets_a_second_name);
	tcase_add_test(tests, test_a_copy_is_a_file_of_its_own);
	tcase_add_test(tests, test_it_may_stay_in_its_folder);
	tcase_add_test(tests, test_other_flags_do_not_hide_it);
	tcase_add_test(tests, test_another_message_is_not_taken);
	tcase_add_test(tests, test_a_link_or_directory_is_no_message);
	tcase_add_test(tests, test_the_front_of_a_file_is_read);
	tcase_add_test(tests, test_two_names_of_a_file_have_one_number);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
