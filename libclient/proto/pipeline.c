/*
 * Commands in flight (RFC 9051 section 5.5): many may be, but a synchronising
 * literal, AUTHENTICATE and IDLE each hold back what stands behind them.
 */
#include "libclient/proto/pipeline.h"

#include <inttypes.h>
#include <stdio.h>

#include "libclient/base/mem.h"

#define TAG_PREFIX 4
#define TAG_SIZE   32

/* The most that one command puts into a flight at once. */
#define PIECE 1048576

/* Commands are small; APPEND is the exception and brings its own bound. */
#define ANSWER_CAP 262144

struct entry {
	struct entry *next;
	uint64_t serial;
	enum pipeline_kind kind;
	struct command command;
	char tag[TAG_SIZE];
	size_t written; /* bytes of the command that were handed out */
	uint32_t waits_done; /* waits that were answered by a + */
	bool is_tagged; /* its tag was handed out */
	bool is_open; /* IDLE: + came */
	bool wants_done; /* IDLE: DONE although nothing follows */
	bool is_ended; /* IDLE: DONE was handed out */
};

struct pipeline {
	struct entry *head; /* oldest: in flight, then queued */
	struct entry **tail;
	uint64_t last_serial;
	struct trace trace;
	struct buf answer; /* to a challenge, with its CRLF */
	char prefix[TAG_PREFIX + 1];
};

struct pipeline *
pipeline_new(uint32_t seed)
{
	struct pipeline *pipeline = mem_new(struct pipeline);

	pipeline->tail = &pipeline->head;
	buf_init(&pipeline->answer, ANSWER_CAP);
	for (int i = 0; i < TAG_PREFIX; i++)
		pipeline->prefix[i] = (char)('A' + (seed >> (4 * i) & 15));
	return pipeline;
}

static struct entry *
entry_free(struct entry *entry)
{
	command_free(&entry->command);
	return mem_free(entry);
}

struct pipeline *
pipeline_free(struct pipeline *pipeline)
{
	struct entry *entry;

	if (pipeline == NULL)
		return NULL;
	while ((entry = pipeline->head) != NULL) {
		pipeline->head = entry->next;
		entry_free(entry);
	}
	buf_free_secret(&pipeline->answer);
	return mem_free(pipeline);
}

void
pipeline_set_trace(struct pipeline *pipeline, const struct trace *trace)
{
	pipeline->trace = *trace;
}

uint64_t
pipeline_add(
    struct pipeline *pipeline, struct command *command, enum pipeline_kind kind)
{
	struct entry *entry;

	if (command->failed) {
		command_free(command);
		return 0;
	}
	entry = mem_new(struct entry);
	entry->command = *command;
	*command = (struct command){0};
	entry->kind = kind;
	entry->serial = ++pipeline->last_serial;
	(void)snprintf(entry->tag, sizeof(entry->tag), "%s%" PRIu64,
	    pipeline->prefix, entry->serial);
	*pipeline->tail = entry;
	pipeline->tail = &entry->next;
	return entry->serial;
}

void
pipeline_answer(struct pipeline *pipeline, struct span line)
{
	(void)buf_add_span(&pipeline->answer, line);
	(void)buf_add_string(&pipeline->answer, "\r\n");
}

void
pipeline_end_idle(struct pipeline *pipeline)
{
	struct entry *entry;

	for (entry = pipeline->head; entry != NULL; entry = entry->next)
		entry->wants_done = true;
}

static bool
entry_is_written(const struct entry *entry)
{
	return entry->is_tagged &&
	    entry->written == buf_len(&entry->command.bytes);
}

/* True if the entry stands at a literal whose + has not come. */
static bool
entry_waits(const struct entry *entry)
{
	return entry->is_tagged &&
	    entry->waits_done < entry->command.wait_count &&
	    entry->written == entry->command.waits[entry->waits_done];
}

/* True if nothing may be written behind the entry yet. */
static bool
entry_holds(const struct entry *entry)
{
	switch (entry->kind) {
	case PIPELINE_PLAIN:
	case PIPELINE_LOGIN:
		return false;
	case PIPELINE_IDLE:
		return !entry->is_ended;
	case PIPELINE_AUTHENTICATE:
	case PIPELINE_ALONE:
		return true;
	}
	return false;
}

enum pipeline_plus
pipeline_plus(struct pipeline *pipeline, uint64_t *serial)
{
	struct entry *entry;

	for (entry = pipeline->head; entry != NULL; entry = entry->next) {
		if (entry_waits(entry)) {
			entry->waits_done++;
			return PIPELINE_PLUS_LITERAL;
		}
		if (!entry_is_written(entry))
			break;
		if (entry->kind == PIPELINE_IDLE) {
			/* a second one; what follows has to wait for IDLE's
			 * reply, so it is not theirs */
			if (entry->is_open)
				break;
			entry->is_open = true;
			*serial = entry->serial;
			return PIPELINE_PLUS_IDLING;
		}
		if (entry->kind == PIPELINE_AUTHENTICATE ||
		    entry->kind == PIPELINE_LOGIN) {
			*serial = entry->serial;
			return PIPELINE_PLUS_CHALLENGE;
		}
	}
	return PIPELINE_PLUS_IGNORED;
}

uint64_t
pipeline_tagged(struct pipeline *pipeline, struct span tag)
{
	struct entry **link = &pipeline->head;
	struct entry *entry;
	uint64_t serial;

	while ((entry = *link) != NULL && entry->is_tagged &&
	    !span_equal(span_of(entry->tag), tag))
		link = &entry->next;
	if (entry == NULL || !entry->is_tagged)
		return 0;
	serial = entry->serial;
	/* an answer that came too late would be taken for a command */
	if (entry->kind == PIPELINE_AUTHENTICATE)
		buf_free_secret(&pipeline->answer);
	*link = entry->next;
	if (pipeline->tail == &entry->next)
		pipeline->tail = link;
	entry_free(entry);
	return serial;
}

/* What does not fit is handed out when the rest was taken. */
static bool
has_room(const struct buf *out, size_t len)
{
	return len <= out->cap - buf_len(out);
}

/* Hands out what may go of one command; false if it has to wait. */
static bool
entry_write(struct pipeline *pipeline, struct entry *entry, struct buf *out)
{
	struct span bytes = buf_span(&entry->command.bytes);
	size_t stop = bytes.len;

	if (!entry->is_tagged) {
		if (!has_room(out, TAG_SIZE))
			return false;
		(void)buf_add_format(out, "%s ", entry->tag);
		entry->is_tagged = true;
		trace_command(&pipeline->trace, entry->tag, &entry->command);
	}
	if (entry->waits_done < entry->command.wait_count)
		stop = entry->command.waits[entry->waits_done];
	/* a long message goes in pieces, as the connection takes them */
	if (stop - entry->written > PIECE)
		stop = entry->written + PIECE;
	if (!buf_add(out, bytes.at + entry->written, stop - entry->written))
		return false;
	entry->written = stop;
	return entry_is_written(entry);
}

/* DONE goes out when IDLE is open and something stands behind it. */
static void
entry_end_idle(struct pipeline *pipeline, struct entry *entry, struct buf *out)
{
	if (!entry->is_open || entry->is_ended)
		return;
	if (entry->next == NULL && !entry->wants_done)
		return;
	entry->is_ended = buf_add_string(out, "DONE\r\n");
	if (entry->is_ended)
		trace_words(&pipeline->trace, "DONE");
}

bool
pipeline_write(struct pipeline *pipeline, struct buf *out)
{
	size_t before = buf_len(out);
	struct entry *entry;

	if (buf_len(&pipeline->answer) > 0) {
		if (!buf_add_span(out, buf_span(&pipeline->answer)))
			return false;
		buf_free_secret(&pipeline->answer);
		trace_words(&pipeline->trace, "***");
	}
	for (entry = pipeline->head; entry != NULL; entry = entry->next) {
		if (!entry_is_written(entry) &&
		    !entry_write(pipeline, entry, out))
			break;
		if (entry->kind == PIPELINE_IDLE)
			entry_end_idle(pipeline, entry, out);
		if (entry_holds(entry))
			break;
	}
	return buf_len(out) > before;
}

uint64_t
pipeline_due(const struct pipeline *pipeline)
{
	const struct entry *entry = pipeline->head;

	if (entry == NULL || !entry->is_tagged)
		return 0;
	if (entry->kind == PIPELINE_IDLE && entry->is_open && !entry->is_ended)
		return 0;
	return entry->serial;
}

bool
pipeline_due_is_idle(const struct pipeline *pipeline)
{
	return pipeline_due(pipeline) != 0 &&
	    pipeline->head->kind == PIPELINE_IDLE;
}

bool
pipeline_is_idling(const struct pipeline *pipeline)
{
	const struct entry *entry;

	for (entry = pipeline->head; entry != NULL; entry = entry->next)
		if (entry->kind == PIPELINE_IDLE && entry->is_open &&
		    !entry->is_ended)
			return true;
	return false;
}

bool
pipeline_is_empty(const struct pipeline *pipeline)
{
	return pipeline->head == NULL;
}
