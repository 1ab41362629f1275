#ifndef MEZZO_ZLIB_SHIM_H
#define MEZZO_ZLIB_SHIM_H

// Input pointers become pointers to const, so that Swift can lend a read-only buffer.
#define ZLIB_CONST
#include <zlib.h>

// `inflateInit2` and `deflateInit2` are macros, which Swift cannot import. 16 on top of the window bits asks for the gzip
// wrapper and nothing else: zlib then checks each member's CRC-32 and length by itself (RFC 1952).
enum { mezzo_zlib_gzip_window_bits = 15 + 16 };

static inline int mezzo_zlib_inflate_init_gzip(z_stream *stream) {
  return inflateInit2(stream, mezzo_zlib_gzip_window_bits);
}

static inline int mezzo_zlib_deflate_init_gzip(z_stream *stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, mezzo_zlib_gzip_window_bits, 8, Z_DEFAULT_STRATEGY);
}

// Below 0 asks for a stream without any wrapper, as zip archives hold; 8 to 15 for zlib's own (RFC 1950).
static inline int mezzo_zlib_inflate_init(z_stream *stream, int window_bits) {
  return inflateInit2(stream, window_bits);
}

static inline int mezzo_zlib_deflate_init_raw(z_stream *stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
}

#endif
