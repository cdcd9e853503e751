/*
 * What imaplib has as module functions: INTERNALDATE both ways in the local
 * zone (wire/date.h has the form, which no zone or locale changes), flags, and
 * the letters of tags.
 */
#include "libclient/imaplib_helper.h"

#include "libclient/wire/date.h"

/* Behind the string or literal that begins at a position. */
static size_t
skip_quoted(struct span text, size_t at)
{
	for (at++; at < text.len && text.at[at] != '"'; at++)
		if (text.at[at] == '\\')
			at++;
	return at < text.len ? at + 1 : text.len;
}

static size_t
skip_literal(struct span text, size_t at)
{
	struct span digits = {text.at + at + 1, 0};
	unsigned long long size;
	size_t begin;

	while (at + 1 + digits.len < text.len && digits.at[digits.len] >= '0' &&
	    digits.at[digits.len] <= '9')
		digits.len++;
	begin = at + 1 + digits.len;
	if (text.len - begin < 3 || memcmp(text.at + begin, "}\r\n", 3) != 0 ||
	    !span_to_number(digits, text.len - begin - 3, &size))
		return at + 1;
	return begin + 3 + (size_t)size;
}

/*
 * What follows the first item of a name: not in a string, for those may be
 * of a message, whose author must not choose its flags and date.
 */
static bool
find_item(struct span text, const char *name, struct span *rest)
{
	bool is_word = true;
	size_t i = 0;

	while (i < text.len) {
		struct span here = span_from(text, i);

		if (is_word && span_has_prefix_nocase(here, name)) {
			*rest = span_from(here, strlen(name));
			return true;
		}
		is_word =
		    text.at[i] == ' ' || text.at[i] == '(' || text.at[i] == '[';
		if (text.at[i] == '"')
			i = skip_quoted(text, i);
		else if (text.at[i] == '{')
			i = skip_literal(text, i);
		else
			i++;
	}
	return false;
}

bool
imaplib_internaldate_to_time(
    struct span response, int64_t *epoch, struct tm *local)
{
	const size_t len = DATE_SIZE - 2;
	struct span date;
	struct tm broken_down;
	int64_t seconds;
	time_t moment;
	int zone;

	if (!find_item(response, "INTERNALDATE \"", &date) || date.len <= len ||
	    date.at[len] != '"')
		return false;
	date.len = len;
	if (!date_parse(date, &seconds, &zone))
		return false;
	moment = (time_t)seconds;
	tzset();
	if (localtime_r(&moment, &broken_down) == NULL)
		return false;
	*epoch = seconds;
	if (local != NULL)
		*local = broken_down;
	return true;
}

bool
imaplib_internaldate_from_zone(
    int64_t epoch, int zone_minutes, char out[IMAPLIB_DATE_SIZE])
{
	char date[DATE_SIZE];

	if (!date_format(epoch, zone_minutes, date))
		return false;
	out[0] = '"';
	memcpy(out + 1, date, DATE_SIZE - 2);
	memcpy(out + DATE_SIZE - 1, "\"", 2);
	return true;
}

bool
imaplib_internaldate_from_epoch(int64_t epoch, char out[IMAPLIB_DATE_SIZE])
{
	time_t moment = (time_t)epoch;
	struct tm local;

	tzset();
	if (localtime_r(&moment, &local) == NULL)
		return false;
	return imaplib_internaldate_from_zone(
	    epoch, (int)(local.tm_gmtoff / 60), out);
}

bool
imaplib_internaldate_from_local(
    const struct tm *local, char out[IMAPLIB_DATE_SIZE])
{
	struct tm wall = *local;
	struct tm moment = *local;
	time_t epoch;
	time_t as_utc;

	/* -1 is a time, too: only the day of the week tells of failure. */
	moment.tm_wday = -1;
	tzset();
	epoch = mktime(&moment);
	if (moment.tm_wday < 0)
		return false;
	/* The clock shows what it was told to, with the zone that it means. */
	wall.tm_wday = -1;
	as_utc = timegm(&wall);
	if (wall.tm_wday < 0)
		return false;
	return imaplib_internaldate_from_zone(
	    (int64_t)epoch, (int)((as_utc - epoch) / 60), out);
}

void
imaplib_int_to_ap(int64_t number, char out[20])
{
	uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
	size_t len = 0;
	size_t i;

	for (uint64_t left = rest; left > 0; left /= 16)
		len++;
	out[len] = '\0';
	for (i = len; i > 0; rest /= 16)
		out[--i] = (char)('A' + rest % 16);
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

uint32_t
imaplib_parse_flags(struct span response, struct span *flags, uint32_t size)
{
	uint32_t count = 0;
	struct span rest;
	size_t i = 0;

	if (!find_item(response, "FLAGS (", &rest) &&
	    !find_item(response, "PERMANENTFLAGS (", &rest))
		return 0;
	if (rest.len == 0 || memchr(rest.at, ')', rest.len) == NULL)
		return 0;
	while (rest.at[i] != ')') {
		struct span flag = {rest.at + i, 0};

		while (!is_space(flag.at[flag.len]) && flag.at[flag.len] != ')')
			flag.len++;
		i += flag.len == 0 ? 1 : flag.len;
		if (flag.len == 0)
			continue;
		if (count < size)
			flags[count] = flag;
		count++;
	}
	return count;
}
