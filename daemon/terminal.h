/*
 * What a terminal needs to know of text, and what text of a terminal.
 */
#ifndef DAEMON_TERMINAL_H
#define DAEMON_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The columns and lines of the terminal; false: it is none, or will not say. */
bool terminal_size(int fd, unsigned *columns, unsigned *lines);

/* NO_COLOR does not forbid it. */
bool terminal_wants_colour(void);

/* The columns that text takes, by the locale: wide characters have two, those
 * that combine none. */
unsigned terminal_text_width(const char *text);

/* Cuts it to so many columns, with "..." in place of what is cut. */
void terminal_text_fit(char *text, unsigned width);

/* "12.3 MB" */
void terminal_put_bytes(char *out, size_t size, uint64_t bytes);

#endif
