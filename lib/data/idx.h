// The IDX files of MNIST, Fashion-MNIST and their relatives, plain or packed with gzip. The format is
// described at the foot of http://yann.lecun.com/exdb/mnist.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/data/dataset.h"
#include "lib/data/picture_format.h"

namespace duel {

/// A file holds the bytes 0 0 8 3, the number of pictures, their height and width (32 bits each, the highest
/// byte first) and then the pictures, one grey byte a pixel.
class IdxImages final : public Dataset {
 public:
  /// `path` is one such file or a folder with one: that whose name has "images" and "idx3-ubyte" in it, and
  /// among several the one for training ("train"), unpacked rather than packed. Throws Error that names the
  /// file, with the expected and the actual length, if it is damaged, not of this format, too short or too
  /// long.
  IdxImages(const std::filesystem::path& path, const PictureFormat& format);

  int64_t size() const override { return count_; }
  int64_t image_size() const override { return format_.image_size; }
  int64_t channels() const override { return format_.channels; }
  void read(int64_t index, uint8_t* pixels) const override;
  std::string description() const override;

  /// The file that is read for `path`; empty if it is a folder without any.
  static std::filesystem::path file(const std::filesystem::path& path);

 private:
  std::filesystem::path path_;
  PictureFormat format_;
  int64_t count_ = 0, height_ = 0, width_ = 0;
  std::vector<uint8_t> pixels_;  // (count_, height_, width_)
};

}  // namespace duel
