#include "apps/quality/neighbours.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lib/error.h"
#include "ops/layout.h"
#include "ops/matmul.h"

namespace duel::quality {
namespace {

std::vector<float> squared_norms(const Tensor& points) {
  const int64_t width = points.dim(1);
  const float* const values = points.data<float>();
  std::vector<float> norms;
  for (int64_t i = 0; i < points.dim(0); ++i) {
    const float* const row = values + i * width;
    norms.push_back(static_cast<float>(std::inner_product(row, row + width, row, 0.0)));
  }
  return norms;
}

}  // namespace

// |a - b|² = |a|² - 2 a·b + |b|²; rounding may make the distance of equal points a little more than 0.
Tensor distances(const Tensor& a, const Tensor& b) {
  const std::vector<float> norms_a = squared_norms(a), norms_b = squared_norms(b);
  const Tensor products = linear(a, b);
  float* const values = products.data<float>();
  const int64_t n = b.dim(0);
  for (int64_t i = 0; i < a.dim(0); ++i) {
    const float norm = norms_a[static_cast<size_t>(i)];
    float* const row = values + i * n;
    for (int64_t j = 0; j < n; ++j) {
      const float squared = norm - 2 * row[j] + norms_b[static_cast<size_t>(j)];
      row[j] = std::isnan(squared) ? INFINITY : std::sqrt(std::max(0.0f, squared));
    }
  }
  return products;
}

Tensor distances(const Points& a, const Tensor& b) {
  const Tensor result = distances(a.upright, b);
  if (!a.mirrored.defined()) return result;
  const Tensor other = distances(a.mirrored, b);
  float *const to = result.data<float>(), *const from = other.data<float>();
  for (int64_t i = 0; i < result.numel(); ++i) to[i] = std::min(to[i], from[i]);
  return result;
}

void for_each_row(const Points& points, const Tensor& others,
                  const std::function<void(int64_t, const float*)>& visit) {
  constexpr int64_t at_a_time = 256;
  const auto some = [](const Tensor& rows, int64_t first, int64_t count) {
    return rows.defined() ? rows.rows(first, count) : rows;
  };
  for (int64_t first = 0; first < points.count(); first += at_a_time) {
    const int64_t count = std::min(at_a_time, points.count() - first);
    const Tensor block =
        distances({some(points.upright, first, count), some(points.mirrored, first, count)}, others);
    for (int64_t i = 0; i < count; ++i) visit(first + i, block.data<float>() + i * others.dim(0));
  }
}

std::vector<double> copies(const Points& points, const Tensor& training, const std::vector<int64_t>& itself) {
  constexpr int64_t around = 50;
  const int64_t count = training.dim(0), left = count - !itself.empty(), k = std::min(around, left);
  check(k >= 2, "[quality] copies of ", count, " pictures: there must be more");
  std::vector<double> result;
  for_each_row(points, training, [&](int64_t i, const float* row) {
    std::vector<float> others(row, row + count);
    if (!itself.empty()) others[static_cast<size_t>(itself[static_cast<size_t>(i)])] = INFINITY;
    std::nth_element(others.begin(), others.begin() + (k - 1), others.end());
    const double nearest = *std::min_element(others.begin(), others.begin() + k);
    const double mean = std::accumulate(others.begin(), others.begin() + k, 0.0) / static_cast<double>(k);
    result.push_back(nearest < 0.5 * mean ? 1 : 0);
  });
  return result;
}

std::vector<int64_t> nearest(const Points& points, const Tensor& others) {
  std::vector<int64_t> result;
  for_each_row(points, others, [&](int64_t, const float* row) {
    result.push_back(std::min_element(row, row + others.dim(0)) - row);
  });
  return result;
}

}  // namespace duel::quality
