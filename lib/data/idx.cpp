#include "lib/data/idx.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <tuple>
#include <utility>

#include "lib/error.h"
#include "lib/io/file.h"

namespace duel {
namespace {

constexpr int64_t kHeader = 16;

/// The content of a file, unpacked if it was packed with gzip.
class UnpackedFile {
 public:
  explicit UnpackedFile(const std::filesystem::path& path)
      : name_(path.string()), file_(::gzopen(path.c_str(), "rb"), &::gzclose) {
    check(file_ != nullptr, "cannot read ", name_, ": ", std::strerror(errno));
    ::gzbuffer(file_.get(), 1 << 17);
  }

  /// Fills `to` as far as the content reaches and returns how many bytes that were. Throws Error if the
  /// packed data are damaged or end too early.
  int64_t read(std::span<uint8_t> to) {
    size_t length = 0;
    while (length < to.size()) {
      const size_t part = std::min<size_t>(to.size() - length, 1 << 30);
      const int count = ::gzread(file_.get(), to.data() + length, static_cast<unsigned>(part));
      if (count <= 0) break;
      length += static_cast<size_t>(count);
    }
    int error = Z_OK;
    const char* reason = ::gzerror(file_.get(), &error);
    if (error == Z_BUF_ERROR) reason = "it is cut short";
    if (error == Z_ERRNO) reason = std::strerror(errno);
    check(error == Z_OK || error == Z_STREAM_END, "cannot unpack ", name_, ": ", reason);
    return static_cast<int64_t>(length);
  }

 private:
  std::string name_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
};

int64_t big_endian(const uint8_t* bytes) {
  return int64_t{bytes[0]} << 24 | int64_t{bytes[1]} << 16 | int64_t{bytes[2]} << 8 | int64_t{bytes[3]};
}

/// The next `expected` bytes, or fewer if the file ends before. Grows with what is there, since a damaged
/// header may promise any length.
std::vector<uint8_t> read_up_to(UnpackedFile& file, int64_t expected) {
  std::vector<uint8_t> bytes;
  int64_t length = 0;
  for (int64_t part = 1 << 20; length == static_cast<int64_t>(bytes.size()) && length < expected; part *= 2) {
    bytes.resize(static_cast<size_t>(std::min(expected, length + part)));
    length += file.read(std::span(bytes).subspan(static_cast<size_t>(length)));
  }
  bytes.resize(static_cast<size_t>(length));
  return bytes;
}

int64_t count_rest(UnpackedFile& file) {
  std::vector<uint8_t> scratch(1 << 16);
  int64_t rest = 0;
  while (const int64_t count = file.read(scratch)) rest += count;
  return rest;
}

}  // namespace

std::filesystem::path IdxImages::file(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return path;
  std::vector<std::tuple<bool, bool, std::filesystem::path>> found;  // the best sorts first
  for (const std::filesystem::path& file : list_folder(path)) {
    const std::string name = file.filename().string();
    if (name.find("images") == std::string::npos || name.find("idx3-ubyte") == std::string::npos) continue;
    found.emplace_back(name.find("train") == std::string::npos, name.ends_with(".gz"), file);
  }
  return found.empty() ? std::filesystem::path() : std::get<2>(*std::min_element(found.begin(), found.end()));
}

IdxImages::IdxImages(const std::filesystem::path& path, const PictureFormat& format)
    : path_(IdxImages::file(path)), format_(format) {
  format_.check();
  check(!path_.empty(), "no file *images*idx3-ubyte or *images*idx3-ubyte.gz in ", path.string());
  const std::string name = path_.string();
  UnpackedFile file(path_);

  std::array<uint8_t, kHeader> header{};
  const int64_t header_length = file.read(header);
  check(header_length >= 4 && header[0] == 0 && header[1] == 0 && header[2] == 8 && header[3] == 3, name,
        " is no IDX file of pictures: it begins with other bytes than 0 0 8 3",
        header_length >= 4 && header[3] == 1 ? " (these may be labels)" : "");
  check(header_length == kHeader, name, " is ", header_length, " bytes long, shorter than the header of ",
        kHeader);
  count_ = big_endian(&header[4]);
  height_ = big_endian(&header[8]);
  width_ = big_endian(&header[12]);
  constexpr int64_t kMaxSide = 4096;
  check(count_ >= 1 && height_ >= 1 && width_ >= 1 && height_ <= kMaxSide && width_ <= kMaxSide, name,
        " promises ", count_, " pictures of ", height_, "x", width_, " pixels: its header is damaged");

  const int64_t expected = count_ * height_ * width_;
  pixels_ = read_up_to(file, expected);
  const int64_t actual = static_cast<int64_t>(pixels_.size()) + count_rest(file);
  check(actual == expected, name, " is ", kHeader + actual, " bytes long where ", count_, " pictures of ",
        height_, "x", width_, " take ", kHeader + expected);
}

void IdxImages::read(int64_t index, uint8_t* pixels) const {
  const int64_t size = height_ * width_;
  const uint8_t* begin = pixels_.data() + index * size;
  format_.apply(Image{width_, height_, 1, {begin, begin + size}}, pixels);
}

std::string IdxImages::description() const {
  return concat(size(), " pictures of ", path_.string(), ", ", format_.description());
}

}  // namespace duel
