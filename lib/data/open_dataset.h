// The set of pictures that a path names, whatever it is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "lib/data/cached_dataset.h"
#include "lib/data/dataset.h"
#include "lib/data/picture_format.h"

namespace duel {

struct DataOptions {
  /// "synthetic" for the faces that the program draws; a folder of pictures or with the files of CIFAR-10 or
  /// of MNIST; or one such file.
  std::string path = "synthetic";
  PictureFormat format;
  CacheOptions cache;              ///< how a set from the disk is read
  int64_t synthetic_count = 6144;  ///< number of faces of "synthetic"
  uint64_t synthetic_seed = 1;     ///< the people that they show
};

/// Looks at `path` and its content and opens the set. Throws Error if there is nothing, nothing that is
/// known, or it is damaged.
std::unique_ptr<Dataset> open_dataset(const DataOptions& options);

}  // namespace duel
