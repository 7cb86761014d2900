#include "cuda/recording.h"

#include "cuda/errors.h"

namespace duel::cuda {

/// What the stream is given while it lives. Its memory is apart until no recording is left of it.
class Recorder::Capture {
 public:
  explicit Capture(Recorder& recorder) : recorder_(recorder), stream_(recorder.queue_.stream()) {
    // Relaxed: the allocator may still need a block from the system.
    DUEL_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed));
    recorder_.recording_ = true;
    recorder_.allocator_.set_reserving(true);
  }
  ~Capture() {
    if (recorder_.recording_) stop();
    if (graph_) cudaGraphDestroy(graph_);
    if (recorder_.graphs_ == 0) recorder_.allocator_.forget_reserved();
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  cudaGraph_t end() {
    expect(stop(), "cudaStreamEndCapture()");
    return graph_;
  }

 private:
  cudaError_t stop() {
    recorder_.recording_ = false;
    recorder_.allocator_.set_reserving(false);
    return cudaStreamEndCapture(stream_, &graph_);
  }

  Recorder& recorder_;
  cudaStream_t stream_;
  cudaGraph_t graph_ = nullptr;
};

class Recorder::Graph final : public Kernels::Recording {
 public:
  /// Throws OutOfMemory where the device has no room even when all kept blocks are given up.
  Graph(Recorder& recorder, cudaGraph_t graph) : recorder_(recorder) {
    cudaError_t answer = cudaGraphInstantiate(&executable_, graph, 0);
    if (answer == cudaErrorMemoryAllocation) {
      recorder.allocator_.trim();
      answer = cudaGraphInstantiate(&executable_, graph, 0);
    }
    if (answer == cudaErrorMemoryAllocation) {
      cudaGetLastError();  // reported here; the next call must not report it again
      throw OutOfMemory("out of memory: no room for a recorded step; smaller batches need less");
    }
    expect(answer, "cudaGraphInstantiate()");
    ++recorder_.graphs_;
  }
  ~Graph() override {
    cudaGraphExecDestroy(executable_);
    // What is being recorded meanwhile has such blocks, too.
    if (--recorder_.graphs_ == 0 && !recorder_.recording_) recorder_.allocator_.forget_reserved();
  }
  // Its branches take the second lane's counters and scratch memory, so what runs there has to end first.
  void replay() override {
    recorder_.join_();
    DUEL_CUDA(cudaGraphLaunch(executable_, recorder_.queue_.stream()));
  }

 private:
  Recorder& recorder_;
  cudaGraphExec_t executable_ = nullptr;
};

std::unique_ptr<Kernels::Recording> Recorder::record(const std::function<void()>& work) {
  check_not_recording("another recording");
  Capture capture(*this);
  work();
  return std::make_unique<Graph>(*this, capture.end());
}

void Recorder::check_not_recording(const char* what) const {
  check(!recording_, "[step] ", what, " inside a step that is being recorded; keep it outside of the step");
}

}  // namespace duel::cuda
