/*
 * Response codes: the brackets at the front of a state response's text (RFC
 * 9051 section 7.1, RFC 5530).
 */
#include "libclient/wire/response_private.h"

static const char *const code_names[IMAP_CODE_TYPE_COUNT] = {
    [IMAP_CODE_NONE] = "",
    [IMAP_CODE_OTHER] = "",
    [IMAP_CODE_ALERT] = "ALERT",
    [IMAP_CODE_CAPABILITY] = "CAPABILITY",
    [IMAP_CODE_PERMANENTFLAGS] = "PERMANENTFLAGS",
    [IMAP_CODE_READ_ONLY] = "READ-ONLY",
    [IMAP_CODE_READ_WRITE] = "READ-WRITE",
    [IMAP_CODE_TRYCREATE] = "TRYCREATE",
    [IMAP_CODE_UIDNEXT] = "UIDNEXT",
    [IMAP_CODE_UIDVALIDITY] = "UIDVALIDITY",
    [IMAP_CODE_UNSEEN] = "UNSEEN",
    [IMAP_CODE_HIGHESTMODSEQ] = "HIGHESTMODSEQ",
    [IMAP_CODE_NOMODSEQ] = "NOMODSEQ",
    [IMAP_CODE_CLOSED] = "CLOSED",
    [IMAP_CODE_UIDNOTSTICKY] = "UIDNOTSTICKY",
    [IMAP_CODE_MAILBOXID] = "MAILBOXID",
    [IMAP_CODE_APPENDUID] = "APPENDUID",
    [IMAP_CODE_COPYUID] = "COPYUID",
    [IMAP_CODE_MODIFIED] = "MODIFIED",
    [IMAP_CODE_AUTHENTICATIONFAILED] = "AUTHENTICATIONFAILED",
    [IMAP_CODE_AUTHORIZATIONFAILED] = "AUTHORIZATIONFAILED",
    [IMAP_CODE_EXPIRED] = "EXPIRED",
    [IMAP_CODE_PRIVACYREQUIRED] = "PRIVACYREQUIRED",
    [IMAP_CODE_CONTACTADMIN] = "CONTACTADMIN",
    [IMAP_CODE_WEBALERT] = "WEBALERT",
    [IMAP_CODE_NOPERM] = "NOPERM",
    [IMAP_CODE_INUSE] = "INUSE",
    [IMAP_CODE_EXPUNGEISSUED] = "EXPUNGEISSUED",
    [IMAP_CODE_CORRUPTION] = "CORRUPTION",
    [IMAP_CODE_SERVERBUG] = "SERVERBUG",
    [IMAP_CODE_CLIENTBUG] = "CLIENTBUG",
    [IMAP_CODE_CANNOT] = "CANNOT",
    [IMAP_CODE_LIMIT] = "LIMIT",
    [IMAP_CODE_OVERQUOTA] = "OVERQUOTA",
    [IMAP_CODE_UNAVAILABLE] = "UNAVAILABLE",
    [IMAP_CODE_NONEXISTENT] = "NONEXISTENT",
    [IMAP_CODE_ALREADYEXISTS] = "ALREADYEXISTS",
    [IMAP_CODE_TOOBIG] = "TOOBIG",
    [IMAP_CODE_THROTTLED] = "THROTTLED",
    [IMAP_CODE_COMPRESSIONACTIVE] = "COMPRESSIONACTIVE",
    [IMAP_CODE_NOTIFICATIONOVERFLOW] = "NOTIFICATIONOVERFLOW",
    [IMAP_CODE_BADEVENT] = "BADEVENT",
    [IMAP_CODE_INPROGRESS] = "INPROGRESS",
    [IMAP_CODE_REFERRAL] = "REFERRAL",
    [IMAP_CODE_BADCHARSET] = "BADCHARSET",
    [IMAP_CODE_UNKNOWN_CTE] = "UNKNOWN-CTE",
    [IMAP_CODE_UIDREQUIRED] = "UIDREQUIRED",
    [IMAP_CODE_MESSAGELIMIT] = "MESSAGELIMIT",
};

const char *
imap_code_name(enum imap_code_type type)
{
	return code_names[type];
}

enum imap_code_type
imap_code_from_name(struct span name)
{
	unsigned i;

	for (i = IMAP_CODE_ALERT; i < IMAP_CODE_TYPE_COUNT; i++)
		if (span_equal_nocase(name, code_names[i]))
			return (enum imap_code_type)i;
	return IMAP_CODE_OTHER;
}

/* The index of the first c, or the span's length. */
static size_t
find_byte(struct span span, char c)
{
	const char *found = span.len == 0 ? NULL : memchr(span.at, c, span.len);

	return found == NULL ? span.len : (size_t)(found - span.at);
}

/*
 * Where the ] is that ends a code whose [ is at the front of text. Gmail has
 * flags with a ] in them: inside of a list or a string it ends nothing, unless
 * that list or string has no end.
 */
static size_t
find_code_end(struct span text)
{
	bool is_quoted = false;
	size_t depth = 0;
	size_t i;

	for (i = 1; i < text.len; i++) {
		char c = text.at[i];

		if (c == '"')
			is_quoted = !is_quoted;
		else if (is_quoted)
			i += c == '\\' ? 1 : 0;
		else if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (c == ']' && depth == 0)
			return i;
	}
	return find_byte(text, ']');
}

/* 0 is "unusable": UIDVALIDITY 0, MODSEQ 0 and -1 are all sent by someone. */
static uint64_t
read_code_number(enum imap_code_type type, struct span arguments)
{
	unsigned long long number;
	size_t at;

	switch (type) {
	case IMAP_CODE_UIDNEXT:
	case IMAP_CODE_UIDVALIDITY:
	case IMAP_CODE_UNSEEN:
		if (span_to_number(arguments, UINT32_MAX, &number))
			return number;
		return 0;
	case IMAP_CODE_HIGHESTMODSEQ:
		if (span_to_number(arguments, INT64_MAX, &number))
			return number;
		return 0;
	case IMAP_CODE_MESSAGELIMIT:
		/* the limit, and the lowest UID that was looked at */
		at = find_byte(arguments, ' ');
		if (at == arguments.len)
			return 0;
		arguments = span_from(arguments, at + 1);
		if (span_to_number(arguments, UINT32_MAX, &number))
			return number;
		return 0;
	default:
		return 0;
	}
}

/* inside: what stands between the brackets. */
static void
split_code(struct span inside, struct imap_code *code)
{
	struct span arguments;
	size_t len = find_byte(inside, ' ');

	code->name = (struct span){inside.at, len};
	code->type = imap_code_from_name(code->name);
	arguments = response_trim(span_from(inside, len));
	code->number = read_code_number(code->type, arguments);
	if (code->type == IMAP_CODE_MAILBOXID && arguments.len >= 2 &&
	    arguments.at[0] == '(' && arguments.at[arguments.len - 1] == ')')
		arguments = (struct span){arguments.at + 1, arguments.len - 2};
	code->arguments = arguments;
}

/* Gmail says so behind the text: "a1 OK Success [THROTTLED]". */
static void
read_trailing_throttled(struct span text, struct imap_code *code)
{
	static const char throttled[] = "[THROTTLED]";
	const size_t len = sizeof(throttled) - 1;
	struct span tail;

	if (text.len < len)
		return;
	tail = span_from(text, text.len - len);
	if (!span_equal_nocase(tail, throttled))
		return;
	code->type = IMAP_CODE_THROTTLED;
	code->name = (struct span){tail.at + 1, len - 2};
}

void
response_read_code(struct span *text, struct imap_code *code)
{
	struct span inside;
	size_t end;

	*code = (struct imap_code){.type = IMAP_CODE_NONE};
	read_trailing_throttled(*text, code);
	if (text->len == 0 || text->at[0] != '[')
		return;
	end = find_code_end(*text);
	if (end == text->len)
		return;
	inside = response_trim((struct span){text->at + 1, end - 1});
	if (inside.len == 0)
		return;
	*code = (struct imap_code){0};
	split_code(inside, code);
	*text = response_trim(span_from(*text, end + 1));
}
