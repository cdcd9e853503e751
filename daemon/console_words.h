/*
 * A line of the console as words: separated by spaces; "..." quotes with \"
 * and \\; a parenthesised list is one word with its parentheses; any other
 * backslash is itself; @FILE stands for a file's content. Pure.
 */
#ifndef DAEMON_CONSOLE_WORDS_H
#define DAEMON_CONSOLE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"

enum console_word_kind {
	CONSOLE_WORD_BARE,
	CONSOLE_WORD_QUOTED, /* .text is what the quotes held */
	CONSOLE_WORD_LIST, /* .text has its parentheses and quotes */
	CONSOLE_WORD_FILE, /* .text is the file's name, or what it held */
	CONSOLE_WORD_ARGUMENT /* of the command line, with spaces: as it is */
};

struct console_word {
	enum console_word_kind kind;
	char *text; /* followed by a NUL, and perhaps with some inside */
	size_t len;
	uint32_t column; /* where it begins, from 1; 0: not from a line */
};

struct console_words {
	struct console_word *items;
	uint32_t count;
};

/* What is wrong with a line, and where. */
struct console_words_error {
	uint32_t column; /* in bytes, from 1 */
	const char *text;
};

/*
 * Appends a line's words to *words. False: *error says why, and *words is as
 * it was.
 */
bool console_words_split(struct span line, struct console_words *words,
    struct console_words_error *error);

/*
 * Appends an argument of the command line: what is one word in a line is that
 * word, all else (spaces, an empty argument) is itself.
 */
void console_words_add_argument(
    struct console_words *words, const char *argument);

/* Wipes and frees; what is then left is empty. */
void console_words_free(struct console_words *words);

static inline struct span
console_word_span(const struct console_word *word)
{
	return (struct span){word->text, word->len};
}

/* True for the bare word itself, in any case: NIL is not "NIL". */
bool console_word_is(const struct console_word *word, const char *name);

/*
 * The words in the protocol's form, separated by spaces, to be freed with
 * mem_free_secret(): what was quoted is quoted, an argument with spaces too
 * unless it is the only word.
 */
char *console_words_join(const struct console_word *words, uint32_t count);

/* "500ms", "30s", "5m", "2h" or seconds, in microseconds. */
bool console_words_duration(struct span text, uint64_t *microseconds);

#endif
