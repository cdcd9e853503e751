/*
 * Bytes to frames. A frame is one complete response: a line, or lines joined
 * by literals. This is the only place that can say "more bytes are needed".
 * Literals up to the inline limit are collected with the text; longer ones are
 * passed through in pieces, without a copy, as they arrive.
 */
#ifndef LIBCLIENT_WIRE_FRAME_H
#define LIBCLIENT_WIRE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"
#include "libclient/base/imap_error.h"

struct frame;

struct frame_limits {
	size_t text; /* bytes of one frame, inline literals included */
	size_t search; /* the same for SEARCH, ESEARCH and VANISHED */
	size_t inline_literal; /* longer literals are streamed */
	uint64_t literal; /* the longest literal at all */
	uint32_t literals; /* literals of one frame */
};

/* One literal of a finished frame, in the order of the text. */
struct frame_literal {
	size_t at; /* offset in the text of the byte behind {n}CRLF */
	uint64_t size; /* announced and received bytes */
	uint32_t id; /* 0: its bytes are in the text; else: streamed as id */
};

enum frame_status {
	FRAME_MORE, /* all input is used up: feed more */
	FRAME_PIECE, /* part of a streamed literal: id, piece, total */
	FRAME_READY, /* a whole frame: text, literals, count */
	FRAME_FAILED /* *error says why; the frame reader is of no more use */
};

struct frame_view {
	/* FRAME_PIECE: borrowed from the input; valid until the next call */
	uint32_t id; /* not 0, unique on this connection */
	struct span piece; /* may be empty only where total is 0 */
	uint64_t total; /* announced size of the literal */
	/* FRAME_READY: borrowed until the next call */
	struct span text; /* without the final CRLF */
	const struct frame_literal *literals;
	uint32_t literal_count;
};

/* The limits that clients use: 1 MiB, 8 MiB, 32 KiB, 2^32-1 bytes, 1000. */
extern const struct frame_limits frame_default_limits;

struct frame *frame_new(const struct frame_limits *limits);
struct frame *frame_free(struct frame *frame); /* NULL ok; returns NULL */

/*
 * Gives input, which stays the caller's and must stay valid until
 * frame_next() returns FRAME_MORE. Only to be called then (or at first).
 */
void frame_feed(struct frame *frame, struct span input);

/*
 * The next thing in the input. CRLF ends a line; a lone LF is accepted as one
 * too. NUL bytes in front of a frame, empty lines between frames and, behind a
 * literal, inside of a list (where their line ends stay in the text) are
 * skipped, at most 100 in a row. A NUL or a lone CR inside a line outside a
 * literal fails. `{n}` and `~{n}` at the end of a line announce a literal; any
 * sign in it fails, `{n+}` too: servers must not. Only a line's end counts, so
 * "...{5}" with its quote behind it is none.
 */
enum frame_status frame_next(
    struct frame *frame, struct frame_view *view, struct imap_error *error);

/* True if nothing is buffered: no byte of an unfinished frame is held. */
bool frame_is_empty(const struct frame *frame);

/* Bytes of the input given by frame_feed() that are not used up yet. */
size_t frame_unread(const struct frame *frame);

/* Hands these bytes back behind a FRAME_READY: they are not IMAP. What comes
 * next has to be fed. */
struct span frame_take_unread(struct frame *frame);

#endif
