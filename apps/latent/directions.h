// Directions: what has to be added to a z so that its picture gains a property.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/latent/inversion.h"
#include "apps/latent/painter.h"
#include "lib/data/synthetic.h"

namespace duel::latent {

/// Pictures with a property and pictures without it.
struct Contrast {
  std::vector<Image> with, without;
};

/// The factor called `name`. Throws Error that lists the factors if there is none.
const FaceFactor& find_factor(std::string_view name);
/// A value of a factor: a number in its range, or the name or number of one of its choices. Throws Error
/// naming `option`.
float factor_value(const FaceFactor& factor, const std::string& option, const std::string& text);

/// The first `count` people of the checkpoint's synthetic set, each drawn twice: with the factor at `with`
/// and at `without`, all else alike, so that nothing but the factor tells the two halves apart.
Contrast draw_contrast(const FaceFactor& factor, float without, float with, int64_t count,
                       const gan::Config& config);

struct Inverted {
  std::vector<Latent> faces;
  double error = 0;  ///< the mean of the pictures' errors
};

/// The latents of pictures, each found from z = 0, a few dozen at a time. `progress` hears how many pictures
/// are done, and the steps of those under way.
Inverted invert_all(const Painter& painter, const std::vector<Image>& pictures,
                    const InversionOptions& options,
                    const std::function<void(int64_t pictures_done, int64_t step)>& progress = {});

/// The mean of `with` minus the mean of `without`.
Latent mean_difference(const std::vector<Latent>& with, const std::vector<Latent>& without);

/// face + strength * direction. Throws Error if that is too large for single precision.
Latent along(const Latent& face, const Latent& direction, double strength);

}  // namespace duel::latent
