#include "tests/host_cuda/instructions.h"

#include <array>
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

/// One thread's part of a product of its group.
struct GroupProduct {
  Factors factors;
  float* sums;
  int columns;
  uint64_t a, b;
  bool a_across, b_across;

  void make() const;
};

struct Thread {
  std::vector<std::vector<Copy>> groups{1};  // the last one is still open
  std::vector<Product> products;
  std::vector<std::vector<GroupProduct>> group_products{1};
  bool begun = false;           // the open group of products
  bool copies_to_show = false;  // some have arrived that products of the group do not see
  bool copies_shown = true;     // at the last barrier
  bool waited = false;          // for the work before the kernel
};

std::vector<Thread> threads;
unsigned count = 0;  // of them, in this block
int code = 0;        // what the kernel was compiled for
bool has_groups = false;
std::vector<float> shared_memory;
constexpr uint32_t shared_begins = 16;  // a kernel may count on no more than that it begins on 16 bytes
std::mt19937 random_bits;

Thread& this_thread() { return threads[threadIdx.x]; }

/// A card would go on with wrong numbers.
void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "host_cuda: block %u: %s\n", blockIdx.x, what);
  std::abort();
}

float bf16(uint32_t half) { return std::bit_cast<float>(half << 16); }

int in_word(Factors factors) { return factors == Factors::Bf16 ? 2 : 1; }
/// How many products one instruction adds up.
int depth(Factors factors) { return 8 * in_word(factors); }
constexpr int most_depth = 16;

/// What a factor has beyond TF32: nothing, as the backend has rounded it, or what the tensor cores cut off.
enum class Rest { None, CutOff };
/// The element that is number i of those that a word of a factor holds.
float element(Factors factors, uint32_t word, int i, Rest rest) {
  constexpr uint32_t beyond_tf32 = 0x1fff;
  if (factors == Factors::Bf16) return bf16(word >> 16 * i & 0xffff);
  require(rest == Rest::CutOff || (word & beyond_tf32) == 0, "a factor was not rounded to TF32");
  return std::bit_cast<float>(word & ~beyond_tf32);
}

/// Product number `number` of the warp whose first thread is `first`. Words lie as in m16n8k8 for TF32, whose
/// words hold one element, and m16n8k16 for bfloat16, whose words hold two.
void multiply_warp(unsigned first, size_t number) {
  const auto lane = [&](int i) -> const Product& { return threads[first + i].products[number]; };
  const Factors factors = lane(0).factors;
  const int elements = in_word(factors), half = depth(factors) / 2;
  float a[16][most_depth], b[most_depth][8];
  for (int i = 0; i < static_cast<int>(warp_size); ++i) {
    require(lane(i).factors == factors, "lanes of a warp multiply different types");
    const int g = i / 4, t = i % 4;
    for (int word = 0; word < 4; ++word) {
      for (int e = 0; e < elements; ++e)
        a[g + 8 * (word % 2)][t * elements + e + half * (word / 2)] =
            element(factors, lane(i).a[word], e, Rest::None);
    }
    for (int word = 0; word < 2; ++word) {
      for (int e = 0; e < elements; ++e)
        b[t * elements + e + half * word][g] = element(factors, lane(i).b[word], e, Rest::None);
    }
  }
  for (int row = 0; row < 16; ++row) {
    const auto sum = [&](int column) -> float& {
      return lane(row % 8 * 4 + column / 2).sums[row / 8 * 2 + column % 2];
    };
    float sums[8];
    for (int column = 0; column < 8; ++column) sums[column] = sum(column);
    for (int k = 0; k < depth(factors); ++k)
      for (int column = 0; column < 8; ++column) sums[column] += a[row][k] * b[k][column];
    for (int column = 0; column < 8; ++column) sum(column) = sums[column];
  }
}

/// What a matrix descriptor says, after the PTX ISA; see GroupTile (cuda/product_tile.h).
class GroupMatrix {
 public:
  GroupMatrix(Factors factors, uint64_t descriptor, bool across)
      : factors_(factors),
        start_(field(descriptor, 0)),
        next_rows_(field(descriptor, 16)),
        next_eight_(field(descriptor, 32)),
        across_(across) {
    const uint64_t layout = descriptor >> 62;
    require(layout == 1 || layout == 3, "a matrix is in a layout that nobody tested");
    require((descriptor >> 49 & 7) == 0, "a matrix begins between its rows of eight");
    row_bytes_ = layout == 1 ? 128 : 32;
    require(row_bytes_ == 128 || across, "rows of 32 bytes along k");
    require(factors == Factors::Bf16 || !across, "TF32 across k");
  }
  /// The elements of line i, by k.
  void line(uint32_t i, Rest rest, float* elements) const {
    if (across_) {
      const uint32_t in_row = row_bytes_ / 2, first = start_ + i / in_row * next_rows_ + i % in_row * 2;
      for (uint32_t k = 0; k < most_depth; ++k)
        elements[k] = bf16(load<uint16_t>(first + k / 8 * next_eight_ + k % 8 * row_bytes_));
      return;
    }
    const uint32_t first = start_ + i / 8 * next_eight_ + i % 8 * row_bytes_;
    for (const uint32_t unit : {0u, 16u}) {  // 8 words of either type
      for (const uint32_t word : load<std::array<uint32_t, 4>>(first + unit)) {
        for (int e = 0; e < in_word(factors_); ++e) *elements++ = element(factors_, word, e, rest);
      }
    }
  }

 private:
  static uint32_t field(uint64_t descriptor, int from) {
    return static_cast<uint32_t>(descriptor >> from & 0x3fff) * 16;
  }
  /// What lies within one unit of 16 bytes.
  template <class T>
  T load(uint32_t address) const {
    address ^= (address >> 7 & (row_bytes_ / 16 - 1)) << 4;
    require(address >= shared_begins &&
                address - shared_begins + sizeof(T) <= shared_memory.size() * sizeof(float),
            "a matrix lies outside of shared memory");
    T loaded;
    std::memcpy(&loaded, reinterpret_cast<const char*>(shared_memory.data()) + (address - shared_begins),
                sizeof(loaded));
    return loaded;
  }

  Factors factors_;
  uint32_t start_, next_rows_, next_eight_, row_bytes_;
  bool across_;
};

void GroupProduct::make() const {
  const GroupMatrix left(factors, a, a_across), right(factors, b, b_across);
  const uint32_t thread = threadIdx.x, first_row = thread / warp_size * 16 + thread % warp_size / 4,
                 first_column = thread % 4 * 2;
  float rows[2][most_depth], pack_columns[2][most_depth];
  for (uint32_t i = 0; i < 2; ++i) left.line(first_row + 8 * i, Rest::CutOff, rows[i]);
  for (uint32_t pack = 0; pack < static_cast<uint32_t>(columns) / 8; ++pack) {
    for (uint32_t i = 0; i < 2; ++i) right.line(8 * pack + first_column + i, Rest::None, pack_columns[i]);
    float* const target = sums + 4 * pack;
    for (int k = 0; k < depth(factors); ++k) {
      for (int row = 0; row < 2; ++row) {
        for (int column = 0; column < 2; ++column)
          target[2 * row + column] += rows[row][k] * pack_columns[column][k];
      }
    }
  }
}

/// Makes what is under way but for the last `left` groups and the open one. Whether there was a group to
/// make.
template <class Work>
bool make_oldest(std::vector<std::vector<Work>>& groups, int left) {
  const bool any = std::ssize(groups) - 1 > left;
  while (std::ssize(groups) - 1 > left) {
    for (const Work& work : groups.front()) work.make();
    groups.erase(groups.begin());
  }
  return any;
}

}  // namespace

void copy_async(void* shared, const void* source, int bytes, bool valid) {
  const auto aligned = [bytes](const void* place) {
    return reinterpret_cast<uintptr_t>(place) % static_cast<uintptr_t>(bytes) == 0;
  };
  require(code >= 80, "asynchronous copies need 8.0");
  require(aligned(shared) && aligned(source), "a copy begins between its units");
  const Copy copy{shared, source, bytes, valid};
  if (random_bits() % 2) return copy.make();
  this_thread().groups.back().push_back(copy);
}

void end_copy_group() { this_thread().groups.emplace_back(); }

void wait_copies(int left) {
  if (make_oldest(this_thread().groups, left)) this_thread().copies_to_show = true;
}

void show_copies_to_group() { this_thread().copies_to_show = false; }
void begin_group_products() { this_thread().begun = true; }
void end_group_products() {
  this_thread().begun = false;
  this_thread().group_products.emplace_back();
}
void wait_group_products(int left) { make_oldest(this_thread().group_products, left); }
void multiply_group(Factors factors, float* sums, int columns, uint64_t a, uint64_t b, bool a_across,
                    bool b_across) {
  Thread& thread = this_thread();
  require(has_groups, "products of a group need 9.0");
  require(count == 128, "a group is four warps");
  require(thread.begun, "a group of products was not begun");
  for (unsigned i = 0; i < count; ++i)
    require(threads[i].copies_shown, "copies were not shown to the group before the barrier");
  // Products of a thread are made in their order, whenever that is.
  auto& groups = thread.group_products;
  const bool nothing_waits = groups.size() == 1 && groups.back().empty();
  const GroupProduct product{factors, sums, columns, a, b, a_across, b_across};
  if (nothing_waits && random_bits() % 2) return product.make();
  groups.back().push_back(product);
}

void multiply(Factors factors, float* sums, const uint32_t* a, const uint32_t* b) {
  require(code >= 80, "products of a warp need 8.0");
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
uint32_t shared_address(const void* shared) {
  return shared_begins + static_cast<uint32_t>(static_cast<const char*>(shared) -
                                               reinterpret_cast<const char*>(shared_memory.data()));
}

void begin_block(unsigned block_threads, size_t shared_bytes, int code_, bool has_groups_) {
  count = block_threads;
  code = code_;
  has_groups = has_groups_;
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
  for (unsigned i = 0; i < count; ++i) threads[i].copies_shown = !threads[i].copies_to_show;
}

void end_block(bool early) {
  for (unsigned i = 0; i < count; ++i) {
    require(!early || threads[i].waited, "a thread did not wait for the work before its kernel");
    for (const auto& group : threads[i].groups) require(group.empty(), "a thread ends before its copies");
    for (const auto& group : threads[i].group_products)
      require(group.empty(), "a thread ends before its products");
    threads[i] = {};
  }
}

}  // namespace host_cuda

void cudaGridDependencySynchronize() { host_cuda::this_thread().waited = true; }
