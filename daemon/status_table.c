/*
 * The status as a table. What servers and users named may hold anything: it is
 * made printable first.
 */
#include "daemon/status_view.h"

#include <inttypes.h>
#include <string.h>

#include "daemon/terminal.h"
#include "libclient/base/buf.h"
#include "libclient/base/imap_error.h"
#include "libclient/base/mem.h"

#define CELL_MAX 600
#define COLUMNS	 6
#define GAP	 2

#define RED    "\033[31m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"

static const char *const headings[COLUMNS] = {
    "FOLDER", "WATCH", "MESSAGES", "CHANGED", "CHECKED", "STATE"};

struct row {
	char cells[COLUMNS][CELL_MAX];
	const char *colour; /* of its state; NULL: none */
};

struct table {
	unsigned widths[COLUMNS];
	unsigned width; /* of a line; 0: any */
	bool has_colour;
	FILE *out;
};

/* ---- text ---- */

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

static json_int_t
number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void
put_text(char cell[CELL_MAX], const char *text)
{
	imap_error_printable(span_of(text), CELL_MAX / 4, cell, CELL_MAX);
}

/* "5 s", "3 min", "2 h", "4 d" ago. */
static void
put_age(char cell[CELL_MAX], const json_t *value, time_t now)
{
	static const struct {
		json_int_t seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	json_int_t age = (json_int_t)now - json_integer_value(value);

	if (!json_is_integer(value)) {
		(void)snprintf(cell, CELL_MAX, "-");
		return;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (age < units[i].seconds && units[i].seconds > 1)
			continue;
		(void)snprintf(cell, CELL_MAX, "%" JSON_INTEGER_FORMAT " %s",
		    age < 0 ? 0 : age / units[i].seconds, units[i].unit);
		return;
	}
}

/* ---- rows ---- */

static void
fill_row(struct row *row, const json_t *folder, time_t now)
{
	const char *error = text_of(folder, "error");
	const char *state = text_of(folder, "state");
	bool is_held = json_is_true(json_object_get(folder, "held"));
	char *words = *error == '\0' ? mem_copy_string(state)
				     : mem_format("%s: %s", state, error);

	put_text(row->cells[0], text_of(folder, "name"));
	put_text(row->cells[1], text_of(folder, "watch"));
	(void)snprintf(row->cells[2], CELL_MAX, "%" JSON_INTEGER_FORMAT,
	    number_of(folder, "messages"));
	put_age(row->cells[3], json_object_get(folder, "last_change"), now);
	put_age(row->cells[4], json_object_get(folder, "last_check"), now);
	put_text(row->cells[5], words);
	mem_free(words);
	row->colour = YELLOW;
	if (*error != '\0' || is_held)
		row->colour = RED;
	else if (strcmp(state, "watched") == 0)
		row->colour = NULL;
}

static void
print_row(const struct table *table, const struct row *row)
{
	for (int i = 0; i < COLUMNS; i++) {
		unsigned pad =
		    table->widths[i] - terminal_text_width(row->cells[i]);
		bool is_coloured = i == COLUMNS - 1 && table->has_colour &&
		    row->colour != NULL;

		(void)fprintf(table->out, "%*s", GAP, "");
		if (i == 2)
			(void)fprintf(table->out, "%*s", (int)pad, "");
		(void)fprintf(table->out, "%s%s%s",
		    is_coloured ? row->colour : "", row->cells[i],
		    is_coloured ? PLAIN : "");
		if (i != 2 && i != COLUMNS - 1)
			(void)fprintf(table->out, "%*s", (int)pad, "");
	}
	(void)fputc('\n', table->out);
}

static void
measure(struct table *table, const struct row *rows, size_t count)
{
	memset(table->widths, 0, sizeof(table->widths));
	for (size_t r = 0; r < count; r++)
		for (int i = 0; i < COLUMNS; i++) {
			unsigned width = terminal_text_width(rows[r].cells[i]);

			if (width > table->widths[i])
				table->widths[i] = width;
		}
}

/* Cuts the folders' names, then the states, to what the line has room for. */
static void
squeeze(struct table *table, struct row *rows, size_t count)
{
	unsigned others = GAP * COLUMNS;
	unsigned *name = &table->widths[0],
		 *state = &table->widths[COLUMNS - 1];
	unsigned room;

	if (table->width == 0)
		return;
	for (int i = 1; i < COLUMNS - 1; i++)
		others += table->widths[i];
	room = table->width > others + 20 ? table->width - others : 20;
	if (*name + *state <= room)
		return;
	if (*name > room / 2)
		*name = *state > room / 2 ? room / 2 : room - *state;
	if (*state > room - *name)
		*state = room - *name;
	for (size_t r = 0; r < count; r++) {
		terminal_text_fit(rows[r].cells[0], *name);
		terminal_text_fit(rows[r].cells[COLUMNS - 1], *state);
	}
}

static void
print_folders(struct table *table, const json_t *folders, time_t now)
{
	size_t count = json_array_size(folders) + 1;
	struct row *rows = mem_resize(NULL, count, sizeof(*rows));

	rows[0].colour = NULL;
	for (int i = 0; i < COLUMNS; i++)
		(void)snprintf(rows[0].cells[i], CELL_MAX, "%s", headings[i]);
	for (size_t r = 1; r < count; r++)
		fill_row(&rows[r], json_array_get(folders, r - 1), now);
	measure(table, rows, count);
	squeeze(table, rows, count);
	for (size_t r = 0; r < count; r++)
		print_row(table, &rows[r]);
	mem_free(rows);
}

static void
print_account(struct table *table, const json_t *account, time_t now)
{
	char name[CELL_MAX], state[CELL_MAX], bytes[32];
	const char *colour = *text_of(account, "error") != '\0' ? RED : NULL;

	put_text(name, text_of(account, "name"));
	put_text(state, text_of(account, "state"));
	if (table->width > terminal_text_width(name) + 12)
		terminal_text_fit(
		    state, table->width - terminal_text_width(name) - 2);
	(void)fprintf(table->out, "%s: %s%s%s\n", name,
	    table->has_colour && colour != NULL ? colour : "", state,
	    table->has_colour && colour != NULL ? PLAIN : "");
	terminal_put_bytes(
	    bytes, sizeof(bytes), (uint64_t)number_of(account, "bytes"));
	(void)fprintf(table->out,
	    "  %" JSON_INTEGER_FORMAT " messages, %s received, "
	    "%" JSON_INTEGER_FORMAT " connections, "
	    "%" JSON_INTEGER_FORMAT " reconnects\n",
	    number_of(account, "messages"), bytes,
	    number_of(account, "connections"),
	    number_of(account, "reconnects"));
	if (json_array_size(json_object_get(account, "folders")) > 0)
		print_folders(table, json_object_get(account, "folders"), now);
}

void
status_view_table(const json_t *status, time_t now, unsigned width,
    bool has_colour, FILE *out)
{
	struct table table = {
	    .width = width, .has_colour = has_colour, .out = out};
	char age[CELL_MAX];
	const json_t *account;
	size_t i;

	put_age(age, json_object_get(status, "since"), now);
	(void)fprintf(out,
	    "mailmirror %s, process %" JSON_INTEGER_FORMAT ", for %s\n",
	    text_of(status, "version"), number_of(status, "pid"), age);
	json_array_foreach(json_object_get(status, "accounts"), i, account)
	{
		(void)fputc('\n', out);
		print_account(&table, account, now);
	}
}
