/*
 * Bytes to frames: however the bytes are cut, the frames, the streamed bytes
 * and the error are the same, and the limits hold.
 */
#include <string.h>

#include "libclient/wire/frame.h"
#include "tests/fuzz/fuzz.h"

enum { LOG_CAP = 1 << 24 };

/* The input's first byte chooses among these. */
static struct frame_limits
choose_limits(unsigned choice)
{
	static const size_t inlines[] = {0, 3, 40, 32768};
	struct frame_limits limits = frame_default_limits;

	limits.inline_literal = inlines[choice & 3];
	if ((choice & 4) != 0)
		limits.text = 100;
	if ((choice & 8) != 0)
		limits.search = 150;
	if ((choice & 16) != 0)
		limits.literals = 3;
	if ((choice & 32) != 0)
		limits.literal = 1000;
	return limits;
}

static void
log_frame(struct buf *log, const struct frame_view *view,
    const struct frame_limits *limits)
{
	size_t longest =
	    limits->text > limits->search ? limits->text : limits->search;
	size_t before = 0;

	require(view->text.len > 0 && view->text.len <= longest);
	require(view->literal_count <= limits->literals);
	buf_add_format(log, "\nFRAME %zu ", view->text.len);
	buf_add_span(log, view->text);
	for (uint32_t i = 0; i < view->literal_count; i++) {
		const struct frame_literal *literal = &view->literals[i];

		require(literal->at >= before && literal->at <= view->text.len);
		require(literal->size <= limits->literal);
		require((literal->id == 0) ==
		    (literal->size <= limits->inline_literal));
		before = literal->at + (literal->id == 0 ? literal->size : 0);
		require(before <= view->text.len);
		buf_add_format(log, "\nLITERAL %zu %llu %u", literal->at,
		    (unsigned long long)literal->size, literal->id);
	}
}

/* Pieces are cut by the input's ends, their sum is not. */
static void
log_piece(
    struct buf *log, const struct frame_view *view, uint32_t *id, uint64_t *sum)
{
	require(view->id != 0);
	require(view->piece.len > 0 || view->total == 0);
	if (view->id != *id) {
		*id = view->id;
		*sum = 0;
		buf_add_format(log, "\nPIECES %u %llu ", view->id,
		    (unsigned long long)view->total);
	}
	*sum += view->piece.len;
	require(*sum <= view->total);
	buf_add_span(log, view->piece);
}

static void
read_frames(struct splitter splitter, const struct frame_limits *limits,
    struct buf *log)
{
	struct frame *frame = frame_new(limits);
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	enum frame_status status = FRAME_MORE;
	struct frame_view view;
	uint32_t id = 0;
	uint64_t sum = 0;
	size_t len = 0;
	char *bytes;

	while (status != FRAME_FAILED &&
	    (bytes = split(&splitter, &len)) != NULL) {
		frame_feed(frame, (struct span){bytes, len});
		while (
		    (status = frame_next(frame, &view, &error)) != FRAME_MORE &&
		    status != FRAME_FAILED) {
			if (status == FRAME_PIECE)
				log_piece(log, &view, &id, &sum);
			else
				log_frame(log, &view, limits);
		}
		require(status == FRAME_FAILED || frame_unread(frame) == 0);
		mem_free(bytes);
	}
	require((status == FRAME_FAILED) == (error.kind != IMAP_ERROR_NONE));
	if (status == FRAME_FAILED)
		buf_add_format(log, "\n%d %s", error.kind, error.text);
	else
		buf_add_format(log, "\n%d", frame_is_empty(frame));
	frame_free(frame);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = {(const char *)data, size};
	const struct frame_limits limits = choose_limits(take_byte(&input));
	const unsigned way = take_byte(&input);
	struct buf whole;
	struct buf cut;

	buf_init(&whole, LOG_CAP);
	buf_init(&cut, LOG_CAP);
	read_frames(splitter_of(input, 0), &limits, &whole);
	read_frames(splitter_of(input, way), &limits, &cut);
	require(span_equal(buf_span(&whole), buf_span(&cut)));
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}
