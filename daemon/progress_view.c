/*
 * Cells first, then how many columns of them the width has room for; the bar
 * gets the rest.
 */
#include "daemon/progress_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/terminal.h"
#include "libclient/base/imap_error.h"
#include "libclient/base/mem.h"

#define NAME_MAX_BYTES 400
#define CELL_MAX       48
#define BAR_MIN	       6 /* with its ends */
#define BAR_MAX	       42
#define PERCENT_WIDTH  5 /* " 100%" */
#define GAP	       2
#define SECOND	       UINT64_C(1000000)
#define MINUTE	       UINT64_C(60)
#define HOUR	       UINT64_C(3600)
#define DAY	       UINT64_C(86400)

/* The rate is mostly that of so long. */
#define AVERAGED (3 * SECOND)

#define GREEN "\033[32m"
#define PLAIN "\033[0m"

/* The first ones are what is kept on a narrow line. */
enum cell {
	CELL_LEFT, /* time */
	CELL_COUNT,
	CELL_RATE,
	CELL_BYTES,
	CELL_FOLDERS,
	CELLS
};

static const enum cell order[CELLS] = {
    CELL_COUNT, CELL_BYTES, CELL_RATE, CELL_LEFT, CELL_FOLDERS};

struct line {
	char name[NAME_MAX_BYTES];
	char cells[CELLS][CELL_MAX];
	unsigned percent;
};

struct layout {
	const struct progress_form *form;
	struct line *lines;
	unsigned count;
	unsigned name_width;
	unsigned widths[CELLS]; /* 0: not shown */
	unsigned bar;
};

/* ---- cells ---- */

/* A hundred is what is all done, and nothing else. */
static unsigned
percent_of(uint64_t part, uint64_t whole)
{
	if (part >= whole)
		return 100;
	return (unsigned)((double)part * 100 / (double)whole);
}

static unsigned
percent(const struct progress_numbers *numbers)
{
	unsigned result;

	if (numbers->messages >= numbers->messages_total)
		return 100;
	if (numbers->bytes_total == 0)
		return percent_of(numbers->messages, numbers->messages_total);
	result = percent_of(numbers->bytes, numbers->bytes_total);
	return result == 100 ? 99 : result;
}

static void
put_numbers(struct line *line, const struct progress_numbers *numbers)
{
	char done[CELL_MAX / 2], total[CELL_MAX / 2 - 1];

	line->percent = percent(numbers);
	(void)snprintf(line->cells[CELL_COUNT], CELL_MAX,
	    "%" PRIu64 "/%" PRIu64, numbers->messages, numbers->messages_total);
	terminal_put_bytes(done, sizeof(done), numbers->bytes);
	terminal_put_bytes(total, sizeof(total), numbers->bytes_total);
	if (numbers->bytes_total == 0)
		(void)snprintf(line->cells[CELL_BYTES], CELL_MAX, "%s", done);
	else
		(void)snprintf(
		    line->cells[CELL_BYTES], CELL_MAX, "%s/%s", done, total);
}

static void
put_row(struct line *line, const struct progress_row *row)
{
	char *name = row->account == NULL
	    ? mem_copy_string(row->folder)
	    : mem_format("%s/%s", row->account, row->folder);

	imap_error_printable(
	    span_of(name), NAME_MAX_BYTES / 4, line->name, NAME_MAX_BYTES);
	mem_free(name);
	put_numbers(line, &row->numbers);
}

/* "2:05", "1:02:05", "3 d" */
static void
put_time_left(char cell[CELL_MAX], uint64_t seconds, bool is_known)
{
	const char *more = is_known ? "" : ">";

	if (seconds >= 3 * DAY)
		(void)snprintf(cell, CELL_MAX, "%s%" PRIu64 " d left", more,
		    seconds / DAY);
	else if (seconds >= HOUR)
		(void)snprintf(cell, CELL_MAX,
		    "%s%" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " left", more,
		    seconds / HOUR, seconds / MINUTE % 60, seconds % MINUTE);
	else
		(void)snprintf(cell, CELL_MAX,
		    "%s%" PRIu64 ":%02" PRIu64 " left", more, seconds / MINUTE,
		    seconds % MINUTE);
}

static void
put_all(struct line *line, const struct progress_view *view)
{
	const struct progress_numbers *all = &view->all;
	char rate[CELL_MAX / 2];

	(void)snprintf(line->name, NAME_MAX_BYTES, "all");
	put_numbers(line, all);
	/* what is not known yet is not done */
	if (!view->is_known && line->percent == 100)
		line->percent = percent_of(view->folders_done, view->folders);
	(void)snprintf(line->cells[CELL_FOLDERS], CELL_MAX,
	    "%" PRIu32 "/%" PRIu32 " folders", view->folders_done,
	    view->folders);
	if (view->rate == 0)
		return;
	terminal_put_bytes(rate, sizeof(rate), view->rate);
	(void)snprintf(line->cells[CELL_RATE], CELL_MAX, "%s/s", rate);
	if (all->bytes_total > all->bytes)
		put_time_left(line->cells[CELL_LEFT],
		    (all->bytes_total - all->bytes) / view->rate,
		    view->is_known);
}

/* ---- rows ---- */

/* More than there was to come may have come: the server has fewer by now. */
static uint64_t
left_of(const struct progress_row *row)
{
	const struct progress_numbers *numbers = &row->numbers;

	if (numbers->messages >= numbers->messages_total)
		return 0;
	return numbers->bytes_total > numbers->bytes
	    ? numbers->bytes_total - numbers->bytes
	    : numbers->messages_total - numbers->messages;
}

struct choice {
	const struct progress_row *row;
};

static int
compare_left(const void *a, const void *b)
{
	uint64_t left = left_of(((const struct choice *)a)->row);
	uint64_t right = left_of(((const struct choice *)b)->row);

	return left > right ? -1 : left < right;
}

static int
compare_place(const void *a, const void *b)
{
	const struct progress_row *left = ((const struct choice *)a)->row;
	const struct progress_row *right = ((const struct choice *)b)->row;

	return left < right ? -1 : left > right;
}

/* Those with the most to come, in the order that they were given in. */
static void
put_rows(
    struct layout *layout, const struct progress_view *view, uint32_t shown)
{
	struct choice *choices =
	    mem_resize(NULL, (size_t)view->row_count + 1, sizeof(*choices));

	for (uint32_t i = 0; i < view->row_count; i++)
		choices[i].row = &view->rows[i];
	qsort(choices, view->row_count, sizeof(*choices), compare_left);
	qsort(choices, shown, sizeof(*choices), compare_place);
	for (uint32_t i = 0; i < shown; i++)
		put_row(&layout->lines[layout->count++], choices[i].row);
	mem_free(choices);
}

/* ---- layout ---- */

static void
measure(struct layout *layout, enum cell cell)
{
	unsigned *width = &layout->widths[cell];

	*width = 0;
	for (unsigned i = 0; i < layout->count; i++) {
		unsigned own = (unsigned)strlen(layout->lines[i].cells[cell]);

		if (own > *width)
			*width = own;
	}
}

static void
lay_out(struct layout *layout)
{
	unsigned room = layout->form->columns;
	unsigned name_most = room / 3;

	for (unsigned i = 0; i < layout->count; i++) {
		struct line *line = &layout->lines[i];
		unsigned own;

		terminal_text_fit(line->name, name_most);
		own = terminal_text_width(line->name);
		if (own > layout->name_width)
			layout->name_width = own;
	}
	room -= layout->name_width + 1 + PERCENT_WIDTH;
	for (int cell = 0; cell < CELLS; cell++) {
		unsigned *width = &layout->widths[cell];

		measure(layout, (enum cell)cell);
		if (*width > 0 && room >= BAR_MIN + GAP + *width)
			room -= GAP + *width;
		else
			*width = 0;
	}
	layout->bar = room < BAR_MAX ? room : BAR_MAX;
}

static void
put_repeated(struct buf *out, char character, unsigned count)
{
	while (count-- > 0)
		(void)buf_add(out, &character, 1);
}

static void
put_bar(struct buf *out, const struct layout *layout, unsigned percent)
{
	unsigned room = layout->bar - 2;
	unsigned filled = room * percent / 100;
	bool has_colour = layout->form->has_colour;

	(void)buf_add_format(out, " [%s", has_colour ? GREEN : "");
	put_repeated(out, '#', filled);
	(void)buf_add_format(out, "%s", has_colour ? PLAIN : "");
	put_repeated(out, '-', room - filled);
	(void)buf_add_format(out, "] %3u%%", percent);
}

static void
put_line(struct buf *out, const struct layout *layout, const struct line *line)
{
	unsigned pad = layout->name_width - terminal_text_width(line->name);
	unsigned gap = 0;

	(void)buf_add_format(out, "%s", line->name);
	put_repeated(out, ' ', pad);
	put_bar(out, layout, line->percent);
	for (int i = 0; i < CELLS; i++) {
		const char *text = line->cells[order[i]];
		unsigned width = layout->widths[order[i]];

		if (width == 0)
			continue;
		gap += GAP + width - (unsigned)strlen(text);
		if (*text == '\0')
			continue;
		put_repeated(out, ' ', gap);
		(void)buf_add_format(out, "%s", text);
		gap = 0;
	}
}

unsigned
progress_view_put(const struct progress_view *view,
    const struct progress_form *form, struct buf *out)
{
	struct layout layout = {.form = form};
	unsigned most =
	    form->lines > PROGRESS_LINES_MAX ? PROGRESS_LINES_MAX : form->lines;
	uint32_t open = view->folders > view->folders_done
	    ? view->folders - view->folders_done
	    : 0;
	uint32_t shown = view->row_count;
	unsigned count = 0;

	if (form->columns < PROGRESS_COLUMNS_MIN || most == 0)
		return 0;
	/* one line is for all, and one may be for those not shown */
	if (shown + (open > shown) > most - 1)
		shown = most < 2 ? 0 : most - 2;
	layout.lines = mem_resize(NULL, shown + 1, sizeof(*layout.lines));
	memset(layout.lines, 0, (shown + 1) * sizeof(*layout.lines));
	put_rows(&layout, view, shown);
	put_all(&layout.lines[layout.count++], view);
	lay_out(&layout);
	for (; count < shown; count++) {
		put_line(out, &layout, &layout.lines[count]);
		(void)buf_add(out, "\n", 1);
	}
	if (open > shown && most >= 2) {
		(void)buf_add_format(
		    out, "... and %" PRIu32 " more\n", open - shown);
		count++;
	}
	put_line(out, &layout, &layout.lines[shown]);
	mem_free(layout.lines);
	return count + 1;
}

/* ---- rate ---- */

uint64_t
progress_rate_note(struct progress_rate *rate, uint64_t now, uint64_t bytes)
{
	uint64_t passed = now - rate->at;
	double current, weight;

	if (rate->at == 0 || bytes < rate->bytes) {
		*rate = (struct progress_rate){.at = now, .bytes = bytes};
		return 0;
	}
	if (passed < SECOND / 20)
		return (uint64_t)rate->average;
	current =
	    (double)(bytes - rate->bytes) * (double)SECOND / (double)passed;
	weight = rate->average == 0
	    ? 1
	    : (double)passed / (double)(passed + AVERAGED);
	rate->average += (current - rate->average) * weight;
	rate->at = now;
	rate->bytes = bytes;
	return (uint64_t)rate->average;
}
