/*
 * Mailbox names: modified UTF-7 and UTF-8 are each other's inverse, and what is
 * refused leaves no trace.
 */
#include "libclient/wire/utf7.h"
#include "tests/fuzz/fuzz.h"

enum { NAME_CAP = 1 << 20 };

static void
check_pair(struct span name, bool (*there)(struct span, struct buf *),
    bool (*back)(struct span, struct buf *))
{
	struct buf other;
	struct buf again;

	buf_init(&other, NAME_CAP);
	buf_init(&again, NAME_CAP);
	if (there(name, &other)) {
		require(back(buf_span(&other), &again));
		require(span_equal(buf_span(&again), name));
	}
	require(buf_len(&again) > 0 || buf_len(&other) == 0);
	buf_free(&other);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span name = {(const char *)data, size};
	struct buf out;

	check_pair(name, utf7_decode, utf7_encode);
	check_pair(name, utf7_encode, utf7_decode);
	buf_init(&out, NAME_CAP);
	require(utf7_encode(name, &out) == utf7_is_utf8(name));
	for (size_t i = 0; i < buf_len(&out); i++)
		require(buf_span(&out).at[i] > 0);
	buf_clear(&out);
	if (utf7_decode(name, &out))
		require(utf7_is_utf8(buf_span(&out)));
	buf_free(&out);
	return 0;
}
