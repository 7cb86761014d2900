// Pictures in the IDX format of MNIST (LeCun, Cortes & Burges) and Fashion-MNIST.
#pragma once

#include <filesystem>
#include <memory>

#include "lib/data/dataset.h"

namespace duel {

/// Whether a file's name is that of a set of pictures in IDX: *-images-idx3-ubyte or *.idx3-ubyte, also with
/// .gz.
bool is_idx_file(const std::filesystem::path& path);

/// The pictures of one file, plain or gzip, or of a folder's train-images-idx3-ubyte. They are grey; with 3
/// channels the grey is repeated. Throws Error naming the file whose magic number, sizes or length are wrong,
/// or whose gzip stream is damaged.
std::unique_ptr<Dataset> load_idx(const std::filesystem::path& path, int64_t image_size, int64_t channels);

}  // namespace duel
