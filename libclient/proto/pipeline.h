/*
 * Commands in flight: tags, synchronising literals and IDLE. Decides which
 * bytes may be written now, and whose a tagged reply is. Pure.
 */
#ifndef LIBCLIENT_PROTO_PIPELINE_H
#define LIBCLIENT_PROTO_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"
#include "libclient/proto/trace.h"
#include "libclient/wire/command.h"

/* How a command lives after it was sent. */
enum pipeline_kind {
	PIPELINE_PLAIN,
	PIPELINE_IDLE, /* + opens it; DONE, written when anything follows, ends
			  it */
	PIPELINE_AUTHENTICATE, /* every + asks the owner for an answer */
	PIPELINE_LOGIN, /* the same, but no answer is due: all may follow it */
	PIPELINE_ALONE /* STARTTLS: nothing is written behind it until it ended
			*/
};

/* What a + meant. */
enum pipeline_plus {
	PIPELINE_PLUS_IGNORED, /* nobody waited for it */
	PIPELINE_PLUS_LITERAL, /* a command goes on */
	PIPELINE_PLUS_IDLING, /* IDLE is open: *serial */
	PIPELINE_PLUS_CHALLENGE /* AUTHENTICATE wants an answer: *serial */
};

struct pipeline;

/* Tags are a prefix of four letters A-P made from seed, and a counter. */
struct pipeline *pipeline_new(uint32_t seed);
struct pipeline *pipeline_free(struct pipeline *pipeline);

/* Whom to tell of what is handed out; copied. */
void pipeline_set_trace(struct pipeline *pipeline, const struct trace *trace);

/*
 * Queues a finished command, which it takes over. Returns its serial, rising
 * from 1, or 0 (command freed) if the command had failed.
 */
uint64_t pipeline_add(struct pipeline *pipeline, struct command *command,
    enum pipeline_kind kind);

/* Answers a challenge: the line, without CRLF, wiped after sending. */
void pipeline_answer(struct pipeline *pipeline, struct span line);

/* Ends the IDLEs added so far, although nothing follows: as soon as + came. */
void pipeline_end_idle(struct pipeline *pipeline);

/* Tells it of a + from the server. */
enum pipeline_plus pipeline_plus(struct pipeline *pipeline, uint64_t *serial);

/*
 * Tells it of a tagged reply. Returns the serial of the command that ended
 * with it; 0 if no command with that tag is in flight.
 */
uint64_t pipeline_tagged(struct pipeline *pipeline, struct span tag);

/*
 * Appends to out all that may be written now, as far as its cap allows; true
 * if it was anything.
 */
bool pipeline_write(struct pipeline *pipeline, struct buf *out);

/*
 * The serial of the oldest command whose reply is due, 0 if there is none: an
 * open IDLE is not due, one that waits for its + or was told DONE is.
 */
uint64_t pipeline_due(const struct pipeline *pipeline);

/* True if that command is IDLE: both its replies take a server no time. */
bool pipeline_due_is_idle(const struct pipeline *pipeline);

/* True if IDLE is open: + came and DONE was not written. */
bool pipeline_is_idling(const struct pipeline *pipeline);

/* True if nothing is queued or in flight. */
bool pipeline_is_empty(const struct pipeline *pipeline);

#endif
