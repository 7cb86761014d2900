#undef _FORTIFY_SOURCE  // its longjmp insists on staying on one stack

#include "tests/host_cuda/fibers.h"

#include <algorithm>
#include <numeric>
#include <utility>

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

void Fibers::Place::leave_for(Place& other) {
  if (!by_jumps) {
    swapcontext(&context, &other.context);
  } else if (_setjmp(jump) == 0) {
    if (other.begun) _longjmp(other.jump, 1);
    other.begun = true;
    setcontext(&other.context);
  }
}

void Fibers::enter() {
  Fibers& self = *running;
  Fiber& fiber = self.fibers_[self.current_];
  (*self.body_)(self.current_);
  fiber.ended = true;
  fiber.place.leave_for(self.scheduler_);
}

void Fibers::barrier() { fibers_[current_].place.leave_for(scheduler_); }

void Fibers::run(unsigned count, const std::function<void(unsigned)>& body) {
  body_ = &body;
  running = this;
  scheduler_.begun = true;
  fibers_.resize(std::max<size_t>(fibers_.size(), count));
  for (unsigned i = 0; i < count; ++i) {
    Fiber& fiber = fibers_[i];
    ucontext_t& context = fiber.place.context;
    fiber.ended = fiber.place.begun = false;
    if (!fiber.stack) fiber.stack.reset(new std::byte[stack_bytes]);
    getcontext(&context);
    context.uc_stack.ss_sp = fiber.stack.get();
    context.uc_stack.ss_size = stack_bytes;
    context.uc_link = nullptr;
    makecontext(&context, &Fibers::enter, 0);
  }
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
