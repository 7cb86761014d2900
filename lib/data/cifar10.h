// CIFAR-10's binary files, as https://www.cs.toronto.edu/~kriz/cifar.html describes them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/data/dataset.h"
#include "lib/data/picture_format.h"

namespace duel {

/// A file is a sequence of records of 3073 bytes: a label from 0 to 9, then 32x32 bytes each of red, green
/// and blue.
class Cifar10 final : public Dataset {
 public:
  /// `path` is one such file, or a folder whose files data_batch_*.bin are taken in the order of their names.
  /// Throws Error that names the file if its length is no multiple of 3073, it is empty or a label is out of
  /// range.
  Cifar10(std::filesystem::path path, const PictureFormat& format);

  int64_t size() const override;
  int64_t image_size() const override { return format_.image_size; }
  int64_t channels() const override { return format_.channels; }
  void read(int64_t index, uint8_t* pixels) const override;
  std::string description() const override;

  /// The files that are read for `path`; none if it is a folder without any.
  static std::vector<std::filesystem::path> files(const std::filesystem::path& path);

 private:
  std::filesystem::path path_;
  PictureFormat format_;
  std::vector<uint8_t> records_;
};

}  // namespace duel
