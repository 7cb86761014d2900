#include "lib/data/picture_folder.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include "lib/error.h"
#include "lib/io/image.h"
#include "lib/io/memory.h"

namespace duel {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 9> endings{".jpg", ".jpeg", ".png", ".bmp", ".tga",
                                                  ".gif", ".pnm",  ".ppm", ".pgm"};

bool looks_like_picture(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return std::find(endings.begin(), endings.end(), ending) != endings.end();
}

bool hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

void check_folder(const fs::path& folder) {
  check(fs::exists(folder), folder.string(), ": there is no such folder");
  check(fs::is_directory(folder), folder.string(), ": is not a folder");
}

/// Calls visit for every file below the folder that is not hidden.
template <class Visit>
void for_each_file(const fs::path& folder, const Visit& visit) {
  std::error_code error;
  fs::recursive_directory_iterator it(folder, error), end;
  for (; !error && it != end; it.increment(error)) {
    if (hidden(it->path())) {
      if (it->is_directory(error)) it.disable_recursion_pending();
    } else if (it->is_regular_file(error)) {
      visit(it->path());
    }
    error.clear();  // of the one entry: a dangling link is no file
  }
  check(!error, folder.string(), ": the folder cannot be read: ", error.message());
}

}  // namespace

std::vector<fs::path> find_pictures(const fs::path& folder) {
  check_folder(folder);
  std::vector<fs::path> files;
  for_each_file(folder, [&](const fs::path& path) {
    if (looks_like_picture(path)) files.push_back(path);
  });
  std::sort(files.begin(), files.end(),
            [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  return files;
}

PictureFolder::PictureFolder(const fs::path& folder, const PictureFolderOptions& options)
    : folder_(folder), options_(options) {
  const std::vector<fs::path> files = find_pictures(folder);
  if (files.empty()) {
    int64_t others = 0;
    for_each_file(folder, [&](const fs::path&) { ++others; });
    fail(folder.string(), ": holds no pictures: none of its ", others,
         " files ends in .jpg, .jpeg, .png, .bmp, .tga, .gif, .pnm, .ppm or .pgm");
  }
  const auto count = static_cast<int64_t>(files.size());
  const int64_t budget = options.memory_budget >= 0 ? options.memory_budget : available_memory() / 2;
  const bool keep = count * picture_bytes() <= budget;
  std::vector<uint8_t> pixels(static_cast<size_t>((keep ? count : 0) * picture_bytes()));
  std::vector<std::string> reasons(files.size());
  std::atomic<int64_t> done = 0;
#pragma omp parallel
  {
    std::vector<uint8_t> scratch(static_cast<size_t>(picture_bytes()));
#pragma omp for schedule(dynamic, 16)
    for (int64_t i = 0; i < count; ++i) {
      try {
        decode(files[static_cast<size_t>(i)], keep ? pixels.data() + i * picture_bytes() : scratch.data());
      } catch (const std::exception& error) {
        reasons[static_cast<size_t>(i)] = error.what();
      }
      if (const int64_t now = ++done; options_.progress && now % 512 == 0) {
#pragma omp critical(duel_picture_progress)
        options_.progress(now, count);
      }
    }
  }
  // The good pictures close up over the bad ones.
  for (int64_t i = 0; i < count; ++i) {
    if (!reasons[static_cast<size_t>(i)].empty()) {
      skipped_.push_back({files[static_cast<size_t>(i)], reasons[static_cast<size_t>(i)]});
      continue;
    }
    if (keep && size() != i)
      std::memcpy(pixels.data() + size() * picture_bytes(), pixels.data() + i * picture_bytes(),
                  static_cast<size_t>(picture_bytes()));
    files_.push_back(files[static_cast<size_t>(i)]);
  }
  check(!files_.empty(), folder.string(), ": none of its ", count,
        " pictures could be used; the first: ", skipped_.empty() ? "" : skipped_[0].reason);
  if (!keep) return;
  pixels.resize(static_cast<size_t>(size() * picture_bytes()));
  pixels_ = std::move(pixels);
}

void PictureFolder::decode(const fs::path& path, uint8_t* pixels) const {
  try {
    const Image image = central_square(with_channels(load_image(path), options_.channels), options_.crop,
                                       options_.image_size);
    std::memcpy(pixels, image.pixels.data(), image.pixels.size());
  } catch (const Error& error) {
    const std::string text = error.what();
    fail(text.starts_with(path.string()) ? "" : path.string() + ": ", text);
  }
}

void PictureFolder::read(int64_t index, uint8_t* pixels) const {
  check(index >= 0 && index < size(), "picture ", index, " is beyond the ", size(), " of ", folder_.string());
  if (!in_memory()) return decode(files_[static_cast<size_t>(index)], pixels);
  std::memcpy(pixels, pixels_.data() + index * picture_bytes(), static_cast<size_t>(picture_bytes()));
}

std::string PictureFolder::description() const {
  std::string text = concat(folder_.string(), ": ", size(), " pictures, ");
  text += options_.crop ? concat("the central ", options_.crop, "x", options_.crop)
                        : std::string("the central square");
  text += concat(" resized to ", options_.image_size, "x", options_.image_size, "x", options_.channels);
  if (!in_memory()) text += ", decoded again in each epoch (they do not fit in memory)";
  return text;
}

}  // namespace duel
