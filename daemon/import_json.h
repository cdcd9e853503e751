/*
 * JSON with the lines that values stand on.
 */
#ifndef DAEMON_IMPORT_JSON_H
#define DAEMON_IMPORT_JSON_H

#include <jansson.h>

#include "daemon/import.h"

/* A value and where it stands. */
struct import_node {
	const json_t *value; /* NULL: there is none */
	const char *at;
};

/* A text while it is translated. */
struct import_json {
	struct import *import;
	const char *text;
	const char *at; /* the place that was last asked for, and its line */
	int line;
};

/* The text's one value, to be released with json_decref(). NULL: refused. */
json_t *import_json_read(struct import_json *json, struct import *import,
    const char *text, struct import_node *root);

/* The line of a place. */
int import_json_line(struct import_json *json, const char *at);

/* The first value in a list or the first key in an object. */
const char *import_json_first(const char *at);

/* The value, or key, behind the value at the front. */
const char *import_json_next(const char *at);

/* The value of the key at the front. */
const char *import_json_value(const char *at);

/* The object's member, its key in any case, as goimapnotify takes it. */
struct import_node import_node_member(
    struct import_node object, const char *key);

/* Of a member: a string that is not empty, or NULL; true itself. */
const char *import_node_string(struct import_node object, const char *key);
bool import_node_is_true(struct import_node object, const char *key);

#endif
