/*
 * A folder's keywords: which of the letters a to z in a file's name means
 * what, in Dovecot's file `dovecot-keywords` ("0 $Junk" is letter a).
 */
#ifndef DAEMON_KEYWORDS_H
#define DAEMON_KEYWORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/maildir.h"

#define KEYWORDS_MAX 26

/* Longer ones are not mirrored. */
#define KEYWORDS_MAX_LENGTH 200

/* All zero is empty. */
struct keywords {
	char *names[KEYWORDS_MAX]; /* NULL: the letter is free */
	bool has_changed; /* since the file was read or written */
};

/* Reads the folder's file; what is malformed in it is passed over. */
void keywords_read(struct keywords *keywords, struct maildir *maildir);

/*
 * The flag bit (index.h) of a keyword, any case; a new one gets the first free
 * letter. 0: no letter is left, or the name is not fit for the file.
 */
uint32_t keywords_bit(struct keywords *keywords, struct span name);

/* The file's text, to be freed. */
char *keywords_text(const struct keywords *keywords);

/* Replaces the folder's file by such a text. DISK lane. */
bool keywords_write(struct maildir *maildir, const char *text, bool is_durable,
    struct imap_error *error);

void keywords_free(struct keywords *keywords);

#endif
