/*
 * Raw deflate (RFC 4978 section 4). The peer chooses its window, so ours has to
 * be the largest; what we send are short commands, which the smallest window
 * and hash of zlib do nearly as well in 9 KiB as the usual ones in 268.
 */
#include "libclient/io/zpipe.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

#include "libclient/base/mem.h"

enum {
	/*
	 * Not 8: zlib refuses it for raw deflate, as it would have to use 9
	 * and has no header to say so (deflateInit2 in zlib.h).
	 */
	OUR_WINDOW_BITS = 9,
	OUR_MEM_LEVEL = 1,
	PEER_WINDOW_BITS = 15,
	/* More than a flush marker needs, or it would be written again. */
	OUT_STEP = 1024
};

/*
 * What deflate can do is 1032:1; the worst of real mail, an attachment of zeros
 * in base64, comes to 300:1. The rule is for each window of what comes out, not
 * for the sum: that would let a bomb through after hours of honest mail.
 */
#define WINDOW	      (1U << 20)
#define MAX_EXPANSION 1000U

struct zpipe {
	z_stream deflater;
	z_stream inflater;
	uint64_t window_in; /* of the window that is being filled */
	uint64_t window_out;
	bool is_over; /* the peer has ended its compressed data */
};

/* Running out of memory is mem_alloc()'s affair. */
static voidpf
allocate(voidpf unused, uInt items, uInt size)
{
	(void)unused;
	return mem_alloc((size_t)items * size);
}

static void
release(voidpf unused, voidpf memory)
{
	(void)unused;
	mem_free(memory);
}

struct zpipe *
zpipe_new(void)
{
	struct zpipe *zpipe = mem_new(struct zpipe);
	int result;

	zpipe->deflater.zalloc = allocate;
	zpipe->deflater.zfree = release;
	zpipe->inflater.zalloc = allocate;
	zpipe->inflater.zfree = release;
	result = deflateInit2(&zpipe->deflater, Z_DEFAULT_COMPRESSION,
	    Z_DEFLATED, -OUR_WINDOW_BITS, OUR_MEM_LEVEL, Z_DEFAULT_STRATEGY);
	if (result == Z_OK)
		result = inflateInit2(&zpipe->inflater, -PEER_WINDOW_BITS);
	/* Only another zlib than the one built against can say no. */
	if (result != Z_OK)
		abort();
	return zpipe;
}

struct zpipe *
zpipe_free(struct zpipe *zpipe)
{
	if (zpipe == NULL)
		return NULL;
	(void)deflateEnd(&zpipe->deflater);
	(void)inflateEnd(&zpipe->inflater);
	return mem_free(zpipe);
}

void
zpipe_deflate(
    struct zpipe *zpipe, struct span bytes, bool ends_flight, struct buf *out)
{
	z_stream *z = &zpipe->deflater;
	int result;

	assert(bytes.len <= UINT32_MAX);
	z->next_in = (const Bytef *)bytes.at;
	z->avail_in = (uInt)bytes.len;
	do {
		char *room = buf_reserve(out, OUT_STEP);

		assert(room != NULL);
		z->next_out = (Bytef *)room;
		z->avail_out = OUT_STEP;
		result = deflate(z, ends_flight ? Z_SYNC_FLUSH : Z_NO_FLUSH);
		/* Z_BUF_ERROR: there was nothing left to be done. */
		assert(result == Z_OK || result == Z_BUF_ERROR);
		buf_grow(out, OUT_STEP - z->avail_out);
	} while (z->avail_out == 0);
	(void)result;
	z->next_in = NULL;
}

/* A full window is judged, and a bomb's stays; else the next one begins. */
static bool
is_bomb(struct zpipe *zpipe)
{
	if (zpipe->window_out <= WINDOW)
		return false;
	if (zpipe->window_out > MAX_EXPANSION * zpipe->window_in)
		return true;
	zpipe->window_in = 0;
	zpipe->window_out = 0;
	return false;
}

/*
 * Once of inflate(), which stops when *in is used up or out is full, and in
 * front of what it cannot read: then it says so again the next time.
 */
static int
inflate_once(
    struct zpipe *zpipe, struct buf *in, char *out, size_t size, size_t *count)
{
	z_stream *z = &zpipe->inflater;
	const struct span bytes = buf_span(in);
	int result;

	assert(size > 0 && size <= UINT32_MAX && bytes.len <= UINT32_MAX);
	z->next_in = (const Bytef *)bytes.at;
	z->avail_in = (uInt)bytes.len;
	z->next_out = (Bytef *)out;
	z->avail_out = (uInt)size;
	result = inflate(z, Z_SYNC_FLUSH);
	*count = size - z->avail_out;
	zpipe->window_in += bytes.len - z->avail_in;
	zpipe->window_out += *count;
	buf_consume(in, bytes.len - z->avail_in);
	z->next_in = NULL;
	z->avail_in = 0;
	return result;
}

bool
zpipe_inflate(struct zpipe *zpipe, struct buf *in, char *out, size_t size,
    size_t *count, struct imap_error *error)
{
	const char *fault;
	size_t n = 0;
	int result = Z_STREAM_END;

	if (!zpipe->is_over)
		result = inflate_once(zpipe, in, out, size, &n);
	zpipe->is_over = result == Z_STREAM_END;
	fault = zpipe->inflater.msg;
	*count = 0;
	if (is_bomb(zpipe))
		return imap_error_set(error, IMAP_ERROR_LIMIT,
		    "what the server sends expands more than %u times",
		    MAX_EXPANSION);
	*count = n;
	if (n > 0)
		return true;
	if (zpipe->is_over && buf_len(in) > 0)
		return imap_error_set(error, IMAP_ERROR_PROTOCOL,
		    "bytes follow the end of the server's compressed data");
	/* Z_BUF_ERROR: there was nothing to be done. */
	if (result != Z_OK && result != Z_BUF_ERROR && result != Z_STREAM_END)
		return imap_error_set(error, IMAP_ERROR_PROTOCOL,
		    "what the server sends is not compressed as agreed: %s",
		    fault == NULL ? "invalid data" : fault);
	return true;
}
