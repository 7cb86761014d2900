// TensorBoard's event files, written without its libraries: records framed as in TFRecord files, each an
// Event message of protocol buffers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include "lib/io/image.h"

namespace duel::tensorboard {

/// The checksum CRC-32C (Castagnoli) that TFRecord files carry, as in RFC 3720, B.4.
uint32_t crc32c(std::string_view bytes);

/// One record as it stands in the file: its length, the masked checksum of that, the bytes, and theirs.
/// (https://www.tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details")
std::string record(std::string_view bytes);

/// A file of events. Each call appends one and hands it to the system, so that a reader beside the run sees
/// it and a kill costs no more than the last. Steps count all batches of the run. Throws Error, or
/// FullDisk, where the file cannot be written.
class EventFile {
 public:
  /// Makes a new file in `folder`, which is made too, with a name that sorts behind those of earlier files.
  /// `first_step` is the first that will be written: readers drop whatever earlier files say of that step and
  /// later ones, so that a resumed run is one curve.
  EventFile(const std::filesystem::path& folder, int64_t first_step);

  void scalar(int64_t step, std::string_view tag, double value);
  /// `png`: the bytes of a PNG file, `image` its size and channels.
  void picture(int64_t step, std::string_view tag, const Image& image, std::span<const uint8_t> png);
  /// The distribution of `values` in 40 equal bins. No values, or one that is not finite: nothing is written.
  void histogram(int64_t step, std::string_view tag, std::span<const float> values);

  const std::filesystem::path& path() const { return path_; }

 private:
  void append(const std::string& event);
  void summary(int64_t step, const std::string& value);

  std::filesystem::path path_;
  std::ofstream out_;
};

}  // namespace duel::tensorboard
