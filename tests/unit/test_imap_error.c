/*
 * What libclient/base/imap_error.h promises: an error is filled once, and what
 * a server says can be shown to people.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "libclient/base/imap_error.h"

START_TEST(test_imap_error_is_filled_and_false_returned)
{
	struct imap_error error = {0};

	ck_assert(!imap_error_set(
	    &error, IMAP_ERROR_LIMIT, "line longer than %d bytes", 8192));
	ck_assert_int_eq(error.kind, IMAP_ERROR_LIMIT);
	ck_assert_str_eq(error.text, "line longer than 8192 bytes");
}
END_TEST

START_TEST(test_imap_error_keeps_the_first_fault)
{
	struct imap_error error = {0};

	imap_error_set(&error, IMAP_ERROR_AUTH, "refused");
	imap_error_set(&error, IMAP_ERROR_NETWORK, "lost");
	ck_assert_int_eq(error.kind, IMAP_ERROR_AUTH);
	ck_assert_str_eq(error.text, "refused");
}
END_TEST

START_TEST(test_imap_error_may_be_null)
{
	ck_assert(!imap_error_set(NULL, IMAP_ERROR_LOCAL, "disk full"));
}
END_TEST

START_TEST(test_imap_error_cuts_long_text_at_a_character_boundary)
{
	struct imap_error error = {0};
	char text[1000] = "";
	size_t len;
	size_t i;

	/* _i bytes and then characters of three bytes each */
	memset(text, 'x', (size_t)_i);
	for (i = 0; i < 300; i++)
		memcpy(text + (size_t)_i + i * 3, "\xe2\x82\xac", 3);
	imap_error_set(&error, IMAP_ERROR_PROTOCOL, "%s", text);
	len = strlen(error.text);
	ck_assert_uint_lt(len, sizeof(error.text));
	ck_assert_uint_ge(len, sizeof(error.text) - 3);
	ck_assert_uint_eq((len - (size_t)_i) % 3, 0);
	ck_assert_mem_eq(error.text, text, len);
}
END_TEST

START_TEST(test_imap_error_every_kind_has_a_name)
{
	int kind;

	for (kind = IMAP_ERROR_NONE; kind <= IMAP_ERROR_CONFIG; kind++)
		ck_assert_ptr_nonnull(
		    imap_error_kind_name((enum imap_error_kind)kind));
	ck_assert_str_eq(
	    imap_error_kind_name(IMAP_ERROR_AUTH), "authentication");
}
END_TEST

static const struct {
	const char *text;
	const char *shown;
	size_t max_bytes;
	size_t size;
} printable[] = {
    {"Logged in", "Logged in", 200, 256},
    {"", "", 200, 256},
    {"b\xc3\xa9po \xf0\x9f\x93\xa7", "b\xc3\xa9po \xf0\x9f\x93\xa7", 200, 256},
    {"\\Seen \"x\"", "\\Seen \"x\"", 200, 256},
    /* what a terminal would obey */
    {"\x1b[2Jhi\r\n\t\x7f", "\\x1b[2Jhi\\x0d\\x0a\\x09\\x7f", 200, 256},
    {"\xc2\x9b[m", "\\xc2\\x9b[m", 200, 256},
    /* what turns or breaks the line */
    {"a\xe2\x80\xaez", "a\\xe2\\x80\\xaez", 200, 256},
    {"a\xe2\x81\xa7z", "a\\xe2\\x81\\xa7z", 200, 256},
    {"a\xe2\x80\xa8z", "a\\xe2\\x80\\xa8z", 200, 256},
    {"a\xd8\x9cz", "a\\xd8\\x9cz", 200, 256},
    /* what is not UTF-8 */
    {"gr\xfc\xdf", "gr\\xfc\\xdf", 200, 256},
    {"\xc0\x80\xed\xa0\x80", "\\xc0\\x80\\xed\\xa0\\x80", 200, 256},
    {"cut \xe2\x82", "cut \\xe2\\x82", 200, 256},
    /* at most max_bytes of it */
    {"12345", "12345", 5, 256},
    {"123456", "12345...", 5, 256},
    {"1234\xc3\xa9", "1234...", 5, 256},
    {"1234\xc3\xa9", "1234\xc3\xa9", 6, 256},
    {"x", "...", 0, 256},
    /* at most size bytes of room */
    {"1234567", "1234567", 200, 8},
    {"12345678", "1234...", 200, 8},
    {"123456\n", "1234...", 200, 8},
    {"\n\n", "\\x0a...", 200, 8},
    {"\xc2\x80", "...", 200, 8},
    {"\xc2\x80", "\\xc2\\x80", 200, 9},
};

START_TEST(test_imap_error_printable)
{
	char out[256];
	char *result;

	memset(out, '#', sizeof(out));
	result = imap_error_printable(span_of(printable[_i].text),
	    printable[_i].max_bytes, out, printable[_i].size);
	ck_assert_ptr_eq(result, out);
	ck_assert_str_eq(out, printable[_i].shown);
	if (printable[_i].size < sizeof(out))
		ck_assert_int_eq(out[printable[_i].size], '#');
}
END_TEST

START_TEST(test_imap_error_printable_shows_nul)
{
	char out[32];

	imap_error_printable((struct span){"a\0b", 3}, 9, out, sizeof(out));
	ck_assert_str_eq(out, "a\\x00b");
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("imap_error");
	Suite *suite = suite_create("imap_error");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, test_imap_error_is_filled_and_false_returned);
	tcase_add_test(tests, test_imap_error_keeps_the_first_fault);
	tcase_add_test(tests, test_imap_error_may_be_null);
	tcase_add_loop_test(tests,
	    test_imap_error_cuts_long_text_at_a_character_boundary, 0, 3);
	tcase_add_test(tests, test_imap_error_every_kind_has_a_name);
	tcase_add_loop_test(tests, test_imap_error_printable, 0,
	    (int)(sizeof(printable) / sizeof(printable[0])));
	tcase_add_test(tests, test_imap_error_printable_shows_nul);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
