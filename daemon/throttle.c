/*
 * The words by which servers say "later". The first row that fits counts, so
 * that words come before codes, which say less.
 */
#include "daemon/throttle.h"

#include <string.h>

#define SECONDS(n) (UINT64_C(1000000) * (n))
#define MINUTES(n) (SECONDS(60) * (n))
#define HOURS(n)   (MINUTES(60) * (n))

static const struct {
	enum imap_code_type code; /* NONE: any */
	const char *code_text; /* the code as texts quote it */
	const char *words; /* in the text; NULL: the code will do */
	enum throttle_kind kind;
	uint64_t wait;
} table[] = {
    /* Gmail, at 15 */
    {IMAP_CODE_NONE, NULL, "Too many simultaneous connections",
	THROTTLE_CONNECTIONS, MINUTES(5)},
    /* Dovecot: mail_max_userip_connections */
    {IMAP_CODE_NONE, NULL, "Maximum number of connections",
	THROTTLE_CONNECTIONS, MINUTES(5)},
    {IMAP_CODE_NONE, NULL, "Too many connections", THROTTLE_CONNECTIONS,
	MINUTES(5)},
    /* Stalwart says so at its limit of connections */
    {IMAP_CODE_NONE, NULL, "Server shutting down", THROTTLE_CONNECTIONS,
	MINUTES(1)},
    /* Microsoft 365: the mailbox is locked, unlicensed or throttled */
    {IMAP_CODE_NONE, NULL, "User is authenticated but not connected",
	THROTTLE_LOGIN, MINUTES(15)},
    {IMAP_CODE_NONE, NULL, "Connection closed. 14", THROTTLE_LOGIN,
	MINUTES(15)},
    {IMAP_CODE_NONE, NULL, "Request is throttled", THROTTLE_RATE, MINUTES(5)},
    {IMAP_CODE_NONE, NULL, "Suggested Backoff Time", THROTTLE_RATE, MINUTES(5)},
    {IMAP_CODE_NONE, NULL, "Server Unavailable.", THROTTLE_BACKEND, MINUTES(1)},
    /* Gmail: 2.5 GB a day */
    {IMAP_CODE_NONE, NULL, "bandwidth limit", THROTTLE_QUOTA, HOURS(4)},
    /* GroupWise */
    {IMAP_CODE_NONE, NULL, "storage limit has been exceeded", THROTTLE_QUOTA,
	HOURS(1)},
    /* Yahoo */
    {IMAP_CODE_NONE, NULL, "Rate limit", THROTTLE_RATE, MINUTES(5)},
    {IMAP_CODE_NONE, NULL, "Too many", THROTTLE_RATE, MINUTES(5)},
    /* Yahoo, Yandex, iCloud */
    {IMAP_CODE_NONE, NULL, "UID FETCH Server error", THROTTLE_BACKEND,
	MINUTES(1)},
    {IMAP_CODE_NONE, NULL, "Backend error", THROTTLE_BACKEND, SECONDS(30)},
    {IMAP_CODE_NONE, NULL, "temporarily unavailable", THROTTLE_BACKEND,
	MINUTES(1)},
    {IMAP_CODE_LIMIT, "[LIMIT]", NULL, THROTTLE_RATE, MINUTES(5)},
    {IMAP_CODE_THROTTLED, "[THROTTLED]", NULL, THROTTLE_RATE, SECONDS(10)},
    {IMAP_CODE_OVERQUOTA, "[OVERQUOTA]", NULL, THROTTLE_QUOTA, HOURS(1)},
    {IMAP_CODE_UNAVAILABLE, "[UNAVAILABLE]", NULL, THROTTLE_BACKEND,
	MINUTES(1)},
    {IMAP_CODE_SERVERBUG, "[SERVERBUG]", NULL, THROTTLE_BACKEND, MINUTES(1)},
    {IMAP_CODE_INUSE, "[INUSE]", NULL, THROTTLE_BACKEND, SECONDS(30)},
};

/* What stands behind the words, wherever they are. */
static bool
find_words(struct span text, const char *words, struct span *behind)
{
	const size_t len = strlen(words);

	for (; text.len >= len; text = span_from(text, 1)) {
		if (!span_has_prefix_nocase(text, words))
			continue;
		*behind = span_from(text, len);
		return true;
	}
	return false;
}

/* "Suggested Backoff Time: 92415 milliseconds" */
static bool
read_wait(struct span text, uint64_t *wait)
{
	unsigned long long n = 0;
	struct span behind;
	size_t len = 0;

	if (!find_words(text, "Suggested Backoff Time:", &behind))
		return false;
	while (behind.len > 0 && behind.at[0] == ' ')
		behind = span_from(behind, 1);
	while (
	    len < behind.len && behind.at[len] >= '0' && behind.at[len] <= '9')
		len++;
	if (len == 0 ||
	    !span_has_prefix_nocase(span_from(behind, len), " millisecond"))
		return false;
	/* what does not even fit is longer than a day */
	if (!span_to_number(
		(struct span){behind.at, len}, THROTTLE_MAX / 1000, &n))
		n = THROTTLE_MAX / 1000;
	*wait = n * 1000;
	return true;
}

struct throttle
throttle_of(enum imap_code_type code, struct span text)
{
	struct throttle throttle = {.kind = THROTTLE_NONE};
	struct span behind;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const bool fits = table[i].words != NULL
		    ? find_words(text, table[i].words, &behind)
		    : code == table[i].code ||
			find_words(text, table[i].code_text, &behind);

		if (!fits)
			continue;
		throttle.kind = table[i].kind;
		throttle.wait = table[i].wait;
		throttle.is_named = read_wait(text, &throttle.wait);
		return throttle;
	}
	return throttle;
}

const char *
throttle_kind_name(enum throttle_kind kind)
{
	static const char *const names[] = {
	    [THROTTLE_NONE] = "none",
	    [THROTTLE_CONNECTIONS] = "connections",
	    [THROTTLE_RATE] = "rate",
	    [THROTTLE_QUOTA] = "quota",
	    [THROTTLE_BACKEND] = "backend",
	    [THROTTLE_LOGIN] = "login",
	};

	return names[kind];
}
