#include "apps/quality/samples.h"

#include "apps/gan/trainer.h"
#include "apps/quality/streams.h"

namespace duel::quality {

Tensor draw_samples(nn::Module& generator, const gan::Config& config, int64_t count, uint64_t seed,
                    Device device) {
  RandomStream latent(seed, static_cast<Stream>(stream(Purpose::Latent)));
  const Tensor z = gan::draw_z(latent, count, config, Device{});
  return gan::generate(generator, z.to(device)).to(Device{});
}

}  // namespace duel::quality
