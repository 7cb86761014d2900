// The data set that a --data option means.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "lib/data/dataset.h"

namespace duel {

struct DataOptions {
  std::string source = "synthetic";  ///< "synthetic", or a path
  int64_t image_size = 32;
  int64_t channels = 3;
  int64_t crop = 0;                ///< folders of pictures only; see central_square()
  int64_t synthetic_count = 8192;  ///< pictures of the synthetic set
  uint64_t seed = 0;               ///< of the synthetic set
  std::function<void(int64_t done, int64_t total)> progress;  ///< while pictures are decoded
  std::function<void(const std::string& line)> warn;          ///< pictures that are skipped
};

/// "synthetic" is the procedural set of faces; a path is CIFAR-10's binary version or MNIST's IDX, a file or
/// a folder with their files, or else a folder of pictures. Throws Error if there is no such path or the data
/// is bad.
std::unique_ptr<Dataset> open_dataset(const DataOptions& options);

}  // namespace duel
