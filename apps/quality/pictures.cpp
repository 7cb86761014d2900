#include "apps/quality/pictures.h"

#include <algorithm>
#include <vector>

#include "lib/functors.h"

namespace duel::quality {

Tensor read_pictures(const Dataset& data, std::span<const int64_t> which) {
  const int64_t side = data.image_size(), size = data.picture_bytes();
  const Tensor pictures = Tensor::empty({static_cast<int64_t>(which.size()), side, side, data.channels()});
  std::vector<uint8_t> pixels(static_cast<size_t>(size));
  float* to = pictures.data<float>();
  for (const int64_t index : which) {
    data.read(index, pixels.data());
    to = std::transform(pixels.begin(), pixels.end(), to, pixel_value<float>);
  }
  return pictures;
}

Tensor mirrored(const Tensor& pictures) {
  const int64_t side = pictures.dim(2), channels = pictures.dim(3), row = side * channels;
  const Tensor result = Tensor::empty(pictures.shape());
  const float* from = pictures.data<float>();
  float* to = result.data<float>();
  for (int64_t y = 0; y < pictures.numel() / row; ++y, from += row, to += row) {
    for (int64_t x = 0; x < side; ++x)
      std::copy_n(from + (side - 1 - x) * channels, channels, to + x * channels);
  }
  return result;
}

Tensor points_of(const Tensor& pictures) {
  const int64_t n = pictures.dim(0), side = pictures.dim(1), channels = pictures.dim(3);
  const int64_t block = side / point_side;
  const Tensor points = Tensor::zeros({n, point_side * point_side * channels});
  const float* from = pictures.data<float>();
  const float weight = 1 / static_cast<float>(block * block);
  for (int64_t i = 0; i < n; ++i) {
    float* const to = points.data<float>() + i * points.dim(1);
    for (int64_t y = 0; y < side; ++y) {
      for (int64_t x = 0; x < side; ++x) {
        for (int64_t c = 0; c < channels; ++c)
          to[(y / block * point_side + x / block) * channels + c] += weight * *from++;
      }
    }
  }
  return points;
}

Tensor read_points(const Dataset& data, std::span<const int64_t> which) {
  constexpr size_t at_a_time = 1000;
  const Tensor points =
      Tensor::empty({static_cast<int64_t>(which.size()), point_side * point_side * data.channels()});
  for (size_t first = 0; first < which.size(); first += at_a_time) {
    const auto some = which.subspan(first, std::min(at_a_time, which.size() - first));
    points.rows(static_cast<int64_t>(first), static_cast<int64_t>(some.size()))
        .copy_from(points_of(read_pictures(data, some)));
  }
  return points;
}

}  // namespace duel::quality
