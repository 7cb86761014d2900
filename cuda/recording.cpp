#include "cuda/recording.h"

#include <type_traits>

namespace duel::cuda {

class Recorder::Graph final : public Kernels::Recording {
 public:
  Graph(Recorder& recorder, cudaGraph_t graph) : recorder_(recorder) {
    DUEL_CUDA(cudaGraphInstantiate(&executable_, graph, 0));
    ++recorder_.graphs_;
  }
  ~Graph() override {
    cudaGraphExecDestroy(executable_);
    if (--recorder_.graphs_ == 0) recorder_.allocator_.forget_reserved();
  }
  // Its branches take the second lane's counters and scratch memory, so what runs there has to end first.
  void replay() override {
    recorder_.queue_.join();
    DUEL_CUDA(cudaGraphLaunch(executable_, recorder_.queue_.stream()));
  }

 private:
  Recorder& recorder_;
  cudaGraphExec_t executable_ = nullptr;
};

std::unique_ptr<Kernels::Recording> Recorder::record(const std::function<void()>& work) {
  check_not_recording("another recording");
  const cudaStream_t stream = queue_.stream();
  // Relaxed: the allocator may still need a block from the system.
  DUEL_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
  recording_ = true;
  allocator_.set_reserving(true);
  cudaGraph_t graph = nullptr;
  const auto end = [&] {
    recording_ = false;
    allocator_.set_reserving(false);
    return cudaStreamEndCapture(stream, &graph);
  };
  try {
    work();
  } catch (...) {
    end();
    if (graph) cudaGraphDestroy(graph);
    if (graphs_ == 0) allocator_.forget_reserved();
    throw;
  }
  DUEL_CUDA(end());
  const std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, decltype(&cudaGraphDestroy)> owner(
      graph, &cudaGraphDestroy);
  return std::make_unique<Graph>(*this, graph);
}

void Recorder::check_not_recording(const char* what) const {
  check(!recording_, "[step] ", what, " inside a step that is being recorded; keep it outside of the step");
}

}  // namespace duel::cuda
