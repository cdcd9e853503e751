/*
 * Holding conversations: see conversation.h.
 */
#include "tests/unit/conversation.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libclient/base/mem.h"
#include "libclient/wire/response.h"

#define MAX_TEXT (4U << 20)
#define WHOLE	 SIZE_MAX
#define NO_CUT	 SIZE_MAX

/* ---- events in words ---- */

static void
say_text(struct buf *told, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '\0')
			buf_add_string(told, "\\0");
		else if (text.at[i] == '\n')
			buf_add_string(told, "\\n");
		else if (text.at[i] == '\r')
			buf_add_string(told, "\\r");
		else
			buf_add(told, text.at + i, 1);
	}
}

static void
say_state(struct buf *told, enum imap_state state, const struct imap_code *code,
    struct span text)
{
	buf_add_format(told, " %s", imap_state_name(state));
	if (code->type != IMAP_CODE_NONE)
		buf_add_format(
		    told, " [%.*s]", (int)code->name.len, code->name.at);
	buf_add_string(told, text.len == 0 ? "" : " ");
	say_text(told, text);
}

static void
say_fetch(struct run *run, const struct imap_fetch *fetch)
{
	buf_add_format(&run->told, " FETCH uid=%" PRIu32, fetch->uid);
	if (fetch->has_flags)
		buf_add_format(&run->told, " flags=%x", fetch->flags.flags);
	if (fetch->body_is_nil)
		buf_add_string(&run->told, " body=NIL");
	if (fetch->has_body) {
		ck_assert(!run->is_in_body);
		ck_assert_uint_ne(fetch->body, 0);
		ck_assert_uint_eq(fetch->body, run->body_id);
		ck_assert_uint_eq(fetch->body_size, run->body_total);
		buf_add_format(&run->told, " body=%" PRIu64, fetch->body_size);
	}
	conversation_say_items(&run->told, fetch);
}

static void
say_data(struct run *run, const struct imap_data *data)
{
	struct buf *told = &run->told;

	switch (data->type) {
	case IMAP_DATA_EXISTS:
		buf_add_format(told, " EXISTS %" PRIu32, data->count);
		break;
	case IMAP_DATA_EXPUNGE:
		buf_add_string(told, " EXPUNGE");
		break;
	case IMAP_DATA_VANISHED:
		buf_add_format(told, " VANISHED %" PRIu64 "%s",
		    uidset_count(data->vanished.uids),
		    data->vanished.earlier ? " earlier" : "");
		break;
	case IMAP_DATA_FETCH:
		say_fetch(run, &data->fetch);
		break;
	case IMAP_DATA_SEARCH:
		buf_add_format(
		    told, " SEARCH %" PRIu64, uidset_count(data->search.uids));
		break;
	case IMAP_DATA_STATE:
		say_state(told, data->state.state, &data->state.code,
		    data->state.text);
		break;
	case IMAP_DATA_OTHER:
		buf_add_string(told, " OTHER ");
		say_text(told, data->words);
		break;
	default:
		conversation_say_data(told, data);
	}
}

/* Pieces are told as one, when the last has come. */
static void
take_piece(struct run *run, const struct imap_event *event)
{
	if (!run->is_in_body) {
		ck_assert_uint_ne(event->body.id, run->body_id);
		run->body_id = event->body.id;
		run->body_total = event->body.total;
		run->is_in_body = true;
		buf_clear(&run->body);
	}
	ck_assert_uint_eq(event->body.id, run->body_id);
	ck_assert_uint_eq(event->body.total, run->body_total);
	buf_add_span(&run->body, event->body.piece);
	ck_assert_uint_le(buf_len(&run->body), run->body_total);
	if (buf_len(&run->body) < run->body_total)
		return;
	run->is_in_body = false;
	buf_add_string(&run->told, "BODY ");
	say_text(&run->told, buf_span(&run->body));
	buf_add_string(&run->told, "\n");
}

static void
take_event(struct run *run, const struct imap_event *event)
{
	struct buf *told = &run->told;

	ck_assert(!run->is_closed);
	switch (event->type) {
	case IMAP_BODY:
		take_piece(run, event);
		return;
	case IMAP_READY:
		buf_add_string(told, "READY");
		break;
	case IMAP_DATA:
		buf_add_string(told, "DATA");
		say_data(run, event->data);
		break;
	case IMAP_CHALLENGE:
		buf_add_format(told, "CHALLENGE %" PRIu64, event->serial);
		break;
	case IMAP_IDLING:
		buf_add_format(told, "IDLING %" PRIu64, event->serial);
		break;
	case IMAP_DONE:
		buf_add_format(told, "DONE %" PRIu64, event->serial);
		say_state(told, event->state, &event->code, event->text);
		break;
	case IMAP_CLOSED:
		run->is_closed = true;
		buf_add_format(told, "CLOSED %s: %s",
		    imap_error_kind_name(event->error->kind),
		    event->error->text);
	}
	buf_add_string(told, "\n");
}

/* ---- holding a conversation ---- */

static void
drain(struct run *run)
{
	struct imap_event event;
	struct span out;

	while (session_next(run->session, &event))
		take_event(run, &event);
	ck_assert_int_eq(
	    run->is_closed, session_want(run->session) == SESSION_WANT_CLOSE);
	out = session_take(run->session);
	buf_add_span(&run->sent, out);
	session_taken(run->session, out.len);
}

/* What stood behind the agreement, and all that follows, is inflated. */
static void
begin_deflate(struct run *run)
{
	const struct span rest = session_deflated(run->session);

	run->is_deflated = true;
	buf_add_string(&run->told, "DEFLATED\n");
	conversation_flip((char *)rest.at, rest.len);
	session_feed(run->session, rest);
	drain(run);
}

void
run_break_off(struct run *run)
{
	struct imap_error error = {.kind = IMAP_ERROR_NONE};

	imap_error_set(&error, IMAP_ERROR_NETWORK, "closed by the peer");
	session_closed(run->session, &error);
	drain(run);
}

/* How much of the server's bytes comes in one segment. */
static size_t
segment_len(const struct run *run, size_t left)
{
	if (run->is_bytewise && left > 1)
		left = 1;
	if (run->split > run->fed && run->split - run->fed < left)
		left = run->split - run->fed;
	if (run->cut - run->fed < left)
		left = run->cut - run->fed;
	return left;
}

void
run_feed(struct run *run, struct span bytes)
{
	while (bytes.len > 0 && run->fed < run->cut) {
		size_t len = segment_len(run, bytes.len);
		/* a copy of just that: reading on would be noticed */
		char *copy = mem_resize(NULL, len, 1);

		memcpy(copy, bytes.at, len);
		if (run->is_deflated)
			conversation_flip(copy, len);
		session_feed(run->session, (struct span){copy, len});
		drain(run);
		if (session_want(run->session) == SESSION_WANT_DEFLATE)
			begin_deflate(run);
		mem_free(copy);
		run->fed += len;
		bytes = span_from(bytes, len);
	}
}

static bool
matches(struct span got, struct span wanted)
{
	static const char dots[] = "...";
	size_t len = wanted.len - 3;

	if (wanted.len < 3 ||
	    !span_equal(span_from(wanted, len), span_of(dots)))
		return span_equal(got, wanted);
	wanted.len = len;
	got.len = got.len < len ? got.len : len;
	return span_equal(got, wanted);
}

/* The next line in text[*at...], which moves behind it. */
static struct span
next_line(struct span text, size_t *at)
{
	struct span line = span_from(text, *at);
	const char *end =
	    line.len == 0 ? NULL : memchr(line.at, '\n', line.len);

	if (end == NULL)
		return (struct span){"(nothing)", 9};
	line.len = (size_t)(end - line.at);
	*at += line.len + 1;
	if (line.len > 0 && line.at[line.len - 1] == '\r')
		line.len--;
	return line;
}

static void
expect(const struct run *run, struct span got, struct span wanted)
{
	ck_assert_msg(matches(got, wanted), "%s:\n  wanted %.*s\n  got    %.*s",
	    run->talk->path, (int)wanted.len, wanted.at, (int)got.len, got.at);
}

static void
expect_nothing_more(struct run *run)
{
	struct span told = span_from(buf_span(&run->told), run->compared);

	ck_assert_msg(told.len == 0, "%s: not expected: %.*s", run->talk->path,
	    (int)told.len, told.at);
	ck_assert_msg(buf_len(&run->sent) == 0, "%s: not expected: C: %.*s",
	    run->talk->path, (int)buf_len(&run->sent), buf_span(&run->sent).at);
}

#define IS(string) span_equal(what, span_of(string))

/* What the session knows, told as if it were an event. */
static bool
ask(struct run *run, struct span what)
{
	const struct imap_mailbox *mailbox = session_mailbox(run->session);
	const uint64_t due = session_due(run->session);
	struct buf *told = &run->told;

	if (IS("mailbox"))
		buf_add_format(told,
		    "exists %" PRIu32 " uidvalidity %" PRIu32
		    " uidnext %" PRIu32 " modseq %" PRIu64 "%s\n",
		    mailbox->exists, mailbox->uidvalidity, mailbox->uidnext,
		    mailbox->highestmodseq,
		    mailbox->is_read_only ? " read-only" : "");
	else if (IS("due") && due == UINT64_MAX)
		buf_add_string(told, "due: the login\n");
	else if (IS("due"))
		buf_add_format(told, "due: %" PRIu64 "\n", due);
	else if (IS("idling"))
		buf_add_string(told,
		    session_is_idling(run->session) ? "is idling\n"
						    : "is not idling\n");
	else if (IS("want"))
		buf_add_string(told,
		    session_want(run->session) == SESSION_WANT_TLS
			? "wants TLS\n"
			: "wants bytes\n");
	else
		return false;
	return true;
}

/* What the owner does: a word from the list, or a command as it is. */
static void
act(struct run *run, struct span what)
{
	struct command command;
	char *text;

	if (ask(run, what))
		return;
	if (IS("secured")) {
		session_secured(
		    run->session, (struct span){0}, (struct span){0});
		return;
	}
	if (IS("compress")) {
		if (session_compress(run->session) == 0)
			buf_add_string(&run->told, "refused\n");
		return;
	}
	if (IS("done")) {
		session_end_idle(run->session);
		return;
	}
	if (IS("end")) {
		run_break_off(run);
		return;
	}
	if (IS("LOGOUT"))
		session_expect_end(run->session);
	if (span_has_prefix_nocase(what, "EXAMINE ")) {
		command_begin(
		    &command, "EXAMINE", session_literals(run->session));
		command_add_mailbox(&command, span_from(what, 8));
		command_end(&command);
		session_select(run->session, &command);
		return;
	}
	text = span_to_string(what);
	command_begin(&command, text, COMMAND_LITERALS_SYNC);
	command_end(&command);
	session_command(run->session, &command,
	    IS("IDLE") ? PIPELINE_IDLE : PIPELINE_PLAIN);
	mem_free(text);
}

static void
take_step(struct run *run, const struct step *step)
{
	struct span text = buf_span(&step->text);
	size_t at = 0;

	switch (step->kind) {
	case 'S':
		drain(run);
		expect_nothing_more(run);
		run_feed(run, text);
		break;
	case 'C':
		drain(run);
		expect(run, next_line(buf_span(&run->sent), &at), text);
		buf_consume(&run->sent, at);
		break;
	case '>':
		expect_nothing_more(run);
		act(run, text);
		break;
	default:
		drain(run);
		expect(
		    run, next_line(buf_span(&run->told), &run->compared), text);
	}
}

void
run_begin(struct run *run, const struct conversation *talk)
{
	*run = (struct run){.talk = talk, .split = WHOLE, .cut = NO_CUT};
	run->session = session_new(&talk->config);
	buf_init(&run->sent, MAX_TEXT);
	buf_init(&run->told, MAX_TEXT);
	buf_init(&run->body, MAX_TEXT);
}

void
run_free(struct run *run)
{
	session_free(run->session);
	buf_free(&run->sent);
	buf_free(&run->told);
	buf_free(&run->body);
}

void
run_hold(struct run *run)
{
	for (unsigned i = 0; i < run->talk->step_count; i++)
		take_step(run, &run->talk->steps[i]);
	drain(run);
	expect_nothing_more(run);
}

/* Up to the cut; what came is a front part of what is told without one. */
void
run_hold_and_cut(struct run *run, struct span told)
{
	struct span got;
	bool was_closed;
	size_t len;

	for (unsigned i = 0; i < run->talk->step_count && run->fed < run->cut;
	     i++)
		take_step(run, &run->talk->steps[i]);
	len = buf_len(&run->told);
	was_closed = run->is_closed;
	run_break_off(run);
	got = buf_span(&run->told);
	ck_assert(run->is_closed);
	ck_assert_uint_le(len, told.len);
	ck_assert(span_equal(
	    (struct span){got.at, len}, (struct span){told.at, len}));
	if (was_closed)
		ck_assert_uint_eq(got.len, len);
	else
		ck_assert(
		    span_has_prefix_nocase(span_from(got, len), "CLOSED "));
}
