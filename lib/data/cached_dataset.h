// A set of pictures that is read once, by several threads, and then kept in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/data/dataset.h"

namespace duel {

struct CacheOptions {
  int threads = 0;             ///< that read; 0 for as many as the machine has cores
  int64_t memory_budget = -1;  ///< bytes; -1 for half of the memory that is available
  /// Told a few times a second, by the thread that constructs the set, how many pictures of all have been
  /// read. If it throws, reading stops and the exception leaves the constructor.
  std::function<void(int64_t done, int64_t total)> progress;
};

/// Reads every picture of `source` in the constructor and leaves out those that throw Error. The pictures
/// stay in memory as bytes if all together fit the budget; otherwise they are only tried, and each read()
/// asks the source again.
class CachedDataset final : public Dataset {
 public:
  /// Throws Error if no picture of the source can be read: with the first reason, or where most of them are
  /// TooSmall such a one, with the side of the largest.
  explicit CachedDataset(std::unique_ptr<Dataset> source, const CacheOptions& options = {});

  int64_t size() const override { return size_; }
  int64_t image_size() const override { return image_size_; }
  int64_t channels() const override { return channels_; }
  void read(int64_t index, uint8_t* pixels) const override;
  std::string file_of(int64_t index) const override;
  /// That of the source, and how many of its pictures are left where some were left out.
  std::string description() const override { return description_; }
  std::span<const std::string> skipped() const override { return skipped_; }
  std::string passed_by() const override { return passed_by_; }

  bool in_memory() const { return pixels_ != nullptr; }

 private:
  struct Failure;
  void leave_out(std::vector<Failure> failures, int64_t total);
  [[noreturn]] void fail_as_none_is_left(const std::vector<Failure>& failures) const;

  std::unique_ptr<Dataset> source_;    // null once the pictures are in memory
  std::unique_ptr<uint8_t[]> pixels_;  // (size_, image_size_, image_size_, channels_), or null
  std::vector<int64_t> kept_;          // their numbers in the source; used only where pixels_ is null
  std::vector<std::string> files_;     // likewise where it is not; empty if pictures have no files
  int64_t size_ = 0, image_size_, channels_;
  std::string description_, passed_by_;
  std::vector<std::string> skipped_;
};

}  // namespace duel
