/*
 * Mailbox names to paths and patterns: pure, total and injective.
 */
#ifndef DAEMON_NAME_H
#define DAEMON_NAME_H

#include <stdbool.h>

#include "conf/settings.h"
#include "libclient/base/buf.h"

/*
 * The path below the Maildir's root for a mailbox: "Lists/c" or ".Lists.c";
 * "" for INBOX in maildir++. name: UTF-8, or the raw bytes of an invalid name
 * (is_valid false: every byte of it that is not printable ASCII, and `&`, is
 * written %XX). delimiter 0: a flat name. Components are escaped and cut as
 * mailmirror.conf(5) says, and so is a maildir++ name above 255 bytes. INBOX in
 * any case, alone or as the first component, is written INBOX. Returns a new
 * string.
 */
char *name_to_path(struct span name, bool is_valid, char delimiter,
    enum settings_layout layout);

/*
 * The same path made different from one that another mailbox has on a file
 * system that cannot tell them apart: the last component gets `%~` and 16 hex
 * digits of the name's SHA-256. Returns a new string.
 */
char *name_to_unique_path(struct span name, bool is_valid, char delimiter,
    enum settings_layout layout);

/* The MD5 of a name in hex, as offlineimap's FMD5= has it. */
#define NAME_MD5_SIZE 33
void name_md5(struct span name, char out[NAME_MD5_SIZE]);

/* True if two paths are equal but for ASCII or Unicode letter case. */
bool name_paths_collide(const char *a, const char *b);

/*
 * IMAP LIST patterns on decoded names (RFC 9051 section 6.3.9): `*` matches
 * anything, `%` anything but the delimiter; INBOX matches in any case. Linear
 * in the length of the name for each wildcard, no recursion.
 */
bool name_matches(struct span name, char delimiter, const char *pattern);

#endif
