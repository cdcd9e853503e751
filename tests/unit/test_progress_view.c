/*
 * daemon/progress_view: bars for any number of folders on any terminal.
 */
#include "daemon/progress_view.h"

#include <check.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/terminal.h"

#define SECOND	  1000000
#define LINES_MAX 20

static struct progress_row rows[100];
static char names[100][40];
static struct progress_view view;
static struct progress_form form;
static char *lines[LINES_MAX];
static unsigned count;
static char *text;

static void
set_row(uint32_t i, const char *name, uint64_t messages, uint64_t total)
{
	snprintf(names[i], sizeof(names[i]), "%s", name);
	rows[i] = (struct progress_row){.folder = names[i],
	    .numbers = {messages, total, messages * 1000, total * 1000}};
}

static void
set_up(void)
{
	memset(rows, 0, sizeof(rows));
	view = (struct progress_view){.rows = rows,
	    .row_count = 2,
	    .all = {60, 300, 60000, 300000},
	    .folders = 3,
	    .folders_done = 1,
	    .is_known = true,
	    .rate = 4000};
	set_row(0, "INBOX", 50, 100);
	set_row(1, "Lists/long", 0, 190);
	form = (struct progress_form){.columns = 100, .lines = 23};
}

static void
tear_down(void)
{
	free(text);
	text = NULL;
}

/* Draws the view into lines. */
static void
draw(void)
{
	struct buf out;
	char *at;
	unsigned drawn;

	free(text);
	buf_init(&out, 1000000);
	drawn = progress_view_put(&view, &form, &out);
	text = span_to_string(buf_span(&out));
	buf_free(&out);
	count = 0;
	for (at = text; *text != '\0' && at != NULL; count++) {
		ck_assert_uint_lt(count, LINES_MAX);
		lines[count] = at;
		at = strchr(at, '\n');
		if (at != NULL)
			*at++ = '\0';
	}
	ck_assert_uint_eq(drawn, count);
}

static void
assert_has(unsigned line, const char *part)
{
	ck_assert_uint_lt(line, count);
	ck_assert_msg(strstr(lines[line], part) != NULL, "no \"%s\" in \"%s\"",
	    part, lines[line]);
}

static void
assert_lacks(unsigned line, const char *part)
{
	ck_assert_msg(strstr(lines[line], part) == NULL, "\"%s\" in \"%s\"",
	    part, lines[line]);
}

START_TEST(test_a_line_for_each_folder_and_one_for_all)
{
	view.row_count = 1;
	view.folders = 2;
	form.columns = 90;
	draw();
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(lines[0],
	    "INBOX [########---------]  50%  50/100  50.0 kB/100.0 kB");
	ck_assert_str_eq(lines[1],
	    "all   [###--------------]  20%  60/300  60.0 kB/300.0 kB"
	    "  4.0 kB/s  1:00 left  1/2 folders");
}
END_TEST

START_TEST(test_columns_are_aligned)
{
	draw();
	ck_assert_uint_eq(count, 3);
	for (unsigned i = 1; i < count; i++) {
		ck_assert_int_eq(strchr(lines[i], '[') - lines[i],
		    strchr(lines[0], '[') - lines[0]);
		ck_assert_int_eq(strchr(lines[i], '%') - lines[i],
		    strchr(lines[0], '%') - lines[0]);
	}
}
END_TEST

START_TEST(test_every_line_fits_every_width)
{
	set_row(0, "\xe4\xbc\x9a\xe8\xad\xb0\xe4\xbc\x9a\xe8\xad\xb0", 1, 9);
	set_row(1, "Gru\xcc\x88\xc3\x9f\x65/\x1b[2J\n\xff", 123456, 9999999);
	view.folders = 123456;
	for (form.columns = 20; form.columns < 300; form.columns++) {
		draw();
		ck_assert_uint_eq(count, 4);
		for (unsigned i = 0; i < count; i++) {
			ck_assert_uint_le(
			    terminal_text_width(lines[i]), form.columns);
			ck_assert_ptr_null(strchr(lines[i], '\033'));
		}
		assert_has(1, "[");
	}
}
END_TEST

START_TEST(test_too_narrow_or_too_low_shows_nothing)
{
	form.columns = 19;
	draw();
	ck_assert_uint_eq(count, 0);
	form.columns = 80;
	form.lines = 0;
	draw();
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(test_wide_and_combining_characters_count_as_they_show)
{
	set_row(0, "\xe4\xbc\x9a\xe8\xad\xb0", 1, 2);
	set_row(1, "u\xcc\x88u\xcc\x88", 1, 2);
	draw();
	ck_assert_ptr_eq(
	    strstr(lines[0], "\xe4\xbc\x9a\xe8\xad\xb0 ["), lines[0]);
	ck_assert_ptr_eq(strstr(lines[1], "u\xcc\x88u\xcc\x88   ["), lines[1]);
}
END_TEST

START_TEST(test_a_narrow_line_keeps_what_matters_most)
{
	form.columns = 40;
	draw();
	assert_has(2, "20%");
	assert_has(2, "1:00 left");
	assert_lacks(2, "kB");
	form.columns = 20;
	draw();
	assert_has(2, "20%");
	assert_lacks(2, "left");
}
END_TEST

START_TEST(test_of_many_folders_those_with_most_to_come_are_shown)
{
	char name[20];

	for (uint32_t i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "box%02u", i);
		set_row(i, name, 0, i * 7 % 40 + 1);
	}
	view.row_count = 40;
	view.folders = 50;
	view.folders_done = 3;
	draw();
	ck_assert_uint_eq(count, PROGRESS_LINES_MAX);
	/* 40 to 31 messages, in the order of the folders */
	assert_has(0, "box05");
	assert_has(1, "box10");
	assert_has(9, "box39");
	ck_assert_str_eq(lines[10], "... and 37 more");
	assert_has(11, "3/50 folders");
	form.lines = 4;
	draw();
	ck_assert_uint_eq(count, 4);
	ck_assert_str_eq(lines[2], "... and 45 more");
	form.lines = 1;
	draw();
	ck_assert_uint_eq(count, 1);
	assert_has(0, "3/50 folders");
}
END_TEST

START_TEST(test_totals_that_shrink_leave_nothing_to_come)
{
	set_row(0, "shrunk", 9, 5);
	set_row(1, "open", 1, 3);
	set_row(2, "more", 1, 9);
	view.row_count = 3;
	view.folders = 3;
	form.lines = 3;
	draw();
	assert_has(0, "more");
	form.lines = 12;
	draw();
	assert_has(0, "100%");
}
END_TEST

START_TEST(test_folders_that_wait_are_counted)
{
	view.folders = 5;
	draw();
	ck_assert_uint_eq(count, 4);
	ck_assert_str_eq(lines[2], "... and 2 more");
}
END_TEST

START_TEST(test_an_account_is_named_where_there_are_more)
{
	rows[0].account = "home";
	draw();
	assert_has(0, "home/INBOX [");
}
END_TEST

START_TEST(test_colour_is_in_the_bars_alone)
{
	form.has_colour = true;
	draw();
	assert_has(0, "INBOX      [\033[32m###");
	form.has_colour = false;
	draw();
	ck_assert_ptr_null(strchr(lines[0], '\033'));
}
END_TEST

START_TEST(test_bytes_that_nobody_knows_are_left_out)
{
	rows[0].numbers.bytes_total = 0;
	draw();
	assert_has(0, "50%  50/100");
	assert_has(0, "  50.0 kB");
	assert_lacks(0, "kB/");
}
END_TEST

START_TEST(test_a_hundred_percent_is_what_is_done)
{
	rows[0].numbers = (struct progress_numbers){99, 100, 1000, 1000};
	draw();
	assert_has(0, " 99%");
	rows[0].numbers = (struct progress_numbers){999999, 1000000, 0, 0};
	draw();
	assert_has(0, " 99%");
	view.all = (struct progress_numbers){0};
	view.is_known = false;
	draw();
	assert_has(2, " 33%");
}
END_TEST

START_TEST(test_time_left_in_its_own_unit)
{
	static const struct {
		uint64_t seconds;
		const char *words;
	} cases[] = {{0, "0:00 left"}, {59, "0:59 left"}, {125, "2:05 left"},
	    {3600, "1:00:00 left"}, {172800, "48:00:00 left"},
	    {259200, "3 d left"}};

	view.rate = 1000;
	view.all.bytes_total = view.all.bytes + 1 + cases[_i].seconds * 1000;
	draw();
	assert_has(2, cases[_i].words);
	view.is_known = false;
	draw();
	assert_has(2, ">");
}
END_TEST

START_TEST(test_without_a_rate_there_is_no_time)
{
	view.rate = 0;
	draw();
	assert_lacks(2, "left");
	assert_lacks(2, "/s");
}
END_TEST

START_TEST(test_the_rate_is_a_moving_average)
{
	struct progress_rate rate = {0};
	uint64_t average;

	ck_assert_uint_eq(progress_rate_note(&rate, SECOND, 5000), 0);
	ck_assert_uint_eq(progress_rate_note(&rate, 2 * SECOND, 15000), 10000);
	/* nothing for a second: less, but not nothing */
	average = progress_rate_note(&rate, 3 * SECOND, 15000);
	ck_assert_uint_lt(average, 10000);
	ck_assert_uint_gt(average, 5000);
	for (unsigned i = 4; i < 40; i++)
		average =
		    progress_rate_note(&rate, (uint64_t)i * SECOND, 15000);
	ck_assert_uint_lt(average, 10);
	/* the same moment again */
	ck_assert_uint_eq(
	    progress_rate_note(&rate, 39 * SECOND, 99999), average);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("progress_view");
	TCase *tests = tcase_create("progress_view");
	SRunner *runner = srunner_create(suite);
	int failed;

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, test_a_line_for_each_folder_and_one_for_all);
	tcase_add_test(tests, test_columns_are_aligned);
	tcase_add_test(tests, test_every_line_fits_every_width);
	tcase_add_test(tests, test_too_narrow_or_too_low_shows_nothing);
	tcase_add_test(
	    tests, test_wide_and_combining_characters_count_as_they_show);
	tcase_add_test(tests, test_a_narrow_line_keeps_what_matters_most);
	tcase_add_test(
	    tests, test_of_many_folders_those_with_most_to_come_are_shown);
	tcase_add_test(tests, test_totals_that_shrink_leave_nothing_to_come);
	tcase_add_test(tests, test_folders_that_wait_are_counted);
	tcase_add_test(tests, test_an_account_is_named_where_there_are_more);
	tcase_add_test(tests, test_colour_is_in_the_bars_alone);
	tcase_add_test(tests, test_bytes_that_nobody_knows_are_left_out);
	tcase_add_test(tests, test_a_hundred_percent_is_what_is_done);
	tcase_add_loop_test(tests, test_time_left_in_its_own_unit, 0, 6);
	tcase_add_test(tests, test_without_a_rate_there_is_no_time);
	tcase_add_test(tests, test_the_rate_is_a_moving_average);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
