#include "lib/data/cifar10.h"

#include <algorithm>
#include <utility>

#include "lib/error.h"
#include "lib/io/file.h"

namespace duel {
namespace {

constexpr int64_t kSide = 32, kPlane = kSide * kSide, kRecord = 1 + 3 * kPlane;

}  // namespace

std::vector<std::filesystem::path> Cifar10::files(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> found;
  for (const std::filesystem::path& file : list_folder(path)) {
    const std::string name = file.filename().string();
    if (name.starts_with("data_batch_") && name.ends_with(".bin")) found.push_back(file);
  }
  return found;
}

Cifar10::Cifar10(std::filesystem::path path, const PictureFormat& format)
    : path_(std::move(path)), format_(format) {
  format_.check();
  const std::vector<std::filesystem::path> files = Cifar10::files(path_);
  check(!files.empty(), "no file data_batch_*.bin in ", path_.string());
  for (const std::filesystem::path& file : files) {
    const std::vector<uint8_t> bytes = read_file(file);
    const int64_t length = static_cast<int64_t>(bytes.size());
    check(length > 0 && length % kRecord == 0, file.string(), " is ", length,
          " bytes long; a file of CIFAR-10 is a multiple of ", kRecord, ", the nearest ",
          std::max<int64_t>(1, (length + kRecord / 2) / kRecord) * kRecord);
    for (int64_t at = 0; at < length; at += kRecord) {
      const int label = bytes[static_cast<size_t>(at)];
      check(label < 10, file.string(), " is not of CIFAR-10: record ", at / kRecord, " has the label ", label,
            ", where 9 is the largest");
    }
    records_.insert(records_.end(), bytes.begin(), bytes.end());
  }
}

int64_t Cifar10::size() const { return static_cast<int64_t>(records_.size()) / kRecord; }

void Cifar10::read(int64_t index, uint8_t* pixels) const {
  const uint8_t* planes = records_.data() + index * kRecord + 1;
  Image image{kSide, kSide, 3, std::vector<uint8_t>(3 * kPlane)};
  for (int64_t i = 0; i < 3 * kPlane; ++i)
    image.pixels[static_cast<size_t>(i)] = planes[i % 3 * kPlane + i / 3];
  format_.apply(image, pixels);
}

std::string Cifar10::description() const {
  return concat(size(), " pictures of CIFAR-10 from ", path_.string(), ", ", format_.description());
}

}  // namespace duel
