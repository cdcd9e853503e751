/*
 * Replies: their result, and untagged responses that go from one to another.
 * imaplib_values.c reads the responses themselves.
 */
#include "libclient/imaplib_reply.h"

#include <assert.h>
#include <string.h>

#include "libclient/base/mem.h"
#include "libclient/imaplib_values.h"
#include "libclient/wire/response.h"
#include "libclient/wire/token.h"

/* Below it, what was taken from a queue is not worth clearing away. */
#define MIN_GARBAGE ((size_t)1 << 20)

/* How many bytes of the server's words are shown. */
#define WORDS_MAX 400

void
imaplib_reply_free(struct imaplib_reply *reply)
{
	imaplib_memory_free(reply->memory);
	*reply = (struct imaplib_reply){0};
}

const char *
imaplib_type_name(enum imaplib_type type)
{
	static const char *const names[] = {
	    [IMAPLIB_OK] = "OK",
	    [IMAPLIB_NO] = "NO",
	    [IMAPLIB_BAD] = "BAD",
	    [IMAPLIB_ERROR] = "ERROR",
	    [IMAPLIB_ABORT] = "ABORT",
	    [IMAPLIB_READONLY] = "READONLY",
	};

	return names[type];
}

/* The first of a name, from an untagged response on. */
static const struct imaplib_untagged *
find_from(const struct imaplib_untagged *untagged, const char *name)
{
	while (untagged != NULL && !span_equal_nocase(untagged->name, name))
		untagged = untagged->next;
	return untagged;
}

const struct imaplib_untagged *
imaplib_find(const struct imaplib_reply *reply, const char *name)
{
	return find_from(reply->untagged, name);
}

const struct imaplib_untagged *
imaplib_find_next(const struct imaplib_untagged *untagged, const char *name)
{
	return find_from(untagged->next, name);
}

/* ---- filling ---- */

struct imaplib_memory *
imaplib_reply_memory(struct imaplib_reply *reply)
{
	if (reply->memory == NULL)
		reply->memory = imaplib_memory_new();
	return reply->memory;
}

bool
imaplib_reply_add_body(struct imaplib_reply *reply, uint32_t id,
    struct span piece, uint64_t total, struct imap_error *error)
{
	return imaplib_memory_add_body(
	    imaplib_reply_memory(reply), id, piece, total, error);
}

bool
imaplib_reply_append(struct imaplib_reply *reply,
    struct imaplib_untagged *untagged, struct imap_error *error)
{
	struct imaplib_memory *memory = imaplib_reply_memory(reply);

	if (reply->count >= memory->max_untagged)
		return imap_error_set(error, IMAP_ERROR_LIMIT,
		    "a reply has more than %u untagged responses",
		    memory->max_untagged);
	if (reply->untagged == NULL)
		reply->untagged = untagged;
	else
		memory->last->next = untagged;
	memory->last = untagged;
	reply->count++;
	return true;
}

/* Names of codes are in capitals; to be freed. */
static char *
copy_upper(struct span name)
{
	char *copy = span_to_string(name);
	size_t i;

	for (i = 0; i < name.len; i++)
		if (copy[i] >= 'a' && copy[i] <= 'z')
			copy[i] = (char)(copy[i] - 'a' + 'A');
	return copy;
}

struct imaplib_untagged *
imaplib_reply_add_state(struct imaplib_reply *reply, enum imap_state state,
    const struct imap_code *code, struct span text, struct imap_error *error)
{
	char *name = copy_upper(code->name);
	const struct imaplib_status status = {
	    .code = {name, code->name.len},
	    .arguments = code->arguments,
	    .text = text,
	};
	const struct imaplib_untagged untagged = {
	    .name = span_of(imap_state_name(state)),
	    .status = &status,
	};
	bool is_added = imaplib_reply_copy(reply, &untagged, error);

	mem_free(name);
	return is_added ? reply->memory->last : NULL;
}

void
imaplib_reply_set_state(struct imaplib_reply *reply, enum imap_state state,
    const struct imap_code *code, struct span text)
{
	static const enum imaplib_type types[] = {
	    [IMAP_STATE_OK] = IMAPLIB_OK,
	    [IMAP_STATE_NO] = IMAPLIB_NO,
	    [IMAP_STATE_BAD] = IMAPLIB_BAD,
	    [IMAP_STATE_BYE] = IMAPLIB_ABORT,
	    [IMAP_STATE_PREAUTH] = IMAPLIB_OK,
	};
	struct imaplib_memory *memory = imaplib_reply_memory(reply);
	char *name = copy_upper(code->name);
	char words[WORDS_MAX * 4 + 8];

	reply->type = types[state];
	reply->code =
	    imaplib_memory_keep(memory, (struct span){name, code->name.len});
	mem_free(name);
	reply->arguments = imaplib_memory_keep(memory, code->arguments);
	imap_error_printable(text, WORDS_MAX, words, sizeof(words));
	reply->text = imaplib_memory_keep(memory, span_of(words));
}

void
imaplib_reply_set_error(struct imaplib_reply *reply, enum imaplib_type type,
    const struct imap_error *error)
{
	reply->type = type;
	reply->error = *error;
	reply->text = imaplib_memory_keep(
	    imaplib_reply_memory(reply), span_of(error->text));
}

/* ---- from one reply to another ---- */

/* A copy; or the bytes themselves, if they are a body that *from gives. */
static bool
copy_bytes(struct imaplib_memory *from, struct imaplib_memory *to,
    struct span bytes, struct span *out)
{
	char *copy;

	if (bytes.len == 0) {
		*out = (struct span){bytes.at == NULL ? NULL : "", 0};
		return true;
	}
	if (from != NULL && imaplib_memory_move(from, to, bytes)) {
		*out = bytes;
		return true;
	}
	copy = imaplib_memory_get(to, bytes.len);
	if (copy == NULL)
		return false;
	memcpy(copy, bytes.at, bytes.len);
	*out = (struct span){copy, bytes.len};
	return true;
}

static bool
copy_values(struct imaplib_memory *from, struct imaplib_memory *to,
    const struct imaplib_value *value, const struct imaplib_value **tail)
{
	struct {
		const struct imaplib_value *rest;
		const struct imaplib_value **tail;
	} outer[TOKEN_MAX_DEPTH];
	unsigned depth = 0;
	struct imaplib_value *copy;

	while (value != NULL || depth > 0) {
		if (value == NULL) {
			/* what was put there when the list was entered */
			/* cppcheck-suppress uninitvar */
			value = outer[--depth].rest;
			tail = outer[depth].tail;
			continue;
		}
		copy = imaplib_memory_get(to, sizeof(*copy));
		if (copy == NULL)
			return false;
		*copy = (struct imaplib_value){.kind = value->kind};
		*tail = copy;
		tail = &copy->next;
		if (value->kind != IMAPLIB_LIST) {
			if (!copy_bytes(from, to, value->bytes, &copy->bytes))
				return false;
			value = value->next;
			continue;
		}
		assert(depth < TOKEN_MAX_DEPTH);
		outer[depth].rest = value->next;
		outer[depth++].tail = tail;
		tail = &copy->first;
		value = value->first;
	}
	return true;
}

static bool
copy_status(struct imaplib_memory *memory, const struct imaplib_status *status,
    const struct imaplib_status **out)
{
	struct imaplib_status *copy;

	if (status == NULL)
		return true;
	copy = imaplib_memory_get(memory, sizeof(*copy));
	*out = copy;
	return copy != NULL &&
	    copy_bytes(NULL, memory, status->code, &copy->code) &&
	    copy_bytes(NULL, memory, status->arguments, &copy->arguments) &&
	    copy_bytes(NULL, memory, status->text, &copy->text);
}

/* from: whose bodies go along, or NULL. */
static bool
copy_untagged(struct imaplib_memory *from, struct imaplib_reply *to,
    const struct imaplib_untagged *untagged, struct imap_error *error)
{
	struct imaplib_memory *memory = imaplib_reply_memory(to);
	struct imaplib_body **mark = memory->bodies_end;
	struct imaplib_untagged *copy =
	    imaplib_memory_get(memory, sizeof(*copy));
	bool is_copied = copy != NULL;

	if (is_copied) {
		*copy = (struct imaplib_untagged){
		    .number = untagged->number,
		    .has_number = untagged->has_number,
		};
		is_copied =
		    copy_bytes(NULL, memory, untagged->name, &copy->name) &&
		    copy_status(memory, untagged->status, &copy->status) &&
		    copy_values(from, memory, untagged->data, &copy->data);
	}
	if (!is_copied)
		imap_error_set(error, IMAP_ERROR_LIMIT,
		    "a reply needs more than %zu bytes of memory",
		    memory->max_held);
	if (is_copied && imaplib_reply_append(to, copy, error))
		return true;
	if (from != NULL)
		imaplib_memory_undo_moves(from, memory, mark);
	return false;
}

bool
imaplib_reply_copy(struct imaplib_reply *to,
    const struct imaplib_untagged *untagged, struct imap_error *error)
{
	return copy_untagged(NULL, to, untagged, error);
}

/*
 * What was taken has left holes: the rest goes to new memory. Nothing is
 * limited meanwhile, for it was within the limits before.
 */
static void
clear_away(struct imaplib_reply *reply)
{
	struct imaplib_memory *old = reply->memory;
	struct imaplib_memory *memory = imaplib_memory_new();
	struct imaplib_reply fresh = *reply;
	const struct imaplib_untagged *untagged;

	fresh.memory = memory;
	fresh.untagged = NULL;
	fresh.count = 0;
	memory->max_held = SIZE_MAX;
	memory->max_untagged = old->max_untagged;
	fresh.code = imaplib_memory_keep(memory, reply->code);
	fresh.arguments = imaplib_memory_keep(memory, reply->arguments);
	fresh.text = imaplib_memory_keep(memory, reply->text);
	for (untagged = reply->untagged; untagged != NULL;
	     untagged = untagged->next)
		(void)copy_untagged(old, &fresh, untagged, NULL);
	imaplib_memory_move_arriving(old, memory);
	memory->max_held = old->max_held;
	memory->kept = memory->held;
	imaplib_memory_free(old);
	*reply = fresh;
}

/* Its name, or its response code (imaplib keeps both by name). */
static bool
is_called(const struct imaplib_untagged *untagged, const char *name)
{
	return name == NULL || span_equal_nocase(untagged->name, name) ||
	    (untagged->status != NULL && untagged->status->code.len > 0 &&
		span_equal_nocase(untagged->status->code, name));
}

/* The usual case, a whole queue to an empty reply, is one of pointers. */
static bool
take_all(struct imaplib_reply *from, struct imaplib_reply *to)
{
	if (to->memory != NULL || from->memory == NULL ||
	    from->memory->arriving != NULL || from->code.len > 0 ||
	    from->arguments.len > 0 || from->text.len > 0)
		return false;
	to->memory = from->memory;
	to->untagged = from->untagged;
	to->count = from->count;
	from->memory = NULL;
	from->untagged = NULL;
	from->count = 0;
	return true;
}

/* What the reply's own memory holds is not const to us. */
static struct imaplib_untagged *
own(const struct imaplib_untagged *untagged)
{
	return (struct imaplib_untagged *)untagged;
}

static void
unlink_untagged(struct imaplib_reply *reply,
    const struct imaplib_untagged *before,
    const struct imaplib_untagged *untagged)
{
	if (before == NULL)
		reply->untagged = untagged->next;
	else
		own(before)->next = untagged->next;
	if (untagged->next == NULL)
		reply->memory->last = own(before);
	reply->count--;
}

bool
imaplib_reply_take(struct imaplib_reply *from, const char *name, uint32_t max,
    struct imaplib_reply *to, struct imap_error *error)
{
	const struct imaplib_untagged *before = NULL;
	const struct imaplib_untagged *untagged = from->untagged;
	const uint32_t count = from->count;
	bool is_moved = true;

	if (name == NULL && max >= count && take_all(from, to))
		return true;
	for (; untagged != NULL && max > 0; untagged = untagged->next) {
		if (!is_called(untagged, name)) {
			before = untagged;
			continue;
		}
		is_moved = copy_untagged(from->memory, to, untagged, error);
		if (!is_moved)
			break;
		unlink_untagged(from, before, untagged);
		max--;
	}
	if (from->count < count &&
	    (from->count == 0 ||
		from->memory->held > 2 * from->memory->kept + MIN_GARBAGE))
		clear_away(from);
	return is_moved;
}
