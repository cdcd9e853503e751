/*
 * LIST and STATUS (RFC 9051 sections 7.3.1 and 7.3.4), and the names in them:
 * atoms, strings, literals, and what some servers send in their place.
 */
#include "libclient/wire/response_private.h"
#include "libclient/wire/utf7.h"

static const struct {
	const char *name;
	unsigned flag;
} list_flags[] = {
    {"\\Noselect", IMAP_LIST_NOSELECT},
    {"\\NonExistent", IMAP_LIST_NONEXISTENT},
    {"\\Noinferiors", IMAP_LIST_NOINFERIORS},
    {"\\HasChildren", IMAP_LIST_HAS_CHILDREN},
    {"\\HasNoChildren", IMAP_LIST_HAS_NO_CHILDREN},
    {"\\Subscribed", IMAP_LIST_SUBSCRIBED},
    {"\\All", IMAP_LIST_ALL},
    {"\\AllMail", IMAP_LIST_ALL},
    {"\\Archive", IMAP_LIST_ARCHIVE},
    {"\\Drafts", IMAP_LIST_DRAFTS},
    {"\\Flagged", IMAP_LIST_FLAGGED},
    {"\\Starred", IMAP_LIST_FLAGGED},
    {"\\Junk", IMAP_LIST_JUNK},
    {"\\Spam", IMAP_LIST_JUNK},
    {"\\Sent", IMAP_LIST_SENT},
    {"\\Trash", IMAP_LIST_TRASH},
    {"\\Important", IMAP_LIST_IMPORTANT},
};

unsigned
response_list_flag(struct span name)
{
	size_t i;

	for (i = 0; i < sizeof(list_flags) / sizeof(list_flags[0]); i++)
		if (span_equal_nocase(name, list_flags[i].name))
			return list_flags[i].flag;
	return 0;
}

/* "(\HasNoChildren ...)", or NIL for none. */
static bool
read_attributes(struct token_reader *reader, struct imap_list *list)
{
	struct token_string string;
	struct span name;

	if (!token_byte(reader, '('))
		return token_nstring(reader, &string) && string.is_nil;
	for (;;) {
		token_space(reader);
		if (token_byte(reader, ')'))
			return true;
		if (token_astring(reader, &name))
			list->flags |= response_list_flag(name);
		else if (!token_skip(reader))
			return false;
	}
}

/* One character, quoted or bare; NIL and "" are a flat name. */
static bool
read_delimiter(struct token_reader *reader, char *delimiter)
{
	struct token_string string;
	struct span atom;

	if (token_nstring(reader, &string)) {
		if (string.streamed != 0 || string.bytes.len > 1)
			return false;
		*delimiter = '\0';
		if (string.bytes.len == 1)
			*delimiter = string.bytes.at[0];
		return true;
	}
	if (!token_atom(reader, &atom) || atom.len != 1)
		return false;
	*delimiter = atom.at[0];
	return true;
}

/*
 * Exchange sends names with spaces, tabs and worse unquoted: such a name goes
 * on to the end of the line, or to the list that is last in it.
 */
static bool
read_bare_name(struct token_reader *reader, bool has_list, struct span *name)
{
	const struct span rest = reader->rest;
	size_t len = rest.len;

	if (has_list)
		while (len > 0 && rest.at[len - 1] != '(')
			len--;
	if (has_list && len > 0)
		len--;
	*name = response_trim((struct span){rest.at, len});
	if (name->len == 0 || memchr(name->at, '\n', name->len) != NULL)
		return false;
	reader->rest = span_from(rest, len);
	return true;
}

/* True if what may stand behind a name does: a list, or (LIST) nothing. */
static bool
is_name_over(const struct token_reader *reader, bool has_list)
{
	struct token_reader copy = *reader;

	if (token_at_end(&copy))
		return !has_list;
	return token_space(&copy) && token_peek(&copy) == '(';
}

static bool
read_name(struct token_reader *reader, bool has_list, struct span *name)
{
	struct token_reader copy = *reader;
	char first = token_peek(reader);

	if (token_astring(&copy, name) && is_name_over(&copy, has_list)) {
		*reader = copy;
		return true;
	}
	return first != '"' && first != '{' &&
	    read_bare_name(reader, has_list, name);
}

/* What is no modified UTF-7 keeps an empty name: nobody can tell what it is. */
static bool
decode_name(struct arena *arena, struct imap_list *list)
{
	struct buf decoded;
	char *copy;

	buf_init(&decoded, 2 * list->mailbox.len + 16);
	if (!utf7_decode(list->mailbox, &decoded) || buf_len(&decoded) == 0) {
		buf_free(&decoded);
		return true;
	}
	copy = arena_alloc(arena, buf_len(&decoded));
	if (copy != NULL) {
		memcpy(copy, buf_span(&decoded).at, buf_len(&decoded));
		list->name = (struct span){copy, buf_len(&decoded)};
	}
	buf_free(&decoded);
	return copy != NULL;
}

bool
response_read_list(struct token_reader *reader, struct imap_list *list)
{
	token_space(reader);
	if (!read_attributes(reader, list))
		return false;
	token_space(reader);
	if (!read_delimiter(reader, &list->delimiter))
		return false;
	token_space(reader);
	/* Extended data behind the name (RFC 5258) says nothing we need. */
	return read_name(reader, false, &list->mailbox) &&
	    decode_name(reader->arena, list);
}

static const struct {
	const char *name;
	enum imap_status_item item;
} status_items[] = {
    {"MESSAGES", IMAP_STATUS_MESSAGES},
    {"UIDNEXT", IMAP_STATUS_UIDNEXT},
    {"UIDVALIDITY", IMAP_STATUS_UIDVALIDITY},
    {"UNSEEN", IMAP_STATUS_UNSEEN},
    {"HIGHESTMODSEQ", IMAP_STATUS_HIGHESTMODSEQ},
    {"SIZE", IMAP_STATUS_SIZE},
    {"MAILBOXID", IMAP_STATUS_MAILBOXID},
    {"RECENT", IMAP_STATUS_RECENT},
};

static void
store_small(struct imap_status *status, enum imap_status_item item, uint32_t n)
{
	if (item == IMAP_STATUS_MESSAGES)
		status->messages = n;
	else if (item == IMAP_STATUS_UIDNEXT)
		status->uidnext = n;
	else if (item == IMAP_STATUS_UIDVALIDITY)
		status->uidvalidity = n;
	else if (item == IMAP_STATUS_UNSEEN)
		status->unseen = n;
	else
		status->recent = n;
}

/* RFC 8474 section 7: letters, digits, "_" and "-". */
static bool
is_object_id(struct span value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.at[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '_' && c != '-')
			return false;
	}
	return value.len > 0;
}

/* 0 is no UID, no UIDVALIDITY and no mod-sequence: the server has none. */
static void
store_status(
    struct imap_status *status, enum imap_status_item item, struct span value)
{
	const unsigned not_zero = IMAP_STATUS_UIDNEXT |
	    IMAP_STATUS_UIDVALIDITY | IMAP_STATUS_HIGHESTMODSEQ;
	const unsigned large = IMAP_STATUS_HIGHESTMODSEQ | IMAP_STATUS_SIZE;
	unsigned long long n;

	if (item == IMAP_STATUS_MAILBOXID) {
		if (is_object_id(value)) {
			status->mailboxid = value;
			status->has |= item;
		}
		return;
	}
	if (!span_to_number(
		value, (large & item) != 0 ? INT64_MAX : UINT32_MAX, &n) ||
	    (n == 0 && (not_zero & item) != 0))
		return;
	status->has |= item;
	if (item == IMAP_STATUS_HIGHESTMODSEQ)
		status->highestmodseq = n;
	else if (item == IMAP_STATUS_SIZE)
		status->size = n;
	else
		store_small(status, item, (uint32_t)n);
}

/* False: nothing more can be told apart. */
static bool
read_status_item(struct token_reader *reader, struct imap_status *status)
{
	struct span name;
	struct span value;
	size_t i;

	if (!token_atom(reader, &name))
		return token_skip(reader);
	token_space(reader);
	if (token_peek(reader) == ')')
		return true;
	if (!response_read_value(reader, &value))
		return false;
	for (i = 0; i < sizeof(status_items) / sizeof(status_items[0]); i++)
		if (span_equal_nocase(name, status_items[i].name))
			store_status(status, status_items[i].item, value);
	return true;
}

/* What was read before an odd item stays: each stands for itself. */
bool
response_read_status(struct token_reader *reader, struct imap_status *status)
{
	token_space(reader);
	if (!read_name(reader, true, &status->mailbox))
		return false;
	token_space(reader);
	if (!token_byte(reader, '('))
		return false;
	do
		token_space(reader);
	while (!token_byte(reader, ')') && read_status_item(reader, status));
	return true;
}
