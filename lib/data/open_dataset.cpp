#include "lib/data/open_dataset.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "lib/data/cifar10.h"
#include "lib/data/idx.h"
#include "lib/data/picture_folder.h"
#include "lib/data/synthetic.h"
#include "lib/error.h"

namespace duel {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<Dataset> open_folder(const fs::path& path, const PictureFormat& format) {
  if (!Cifar10::files(path).empty()) return std::make_unique<Cifar10>(path, format);
  if (!IdxImages::file(path).empty()) return std::make_unique<IdxImages>(path, format);
  return std::make_unique<PictureFolder>(path, format);
}

std::unique_ptr<Dataset> open_file(const fs::path& path, const PictureFormat& format) {
  check(fs::is_regular_file(path), path.string(),
        " is neither a folder nor a file");  // a pipe would be waited for
  std::string mark(4, '\0');
  std::ifstream(path, std::ios::binary).read(mark.data(), static_cast<std::streamsize>(mark.size()));
  const bool gzip = mark.starts_with("\x1F\x8B");
  const bool idx =
      mark == std::string("\0\0\x08\x03", 4) || path.filename().string().find("idx") != std::string::npos;
  if (gzip || idx) return std::make_unique<IdxImages>(path, format);
  if (path.extension() == ".bin") return std::make_unique<Cifar10>(path, format);
  fail(path.string(), " is no set of pictures: give a folder with ", PictureFolder::extensions(),
       " files, a file of CIFAR-10 (*.bin) or one of MNIST (*idx3-ubyte, plain or .gz)");
}

}  // namespace

std::unique_ptr<Dataset> open_dataset(const DataOptions& options) {
  if (options.path == "synthetic") {
    check(options.format.crop == 0, "the synthetic faces are drawn at their size and cannot be cropped");
    return std::make_unique<SyntheticFaces>(options.synthetic_count, options.format.image_size,
                                            options.format.channels, options.synthetic_seed);
  }
  const fs::path path = options.path;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  check(fs::exists(status), "cannot read the data in ", options.path, ": ", error.message());
  std::unique_ptr<Dataset> source =
      fs::is_directory(status) ? open_folder(path, options.format) : open_file(path, options.format);
  return std::make_unique<CachedDataset>(std::move(source), options.cache);
}

}  // namespace duel
