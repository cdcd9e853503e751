/*
 * INTERNALDATE (RFC 9051 section 9, date-time). All by own arithmetic: the C
 * library's functions ask TZ and the locale, which a protocol must not.
 */
#include "libclient/wire/date.h"

#include <string.h>

#define DAY_SECONDS    86400
#define DAY_MINUTES    1440
#define DATE_LEN       26
#define DAYS_400_YEARS 146097
#define EPOCH_DAYS     719162 /* from 1 January 0001 to 1 January 1970 */

static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May",
    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static bool
is_leap_year(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* month: 0 to 11 */
static int
days_in_month(int year, int month)
{
	static const int days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 1 && is_leap_year(year) ? 29 : days[month];
}

/* Days from 1 January 0001 to 1 January of a year. */
static int64_t
days_before_year(int year)
{
	int64_t past = year - 1;

	return past * 365 + past / 4 - past / 100 + past / 400;
}

/* Reads exactly count digits at a position. */
static bool
read_digits(struct span text, size_t at, size_t count, int max, int *value)
{
	const size_t end = at + count;
	unsigned number = 0;
	unsigned digit;

	for (; at < end; at++) {
		digit = (unsigned)(unsigned char)text.at[at] - '0';
		if (digit > 9)
			return false;
		number = number * 10 + digit;
	}
	if (number > (unsigned)max)
		return false;
	*value = (int)number;
	return true;
}

static bool
read_day(struct span text, int *day)
{
	if (text.at[0] == ' ')
		return read_digits(text, 1, 1, 9, day);
	return read_digits(text, 0, 2, 31, day);
}

/* Of a letter; what is none does not become one. */
static char
lower(char c)
{
	return (char)(c | 0x20);
}

static bool
read_month(struct span text, int *month)
{
	/* by the last two letters' places in the alphabet, added */
	static const unsigned char months[32] = {[15] = 0,
	    [7] = 1,
	    [19] = 2,
	    [2] = 3,
	    [26] = 4,
	    [3] = 5,
	    [1] = 6,
	    [28] = 7,
	    [21] = 8,
	    [23] = 9,
	    [5] = 10,
	    [8] = 11};
	const char *at = text.at + 3;
	unsigned place = ((unsigned char)at[1] + (unsigned char)at[2]) % 32U;
	const char *name = month_names[months[place]];

	*month = months[place];
	return lower(at[0]) == lower(name[0]) &&
	    lower(at[1]) == lower(name[1]) && lower(at[2]) == lower(name[2]);
}

/* The date's days since 1970. */
static bool
read_days(struct span text, int64_t *days)
{
	/* of a year that is no leap year */
	static const int days_before[] = {
	    0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	int year;
	int month;
	int day;

	if (!read_day(text, &day) || !read_month(text, &month) ||
	    !read_digits(text, 7, 4, 9999, &year))
		return false;
	if (year == 0 || day == 0 || day > days_in_month(year, month))
		return false;
	*days = days_before_year(year) - EPOCH_DAYS + day - 1;
	*days += days_before[month];
	if (month > 1 && is_leap_year(year))
		*days += 1;
	return true;
}

static bool
read_seconds(struct span text, int *seconds)
{
	int hour;
	int minute;
	int second;

	if (!read_digits(text, 12, 2, 23, &hour) ||
	    !read_digits(text, 15, 2, 59, &minute) ||
	    !read_digits(text, 18, 2, 60, &second))
		return false;
	if (second == 60)
		second = 59;
	*seconds = hour * 3600 + minute * 60 + second;
	return true;
}

static bool
read_zone(struct span text, int *zone)
{
	int hours;
	int minutes;

	if ((text.at[21] != '+' && text.at[21] != '-') ||
	    !read_digits(text, 22, 2, 23, &hours) ||
	    !read_digits(text, 24, 2, 59, &minutes))
		return false;
	*zone = hours * 60 + minutes;
	if (text.at[21] == '-')
		*zone = -*zone;
	return true;
}

/* True if the punctuation of `dd-Mmm-yyyy hh:mm:ss +zzzz` is in its places. */
static bool
has_layout(struct span text)
{
	return text.len == DATE_LEN && text.at[2] == '-' && text.at[6] == '-' &&
	    text.at[11] == ' ' && text.at[14] == ':' && text.at[17] == ':' &&
	    text.at[20] == ' ';
}

bool
date_parse(struct span text, int64_t *epoch, int *zone)
{
	int64_t days;
	int seconds;
	int offset;

	if (!has_layout(text) || !read_days(text, &days) ||
	    !read_seconds(text, &seconds) || !read_zone(text, &offset))
		return false;
	*epoch = days * DAY_SECONDS + seconds - (int64_t)offset * 60;
	*zone = offset;
	return true;
}

/* The year that a day (counted from 1 January 0001) lies in. */
static int
year_of_day(int64_t day)
{
	int year = (int)(day * 400 / DAYS_400_YEARS) + 1;

	/* The mean length of a year is at most one year off. */
	if (days_before_year(year) > day)
		year--;
	else if (days_before_year(year + 1) <= day)
		year++;
	return year;
}

/* Writes a number as exactly count digits. */
static void
write_digits(char *at, size_t count, unsigned number)
{
	while (count > 0) {
		at[--count] = "0123456789"[number % 10];
		number /= 10;
	}
}

bool
date_format(int64_t epoch, int zone, char out[DATE_SIZE])
{
	const int64_t begin = -(int64_t)EPOCH_DAYS * DAY_SECONDS;
	const int64_t end = days_before_year(10000) * DAY_SECONDS + begin;
	unsigned minutes;
	int64_t local;
	int64_t day;
	unsigned second;
	int year;
	int month = 0;

	if (zone <= -DAY_MINUTES || zone >= DAY_MINUTES ||
	    epoch < begin - DAY_SECONDS || epoch > end + DAY_SECONDS)
		return false;
	local = epoch + (int64_t)zone * 60;
	if (local < begin || local >= end)
		return false;
	minutes = (unsigned)(zone < 0 ? -zone : zone);
	day = (local - begin) / DAY_SECONDS;
	second = (unsigned)((local - begin) % DAY_SECONDS);
	year = year_of_day(day);
	day -= days_before_year(year);
	while (day >= days_in_month(year, month))
		day -= days_in_month(year, month++);
	memcpy(out, "..-...-.... ..:..:.. +....", DATE_LEN + 1);
	write_digits(out, 2, (unsigned)day + 1);
	memcpy(out + 3, month_names[month], 3);
	write_digits(out + 7, 4, (unsigned)year);
	write_digits(out + 12, 2, second / 3600);
	write_digits(out + 15, 2, second / 60 % 60);
	write_digits(out + 18, 2, second % 60);
	if (zone < 0)
		out[21] = '-';
	write_digits(out + 22, 2, minutes / 60);
	write_digits(out + 24, 2, minutes % 60);
	return true;
}
