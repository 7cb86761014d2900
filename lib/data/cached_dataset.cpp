#include "lib/data/cached_dataset.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "lib/error.h"
#include "lib/io/image.h"
#include "lib/io/memory.h"

namespace duel {

struct CachedDataset::Failure {
  int64_t index;
  std::string reason;
  int64_t too_small_side = 0;  // of a picture that could be read, but not be cropped
};

namespace {

/// Runs `task(i)` for every i in 0 .. count-1 in background threads, while the calling thread reports the
/// progress. The first exception of a task, or one of `progress`, ends it all and is thrown.
void run_in_threads(int64_t count, int threads, const std::function<void(int64_t)>& task,
                    const std::function<void(int64_t, int64_t)>& progress) {
  constexpr int64_t kChunk = 16;
  constexpr std::chrono::milliseconds kReportEvery{200};
  std::atomic<int64_t> next{0}, done{0};
  std::mutex mutex;
  std::condition_variable finished;
  int running = threads;
  std::exception_ptr error;

  const auto work = [&](const std::stop_token& stop) {
    try {
      for (int64_t begin; !stop.stop_requested() && (begin = next.fetch_add(kChunk)) < count;) {
        const int64_t end = std::min(begin + kChunk, count);
        for (int64_t i = begin; i < end; ++i) task(i);
        done += end - begin;
      }
    } catch (...) {
      next = count;
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    if (--running == 0) finished.notify_one();
  };

  std::vector<std::jthread> workers;
  for (int i = 0; i < threads; ++i) workers.emplace_back(work);
  std::unique_lock lock(mutex);
  while (!finished.wait_for(lock, kReportEvery, [&] { return running == 0; })) {
    lock.unlock();
    if (progress) progress(done, count);
    lock.lock();
  }
  if (error) std::rethrow_exception(error);
  lock.unlock();
  if (progress) progress(count, count);
}

}  // namespace

CachedDataset::CachedDataset(std::unique_ptr<Dataset> source, const CacheOptions& options)
    : source_(std::move(source)),
      image_size_(source_->image_size()),
      channels_(source_->channels()),
      description_(source_->description()),
      passed_by_(source_->passed_by()) {
  const int64_t total = source_->size(), bytes = source_->picture_bytes();
  const int64_t budget = options.memory_budget >= 0 ? options.memory_budget : available_memory() / 2;
  if (total <= budget / bytes)
    pixels_ = std::make_unique_for_overwrite<uint8_t[]>(static_cast<size_t>(total * bytes));

  std::mutex mutex;
  std::vector<Failure> failures;
  const auto read_one = [&](int64_t index) {
    thread_local std::vector<uint8_t> scratch;
    if (!in_memory()) scratch.resize(static_cast<size_t>(bytes));
    uint8_t* const pixels = in_memory() ? pixels_.get() + index * bytes : scratch.data();
    try {
      source_->read(index, pixels);
    } catch (const Error& error) {
      const std::lock_guard lock(mutex);
      const auto* const too_small = dynamic_cast<const TooSmall*>(&error);
      failures.push_back({index, error.what(), too_small ? too_small->side() : 0});
    }
  };
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  run_in_threads(total, options.threads > 0 ? options.threads : cores, read_one, options.progress);
  leave_out(std::move(failures), total);
  if (in_memory()) source_.reset();
}

void CachedDataset::fail_as_none_is_left(const std::vector<Failure>& failures) const {
  int64_t too_small = 0, largest = 0;
  for (const Failure& failure : failures) {
    too_small += failure.too_small_side > 0;
    largest = std::max(largest, failure.too_small_side);
  }
  const int64_t total = static_cast<int64_t>(failures.size());
  if (2 * too_small > total)
    throw TooSmall(concat("none of the ", description_, " can be used: ", too_small, " of ", total,
                          " pictures are smaller than the crop (the largest has a side of ", largest,
                          "); use a smaller crop"),
                   largest);
  fail("none of the ", description_, " can be read; the first: ", total == 0 ? "" : failures.front().reason);
}

void CachedDataset::leave_out(std::vector<Failure> failures, int64_t total) {
  std::sort(failures.begin(), failures.end(),
            [](const Failure& a, const Failure& b) { return a.index < b.index; });
  if (static_cast<int64_t>(failures.size()) == total) fail_as_none_is_left(failures);
  if (!failures.empty())
    description_ +=
        concat("; left out: ", failures.size(), ", used: ", total - static_cast<int64_t>(failures.size()));
  const int64_t bytes = picture_bytes();
  auto failure = failures.begin();
  for (int64_t index = 0; index < total; ++index) {
    if (failure != failures.end() && failure->index == index) {
      skipped_.push_back(std::move(failure->reason));
      ++failure;
      continue;
    }
    if (!in_memory()) {
      kept_.push_back(index);
    } else {
      if (index != size_)
        std::memcpy(pixels_.get() + size_ * bytes, pixels_.get() + index * bytes, static_cast<size_t>(bytes));
      if (std::string file = source_->file_of(index); !file.empty()) files_.push_back(std::move(file));
    }
    ++size_;
  }
}

void CachedDataset::read(int64_t index, uint8_t* pixels) const {
  if (in_memory()) {
    std::memcpy(pixels, pixels_.get() + index * picture_bytes(), static_cast<size_t>(picture_bytes()));
  } else {
    source_->read(kept_[static_cast<size_t>(index)], pixels);
  }
}

std::string CachedDataset::file_of(int64_t index) const {
  const auto i = static_cast<size_t>(index);
  if (!in_memory()) return source_->file_of(kept_[i]);
  return i < files_.size() ? files_[i] : std::string();
}

}  // namespace duel
