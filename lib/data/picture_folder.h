// The pictures in a folder and its subfolders.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lib/data/dataset.h"
#include "lib/data/picture_format.h"

namespace duel {

/// Every file below the folder whose name ends in one of extensions() in either case, in the bytewise order
/// of their paths. Symbolic links are followed, and a folder that several lead to, or that lies around its
/// own link, is read once. Names that begin with a dot are passed over, and folders below it that are
/// those of training runs, with all that is in them. Each read() decodes the file anew; CachedDataset keeps
/// the result.
class PictureFolder final : public Dataset {
 public:
  /// Throws Error if there is no such folder, it holds no file with such a name, or the format is out of
  /// range; and naming the folder, itself or one below it, that cannot be read.
  PictureFolder(std::filesystem::path folder, const PictureFormat& format);

  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  int64_t image_size() const override { return format_.image_size; }
  int64_t channels() const override { return format_.channels; }
  /// Throws Error that names the file if it cannot be read or decoded; TooSmall if it is smaller than the
  /// crop.
  void read(int64_t index, uint8_t* pixels) const override;
  std::string file_of(int64_t index) const override;
  std::string description() const override;
  std::string passed_by() const override;

  /// The path of a picture, relative to the folder.
  const std::string& file(int64_t index) const { return files_[static_cast<size_t>(index)]; }

  /// For people: ".jpg .jpeg ...".
  static std::string extensions();

 private:
  std::filesystem::path folder_;
  PictureFormat format_;
  std::vector<std::string> files_;
  std::map<std::string, int64_t> others_;  // how many files with another ending there are, each with its dot
  std::vector<std::string> runs_;          // folders of training runs, likewise passed by
};

}  // namespace duel
