// A data set kept in memory as bytes.
#pragma once

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "lib/data/dataset.h"
#include "lib/error.h"

namespace duel {

class MemoryDataset final : public Dataset {
 public:
  /// `pixels` is (count, image_size, image_size, channels).
  MemoryDataset(std::vector<uint8_t> pixels, int64_t image_size, int64_t channels, std::string description)
      : pixels_(std::move(pixels)),
        picture_(image_size * image_size * channels),
        image_size_(image_size),
        channels_(channels),
        description_(std::move(description)) {}

  int64_t size() const override { return static_cast<int64_t>(pixels_.size()) / picture_; }
  int64_t image_size() const override { return image_size_; }
  int64_t channels() const override { return channels_; }
  void read(int64_t index, uint8_t* pixels) const override {
    check(index >= 0 && index < size(), "picture ", index, " is beyond the ", size(), " of the data");
    std::memcpy(pixels, pixels_.data() + index * picture_, static_cast<size_t>(picture_));
  }
  std::string description() const override { return description_; }

 private:
  std::vector<uint8_t> pixels_;
  int64_t picture_, image_size_, channels_;
  std::string description_;
};

}  // namespace duel
