// A data set of all pictures in a folder and the folders below it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/data/dataset.h"

namespace duel {

struct PictureFolderOptions {
  int64_t image_size = 32;
  int64_t channels = 3;
  int64_t crop = 0;            ///< see central_square()
  int64_t memory_budget = -1;  ///< bytes that the decoded set may take; -1: half of what the machine can give
  /// Called now and then while the pictures are decoded, from one thread at a time.
  std::function<void(int64_t done, int64_t total)> progress;
};

/// The files of a folder whose names end like a picture's (any case), in the order of their paths' bytes.
/// Files and folders whose names begin with a dot are left out. Throws Error if there is no such folder.
std::vector<std::filesystem::path> find_pictures(const std::filesystem::path& folder);

/// Every picture is decoded once, on all cores, to find the good ones, and kept as bytes where the set fits
/// the budget; otherwise read() decodes it again each time.
class PictureFolder final : public Dataset {
 public:
  struct Skipped {
    std::filesystem::path path;
    std::string reason;
  };

  /// Pictures that cannot be decoded, or are smaller than the crop, are skipped. Throws Error if there is no
  /// such folder, no picture in it, or no good one.
  PictureFolder(const std::filesystem::path& folder, const PictureFolderOptions& options);

  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  int64_t image_size() const override { return options_.image_size; }
  int64_t channels() const override { return options_.channels; }
  void read(int64_t index, uint8_t* pixels) const override;
  std::string description() const override;

  const std::vector<Skipped>& skipped() const { return skipped_; }
  bool in_memory() const { return !pixels_.empty(); }

 private:
  int64_t picture_bytes() const { return options_.image_size * options_.image_size * options_.channels; }
  void decode(const std::filesystem::path& path, uint8_t* pixels) const;

  std::filesystem::path folder_;
  PictureFolderOptions options_;
  std::vector<std::filesystem::path> files_;  // the good ones
  std::vector<Skipped> skipped_;
  std::vector<uint8_t> pixels_;
};

}  // namespace duel
