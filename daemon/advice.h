/*
 * What a person can do about an error: one sentence for the next step, by the
 * provider, the server's response code and the error's words. Pure.
 */
#ifndef DAEMON_ADVICE_H
#define DAEMON_ADVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/settings.h"
#include "libclient/base/imap_error.h"

/* An error's text with its advice fits in. */
#define ADVICE_TEXT_MAX 720

/* Where the error comes from. */
struct advice_place {
	const struct settings_account *settings;
	bool was_there; /* logging in has succeeded before, with these */
};

/* NULL: there is nothing to say that the error does not say itself. */
const char *advice_of(
    const struct advice_place *place, const struct imap_error *error);

/*
 * Whether the error is worth a person's attention although the other one was
 * told before: not if it is of the same kind and calls for the same. Texts may
 * differ by a path or a time.
 */
bool advice_is_news(const struct advice_place *place,
    const struct imap_error *told, const struct imap_error *error);

/* Writes "text; advice", or the text alone, into out, and returns out. */
const char *advice_text(const struct advice_place *place,
    const struct imap_error *error, char out[ADVICE_TEXT_MAX]);

#endif
