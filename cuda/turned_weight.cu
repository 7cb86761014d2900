#include "cuda/instructions.cuh"
#include "cuda/turn.cuh"
#include "cuda/turned_weight.h"

namespace duel::cuda {
namespace {

struct RoundToTf32 {
  __device__ float operator()(float x) const {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
    return rounded_to_tf32(x);
#else
    return x;  // where nobody asks for it
#endif
  }
};

}  // namespace

TurnedWeight::TurnedWeight(const Queue& queue, CachingAllocator& allocator, const Conv2dShape& s,
                           const float* weight)
    : copy_(allocator, s.oc * s.gemm_k()) {
  const int64_t taps = s.kh * s.kw;
  launch_turn(queue, Turn{taps, s.oc, s.ic, s.ic, taps * s.ic, s.oc, taps * s.oc}, RoundToTf32{}, Write::Set,
              weight, copy_.data());
}

}  // namespace duel::cuda
