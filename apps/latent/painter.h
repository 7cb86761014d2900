// The generator as a painter of faces.
#pragma once

#include <filesystem>
#include <vector>

#include "apps/gan/checkpoint.h"
#include "apps/latent/names.h"
#include "lib/io/image.h"

namespace duel::latent {

class Painter {
 public:
  /// Throws Error as gan::load_generator() does.
  Painter(const std::filesystem::path& checkpoint_or_run, Device device);

  const std::filesystem::path& checkpoint() const { return generator_.path; }
  /// What files of names say of faces that it draws.
  const Origin& origin() const { return origin_; }
  const gan::Config& config() const { return generator_.config; }
  Device device() const { return device_; }
  int64_t z_dim() const { return generator_.config.z_dim; }
  /// G in evaluation mode, its parameters frozen: gradients flow through it to z alone.
  nn::Module& network() const { return *generator_.network; }

  /// What components of z keep within, in training: 1 where they were uniform; 3 where they were normal, of
  /// which 997 in 1000 do.
  double usual_bound() const { return config().latent == "normal" ? 3 : 1; }
  /// The latents behind the first pictures of `dcgan sample --seed SEED`.
  std::vector<Latent> seeded(uint64_t seed, int64_t count) const;
  /// Latents of the same distribution that no sample comes to: where searches begin that are not to begin at
  /// what they look for.
  std::vector<Latent> elsewhere(uint64_t seed, int64_t count) const;
  /// The pictures of faces; each has z_dim() components.
  std::vector<Image> draw(const std::vector<Latent>& faces) const;
  Image draw(const Latent& face) const { return draw(std::vector<Latent>{face})[0]; }

 private:
  gan::SavedGenerator generator_;
  Origin origin_;
  Device device_;
};

/// (N, z_dim) float32; all of one length.
Tensor to_tensor(const std::vector<Latent>& faces, Device device);
/// The rows of a tensor (N, z_dim).
std::vector<Latent> to_latents(const Tensor& z);
/// Pictures of one size as numbers in [-1, 1], (N, H, W, C).
Tensor to_tensor(const std::vector<Image>& pictures, Device device);

/// The root of the mean squared difference of two pictures of one size, in grey levels 0 .. 255.
double picture_distance(const Image& a, const Image& b);

}  // namespace duel::latent
