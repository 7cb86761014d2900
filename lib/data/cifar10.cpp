#include "lib/data/cifar10.h"

#include <algorithm>
#include <string>
#include <vector>

#include "lib/data/memory_dataset.h"
#include "lib/io/file.h"
#include "lib/io/image.h"

namespace duel {
namespace {

namespace fs = std::filesystem;

constexpr int64_t side = 32, plane = side * side, record = 1 + 3 * plane;

/// The pixels of a record, from planes to channels-last.
Image picture(const uint8_t* planes) {
  Image image{side, side, 3, std::vector<uint8_t>(static_cast<size_t>(3 * plane))};
  for (int64_t i = 0; i < plane; ++i)
    for (int64_t c = 0; c < 3; ++c) image.pixels[static_cast<size_t>(3 * i + c)] = planes[c * plane + i];
  return image;
}

std::vector<fs::path> batches(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(path))
    if (is_cifar10_file(entry.path()) && entry.path().filename() != "test_batch.bin")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  check(!files.empty(), path.string(), ": holds no data_batch_N.bin of CIFAR-10");
  return files;
}

}  // namespace

bool is_cifar10_file(const fs::path& path) {
  const std::string name = path.filename().string();
  return name == "test_batch.bin" || (name.starts_with("data_batch_") && name.ends_with(".bin"));
}

std::unique_ptr<Dataset> load_cifar10(const fs::path& path, int64_t image_size, int64_t channels) {
  std::vector<uint8_t> pixels;
  for (const fs::path& file : batches(path)) {
    const std::vector<uint8_t> bytes = read_file(file);
    const auto length = static_cast<int64_t>(bytes.size());
    check(length > 0 && length % record == 0, file.string(), ": has ", length,
          " bytes; CIFAR-10's binary version has records of ", record, " bytes, so ", length % record,
          " are left over");
    for (int64_t at = 0; at < length; at += record) {
      const Image image =
          central_square(with_channels(picture(bytes.data() + at + 1), channels), 0, image_size);
      pixels.insert(pixels.end(), image.pixels.begin(), image.pixels.end());
    }
  }
  const auto count = static_cast<int64_t>(pixels.size()) / (image_size * image_size * channels);
  return std::make_unique<MemoryDataset>(std::move(pixels), image_size, channels,
                                         concat(path.string(), ": ", count, " pictures of CIFAR-10 as ",
                                                image_size, "x", image_size, "x", channels));
}

}  // namespace duel
