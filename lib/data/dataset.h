// The interface of a set of pictures, all of one size.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace duel {

class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual int64_t size() const = 0;        ///< number of pictures
  virtual int64_t image_size() const = 0;  ///< height and width in pixels
  virtual int64_t channels() const = 0;    ///< 1 (grey) or 3 (RGB)

  /// Bytes of one picture.
  int64_t picture_bytes() const { return image_size() * image_size() * channels(); }

  /// Writes picture `index` (0 .. size()-1) as bytes, (image_size, image_size, channels), into `pixels`.
  /// May be called from several threads at once. Throws Error if the picture cannot be read.
  virtual void read(int64_t index, uint8_t* pixels) const = 0;

  /// The file that picture `index` is, with its path; "" where pictures have no files of their own.
  virtual std::string file_of(int64_t /*index*/) const { return {}; }

  /// One line for people: where the pictures come from and how they were cropped.
  virtual std::string description() const = 0;

  /// Pictures that were found but left out because they cannot be read: each as its file and the reason.
  virtual std::span<const std::string> skipped() const { return {}; }
  /// One line for people: how many files were found that are no pictures by their names, and what else was
  /// passed by; "" if nothing was.
  virtual std::string passed_by() const { return {}; }
};

}  // namespace duel
