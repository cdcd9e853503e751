/*
 * Three bytes to four letters and back.
 */
#include "libclient/wire/base64.h"

#include <stdint.h>

static const char letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool
base64_encode(struct span bytes, struct buf *out)
{
	size_t len = (bytes.len + 2) / 3 * 4;
	char *to = buf_reserve(out, len);

	if (to == NULL)
		return false;
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t have = bytes.len - i < 3 ? bytes.len - i : 3;
		uint32_t group = 0;

		for (size_t j = 0; j < 3; j++)
			group = group << 8 |
			    (j < have ? (unsigned char)bytes.at[i + j] : 0);
		for (size_t j = 0; j < 4; j++) {
			*to = '=';
			if (j <= have)
				*to = letters[group >> (18 - 6 * j) & 63];
			to++;
		}
	}
	buf_grow(out, len);
	return true;
}

static bool
value_of(char letter, uint32_t *value)
{
	const char *at = memchr(letters, letter, sizeof(letters) - 1);

	if (at == NULL)
		return false;
	*value = (uint32_t)(at - letters);
	return true;
}

bool
base64_decode(struct span text, struct buf *out)
{
	size_t before = buf_len(out);
	size_t padding = 0;

	if (text.len % 4 != 0)
		return false;
	while (padding < 2 && padding < text.len &&
	    text.at[text.len - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < text.len; i += 4) {
		size_t skip = i + 4 == text.len ? padding : 0;
		uint32_t group = 0;
		char bytes[3];

		for (size_t j = 0; j < 4; j++) {
			uint32_t value = 0;

			if (j < 4 - skip && !value_of(text.at[i + j], &value))
				goto fail;
			group = group << 6 | value;
		}
		for (size_t j = 0; j < 3; j++)
			bytes[j] = (char)(group >> (16 - 8 * j) & 0xff);
		if (!buf_add(out, bytes, 3 - skip))
			goto fail;
	}
	return true;
fail:
	buf_truncate(out, before);
	return false;
}
