// Working memory of the fast kernels: kept from call to call, so that a training step does not allocate.
#pragma once

#include <cstddef>
#include <cstdint>

namespace duel::cpu {

/// A claim on one of this thread's scratch blocks while it lives. A function that holds one may call others
/// that take theirs: the claims of a thread nest, and each depth has a block of its own.
class Scratch {
 public:
  /// Room for `floats` floats with undefined contents. Throws Error if there is none.
  explicit Scratch(int64_t floats);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// The next padded(floats) floats of it, aligned to 64 bytes.
  float* take(int64_t floats);

  /// What take(floats) uses up.
  static constexpr int64_t padded(int64_t floats) { return (floats + 15) / 16 * 16; }

 private:
  float* next_;
  float* end_;
};

/// The bytes that the scratch blocks of all threads hold now.
int64_t scratch_bytes();

}  // namespace duel::cpu
