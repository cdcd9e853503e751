/*
 * Bytes to frames to responses: whatever a server sends, what is said of it
 * holds together, and everything that it points to can be read.
 */
#include "libclient/wire/response.h"
#include "libclient/wire/token.h"
#include "libclient/wire/utf7.h"
#include "tests/fuzz/fuzz.h"

enum { ARENA_CAP = 4 << 20 };

/* Reads every byte: a span that points elsewhere is seen. */
static void
touch(struct span span)
{
	static volatile char sum;

	for (size_t i = 0; i < span.len; i++)
		sum = (char)(sum ^ span.at[i]);
}

static void
check_uids(const struct uidset *uids)
{
	require(uids != NULL);
	for (uint32_t i = 0; i < uids->count; i++) {
		require(uids->ranges[i].first > 0);
		require(uids->ranges[i].first <= uids->ranges[i].last);
		require(i == 0 ||
		    (uint64_t)uids->ranges[i - 1].last + 1 <
			uids->ranges[i].first);
	}
}

static void
check_flags(const struct imap_flags *flags)
{
	for (uint32_t i = 0; i < flags->keyword_count; i++) {
		require(flags->keywords[i].len > 0);
		touch(flags->keywords[i]);
	}
}

static void
check_fetch(const struct imap_fetch *fetch, struct span body)
{
	require(!(fetch->has_body && fetch->body_is_nil));
	require(fetch->has_body || fetch->body == 0);
	require(body.len == 0 ||
	    (fetch->has_body && fetch->body == 0 &&
		fetch->body_size == body.len));
	check_flags(&fetch->flags);
	touch(fetch->emailid);
	touch(body);
}

static void
check_list(const struct imap_list *list)
{
	touch(list->mailbox);
	touch(list->name);
	require(utf7_is_utf8(list->name));
}

static void
check_state(const struct imap_data *data)
{
	const struct imap_code *code = &data->state.code;

	require(imap_state_name(data->state.state) != NULL);
	require(code->type < IMAP_CODE_TYPE_COUNT);
	require(code->type == IMAP_CODE_NONE || code->name.len > 0);
	touch(code->name);
	touch(code->arguments);
	touch(data->state.text);
}

static void
check_data(const struct imap_data *data, struct span body)
{
	switch (data->type) {
	case IMAP_DATA_VANISHED:
		check_uids(data->vanished.uids);
		break;
	case IMAP_DATA_SEARCH:
		check_uids(data->search.uids);
		touch(data->search.tag);
		break;
	case IMAP_DATA_FETCH:
		check_fetch(&data->fetch, body);
		break;
	case IMAP_DATA_LIST:
		check_list(&data->list);
		break;
	case IMAP_DATA_STATUS:
		touch(data->status.mailbox);
		touch(data->status.mailboxid);
		break;
	case IMAP_DATA_FLAGS:
		check_flags(&data->flags);
		break;
	case IMAP_DATA_STATE:
		check_state(data);
		break;
	case IMAP_DATA_CAPABILITY:
	case IMAP_DATA_ENABLED:
	case IMAP_DATA_ID:
	case IMAP_DATA_OTHER:
		touch(data->words);
		break;
	default:
		break;
	}
	require(data->type == IMAP_DATA_FETCH || body.len == 0);
}

static void
check_response(const struct frame_view *view, struct arena *arena)
{
	struct response response = {.type = RESPONSE_JUNK};
	struct span body = {"", 0};

	response_parse(&response, view, arena, &body);
	switch (response.type) {
	case RESPONSE_TAGGED:
		require(response.tag.len > 0);
		require(response.data.type == IMAP_DATA_STATE);
		touch(response.tag);
		check_data(&response.data, body);
		break;
	case RESPONSE_UNTAGGED:
		check_data(&response.data, body);
		break;
	case RESPONSE_CONTINUATION:
	case RESPONSE_JUNK:
		require(body.len == 0);
		touch(response.text);
		break;
	}
	response_free(&response);
}

/* What no response may look like, too. */
static void
check_tokens(const struct frame_view *view, struct arena *arena)
{
	struct token_reader reader;
	struct token_string string;
	struct span bytes;
	size_t before;

	token_begin(&reader, view, arena);
	while (!token_at_end(&reader)) {
		before = reader.rest.len;
		token_space(&reader);
		if (token_peek(&reader) == '(' && token_skip(&reader))
			continue;
		if (token_nstring(&reader, &string))
			touch(string.bytes);
		else if (token_astring(&reader, &bytes))
			touch(bytes);
		else if (!token_byte(&reader, token_peek(&reader)))
			break;
		require(reader.rest.len < before);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = {(const char *)data, size};
	struct frame_limits limits = frame_default_limits;
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	struct arena *arena = arena_new(ARENA_CAP);
	enum frame_status status;
	struct frame *frame;
	struct frame_view view;

	limits.inline_literal = take_byte(&input);
	frame = frame_new(&limits);
	frame_feed(frame, input);
	while ((status = frame_next(frame, &view, &error)) != FRAME_MORE &&
	    status != FRAME_FAILED) {
		if (status == FRAME_PIECE)
			continue;
		arena_reset(arena);
		check_response(&view, arena);
		arena_reset(arena);
		check_tokens(&view, arena);
	}
	frame_free(frame);
	arena_free(arena);
	return 0;
}
