/*
 * What libclient/imaplib_helper.h promises: imaplib's module functions, with
 * CPython's own vectors, whatever TZ and the locale are.
 */
#include <check.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "libclient/imaplib_helper.h"

#define LENGTH(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void
set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static const char *const zones[] = {"UTC", "MST+07MDT,M4.1.0,M10.5.0",
    "STD-1DST", "NST3:30NDT,M3.2.0,M11.1.0", "<+1130>-11:30"};

static const struct {
	const char *response;
	int64_t epoch; /* -1: none */
} dates[] = {
    {"25 (INTERNALDATE \"01-Jan-2000 00:00:00 +0000\")", 946684800},
    {"25 (INTERNALDATE \"01-Jan-2000 11:30:00 +1130\")", 946684800},
    {"25 (INTERNALDATE \"31-Dec-1999 12:30:00 -1130\")", 946684800},
    {"25 (INTERNALDATE \"02-Apr-2000 02:30:00 +0000\")", 954642600},
    {"25 (INTERNALDATE \"02-Apr-2000 03:30:00 +0000\")", 954646200},
    {"(UID 1 internaldate \" 1-jan-2000 00:00:00 +0000\" X)", 946684800},
    {"INTERNALDATE \"18-May-2033 05:33:20 +0200\"", 2000000000},
    {"(X \"INTERNALDATE \" INTERNALDATE \"01-Jan-2000 00:00:00 +0000\")",
	946684800},
    {"(INTERNALDATE \"00-Jan-0000 00:00:00 +0000\")", -1},
    {"(INTERNALDATE \"01-Jan-2000 00:00:00 +0000)", -1},
    {"(INTERNALDATE \"01-Jan-2000", -1},
    {"(INTERNALDATE NIL)", -1},
    {"(X \"\\\"INTERNALDATE \\\"01-Jan-2000 00:00:00 +0000\\\"\")", -1},
    {"(X {41}\r\nINTERNALDATE \"01-Jan-2000 00:00:00 +0000\")", -1},
    {"", -1},
};

START_TEST(test_an_internaldate_is_found_in_any_zone)
{
	struct tm local;
	int64_t epoch = -1;
	size_t i;

	for (i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		set_zone(zones[i]);
		ck_assert_int_eq(
		    imaplib_internaldate_to_time(
			span_of(dates[_i].response), &epoch, &local),
		    dates[_i].epoch != -1);
		ck_assert_int_eq(epoch, dates[_i].epoch);
		if (epoch != -1)
			ck_assert_int_eq(mktime(&local), epoch);
	}
}
END_TEST

START_TEST(test_the_local_time_is_of_the_zone)
{
	struct tm local;
	int64_t epoch;

	set_zone("NST3:30NDT,M3.2.0,M11.1.0");
	ck_assert(imaplib_internaldate_to_time(
	    span_of("INTERNALDATE \"01-Jan-2000 00:00:00 +0000\""), &epoch,
	    &local));
	ck_assert_int_eq(local.tm_mday, 31);
	ck_assert_int_eq(local.tm_hour, 20);
	ck_assert_int_eq(local.tm_min, 30);
	ck_assert(imaplib_internaldate_to_time(
	    span_of("INTERNALDATE \"01-Jan-2000 00:00:00 +0000\""), &epoch,
	    NULL));
}
END_TEST

static const struct {
	const char *zone;
	int64_t epoch;
	const char *date;
} moments[] = {
    {"STD-1DST", 2000000000, "\"18-May-2033 05:33:20 +0200\""},
    {"UTC", 0, "\"01-Jan-1970 00:00:00 +0000\""},
    {"UTC", -1, "\"31-Dec-1969 23:59:59 +0000\""},
    {"NST3:30NDT,M3.2.0,M11.1.0", 946684800, "\"31-Dec-1999 20:30:00 -0330\""},
    {"NST3:30NDT,M3.2.0,M11.1.0", 962409600, "\"30-Jun-2000 21:30:00 -0230\""},
    {"MST+07MDT,M4.1.0,M10.5.0", 954665999, "\"02-Apr-2000 01:59:59 -0700\""},
    {"MST+07MDT,M4.1.0,M10.5.0", 954666000, "\"02-Apr-2000 03:00:00 -0600\""},
    {"MST+07MDT,M4.1.0,M10.5.0", 972806399, "\"29-Oct-2000 01:59:59 -0600\""},
    {"MST+07MDT,M4.1.0,M10.5.0", 972806400, "\"29-Oct-2000 01:00:00 -0700\""},
    {"<+0545>-5:45", 946684800, "\"01-Jan-2000 05:45:00 +0545\""},
    {"<-0030>0:30", 946684800, "\"31-Dec-1999 23:30:00 -0030\""},
};

START_TEST(test_a_moment_is_written_in_the_zone_of_then)
{
	char out[IMAPLIB_DATE_SIZE];
	int64_t epoch;

	set_zone(moments[_i].zone);
	ck_assert(imaplib_internaldate_from_epoch(moments[_i].epoch, out));
	ck_assert_str_eq(out, moments[_i].date);
	memmove(out, out + 1, strlen(out));
	ck_assert_uint_eq(strlen(out), IMAPLIB_DATE_SIZE - 3);
	if (moments[_i].epoch == -1)
		return;
	ck_assert(imaplib_internaldate_from_epoch(moments[_i].epoch, out));
	{
		char response[64] = "INTERNALDATE ";

		memcpy(response + 13, out, strlen(out) + 1);
		ck_assert(imaplib_internaldate_to_time(
		    span_of(response), &epoch, NULL));
		ck_assert_int_eq(epoch, moments[_i].epoch);
	}
}
END_TEST

static const struct {
	const char *zone;
	struct tm local; /* year, month, day, hour, minute, second, isdst */
	const char *date; /* NULL: none */
} clocks[] = {
    {"STD-1DST",
	{.tm_year = 133,
	    .tm_mon = 4,
	    .tm_mday = 18,
	    .tm_hour = 5,
	    .tm_min = 33,
	    .tm_sec = 20,
	    .tm_isdst = -1},
	"\"18-May-2033 05:33:20 +0200\""},
    {"STD-1DST",
	{.tm_year = 133,
	    .tm_mon = 4,
	    .tm_mday = 18,
	    .tm_hour = 5,
	    .tm_min = 33,
	    .tm_sec = 20,
	    .tm_isdst = 1},
	"\"18-May-2033 05:33:20 +0200\""},
    {"STD-1DST",
	{.tm_year = 133,
	    .tm_mon = 4,
	    .tm_mday = 18,
	    .tm_hour = 5,
	    .tm_min = 33,
	    .tm_sec = 20,
	    .tm_isdst = 0},
	"\"18-May-2033 05:33:20 +0100\""},
    {"UTC",
	{.tm_year = 69,
	    .tm_mon = 11,
	    .tm_mday = 31,
	    .tm_hour = 23,
	    .tm_min = 59,
	    .tm_sec = 59},
	"\"31-Dec-1969 23:59:59 +0000\""},
    /* an hour that is twice: isdst tells which */
    {"MST+07MDT,M4.1.0,M10.5.0",
	{.tm_year = 100,
	    .tm_mon = 9,
	    .tm_mday = 29,
	    .tm_hour = 1,
	    .tm_min = 30,
	    .tm_isdst = 1},
	"\"29-Oct-2000 01:30:00 -0600\""},
    {"MST+07MDT,M4.1.0,M10.5.0",
	{.tm_year = 100,
	    .tm_mon = 9,
	    .tm_mday = 29,
	    .tm_hour = 1,
	    .tm_min = 30,
	    .tm_isdst = 0},
	"\"29-Oct-2000 01:30:00 -0700\""},
    {"UTC", {.tm_year = 9000, .tm_mday = 1}, NULL},
    {"UTC", {.tm_year = 2147483647, .tm_mon = 2147483647}, NULL},
};

START_TEST(test_a_clocks_time_is_written_as_it_shows)
{
	char out[IMAPLIB_DATE_SIZE];

	set_zone(clocks[_i].zone);
	ck_assert_int_eq(
	    imaplib_internaldate_from_local(&clocks[_i].local, out),
	    clocks[_i].date != NULL);
	if (clocks[_i].date != NULL)
		ck_assert_str_eq(out, clocks[_i].date);
}
END_TEST

START_TEST(test_an_hour_that_is_skipped_means_a_moment)
{
	const struct tm local = {.tm_year = 100,
	    .tm_mon = 3,
	    .tm_mday = 2,
	    .tm_hour = 2,
	    .tm_min = 30,
	    .tm_isdst = -1};
	char out[IMAPLIB_DATE_SIZE];

	set_zone("MST+07MDT,M4.1.0,M10.5.0");
	ck_assert(imaplib_internaldate_from_local(&local, out));
	ck_assert(strcmp(out, "\"02-Apr-2000 02:30:00 -0700\"") == 0 ||
	    strcmp(out, "\"02-Apr-2000 02:30:00 -0600\"") == 0);
}
END_TEST

START_TEST(test_a_date_is_written_in_a_given_zone)
{
	char out[IMAPLIB_DATE_SIZE];

	set_zone("STD-1DST");
	ck_assert(imaplib_internaldate_from_zone(2000000000, 120, out));
	ck_assert_str_eq(out, "\"18-May-2033 05:33:20 +0200\"");
	ck_assert(imaplib_internaldate_from_zone(946684800, -690, out));
	ck_assert_str_eq(out, "\"31-Dec-1999 12:30:00 -1130\"");
	ck_assert(!imaplib_internaldate_from_zone(0, 1440, out));
	ck_assert(!imaplib_internaldate_from_zone(INT64_MAX, 0, out));
}
END_TEST

START_TEST(test_months_are_english_in_any_locale)
{
	static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8"};
	char out[IMAPLIB_DATE_SIZE];
	size_t i;

	set_zone("STD-1DST");
	for (i = 0; i < 2; i++) {
		/* Where the locale is not installed, this shows nothing. */
		setlocale(LC_ALL, locales[i]);
		ck_assert(imaplib_internaldate_from_epoch(2000000000, out));
		ck_assert_str_eq(out, "\"18-May-2033 05:33:20 +0200\"");
	}
	setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(test_a_year_that_has_no_form_is_refused)
{
	char out[IMAPLIB_DATE_SIZE];

	set_zone("UTC");
	ck_assert(!imaplib_internaldate_from_epoch(INT64_MAX, out));
	ck_assert(!imaplib_internaldate_from_epoch(INT64_MIN, out));
	ck_assert(!imaplib_internaldate_from_epoch(253402300800, out));
	ck_assert(imaplib_internaldate_from_epoch(253402300799, out));
}
END_TEST

static const struct {
	int64_t number;
	const char *letters;
} numbers[] = {
    {0, ""},
    {1, "B"},
    {15, "P"},
    {16, "BA"},
    {-16, "BA"},
    {4096, "BAAA"},
    {65535, "PPPP"},
    {INT64_MAX, "HPPPPPPPPPPPPPPP"},
    {INT64_MIN, "IAAAAAAAAAAAAAAA"},
};

START_TEST(test_numbers_are_letters)
{
	char out[20];

	imaplib_int_to_ap(numbers[_i].number, out);
	ck_assert_str_eq(out, numbers[_i].letters);
}
END_TEST

static const struct {
	const char *response;
	uint32_t count;
	const char *flags[3];
} flags_lines[] = {
    {"FLAGS (\\Seen [test] $X)", 3, {"\\Seen", "[test]", "$X"}},
    {"12 (UID 5 FLAGS (\\Seen))", 1, {"\\Seen"}},
    {"* FLAGS (a]b  \\Deleted )", 2, {"a]b", "\\Deleted"}},
    {"* OK [PERMANENTFLAGS (\\Seen \\*)] x", 2, {"\\Seen", "\\*"}},
    {"(FLAGS (A) X FLAGS (B))", 1, {"A"}},
    {"(X \"FLAGS (a)\" FLAGS (b))", 1, {"b"}},
    {"(X {9}\r\nFLAGS (a) FLAGS (b))", 1, {"b"}},
    {"FLAGS ()", 0, {NULL}},
    {"FLAGS (\\Seen", 0, {NULL}},
    {"FLAGS (", 0, {NULL}},
    {"FLAGS NIL", 0, {NULL}},
    {"X {", 0, {NULL}},
    {"X \"", 0, {NULL}},
    {"X {5}\r\nab", 0, {NULL}},
    {"", 0, {NULL}},
};

START_TEST(test_flags_are_found)
{
	struct span flags[3];
	uint32_t i;

	ck_assert_uint_eq(
	    imaplib_parse_flags(span_of(flags_lines[_i].response), flags, 3),
	    flags_lines[_i].count);
	for (i = 0; i < flags_lines[_i].count; i++)
		ck_assert(
		    span_equal(flags[i], span_of(flags_lines[_i].flags[i])));
}
END_TEST

START_TEST(test_flags_beyond_the_size_are_counted)
{
	struct span flags[2] = {{0}, {0}};

	ck_assert_uint_eq(
	    imaplib_parse_flags(span_of("FLAGS (a b c d)"), flags, 1), 4);
	ck_assert(span_equal(flags[0], span_of("a")));
	ck_assert_ptr_null(flags[1].at);
	ck_assert_uint_eq(
	    imaplib_parse_flags(span_of("FLAGS (a b)"), NULL, 0), 2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("imaplib_helper");
	TCase *tests = tcase_create("imaplib_helper");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_loop_test(
	    tests, test_an_internaldate_is_found_in_any_zone, 0, LENGTH(dates));
	tcase_add_test(tests, test_the_local_time_is_of_the_zone);
	tcase_add_loop_test(tests, test_a_moment_is_written_in_the_zone_of_then,
	    0, LENGTH(moments));
	tcase_add_loop_test(tests, test_a_clocks_time_is_written_as_it_shows, 0,
	    LENGTH(clocks));
	tcase_add_test(tests, test_an_hour_that_is_skipped_means_a_moment);
	tcase_add_test(tests, test_a_date_is_written_in_a_given_zone);
	tcase_add_test(tests, test_months_are_english_in_any_locale);
	tcase_add_test(tests, test_a_year_that_has_no_form_is_refused);
	tcase_add_loop_test(
	    tests, test_numbers_are_letters, 0, LENGTH(numbers));
	tcase_add_loop_test(
	    tests, test_flags_are_found, 0, LENGTH(flags_lines));
	tcase_add_test(tests, test_flags_beyond_the_size_are_counted);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
