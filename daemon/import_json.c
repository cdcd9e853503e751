/*
 * JSON with the lines that values stand on, which jansson does not tell: the
 * text, known to be JSON by then, is walked beside its values.
 */
#include "daemon/import_json.h"

#include <string.h>
#include <strings.h>

static const char *
skip_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

static const char *
skip_string(const char *at)
{
	for (at++; *at != '"' && *at != '\0'; at++)
		if (*at == '\\' && at[1] != '\0')
			at++;
	return at + (*at == '"');
}

/* Behind the value at the front. */
static const char *
skip_value(const char *at)
{
	int depth = 0;

	do {
		at = skip_space(at);
		if (*at == '"') {
			at = skip_string(at);
			continue;
		}
		if (*at == '\0')
			break;
		depth += *at == '{' || *at == '[';
		depth -= *at == '}' || *at == ']';
		if (strchr("{}[],:", *at) != NULL)
			at++;
		else
			at += strcspn(at, "{}[],:\" \t\r\n");
	} while (depth > 0);
	return at;
}

const char *
import_json_next(const char *at)
{
	return skip_space(skip_space(skip_value(at)) + 1);
}

const char *
import_json_value(const char *at)
{
	return skip_space(skip_space(skip_string(at)) + 1);
}

/* NULL: it has no such member. */
static json_t *
find_value(struct import_node object, const char *key)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object.value, name, value)
	{
		if (strcasecmp(name, key) == 0)
			return value;
	}
	return NULL;
}

struct import_node
import_node_member(struct import_node object, const char *key)
{
	const char *at = import_json_first(object.at);
	const char *name;
	json_t *value;

	/* not to walk over all of the text in vain */
	if (find_value(object, key) == NULL)
		return (struct import_node){NULL, object.at};
	json_object_foreach((json_t *)object.value, name, value)
	{
		at = import_json_value(at);
		if (strcasecmp(name, key) == 0)
			return (struct import_node){value, at};
		at = import_json_next(at);
	}
	return (struct import_node){NULL, object.at};
}

int
import_json_line(struct import_json *translation, const char *at)
{
	while (translation->at > at)
		translation->line -= *--translation->at == '\n';
	while (translation->at < at)
		translation->line += *translation->at++ == '\n';
	return translation->line;
}

const char *
import_json_first(const char *at)
{
	return skip_space(at + 1);
}

const char *
import_node_string(struct import_node object, const char *key)
{
	const char *text = json_string_value(find_value(object, key));

	return text == NULL || text[0] == '\0' ? NULL : text;
}

bool
import_node_is_true(struct import_node object, const char *key)
{
	return json_is_true(find_value(object, key));
}

json_t *
import_json_read(struct import_json *json, struct import *import,
    const char *text, struct import_node *root)
{
	const char *front = skip_space(text);
	json_error_t error;

	*json = (struct import_json){import, text, text, 1};
	*root = (struct import_node){NULL, front};
	if (*front != '{' && *front != '[') {
		(void)import_refuse(import,
		    import_json_line(json, *front == '\0' ? text : front),
		    "is not JSON, which begins with \"{\" or \"[\"; YAML has "
		    "to be made JSON before, as `yq . FILE` does");
		return NULL;
	}
	root->value = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (root->value == NULL) {
		/* what follows is of the file, and may be a password */
		char *near = strstr(error.text, " near ");

		if (near != NULL)
			*near = '\0';
		(void)import_refuse(import, error.line > 0 ? error.line : 1,
		    "is not JSON: %s in column %d", error.text,
		    error.column > 0 ? error.column : 1);
	}
	return (json_t *)root->value;
}
