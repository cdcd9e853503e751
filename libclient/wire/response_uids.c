/*
 * The responses that carry sets of UIDs: SEARCH, ESEARCH (RFC 4731) and
 * VANISHED (RFC 7162).
 */
#include "libclient/wire/response_private.h"

static uint64_t
modseq_of(struct span value)
{
	unsigned long long n = 0;

	span_to_number(value, INT64_MAX, &n);
	return n;
}

/* "(MODSEQ n)" behind the UIDs, or any other list. */
static bool
read_search_modseq(struct token_reader *reader, uint64_t *modseq)
{
	struct token_reader copy = *reader;
	struct span name;
	struct span value;

	token_byte(&copy, '(');
	token_space(&copy);
	if (token_atom(&copy, &name) && span_equal_nocase(name, "MODSEQ") &&
	    token_space(&copy) && token_atom(&copy, &value))
		*modseq = modseq_of(value);
	return token_skip(reader);
}

bool
response_read_search(struct token_reader *reader, struct response *response)
{
	const struct span rest = reader->rest;
	uint64_t modseq = 0;
	size_t len = 0;

	while (len < rest.len && rest.at[len] != '(')
		len++;
	if (!uidset_parse_search(&response->uids, (struct span){rest.at, len}))
		return false;
	reader->rest = span_from(rest, len);
	if (len < rest.len && !read_search_modseq(reader, &modseq))
		return false;
	response->data.type = IMAP_DATA_SEARCH;
	response->data.search.uids = &response->uids;
	response->data.search.modseq = modseq;
	return token_at_end(reader);
}

/* (TAG "x"): which command this answers. */
static bool
read_correlator(struct token_reader *reader, struct span *tag)
{
	struct span name;
	struct span value;

	if (!token_byte(reader, '('))
		return true;
	for (;;) {
		token_space(reader);
		if (token_byte(reader, ')'))
			return true;
		if (!token_astring(reader, &name))
			return false;
		token_space(reader);
		if (!token_astring(reader, &value))
			return false;
		if (span_equal_nocase(name, "TAG"))
			*tag = value;
	}
}

/* A set in ALL, one UID in MIN and MAX: each is among those found. */
static bool
read_esearch_item(
    struct token_reader *reader, struct span name, struct response *response)
{
	struct span value;

	if (span_equal_nocase(name, "ALL") || span_equal_nocase(name, "MIN") ||
	    span_equal_nocase(name, "MAX"))
		return token_atom(reader, &value) &&
		    uidset_parse(&response->uids, value);
	if (span_equal_nocase(name, "MODSEQ")) {
		if (!response_read_value(reader, &value))
			return false;
		response->data.search.modseq = modseq_of(value);
		return true;
	}
	return token_skip(reader);
}

/*
 * Without "UID" the numbers would be message sequence numbers, which must not
 * be taken for UIDs: then the response stays what it is, IMAP_DATA_OTHER.
 */
bool
response_read_esearch(struct token_reader *reader, struct response *response)
{
	bool is_uid = false;
	struct span name;

	response->data.search.uids = &response->uids;
	token_space(reader);
	if (!read_correlator(reader, &response->data.search.tag))
		return false;
	while (!token_at_end(reader)) {
		token_space(reader);
		if (!token_atom(reader, &name))
			return false;
		token_space(reader);
		if (span_equal_nocase(name, "UID"))
			is_uid = true;
		else if (!read_esearch_item(reader, name, response))
			return false;
	}
	if (is_uid)
		response->data.type = IMAP_DATA_SEARCH;
	else
		uidset_clear(&response->uids);
	return true;
}

bool
response_read_vanished(struct token_reader *reader, struct response *response)
{
	struct span word;

	response->data.type = IMAP_DATA_VANISHED;
	response->data.vanished.uids = &response->uids;
	token_space(reader);
	if (token_byte(reader, '(')) {
		if (token_atom(reader, &word))
			response->data.vanished.earlier =
			    span_equal_nocase(word, "EARLIER");
		token_space(reader);
		if (!token_byte(reader, ')'))
			return false;
	}
	/* James sends an empty set. */
	if (token_at_end(reader))
		return true;
	token_space(reader);
	return token_atom(reader, &word) &&
	    uidset_parse(&response->uids, word) && token_at_end(reader);
}
