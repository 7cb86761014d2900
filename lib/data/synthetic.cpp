#include "lib/data/synthetic.h"

#include <algorithm>
#include <cstring>

#include "lib/error.h"

namespace duel {

namespace {

constexpr int64_t kStoreBytes = int64_t{1} << 30;

}  // namespace

SyntheticFaces::SyntheticFaces(int64_t count, int64_t image_size, int64_t channels, uint64_t seed)
    : count_(count), image_size_(image_size), channels_(channels), seed_(seed) {
  check(count >= 1, "[synthetic] a set of ", count, " faces: ask for at least 1");
  check_face_picture(image_size, channels);
  const int64_t bytes = image_size * image_size * channels;
  kept_ = std::min(count, kStoreBytes / bytes);
  // Left uninitialised: a page costs nothing before the first picture on it is drawn.
  store_ = std::make_unique_for_overwrite<uint8_t[]>(static_cast<size_t>(kept_ * bytes));
  state_ = std::make_unique<std::atomic<State>[]>(static_cast<size_t>(kept_));
}

void SyntheticFaces::read(int64_t index, uint8_t* pixels) const {
  const FaceFactors face = factors(index);
  if (index >= kept_) return draw_face(face, image_size_, channels_, pixels);

  const int64_t bytes = image_size_ * image_size_ * channels_;
  uint8_t* kept = store_.get() + index * bytes;
  std::atomic<State>& state = state_[index];
  State seen = state.load(std::memory_order_acquire);
  if (seen == State::Empty && state.compare_exchange_strong(seen, State::Drawing)) {
    draw_face(face, image_size_, channels_, kept);
    state.store(State::Ready, std::memory_order_release);
    seen = State::Ready;
  }
  if (seen == State::Ready) {
    std::memcpy(pixels, kept, static_cast<size_t>(bytes));
  } else {
    // Another thread is at it; drawing the same bytes once more is quicker than waiting.
    draw_face(face, image_size_, channels_, pixels);
  }
}

FaceFactors SyntheticFaces::factors(int64_t index) const {
  check(index >= 0 && index < count_, "[synthetic] face ", index, " of a set of ", count_,
        ": the index goes from 0 to ", count_ - 1);
  return random_face(seed_, index);
}

std::string SyntheticFaces::description() const {
  return concat("synthetic: ", count_, " drawn portraits of ", image_size_, "x", image_size_, "x", channels_,
                ", seed ", seed_);
}

}  // namespace duel
