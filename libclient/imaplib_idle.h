/*
 * IDLE (RFC 2177; imaplib: idle(), Idler and its burst()). While it is open
 * every other command is refused here.
 */
#ifndef LIBCLIENT_IMAPLIB_IDLE_H
#define LIBCLIENT_IMAPLIB_IDLE_H

#include "libclient/imaplib.h"

#define IMAPLIB_FOREVER UINT64_MAX

/* The most that one burst holds. */
#define IMAPLIB_BURST_MAX 100000

/*
 * Opens IDLE and waits for its +. duration (microseconds from then on): how
 * long imaplib_idle_next() waits in all. What came before the + is not lost:
 * it is the first to be given. False: refused (NO, BAD), not offered, or lost.
 */
bool imaplib_idle(
    struct imaplib *client, uint64_t duration, struct imaplib_reply *reply);

/* What waiting came to. */
enum imaplib_idle_result {
	IMAPLIB_IDLE_CAME, /* *reply has one response, or a burst's */
	IMAPLIB_IDLE_EXPIRED, /* nothing came in the time */
	IMAPLIB_IDLE_ENDED, /* the server ended IDLE; *reply has its words */
	IMAPLIB_IDLE_LOST /* the connection is gone: *reply says why */
};

/* The next response; what is queued comes even after the time. (iteration) */
enum imaplib_idle_result imaplib_idle_next(
    struct imaplib *client, struct imaplib_reply *reply);

/*
 * The first response waits as the duration allows; what follows is collected
 * until nothing comes for interval, or max_wait passed since the first, or
 * IMAPLIB_BURST_MAX came. An expired duration gives EXPIRED at once. An end of
 * the connection inside a burst gives what came; the next call says LOST.
 * (burst)
 */
enum imaplib_idle_result imaplib_idle_burst(struct imaplib *client,
    uint64_t interval, uint64_t max_wait, struct imaplib_reply *reply);

/* DONE, once, and its reply, in which everything is that was not asked for
 * before. (leaving the context) */
bool imaplib_idle_done(struct imaplib *client, struct imaplib_reply *reply);

#endif
