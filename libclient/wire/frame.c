/*
 * Bytes to frames (RFC 9051 section 2.2.2). What has come of a frame is the
 * bytes held in `text`, then the part of the input from `from` to `at`: a frame
 * that lies whole in one input is never copied, and a piece of a streamed
 * literal neither. Only when the input ends inside a frame is its part kept.
 */
#include "libclient/wire/frame.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "libclient/base/mem.h"

/* Blank lines and NULs in a row that are forgiven. */
#define MAX_BLANKS 100

/* What an idle connection may keep; there may be thousands of them. */
#define IDLE_TEXT     4096
#define IDLE_LITERALS 8

/* Behind the longest text a line end may have to be held, too. */
#define LINE_END_SIZE 2

enum place { BETWEEN, IN_LINE, IN_LITERAL, IN_STREAM, BROKEN };

enum step { STEP_AGAIN, STEP_MORE, STEP_PIECE, STEP_READY, STEP_FAILED };

struct frame {
	struct frame_limits limits;
	enum place place;
	bool is_delivered; /* what is held was the previous frame's */
	struct buf text;
	const char *from; /* input from here to `at` is text, too */
	const char *at; /* the next byte to look at */
	const char *end;
	size_t line_at; /* where in the text the current line begins */
	uint64_t remaining; /* bytes of the current literal still to come */
	uint32_t last_id;
	uint32_t blanks;
	struct frame_literal *literals;
	uint32_t literal_count;
	uint32_t literal_size;
};

const struct frame_limits frame_default_limits = {
    .text = 1U << 20,
    .search = 8U << 20,
    .inline_literal = 32U << 10,
    .literal = UINT32_MAX,
    .literals = 1000,
};

struct frame *
frame_new(const struct frame_limits *limits)
{
	struct frame *frame = mem_new(struct frame);
	size_t longest =
	    limits->text > limits->search ? limits->text : limits->search;

	frame->limits = *limits;
	buf_init(&frame->text, longest + LINE_END_SIZE);
	return frame;
}

struct frame *
frame_free(struct frame *frame)
{
	if (frame == NULL)
		return NULL;
	buf_free(&frame->text);
	mem_free(frame->literals);
	return mem_free(frame);
}

void
frame_feed(struct frame *frame, struct span input)
{
	assert(frame->at == frame->end);
	frame->from = input.at;
	frame->at = input.at;
	frame->end = input.at + input.len;
}

size_t
frame_unread(const struct frame *frame)
{
	return (size_t)(frame->end - frame->at);
}

struct span
frame_take_unread(struct frame *frame)
{
	const struct span unread = {frame->at, frame_unread(frame)};

	assert(frame_is_empty(frame));
	frame->at = frame->end;
	return unread;
}

bool
frame_is_empty(const struct frame *frame)
{
	return frame->is_delivered || frame->place == BETWEEN;
}

static size_t
pending_len(const struct frame *frame)
{
	return (size_t)(frame->at - frame->from);
}

static size_t
text_len(const struct frame *frame)
{
	return buf_len(&frame->text) + pending_len(frame);
}

/* Forgets the frame; the next one begins at the next unread byte. */
static void
start_anew(struct frame *frame)
{
	buf_clear(&frame->text);
	frame->from = frame->at;
	frame->line_at = 0;
	frame->literal_count = 0;
	frame->is_delivered = false;
	frame->place = BETWEEN;
}

/* The limit depends on the response's name: sets of UIDs may be long. */
static size_t
text_limit(const struct frame *frame)
{
	static const char *const sets[] = {
	    "* SEARCH", "* ESEARCH", "* VANISHED"};
	struct span held = buf_span(&frame->text);
	char bytes[16];
	struct span head = {bytes, 0};
	size_t i;

	for (i = 0; i < sizeof(bytes) && i < text_len(frame); i++) {
		if (i < held.len)
			bytes[i] = held.at[i];
		else
			bytes[i] = frame->from[i - held.len];
	}
	head.len = i;
	for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		if (span_has_prefix_nocase(head, sets[i]))
			return frame->limits.search;
	return frame->limits.text;
}

static bool
check_text(const struct frame *frame, uint64_t len, struct imap_error *error)
{
	size_t limit = frame->limits.text;

	if (len <= limit && len <= frame->limits.search)
		return true;
	limit = text_limit(frame);
	if (len > limit)
		return imap_error_set(error, IMAP_ERROR_LIMIT,
		    "a response is longer than %zu bytes", limit);
	return true;
}

/* Moves what the input has of the frame into `text`, if it may be that long. */
static bool
keep_pending(struct frame *frame, struct imap_error *error)
{
	size_t len = text_len(frame);

	/* Its last bytes may be a line end, which does not count. */
	len = len < LINE_END_SIZE ? 0 : len - LINE_END_SIZE;
	if (pending_len(frame) == 0)
		return true;
	if (!check_text(frame, len, error))
		return false;
	if (!buf_add(&frame->text, frame->from, pending_len(frame)))
		return imap_error_set(
		    error, IMAP_ERROR_LIMIT, "a response is too long");
	frame->from = frame->at;
	return true;
}

/* Leaves with nothing of the input needed any more. */
static enum step
want_more(struct frame *frame, struct imap_error *error)
{
	if (!keep_pending(frame, error))
		return STEP_FAILED;
	if (frame->place == BETWEEN && frame->text.size > IDLE_TEXT)
		buf_free(&frame->text);
	if (frame->place == BETWEEN && frame->literal_size > IDLE_LITERALS) {
		frame->literals = mem_free(frame->literals);
		frame->literal_size = 0;
	}
	return STEP_MORE;
}

static bool
count_blank(struct frame *frame, struct imap_error *error)
{
	if (++frame->blanks > MAX_BLANKS)
		return imap_error_set(error, IMAP_ERROR_PROTOCOL,
		    "the server sends nothing but blank lines or NULs");
	return true;
}

/* Some servers pad with NULs in front of a response. */
static enum step
skip_padding(struct frame *frame, struct imap_error *error)
{
	while (frame->at < frame->end && *frame->at == '\0') {
		frame->at++;
		if (!count_blank(frame, error))
			return STEP_FAILED;
	}
	frame->from = frame->at;
	if (frame->at == frame->end)
		return want_more(frame, error);
	frame->place = IN_LINE;
	return STEP_AGAIN;
}

/* True if a list is open at the end of the text (rare: not a fast path). */
static bool
is_in_list(const struct frame *frame, struct span text)
{
	const struct frame_literal *literal = frame->literals;
	const struct frame_literal *end = literal + frame->literal_count;
	bool is_quoted = false;
	size_t depth = 0;
	size_t i = 0;

	while (i < text.len) {
		if (literal < end && i == literal->at) {
			i += literal->id == 0 ? (size_t)literal->size : 0;
			literal++;
			continue;
		}
		if (text.at[i] == '"')
			is_quoted = !is_quoted;
		else if (is_quoted)
			i += text.at[i] == '\\' ? 1 : 0;
		else if (text.at[i] == '(')
			depth++;
		else if (text.at[i] == ')' && depth > 0)
			depth--;
		i++;
	}
	return depth > 0;
}

/*
 * An empty line is no frame; behind a literal it ends one, but not inside of a
 * list, where some servers let one slip in.
 */
static enum step
end_blank_line(
    struct frame *frame, struct span content, struct imap_error *error)
{
	if (content.len > 0 && !is_in_list(frame, content))
		return STEP_READY;
	if (!count_blank(frame, error))
		return STEP_FAILED;
	if (content.len == 0)
		start_anew(frame);
	else
		frame->line_at = text_len(frame);
	return STEP_AGAIN;
}

enum announcement { NO_LITERAL, LITERAL, BAD_LITERAL };

/* Reads the {n} at the end of a line. {n+} and signs are not for servers. */
static enum announcement
read_announcement(struct span line, uint64_t *size)
{
	struct span digits;
	unsigned long long n;
	size_t i;

	if (line.len < 3 || line.at[line.len - 1] != '}')
		return NO_LITERAL;
	i = line.len - 1;
	while (i > 0 &&
	    ((line.at[i - 1] >= '0' && line.at[i - 1] <= '9') ||
		line.at[i - 1] == '+' || line.at[i - 1] == '-'))
		i--;
	digits = (struct span){line.at + i, line.len - 1 - i};
	if (i == 0 || line.at[i - 1] != '{' || digits.len == 0)
		return NO_LITERAL;
	if (!span_to_number(digits, UINT64_MAX, &n))
		return BAD_LITERAL;
	*size = n;
	return LITERAL;
}

static bool
add_literal(struct frame *frame, uint64_t size, struct imap_error *error)
{
	struct frame_literal *literal;
	bool is_streamed = size > frame->limits.inline_literal;

	if (size > frame->limits.literal)
		return imap_error_set(error, IMAP_ERROR_LIMIT,
		    "a literal of %" PRIu64 " bytes is too long", size);
	if (frame->literal_count == frame->limits.literals)
		return imap_error_set(error, IMAP_ERROR_LIMIT,
		    "a response has more than %" PRIu32 " literals",
		    frame->limits.literals);
	if (!is_streamed && !check_text(frame, text_len(frame) + size, error))
		return false;
	if (frame->literal_count == frame->literal_size) {
		frame->literal_size =
		    frame->literal_size == 0 ? 4 : frame->literal_size * 2;
		frame->literals = mem_resize(frame->literals,
		    frame->literal_size, sizeof(*frame->literals));
	}
	literal = &frame->literals[frame->literal_count++];
	*literal = (struct frame_literal){text_len(frame), size, 0};
	if (is_streamed) {
		if (++frame->last_id == 0)
			frame->last_id = 1;
		literal->id = frame->last_id;
	}
	return true;
}

static enum step
begin_literal(struct frame *frame, uint64_t size, struct imap_error *error)
{
	if (!add_literal(frame, size, error))
		return STEP_FAILED;
	frame->remaining = size;
	if (frame->literals[frame->literal_count - 1].id == 0) {
		frame->place = IN_LITERAL;
		return STEP_AGAIN;
	}
	/* The bytes behind the pieces are not adjacent to those before. */
	frame->place = IN_STREAM;
	return keep_pending(frame, error) ? STEP_AGAIN : STEP_FAILED;
}

/* The whole text so far, in one piece wherever it lies. */
static struct span
whole_text(const struct frame *frame)
{
	if (buf_len(&frame->text) > 0)
		return buf_span(&frame->text);
	return (struct span){frame->from, pending_len(frame)};
}

/* A LF was read: judges the line that it ends. */
static enum step
end_line(struct frame *frame, struct frame_view *view, struct imap_error *error)
{
	struct span text;
	struct span line;
	uint64_t size = 0;

	if (buf_len(&frame->text) > 0 && !keep_pending(frame, error))
		return STEP_FAILED;
	text = whole_text(frame);
	text.len--;
	/* A literal's last byte may be a CR: it is not of this line. */
	if (text.len > frame->line_at && text.at[text.len - 1] == '\r')
		text.len--;
	line = span_from(text, frame->line_at);
	if (!check_text(frame, text.len, error))
		return STEP_FAILED;
	if (line.len == 0) {
		view->text = text;
		return end_blank_line(frame, text, error);
	}
	if (memchr(line.at, '\0', line.len) != NULL ||
	    memchr(line.at, '\r', line.len) != NULL) {
		imap_error_set(error, IMAP_ERROR_PROTOCOL,
		    "a response has a NUL or a lone CR");
		return STEP_FAILED;
	}
	switch (read_announcement(line, &size)) {
	case LITERAL:
		return begin_literal(frame, size, error);
	case BAD_LITERAL:
		imap_error_set(error, IMAP_ERROR_PROTOCOL,
		    "a literal's size is not a number");
		return STEP_FAILED;
	default:
		view->text = text;
		return STEP_READY;
	}
}

static enum step
read_line(
    struct frame *frame, struct frame_view *view, struct imap_error *error)
{
	const char *line_feed;

	if (frame->at == frame->end)
		return want_more(frame, error);
	line_feed = memchr(frame->at, '\n', (size_t)(frame->end - frame->at));
	if (line_feed == NULL) {
		frame->at = frame->end;
		return want_more(frame, error);
	}
	frame->at = line_feed + 1;
	return end_line(frame, view, error);
}

/* Takes as much of the literal as the input has; returns how much. */
static size_t
take_literal(struct frame *frame)
{
	size_t len = frame_unread(frame);

	if (len > frame->remaining)
		len = (size_t)frame->remaining;
	frame->at += len;
	frame->remaining -= len;
	return len;
}

static enum step
read_literal(struct frame *frame, struct imap_error *error)
{
	take_literal(frame);
	if (frame->remaining > 0)
		return want_more(frame, error);
	frame->line_at = text_len(frame);
	frame->place = IN_LINE;
	return STEP_AGAIN;
}

static enum step
read_stream(struct frame *frame, struct frame_view *view)
{
	const struct frame_literal *literal =
	    &frame->literals[frame->literal_count - 1];

	if (frame->remaining == 0) {
		frame->line_at = text_len(frame);
		frame->place = IN_LINE;
		return STEP_AGAIN;
	}
	if (frame->at == frame->end)
		return STEP_MORE;
	view->piece.at = frame->at;
	view->piece.len = take_literal(frame);
	view->id = literal->id;
	view->total = literal->size;
	frame->from = frame->at;
	frame->blanks = 0;
	return STEP_PIECE;
}

static enum step
step(struct frame *frame, struct frame_view *view, struct imap_error *error)
{
	switch (frame->place) {
	case BETWEEN:
		return skip_padding(frame, error);
	case IN_LINE:
		return read_line(frame, view, error);
	case IN_LITERAL:
		return read_literal(frame, error);
	case IN_STREAM:
		return read_stream(frame, view);
	default:
		imap_error_set(error, IMAP_ERROR_PROTOCOL,
		    "the server broke the protocol before");
		return STEP_FAILED;
	}
}

enum frame_status
frame_next(
    struct frame *frame, struct frame_view *view, struct imap_error *error)
{
	enum step next;

	*view = (struct frame_view){0};
	if (frame->is_delivered)
		start_anew(frame);
	do
		next = step(frame, view, error);
	while (next == STEP_AGAIN);
	switch (next) {
	case STEP_PIECE:
		return FRAME_PIECE;
	case STEP_MORE:
		return FRAME_MORE;
	case STEP_READY:
		frame->is_delivered = true;
		frame->blanks = 0;
		view->literals = frame->literals;
		view->literal_count = frame->literal_count;
		return FRAME_READY;
	default:
		frame->place = BROKEN;
		view->text = (struct span){0};
		return FRAME_FAILED;
	}
}
