// The wire format of protocol buffers, as far as events need it
// (https://protobuf.dev/programming-guides/encoding).
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace duel::tensorboard {

/// The fields of a message, in the order in which they are added. Fields go by the numbers of the message's
/// definition.
class Message {
 public:
  Message& whole(uint32_t field, int64_t value) {
    key(field, varint_type);
    varint(static_cast<uint64_t>(value));
    return *this;
  }
  Message& real(uint32_t field, double value) {
    key(field, eight_bytes_type);
    little_endian(std::bit_cast<uint64_t>(value), 8);
    return *this;
  }
  Message& real(uint32_t field, float value) {
    key(field, four_bytes_type);
    little_endian(std::bit_cast<uint32_t>(value), 4);
    return *this;
  }
  /// Text, bytes, or another message's bytes().
  Message& text(uint32_t field, std::string_view value) {
    key(field, length_type);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& reals(uint32_t field, const std::vector<double>& values) {
    key(field, length_type);
    varint(8 * values.size());
    for (const double value : values) little_endian(std::bit_cast<uint64_t>(value), 8);
    return *this;
  }

  const std::string& bytes() const { return bytes_; }

 private:
  static constexpr uint32_t varint_type = 0, eight_bytes_type = 1, length_type = 2, four_bytes_type = 5;

  void key(uint32_t field, uint32_t type) { varint(uint64_t{field} << 3 | type); }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  void little_endian(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_ += static_cast<char>(value >> (8 * i));
  }

  std::string bytes_;
};

}  // namespace duel::tensorboard
