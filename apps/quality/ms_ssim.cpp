#include "apps/quality/ms_ssim.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "lib/error.h"

namespace duel::quality {
namespace {

constexpr int64_t window = 11;
constexpr double sigma = 1.5;
constexpr double range = 2;  // of intensities 0 .. 2
constexpr double c1 = (0.01 * range) * (0.01 * range), c2 = (0.03 * range) * (0.03 * range);
constexpr std::array<double, 5> exponents{0.0448, 0.2856, 0.3001, 0.2363, 0.1333};

/// A picture of one channel.
struct Plane {
  int64_t side = 0;
  std::vector<double> pixels;
};

const std::array<double, window>& gaussian() {
  static const auto weights = [] {
    std::array<double, window> w{};
    for (int64_t i = 0; i < window; ++i) {
      const auto x = static_cast<double>(i - window / 2);
      w[static_cast<size_t>(i)] = std::exp(-x * x / (2 * sigma * sigma));
    }
    const double sum = std::accumulate(w.begin(), w.end(), 0.0);
    for (double& weight : w) weight /= sum;
    return w;
  }();
  return weights;
}

/// The windowed mean, where the window fits.
std::vector<double> blurred(const std::vector<double>& x, int64_t side) {
  const int64_t out = side - window + 1;
  std::vector<double> rows(static_cast<size_t>(side * out)), both(static_cast<size_t>(out * out));
  for (int64_t k = 0; k < window; ++k) {
    const double weight = gaussian()[static_cast<size_t>(k)];
    for (int64_t y = 0; y < side; ++y) {
      for (int64_t c = 0; c < out; ++c)
        rows[static_cast<size_t>(y * out + c)] += weight * x[static_cast<size_t>(y * side + c + k)];
    }
  }
  for (int64_t k = 0; k < window; ++k) {
    const double weight = gaussian()[static_cast<size_t>(k)];
    for (int64_t y = 0; y < out; ++y) {
      for (int64_t c = 0; c < out; ++c)
        both[static_cast<size_t>(y * out + c)] += weight * rows[static_cast<size_t>((y + k) * out + c)];
    }
  }
  return both;
}

std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> result(a.size());
  std::transform(a.begin(), a.end(), b.begin(), result.begin(), std::multiplies<>());
  return result;
}

struct Similarity {
  double all, contrast_and_structure;
};

Similarity ssim(const Plane& a, const Plane& b) {
  const std::vector<double> mean_a = blurred(a.pixels, a.side), mean_b = blurred(b.pixels, b.side);
  const std::vector<double> aa = blurred(product(a.pixels, a.pixels), a.side);
  const std::vector<double> bb = blurred(product(b.pixels, b.pixels), a.side);
  const std::vector<double> ab = blurred(product(a.pixels, b.pixels), a.side);
  Similarity sum{0, 0};
  for (size_t i = 0; i < aa.size(); ++i) {
    const double ma = mean_a[i], mb = mean_b[i];
    const double variances = aa[i] - ma * ma + bb[i] - mb * mb, covariance = ab[i] - ma * mb;
    const double cs = (2 * covariance + c2) / (variances + c2);
    sum.contrast_and_structure += cs;
    sum.all += cs * (2 * ma * mb + c1) / (ma * ma + mb * mb + c1);
  }
  const auto count = static_cast<double>(aa.size());
  return {sum.all / count, sum.contrast_and_structure / count};
}

/// The means of 2 x 2 pixels.
Plane halved(const Plane& plane) {
  const int64_t side = plane.side / 2;
  Plane half{side, std::vector<double>(static_cast<size_t>(side * side))};
  for (int64_t y = 0; y < side; ++y) {
    for (int64_t x = 0; x < side; ++x) {
      const double* const at = plane.pixels.data() + 2 * y * plane.side + 2 * x;
      half.pixels[static_cast<size_t>(y * side + x)] =
          (at[0] + at[1] + at[plane.side] + at[plane.side + 1]) / 4;
    }
  }
  return half;
}

double ms_ssim(Plane a, Plane b) {
  const auto scales = static_cast<size_t>(ms_ssim_scales(a.side));
  const double total = std::accumulate(exponents.begin(), exponents.begin() + scales, 0.0);
  double result = 1;
  for (size_t scale = 0; scale < scales; ++scale) {
    const Similarity s = ssim(a, b);
    const double part = scale + 1 == scales ? s.all : s.contrast_and_structure;
    result *= std::pow(std::max(part, 0.0), exponents[scale] / total);
    a = halved(a);
    b = halved(b);
  }
  return result;
}

/// Pixels in [-1, 1] as intensities 0 .. 2: the term of luminance is one of numbers that are not negative.
Plane channel_of(const float* picture, int64_t side, int64_t channels, int64_t channel) {
  Plane plane{side, std::vector<double>(static_cast<size_t>(side * side))};
  for (int64_t i = 0; i < side * side; ++i)
    plane.pixels[static_cast<size_t>(i)] = picture[i * channels + channel] + 1.0;
  return plane;
}

}  // namespace

int ms_ssim_scales(int64_t image_size) {
  int scales = 0;
  for (int64_t side = image_size; side >= window && scales < 5; side /= 2) ++scales;
  return scales;
}

std::vector<double> ms_ssim(const Tensor& pictures, const std::vector<std::pair<int64_t, int64_t>>& pairs) {
  const int64_t side = pictures.dim(1), channels = pictures.dim(3), size = side * side * channels;
  check(side >= window, "[ms_ssim] pictures must have at least ", window, " pixels a side, got ",
        pictures.shape());
  const float* const values = pictures.data<float>();
  std::vector<double> result;
  for (const auto& [i, j] : pairs) {
    double sum = 0;
    for (int64_t c = 0; c < channels; ++c)
      sum += ms_ssim(channel_of(values + i * size, side, channels, c),
                     channel_of(values + j * size, side, channels, c));
    result.push_back(sum / static_cast<double>(channels));
  }
  return result;
}

}  // namespace duel::quality
