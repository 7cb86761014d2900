#include "tests/host_cuda/instructions.h"

#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "tests/host_cuda/cuda/instructions.cuh"

namespace host_cuda {
namespace {

constexpr unsigned warp_size = 32;

struct Copy {
  void* shared;
  const void* source;
  int bytes;
  bool valid;

  void make() const {
    if (valid) {
      std::memcpy(shared, source, static_cast<size_t>(bytes));
    } else {
      std::memset(shared, 0, static_cast<size_t>(bytes));
    }
  }
};

/// One lane's part of a product.
struct Product {
  Factors factors;
  float* sums;
  uint32_t a[4], b[2];
};

struct Thread {
  std::vector<std::vector<Copy>> groups{1};  // the last one is still open
  std::vector<Product> products;
  bool waited = false;  // for the work before the kernel
};

std::vector<Thread> threads;
unsigned count = 0;  // of them, in this block
std::vector<float> shared_memory;
std::mt19937 random_bits;

Thread& this_thread() { return threads[threadIdx.x]; }

/// A card would go on with wrong numbers.
void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "host_cuda: block %u: %s\n", blockIdx.x, what);
  std::abort();
}

float bf16(uint32_t half) { return std::bit_cast<float>(half << 16); }

/// The element that is number i of those that a word of a factor holds.
float element(Factors factors, uint32_t word, int i) {
  if (factors == Factors::Bf16) return bf16(word >> 16 * i & 0xffff);
  require((word & 0x1fff) == 0, "a factor was not rounded to TF32");
  return std::bit_cast<float>(word);
}

/// Product number `number` of the warp whose first thread is `first`. Words lie as in m16n8k8 for TF32, whose
/// words hold one element, and m16n8k16 for bfloat16, whose words hold two.
void multiply_warp(unsigned first, size_t number) {
  const auto lane = [&](int i) -> const Product& { return threads[first + i].products[number]; };
  const Factors factors = lane(0).factors;
  const int in_word = factors == Factors::Bf16 ? 2 : 1, depth = 8 * in_word;
  float a[16][16], b[16][8];
  for (int i = 0; i < static_cast<int>(warp_size); ++i) {
    require(lane(i).factors == factors, "lanes of a warp multiply different types");
    const int g = i / 4, t = i % 4;
    for (int word = 0; word < 4; ++word) {
      for (int e = 0; e < in_word; ++e)
        a[g + 8 * (word % 2)][t * in_word + e + depth / 2 * (word / 2)] =
            element(factors, lane(i).a[word], e);
    }
    for (int word = 0; word < 2; ++word) {
      for (int e = 0; e < in_word; ++e)
        b[t * in_word + e + depth / 2 * word][g] = element(factors, lane(i).b[word], e);
    }
  }
  for (int i = 0; i < static_cast<int>(warp_size); ++i) {
    for (int sum = 0; sum < 4; ++sum) {
      const int row = i / 4 + 8 * (sum / 2), column = i % 4 * 2 + sum % 2;
      float& target = lane(i).sums[sum];
      for (int k = 0; k < depth; ++k) target += a[row][k] * b[k][column];
    }
  }
}

}  // namespace

void copy_async(void* shared, const void* source, int bytes, bool valid) {
  const auto aligned = [bytes](const void* place) {
    return reinterpret_cast<uintptr_t>(place) % static_cast<uintptr_t>(bytes) == 0;
  };
  require(aligned(shared) && aligned(source), "a copy begins between its units");
  const Copy copy{shared, source, bytes, valid};
  if (random_bits() % 2) return copy.make();
  this_thread().groups.back().push_back(copy);
}

void end_copy_group() { this_thread().groups.emplace_back(); }

void wait_copies(int left) {
  auto& groups = this_thread().groups;
  while (static_cast<int>(groups.size()) - 1 > left) {  // without the open one
    for (const Copy& copy : groups.front()) copy.make();
    groups.erase(groups.begin());
  }
}

void multiply(Factors factors, float* sums, const uint32_t* a, const uint32_t* b) {
  this_thread().products.push_back({factors, sums, {a[0], a[1], a[2], a[3]}, {b[0], b[1]}});
}

void check_row(const void* row) {
  require(reinterpret_cast<uintptr_t>(row) % 16 == 0, "a row of a matrix does not begin on 16 bytes");
}

uint32_t load_pair(const void* low, const void* high) {
  uint16_t halves[2];
  std::memcpy(&halves[0], low, sizeof(halves[0]));
  std::memcpy(&halves[1], high, sizeof(halves[1]));
  return halves[0] | static_cast<uint32_t>(halves[1]) << 16;
}

void* dynamic_shared() { return shared_memory.data(); }

void begin_block(unsigned block_threads, size_t shared_bytes) {
  count = block_threads;
  if (threads.size() < count) threads.resize(count);
  shared_memory.assign(shared_bytes / sizeof(float), std::bit_cast<float>(0xffffffff));
}

void meet_at_barrier() {
  for (unsigned first = 0; first < count; first += warp_size) {
    const size_t products = threads[first].products.size();
    for (unsigned i = first; i < first + warp_size && i < count; ++i)
      require(threads[i].products.size() == products, "not all lanes of a warp take part in a product");
    for (size_t number = 0; number < products; ++number) multiply_warp(first, number);
    for (unsigned i = first; i < first + warp_size && i < count; ++i) threads[i].products.clear();
  }
}

void end_block(bool early) {
  for (unsigned i = 0; i < count; ++i) {
    require(!early || threads[i].waited, "a thread did not wait for the work before its kernel");
    threads[i].waited = false;
    for (const auto& group : threads[i].groups) require(group.empty(), "a thread ends before its copies");
    threads[i].groups.resize(1);
  }
}

}  // namespace host_cuda

void cudaTriggerProgrammaticLaunchCompletion() {}
void cudaGridDependencySynchronize() { host_cuda::this_thread().waited = true; }
