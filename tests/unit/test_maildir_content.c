/*
 * daemon/maildir_content: a file as another program left it becomes what the
 * server has.
 */
#include "daemon/maildir_content.h"

#include "tests/unit/maildir_helpers.h"

#define TUID "X-TUID: AbCdEf+/0123"

static const struct form_case {
	struct maildir_form form;
	const char *is;
	const char *should; /* NULL: it is right */
	uint64_t size;
} form_cases[] = {
    {{false, true}, "A: b\n\nc\n", NULL, 11},
    {{false, true}, "A: b\n" TUID "\n\nc\n", "A: b\n\nc\n", 11},
    {{false, true}, "A: b\r\n" TUID "\r\n\r\nc\r\n", "A: b\n\nc\n", 11},
    {{true, true}, "A: b\n" TUID "\n\nc\n", "A: b\r\n\r\nc\r\n", 11},
    {{false, false}, "A: b\n" TUID "\n\nc\n", NULL, 33},
    /* no end of the last line, nothing but a header, nothing at all */
    {{false, true}, "A: b\n" TUID "\n\nc", "A: b\n\nc", 9},
    {{false, true}, TUID "\n", "", 0},
    {{false, true}, "", NULL, 0},
    /* what only looks like it */
    {{false, true}, "A: b\n\n" TUID "\n", NULL, 30},
    {{false, true}, TUID "4\n\n", NULL, 25},
    {{false, true}, "X-TUID: AbCdEf+/012.\n\n", NULL, 24},
    {{false, true}, "A: b\n" TUID, NULL, 26},
    /* the last one is mbsync's */
    {{false, true}, TUID "\nA: b\n" TUID "\n\n", TUID "\nA: b\n\n", 30},
    /* a CR that ends no line stays */
    {{false, false}, "a\rb\r\r\nc\r", "a\rb\r\nc\r", 8},
    {{true, false}, "a\rb\r\nc\n\r", "a\rb\r\nc\r\n\r", 9},
};

START_TEST(test_a_file_becomes_what_it_should_be)
{
	const struct form_case *test = &form_cases[_i];
	struct maildir_content content;
	char tmp_name[MAILDIR_TMP_NAME_SIZE];

	write_file("cur/file", test->is);
	ck_assert(
	    maildir_measure(folder, "file", false, &test->form, &content));
	ck_assert_uint_eq(content.size, test->size);
	ck_assert_int_eq(content.is_right, test->should == NULL);
	if (test->should == NULL)
		return;
	ck_assert(maildir_rewrite(
	    folder, "file", false, &test->form, &content, tmp_name, &error));
	ck_assert(maildir_replace(folder, tmp_name, "file", false, &error));
	assert_content("cur/file", test->should);
}
END_TEST

START_TEST(test_a_long_file_is_cut_nowhere)
{
	const struct maildir_form form = {true, true};
	char tmp_name[MAILDIR_TMP_NAME_SIZE];
	struct maildir_content content;
	FILE *file = fopen("new/file", "w");
	uint64_t lines = 100000;
	struct stat info;

	ck_assert_ptr_nonnull(file);
	fputs(TUID "\n\n", file);
	for (uint64_t i = 0; i < lines; i++)
		fputs("ab\n", file);
	fclose(file);
	ck_assert(maildir_measure(folder, "file", true, &form, &content));
	ck_assert_uint_eq(content.size, 2 + 4 * lines);
	ck_assert(maildir_rewrite(
	    folder, "file", true, &form, &content, tmp_name, &error));
	ck_assert(maildir_replace(folder, tmp_name, "file", true, &error));
	ck_assert_int_eq(lstat("new/file", &info), 0);
	ck_assert_uint_eq((uint64_t)info.st_size, 2 + 4 * lines);
}
END_TEST

START_TEST(test_what_was_moved_meanwhile_is_not_put_there_again)
{
	const struct form_case *test = &form_cases[1];
	char tmp_name[MAILDIR_TMP_NAME_SIZE];
	struct maildir_content content;

	write_file("cur/file:2,", test->is);
	ck_assert(
	    maildir_measure(folder, "file:2,", false, &test->form, &content));
	ck_assert(maildir_rewrite(
	    folder, "file:2,", false, &test->form, &content, tmp_name, &error));
	ck_assert_int_eq(rename("cur/file:2,", "cur/file:2,S"), 0);
	ck_assert(!maildir_replace(folder, tmp_name, "file:2,", false, &error));
	ck_assert_int_ne(access("cur/file:2,", F_OK), 0);
	assert_content("cur/file:2,S", test->is);
}
END_TEST

START_TEST(test_what_is_not_there_or_no_file_is_not_measured)
{
	const struct maildir_form form = {false, true};
	struct maildir_content content;

	ck_assert(!maildir_measure(folder, "file", false, &form, &content));
	ck_assert_int_eq(symlink("/etc/passwd", "cur/link"), 0);
	ck_assert(!maildir_measure(folder, "link", false, &form, &content));
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("maildir_content");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(
	    tests, test_a_file_becomes_what_it_should_be, 0, COUNT(form_cases));
	tcase_add_test(tests, test_a_long_file_is_cut_nowhere);
	tcase_add_test(
	    tests, test_what_was_moved_meanwhile_is_not_put_there_again);
	tcase_add_test(
	    tests, test_what_is_not_there_or_no_file_is_not_measured);
	return run_case("maildir_content", tests);
}
