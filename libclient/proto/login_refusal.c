/*
 * What a refusal means: a response code, and words for people.
 */
#include "libclient/proto/login.h"
#include "libclient/wire/response.h"

/* The kind of failure that a response code stands for. */
static enum imap_error_kind
kind_of_code(enum imap_code_type type)
{
	switch (type) {
	case IMAP_CODE_AUTHENTICATIONFAILED:
	case IMAP_CODE_AUTHORIZATIONFAILED:
	case IMAP_CODE_EXPIRED:
	case IMAP_CODE_PRIVACYREQUIRED:
	case IMAP_CODE_WEBALERT:
	case IMAP_CODE_CONTACTADMIN:
		return IMAP_ERROR_AUTH;
	case IMAP_CODE_UNAVAILABLE:
	case IMAP_CODE_INUSE:
	case IMAP_CODE_LIMIT:
	case IMAP_CODE_OVERQUOTA:
	case IMAP_CODE_THROTTLED:
	case IMAP_CODE_SERVERBUG:
	case IMAP_CODE_EXPUNGEISSUED:
		return IMAP_ERROR_THROTTLED;
	default:
		return IMAP_ERROR_NONE;
	}
}

/* Without a code, these words of large providers say as much. */
static const struct {
	const char *prefix;
	enum imap_error_kind kind;
} known_texts[] = {
    {"Too many", IMAP_ERROR_THROTTLED}, /* Gmail */
    {"User is authenticated but not connected", IMAP_ERROR_THROTTLED},
    {"Request is throttled", IMAP_ERROR_THROTTLED}, /* Microsoft 365 */
    {"Session invalidated", IMAP_ERROR_AUTH}, /* ... its token is too old */
    {"Service temporarily unavailable", IMAP_ERROR_THROTTLED}, /* iCloud */
};

static enum imap_error_kind
kind_of_text(struct span text)
{
	for (size_t i = 0; i < sizeof(known_texts) / sizeof(*known_texts); i++)
		if (span_has_prefix_nocase(text, known_texts[i].prefix))
			return known_texts[i].kind;
	return IMAP_ERROR_NONE;
}

bool
login_refusal(struct imap_error *error, const char *what, enum imap_state state,
    const struct imap_code *code, struct span text,
    enum imap_error_kind otherwise)
{
	enum imap_error_kind kind = kind_of_code(code->type);
	char said[220];
	char word[40] = "";
	char address[180] = "";

	if (kind == IMAP_ERROR_NONE)
		kind = kind_of_text(text);
	if (kind == IMAP_ERROR_NONE)
		kind = otherwise;
	imap_error_printable(text, 180, said, sizeof(said));
	if (code->type != IMAP_CODE_NONE)
		imap_error_printable(code->name, 32, word, sizeof(word));
	/* where a person, or another account, has to go */
	if (code->type == IMAP_CODE_WEBALERT ||
	    code->type == IMAP_CODE_REFERRAL)
		imap_error_printable(
		    code->arguments, 160, address, sizeof(address));
	return imap_error_set(error, kind,
	    "%s refused, server says: %s%s%s%s%s%s%s", what,
	    imap_state_name(state), word[0] == '\0' ? "" : " [", word,
	    address[0] == '\0' ? "" : " ", address,
	    word[0] == '\0' ? " " : "] ", said);
}
