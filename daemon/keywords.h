/*
 * A folder's keywords: which of the letters a to z in a file's name means
 * what, in Dovecot's file `dovecot-keywords` ("0 $Junk" is letter a); and the
 * keywords that got no letter, which only the state database remembers.
 */
#ifndef DAEMON_KEYWORDS_H
#define DAEMON_KEYWORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/maildir.h"
#include "libclient/base/buf.h"
#include "libclient/wire/data.h"

#define KEYWORDS_MAX 26

/* Longer ones are not mirrored. */
#define KEYWORDS_MAX_LENGTH 200

/* What is kept of the keywords without a letter: bytes a message, and bytes
 * of all messages of a folder. */
#define KEYWORDS_REST_TEXT_MAX 4096
#define KEYWORDS_REST_MAX      1048576

/* The keywords without a letter, of the messages that have some: sorted,
 * separated by spaces. All zero is empty. */
struct keywords_rest {
	struct keywords_rest_item {
		uint32_t uid;
		char *text;
	} * items; /* in order of UIDs */
	uint32_t count;
	uint32_t size;
	size_t bytes;
};

/* All zero is empty. */
struct keywords {
	char *names[KEYWORDS_MAX]; /* NULL: the letter is free */
	bool has_changed; /* since the file was read or written */
	struct keywords_rest rest; /* as the database has it */
	struct keywords_rest news; /* to be written; "": none any more */
	bool is_full; /* there were more than are kept */
};

/*
 * Reads the folder's file; what is malformed in it is passed over. False if
 * there is one that cannot be read.
 */
bool keywords_read(struct keywords *keywords, struct maildir *maildir,
    struct imap_error *error);

/*
 * The flag bit (index.h) of a keyword, any case; a new one gets the first free
 * letter. 0: no letter is left, or the name is not fit for the file.
 */
uint32_t keywords_bit(struct keywords *keywords, struct span name);

/* All bits that have a meaning, those of the system flags included. */
uint32_t keywords_bits(const struct keywords *keywords);

/*
 * The flag bits of all keywords of a message. Those without a letter go to
 * .news if they are not what .rest and .news say of it already.
 */
uint32_t keywords_take(struct keywords *keywords, uint32_t uid,
    const struct span *names, uint32_t count);

/* The same of all its flags. */
uint32_t keywords_take_flags(
    struct keywords *keywords, uint32_t uid, const struct imap_flags *flags);

/* What is said of a message, or NULL. */
const char *keywords_rest_find(const struct keywords_rest *rest, uint32_t uid);
/* Says it, copied. False: that would be more than is kept. */
bool keywords_rest_put(
    struct keywords_rest *rest, uint32_t uid, struct span text);
void keywords_rest_remove(struct keywords_rest *rest, uint32_t uid);
void keywords_rest_free(struct keywords_rest *rest);

/* The file's text, to be freed. */
char *keywords_text(const struct keywords *keywords);

/* Replaces the folder's file by such a text. DISK lane. */
bool keywords_write(struct maildir *maildir, const char *text, bool is_durable,
    struct imap_error *error);

void keywords_free(struct keywords *keywords);

#endif
