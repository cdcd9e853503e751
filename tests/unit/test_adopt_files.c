/*
 * daemon/adopt_files: files that mail readers move while they are taken over.
 */
#include "daemon/adopt_files.h"

#include "tests/unit/maildir_helpers.h"

static struct adopt_files files;

/* As mbsync left it: message 5. */
static void
find_one(void)
{
	uint32_t others;

	write_file("cur/1.2_3.x,U=1:2,", "X-TUID: AbCdEf+/0123\n\nc\n");
	ck_assert(adopt_files_scan(folder, &identity, &files, &others, &error));
	ck_assert_uint_eq(files.count, 1);
	files.items[0].uid = 5;
}

static uint32_t
take(void)
{
	const struct maildir_form form = {.drops_tuid = true};
	const struct adopt adopt = {.maildir = folder};
	uint32_t gone = 9;

	ck_assert(
	    adopt_files_take(&adopt, &identity, &form, &files, &gone, &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_NONE);
	adopt_files_free(&files);
	return gone;
}

START_TEST(test_a_file_gets_its_name_and_form)
{
	find_one();
	ck_assert_uint_eq(take(), 0);
	ck_assert(!exists("cur/1.2_3.x,U=1:2,"));
}
END_TEST

START_TEST(test_a_file_that_was_moved_is_counted_and_left_as_it_is)
{
	find_one();
	ck_assert_int_eq(
	    rename("cur/1.2_3.x,U=1:2,", "cur/1.2_3.x,U=1:2,S"), 0);
	ck_assert_uint_eq(take(), 1);
	ck_assert(!exists("cur/1.2_3.x,U=1:2,"));
	ck_assert(exists("cur/1.2_3.x,U=1:2,S"));
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("adopt_files");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, test_a_file_gets_its_name_and_form);
	tcase_add_test(
	    tests, test_a_file_that_was_moved_is_counted_and_left_as_it_is);
	return run_case("adopt_files", tests);
}
