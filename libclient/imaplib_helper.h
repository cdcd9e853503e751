/*
 * imaplib's module functions.
 */
#ifndef LIBCLIENT_IMAPLIB_HELPER_H
#define LIBCLIENT_IMAPLIB_HELPER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "libclient/base/buf.h"

#define IMAPLIB_PORT	 143
#define IMAPLIB_SSL_PORT 993

/* Room for `"DD-Mmm-YYYY HH:MM:SS +ZZZZ"` with quotes, and NUL. */
#define IMAPLIB_DATE_SIZE 30

/* Finds INTERNALDATE "..." in a response: *epoch and, if local is not NULL,
 * the local broken-down time. False: none, or not a date. (Internaldate2tuple)
 */
bool imaplib_internaldate_to_time(
    struct span response, int64_t *epoch, struct tm *local);

/* An INTERNALDATE with quotes, of Unix seconds in the local zone at that time;
 * of local broken-down time (tm_isdst < 0: found out); of seconds in a given
 * zone. (Time2Internaldate) */
bool imaplib_internaldate_from_epoch(
    int64_t epoch, char out[IMAPLIB_DATE_SIZE]);
bool imaplib_internaldate_from_local(
    const struct tm *local, char out[IMAPLIB_DATE_SIZE]);
bool imaplib_internaldate_from_zone(
    int64_t epoch, int zone_minutes, char out[IMAPLIB_DATE_SIZE]);

/* |number| in base 16 by the letters A to P, "" for 0. (Int2AP) */
void imaplib_int_to_ap(int64_t number, char out[20]);

/* The flags of the first FLAGS (...) in a response, as spans of it, at most
 * size; returns how many there are, also beyond size. (ParseFlags) */
uint32_t imaplib_parse_flags(
    struct span response, struct span *flags, uint32_t size);

#endif
