#include "lib/data/picture_folder.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <system_error>
#include <utility>

#include "lib/error.h"

namespace duel {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 10> kExtensions = {".jpg", ".jpeg", ".png", ".bmp", ".tga",
                                                          ".gif", ".pnm",  ".pbm", ".pgm", ".ppm"};

bool has_picture_name(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

struct Listing {
  std::vector<std::string> pictures;  // relative to the folder
  int64_t others = 0;
};

Listing list_pictures(const fs::path& folder) {
  Listing listing;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const fs::file_status status = entry->status(error);
    const bool is_hidden = entry->path().filename().string().starts_with('.');
    if (is_hidden) entry.disable_recursion_pending();
    if (is_hidden || fs::is_directory(status)) continue;
    // A link that leads nowhere stays in the list, so that it is reported when it is read. A pipe would block
    // there.
    if (has_picture_name(entry->path()) && !fs::is_other(status)) {
      listing.pictures.push_back(entry->path().lexically_relative(folder).string());
    } else {
      ++listing.others;
    }
  }
  check(!error, "cannot read the folder ", folder.string(), " or one below it: ", error.message());
  std::sort(listing.pictures.begin(), listing.pictures.end());
  return listing;
}

}  // namespace

PictureFolder::PictureFolder(fs::path folder, const PictureFormat& format)
    : folder_(std::move(folder)), format_(format) {
  format_.check();
  std::error_code error;
  const fs::file_status status = fs::status(folder_, error);
  check(fs::exists(status), "no such folder: ", folder_.string());
  check(fs::is_directory(status), folder_.string(), " is not a folder");
  Listing listing = list_pictures(folder_);
  check(!listing.pictures.empty(), "no pictures in ", folder_.string(), " or below it: none of its ",
        listing.others, " files is named ", extensions());
  files_ = std::move(listing.pictures);
}

void PictureFolder::read(int64_t index, uint8_t* pixels) const {
  const fs::path path = folder_ / file(index);
  const Image image = load_image(path);
  try {
    format_.apply(image, pixels);
  } catch (const Error& error) {
    fail(path.string(), " ", error.what());
  }
}

std::string PictureFolder::description() const {
  return concat(size(), " pictures of ", folder_.string(), ", ", format_.description());
}

std::string PictureFolder::extensions() {
  std::string list;
  for (const std::string_view extension : kExtensions) {
    if (!list.empty()) list += ' ';
    list += extension;
  }
  return list;
}

}  // namespace duel
