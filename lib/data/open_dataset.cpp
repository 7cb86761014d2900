#include "lib/data/open_dataset.h"

#include <algorithm>
#include <filesystem>

#include "lib/data/cifar10.h"
#include "lib/data/idx.h"
#include "lib/data/picture_folder.h"
#include "lib/data/synthetic.h"
#include "lib/error.h"

namespace duel {
namespace {

namespace fs = std::filesystem;

/// Whether the path is such a file, or a folder with one right in it.
bool means(const fs::path& path, bool (*is_file)(const fs::path&)) {
  if (!fs::is_directory(path)) return is_file(path);
  return std::any_of(fs::directory_iterator(path), fs::directory_iterator(),
                     [&](const fs::directory_entry& entry) { return is_file(entry.path()); });
}

std::unique_ptr<Dataset> open_folder(const DataOptions& o) {
  auto folder = std::make_unique<PictureFolder>(
      o.source, PictureFolderOptions{o.image_size, o.channels, o.crop, -1, o.progress});
  constexpr size_t named = 10;
  const auto& skipped = folder->skipped();
  if (o.warn && !skipped.empty()) {
    o.warn(concat("skipped ", skipped.size(), " of ", folder->size() + static_cast<int64_t>(skipped.size()),
                  " pictures:"));
    for (size_t i = 0; i < std::min(named, skipped.size()); ++i) o.warn("  " + skipped[i].reason);
    if (skipped.size() > named) o.warn(concat("  and ", skipped.size() - named, " more"));
  }
  return folder;
}

}  // namespace

std::unique_ptr<Dataset> open_dataset(const DataOptions& o) {
  if (o.source == "synthetic")
    return std::make_unique<SyntheticFaces>(o.synthetic_count, o.image_size, o.channels, o.seed);
  check(fs::exists(o.source), o.source,
        ": there is no such file or folder; --data takes one of them, or: synthetic");
  if (means(o.source, is_cifar10_file)) return load_cifar10(o.source, o.image_size, o.channels);
  if (means(o.source, is_idx_file)) return load_idx(o.source, o.image_size, o.channels);
  check(fs::is_directory(o.source), o.source,
        ": is neither a folder of pictures nor a CIFAR-10 (data_batch_N.bin) or IDX (…idx3-ubyte, plain or "
        ".gz) file");
  return open_folder(o);
}

}  // namespace duel
