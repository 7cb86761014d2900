#include "lib/data/picture_folder.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "lib/error.h"
#include "lib/quote.h"

namespace duel {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 12> kExtensions = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp",
                                                          ".tga", ".gif",  ".pnm", ".pbm",  ".pgm", ".ppm"};

/// In lower case, with its dot.
std::string ending_of(const fs::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending;
}

struct Listing {
  std::vector<std::string> pictures;      // relative to the folder
  std::map<std::string, int64_t> others;  // by their endings
  std::vector<std::string> runs;          // relative to the folder
};

/// Whether a training run of this program writes into a folder: its pictures are samples of what it learns,
/// from which it is not to learn. (The names are those of apps/gan/run_files.h; a test trains among its own
/// pictures.)
bool holds_run(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / "config.json", ignored) &&
         fs::is_directory(folder / "checkpoints", ignored);
}

/// The folder itself may be a run, whose pictures were then asked for; those below it are passed by. A folder
/// that is a link comes after all that are none, so that what it leads to is found there first.
Listing list_pictures(const fs::path& folder) {
  Listing listing;
  std::error_code error;
  fs::path at;
  std::vector<fs::path> folders{folder};
  std::set<fs::path> links, seen;  // the latter without links in them
  while (!error && !(folders.empty() && links.empty())) {
    if (folders.empty()) folders.push_back(links.extract(links.begin()).value());
    at = folders.back();
    folders.pop_back();
    const fs::path real = fs::canonical(at, error);
    if (error || !seen.insert(real).second) continue;
    if (at != folder && holds_run(at)) {
      listing.runs.push_back(at.lexically_relative(folder).string());
      continue;
    }
    fs::directory_iterator entry(at, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      std::error_code ignored;  // of a link that leads nowhere
      const fs::path& path = entry->path();
      const fs::file_status status = entry->status(ignored);
      // A pipe would block where it is read.
      if (path.filename().string().starts_with('.') || fs::is_other(status)) continue;
      if (fs::is_directory(status)) {
        if (entry->is_symlink(ignored)) {
          links.insert(path);
        } else {
          folders.push_back(path);
        }
        continue;
      }
      // A link that leads nowhere stays in the list, so that it is reported when it is read.
      const std::string ending = ending_of(path);
      if (std::find(kExtensions.begin(), kExtensions.end(), ending) != kExtensions.end()) {
        listing.pictures.push_back(path.lexically_relative(folder).string());
      } else {
        ++listing.others[ending];
      }
    }
  }
  check(!error, "cannot read the folder ", at.string(), ": ", error.message());
  std::sort(listing.pictures.begin(), listing.pictures.end());
  std::sort(listing.runs.begin(), listing.runs.end());
  return listing;
}

int64_t sum(const std::map<std::string, int64_t>& counts) {
  int64_t all = 0;
  for (const auto& [ending, count] : counts) all += count;
  return all;
}

/// The first of them, with commas between them.
std::string list_of(const std::vector<std::string>& texts) {
  constexpr size_t most = 5;
  std::string list;
  for (size_t i = 0; i < std::min(most, texts.size()); ++i) list += concat(i > 0 ? ", " : "", texts[i]);
  return texts.size() > most ? list + ", ..." : list;
}

/// "2 files with other endings (.csv, .txt)"; empty where there are none.
std::string text_of_others(const std::map<std::string, int64_t>& others) {
  if (others.empty()) return {};
  std::vector<std::string> endings;
  for (const auto& [ending, count] : others)
    endings.push_back(ending.empty() ? "none" : quoted_around(ending, 0));
  const int64_t count = sum(others);
  return concat(counted(count, "file"), count == 1 ? " with another ending (" : " with other endings (",
                list_of(endings), ")");
}

/// Likewise "1 folder of a training run (runs/celeba32-1)".
std::string text_of_runs(const std::vector<std::string>& runs) {
  if (runs.empty()) return {};
  return concat(counted(static_cast<int64_t>(runs.size()), "folder"),
                runs.size() == 1 ? " of a training run (" : " of training runs (", list_of(runs), ")");
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
        sum(listing.others), " files is named ", extensions(), listing.runs.empty() ? "" : "; passed by ",
        text_of_runs(listing.runs));
  files_ = std::move(listing.pictures);
  others_ = std::move(listing.others);
  runs_ = std::move(listing.runs);
}

void PictureFolder::read(int64_t index, uint8_t* pixels) const {
  const fs::path path = file_of(index);
  const Image image = load_image(path);
  try {
    format_.apply(image, pixels);
  } catch (const TooSmall& error) {
    throw TooSmall(concat(path.string(), " ", error.what()), error.side());
  } catch (const Error& error) {
    fail(path.string(), " ", error.what());
  }
}

std::string PictureFolder::file_of(int64_t index) const { return (folder_ / file(index)).string(); }

std::string PictureFolder::description() const {
  return concat(size(), " pictures of ", folder_.string(), ", ", format_.description());
}

std::string PictureFolder::passed_by() const {
  const std::string others = text_of_others(others_), runs = text_of_runs(runs_);
  if (others.empty() && runs.empty()) return {};
  return concat("passed by ", others, others.empty() || runs.empty() ? "" : " and ", runs);
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
