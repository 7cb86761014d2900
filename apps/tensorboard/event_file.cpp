#include "apps/tensorboard/event_file.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <vector>

#include "apps/tensorboard/message.h"
#include "lib/error.h"
#include "lib/io/file.h"

namespace duel::tensorboard {
namespace {

// Numbers of fields, from event.proto and summary.proto of TensorBoard.
namespace event {
constexpr uint32_t wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7;
}
namespace session_log {
constexpr uint32_t status = 1;
constexpr int64_t start = 1;
}  // namespace session_log
namespace summary {
constexpr uint32_t value = 1;
}
namespace value {
constexpr uint32_t tag = 1, simple_value = 2, image = 4, histogram = 5;
}
namespace image {
constexpr uint32_t height = 1, width = 2, colorspace = 3, encoded = 4;
}
namespace histogram {
constexpr uint32_t min = 1, max = 2, count = 3, sum = 4, sum_squares = 5, bin_limits = 6, bins = 7;
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

constexpr std::array<uint32_t, 256> crc_table = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    table[byte] = crc;
  }
  return table;
}();

/// A checksum over bytes that hold checksums says little; so they are stored changed.
uint32_t masked(uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8u; }

std::string little_endian(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

/// The events of a second's files in their order: readers take files by name.
std::filesystem::path unused_name(const std::filesystem::path& folder) {
  for (int number = 0;; ++number) {
    char name[64];
    std::snprintf(name, sizeof name, "events.out.tfevents.%010lld.%03d.duel",
                  static_cast<long long>(seconds_now()), number);
    if (!std::filesystem::exists(folder / name)) return folder / name;
  }
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = 0xffffffffu;
  for (const char byte : bytes) crc = crc >> 8 ^ crc_table[(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  return ~crc;
}

std::string record(std::string_view bytes) {
  const std::string length = little_endian(bytes.size(), 8);
  std::string text = length + little_endian(masked(crc32c(length)), 4);
  text += bytes;
  return text += little_endian(masked(crc32c(bytes)), 4);
}

EventFile::EventFile(const std::filesystem::path& folder, int64_t first_step) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  check(!error, folder.string(), ": the folder cannot be made: ", error.message());
  path_ = unused_name(folder);
  out_.open(path_, std::ios::binary);
  if (!out_.good()) fail_with_errno("write", path_);
  append(Message().real(event::wall_time, seconds_now()).text(event::file_version, "brain.Event:2").bytes());
  append(Message()
             .real(event::wall_time, seconds_now())
             .whole(event::step, first_step)
             .text(event::session_log, Message().whole(session_log::status, session_log::start).bytes())
             .bytes());
}

void EventFile::append(const std::string& event) {
  out_ << record(event) << std::flush;
  if (!out_.good()) fail_with_errno("write", path_);
}

void EventFile::summary(int64_t step, const std::string& value) {
  append(Message()
             .real(event::wall_time, seconds_now())
             .whole(event::step, step)
             .text(event::summary, Message().text(summary::value, value).bytes())
             .bytes());
}

void EventFile::scalar(int64_t step, std::string_view tag, double value) {
  summary(step, Message().text(value::tag, tag).real(value::simple_value, static_cast<float>(value)).bytes());
}

void EventFile::picture(int64_t step, std::string_view tag, const Image& picture,
                        std::span<const uint8_t> png) {
  const std::string_view bytes(reinterpret_cast<const char*>(png.data()), png.size());
  const Message image = Message()
                            .whole(image::height, picture.height)
                            .whole(image::width, picture.width)
                            .whole(image::colorspace, picture.channels)  // 1 grey, 3 RGB
                            .text(image::encoded, bytes);
  summary(step, Message().text(value::tag, tag).text(value::image, image.bytes()).bytes());
}

void EventFile::histogram(int64_t step, std::string_view tag, std::span<const float> values) {
  constexpr size_t count = 40;
  const auto finite = [](float x) { return std::isfinite(x); };
  if (values.empty() || !std::all_of(values.begin(), values.end(), finite)) return;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const double low = *least, width = (double{*most} - low) / count;
  std::vector<double> limits, bins(width > 0 ? count : 1);
  double sum = 0, squares = 0;
  for (const float x : values) {
    const double bin = width > 0 ? (x - low) / width : 0;
    ++bins[std::min(static_cast<size_t>(bin), bins.size() - 1)];
    sum += x, squares += double{x} * x;
  }
  for (size_t i = 1; i <= bins.size(); ++i)
    limits.push_back(i < bins.size() ? low + width * static_cast<double>(i) : double{*most});
  const Message histogram = Message()
                                .real(histogram::min, low)
                                .real(histogram::max, double{*most})
                                .real(histogram::count, static_cast<double>(values.size()))
                                .real(histogram::sum, sum)
                                .real(histogram::sum_squares, squares)
                                .reals(histogram::bin_limits, limits)
                                .reals(histogram::bins, bins);
  summary(step, Message().text(value::tag, tag).text(value::histogram, histogram.bytes()).bytes());
}

}  // namespace duel::tensorboard
