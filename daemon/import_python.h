/*
 * The few forms of Python that configurations of offlineimap usually have,
 * recognised, not run. What is not plainly one of them is none.
 */
#ifndef DAEMON_IMPORT_PYTHON_H
#define DAEMON_IMPORT_PYTHON_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"

enum import_token_kind {
	IMPORT_TOKEN_NAME, /* keywords and numbers are names, too */
	IMPORT_TOKEN_STRING, /* decoded */
	IMPORT_TOKEN_FORMAT, /* an f-string */
	IMPORT_TOKEN_SIGN, /* one or two characters */
	IMPORT_TOKEN_END
};

struct import_token {
	enum import_token_kind kind;
	char *text;
};

struct import_tokens {
	struct import_token *items; /* the last is IMPORT_TOKEN_END */
	uint32_t count;
};

struct import_strings {
	char **items;
	uint32_t count;
};

void import_strings_add(struct import_strings *strings, const char *text);
void import_strings_free(struct import_strings *strings);

/* False: not understood; tokens are to be freed in both cases. */
bool import_python_read(struct span text, struct import_tokens *tokens);
void import_python_free(struct import_tokens *tokens);

/* True if the token is that name or sign. */
bool import_token_is(const struct import_token *token, const char *text);

/* "['a', 'b']": all of the text. False, and strings empty: something else. */
bool import_python_list(const char *text, struct import_strings *strings);

/*
 * A folderfilter: the patterns that it lets through (none: all), and those that
 * it excludes. False, and both empty: something else.
 */
bool import_python_filter(const char *text, struct import_strings *folders,
    struct import_strings *exclude);

/*
 * The shell command whose first line of output is what the expression gives,
 * by a function of the module (NULL: there is none) or without. To be freed;
 * NULL: something else.
 */
char *import_python_command(const char *expression, const char *module);

#endif
