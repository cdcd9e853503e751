/*
 * Bytes to frames to replies of imaplib.h: whatever a server sends, its values
 * are a tree that can be walked, no limit is passed, and what goes from one
 * reply to another stays what it was.
 */
#include "libclient/imaplib_message.h"
#include "libclient/imaplib_values.h"
#include "libclient/wire/token.h"
#include "tests/fuzz/fuzz.h"

enum { HELD_MAX = 1 << 20, SMALL_HELD_MAX = 8 << 10, UNTAGGED_MAX = 500 };

/* Bits of the second byte. */
enum { IS_SMALL = 1, HAS_QUEUE = 2, ASKS_BY_NAME = 4, STARTS_EMPTY = 8 };

static void
touch(struct span span)
{
	static volatile char sum;

	for (size_t i = 0; i < span.len; i++)
		sum = (char)(sum ^ span.at[i]);
}

/* Both may be the same one. */
static void
check_same(const struct imaplib_value *one, const struct imaplib_value *other)
{
	const struct imaplib_value *outer[TOKEN_MAX_DEPTH][2];
	unsigned depth = 0;

	while (one != NULL || depth > 0) {
		require((one == NULL) == (other == NULL));
		if (one == NULL) {
			one = outer[--depth][0];
			other = outer[depth][1];
			continue;
		}
		require(one->kind == other->kind);
		if (one->kind == IMAPLIB_LIST) {
			require(depth < TOKEN_MAX_DEPTH);
			outer[depth][0] = one->next;
			outer[depth++][1] = other->next;
			one = one->first;
			other = other->first;
		} else {
			require(span_equal(one->bytes, other->bytes));
			require(
			    one->kind != IMAPLIB_NIL || one->bytes.len == 0);
			touch(one->bytes);
			one = one->next;
			other = other->next;
		}
	}
}

static void
check_status(
    const struct imaplib_status *one, const struct imaplib_status *other)
{
	require(span_equal(one->code, other->code));
	require(span_equal(one->arguments, other->arguments));
	require(span_equal(one->text, other->text));
	touch(one->code);
	touch(one->arguments);
	touch(one->text);
}

static void
check_untagged(
    const struct imaplib_untagged *one, const struct imaplib_untagged *other)
{
	for (size_t i = 0; i < one->name.len; i++)
		require(one->name.at[i] < 'a' || one->name.at[i] > 'z');
	require(span_equal(one->name, other->name));
	require(one->has_number == other->has_number);
	require(one->number == other->number);
	require(one->has_number || one->number == 0);
	require((one->status == NULL) == (other->status == NULL));
	if (one->status != NULL)
		check_status(one->status, other->status);
	check_same(one->data, other->data);
}

/* Every node hangs where its parent says. */
static void
check_thread(struct imaplib_reply *reply)
{
	const struct imaplib_thread_node *node = imaplib_thread_tree(reply);

	while (node != NULL) {
		if (node->child != NULL) {
			require(node->child->parent == node);
			node = node->child;
			continue;
		}
		while (node != NULL && node->sibling == NULL)
			node = node->parent;
		if (node == NULL)
			return;
		require(node->sibling->parent == node->parent);
		node = node->sibling;
	}
}

static void
check_reply(struct imaplib_reply *reply)
{
	const struct imaplib_untagged *untagged = reply->untagged;
	uint32_t count = 0;

	for (; untagged != NULL; untagged = untagged->next) {
		check_untagged(untagged, untagged);
		count++;
	}
	require(count == reply->count);
	require(count <= UNTAGGED_MAX);
	if (reply->memory != NULL)
		require(reply->memory->held <= reply->memory->max_held);
	check_thread(reply);
}

static void
limit(struct imaplib_reply *reply, unsigned way)
{
	struct imaplib_memory *memory = imaplib_reply_memory(reply);

	memory->max_held = (way & IS_SMALL) != 0 ? SMALL_HELD_MAX : HELD_MAX;
	memory->max_untagged = UNTAGGED_MAX;
}

/* False: a limit is reached, and the error says so. */
static bool
add(struct imaplib_reply *reply, const struct frame_view *view)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	struct imaplib_reply copy = {0};
	struct imaplib_untagged *added = imaplib_reply_add(reply, view, &error);

	if (added == NULL) {
		require(error.kind == IMAP_ERROR_LIMIT ||
		    error.kind == IMAP_ERROR_PROTOCOL);
		return false;
	}
	if (imaplib_reply_copy(&copy, added, &error))
		check_untagged(added, copy.untagged);
	imaplib_reply_free(&copy);
	return true;
}

static void
read_frames(struct frame *frame, struct imaplib_reply *reply,
    struct imaplib_reply *taken, unsigned way)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	enum frame_status status;
	struct frame_view view;
	bool goes_on = true;

	while (goes_on &&
	    (status = frame_next(frame, &view, &error)) != FRAME_MORE &&
	    status != FRAME_FAILED) {
		if (status == FRAME_READY)
			goes_on = add(reply, &view);
		else
			goes_on = imaplib_reply_add_body(
			    reply, view.id, view.piece, view.total, &error);
		if (goes_on && status == FRAME_READY && (way & HAS_QUEUE) != 0)
			goes_on = imaplib_reply_take(reply,
			    (way & ASKS_BY_NAME) != 0 ? "FETCH" : NULL, 1,
			    taken, &error);
	}
	require(
	    goes_on || error.kind != IMAP_ERROR_NONE || status == FRAME_READY);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = {(const char *)data, size};
	struct frame_limits limits = frame_default_limits;
	struct imaplib_reply reply = {0};
	struct imaplib_reply taken = {0};
	struct frame *frame;
	unsigned way;

	limits.inline_literal = take_byte(&input);
	way = take_byte(&input);
	limit(&reply, way);
	if ((way & STARTS_EMPTY) == 0)
		limit(&taken, way);
	frame = frame_new(&limits);
	frame_feed(frame, input);
	read_frames(frame, &reply, &taken, way);
	check_reply(&reply);
	check_reply(&taken);
	imaplib_reply_free(&taken);
	imaplib_reply_free(&reply);
	frame_free(frame);
	return 0;
}
