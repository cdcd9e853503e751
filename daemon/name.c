/*
 * Mailbox names to paths: what a file system cannot hold is written %XX, so
 * that every name has a path and no two names have the same. And the LIST
 * patterns of RFC 9051 section 6.3.9 on decoded names.
 */
#include "daemon/name.h"

#include <limits.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <wchar.h>
#include <wctype.h>

#include <openssl/evp.h>

#include "libclient/base/mem.h"

#define COMPONENT_MAX 200
#define SUFFIX_LENGTH 18 /* "%~" and 16 hex digits */

/* How a name is written. */
struct style {
	bool is_valid;
	enum settings_layout layout;
};

/* "%~" and the first 16 hex digits of the SHA-256. */
static void
format_suffix(struct span bytes, char out[SUFFIX_LENGTH + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(bytes.at, bytes.len, digest, NULL, EVP_sha256(), NULL) !=
	    1)
		abort();
	(void)snprintf(out, SUFFIX_LENGTH + 1,
	    "%%~%02x%02x%02x%02x%02x%02x%02x%02x", digest[0], digest[1],
	    digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]);
}

/* At most limit bytes of escaped text, without half a character or escape. */
static size_t
cut_length(struct span text, size_t limit)
{
	size_t length = limit;

	if (text.len <= limit)
		return text.len;
	while (length + 4 > limit && length > 0 &&
	    ((unsigned char)text.at[length] & 0xc0) == 0x80)
		length--;
	if (length >= 2 && text.at[length - 2] == '%')
		return length - 2;
	if (length >= 1 && text.at[length - 1] == '%')
		return length - 1;
	return length;
}

/* Adds the front of escaped text, and the suffix. */
static void
add_cut(struct buf *out, struct span text, struct span hashed)
{
	char suffix[SUFFIX_LENGTH + 1];

	text.len = cut_length(text, COMPONENT_MAX - SUFFIX_LENGTH);
	format_suffix(hashed, suffix);
	(void)buf_add_span(out, text);
	(void)buf_add_string(out, suffix);
}

/* Names of what a Maildir itself has inside. */
static bool
is_taken(struct span component)
{
	static const char *const names[] = {
	    "cur", "new", "tmp", "dovecot-keywords"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (span_equal(component, span_of(names[i])))
			return true;
	return false;
}

/*
 * Whether byte i of a component is written %XX. `&` of an invalid name, too:
 * it is what makes modified UTF-7 invalid, and a valid name may decode to
 * the same bytes.
 */
static bool
is_escaped(const struct style *style, struct span component, size_t i)
{
	unsigned char byte = (unsigned char)component.at[i];

	if (byte < 0x20 || byte == 0x7f || byte == '%' || byte == '/')
		return true;
	if (!style->is_valid && (byte >= 0x80 || byte == '&'))
		return true;
	if (byte == '.')
		return i == 0 || style->layout == SETTINGS_LAYOUT_MAILDIRPP;
	return i == 0 && is_taken(component);
}

static void
add_component(struct buf *out, const struct style *style, struct span component)
{
	struct buf escaped;

	buf_init(&escaped, 3 * component.len + 1);
	if (component.len == 0)
		(void)buf_add_string(&escaped, "%");
	for (size_t i = 0; i < component.len; i++) {
		if (is_escaped(style, component, i))
			(void)buf_add_format(
			    &escaped, "%%%02X", (unsigned char)component.at[i]);
		else
			(void)buf_add(&escaped, component.at + i, 1);
	}
	if (buf_len(&escaped) <= COMPONENT_MAX)
		(void)buf_add_span(out, buf_span(&escaped));
	else
		add_cut(out, buf_span(&escaped), buf_span(&escaped));
	buf_free(&escaped);
}

/* The first component of *name, which moves behind it and its delimiter. */
static struct span
take_component(struct span *name, char delimiter, bool *is_last)
{
	struct span component = *name;
	const char *end = NULL;

	if (delimiter != '\0' && name->len > 0)
		end = memchr(name->at, delimiter, name->len);
	*is_last = end == NULL;
	if (end != NULL) {
		component.len = (size_t)(end - name->at);
		*name = span_from(*name, component.len + 1);
	}
	return component;
}

/* What an invalid name is told from a valid one by cannot part either. */
static char
usable_delimiter(char delimiter)
{
	if (delimiter == '&' || (unsigned char)delimiter >= 0x80)
		return '\0';
	return delimiter;
}

/* The path before it is known to be short enough: "" for a flat INBOX. */
static void
join_components(struct buf *out, struct span name, const struct style *style,
    char delimiter)
{
	bool is_flat = style->layout == SETTINGS_LAYOUT_MAILDIRPP;
	bool is_first = true;
	bool is_last;

	delimiter = usable_delimiter(delimiter);
	/* the most that escapes and separators can take, with room to spare */
	buf_init(out, 4 * name.len + COMPONENT_MAX);
	do {
		struct span component =
		    take_component(&name, delimiter, &is_last);
		bool is_inbox =
		    is_first && span_equal_nocase(component, "INBOX");

		if (is_flat && is_inbox && is_last)
			return;
		if (is_flat || !is_first)
			(void)buf_add_string(out, is_flat ? "." : "/");
		if (is_inbox)
			(void)buf_add_string(out, "INBOX");
		else
			add_component(out, style, component);
		is_first = false;
	} while (!is_last);
}

/* The path with its last component cut and ended in a hash; frees joined. */
static char *
cut_last(struct buf *joined, struct span hashed)
{
	struct span text = buf_span(joined);
	const char *slash = memrchr(text.at, '/', text.len);
	size_t front = slash == NULL ? 0 : (size_t)(slash - text.at) + 1;
	struct buf out;
	char *path;

	buf_init(&out, text.len + COMPONENT_MAX);
	(void)buf_add_span(&out, (struct span){text.at, front});
	add_cut(&out, span_from(text, front), hashed);
	path = span_to_string(buf_span(&out));
	buf_free(&out);
	buf_free(joined);
	return path;
}

char *
name_to_path(struct span name, bool is_valid, char delimiter,
    enum settings_layout layout)
{
	struct style style = {is_valid, layout};
	struct buf joined;
	char *path;

	join_components(&joined, name, &style, delimiter);
	/* Joined by dots, components are one file name: it may be too long. */
	if (layout == SETTINGS_LAYOUT_MAILDIRPP && buf_len(&joined) > NAME_MAX)
		return cut_last(&joined, buf_span(&joined));
	path = span_to_string(buf_span(&joined));
	buf_free(&joined);
	return path;
}

char *
name_to_unique_path(struct span name, bool is_valid, char delimiter,
    enum settings_layout layout)
{
	struct style style = {is_valid, layout};
	struct buf joined;

	join_components(&joined, name, &style, delimiter);
	if (buf_len(&joined) == 0)
		(void)buf_add_string(&joined, ".INBOX");
	return cut_last(&joined, name);
}

void
name_md5(struct span name, char out[NAME_MD5_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};

	/* where MD5 is forbidden no file has such a hash */
	(void)EVP_Digest(name.at, name.len, digest, NULL, EVP_md5(), NULL);
	for (size_t i = 0; i < NAME_MD5_SIZE / 2; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* ---- collisions ---- */

/* The next character without its case, or the next byte; 0 at the end. */
static wint_t
next_folded(const char **text, locale_t locale)
{
	mbstate_t state = {0};
	wchar_t character = 0;
	locale_t before = uselocale(locale);
	size_t length = mbrtowc(&character, *text, strlen(*text) + 1, &state);

	(void)uselocale(before);
	if (length == 0)
		return 0;
	if (length == (size_t)-1 || length == (size_t)-2) {
		/* outside of Unicode, so that it equals no character */
		character = 0x110000 + (unsigned char)**text;
		(*text)++;
		return (wint_t)character;
	}
	*text += length;
	/* upper first: several lower-case letters may share one */
	return towlower_l(towupper_l((wint_t)character, locale), locale);
}

bool
name_paths_collide(const char *a, const char *b)
{
	locale_t locale;
	wint_t one;
	wint_t two;

	if (strcasecmp(a, b) == 0)
		return true;
	locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (locale == (locale_t)0)
		return false;
	do {
		one = next_folded(&a, locale);
		two = next_folded(&b, locale);
	} while (one == two && one != 0);
	freelocale(locale);
	return one == two;
}

/* ---- patterns ---- */

/* INBOX at the front is the same in any case (RFC 9051 section 5.1). */
static bool
begins_with_inbox(struct span text, struct span enders)
{
	if (!span_has_prefix_nocase(text, "INBOX"))
		return false;
	return text.len == strlen("INBOX") ||
	    memchr(enders.at, text.at[strlen("INBOX")], enders.len) != NULL;
}

static char
byte_at(struct span text, size_t i, bool is_inbox)
{
	static const char inbox[] = "INBOX";

	if (is_inbox && i < strlen(inbox))
		return inbox[i];
	return text.at[i];
}

/*
 * One step: reach[i] says whether the pattern so far matches the first i
 * bytes; afterwards whether it does with one more element.
 */
static void
step(bool *reach, struct span name, bool is_inbox, char delimiter, char element)
{
	if (element == '*' || element == '%') {
		for (size_t i = 0; i < name.len; i++)
			if (reach[i] &&
			    (element == '*' || delimiter == '\0' ||
				name.at[i] != delimiter))
				reach[i + 1] = true;
		return;
	}
	for (size_t i = name.len; i > 0; i--)
		reach[i] =
		    reach[i - 1] && byte_at(name, i - 1, is_inbox) == element;
	reach[0] = false;
}

bool
name_matches(struct span name, char delimiter, const char *pattern)
{
	char enders[] = {delimiter, '*', '%'};
	struct span elements = span_of(pattern);
	bool is_name_inbox = begins_with_inbox(name, (struct span){enders, 1});
	bool is_pattern_inbox =
	    begins_with_inbox(elements, (struct span){enders, 3});
	bool *reach = mem_alloc(name.len + 1);
	bool is_match;

	reach[0] = true;
	for (size_t i = 0; i < elements.len; i++)
		step(reach, name, is_name_inbox, delimiter,
		    byte_at(elements, i, is_pattern_inbox && is_name_inbox));
	is_match = reach[name.len];
	(void)mem_free(reach);
	return is_match;
}
