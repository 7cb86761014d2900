// Copies, fills, random numbers, and pixels to floats.
#include <array>
#include <cstring>

#include "lib/placement.h"
#include "ops/cpu/cpu_kernels.h"
#include "ops/cpu/parallel.h"

namespace duel::cpu {

void CpuKernels::copy(const Tensor& source, const Tensor& target) {
  if (source.bytes() > 0) std::memmove(target.raw(), source.raw(), source.bytes());
}

void CpuKernels::upload(const void* host, const Tensor& target) {
  if (target.bytes() > 0) std::memcpy(target.raw(), host, target.bytes());  // an empty vector's data is null
}
void CpuKernels::download(const Tensor& source, void* host) {
  if (source.bytes() > 0) std::memcpy(host, source.raw(), source.bytes());
}

void CpuKernels::fill(const Tensor& x, double value) {
  const auto fill_as = [&](auto type) {
    using T = decltype(type);
    T* const data = x.data<T>();
    parallel_for(x.numel(), [&](int64_t begin, int64_t end) {
      std::fill(data + begin, data + end, converted<T>(value));
    });
  };
  switch (x.dtype()) {
    case DType::Float32:
      return fill_as(float{});
    case DType::Float64:
      return fill_as(double{});
    case DType::BFloat16:
      return fill_as(BFloat16{});
    case DType::UInt8:
      return fill_as(uint8_t{});
    case DType::Int64:
      return fill_as(int64_t{});
  }
}

void CpuKernels::random(const Distribution& distribution, uint64_t seed, uint64_t stream,
                        const Tensor& position, const Tensor& x) {
  int64_t& next = *position.data<int64_t>();
  const int64_t blocks = (x.numel() + 3) / 4;
  dispatch_float(x.dtype(), [&](auto type) {
    using T = decltype(type);
    T* const data = x.data<T>();
    std::visit(
        [&](const auto& f) {
          parallel_for(
              blocks,
              [&](int64_t begin, int64_t end) {
                for (int64_t b = begin; b < end; ++b) {
                  const PhiloxBlock block = philox4x32_10(seed, stream, static_cast<uint64_t>(next + b));
                  const int64_t lanes = std::min<int64_t>(4, x.numel() - 4 * b);
                  float values[4];
                  if constexpr (requires { f.values(block, values); })
                    f.values(block, values);
                  else
                    for (int lane = 0; lane < 4; ++lane) values[lane] = f.value(block, lane);
                  for (int64_t lane = 0; lane < lanes; ++lane) data[4 * b + lane] = T(values[lane]);
                }
              },
              elements_per_chunk / 4);
        },
        distribution);
  });
  next += blocks;
}

void CpuKernels::pixels_to_float(const Tensor& pixels, const Tensor& y) {
  const uint8_t* const from = pixels.data<uint8_t>();
  dispatch_float(y.dtype(), [&](auto type) {
    using T = decltype(type);
    T* const to = y.data<T>();
    std::array<T, 256> value_of;  // a division each is what would take the time
    for (size_t i = 0; i < value_of.size(); ++i) value_of[i] = pixel_value<T>(static_cast<uint8_t>(i));
    parallel_for(y.numel(), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] = value_of[from[i]];
    });
  });
}

void CpuKernels::pick_pictures(const Tensor& set, const Tensor& order, const PictureFlips& flips,
                               const Tensor& y) {
  const uint8_t* const from = set.data<uint8_t>();
  const int64_t* const chosen = order.data<int64_t>();
  const PicturePlacement placement = PicturePlacement::of(y.shape());
  dispatch_float(y.dtype(), [&](auto type) {
    using T = decltype(type);
    T* const to = y.data<T>();
    parallel_for(
        y.dim(0),
        [&](int64_t begin, int64_t end) {
          for (int64_t picture = begin; picture < end; ++picture) {
            const bool flipped = flips(picture);
            T* const y_picture = to + placement.first(picture);
            const uint8_t* const source = from + placement.first(chosen[picture]);
            for (int i = 0; i < placement.elements(); ++i)
              y_picture[i] = pixel_value<T>(source[placement.source(i, flipped)]);
          }
        },
        1);
  });
}

}  // namespace duel::cpu
