// A PNG is a signature and chunks. An animated one has in addition
//     acTL, before the pixels: the number of frames, and how often they play (0: for ever);
//     fcTL, before each frame: its place in the order, size, position and duration;
//     fdAT, the pixels of every frame but the first: what IDAT would hold, behind a place in the order.
// So each frame is encoded as a PNG of its own, and its pixels are packed anew.
#include "apps/latent/film.h"

#include <zlib.h>

#include <algorithm>
#include <string_view>

#include "lib/error.h"
#include "lib/io/file.h"

namespace duel::latent {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kSignature = 8, kChunkHead = 8, kChunkEnd = 4;

void put(Bytes& bytes, uint32_t number, int size) {
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8)
    bytes.push_back(static_cast<uint8_t>(number >> shift));
}

uint32_t get(std::span<const uint8_t> bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

/// Length, type, data, and the CRC of type and data.
void put_chunk(Bytes& bytes, std::string_view type, std::span<const uint8_t> data) {
  put(bytes, static_cast<uint32_t>(data.size()), 4);
  const size_t begin = bytes.size();
  bytes.insert(bytes.end(), type.begin(), type.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  put(bytes, static_cast<uint32_t>(crc32(0, bytes.data() + begin, static_cast<uInt>(bytes.size() - begin))),
      4);
}

Bytes big_endian(uint32_t number) {
  Bytes bytes;
  put(bytes, number, 4);
  return bytes;
}

/// `data` and behind it the data of all chunks of a type in a PNG.
Bytes chunk_data(std::span<const uint8_t> png, std::string_view type, Bytes data = {}) {
  for (size_t at = kSignature; at < png.size();) {
    const size_t length = get(png.subspan(at));
    const auto content = png.subspan(at + kChunkHead, length);
    if (std::equal(type.begin(), type.end(), png.begin() + static_cast<std::ptrdiff_t>(at) + 4))
      data.insert(data.end(), content.begin(), content.end());
    at += kChunkHead + length + kChunkEnd;
  }
  return data;
}

Bytes frame_control(uint32_t order, const Image& frame, int64_t milliseconds) {
  Bytes data;
  put(data, order, 4);
  put(data, static_cast<uint32_t>(frame.width), 4);
  put(data, static_cast<uint32_t>(frame.height), 4);
  put(data, 0, 4);  // left
  put(data, 0, 4);  // top
  put(data, static_cast<uint32_t>(milliseconds), 2);
  put(data, 1000, 2);  // the delay is a fraction of seconds
  put(data, 0, 1);     // leave the frame standing,
  put(data, 0, 1);     // and let the next one overwrite it
  return data;
}

}  // namespace

Bytes encode_film(std::span<const Image> frames, int64_t milliseconds) {
  check(!frames.empty(), "a film needs at least one frame");
  check(milliseconds >= 1 && milliseconds <= 65535, "a frame is shown for 1 to 65535 milliseconds, not ",
        milliseconds);
  const Image& first = frames.front();
  Bytes film;
  uint32_t order = 0;
  for (const Image& frame : frames) {
    check(frame.width == first.width && frame.height == first.height && frame.channels == first.channels,
          "the frames of a film must have one size: one is ", frame.width, "x", frame.height,
          ", the first one ", first.width, "x", first.height);
    const Bytes png = encode_png(frame);
    if (film.empty()) {
      film.assign(png.begin(), png.begin() + kSignature);
      put_chunk(film, "IHDR", chunk_data(png, "IHDR"));
      Bytes animation;
      put(animation, static_cast<uint32_t>(frames.size()), 4);
      put(animation, 0, 4);
      put_chunk(film, "acTL", animation);
    }
    put_chunk(film, "fcTL", frame_control(order++, frame, milliseconds));
    if (order == 1) {
      put_chunk(film, "IDAT", chunk_data(png, "IDAT"));
    } else {
      put_chunk(film, "fdAT", chunk_data(png, "IDAT", big_endian(order++)));
    }
  }
  put_chunk(film, "IEND", {});
  return film;
}

void write_film(const std::filesystem::path& path, std::span<const Image> frames, int64_t milliseconds) {
  write_file_atomically(path, encode_film(frames, milliseconds));
}

}  // namespace duel::latent
