// CIFAR-10 in its binary version (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009).
#pragma once

#include <filesystem>
#include <memory>

#include "lib/data/dataset.h"

namespace duel {

/// Whether a file's name is that of a batch of CIFAR-10: data_batch_N.bin or test_batch.bin.
bool is_cifar10_file(const std::filesystem::path& path);

/// The pictures of one file, or of all data_batch_N.bin in a folder. A record is a label byte and 32x32
/// pixels in three planes; labels are left out. Throws Error naming the file whose length is not a whole
/// number of records.
std::unique_ptr<Dataset> load_cifar10(const std::filesystem::path& path, int64_t image_size,
                                      int64_t channels);

}  // namespace duel
