#include "ops/cpu/gemm_scratch.h"

#include <array>
#include <atomic>

#include "lib/divisor.h"
#include "lib/error.h"
#include "lib/host_memory.h"

namespace duel::cpu {
namespace {

std::atomic<int64_t> total_bytes{0};

/// What the claims of one depth of nesting use, one after the other.
struct Level {
  float* data = nullptr;
  int64_t bytes = 0;

  ~Level() { release(); }
  void release() {
    free_host_memory(data);
    total_bytes -= bytes;
    data = nullptr;
    bytes = 0;
  }
  void grow(int64_t wanted) {
    if (wanted <= bytes) return;
    release();
    constexpr int64_t page = 4096;
    wanted = ceil_divide(wanted, page) * page;
    data = static_cast<float*>(allocate_host_memory(static_cast<size_t>(wanted)));
    check(data != nullptr, "[cpu] no memory for ", wanted, " bytes of scratch; a smaller batch needs less");
    bytes = wanted;
    total_bytes += wanted;
  }
};

struct Levels {
  std::array<Level, 4> at_depth;
  size_t depth = 0;
};

thread_local Levels levels;

}  // namespace

Scratch::Scratch(int64_t floats) {
  check(levels.depth < levels.at_depth.size(), "[cpu] scratch claims nested too deep: a bug in the kernel");
  Level& level = levels.at_depth[levels.depth];
  level.grow(padded(floats) * static_cast<int64_t>(sizeof(float)));
  ++levels.depth;
  next_ = level.data;
  end_ = level.data + padded(floats);
}

Scratch::~Scratch() { --levels.depth; }

float* Scratch::take(int64_t floats) {
  float* const result = next_;
  next_ += padded(floats);
  check(next_ <= end_, "[cpu] scratch taken past its end: a bug in the kernel that counted it");
  return result;
}

int64_t scratch_bytes() { return total_bytes; }

}  // namespace duel::cpu
