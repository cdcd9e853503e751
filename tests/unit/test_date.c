/*
 * What libclient/wire/date.h promises, whatever TZ and the locale are: all
 * tests run under several of them.
 */
#include <check.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "libclient/wire/date.h"
#include "tests/unit/pace.h"

static const struct {
	const char *text;
	int64_t epoch;
	int zone;
} dates[] = {
    {"01-Jan-1970 00:00:00 +0000", 0, 0},
    {"31-Dec-1969 23:59:59 +0000", -1, 0},
    {"01-Jan-2000 00:00:00 +0000", 946684800, 0},
    {"01-Jan-2000 11:30:00 +1130", 946684800, 690},
    {"31-Dec-1999 12:30:00 -1130", 946684800, -690},
    {"18-May-2033 05:33:20 +0200", 2000000000, 120},
    {"17-May-2033 23:03:20 -0430", 2000000000, -270},
    {"19-Jan-2038 03:14:08 +0000", INT64_C(2147483648), 0},
    {"29-Feb-2024 12:00:00 +0000", 1709208000, 0},
    {"29-Feb-2000 00:00:00 +0000", 951782400, 0},
    {"01-Mar-1900 00:00:00 +0000", INT64_C(-2203891200), 0},
    /* around the hours that Berlin and New York skip or repeat */
    {"31-Mar-2024 02:30:00 +0100", 1711848600, 60},
    {"27-Oct-2024 02:30:00 +0200", 1729989000, 120},
    {"27-Oct-2024 02:30:00 +0100", 1729992600, 60},
    {"10-Mar-2024 02:30:00 -0500", 1710055800, -300},
    /* the widest zones and the ends of the calendar */
    {"01-Jan-2000 23:59:00 +2359", 946684800, 1439},
    {"31-Dec-1999 00:01:00 -2359", 946684800, -1439},
    {"01-Jan-0001 00:00:00 +0000", INT64_C(-62135596800), 0},
    {"01-Jan-0001 00:00:00 +1400", INT64_C(-62135647200), 840},
    {"31-Dec-9999 23:59:59 +0000", INT64_C(253402300799), 0},
    {"31-Dec-9999 23:59:59 -1200", INT64_C(253402343999), -720},
};

static const struct {
	const char *zone;
	const char *locale;
} places[] = {
    {"UTC0", "C"},
    {"STD-1DST", "de_DE.UTF-8"},
    {"EST5EDT,M3.2.0,M11.1.0", "tr_TR.UTF-8"},
    {"<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45", "fa_IR.UTF-8"},
};

static void
go_to(int place)
{
	setenv("TZ", places[place].zone, 1);
	tzset();
	/* A locale that is not installed leaves the one before. */
	setlocale(LC_ALL, places[place].locale);
}

START_TEST(test_date_parse)
{
	int64_t epoch = 0;
	int zone = 0;
	size_t i;

	go_to(_i);
	for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		ck_assert_msg(date_parse(span_of(dates[i].text), &epoch, &zone),
		    "%s", dates[i].text);
		ck_assert_msg(epoch == dates[i].epoch, "%s is %" PRId64,
		    dates[i].text, epoch);
		ck_assert_int_eq(zone, dates[i].zone);
	}
}
END_TEST

START_TEST(test_date_format)
{
	char out[DATE_SIZE];
	size_t i;

	go_to(_i);
	for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		ck_assert(date_format(dates[i].epoch, dates[i].zone, out));
		ck_assert_str_eq(out, dates[i].text);
	}
}
END_TEST

static const struct {
	const char *text;
	const char *canonical;
} lenient[] = {
    {" 1-Feb-2020 03:04:05 +0000", "01-Feb-2020 03:04:05 +0000"},
    {"01-feb-2020 03:04:05 +0000", "01-Feb-2020 03:04:05 +0000"},
    {"01-JUL-2020 03:04:05 +0000", "01-Jul-2020 03:04:05 +0000"},
    {"30-Jun-2015 23:59:60 +0000", "30-Jun-2015 23:59:59 +0000"},
    {"01-Feb-2020 03:04:05 -0000", "01-Feb-2020 03:04:05 +0000"},
};

START_TEST(test_date_parse_is_lenient_where_servers_are)
{
	char out[DATE_SIZE];
	int64_t epoch = 0;
	int zone = 0;

	ck_assert(date_parse(span_of(lenient[_i].text), &epoch, &zone));
	ck_assert(date_format(epoch, zone, out));
	ck_assert_str_eq(out, lenient[_i].canonical);
}
END_TEST

static const char *const refused[] = {
    "",
    "00-Jan-0000 00:00:00 +0000", /* Domino */
    "01-Jan-0000 00:00:00 +0000",
    "00-Jan-2000 00:00:00 +0000",
    " 0-Jan-2000 00:00:00 +0000",
    "32-Jan-2000 00:00:00 +0000",
    "31-Apr-2000 00:00:00 +0000",
    "30-Feb-2000 00:00:00 +0000",
    "29-Feb-2023 00:00:00 +0000",
    "29-Feb-1900 00:00:00 +0000",
    "01-Foo-2000 00:00:00 +0000",
    "01-Jan-2000 24:00:00 +0000",
    "01-Jan-2000 00:60:00 +0000",
    "01-Jan-2000 00:00:61 +0000",
    "01-Jan-2000 00:00:00 +2400",
    "01-Jan-2000 00:00:00 +0060",
    "01-Jan-2000 00:00:00  0000",
    "01-Jan-2000 00:00:00 00000",
    "01-Jan-2000 00:00:00 GMT  ",
    "01-Jan-2000 00:00:00 +000",
    "01-Jan-2000 00:00:00 +00000",
    "01-Jan-2000 00:00:00",
    "1-Jan-2000 00:00:00 +0000",
    "01-Jan-2000  0:00:00 +0000",
    "01-Jan-200a 00:00:00 +0000",
    "01-Jan-+200 00:00:00 +0000",
    "01 Jan 2000 00:00:00 +0000",
    "01-Jan-2000T00:00:00 +0000",
    "01-Jan-2000 00.00.00 +0000",
    "\"01-Jan-2000 00:00:00 +0000\"",
    " 01-Jan-2000 00:00:00 +0000",
    "99-Dec-9999 99:99:99 +9999",
};

START_TEST(test_date_parse_refuses)
{
	int64_t epoch = 77;
	int zone = 88;

	ck_assert(!date_parse(span_of(refused[_i]), &epoch, &zone));
	ck_assert_int_eq(epoch, 77);
	ck_assert_int_eq(zone, 88);
}
END_TEST

START_TEST(test_date_parse_refuses_nul)
{
	int64_t epoch = 0;
	int zone = 0;

	ck_assert(!date_parse(
	    (struct span){"01-Jan-2000 00:00:0\0 +0000", 26}, &epoch, &zone));
}
END_TEST

static const struct {
	int64_t epoch;
	int zone;
} unwritable[] = {
    {INT64_C(-62135596801), 0},
    {INT64_C(-62135596800), -1},
    {INT64_C(253402300800), 0},
    {INT64_C(253402300799), 1},
    {INT64_MIN, 0},
    {INT64_MIN, -1439},
    {INT64_MAX, 0},
    {INT64_MAX, 1439},
    {0, 1440},
    {0, -1440},
    {0, INT32_MAX},
    {0, INT32_MIN},
};

START_TEST(test_date_format_refuses_years_and_zones_out_of_range)
{
	char out[DATE_SIZE] = "kept";

	ck_assert(!date_format(unwritable[_i].epoch, unwritable[_i].zone, out));
	ck_assert_str_eq(out, "kept");
}
END_TEST

/* The C library, asked for UTC only, knows the same calendar. */
START_TEST(test_date_agrees_with_the_c_library)
{
	char expected[64];
	char out[DATE_SIZE];
	struct tm tm;
	int64_t epoch;
	int64_t again;
	time_t local;
	int zone;
	int turn;

	srand(3);
	for (turn = 0; turn < 200000 / pace(); turn++) {
		epoch =
		    ((int64_t)rand() << 31 | rand()) % INT64_C(315537897600) -
		    INT64_C(62135596800);
		zone = rand() % 2879 - 1439;
		local = (time_t)(epoch + (int64_t)zone * 60);
		gmtime_r(&local, &tm);
		if (tm.tm_year < 1 - 1900 || tm.tm_year > 9999 - 1900)
			continue;
		strftime(expected, sizeof(expected), "%d-%b-", &tm);
		snprintf(expected + 7, sizeof(expected) - 7,
		    "%04d %02d:%02d:%02d %c%02d%02d", tm.tm_year + 1900,
		    tm.tm_hour, tm.tm_min, tm.tm_sec, zone < 0 ? '-' : '+',
		    abs(zone) / 60, abs(zone) % 60);
		if (!date_format(epoch, zone, out) ||
		    strcmp(out, expected) != 0 ||
		    !date_parse(span_of(out), &again, &zone) || again != epoch)
			ck_abort_msg("%s is not %s", out, expected);
	}
}
END_TEST

/* Every day of the calendar, one after the other. */
START_TEST(test_date_counts_every_day)
{
	const int64_t first = INT64_C(-62135596800);
	const int64_t last = 3652058;
	char out[DATE_SIZE];
	char before[DATE_SIZE] = "";
	int64_t epoch;
	int64_t again;
	int64_t day;
	int zone;

	for (day = last % pace(); day <= last; day += pace()) {
		epoch = first + day * 86400;
		if (!date_format(epoch, 0, out) ||
		    !date_parse(span_of(out), &again, &zone) ||
		    again != epoch || strcmp(out, before) == 0)
			ck_abort_msg("%s behind %s", out, before);
		memcpy(before, out, sizeof(before));
	}
	ck_assert_str_eq(out, "31-Dec-9999 00:00:00 +0000");
}
END_TEST

#define LENGTH(table) ((int)(sizeof(table) / sizeof((table)[0])))

int
main(void)
{
	TCase *tests = tcase_create("date");
	Suite *suite = suite_create("date");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, test_date_parse, 0, LENGTH(places));
	tcase_add_loop_test(tests, test_date_format, 0, LENGTH(places));
	tcase_add_loop_test(tests, test_date_parse_is_lenient_where_servers_are,
	    0, LENGTH(lenient));
	tcase_add_loop_test(tests, test_date_parse_refuses, 0, LENGTH(refused));
	tcase_add_test(tests, test_date_parse_refuses_nul);
	tcase_add_loop_test(tests,
	    test_date_format_refuses_years_and_zones_out_of_range, 0,
	    LENGTH(unwritable));
	tcase_add_test(tests, test_date_agrees_with_the_c_library);
	tcase_add_test(tests, test_date_counts_every_day);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
