/*
 * struct span: borrowed bytes. struct buf: a growing byte queue that never
 * holds more than its cap: there is no buffer without a maximum.
 */
#ifndef LIBCLIENT_BASE_BUF_H
#define LIBCLIENT_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that somebody else owns; not NUL-terminated. */
struct span {
	const char *at;
	size_t len;
};

/* Bytes are appended at the end and consumed from the front. */
struct buf {
	char *data;
	size_t start; /* first byte not yet consumed */
	size_t end; /* behind the last byte */
	size_t size; /* allocated */
	size_t cap; /* the most that may be held */
};

/* A span of a NUL-terminated string; NULL gives an empty span. */
static inline struct span
span_of(const char *string)
{
	return (struct span){string, string == NULL ? 0 : strlen(string)};
}

/* What remains of a span behind its first n bytes; n <= span.len. */
static inline struct span
span_from(struct span span, size_t n)
{
	return (struct span){span.at + n, span.len - n};
}

/* Byte for byte equal. */
bool span_equal(struct span a, struct span b);

/* Equal when ASCII letters' case is ignored, whatever the locale. */
bool span_equal_nocase(struct span a, const char *string);

/* True if the span begins with the string, ASCII case ignored. */
bool span_has_prefix_nocase(struct span span, const char *prefix);

/* A NUL-terminated copy, to be freed with mem_free(). */
char *span_to_string(struct span span);

/*
 * A decimal number, all of the span, no sign or space. False when it is empty,
 * has another character or exceeds max; *number is then untouched.
 */
bool span_to_number(
    struct span span, unsigned long long max, unsigned long long *number);

/*
 * The length of the UTF-8 character that the span begins with, and its code
 * point; 0, and *code untouched, when there is none: the span is empty or
 * begins with a stray or missing byte, an overlong form, a surrogate or a code
 * point above U+10FFFF.
 */
size_t span_utf8(struct span span, uint32_t *code);

/* Makes an empty buf that will never hold more than cap bytes. */
void buf_init(struct buf *buf, size_t cap);

/* Frees what it holds; the buf may be used again with the same cap. */
void buf_free(struct buf *buf);

/* As buf_free(), but wipes the bytes first. */
void buf_free_secret(struct buf *buf);

/* Appends bytes; false, and nothing appended, when the cap does not allow. */
bool buf_add(struct buf *buf, const void *bytes, size_t len);
bool buf_add_span(struct buf *buf, struct span span);
bool buf_add_string(struct buf *buf, const char *string);
bool buf_add_format(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Room for at least len more bytes at the end, to be filled by the caller and
 * then counted with buf_grow(). NULL when the cap does not allow.
 */
char *buf_reserve(struct buf *buf, size_t len);
void buf_grow(struct buf *buf, size_t len);

/* What it holds; valid until the next call that changes the buf. */
static inline struct span
buf_span(const struct buf *buf)
{
	if (buf->data == NULL)
		return (struct span){"", 0};
	return (struct span){buf->data + buf->start, buf->end - buf->start};
}

static inline size_t
buf_len(const struct buf *buf)
{
	return buf->end - buf->start;
}

/* Drops the first len bytes; len <= buf_len(). */
void buf_consume(struct buf *buf, size_t len);

/* Drops bytes from the end, so that len remain; len <= buf_len(). */
void buf_truncate(struct buf *buf, size_t len);

/* Drops everything and keeps the memory. */
void buf_clear(struct buf *buf);

#endif
