// The sizes of a tensor, outermost dimension first.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <string>

#include "lib/error.h"

namespace duel {

class Shape {
 public:
  static constexpr int max_dims = 6;

  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes) : Shape(sizes.begin(), sizes.end()) {}
  template <class Iterator>
  Shape(Iterator first, Iterator last) {
    for (; first != last; ++first) append(static_cast<int64_t>(*first));
  }

  int dims() const { return dims_; }
  /// Size of dimension `i`; negative `i` counts from the last dimension. Throws if there is none.
  int64_t operator[](int i) const { return sizes_[place(i)]; }
  int64_t& operator[](int i) { return sizes_[place(i)]; }
  const int64_t* begin() const { return sizes_.data(); }
  const int64_t* end() const { return sizes_.data() + dims_; }

  void append(int64_t size) {
    check(dims_ < max_dims, "a tensor has at most ", max_dims, " dimensions");
    check(size >= 0, "a tensor's sizes are not negative, got ", size);
    sizes_[static_cast<size_t>(dims_++)] = size;
  }

  /// Number of elements; 1 for a shape without dimensions (a scalar). Throws if that overflows.
  int64_t numel() const {
    int64_t product = 1;
    for (int64_t size : *this)
      check(!__builtin_mul_overflow(product, size, &product), "a tensor of shape ", *this,
            " has more elements than can be counted");
    return product;
  }

  bool operator==(const Shape&) const = default;

  /// As people write it: "(256, 4, 4, 512)".
  std::string str() const {
    std::string text = "(";
    for (int i = 0; i < dims_; ++i) text.append(i ? ", " : "").append(std::to_string((*this)[i]));
    return text + ")";
  }

 private:
  size_t place(int i) const {
    const int from_first = i < 0 ? i + dims_ : i;
    check(from_first >= 0 && from_first < dims_, "a tensor of shape ", *this, " has no dimension ", i);
    return static_cast<size_t>(from_first);
  }

  std::array<int64_t, max_dims> sizes_{};
  int dims_ = 0;
};

inline std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.str(); }

}  // namespace duel
