#include "apps/gan/pictures.h"

#include <algorithm>
#include <cmath>

namespace duel::gan {
namespace {

constexpr int64_t grid_padding = 2;  // white pixels around each picture

}  // namespace

std::vector<Image> to_images(const Tensor& pictures) {
  const std::vector<float> values = pictures.to_vector<float>();
  const int64_t count = pictures.dim(0), size = count ? pictures.numel() / count : 0;
  std::vector<Image> images;
  for (int64_t i = 0; i < count; ++i) {
    Image image{pictures.dim(2), pictures.dim(1), pictures.dim(3),
                std::vector<uint8_t>(static_cast<size_t>(size))};
    std::transform(values.begin() + i * size, values.begin() + (i + 1) * size, image.pixels.begin(),
                   [](float x) {
                     return static_cast<uint8_t>(std::lround((std::clamp(x, -1.0f, 1.0f) + 1.0f) * 127.5f));
                   });
    images.push_back(std::move(image));
  }
  return images;
}

int64_t grid_columns(size_t count, int64_t columns) {
  return columns > 0 ? columns : static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(count))));
}

Image grid(const std::vector<Image>& images, int64_t columns) {
  return tile(images, grid_columns(images.size(), columns), grid_padding);
}

bool grid_fits(int64_t count, int64_t image_size, int64_t columns) {
  const int64_t across = std::min(count, grid_columns(static_cast<size_t>(count), columns));
  const auto side = [&](int64_t pictures) { return pictures * (image_size + grid_padding) + grid_padding; };
  return side(across) <= kMaxPixels / side((count + across - 1) / across);
}

Image picture_of(const Dataset& data, int64_t index) {
  Image image{data.image_size(), data.image_size(), data.channels(), {}};
  image.pixels.resize(static_cast<size_t>(data.picture_bytes()));
  data.read(index, image.pixels.data());
  return image;
}

std::vector<Image> first_pictures(const Dataset& data, int64_t count) {
  std::vector<Image> images;
  for (int64_t i = 0; i < std::min(count, data.size()); ++i) images.push_back(picture_of(data, i));
  return images;
}

Image grid_of_reals(const Dataset& data) { return grid(first_pictures(data, 64)); }

}  // namespace duel::gan
