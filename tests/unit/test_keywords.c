/*
 * daemon/keywords: Dovecot's dovecot-keywords file and the letters a to z.
 */
#include "daemon/keywords.h"
#include "libclient/base/mem.h"
#include "tests/unit/maildir_helpers.h"

#define FILE_NAME   "dovecot-keywords"
#define BIT(letter) (UINT32_C(1) << (6 + (letter) - 'a'))

static struct keywords keywords;

static void
forget(void)
{
	keywords_free(&keywords);
	tear_down();
}

static uint32_t
bit(const char *name)
{
	return keywords_bit(&keywords, span_of(name));
}

static void
assert_text(const char *expected)
{
	char *text = keywords_text(&keywords);

	ck_assert_str_eq(text, expected);
	mem_free(text);
}

/* ---- letters ---- */

START_TEST(test_new_keywords_get_the_letters_in_order)
{
	ck_assert(!keywords.has_changed);
	ck_assert_uint_eq(bit("$Junk"), BIT('a'));
	ck_assert(keywords.has_changed);
	ck_assert_uint_eq(bit("work"), BIT('b'));
	assert_text("0 $Junk\n1 work\n");
}
END_TEST

START_TEST(test_a_keyword_keeps_its_letter_in_any_case)
{
	ck_assert_uint_eq(bit("$Junk"), BIT('a'));
	keywords.has_changed = false;
	ck_assert_uint_eq(bit("$JUNK"), BIT('a'));
	ck_assert_uint_eq(bit("$junk"), BIT('a'));
	ck_assert(!keywords.has_changed);
	assert_text("0 $Junk\n");
}
END_TEST

START_TEST(test_the_27th_keyword_has_no_letter)
{
	char name[16];

	for (int i = 0; i < KEYWORDS_MAX; i++) {
		snprintf(name, sizeof(name), "k%d", i);
		ck_assert_uint_eq(bit(name), UINT32_C(1) << (6 + i));
	}
	keywords.has_changed = false;
	ck_assert_uint_eq(bit("one too many"), 0);
	ck_assert_uint_eq(bit("another"), 0);
	ck_assert_uint_eq(bit("k25"), BIT('z'));
	ck_assert(!keywords.has_changed);
}
END_TEST

static const char *const unfit[] = {
    "", "two words", "tab\there", "line\n1 other", "cr\r", "\x7f", "\x01"};

START_TEST(test_names_that_would_break_the_file_are_refused)
{
	ck_assert_uint_eq(bit(unfit[_i]), 0);
	ck_assert(!keywords.has_changed);
	assert_text("");
}
END_TEST

START_TEST(test_a_name_has_200_bytes_at_most)
{
	char name[KEYWORDS_MAX_LENGTH + 2];

	memset(name, 'k', sizeof(name));
	ck_assert_uint_eq(keywords_bit(&keywords,
			      (struct span){name, KEYWORDS_MAX_LENGTH + 1}),
	    0);
	ck_assert_uint_eq(
	    keywords_bit(&keywords, (struct span){name, KEYWORDS_MAX_LENGTH}),
	    BIT('a'));
}
END_TEST

START_TEST(test_a_nul_is_not_the_end_of_a_name)
{
	ck_assert_uint_eq(keywords_bit(&keywords, (struct span){"a\0b", 3}), 0);
}
END_TEST

/* ---- the file ---- */

static const struct {
	const char *text; /* NULL: no file */
	const char *read; /* as it would be written again */
} files[] = {
    {"0 $Junk\n1 work\n", "0 $Junk\n1 work\n"},
    {"0 $Junk\n1 work", "0 $Junk\n1 work\n"},
    {"3 c\n1 a\n25 z\n", "1 a\n3 c\n25 z\n"},
    {"0 two words\n", "0 two words\n"},
    /* the first one that has a letter keeps it */
    {"0 first\n0 second\n", "0 first\n"},
    /* malformed lines are passed over */
    {"26 too much\n0 a\n", "0 a\n"},
    {"-1 x\nx y\n 5 b\n\n0\n0 \n1 a\n", "1 a\n"},
    {"99999999999999999999 x\n1 a\n", "1 a\n"},
    {"", ""},
    {NULL, ""},
};

START_TEST(test_a_file_is_read_as_far_as_it_is_sound)
{
	if (files[_i].text != NULL)
		write_file(FILE_NAME, files[_i].text);
	ck_assert(keywords_read(&keywords, folder, NULL));
	ck_assert(!keywords.has_changed);
	assert_text(files[_i].read);
}
END_TEST

START_TEST(test_a_gap_is_filled_first)
{
	write_file(FILE_NAME, "0 a\n2 c\n");
	ck_assert(keywords_read(&keywords, folder, NULL));
	ck_assert_uint_eq(bit("C"), BIT('c'));
	ck_assert_uint_eq(bit("new"), BIT('b'));
	ck_assert_uint_eq(bit("newer"), BIT('d'));
}
END_TEST

START_TEST(test_reading_forgets_what_was_known)
{
	(void)bit("old");
	write_file(FILE_NAME, "1 new\n");
	ck_assert(keywords_read(&keywords, folder, NULL));
	ck_assert(!keywords.has_changed);
	assert_text("1 new\n");
}
END_TEST

START_TEST(test_a_link_in_the_files_place_is_not_read)
{
	write_file("elsewhere", "0 a\n");
	ck_assert_int_eq(symlink("elsewhere", FILE_NAME), 0);
	ck_assert(keywords_read(&keywords, folder, NULL));
	assert_text("");
}
END_TEST

START_TEST(test_garbage_does_no_harm)
{
	FILE *file = fopen(FILE_NAME, "we");

	ck_assert_ptr_nonnull(file);
	srandom((unsigned)_i);
	for (int i = 0; i < 20000; i++)
		fputc((int)(random() % 256), file);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert(keywords_read(&keywords, folder, NULL));
}
END_TEST

START_TEST(test_what_is_written_is_read_again)
{
	char *text;

	(void)bit("$Junk");
	(void)bit("work");
	text = keywords_text(&keywords);
	ck_assert(keywords_write(folder, text, _i == 1, &error));
	assert_content(FILE_NAME, "0 $Junk\n1 work\n");
	ck_assert_uint_eq(mode_of(FILE_NAME), 0600);
	mem_free(text);
	keywords_free(&keywords);
	ck_assert(keywords_read(&keywords, folder, NULL));
	ck_assert_uint_eq(bit("WORK"), BIT('b'));
	ck_assert(!keywords.has_changed);
}
END_TEST

START_TEST(test_all_letters_with_the_longest_names_fit_the_file)
{
	char name[KEYWORDS_MAX_LENGTH];
	struct span span = {name, sizeof(name)};
	char *text;

	memset(name, 'k', sizeof(name));
	for (int i = 0; i < KEYWORDS_MAX; i++) {
		name[0] = (char)('a' + i);
		(void)keywords_bit(&keywords, span);
	}
	text = keywords_text(&keywords);
	ck_assert(keywords_write(folder, text, false, &error));
	mem_free(text);
	ck_assert(keywords_read(&keywords, folder, NULL));
	ck_assert_uint_eq(keywords_bit(&keywords, span), BIT('z'));
	ck_assert(!keywords.has_changed);
}
END_TEST

START_TEST(test_a_folder_that_is_gone_is_an_error)
{
	ck_assert_int_eq(rmdir("tmp"), 0);
	ck_assert(!keywords_write(folder, "0 a\n", false, &error));
	assert_local("cannot ", "root/box/tmp", strerror(ENOENT));
	ck_assert(!exists(FILE_NAME));
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("keywords");

	tcase_add_checked_fixture(tests, set_up, forget);
	tcase_add_test(tests, test_new_keywords_get_the_letters_in_order);
	tcase_add_test(tests, test_a_keyword_keeps_its_letter_in_any_case);
	tcase_add_test(tests, test_the_27th_keyword_has_no_letter);
	tcase_add_loop_test(tests,
	    test_names_that_would_break_the_file_are_refused, 0, COUNT(unfit));
	tcase_add_test(tests, test_a_name_has_200_bytes_at_most);
	tcase_add_test(tests, test_a_nul_is_not_the_end_of_a_name);
	tcase_add_loop_test(
	    tests, test_a_file_is_read_as_far_as_it_is_sound, 0, COUNT(files));
	tcase_add_test(tests, test_a_gap_is_filled_first);
	tcase_add_test(tests, test_reading_forgets_what_was_known);
	tcase_add_test(tests, test_a_link_in_the_files_place_is_not_read);
	tcase_add_loop_test(tests, test_garbage_does_no_harm, 1, 9);
	tcase_add_loop_test(tests, test_what_is_written_is_read_again, 0, 2);
	tcase_add_test(
	    tests, test_all_letters_with_the_longest_names_fit_the_file);
	tcase_add_test(tests, test_a_folder_that_is_gone_is_an_error);
	return run_case("keywords", tests);
}
