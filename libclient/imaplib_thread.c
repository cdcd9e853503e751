/*
 * The tree of a THREAD response (RFC 5256 section 4). Lists nested deeper than
 * values may be came as one raw atom; long threads of large archives are, so
 * those are read here, too.
 */
#include <string.h>

#include "libclient/imaplib_message.h"
#include "libclient/imaplib_values.h"
#include "libclient/wire/token.h"

/* How deep threads may branch. */
#define MAX_DEPTH 1000

/* One open list, or the whole response. */
struct level {
	struct imaplib_thread_node *parent; /* of what comes next in it */
	struct imaplib_thread_node *last; /* the last child of that one */
	bool has_lists; /* it branched: numbers may not follow */
};

/* Takes parentheses and numbers, one by one. */
struct builder {
	struct imaplib_memory *memory;
	struct imaplib_thread_node *root;
	struct level levels[MAX_DEPTH + 1];
	unsigned depth;
};

/* A node below what its level has. */
static struct imaplib_thread_node *
add_node(struct builder *builder, uint32_t number)
{
	struct level *level = &builder->levels[builder->depth];
	struct imaplib_thread_node *node =
	    imaplib_memory_get(builder->memory, sizeof(*node));

	if (node == NULL)
		return NULL;
	*node = (struct imaplib_thread_node){
	    .number = number, .parent = level->parent};
	if (level->last != NULL)
		level->last->sibling = node;
	else if (level->parent != NULL)
		level->parent->child = node;
	else
		builder->root = node;
	level->last = node;
	return node;
}

/*
 * The first node of a list hangs where the list stands: in the outer level,
 * beside its other lists.
 */
static bool
add_first(struct builder *builder, uint32_t number)
{
	struct level *level = &builder->levels[builder->depth];

	builder->depth--;
	level->parent = add_node(builder, number);
	builder->depth++;
	return level->parent != NULL;
}

static bool
add_number(struct builder *builder, uint64_t number)
{
	struct level *level = &builder->levels[builder->depth];

	if (builder->depth == 0 || level->has_lists || number == 0 ||
	    number > UINT32_MAX)
		return false;
	if (level->parent == NULL)
		return add_first(builder, (uint32_t)number);
	level->parent = add_node(builder, (uint32_t)number);
	level->last = NULL;
	return level->parent != NULL;
}

static bool
open_list(struct builder *builder)
{
	struct level *level = &builder->levels[builder->depth];

	if (builder->depth == MAX_DEPTH)
		return false;
	/* A list that begins with a list: their parent is not there. */
	if (builder->depth > 0 && level->parent == NULL &&
	    !add_first(builder, 0))
		return false;
	level->has_lists = true;
	builder->levels[++builder->depth] = (struct level){0};
	return true;
}

static bool
close_list(struct builder *builder)
{
	if (builder->depth == 0 ||
	    builder->levels[builder->depth].parent == NULL)
		return false;
	builder->depth--;
	return true;
}

static bool
build_from_bytes(struct builder *builder, struct span bytes)
{
	struct token_reader reader = {.rest = bytes, .begin = bytes.at};
	uint64_t number;
	bool is_whole = true;

	while (is_whole && !token_at_end(&reader)) {
		token_space(&reader);
		if (token_byte(&reader, '('))
			is_whole = open_list(builder);
		else if (token_byte(&reader, ')'))
			is_whole = close_list(builder);
		else
			is_whole = token_number(&reader, UINT32_MAX, &number) &&
			    add_number(builder, number);
	}
	return is_whole;
}

/* One flat value; a deep response is a single one of these. */
static bool
build_from_atom(struct builder *builder, const struct imaplib_value *value)
{
	return value->kind == IMAPLIB_ATOM &&
	    build_from_bytes(builder, value->bytes);
}

static bool
build_from_values(struct builder *builder, const struct imaplib_value *value)
{
	const struct imaplib_value *outer[TOKEN_MAX_DEPTH];
	unsigned depth = 0;

	while (value != NULL || depth > 0) {
		if (value == NULL) {
			if (!close_list(builder))
				return false;
			value = outer[--depth];
		} else if (value->kind == IMAPLIB_LIST) {
			if (!open_list(builder))
				return false;
			outer[depth++] = value->next;
			value = value->first;
		} else {
			if (!build_from_atom(builder, value))
				return false;
			value = value->next;
		}
	}
	return true;
}

const struct imaplib_thread_node *
imaplib_thread_tree(struct imaplib_reply *reply)
{
	const struct imaplib_untagged *thread = imaplib_find(reply, "THREAD");
	struct builder builder;

	builder.memory = imaplib_reply_memory(reply);
	builder.root = NULL;
	builder.levels[0] = (struct level){0};
	for (; thread != NULL; thread = imaplib_find_next(thread, "THREAD")) {
		builder.depth = 0;
		if (!build_from_values(&builder, thread->data) ||
		    builder.depth > 0)
			return NULL;
	}
	return builder.root;
}
