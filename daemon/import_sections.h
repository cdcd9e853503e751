/*
 * A configuration of sections with options, as it was read, with the lines
 * that things stand on. Sections and options are in the order of the file.
 */
#ifndef DAEMON_IMPORT_SECTIONS_H
#define DAEMON_IMPORT_SECTIONS_H

#include "daemon/import.h"

struct import_option {
	char *key;
	char **words;
	uint32_t count;
	uint32_t hash; /* of the key */
	int line;
};

struct import_section {
	char *kind;
	char *name;
	int line;
	struct import_option *options;
	uint32_t count;
	uint32_t hash; /* of the name */
};

struct import_sections {
	struct import_section *items;
	uint32_t count;
};

/* Each new one is the last; what was returned before may have moved. */
struct import_section *import_sections_add(struct import_sections *sections,
    const char *kind, const char *name, int line);
struct import_option *import_section_add(
    struct import_section *section, const char *key, int line);
void import_option_add(struct import_option *option, struct span word);

/* Wipes it all: there are passwords in it. */
void import_sections_free(struct import_sections *sections);

/* By its kind, case ignored, and name; NULL if there is none. */
const struct import_section *import_sections_find(
    const struct import_sections *sections, const char *kind, const char *name);

/* The last option of that key, case ignored, or NULL. NULL has none. */
const struct import_option *import_section_find(
    const struct import_section *section, const char *key);

/* Its first word, or NULL. */
const char *import_section_text(
    const struct import_section *section, const char *key);

#endif
