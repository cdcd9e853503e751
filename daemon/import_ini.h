/*
 * INI files as Python's configparser reads them, which offlineimap uses.
 */
#ifndef DAEMON_IMPORT_INI_H
#define DAEMON_IMPORT_INI_H

#include "daemon/import_sections.h"

/* The sections, of kind "": their name is all that is in brackets. False:
 * refused. */
bool import_ini_parse(
    struct import *import, const char *text, struct import_sections *sections);

/*
 * Adds the section of that name to out, with what it has of [DEFAULT], and
 * every %(option)s replaced. False: refused. It need not be there: the one in
 * out then has the defaults alone.
 */
bool import_ini_expand(struct import *import,
    const struct import_sections *sections, const char *name,
    struct import_sections *out);

#endif
