/*
 * struct span: borrowed bytes. struct buf: a capped byte queue, contiguous in
 * memory, so that what it holds is always one span.
 */
#include "libclient/base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "libclient/base/mem.h"

#define FIRST_SIZE 64

bool
span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* tolower() would ask the locale: a Turkish I must not change the protocol. */
static int
ascii_lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

bool
span_has_prefix_nocase(struct span span, const char *prefix)
{
	size_t len = strlen(prefix);
	size_t i;

	if (span.len < len)
		return false;
	for (i = 0; i < len; i++)
		if (ascii_lower(span.at[i]) != ascii_lower(prefix[i]))
			return false;
	return true;
}

bool
span_equal_nocase(struct span a, const char *string)
{
	return a.len == strlen(string) && span_has_prefix_nocase(a, string);
}

char *
span_to_string(struct span span)
{
	char *string = mem_alloc(span.len + 1);

	if (span.len > 0)
		memcpy(string, span.at, span.len);
	return string;
}

bool
span_to_number(
    struct span span, unsigned long long max, unsigned long long *number)
{
	unsigned long long n = 0;
	unsigned digit;
	size_t i;

	if (span.len == 0)
		return false;
	for (i = 0; i < span.len; i++) {
		digit = (unsigned)(unsigned char)span.at[i] - '0';
		if (digit > 9 || digit > max || n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*number = n;
	return true;
}

/* How long the character is that begins with this byte; 0 if none does. */
static size_t
utf8_len(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead < 0xe0)
		return 2;
	if (lead >= 0xe0 && lead < 0xf0)
		return 3;
	return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

size_t
span_utf8(struct span span, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *byte = (const unsigned char *)span.at;
	size_t len = span.len == 0 ? 0 : utf8_len(byte[0]);
	uint32_t c;
	size_t i;

	if (len == 0 || len > span.len)
		return 0;
	c = len == 1 ? byte[0] : byte[0] & (0x7fU >> len);
	for (i = 1; i < len; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (byte[i] & 0x3fU);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return len;
}

void
buf_init(struct buf *buf, size_t cap)
{
	assert(cap < SIZE_MAX / 2);
	*buf = (struct buf){.cap = cap};
}

void
buf_free(struct buf *buf)
{
	mem_free(buf->data);
	*buf = (struct buf){.cap = buf->cap};
}

void
buf_free_secret(struct buf *buf)
{
	mem_wipe(buf->data, buf->size);
	buf_free(buf);
}

/*
 * Moves the bytes to a larger block. Not realloc(): it could leave a copy
 * behind, and what is in a buf may be a secret.
 */
static void
enlarge(struct buf *buf, size_t size)
{
	size_t len = buf_len(buf);
	char *data = mem_resize(NULL, size, 1);

	if (buf->data != NULL)
		memcpy(data, buf->data + buf->start, len);
	mem_wipe(buf->data, buf->size);
	mem_free(buf->data);
	buf->data = data;
	buf->start = 0;
	buf->end = len;
	buf->size = size;
}

/* Closes the gap that consumed bytes left at the front. */
static void
compact(struct buf *buf)
{
	size_t len = buf_len(buf);

	memmove(buf->data, buf->data + buf->start, len);
	buf->start = 0;
	buf->end = len;
}

char *
buf_reserve(struct buf *buf, size_t len)
{
	size_t held = buf_len(buf);
	size_t wanted = held + len + 1; /* buf_add_format() writes a NUL */
	size_t size = buf->size < FIRST_SIZE ? FIRST_SIZE : buf->size * 2;

	if (len > buf->cap - held)
		return NULL;
	if (buf->data != NULL) {
		if (buf->size - buf->end > len)
			return buf->data + buf->end;
		/* To move no more than was consumed keeps a byte's cost low. */
		if (wanted <= buf->size &&
		    (held <= buf->start || buf->size > buf->cap)) {
			compact(buf);
			return buf->data + buf->end;
		}
	}
	if (size > buf->cap)
		size = buf->cap + 1;
	enlarge(buf, size < wanted ? wanted : size);
	return buf->data + buf->end;
}

void
buf_grow(struct buf *buf, size_t len)
{
	assert(len <= buf->size - buf->end);
	buf->end += len;
	assert(buf_len(buf) <= buf->cap);
}

bool
buf_add(struct buf *buf, const void *bytes, size_t len)
{
	char *room = buf_reserve(buf, len);

	if (room == NULL)
		return false;
	if (len > 0)
		memcpy(room, bytes, len);
	buf_grow(buf, len);
	return true;
}

bool
buf_add_span(struct buf *buf, struct span span)
{
	return buf_add(buf, span.at, span.len);
}

bool
buf_add_string(struct buf *buf, const char *string)
{
	return buf_add(buf, string, strlen(string));
}

bool
buf_add_format(struct buf *buf, const char *format, ...)
{
	va_list arguments;
	char *room;
	int len;

	va_start(arguments, format);
	len = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (len < 0)
		return false;
	room = buf_reserve(buf, (size_t)len);
	if (room == NULL)
		return false;
	va_start(arguments, format);
	vsnprintf(room, (size_t)len + 1, format, arguments);
	va_end(arguments);
	buf_grow(buf, (size_t)len);
	return true;
}

void
buf_consume(struct buf *buf, size_t len)
{
	assert(len <= buf_len(buf));
	buf->start += len;
	if (buf->start == buf->end)
		buf_clear(buf);
}

void
buf_truncate(struct buf *buf, size_t len)
{
	assert(len <= buf_len(buf));
	buf->end = buf->start + len;
}

void
buf_clear(struct buf *buf)
{
	buf->start = 0;
	buf->end = 0;
}
