/*
 * What libclient/proto/session.h promises, as data: tests/transcripts/session
 * holds conversations (see conversation.h). Each is held in whole segments, cut
 * in two at every byte, and byte by byte, with the same events; and broken off
 * at every byte, with the same events up to there and IMAP_CLOSED.
 */
#include <glob.h>
#include <gsasl.h>
#include <inttypes.h>
#include <string.h>

#include "tests/unit/conversation.h"

#define WHOLE	 SIZE_MAX
#define NO_CUT	 SIZE_MAX
#define MAX_CUTS 3000 /* floods are long: not at every byte of theirs */

/* One holding of a conversation. */
struct run {
	const struct conversation *talk;
	struct session *session;
	size_t split; /* bytes of the server's before a segment ends */
	bool is_bytewise;
	size_t cut; /* bytes of the server's before the connection breaks */
	size_t fed;
	struct buf sent; /* by the client, and not yet expected */
	struct buf told; /* events, a line each */
	size_t compared; /* of them */
	struct buf body; /* that comes in pieces */
	uint32_t body_id;
	uint64_t body_total;
	bool is_in_body;
	bool wants_tls;
	bool is_closed;
};

/* Takes the place of libgsasl's, so that RFC 5802's exchange can be held. */
int
gsasl_nonce(char *data, size_t datalen)
{
	char *nonce = NULL;
	size_t len = 0;

	ck_assert_int_eq(gsasl_base64_from("fyko+d2lbbFgONRv9qkxdawL", 24,
			     &nonce, &len),
	    GSASL_OK);
	ck_assert_uint_eq(len, datalen);
	memcpy(data, nonce, len);
	gsasl_free(nonce);
	return GSASL_OK;
}

/* ---- events in words ---- */

static void
say_text(struct buf *told, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '\n')
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
	if (!fetch->has_body)
		return;
	ck_assert(!run->is_in_body);
	ck_assert_uint_ne(fetch->body, 0);
	ck_assert_uint_eq(fetch->body, run->body_id);
	ck_assert_uint_eq(fetch->body_size, run->body_total);
	buf_add_format(&run->told, " body=%" PRIu64, fetch->body_size);
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
		buf_add_format(told, " SEARCH %" PRIu64,
		    uidset_count(data->search.uids));
		break;
	case IMAP_DATA_LIST:
		buf_add_string(told, " LIST ");
		say_text(told, data->list.mailbox);
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
		buf_add_format(told, " type %d", (int)data->type);
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
	ck_assert_int_eq(run->is_closed,
	    session_want(run->session) == SESSION_WANT_CLOSE);
	if (session_want(run->session) == SESSION_WANT_TLS && !run->wants_tls)
		buf_add_string(&run->told, "TLS\n");
	run->wants_tls = session_want(run->session) == SESSION_WANT_TLS;
	out = session_take(run->session);
	buf_add_span(&run->sent, out);
	session_taken(run->session, out.len);
}

static void
break_off(struct run *run)
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

static void
feed(struct run *run, struct span bytes)
{
	while (bytes.len > 0 && run->fed < run->cut) {
		size_t len = segment_len(run, bytes.len);
		/* a copy of just that: reading on would be noticed */
		char *copy = mem_resize(NULL, len, 1);

		memcpy(copy, bytes.at, len);
		session_feed(run->session, (struct span){copy, len});
		drain(run);
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
expect(struct span got, struct span wanted)
{
	ck_assert_msg(matches(got, wanted), "\n  wanted %.*s\n  got    %.*s",
	    (int)wanted.len, wanted.at, (int)got.len, got.at);
}

static void
expect_nothing_more(struct run *run)
{
	struct span told = span_from(buf_span(&run->told), run->compared);

	ck_assert_msg(
	    told.len == 0, "not expected: %.*s", (int)told.len, told.at);
	ck_assert_msg(buf_len(&run->sent) == 0, "not expected: C: %.*s",
	    (int)buf_len(&run->sent), buf_span(&run->sent).at);
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
		    "exists %" PRIu32 " uidvalidity %" PRIu32 " uidnext %" PRIu32
		    " modseq %" PRIu64 "%s\n",
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
		run->wants_tls = false;
		return;
	}
	if (IS("done")) {
		session_end_idle(run->session);
		return;
	}
	if (IS("end")) {
		break_off(run);
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
		feed(run, text);
		break;
	case 'C':
		drain(run);
		expect(next_line(buf_span(&run->sent), &at), text);
		buf_consume(&run->sent, at);
		break;
	case '>':
		expect_nothing_more(run);
		act(run, text);
		break;
	default:
		drain(run);
		expect(next_line(buf_span(&run->told), &run->compared), text);
	}
}

static void
begin(struct run *run, const struct conversation *talk)
{
	*run = (struct run){.talk = talk, .split = WHOLE, .cut = NO_CUT};
	run->session = session_new(&talk->config);
	buf_init(&run->sent, MAX_TEXT);
	buf_init(&run->told, MAX_TEXT);
	buf_init(&run->body, MAX_TEXT);
}

static void
finish(struct run *run)
{
	session_free(run->session);
	buf_free(&run->sent);
	buf_free(&run->told);
	buf_free(&run->body);
}

static void
hold(struct run *run)
{
	for (unsigned i = 0; i < run->talk->step_count; i++)
		take_step(run, &run->talk->steps[i]);
	drain(run);
	expect_nothing_more(run);
}

/* Up to the cut; what came is a front part of what is told without one. */
static void
hold_and_cut(struct run *run, struct span told)
{
	struct span got;
	bool was_closed;
	size_t len;

	for (unsigned i = 0; i < run->talk->step_count && run->fed < run->cut;
	     i++)
		take_step(run, &run->talk->steps[i]);
	len = buf_len(&run->told);
	was_closed = run->is_closed;
	break_off(run);
	got = buf_span(&run->told);
	ck_assert(run->is_closed);
	ck_assert_uint_le(len, told.len);
	ck_assert(
	    span_equal((struct span){got.at, len}, (struct span){told.at, len}));
	if (was_closed)
		ck_assert_uint_eq(got.len, len);
	else
		ck_assert(
		    span_has_prefix_nocase(span_from(got, len), "CLOSED "));
}

/* ---- the files ---- */

static void
load(struct conversation *talk, const char *path)
{
	struct login_config *login = &talk->config.login;
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;
	ssize_t len;

	ck_assert_ptr_nonnull(file);
	*talk = (struct conversation){.limits = frame_default_limits};
	talk->config.limits = &talk->limits;
	login->credentials.user = span_of("fred");
	login->credentials.secret = span_of("secret");
	login->mechanisms = (1U << MECHANISM_COUNT) - 1;
	login->is_confidential = true;
	login->disabled = (const char *const *)&talk->word;
	while ((len = getline(&text, &size, file)) > 0) {
		struct span line = {text, (size_t)len - 1};
		size_t word = 0;

		if (line.len < 2 || line.at[0] == '#')
			continue;
		if (line.at[0] != '!') {
			add_step(talk, line.at[0], line);
			continue;
		}
		line = span_from(line, 2);
		while (word < line.len && line.at[word] != ' ')
			word++;
		apply_setting(talk, (struct span){line.at, word},
		    span_from(line, word < line.len ? word + 1 : word));
	}
	free(text);
	fclose(file);
}

static void
unload(struct conversation *talk)
{
	for (unsigned i = 0; i < talk->step_count; i++)
		buf_free(&talk->steps[i].text);
	mem_free(talk->word);
}

static glob_t files;

static void
for_each_way(
    const char *path, void (*hold_all)(const struct conversation *, struct span))
{
	struct conversation talk;
	struct run run;

	load(&talk, path);
	for (int i = 0; i < (talk.is_for_both ? 2 : 1); i++) {
		talk.limits.inline_literal =
		    i == 0 ? frame_default_limits.inline_literal : 0;
		begin(&run, &talk);
		hold(&run);
		hold_all(&talk, buf_span(&run.told));
		finish(&run);
	}
	unload(&talk);
}

static size_t
count_bytes(const struct conversation *talk)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < talk->step_count; i++)
		if (talk->steps[i].kind == 'S')
			bytes += buf_len(&talk->steps[i].text);
	return bytes;
}

static void
hold_no_more(const struct conversation *talk, struct span told)
{
	(void)talk;
	(void)told;
}

/* Streamed and inline bodies are told alike. */
START_TEST(test_conversation_whole)
{
	for_each_way(files.gl_pathv[_i], hold_no_more);
}
END_TEST

static void
hold_split(const struct conversation *talk, struct span told)
{
	const size_t bytes = count_bytes(talk);
	struct run run;

	for (size_t at = 0; at < bytes; at += 1 + bytes / MAX_CUTS) {
		begin(&run, talk);
		run.split = at;
		run.is_bytewise = at == 0;
		hold(&run);
		ck_assert(span_equal(buf_span(&run.told), told));
		finish(&run);
	}
}

START_TEST(test_conversation_split_at_every_byte)
{
	for_each_way(files.gl_pathv[_i], hold_split);
}
END_TEST

static void
hold_truncated(const struct conversation *talk, struct span told)
{
	const size_t bytes = count_bytes(talk);
	struct run run;

	for (size_t at = 0; at < bytes; at += 1 + bytes / MAX_CUTS) {
		begin(&run, talk);
		run.cut = at;
		hold_and_cut(&run, told);
		finish(&run);
		begin(&run, talk);
		run.cut = at;
		run.is_bytewise = true;
		hold_and_cut(&run, told);
		finish(&run);
	}
}

START_TEST(test_conversation_truncated_at_every_byte)
{
	for_each_way(files.gl_pathv[_i], hold_truncated);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("session");
	TCase *tests = tcase_create("conversations");
	SRunner *runner;
	int failed;

	if (glob(TESTS_DIR "/transcripts/session/*.imap", 0, NULL, &files) != 0)
		return EXIT_FAILURE;
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(
	    tests, test_conversation_whole, 0, (int)files.gl_pathc);
	tcase_add_loop_test(tests, test_conversation_split_at_every_byte, 0,
	    (int)files.gl_pathc);
	tcase_add_loop_test(tests, test_conversation_truncated_at_every_byte, 0,
	    (int)files.gl_pathc);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	globfree(&files);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
