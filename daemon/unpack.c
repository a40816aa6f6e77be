/*
 * gzip by zlib, into a buffer of all that is allowed: what does not fit is refused, and never known.
 */
#include "unpack.h"

#include <string.h>

#include <zlib.h>

#define PADDING 64 /* JSON is read in steps of so many bytes */
#define GZIP    (16 + MAX_WBITS)

static int inflate_all(z_stream *stream)
{
	switch (inflate(stream, Z_FINISH)) {
	case Z_STREAM_END:
		return stream->avail_in ? ATTRIB_E_INVALID : 0;
	case Z_MEM_ERROR:
		return ATTRIB_E_NOMEM;
	case Z_BUF_ERROR:
		return stream->avail_out ? ATTRIB_E_INVALID : ATTRIB_E_TOO_LARGE;
	default:
		return ATTRIB_E_INVALID;
	}
}

int attribd_gunzip(
	struct attrib_arena *arena, struct attrib_str packed, size_t max, struct attrib_str *out)
{
	uint8_t *bytes = attrib_arena_raw(arena, max + PADDING);
	z_stream stream = {.next_in = (z_const Bytef *)packed.p,
		.avail_in = (uInt)packed.n,
		.next_out = bytes,
		.avail_out = (uInt)max};
	int err;

	if (!bytes || inflateInit2(&stream, GZIP) != Z_OK)
		return ATTRIB_E_NOMEM;
	err = inflate_all(&stream);
	if (!err) {
		memset(bytes + stream.total_out, 0, PADDING);
		*out = (struct attrib_str){(char *)bytes, stream.total_out};
	}
	inflateEnd(&stream);
	return err;
}
