/*
 * The one error type, and what makes a server's words safe to show: they may
 * hold terminal sequences or turn the reading direction to fake a message.
 */
#include "libclient/base/imap_error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

/* Drops the incomplete UTF-8 character, if any, that a cut left at the end. */
static void
drop_partial_character(char *text)
{
	size_t len = strlen(text);
	size_t start = len;
	uint32_t code;

	while (start > 0 && len - start < 4 &&
	    ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0 || (unsigned char)text[start - 1] < 0x80)
		return;
	start--;
	if (span_utf8((struct span){text + start, len - start}, &code) == 0)
		text[start] = '\0';
}

bool
imap_error_set(struct imap_error *error, enum imap_error_kind kind,
    const char *format, ...)
{
	va_list arguments;
	int len;

	assert(kind != IMAP_ERROR_NONE);
	if (error == NULL || error->kind != IMAP_ERROR_NONE)
		return false;
	error->kind = kind;
	error->text[0] = '\0';
	va_start(arguments, format);
	len = vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	if (len >= (int)sizeof(error->text))
		drop_partial_character(error->text);
	return false;
}

const char *
imap_error_kind_name(enum imap_error_kind kind)
{
	static const char *const names[] = {
	    [IMAP_ERROR_NONE] = "none",
	    [IMAP_ERROR_NETWORK] = "network",
	    [IMAP_ERROR_TIMEOUT] = "timeout",
	    [IMAP_ERROR_THROTTLED] = "throttled",
	    [IMAP_ERROR_BUSY] = "busy",
	    [IMAP_ERROR_AUTH] = "authentication",
	    [IMAP_ERROR_TLS] = "TLS",
	    [IMAP_ERROR_PROXY] = "proxy",
	    [IMAP_ERROR_UNSUPPORTED] = "unsupported",
	    [IMAP_ERROR_PROTOCOL] = "protocol",
	    [IMAP_ERROR_LIMIT] = "limit",
	    [IMAP_ERROR_LOCAL] = "local",
	    [IMAP_ERROR_CONFIG] = "configuration",
	};

	assert(kind < sizeof(names) / sizeof(names[0]));
	return names[kind];
}

/* False for what moves the cursor, breaks the line or turns the direction. */
static bool
is_printable(uint32_t code)
{
	static const struct {
		uint32_t first;
		uint32_t last;
	} refused[] = {
	    {0x00, 0x1f}, {0x7f, 0x9f}, /* C0, DEL, C1 */
	    {0x061c, 0x061c}, /* Arabic letter mark */
	    {0x200e, 0x200f}, /* left-to-right, right-to-left mark */
	    {0x2028, 0x202e}, /* separators, embeddings, overrides */
	    {0x2066, 0x2069}, /* isolates */
	};
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (code >= refused[i].first && code <= refused[i].last)
			return false;
	return true;
}

/*
 * Writes how the text's first character is shown (at most 16 bytes, not
 * terminated) and returns how many bytes of the text that was.
 */
static size_t
show_character(struct span text, char shown[16], size_t *shown_len)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t code = 0;
	size_t len = span_utf8(text, &code);
	size_t i;

	if (len > 0 && is_printable(code)) {
		memcpy(shown, text.at, len);
		*shown_len = len;
		return len;
	}
	if (len == 0)
		len = 1;
	for (i = 0; i < len; i++) {
		shown[i * 4] = '\\';
		shown[i * 4 + 1] = 'x';
		shown[i * 4 + 2] = digits[(unsigned char)text.at[i] >> 4];
		shown[i * 4 + 3] = digits[(unsigned char)text.at[i] & 15];
	}
	*shown_len = len * 4;
	return len;
}

char *
imap_error_printable(struct span text, size_t max_bytes, char *out, size_t size)
{
	static const char more[] = "...";
	size_t end = 0;
	size_t cut = 0; /* the last end behind which more[] has room */
	size_t done = 0;
	size_t len;
	size_t shown_len;
	char shown[16];

	assert(size >= 8);
	while (done < text.len) {
		len = show_character(span_from(text, done), shown, &shown_len);
		if (len > max_bytes - done || shown_len >= size - end)
			break;
		memcpy(out + end, shown, shown_len);
		end += shown_len;
		done += len;
		if (size - end >= sizeof(more))
			cut = end;
	}
	out[end] = '\0';
	if (done < text.len)
		memcpy(out + cut, more, sizeof(more));
	return out;
}
