#include "lib/random.h"

#include "lib/kernels.h"

namespace duel {

RandomStream::RandomStream(uint64_t seed, Stream stream, Device device)
    : seed_(seed), stream_(stream), position_(Tensor::zeros({1}, DType::Int64, device)) {}

void RandomStream::fill(const Tensor& x, const Distribution& distribution) {
  check(x.device() == position_.device(), "[random] the stream is on ", position_.device(),
        " and the tensor, of shape ", x.shape(), ", on ", x.device(), ": make the stream with that device");
  kernels(x.device()).random(distribution, seed_, static_cast<uint64_t>(stream_), position_, x);
  x.mark_changed();
}

int64_t RandomStream::position() const { return position_.to_vector<int64_t>()[0]; }
void RandomStream::set_position(int64_t block) { position_.upload(&block); }

}  // namespace duel
