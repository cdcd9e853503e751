/*
 * Mailbox names: modified UTF-7 (RFC 3501 section 5.1.3). Only the canonical
 * form is decoded, so that one mailbox has one name: decoding and encoding
 * again gives the same bytes.
 */
#include "libclient/wire/utf7.h"

#include <stdint.h>

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool
is_printable_ascii(uint32_t code)
{
	return code >= 0x20 && code <= 0x7e;
}

/* The value of a base64 digit, or 64. */
static uint32_t
digit_value(char digit)
{
	uint32_t i;

	for (i = 0; i < 64; i++)
		if (base64_digits[i] == digit)
			break;
	return i;
}

static bool
add_byte(struct buf *out, uint32_t byte)
{
	char c = (char)(unsigned char)byte;

	return buf_add(out, &c, 1);
}

static bool
add_utf8(struct buf *out, uint32_t code)
{
	if (code < 0x80)
		return add_byte(out, code);
	if (code < 0x800)
		return add_byte(out, 0xc0 | code >> 6) &&
		    add_byte(out, 0x80 | (code & 0x3f));
	if (code < 0x10000)
		return add_byte(out, 0xe0 | code >> 12) &&
		    add_byte(out, 0x80 | (code >> 6 & 0x3f)) &&
		    add_byte(out, 0x80 | (code & 0x3f));
	return add_byte(out, 0xf0 | code >> 18) &&
	    add_byte(out, 0x80 | (code >> 12 & 0x3f)) &&
	    add_byte(out, 0x80 | (code >> 6 & 0x3f)) &&
	    add_byte(out, 0x80 | (code & 0x3f));
}

/*
 * Appends one UTF-16 unit. *high is the high surrogate that waits for its low
 * one, or 0.
 */
static bool
add_unit(struct buf *out, uint32_t unit, uint32_t *high)
{
	uint32_t pair = *high;

	if (unit >= 0xdc00 && unit <= 0xdfff) {
		*high = 0;
		return pair != 0 &&
		    add_utf8(
			out, 0x10000 + ((pair - 0xd800) << 10) + unit - 0xdc00);
	}
	if (pair != 0)
		return false;
	if (unit >= 0xd800 && unit <= 0xdbff) {
		*high = unit;
		return true;
	}
	return unit != 0 && !is_printable_ascii(unit) && add_utf8(out, unit);
}

/* Decodes the base64 between & and -. */
static bool
decode_shifted(struct span digits, struct buf *out)
{
	uint32_t bits = 0;
	uint32_t high = 0;
	uint32_t value;
	unsigned count = 0;
	size_t i;

	for (i = 0; i < digits.len; i++) {
		value = digit_value(digits.at[i]);
		if (value == 64)
			return false;
		bits = bits << 6 | value;
		count += 6;
		if (count >= 16) {
			count -= 16;
			if (!add_unit(out, bits >> count, &high))
				return false;
			bits &= (1U << count) - 1;
		}
	}
	/* Six bits of padding would be a digit too many. */
	return digits.len > 0 && high == 0 && count < 6 && bits == 0;
}

/*
 * Reads a shift, "&...-", at the front of *rest. *was_shifted tells if base64
 * ended right there, and is set for what follows.
 */
static bool
decode_shift(struct span *rest, bool *was_shifted, struct buf *out)
{
	size_t len = 1;
	bool is_ok;

	while (len < rest->len && rest->at[len] != '-')
		len++;
	if (len == rest->len)
		return false;
	if (len == 1)
		is_ok = buf_add(out, "&", 1);
	else
		is_ok = !*was_shifted &&
		    decode_shifted((struct span){rest->at + 1, len - 1}, out);
	*was_shifted = len > 1;
	*rest = span_from(*rest, len + 1);
	return is_ok;
}

static bool
decode_name(struct span rest, struct buf *out)
{
	bool was_shifted = false;

	while (rest.len > 0) {
		if (rest.at[0] == '&') {
			if (!decode_shift(&rest, &was_shifted, out))
				return false;
			continue;
		}
		if (!is_printable_ascii((unsigned char)rest.at[0]) ||
		    !buf_add(out, rest.at, 1))
			return false;
		was_shifted = false;
		rest = span_from(rest, 1);
	}
	return true;
}

bool
utf7_decode(struct span name, struct buf *out)
{
	size_t before = buf_len(out);

	if (decode_name(name, out))
		return true;
	buf_truncate(out, before);
	return false;
}

/* Base64 in the making. */
struct shift {
	bool is_open;
	uint32_t bits; /* not written yet */
	unsigned count;
};

static bool
encode_unit(struct shift *shift, uint32_t unit, struct buf *out)
{
	if (!shift->is_open && !buf_add(out, "&", 1))
		return false;
	shift->is_open = true;
	shift->bits = shift->bits << 16 | unit;
	shift->count += 16;
	while (shift->count >= 6) {
		shift->count -= 6;
		if (!buf_add(out,
			&base64_digits[shift->bits >> shift->count & 63], 1))
			return false;
	}
	shift->bits &= (1U << shift->count) - 1;
	return true;
}

static bool
encode_code(struct shift *shift, uint32_t code, struct buf *out)
{
	if (code < 0x10000)
		return encode_unit(shift, code, out);
	code -= 0x10000;
	return encode_unit(shift, 0xd800 + (code >> 10), out) &&
	    encode_unit(shift, 0xdc00 + (code & 0x3ff), out);
}

/* Writes the bits that are left, padded with zeros, and ends the base64. */
static bool
close_shift(struct shift *shift, struct buf *out)
{
	uint32_t digit = shift->bits << (6 - shift->count) & 63;
	bool has_rest = shift->count > 0;

	if (!shift->is_open)
		return true;
	*shift = (struct shift){0};
	if (has_rest && !buf_add(out, &base64_digits[digit], 1))
		return false;
	return buf_add(out, "-", 1);
}

static bool
encode_name(struct span rest, struct buf *out)
{
	struct shift shift = {0};
	uint32_t code = 0;
	size_t len;

	while (rest.len > 0) {
		len = span_utf8(rest, &code);
		if (len == 0 || code == 0)
			return false;
		rest = span_from(rest, len);
		if (!is_printable_ascii(code)) {
			if (!encode_code(&shift, code, out))
				return false;
		} else if (!close_shift(&shift, out) || !add_byte(out, code) ||
		    (code == '&' && !buf_add(out, "-", 1))) {
			return false;
		}
	}
	return close_shift(&shift, out);
}

bool
utf7_encode(struct span name, struct buf *out)
{
	size_t before = buf_len(out);

	if (encode_name(name, out))
		return true;
	buf_truncate(out, before);
	return false;
}

bool
utf7_is_utf8(struct span bytes)
{
	uint32_t code = 0;
	size_t len;

	while (bytes.len > 0) {
		len = span_utf8(bytes, &code);
		if (len == 0 || code == 0)
			return false;
		bytes = span_from(bytes, len);
	}
	return true;
}
