/*
 * For fuzz targets (libFuzzer): the input's first bytes choose settings, the
 * rest is what a server might send.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdlib.h>

#include "libclient/base/buf.h"
#include "libclient/base/mem.h"

/* What is false here is a finding; not assert(), which a build may drop. */
#define require(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next byte, 0 when there are no more. */
static inline unsigned
take_byte(struct span *input)
{
	unsigned byte;

	if (input->len == 0)
		return 0;
	byte = (unsigned char)input->at[0];
	*input = span_from(*input, 1);
	return byte;
}

/* Up to the next NUL, which is skipped; all there is, if there is none. */
static inline struct span
take_text(struct span *input)
{
	const char *end =
	    input->len == 0 ? NULL : memchr(input->at, '\0', input->len);
	struct span text = *input;

	if (end == NULL) {
		*input = span_from(*input, input->len);
		return text;
	}
	text.len = (size_t)(end - input->at);
	*input = span_from(*input, text.len + 1);
	return text;
}

/* How input is cut into what arrives at once. */
struct splitter {
	struct span rest;
	unsigned way; /* 0: not at all, 1: bytes, 2: lines, else: a seed */
	uint32_t state;
};

static inline struct splitter
splitter_of(struct span input, unsigned way)
{
	return (struct splitter){input, way, way};
}

/*
 * The next bytes that arrive, in memory of their own so that a read beyond
 * them is seen; to be freed with mem_free(). NULL when there are no more.
 */
static inline char *
split(struct splitter *splitter, size_t *len)
{
	const struct span rest = splitter->rest;
	const char *line;
	char *bytes;

	if (rest.len == 0)
		return NULL;
	*len = rest.len;
	if (splitter->way == 1) {
		*len = 1;
	} else if (splitter->way == 2) {
		line = memchr(rest.at, '\n', rest.len);
		*len = line == NULL ? rest.len : (size_t)(line - rest.at) + 1;
	} else if (splitter->way > 2) {
		splitter->state = splitter->state * 1664525 + 1013904223;
		*len = 1 + (splitter->state >> 24) % 40;
		*len = *len < rest.len ? *len : rest.len;
	}
	bytes = mem_resize(NULL, *len, 1);
	memcpy(bytes, rest.at, *len);
	splitter->rest = span_from(rest, *len);
	return bytes;
}

#endif
