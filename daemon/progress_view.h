/*
 * What a terminal shows of mail that is being fetched: a line with a bar for
 * each folder that is at it, one for what there is no room for, and one for
 * all. Pure.
 */
#ifndef DAEMON_PROGRESS_VIEW_H
#define DAEMON_PROGRESS_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"

/* No line is of use on less. */
#define PROGRESS_COLUMNS_MIN 20
#define PROGRESS_LINES_MAX   12 /* of folders, and what there is of others */

struct progress_numbers {
	uint64_t messages;
	uint64_t messages_total;
	uint64_t bytes;
	uint64_t bytes_total; /* 0: nobody knows */
};

struct progress_row {
	const char *account; /* NULL: it goes without saying */
	const char *folder; /* any bytes */
	struct progress_numbers numbers;
};

struct progress_view {
	const struct progress_row *rows; /* folders that are at it */
	uint32_t row_count;
	struct progress_numbers all; /* of every folder */
	uint32_t folders;
	uint32_t folders_done;
	bool is_known; /* nothing more will come to it */
	uint64_t rate; /* bytes a second; 0: nobody knows */
};

/* How the lines may be. */
struct progress_form {
	unsigned columns; /* of the longest */
	unsigned lines; /* the most */
	bool has_colour;
};

/* Appends the lines, each but the last with an end; returns how many. Less
 * than the smallest columns or no line at all gives none. */
unsigned progress_view_put(const struct progress_view *view,
    const struct progress_form *form, struct buf *out);

/* A moving average; all zero is a beginning. */
struct progress_rate {
	uint64_t at; /* of the last look, in microseconds */
	uint64_t bytes;
	double average; /* bytes a second */
};

/* So many bytes had come by then. Returns the average, or 0. */
uint64_t progress_rate_note(
    struct progress_rate *rate, uint64_t now, uint64_t bytes);

#endif
