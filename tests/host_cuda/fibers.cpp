#include "tests/host_cuda/fibers.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace host_cuda {
namespace {

Fibers* running = nullptr;  // makecontext() hands no pointer over

}  // namespace

void Fibers::enter() {
  Fibers& self = *running;
  (*self.body_)(self.current_);
  self.fibers_[self.current_].ended = true;
  swapcontext(&self.fibers_[self.current_].context, &self.scheduler_);
}

void Fibers::barrier() { swapcontext(&fibers_[current_].context, &scheduler_); }

void Fibers::run(unsigned count, const std::function<void(unsigned)>& body) {
  body_ = &body;
  running = this;
  fibers_.resize(std::max<size_t>(fibers_.size(), count));
  for (unsigned i = 0; i < count; ++i) {
    Fiber& fiber = fibers_[i];
    fiber.ended = false;
    if (!fiber.stack) fiber.stack.reset(new std::byte[stack_bytes]);
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = stack_bytes;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, &Fibers::enter, 0);
  }
  std::vector<unsigned> alive(count);
  std::iota(alive.begin(), alive.end(), 0u);
  while (!alive.empty()) {
    std::shuffle(alive.begin(), alive.end(), random_);
    for (const unsigned i : alive) {
      current_ = i;
      before_(i);
      swapcontext(&scheduler_, &fibers_[i].context);
    }
    std::erase_if(alive, [this](unsigned i) { return fibers_[i].ended; });
  }
}

}  // namespace host_cuda
