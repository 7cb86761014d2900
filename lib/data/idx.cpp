#include "lib/data/idx.h"

#include <zlib.h>

#include <string>
#include <vector>

#include "lib/data/memory_dataset.h"
#include "lib/io/image.h"

namespace duel {
namespace {

namespace fs = std::filesystem;

/// The whole of a file, unpacked if it is gzip. zlib reads other files as they are.
std::vector<uint8_t> unpack(const fs::path& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  check(file != nullptr, path.string(), ": cannot be opened");
  std::vector<uint8_t> bytes;
  std::vector<uint8_t> part(1 << 20);
  int count = 0;
  while ((count = gzread(file, part.data(), static_cast<unsigned>(part.size()))) > 0)
    bytes.insert(bytes.end(), part.begin(), part.begin() + count);
  int error = Z_OK;
  const std::string message = gzerror(file, &error);
  gzclose(file);
  check(count == 0 && (error == Z_OK || error == Z_STREAM_END), path.string(),
        ": the gzip stream is damaged or cut ", "short: ", message);
  return bytes;
}

int64_t big_endian(const uint8_t* at) {
  return static_cast<int64_t>(at[0]) << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

fs::path find_file(const fs::path& path) {
  if (!fs::is_directory(path)) return path;
  for (const char* name :
       {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", "train-images.idx3-ubyte"})
    if (fs::exists(path / name)) return path / name;
  fail(path.string(), ": holds no train-images-idx3-ubyte, plain or .gz");
}

}  // namespace

bool is_idx_file(const fs::path& path) {
  std::string name = path.filename().string();
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  return name.ends_with("idx3-ubyte");
}

std::unique_ptr<Dataset> load_idx(const fs::path& path, int64_t image_size, int64_t channels) {
  const fs::path file = find_file(path);
  const std::vector<uint8_t> bytes = unpack(file);
  const auto length = static_cast<int64_t>(bytes.size());
  constexpr int64_t head = 16, magic = 0x803;
  check(length >= head && big_endian(bytes.data()) == magic, file.string(),
        ": is no IDX file of pictures: it does not begin with the magic number 0x00000803");
  const int64_t count = big_endian(bytes.data() + 4), height = big_endian(bytes.data() + 8),
                width = big_endian(bytes.data() + 12);
  check(count > 0 && height > 0 && width > 0 && height <= 65535 && width <= 65535, file.string(),
        ": its head says ", count, " pictures of ", height, "x", width);
  check(length == head + count * height * width, file.string(), ": has ", length, " bytes, its head (", count,
        " pictures of ", height, "x", width, ") needs ", head + count * height * width);
  const int64_t picture = image_size * image_size * channels;
  std::vector<uint8_t> pixels(static_cast<size_t>(count * picture));
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < count; ++i) {
    const uint8_t* const first = bytes.data() + head + i * height * width;
    const Image image = central_square(
        with_channels({width, height, 1, std::vector<uint8_t>(first, first + height * width)}, channels), 0,
        image_size);
    std::copy(image.pixels.begin(), image.pixels.end(), pixels.begin() + i * picture);
  }
  return std::make_unique<MemoryDataset>(std::move(pixels), image_size, channels,
                                         concat(file.string(), ": ", count, " pictures of ", height, "x",
                                                width, " as ", image_size, "x", image_size, "x", channels));
}

}  // namespace duel
