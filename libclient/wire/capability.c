/*
 * The capabilities that we act on, in one table of names (IANA's registry of
 * IMAP capabilities; RFC 9051 section 7.2.2 for the response).
 */
#include "libclient/wire/capability.h"

#include <assert.h>

#define BIT(capability) (UINT64_C(1) << (capability))

static_assert(CAPABILITY_COUNT <= 64, "one bit a capability");
static_assert(MECHANISM_COUNT <= 32, "one bit a mechanism");

static const char auth_prefix[] = "AUTH=";

static const struct {
	const char *name;
	uint64_t implies;
} capability_table[CAPABILITY_COUNT] = {
    [CAPABILITY_IMAP4REV1] = {"IMAP4rev1", 0},
    [CAPABILITY_IMAP4REV2] = {"IMAP4rev2",
	/* RFC 9051 appendix E */
	BIT(CAPABILITY_ENABLE) | BIT(CAPABILITY_IDLE) |
	    BIT(CAPABILITY_SASL_IR) | BIT(CAPABILITY_NAMESPACE) |
	    BIT(CAPABILITY_UNSELECT) | BIT(CAPABILITY_UIDPLUS) |
	    BIT(CAPABILITY_ESEARCH) | BIT(CAPABILITY_LIST_EXTENDED) |
	    BIT(CAPABILITY_LIST_STATUS) | BIT(CAPABILITY_SPECIAL_USE) |
	    BIT(CAPABILITY_STATUS_SIZE) | BIT(CAPABILITY_LITERAL_MINUS) |
	    BIT(CAPABILITY_MOVE)},
    [CAPABILITY_STARTTLS] = {"STARTTLS", 0},
    [CAPABILITY_LOGINDISABLED] = {"LOGINDISABLED", 0},
    [CAPABILITY_SASL_IR] = {"SASL-IR", 0},
    [CAPABILITY_ENABLE] = {"ENABLE", 0},
    [CAPABILITY_ID] = {"ID", 0},
    [CAPABILITY_IDLE] = {"IDLE", 0},
    [CAPABILITY_NAMESPACE] = {"NAMESPACE", 0},
    [CAPABILITY_UNSELECT] = {"UNSELECT", 0},
    [CAPABILITY_UIDPLUS] = {"UIDPLUS", 0},
    [CAPABILITY_LITERAL_PLUS] = {"LITERAL+", 0},
    [CAPABILITY_LITERAL_MINUS] = {"LITERAL-", 0},
    [CAPABILITY_CONDSTORE] = {"CONDSTORE", 0},
    [CAPABILITY_QRESYNC] = {"QRESYNC", BIT(CAPABILITY_CONDSTORE)},
    [CAPABILITY_ESEARCH] = {"ESEARCH", 0},
    [CAPABILITY_LIST_EXTENDED] = {"LIST-EXTENDED", 0},
    [CAPABILITY_LIST_STATUS] = {"LIST-STATUS", 0},
    [CAPABILITY_SPECIAL_USE] = {"SPECIAL-USE", 0},
    [CAPABILITY_STATUS_SIZE] = {"STATUS=SIZE", 0},
    [CAPABILITY_NOTIFY] = {"NOTIFY", 0},
    [CAPABILITY_COMPRESS_DEFLATE] = {"COMPRESS=DEFLATE", 0},
    [CAPABILITY_OBJECTID] = {"OBJECTID", 0},
    [CAPABILITY_UTF8_ACCEPT] = {"UTF8=ACCEPT", 0},
    [CAPABILITY_UIDONLY] = {"UIDONLY", 0},
    [CAPABILITY_MOVE] = {"MOVE", 0},
    [CAPABILITY_X_GM_EXT_1] = {"X-GM-EXT-1", 0},
};

static const char *const mechanism_names[MECHANISM_COUNT] = {
    [MECHANISM_EXTERNAL] = "EXTERNAL",
    [MECHANISM_SCRAM_SHA_256_PLUS] = "SCRAM-SHA-256-PLUS",
    [MECHANISM_SCRAM_SHA_1_PLUS] = "SCRAM-SHA-1-PLUS",
    [MECHANISM_SCRAM_SHA_256] = "SCRAM-SHA-256",
    [MECHANISM_SCRAM_SHA_1] = "SCRAM-SHA-1",
    [MECHANISM_OAUTHBEARER] = "OAUTHBEARER",
    [MECHANISM_XOAUTH2] = "XOAUTH2",
    [MECHANISM_CRAM_MD5] = "CRAM-MD5",
    [MECHANISM_PLAIN] = "PLAIN",
    [MECHANISM_LOGIN] = "LOGIN",
    [MECHANISM_ANONYMOUS] = "ANONYMOUS",
};

static enum capability
find_capability(struct span word)
{
	enum capability i;

	for (i = 0; i < CAPABILITY_COUNT; i++)
		if (span_equal_nocase(word, capability_table[i].name))
			break;
	return i;
}

static enum mechanism
find_mechanism(struct span word)
{
	enum mechanism i;

	for (i = 0; i < MECHANISM_COUNT; i++)
		if (span_equal_nocase(word, mechanism_names[i]))
			break;
	return i;
}

/* What a word stands for alone: one bit in one of the masks, or none. */
static struct capabilities
meaning_of(struct span word)
{
	struct capabilities meaning = {0};
	enum capability capability;
	enum mechanism mechanism;

	if (span_has_prefix_nocase(word, auth_prefix)) {
		mechanism =
		    find_mechanism(span_from(word, sizeof(auth_prefix) - 1));
		if (mechanism < MECHANISM_COUNT)
			meaning.mechanisms = 1U << mechanism;
		return meaning;
	}
	capability = find_capability(word);
	if (capability < CAPABILITY_COUNT)
		meaning.offered = BIT(capability);
	return meaning;
}

/* The bits and what they imply. Nothing implied implies more. */
static uint64_t
with_implied(uint64_t offered)
{
	uint64_t all = offered;
	unsigned i;

	for (i = 0; i < CAPABILITY_COUNT; i++)
		if ((offered >> i & 1) != 0)
			all |= capability_table[i].implies;
	return all;
}

void
capabilities_parse(struct capabilities *set, struct span words)
{
	struct capabilities meaning;
	size_t len;

	*set = (struct capabilities){.known = true};
	while (words.len > 0) {
		for (len = 0; len < words.len && words.at[len] != ' '; len++)
			;
		meaning = meaning_of((struct span){words.at, len});
		set->offered |= meaning.offered;
		set->mechanisms |= meaning.mechanisms;
		words = span_from(words, len < words.len ? len + 1 : len);
	}
	set->offered = with_implied(set->offered);
}

void
capabilities_remove(struct capabilities *set, const char *name)
{
	struct capabilities meaning = meaning_of(span_of(name));

	set->offered &= ~meaning.offered;
	set->mechanisms &= ~meaning.mechanisms;
}

const char *
capability_name(enum capability capability)
{
	assert(capability < CAPABILITY_COUNT);
	return capability_table[capability].name;
}

const char *
mechanism_name(enum mechanism mechanism)
{
	assert(mechanism < MECHANISM_COUNT);
	return mechanism_names[mechanism];
}

enum mechanism
mechanism_from_name(const char *name)
{
	return find_mechanism(span_of(name));
}
