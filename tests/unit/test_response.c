/*
 * What libclient/wire/response.h promises, as data: tests/transcripts holds
 * the lines of real servers and what they mean (see transcript.h), in the words
 * of describe(). Each is read whole, cut in two at every byte, and byte by
 * byte.
 */
#include <check.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "libclient/base/mem.h"
#include "libclient/wire/response.h"
#include "tests/unit/pace.h"
#include "tests/unit/transcript.h"

#define LENGTH(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* A response may need as much as a client would allow it. */
#define ARENA_CAP (16U << 20)

static const char *const flag_names[] = {"Seen", "Answered", "Flagged",
    "Deleted", "Draft", "Forwarded", "Recent", NULL};

static const char *const list_flag_names[] = {"Noselect", "NonExistent",
    "Noinferiors", "HasChildren", "HasNoChildren", "Subscribed", "All",
    "Archive", "Drafts", "Flagged", "Junk", "Sent", "Trash", "Important", NULL};

#define MAX_STREAMS 64

/* What one reading of a transcript gave. */
struct reading {
	struct buf log;
	struct buf pieces[MAX_STREAMS]; /* of the streamed literals, by id */
};

/* Bytes as a person can read them. */
static void
add_bytes(struct buf *log, struct span bytes)
{
	size_t i;

	for (i = 0; i < bytes.len; i++) {
		char c = bytes.at[i];

		if (c == '\r')
			buf_add_string(log, "\\r");
		else if (c == '\n')
			buf_add_string(log, "\\n");
		else if (c < ' ' || c == 0x7f)
			buf_add_format(log, "\\x%02x", (unsigned char)c);
		else
			buf_add(log, &c, 1);
	}
}

static void
add_value(struct buf *log, const char *name, struct span bytes)
{
	if (bytes.len == 0)
		return;
	buf_add_format(log, " %s=", name);
	add_bytes(log, bytes);
}

static void
add_mask(struct buf *log, unsigned mask, const char *const names[])
{
	const char *comma = " flags=";
	unsigned i;

	for (i = 0; names[i] != NULL; i++) {
		if ((mask >> i & 1) == 0)
			continue;
		buf_add_format(log, "%s%s", comma, names[i]);
		comma = ",";
	}
}

static void
add_uids(struct buf *log, const struct uidset *uids)
{
	if (uidset_is_empty(uids))
		return;
	buf_add_string(log, " ");
	uidset_format(uids, 0, SIZE_MAX / 4, log);
}

static void
describe_flags(struct buf *log, const struct imap_flags *flags)
{
	const char *comma = " keywords=";
	uint32_t i;

	add_mask(log, flags->flags, flag_names);
	for (i = 0; i < flags->keyword_count; i++) {
		buf_add_string(log, comma);
		add_bytes(log, flags->keywords[i]);
		comma = ",";
	}
}

static void
describe_code(struct buf *log, const struct imap_code *code)
{
	if (code->type == IMAP_CODE_NONE)
		return;
	buf_add_string(log, " code=");
	if (code->type == IMAP_CODE_OTHER) {
		buf_add_string(log, "?");
		add_bytes(log, code->name);
	} else {
		ck_assert(
		    span_equal_nocase(code->name, imap_code_name(code->type)));
		buf_add_string(log, imap_code_name(code->type));
	}
	switch (code->type) {
	case IMAP_CODE_UIDNEXT:
	case IMAP_CODE_UIDVALIDITY:
	case IMAP_CODE_UNSEEN:
	case IMAP_CODE_HIGHESTMODSEQ:
		buf_add_format(log, " %" PRIu64, code->number);
		break;
	case IMAP_CODE_MESSAGELIMIT:
		buf_add_format(log, " %" PRIu64 " of ", code->number);
		add_bytes(log, code->arguments);
		break;
	default:
		ck_assert_uint_eq(code->number, 0);
		if (code->arguments.len > 0)
			buf_add_string(log, " ");
		add_bytes(log, code->arguments);
	}
}

static void
describe_state(struct buf *log, const struct imap_data *data)
{
	ck_assert_int_eq(data->type, IMAP_DATA_STATE);
	buf_add_string(log, imap_state_name(data->state.state));
	describe_code(log, &data->state.code);
	add_value(log, "text", data->state.text);
}

static void
describe_body(
    struct reading *reading, const struct imap_fetch *fetch, struct span body)
{
	struct buf *log = &reading->log;

	if (fetch->body_is_nil)
		buf_add_string(log, " body=nil");
	if (!fetch->has_body) {
		ck_assert_uint_eq(body.len, 0);
		return;
	}
	buf_add_format(log, " body=%" PRIu64, fetch->body_size);
	if (fetch->body != 0) {
		ck_assert_uint_eq(body.len, 0);
		ck_assert_uint_lt(fetch->body, MAX_STREAMS);
		buf_add_string(log, " streamed");
		body = buf_span(&reading->pieces[fetch->body]);
	}
	ck_assert_uint_eq(body.len, fetch->body_size);
	buf_add_string(log, " \"");
	add_bytes(log, body);
	buf_add_string(log, "\"");
}

static void
describe_fetch(
    struct reading *reading, const struct response *response, struct span body)
{
	const struct imap_fetch *fetch = &response->data.fetch;
	struct buf *log = &reading->log;

	buf_add_format(log, "FETCH seq=%" PRIu32, response->sequence);
	if (fetch->uid != 0)
		buf_add_format(log, " uid=%" PRIu32, fetch->uid);
	if (fetch->has_flags && fetch->flags.flags == 0 &&
	    fetch->flags.keyword_count == 0)
		buf_add_string(log, " flags=");
	describe_flags(log, &fetch->flags);
	if (fetch->modseq != 0)
		buf_add_format(log, " modseq=%" PRIu64, fetch->modseq);
	if (fetch->has_size)
		buf_add_format(log, " size=%" PRIu64, fetch->size);
	if (fetch->has_internaldate)
		buf_add_format(log, " date=%" PRId64, fetch->internaldate);
	add_value(log, "emailid", fetch->emailid);
	describe_body(reading, fetch, body);
}

static void
describe_list(struct buf *log, const struct imap_list *list)
{
	buf_add_string(log, "LIST");
	add_mask(log, list->flags, list_flag_names);
	if (list->delimiter != '\0')
		buf_add_format(log, " delimiter=%c", list->delimiter);
	buf_add_string(log, " mailbox=");
	add_bytes(log, list->mailbox);
	if (!span_equal(list->mailbox, list->name)) {
		buf_add_string(log, " name=");
		buf_add_span(log, list->name);
	}
}

static void
describe_status(struct buf *log, const struct imap_status *status)
{
	const struct {
		unsigned bit;
		const char *name;
		uint64_t value;
	} items[] = {
	    {IMAP_STATUS_MESSAGES, "messages", status->messages},
	    {IMAP_STATUS_UIDNEXT, "uidnext", status->uidnext},
	    {IMAP_STATUS_UIDVALIDITY, "uidvalidity", status->uidvalidity},
	    {IMAP_STATUS_UNSEEN, "unseen", status->unseen},
	    {IMAP_STATUS_HIGHESTMODSEQ, "modseq", status->highestmodseq},
	    {IMAP_STATUS_SIZE, "size", status->size},
	    {IMAP_STATUS_RECENT, "recent", status->recent},
	};
	int i;

	buf_add_string(log, "STATUS mailbox=");
	add_bytes(log, status->mailbox);
	for (i = 0; i < LENGTH(items); i++)
		if ((status->has & items[i].bit) != 0)
			buf_add_format(
			    log, " %s=%" PRIu64, items[i].name, items[i].value);
	add_value(log, "mailboxid", status->mailboxid);
}

static void
describe_words(struct buf *log, const char *name, struct span words)
{
	buf_add_format(log, "%s%s", name, words.len == 0 ? "" : " ");
	add_bytes(log, words);
}

static void
describe_uids(struct buf *log, const struct response *response)
{
	const struct imap_data *data = &response->data;

	if (data->type == IMAP_DATA_VANISHED) {
		ck_assert_ptr_eq(data->vanished.uids, &response->uids);
		buf_add_string(log, "VANISHED");
		if (data->vanished.earlier)
			buf_add_string(log, " earlier");
		add_uids(log, data->vanished.uids);
		return;
	}
	ck_assert_ptr_eq(data->search.uids, &response->uids);
	buf_add_string(log, "SEARCH");
	add_uids(log, data->search.uids);
	if (data->search.modseq != 0)
		buf_add_format(log, " modseq=%" PRIu64, data->search.modseq);
	add_value(log, "tag", data->search.tag);
}

static void
describe_untagged(
    struct reading *reading, const struct response *response, struct span body)
{
	const struct imap_data *data = &response->data;
	struct buf *log = &reading->log;

	switch (data->type) {
	case IMAP_DATA_EXISTS:
		buf_add_format(log, "EXISTS %" PRIu32, data->count);
		break;
	case IMAP_DATA_RECENT:
		buf_add_format(log, "RECENT %" PRIu32, data->count);
		break;
	case IMAP_DATA_EXPUNGE:
		buf_add_format(log, "EXPUNGE seq=%" PRIu32, response->sequence);
		break;
	case IMAP_DATA_VANISHED:
	case IMAP_DATA_SEARCH:
		describe_uids(log, response);
		break;
	case IMAP_DATA_FETCH:
		describe_fetch(reading, response, body);
		break;
	case IMAP_DATA_LIST:
		describe_list(log, &data->list);
		break;
	case IMAP_DATA_STATUS:
		describe_status(log, &data->status);
		break;
	case IMAP_DATA_FLAGS:
		buf_add_string(log, "FLAGS");
		describe_flags(log, &data->flags);
		break;
	case IMAP_DATA_CAPABILITY:
		describe_words(log, "CAPABILITY", data->words);
		break;
	case IMAP_DATA_ENABLED:
		describe_words(log, "ENABLED", data->words);
		break;
	case IMAP_DATA_ID:
		describe_words(log, "ID", data->words);
		break;
	case IMAP_DATA_STATE:
		buf_add_string(log, "STATE ");
		describe_state(log, data);
		break;
	case IMAP_DATA_OTHER:
		describe_words(log, "OTHER", data->words);
		break;
	}
}

/* One line about one response. */
static void
describe(
    struct reading *reading, const struct response *response, struct span body)
{
	struct buf *log = &reading->log;

	switch (response->type) {
	case RESPONSE_TAGGED:
		buf_add_string(log, "TAGGED ");
		add_bytes(log, response->tag);
		buf_add_string(log, " ");
		describe_state(log, &response->data);
		break;
	case RESPONSE_UNTAGGED:
		describe_untagged(reading, response, body);
		break;
	case RESPONSE_CONTINUATION:
		describe_words(log, "CONTINUATION", response->text);
		break;
	case RESPONSE_JUNK:
		ck_assert_uint_eq(body.len, 0);
		ck_assert_uint_eq(response->uids.size, 0);
		buf_add_string(log, "JUNK");
		break;
	}
	buf_add_string(log, "\n");
}

/* Reads what the frame reader has been fed; false when it failed. */
static bool
read_fed(struct reading *reading, struct frame *frame, struct arena *arena)
{
	struct imap_error error = {0};
	struct response response;
	enum frame_status status;
	struct frame_view view;
	struct span body;

	while ((status = frame_next(frame, &view, &error)) != FRAME_MORE) {
		if (status == FRAME_FAILED) {
			buf_add_format(&reading->log, "FAILED %s\n",
			    imap_error_kind_name(error.kind));
			return false;
		}
		if (status == FRAME_PIECE) {
			ck_assert_uint_lt(view.id, MAX_STREAMS);
			buf_add_span(&reading->pieces[view.id], view.piece);
			continue;
		}
		response_parse(&response, &view, arena, &body);
		describe(reading, &response, body);
		response_free(&response);
		arena_reset(arena);
	}
	return true;
}

/* Reads a transcript's bytes in parts that end at first, first + step ... */
static char *
read_in_parts(const struct transcript *transcript, struct span input,
    size_t first, size_t step)
{
	struct frame *frame = frame_new(&transcript->limits);
	struct arena *arena = arena_new(ARENA_CAP);
	struct reading reading = {0};
	size_t len = first;
	char *log;
	int id;

	buf_init(&reading.log, 1U << 20);
	for (id = 0; id < MAX_STREAMS; id++)
		buf_init(&reading.pieces[id], 1U << 20);
	for (;;) {
		if (len > input.len)
			len = input.len;
		frame_feed(frame, (struct span){input.at, len});
		if (!read_fed(&reading, frame, arena) || len == input.len)
			break;
		input = span_from(input, len);
		len = step;
	}
	arena_free(arena);
	frame_free(frame);
	log = span_to_string(buf_span(&reading.log));
	buf_free(&reading.log);
	for (id = 0; id < MAX_STREAMS; id++)
		buf_free(&reading.pieces[id]);
	return log;
}

static glob_t transcripts;

START_TEST(test_response_transcript_means_what_it_says_at_every_split)
{
	const char *path = transcripts.gl_pathv[_i];
	struct transcript transcript;
	struct span input;
	char *expected;
	size_t i;

	load(&transcript, path);
	input = buf_span(&transcript.input);
	expected = span_to_string(buf_span(&transcript.expected));
	for (i = 0; i <= input.len && !transcript.is_conversation;
	     i += (size_t)pace()) {
		char *log =
		    read_in_parts(&transcript, input, input.len - i, SIZE_MAX);

		ck_assert_msg(strcmp(log, expected) == 0,
		    "%s cut at %zu:\n%s\nnot:\n%s", path, input.len - i, log,
		    expected);
		mem_free(log);
	}
	if (!transcript.is_conversation) {
		char *log = read_in_parts(&transcript, input, 1, 1);

		ck_assert_msg(strcmp(log, expected) == 0,
		    "%s byte by byte:\n%s\nnot:\n%s", path, log, expected);
		mem_free(log);
	}
	mem_free(expected);
	unload(&transcript);
}
END_TEST

/* ASan and UBSan watch: no reading may go wrong whatever the bytes are. */
START_TEST(test_response_survives_damaged_transcripts)
{
	static const char bytes[] = "(){}[]\"\\ \r\n*+~<>0-\377aN";
	struct transcript transcript;
	uint32_t random = 12345;
	struct span input;
	char *damaged;
	int n;

	load(&transcript, transcripts.gl_pathv[_i]);
	input = buf_span(&transcript.input);
	for (n = 0; n < 300 / pace(); n++) {
		damaged = span_to_string(input);
		for (int i = 0; i < 3; i++) {
			random = random * 1664525 + 1013904223;
			damaged[(random >> 8) % input.len] =
			    bytes[(random >> 4) % sizeof(bytes)];
		}
		mem_free(read_in_parts(&transcript,
		    (struct span){damaged, input.len}, 7, SIZE_MAX));
		mem_free(damaged);
	}
	unload(&transcript);
}
END_TEST

/* Parses one line without its CRLF and without literals. */
static void
parse(struct response *response, struct arena *arena, const char *line)
{
	struct frame_view view = {.text = span_of(line)};
	struct span body;

	response_parse(response, &view, arena, &body);
}

START_TEST(test_response_that_needs_more_than_the_arena_is_junk)
{
	static const char line[] = "* FLAGS (a b c d e f g h i j k l m n o p)";
	struct arena *arena = arena_new(100);
	struct response response;

	parse(&response, arena, line);
	ck_assert_int_eq(response.type, RESPONSE_JUNK);
	ck_assert(span_equal(response.text, span_of(line)));
	response_free(&response);
	arena_free(arena);
}
END_TEST

START_TEST(test_response_search_takes_a_million_uids_in_any_order)
{
	const unsigned n = 1000000;
	struct arena *arena = arena_new(ARENA_CAP);
	struct response response;
	struct buf line;
	unsigned i;

	buf_init(&line, 16U << 20);
	buf_add_string(&line, "* SEARCH");
	for (i = 0; i < n; i++)
		buf_add_format(&line, " %llu", 2 * ((i * 7919ULL) % n) + 1);
	buf_add(&line, "", 1);
	parse(&response, arena, line.data);
	ck_assert_int_eq(response.type, RESPONSE_UNTAGGED);
	ck_assert_uint_eq(uidset_count(response.data.search.uids), n);
	ck_assert_uint_eq(uidset_last(response.data.search.uids), 2 * n - 1);
	response_free(&response);
	buf_free(&line);
	arena_free(arena);
}
END_TEST

START_TEST(test_response_names_are_the_protocols_own)
{
	ck_assert_str_eq(imap_state_name(IMAP_STATE_PREAUTH), "PREAUTH");
	ck_assert_str_eq(imap_code_name(IMAP_CODE_READ_ONLY), "READ-ONLY");
	ck_assert_str_eq(imap_code_name(IMAP_CODE_UNKNOWN_CTE), "UNKNOWN-CTE");
	for (unsigned i = 0; i < IMAP_CODE_TYPE_COUNT; i++)
		ck_assert_ptr_nonnull(imap_code_name((enum imap_code_type)i));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("response");
	TCase *tests = tcase_create("response");
	SRunner *runner;
	int failed;

	if (glob(TESTS_DIR "/transcripts/*.imap", 0, NULL, &transcripts) != 0)
		return EXIT_FAILURE;
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests,
	    test_response_transcript_means_what_it_says_at_every_split, 0,
	    (int)transcripts.gl_pathc);
	tcase_add_loop_test(tests, test_response_survives_damaged_transcripts,
	    0, (int)transcripts.gl_pathc);
	tcase_add_test(
	    tests, test_response_that_needs_more_than_the_arena_is_junk);
	tcase_add_test(
	    tests, test_response_search_takes_a_million_uids_in_any_order);
	tcase_add_test(tests, test_response_names_are_the_protocols_own);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	globfree(&transcripts);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
