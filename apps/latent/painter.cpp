#include "apps/latent/painter.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "apps/gan/pictures.h"
#include "apps/gan/trainer.h"
#include "lib/functors.h"

namespace duel::latent {

Painter::Painter(const std::filesystem::path& checkpoint_or_run, Device device)
    : generator_(gan::load_generator(checkpoint_or_run, device)),
      origin_{generator_.path, gan::fingerprint(*generator_.network)},
      device_(device) {
  generator_.network->set_requires_grad(false);
}

std::vector<Latent> Painter::seeded(uint64_t seed, int64_t count) const {
  RandomStream stream(seed, Stream::Latent);
  return to_latents(gan::draw_z(stream, count, generator_.config, Device{}));
}

// Halfway along the stream of the samples.
std::vector<Latent> Painter::elsewhere(uint64_t seed, int64_t count) const {
  RandomStream stream(seed, Stream::Latent);
  stream.set_position(int64_t{1} << 62);
  return to_latents(gan::draw_z(stream, count, generator_.config, Device{}));
}

std::vector<Image> Painter::draw(const std::vector<Latent>& faces) const {
  if (faces.empty()) return {};
  return gan::to_images(gan::generate(network(), to_tensor(faces, device_)));
}

Tensor to_tensor(const std::vector<Latent>& faces, Device device) {
  std::vector<float> values;
  for (const Latent& face : faces) values.insert(values.end(), face.begin(), face.end());
  const auto count = static_cast<int64_t>(faces.size());
  return Tensor::from(values, {count, static_cast<int64_t>(values.size()) / std::max<int64_t>(count, 1)},
                      device);
}

std::vector<Latent> to_latents(const Tensor& z) {
  const std::vector<float> values = z.to_vector<float>();
  std::vector<Latent> faces;
  for (auto begin = values.begin(); begin != values.end(); begin += z.dim(1))
    faces.emplace_back(begin, begin + z.dim(1));
  return faces;
}

Tensor to_tensor(const std::vector<Image>& pictures, Device device) {
  check(!pictures.empty(), "[pictures] there are none");
  std::vector<float> values;
  for (const Image& picture : pictures)
    std::transform(picture.pixels.begin(), picture.pixels.end(), std::back_inserter(values),
                   pixel_value<float>);
  const Image& first = pictures.front();
  return Tensor::from(
      values, {static_cast<int64_t>(pictures.size()), first.height, first.width, first.channels}, device);
}

double picture_distance(const Image& a, const Image& b) {
  check(a.pixels.size() == b.pixels.size(), "[pictures] ", a.width, "x", a.height, "x", a.channels, " and ",
        b.width, "x", b.height, "x", b.channels, " cannot be compared");
  int64_t total = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    const int difference = a.pixels[i] - b.pixels[i];
    total += difference * difference;
  }
  return std::sqrt(static_cast<double>(total) / static_cast<double>(a.pixels.size()));
}

}  // namespace duel::latent
