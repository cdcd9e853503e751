/*
 * Two tables: who is known by what and behaves how, and which capabilities a
 * behaviour costs. To teach a server's oddity is to add a row, and a
 * transcript of its lines to tests/transcripts/quirks.
 */
#include "daemon/quirk.h"

#include <assert.h>
#include <string.h>

#include "conf/settings.h"

/* What a row goes by. Greetings can be configured: the others are surer. */
enum source {
	BY_HOST, /* this domain or one below it */
	BY_GREETING, /* these words anywhere in it */
	BY_ID_NAME, /* the ID's field begins with this */
	BY_ID_VENDOR,
	BY_LACK /* does not offer this capability */
};

#define COURIER	 (QUIRK_SELECT | QUIRK_NO_UIDNEXT)
#define COREMAIL QUIRK_ID_FIRST
#define YANDEX	 (QUIRK_NO_SEARCH | QUIRK_SHORT_IDLE)
#define YAHOO	 (QUIRK_SHORT_LINES | QUIRK_WANTS_UIDONLY)
#define ICLOUD	 (QUIRK_ASK_CAPABILITY | QUIRK_NO_VANISHED)
#define EXCHANGE (QUIRK_SIZES_LIE | QUIRK_SHORT_IDLE)
#define DAVMAIL	 (QUIRK_SIZES_LIE | QUIRK_SLOW_SIZE)

static const struct {
	const char *server;
	enum source source;
	const char *pattern;
	uint32_t quirks;
} table[] = {
    {"Courier", BY_GREETING, "Courier-IMAP", COURIER},
    {"Courier", BY_ID_NAME, "Courier", COURIER},
    {"Coremail", BY_HOST, "163.com", COREMAIL},
    {"Coremail", BY_HOST, "126.com", COREMAIL},
    {"Coremail", BY_HOST, "188.com", COREMAIL},
    {"Coremail", BY_HOST, "yeah.net", COREMAIL},
    {"Coremail", BY_GREETING, "Coremail", COREMAIL},
    {"Coremail", BY_ID_NAME, "Coremail", COREMAIL},
    {"QQ Mail", BY_HOST, "qq.com", QUIRK_NO_SEARCH},
    {"QQ Mail", BY_GREETING, "QQMail", QUIRK_NO_SEARCH},
    {"Yandex", BY_HOST, "yandex.ru", YANDEX},
    {"Yandex", BY_HOST, "yandex.com", YANDEX},
    {"Yandex", BY_HOST, "yandex.net", YANDEX},
    {"Yandex", BY_GREETING, "Yandex", YANDEX},
    {"Yahoo", BY_HOST, "yahoo.com", YAHOO},
    {"Yahoo", BY_HOST, "yahoodns.net", YAHOO},
    {"Yahoo", BY_HOST, "aol.com", YAHOO},
    {"Yahoo", BY_HOST, "att.net", YAHOO},
    {"Yahoo", BY_ID_NAME, "Y!IMAP", YAHOO},
    {"Yahoo", BY_ID_VENDOR, "Yahoo", YAHOO},
    /* "host.example.org IMAP4rev1 2007e.404 at Mon, ..." */
    {"UW-IMAP", BY_GREETING, " IMAP4rev1 20", QUIRK_SHORT_LINES},
    {"UW-IMAP", BY_GREETING, "Panda IMAP", QUIRK_SHORT_LINES},
    {"iCloud", BY_HOST, "me.com", ICLOUD},
    {"iCloud", BY_HOST, "mac.com", ICLOUD},
    {"iCloud", BY_HOST, "icloud.com", ICLOUD},
    /* "Microsoft Exchange Server 2003 IMAP4rev1 server version 6.5..." */
    {"Exchange 2003", BY_GREETING, "Microsoft Exchange Server 2003",
	EXCHANGE | QUIRK_NO_NAMESPACE},
    {"Exchange", BY_GREETING, "Microsoft Exchange", EXCHANGE},
    {"Exchange", BY_ID_NAME, "Microsoft.Exchange", EXCHANGE},
    {"Exchange", BY_HOST, "office365.com", EXCHANGE},
    {"Exchange", BY_HOST, "outlook.com", EXCHANGE},
    {"strato", BY_HOST, "strato.de", QUIRK_PLAIN_LIST},
    {"strato", BY_HOST, "strato.com", QUIRK_PLAIN_LIST},
    {"ProtonMail Bridge", BY_GREETING, "ProtonMail", QUIRK_PLAIN_LIST},
    {"ProtonMail Bridge", BY_GREETING, "Proton Mail", QUIRK_PLAIN_LIST},
    {"ProtonMail Bridge", BY_ID_NAME, "Proton", QUIRK_PLAIN_LIST},
    {"WildDuck", BY_GREETING, "WildDuck", QUIRK_SIZES_LIE},
    {"WildDuck", BY_GREETING, "Wild Duck", QUIRK_SIZES_LIE},
    {"WildDuck", BY_ID_NAME, "WildDuck", QUIRK_SIZES_LIE},
    {"WildDuck", BY_ID_NAME, "Wild Duck", QUIRK_SIZES_LIE},
    {"GreenMail", BY_GREETING, "GreenMail", QUIRK_SIZES_LIE},
    {"hMailServer", BY_GREETING, "IMAPrev1", QUIRK_SIZES_LIE},
    {"hMailServer", BY_GREETING, "hMailServer", QUIRK_SIZES_LIE},
    {"DavMail", BY_GREETING, "DavMail", DAVMAIL},
    {"Zoho", BY_HOST, "zoho.com", QUIRK_NO_MODSEQ},
    {"Zoho", BY_HOST, "zoho.eu", QUIRK_NO_MODSEQ},
    {"Zoho", BY_HOST, "zoho.in", QUIRK_NO_MODSEQ},
    {"Zoho", BY_GREETING, "Zoho", QUIRK_NO_MODSEQ},
    {"SmarterMail", BY_GREETING, "SmarterMail", QUIRK_NO_MODSEQ},
    {"SmarterMail", BY_ID_NAME, "SmarterMail", QUIRK_NO_MODSEQ},
    /* Yahoo tells a HIGHESTMODSEQ all the same, and it stands still */
    {NULL, BY_LACK, "CONDSTORE", QUIRK_NO_MODSEQ},
};

/* By number of the bit. */
static const struct {
	const char *name;
	const char *disabled[2];
} behaviours[QUIRK_COUNT] = {
    {"select", {NULL, NULL}},
    {"no-uidnext", {NULL, NULL}},
    {"id-first", {NULL, NULL}},
    {"no-search", {"ESEARCH", NULL}},
    {"short-lines", {NULL, NULL}},
    {"ask-capability", {NULL, NULL}},
    {"plain-list", {"LIST-EXTENDED", "LIST-STATUS"}},
    {"sizes-lie", {NULL, NULL}},
    {"slow-size", {"STATUS=SIZE", NULL}},
    {"wants-uidonly", {NULL, NULL}},
    {"short-idle", {NULL, NULL}},
    {"no-modseq", {"CONDSTORE", "QRESYNC"}},
    {"no-vanished", {"QRESYNC", NULL}},
    {"no-namespace", {"NAMESPACE", NULL}},
};

static bool
holds_words(struct span text, const char *words)
{
	const size_t len = strlen(words);

	for (; text.len >= len; text = span_from(text, 1))
		if (span_has_prefix_nocase(text, words))
			return true;
	return false;
}

/*
 * Takes one string of ID's list (RFC 2971): quoted, its escapes left as they
 * are, or anything else up to a space. False at the list's end.
 */
static bool
take_string(struct span *list, struct span *string)
{
	size_t len = 0;

	while (list->len > 0 && (list->at[0] == ' ' || list->at[0] == '('))
		*list = span_from(*list, 1);
	if (list->len == 0 || list->at[0] == ')')
		return false;
	if (list->at[0] != '"') {
		while (len < list->len && list->at[len] != ' ' &&
		    list->at[len] != ')')
			len++;
		*string = (struct span){list->at, len};
		*list = span_from(*list, len);
		return true;
	}
	*list = span_from(*list, 1);
	while (len < list->len && list->at[len] != '"')
		len += list->at[len] == '\\' ? 2 : 1;
	if (len >= list->len)
		return false;
	*string = (struct span){list->at, len};
	*list = span_from(*list, len + 1);
	return true;
}

static bool
is_field(struct span list, const char *field, const char *pattern)
{
	struct span name;
	struct span value;

	while (take_string(&list, &name) && take_string(&list, &value))
		if (span_equal_nocase(name, field))
			return span_has_prefix_nocase(value, pattern);
	return false;
}

static bool
does_lack(const struct capabilities *offered, const char *name)
{
	struct capabilities without;

	if (offered == NULL || !offered->known)
		return false;
	without = *offered;
	capabilities_remove(&without, name);
	return without.offered == offered->offered;
}

static bool
holds(const struct quirk_evidence *evidence, enum source source,
    const char *pattern)
{
	switch (source) {
	case BY_HOST:
		return evidence->host != NULL &&
		    settings_is_host_in(evidence->host, pattern);
	case BY_GREETING:
		return holds_words(evidence->greeting, pattern);
	case BY_ID_NAME:
		return is_field(evidence->id, "name", pattern);
	case BY_ID_VENDOR:
		return is_field(evidence->id, "vendor", pattern);
	case BY_LACK:
		return does_lack(evidence->capabilities, pattern);
	}
	return false;
}

uint32_t
quirks_of(const struct quirk_evidence *evidence, const char **server)
{
	const char *first = NULL;
	uint32_t quirks = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (!holds(evidence, table[i].source, table[i].pattern))
			continue;
		quirks |= table[i].quirks;
		if (first == NULL)
			first = table[i].server;
	}
	*server = first;
	return quirks;
}

static bool
is_among(const char *const names[], uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

uint32_t
quirk_disabled(uint32_t quirks, const char *names[])
{
	uint32_t count = 0;

	for (unsigned i = 0; i < QUIRK_COUNT; i++) {
		if ((quirks >> i & 1) == 0)
			continue;
		for (unsigned j = 0; j < 2; j++) {
			const char *name = behaviours[i].disabled[j];

			if (name == NULL || is_among(names, count, name))
				continue;
			assert(count < QUIRK_DISABLED_MAX);
			names[count++] = name;
		}
	}
	return count;
}

const char *
quirk_name(enum quirk quirk)
{
	assert(quirk != 0 && quirk < 1 << QUIRK_COUNT);
	return behaviours[__builtin_ctz(quirk)].name;
}
