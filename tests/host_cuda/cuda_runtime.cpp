#include "tests/host_cuda/cuda_runtime.h"

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/host_cuda/fibers.h"
#include "tests/host_cuda/instructions.h"

// The environment variable HOST_CUDA makes the machine one that cannot be used: "no-device", "no-driver",
// "old-driver", "no-code"; HOST_CUDA_MEMORY says how many MiB its device has, 1024 if nothing.

dim3 gridDim, blockDim, blockIdx, threadIdx;

struct HostEvent {
  int recorded = 0, reached = 0;  // how often, and how many of these its stream has come to
  cudaStream_t stream = nullptr;
  int captured = -1;  // the number of its last record in a graph
};

/// What streams were given while they were captured, the records of events and what waits for them among it.
struct HostGraph {
  struct Item {
    cudaStream_t stream;
    std::function<void()> work;  // or none
    int record = -1, wait = -1;  // which record of an event it is or waits for
    cudaStream_t recorder = nullptr;
  };
  std::vector<Item> items;
  int records = 0;
  cudaStream_t origin = nullptr;
};

namespace host_cuda {

bool machine_is(const char* what) {
  const char* const machine = std::getenv("HOST_CUDA");
  return machine && std::string(machine) == what;
}

}  // namespace host_cuda

namespace {
using host_cuda::machine_is;
std::set<cudaStream_t> streams;
std::mt19937 order_of_streams;
}  // namespace

struct HostStream {
  std::deque<std::function<void()>> work;
  HostGraph* capture = nullptr;
  bool behind_wait = false;  // whether it was given nothing since it was told to wait for another
  bool at_work = false;

  /// One piece of work, and by chance one of another stream before it.
  void step() {
    if (order_of_streams() % 2) {
      for (HostStream* other : streams) {
        if (other != this && !other->at_work && !other->work.empty()) other->step_alone();
      }
    }
    if (!work.empty()) step_alone();  // that one may have waited for all of this one's
  }
  void finish() {
    while (!work.empty()) step();
  }

 private:
  void step_alone() {
    const std::function<void()> next = std::move(work.front());
    work.pop_front();
    at_work = true;
    next();
    at_work = false;
  }
};

namespace {

constexpr int devices = 2, driver_version = 13000;
std::set<void*> page_locked;
std::map<void*, size_t> device_blocks;
size_t device_bytes = 0;  // in those
// Shared memory that kernels asked for beyond what is had without asking.
constexpr size_t shared_without_asking = 48 << 10;
std::map<const void*, size_t> shared_asked_for;

size_t device_memory() {
  const char* const mebibytes = std::getenv("HOST_CUDA_MEMORY");
  return static_cast<size_t>(mebibytes ? std::atol(mebibytes) : 1024) << 20;
}

int driver_of_machine() {
  if (machine_is("no-driver")) return 0;
  if (machine_is("old-driver")) return 11040;
  return machine_is("driver-12.2") ? 12020 : driver_version;
}
constexpr int first_with_early_edges = 12030;

/// Whether the driver compiles the PTX itself, and not for what one architecture alone has.
bool compiles_ptx() { return std::getenv("CUDA_FORCE_PTX_JIT") != nullptr; }

/// A card, and for which compute capability the code is that it runs.
struct Card {
  int capability = 90, code = 90;
  size_t most_shared = 227 << 10;  // of a block
};
Card card() {
  if (machine_is("turing")) return {75, 75, 64 << 10};
  if (machine_is("ada")) return {89, 80, 99 << 10};
  if (machine_is("blackwell")) return {120, 90, 99 << 10};
  if (machine_is("code-for-turing")) return {90, 75};
  if (machine_is("code-for-ampere")) return {90, 80};
  return {};
}

host_cuda::Fibers& fibers() {
  static host_cuda::Fibers fibers([](unsigned thread) { threadIdx = dim3(thread); },
                                  host_cuda::meet_at_barrier);
  return fibers;
}

bool may_begin_early(const cudaLaunchConfig_t& config) {
  return std::any_of(config.attrs, config.attrs + config.numAttrs, [](const cudaLaunchAttribute& attribute) {
    return attribute.id == cudaLaunchAttributeProgrammaticStreamSerialization &&
           attribute.val.programmaticStreamSerializationAllowed != 0;
  });
}

void run_grid(const cudaLaunchConfig_t& config, bool early, const std::function<void()>& thread) {
  static std::mt19937 random;
  gridDim = config.gridDim;
  blockDim = config.blockDim;
  const uint64_t first = random() % gridDim.x;
  const Card played = card();
  for (unsigned i = 0; i < gridDim.x; ++i) {
    blockIdx = dim3(static_cast<unsigned>((first + i) % gridDim.x));
    host_cuda::begin_block(blockDim.x, config.dynamicSmemBytes, played.code,
                           played.capability == 90 && played.code == 90 && !compiles_ptx());
    fibers().run(blockDim.x, [&](unsigned) { thread(); });
    host_cuda::end_block(early);
  }
}

}  // namespace

void __syncthreads() { fibers().barrier(); }
void __syncwarp() { fibers().barrier(); }
void __threadfence() {}
int atomicAdd(int* number, int amount) {
  const int before = *number;
  *number += amount;
  return before;
}

// ---- errors ----

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    default:
      return "cudaErrorInvalidValue";
  }
}
const char* cudaGetErrorString(cudaError_t error) { return cudaGetErrorName(error); }
cudaError_t cudaGetLastError() { return cudaSuccess; }

// ---- devices ----

cudaError_t cudaGetDeviceCount(int* count) {
  const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (machine_is("no-device") || (visible && *visible == '\0')) return cudaErrorNoDevice;
  if (machine_is("no-driver") || machine_is("old-driver")) return cudaErrorInsufficientDriver;
  *count = devices;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return device < devices ? cudaSuccess : cudaErrorInvalidDevice; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  const int capability = card().capability;
  *properties = {"the host as a GPU", capability / 10, capability % 10, 2, device_memory()};
  return cudaSuccess;
}
// Few and small multiprocessors: already small arrays have more elements than the device has threads.
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount:
      *value = 2;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = 1024;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = card().capability / 10;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = card().capability % 10;
      break;
  }
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = driver_of_machine();
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = driver_version;
  return cudaSuccess;
}
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, void (*)()) {
  attributes->ptxVersion = card().code;
  return machine_is("no-code") ? cudaErrorNoKernelImageForDevice : cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute, int value) {
  if (value < 0 || static_cast<size_t>(value) > card().most_shared) return cudaErrorInvalidValue;
  shared_asked_for[kernel] = static_cast<size_t>(value);
  return cudaSuccess;
}

// ---- streams and events ----

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = *streams.insert(new HostStream).first;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  stream->finish();
  streams.erase(stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (stream->capture) return cudaErrorStreamCaptureUnsupported;
  stream->finish();
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new HostEvent;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  cudaEventSynchronize(event);
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  event->stream = stream;
  if (HostGraph* const graph = stream->capture) {
    event->captured = graph->records++;
    graph->items.push_back({.stream = stream, .work = {}, .record = event->captured});
    return cudaSuccess;
  }
  ++event->recorded;
  return host_cuda::enqueue(stream, [event] { ++event->reached; });
}
// Brings the stream a little further, or nobody who asks until it is done would see the end.
cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (event->reached == event->recorded) return cudaSuccess;
  event->stream->step();
  return cudaErrorNotReady;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  while (event->reached < event->recorded) event->stream->step();
  return cudaSuccess;
}
// A stream that waits for one that is captured is captured, too.
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (HostGraph* const graph = event->stream->capture) {
    if (stream->capture && stream->capture != graph) return cudaErrorInvalidValue;
    stream->capture = graph;
    graph->items.push_back(
        {.stream = stream, .work = {}, .wait = event->captured, .recorder = event->stream});
  } else {
    host_cuda::enqueue(stream, [event, count = event->recorded] {
      while (event->reached < count) event->stream->step();
    });
  }
  stream->behind_wait = true;
  return cudaSuccess;
}

// ---- graphs ----

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  stream->capture = new HostGraph;
  stream->capture->origin = stream;
  return cudaSuccess;
}
// Fails, as CUDA does, if the last work of another stream is nothing that this one waits for.
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = std::exchange(stream->capture, nullptr);
  std::set<int> waited_for;
  for (const HostGraph::Item& item : (*graph)->items) {
    if (item.stream == stream && item.wait >= 0) waited_for.insert(item.wait);
  }
  bool joined = true;
  for (HostStream* other : streams) {
    if (other->capture != *graph) continue;
    other->capture = nullptr;
    const auto last = std::find_if((*graph)->items.rbegin(), (*graph)->items.rend(),
                                   [&](const HostGraph::Item& item) { return item.stream == other; });
    joined = joined && last->record >= 0 && waited_for.contains(last->record);
  }
  if (joined) return cudaSuccess;
  delete std::exchange(*graph, nullptr);
  return cudaErrorInvalidValue;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  if (machine_is("no-room-for-graphs")) return cudaErrorMemoryAllocation;
  *executable = new HostGraph(*graph);
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  const auto reached = std::make_shared<std::vector<bool>>(executable->records);
  for (const HostGraph::Item& item : executable->items) {
    HostStream* const lane = item.stream == executable->origin ? stream : item.stream;
    if (item.work) {
      lane->work.push_back(item.work);
    } else if (item.record >= 0) {
      lane->work.emplace_back([reached, number = item.record] { (*reached)[number] = true; });
    } else {
      HostStream* const recorder = item.recorder == executable->origin ? stream : item.recorder;
      lane->work.emplace_back([reached, number = item.wait, recorder] {
        while (!(*reached)[number]) recorder->step();
      });
    }
  }
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}

// ---- memory ----

cudaError_t cudaMalloc(void** block, size_t bytes) {
  if (bytes > device_memory() - device_bytes) return cudaErrorMemoryAllocation;
  *block = std::malloc(bytes);
  if (!*block) return cudaErrorMemoryAllocation;
  device_blocks[*block] = bytes;
  device_bytes += bytes;
  std::memset(*block, 0xff, bytes);  // NaN, as float and as double
  return cudaSuccess;
}
cudaError_t cudaFree(void* block) {
  for (HostStream* stream : streams) stream->finish();
  device_bytes -= device_blocks[block];
  device_blocks.erase(block);
  std::free(block);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** block, size_t bytes) {
  *block = std::malloc(bytes);
  page_locked.insert(*block);
  return *block ? cudaSuccess : cudaErrorMemoryAllocation;
}
cudaError_t cudaFreeHost(void* block) {
  for (HostStream* stream : streams) stream->finish();
  page_locked.erase(block);
  std::free(block);
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *total = device_memory();
  *free = *total - device_bytes;
  return cudaSuccess;
}

// Ordinary host memory is read before the call returns, page-locked memory whenever the stream comes to it.
cudaError_t cudaMemcpyAsync(void* target, const void* source, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  if (kind == cudaMemcpyHostToDevice && !page_locked.contains(const_cast<void*>(source))) {
    const auto* const begin = static_cast<const char*>(source);
    return host_cuda::enqueue(stream, [target, copy = std::vector<char>(begin, begin + bytes)] {
      std::memcpy(target, copy.data(), copy.size());
    });
  }
  return host_cuda::enqueue(stream, [=] { std::memmove(target, source, bytes); });
}
cudaError_t cudaMemsetAsync(void* target, int value, size_t bytes, cudaStream_t stream) {
  return host_cuda::enqueue(stream, [=] { std::memset(target, value, bytes); });
}

// ---- launches ----

cudaError_t host_cuda::enqueue(cudaStream_t stream, std::function<void()> work) {
  if (!streams.contains(stream)) return cudaErrorInvalidValue;
  stream->behind_wait = false;
  if (stream->capture) {
    stream->capture->items.push_back({.stream = stream, .work = std::move(work)});
  } else {
    stream->work.push_back(std::move(work));
  }
  return cudaSuccess;
}

cudaError_t host_cuda::launch(const cudaLaunchConfig_t& config, const void* kernel,
                              std::function<void()> thread) {
  const unsigned threads = config.blockDim.x;
  if (config.dynamicSmemBytes > std::max(shared_without_asking, shared_asked_for[kernel]))
    return cudaErrorInvalidValue;
  if (config.gridDim.x < 1 || config.gridDim.x > std::numeric_limits<int32_t>::max() || threads < 1 ||
      threads > 1024) {
    return cudaErrorInvalidValue;
  }
  // Compiled for cards before 9.0, a kernel does not wait for what is before it.
  if (may_begin_early(config) && card().code < 90) return cudaErrorInvalidValue;
  if (may_begin_early(config) && config.stream->capture && driver_of_machine() < first_with_early_edges)
    return cudaErrorInvalidValue;
  // Its early beginning would be behind one of two streams only; the project does without.
  if (may_begin_early(config) && config.stream->behind_wait) return cudaErrorInvalidValue;
  return enqueue(config.stream, [config, early = may_begin_early(config), thread = std::move(thread)] {
    run_grid(config, early, thread);
  });
}
