/*
 * Base64 (RFC 4648 section 4): SASL's coat.
 */
#ifndef LIBCLIENT_WIRE_BASE64_H
#define LIBCLIENT_WIRE_BASE64_H

#include <stdbool.h>

#include "libclient/base/buf.h"

/* Appends; false, and out as it was, if the cap does not allow. */
bool base64_encode(struct span bytes, struct buf *out);

/* Appends the bytes; false, and out as it was, for anything but whole,
 * correctly padded groups. An empty text is no bytes. */
bool base64_decode(struct span text, struct buf *out);

#endif
