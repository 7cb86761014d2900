// The threads of one block as fibers: each runs until it reaches a barrier or its end.
#pragma once

#include <ucontext.h>

#include <csetjmp>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <utility>

namespace host_cuda {

class Fibers {
 public:
  /// Runs body(0), ..., body(count - 1), in a new random order after each barrier.
  void run(unsigned count, const std::function<void(unsigned)>& body);
  /// Called by a body: goes on when all others have come to a barrier or to their end.
  void barrier();
  /// Calls before(thread) whenever a thread is about to go on, and met() whenever all have come to a barrier
  /// or to their end.
  Fibers(std::function<void(unsigned)> before, std::function<void()> met)
      : before_(std::move(before)), met_(std::move(met)) {}

 private:
  /// Where a thread goes on.
  struct Place {
    bool begun = false;
    ucontext_t context;  // and where it begins
    jmp_buf jump;

    /// Comes back when someone leaves for this place.
    void leave_for(Place& other);
  };
  struct Fiber {
    explicit Fiber(void (*begin)());
    Place place;
    std::unique_ptr<std::byte[]> stack;
    bool ended = false;
  };
  static void enter();

  static constexpr size_t stack_bytes = 256 << 10;
  std::function<void(unsigned)> before_;
  std::function<void()> met_;
  const std::function<void(unsigned)>* body_ = nullptr;
  std::deque<Fiber> fibers_;  // which stay where they are: a context points into itself
  Place scheduler_;
  unsigned current_ = 0;
  std::mt19937 random_;
};

}  // namespace host_cuda
