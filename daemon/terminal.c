/*
 * Text in columns, and the size of what shows it.
 */
#include "daemon/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <wchar.h>

bool
terminal_size(int fd, unsigned *columns, unsigned *lines)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 ||
	    size.ws_row == 0)
		return false;
	*columns = size.ws_col;
	*lines = size.ws_row;
	return true;
}

bool
terminal_wants_colour(void)
{
	const char *refusal = getenv("NO_COLOR");

	return refusal == NULL || *refusal == '\0';
}

/* The bytes of a character and its columns on a terminal. */
static size_t
take_character(const char *text, mbstate_t *state, unsigned *columns)
{
	wchar_t wide;
	size_t len = mbrtowc(&wide, text, strlen(text), state);
	int width;

	*columns = 1;
	if (len == 0 || len > strlen(text)) {
		*state = (mbstate_t){0};
		return 1;
	}
	width = wcwidth(wide);
	if (width >= 0)
		*columns = (unsigned)width;
	return len;
}

unsigned
terminal_text_width(const char *text)
{
	mbstate_t state = {0};
	unsigned width = 0, columns;

	while (*text != '\0') {
		text += take_character(text, &state, &columns);
		width += columns;
	}
	return width;
}

void
terminal_text_fit(char *text, unsigned width)
{
	mbstate_t state = {0};
	unsigned used = 0, columns;
	char *at = text;

	if (terminal_text_width(text) <= width)
		return;
	while (*at != '\0') {
		size_t len = take_character(at, &state, &columns);

		if (used + columns + 3 > width)
			break;
		used += columns;
		at += len;
	}
	memcpy(at, "...", width >= used + 3 ? 4 : 1);
	*at = width >= used + 3 ? '.' : '\0';
}

void
terminal_put_bytes(char *out, size_t size, uint64_t bytes)
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
	double number = (double)bytes;
	size_t unit = 0;

	while (number >= 1000 && unit < sizeof(units) / sizeof(*units) - 1) {
		number /= 1000;
		unit++;
	}
	(void)snprintf(
	    out, size, unit == 0 ? "%.0f %s" : "%.1f %s", number, units[unit]);
}
