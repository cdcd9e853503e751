/*
 * INTERNALDATE (RFC 9051 section 9, date-time), whatever locale and TZ are.
 */
#ifndef LIBCLIENT_WIRE_DATE_H
#define LIBCLIENT_WIRE_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"

/* Room for `DD-Mmm-YYYY HH:MM:SS +ZZZZ` and NUL. */
#define DATE_SIZE 28

/*
 * Reads `dd-Mmm-yyyy hh:mm:ss +zzzz` (no quotes; a leading space for a day
 * below 10 is allowed; month names in any case). *epoch gets Unix seconds,
 * *zone the offset in minutes east of UTC. False, and both untouched, for
 * anything else, such as Domino's 00-Jan-0000. A leap second counts as :59.
 */
bool date_parse(struct span text, int64_t *epoch, int *zone);

/*
 * Writes Unix seconds as seen in a zone (minutes east of UTC, within a day).
 * False, and out untouched, when the year leaves 0001..9999 or the zone a day.
 */
bool date_format(int64_t epoch, int zone, char out[DATE_SIZE]);

#endif
