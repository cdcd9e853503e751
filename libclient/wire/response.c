/*
 * Which kind of response a line is (RFC 9051 section 7), and those that are
 * simple. The lines that real servers bend are in tests/transcripts, by server.
 */
#include "libclient/wire/response.h"

#include <string.h>

#include "libclient/wire/response_private.h"

static const char *const state_names[] = {
    [IMAP_STATE_OK] = "OK",
    [IMAP_STATE_NO] = "NO",
    [IMAP_STATE_BAD] = "BAD",
    [IMAP_STATE_BYE] = "BYE",
    [IMAP_STATE_PREAUTH] = "PREAUTH",
};

#define STATE_COUNT (sizeof(state_names) / sizeof(state_names[0]))

const char *
imap_state_name(enum imap_state state)
{
	return state_names[state];
}

void
response_free(struct response *response)
{
	if (response->uids.ranges != NULL)
		uidset_free(&response->uids);
}

struct span
response_trim(struct span span)
{
	while (span.len > 0 && span.at[0] == ' ')
		span = span_from(span, 1);
	while (span.len > 0 && span.at[span.len - 1] == ' ')
		span.len--;
	return span;
}

/* The first count names of states. */
static bool
state_from_name(struct span name, size_t count, enum imap_state *state)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!span_equal_nocase(name, state_names[i]))
			continue;
		*state = (enum imap_state)i;
		return true;
	}
	return false;
}

/* What follows OK, NO, ...: the text is optional, Gmail leaves it out. */
static bool
read_state(struct token_reader *reader, struct response *response,
    enum imap_state state)
{
	response->data.type = IMAP_DATA_STATE;
	response->data.state.state = state;
	response->data.state.text = response_trim(reader->rest);
	response_read_code(
	    &response->data.state.text, &response->data.state.code);
	return true;
}

/* Exchange and home.pl: a code's line that has lost its "* OK". */
static bool
read_bare_code(struct token_reader *reader, struct response *response)
{
	response->type = RESPONSE_UNTAGGED;
	read_state(reader, response, IMAP_STATE_OK);
	return response->data.state.code.type != IMAP_CODE_NONE &&
	    response->data.state.code.type != IMAP_CODE_OTHER;
}

static bool
read_tagged(struct token_reader *reader, struct response *response)
{
	enum imap_state state;
	struct span name;

	response->type = RESPONSE_TAGGED;
	return token_atom(reader, &response->tag) && token_space(reader) &&
	    token_item(reader, &name) &&
	    state_from_name(name, IMAP_STATE_BAD + 1, &state) &&
	    read_state(reader, response, state);
}

/* Compilers make a slow loop of a struct's assignment. */
static void
clear_fetch(struct imap_fetch *fetch)
{
	fetch->uid = 0;
	fetch->flags.flags = 0;
	fetch->flags.keywords = NULL;
	fetch->flags.keyword_count = 0;
	fetch->modseq = 0;
	fetch->size = 0;
	fetch->internaldate = 0;
	fetch->emailid.at = NULL;
	fetch->emailid.len = 0;
	fetch->has_flags = false;
	fetch->has_size = false;
	fetch->has_internaldate = false;
	fetch->has_body = false;
	fetch->body_is_nil = false;
	fetch->body = 0;
	fetch->body_size = 0;
}

/* "n NAME": only a few responses begin with a number. */
static bool
read_numbered(struct token_reader *reader, struct response *response,
    struct span name, struct span *body)
{
	struct imap_data *data = &response->data;

	if (RESPONSE_IS(name, "FETCH")) {
		data->type = IMAP_DATA_FETCH;
		clear_fetch(&data->fetch);
		return response_read_fetch(reader, &data->fetch, body);
	}
	*data = (struct imap_data){.type = IMAP_DATA_OTHER};
	if (RESPONSE_IS(name, "UIDFETCH")) {
		data->type = IMAP_DATA_FETCH;
		data->fetch.uid = response->sequence;
		response->sequence = 0;
		return data->fetch.uid != 0 &&
		    response_read_fetch(reader, &data->fetch, body);
	}
	if (span_equal_nocase(name, "EXPUNGE")) {
		data->type = IMAP_DATA_EXPUNGE;
		return token_at_end(reader);
	}
	if (span_equal_nocase(name, "EXISTS"))
		data->type = IMAP_DATA_EXISTS;
	else if (span_equal_nocase(name, "RECENT"))
		data->type = IMAP_DATA_RECENT;
	else
		return true;
	data->count = response->sequence;
	response->sequence = 0;
	return token_at_end(reader);
}

static bool
read_flags(struct token_reader *reader, struct response *response)
{
	struct token_string string;

	response->data.type = IMAP_DATA_FLAGS;
	token_space(reader);
	if (token_peek(reader) == '(')
		return response_read_flags(reader, &response->data.flags) &&
		    token_at_end(reader);
	return token_nstring(reader, &string) && string.is_nil &&
	    token_at_end(reader);
}

static bool
read_list(struct token_reader *reader, struct response *response)
{
	response->data.type = IMAP_DATA_LIST;
	return response_read_list(reader, &response->data.list);
}

static bool
read_status(struct token_reader *reader, struct response *response)
{
	response->data.type = IMAP_DATA_STATUS;
	return response_read_status(reader, &response->data.status);
}

static bool
read_words(struct token_reader *reader, struct response *response,
    enum imap_data_type type)
{
	response->data.type = type;
	response->data.words = response_trim(reader->rest);
	return true;
}

static bool
read_capability(struct token_reader *reader, struct response *response)
{
	return read_words(reader, response, IMAP_DATA_CAPABILITY);
}

static bool
read_enabled(struct token_reader *reader, struct response *response)
{
	return read_words(reader, response, IMAP_DATA_ENABLED);
}

static bool
read_id(struct token_reader *reader, struct response *response)
{
	return read_words(reader, response, IMAP_DATA_ID);
}

static const struct {
	const char *name;
	bool (*read)(struct token_reader *, struct response *);
} untagged[] = {
    {"LIST", read_list},
    {"STATUS", read_status},
    {"SEARCH", response_read_search},
    {"ESEARCH", response_read_esearch},
    {"VANISHED", response_read_vanished},
    {"FLAGS", read_flags},
    {"CAPABILITY", read_capability},
    {"ENABLED", read_enabled},
    {"ID", read_id},
};

static bool
read_named(
    struct token_reader *reader, struct response *response, struct span name)
{
	enum imap_state state;
	size_t i;

	if (state_from_name(name, STATE_COUNT, &state))
		return read_state(reader, response, state);
	for (i = 0; i < sizeof(untagged) / sizeof(untagged[0]); i++)
		if (span_equal_nocase(name, untagged[i].name))
			return untagged[i].read(reader, response);
	return true;
}

static bool
read_untagged(
    struct token_reader *reader, struct response *response, struct span *body)
{
	struct span words;
	struct span name;
	uint64_t number = 0;
	bool is_numbered;

	if (!token_space(reader))
		return false;
	if (token_peek(reader) == '[')
		return read_bare_code(reader, response);
	response->type = RESPONSE_UNTAGGED;
	is_numbered = token_number(reader, UINT32_MAX, &number);
	if (is_numbered && !token_space(reader))
		return false;
	response->sequence = (uint32_t)number;
	words = reader->rest;
	if (!token_item(reader, &name) ||
	    (name.at[0] >= '0' && name.at[0] <= '9'))
		return false;
	/* What none of the readers claims is handed on as it is. */
	if (!is_numbered)
		response->data.type = IMAP_DATA_OTHER;
	if (is_numbered ? !read_numbered(reader, response, name, body)
			: !read_named(reader, response, name))
		return false;
	if (response->data.type == IMAP_DATA_OTHER)
		response->data.words = response_trim(words);
	return true;
}

/* Everything behind the + and one space, which Exchange leaves out. */
static bool
read_continuation(struct token_reader *reader, struct response *response)
{
	response->type = RESPONSE_CONTINUATION;
	token_byte(reader, ' ');
	response->text = reader->rest;
	return true;
}

/* Exchange ends connections with a line in words: "Server Unavailable. 15". */
static bool
read_unavailable(struct token_reader *reader, struct response *response)
{
	response->type = RESPONSE_UNTAGGED;
	response->data.type = IMAP_DATA_STATE;
	response->data.state.state = IMAP_STATE_BYE;
	response->data.state.text = response_trim(reader->rest);
	return true;
}

static bool
read_line(
    struct token_reader *reader, struct response *response, struct span *body)
{
	if (token_byte(reader, '*'))
		return read_untagged(reader, response, body);
	if (token_byte(reader, '+'))
		return read_continuation(reader, response);
	if (token_peek(reader) == '[')
		return read_bare_code(reader, response);
	if (span_has_prefix_nocase(reader->rest, "Server Unavailable."))
		return read_unavailable(reader, response);
	return read_tagged(reader, response);
}

/*
 * To clear all of it takes as long as to read a FETCH: what begins with a
 * number has .data cleared when its name is known.
 */
static void
begin(struct response *response, const struct frame_view *view)
{
	const struct span text = view->text;

	response->type = RESPONSE_TAGGED;
	response->tag = (struct span){0};
	response->text = (struct span){0};
	response->sequence = 0;
	response->uids = (struct uidset){0};
	if (text.len < 3 || text.at[0] != '*' || text.at[1] != ' ' ||
	    text.at[2] < '0' || text.at[2] > '9')
		response->data = (struct imap_data){0};
}

bool
response_skim(struct response *response, const struct frame_view *view)
{
	const char *end = view->text.at + view->text.len;
	const char *at = view->text.at + 2;

	if (view->text.len < sizeof("* 1 FETCH ()") - 1 ||
	    memcmp(view->text.at, "* ", 2) != 0 || end[-1] != ')')
		return false;
	while (*at >= '0' && *at <= '9')
		at++;
	if (at == view->text.at + 2 ||
	    at - view->text.at > (ptrdiff_t)sizeof("* 123456789") - 1 ||
	    end - at < (ptrdiff_t)sizeof(" FETCH ()") - 1 ||
	    memcmp(at, " FETCH (", sizeof(" FETCH (") - 1) != 0)
		return false;
	response->type = RESPONSE_UNTAGGED;
	response->uids = (struct uidset){0};
	response->data.type = IMAP_DATA_FETCH;
	clear_fetch(&response->data.fetch);
	return true;
}

void
response_parse(struct response *response, const struct frame_view *view,
    struct arena *arena, struct span *body)
{
	struct token_reader reader;

	begin(response, view);
	*body = (struct span){0};
	token_begin(&reader, view, arena);
	if (read_line(&reader, response, body))
		return;
	response_free(response);
	*response =
	    (struct response){.type = RESPONSE_JUNK, .text = view->text};
	*body = (struct span){0};
}
