/*
 * Mailbox names: modified UTF-7 (RFC 3501 section 5.1.3) to UTF-8 and back.
 */
#ifndef LIBCLIENT_WIRE_UTF7_H
#define LIBCLIENT_WIRE_UTF7_H

#include <stdbool.h>

#include "libclient/base/buf.h"

/*
 * Appends the UTF-8 of a name as servers send it. False, and out as it was,
 * when the name is not valid modified UTF-7: 8-bit bytes, bad base64, unpaired
 * surrogates, non-zero padding bits, an encoded printable ASCII character or
 * NUL, or two adjacent shifts ("&AOk-&AOk-" is refused: not the canonical
 * form).
 */
bool utf7_decode(struct span name, struct buf *out);

/*
 * Appends the modified UTF-7 of a UTF-8 name. False, and out as it was, when
 * the name is not valid UTF-8 or contains NUL.
 */
bool utf7_encode(struct span name, struct buf *out);

/* True if the bytes are valid UTF-8 without NUL, surrogates or overlongs. */
bool utf7_is_utf8(struct span bytes);

#endif
