#undef _FORTIFY_SOURCE  // its longjmp insists on staying on one stack

#include "tests/host_cuda/fibers.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace host_cuda {
namespace {

Fibers* running = nullptr;  // makecontext() hands no pointer over

// swapcontext() enters the kernel each time, which would take most of the tests' time; longjmp() does not,
// but the address sanitizer expects it to stay on one stack.
#ifdef __SANITIZE_ADDRESS__
constexpr bool by_jumps = false;
#else
constexpr bool by_jumps = true;
#endif

}  // namespace

Fibers::Fiber::Fiber(void (*begin)()) : stack(new std::byte[stack_bytes]) {
  getcontext(&place.context);
  place.context.uc_stack.ss_sp = stack.get();
  place.context.uc_stack.ss_size = stack_bytes;
  place.context.uc_link = nullptr;
  makecontext(&place.context, begin, 0);
}

void Fibers::Place::leave_for(Place& other) {
  if (!by_jumps) {
    swapcontext(&context, &other.context);
  } else if (_setjmp(jump) == 0) {
    if (other.begun) _longjmp(other.jump, 1);
    other.begun = true;
    setcontext(&other.context);
  }
}

// A fiber lives on for further blocks: to make one takes longer than most bodies do.
void Fibers::enter() {
  Fibers& self = *running;
  const unsigned number = self.current_;
  for (;;) {
    (*self.body_)(number);
    Fiber& fiber = self.fibers_[number];
    fiber.ended = true;
    fiber.place.leave_for(self.scheduler_);
  }
}

void Fibers::barrier() { fibers_[current_].place.leave_for(scheduler_); }

void Fibers::run(unsigned count, const std::function<void(unsigned)>& body) {
  body_ = &body;
  running = this;
  scheduler_.begun = true;
  while (fibers_.size() < count) fibers_.emplace_back(&Fibers::enter);
  for (unsigned i = 0; i < count; ++i) fibers_[i].ended = false;
  std::vector<unsigned> alive(count);
  std::iota(alive.begin(), alive.end(), 0u);
  while (!alive.empty()) {
    std::shuffle(alive.begin(), alive.end(), random_);
    for (const unsigned i : alive) {
      current_ = i;
      before_(i);
      scheduler_.leave_for(fibers_[i].place);
    }
    met_();
    std::erase_if(alive, [this](unsigned i) { return fibers_[i].ended; });
  }
}

}  // namespace host_cuda
