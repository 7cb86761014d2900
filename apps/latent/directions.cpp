#include "apps/latent/directions.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "lib/error.h"

namespace duel::latent {
namespace {

std::vector<double> mean_of(const std::vector<Latent>& faces) {
  std::vector<double> mean(faces.front().size());
  for (const Latent& face : faces) {
    for (size_t i = 0; i < mean.size(); ++i) mean[i] += face[i] / static_cast<double>(faces.size());
  }
  return mean;
}

Image draw_person(FaceFactors person, const FaceFactor& factor, float value, const gan::Config& config) {
  factor.set(person, value);
  Image image{config.image_size, config.image_size, config.channels, {}};
  image.pixels.resize(static_cast<size_t>(image.width * image.height * image.channels));
  draw_face(person, image.width, image.channels, image.pixels.data());
  return image;
}

}  // namespace

const FaceFactor& find_factor(std::string_view name) {
  std::string names;
  for (const FaceFactor& factor : face_factors()) {
    if (factor.name == name) return factor;
    names += concat(names.empty() ? "" : ", ", factor.name);
  }
  fail("there is no factor '", name, "'; there are: ", names);
}

float factor_value(const FaceFactor& factor, const std::string& option, const std::string& text) {
  std::string choices;
  for (size_t i = 0; i < factor.choices.size(); ++i) {
    if (factor.choices[i] == text) return static_cast<float>(i);
    choices += concat(", ", factor.choices[i]);
  }
  float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool in_range =
      error == std::errc() && end == text.data() + text.size() && value >= factor.low && value <= factor.high;
  // Between two choices there is none.
  check(in_range && (factor.choices.empty() || value == std::floor(value)), option, " of ", factor.name,
        " must be ", factor.low, " to ", factor.high, choices, "; got '", text, "'");
  return value;
}

Contrast draw_contrast(const FaceFactor& factor, float without, float with, int64_t count,
                       const gan::Config& config) {
  Contrast contrast;
  for (int64_t i = 0; i < count; ++i) {
    const FaceFactors person = random_face(config.seed, i);
    contrast.with.push_back(draw_person(person, factor, with, config));
    contrast.without.push_back(draw_person(person, factor, without, config));
  }
  return contrast;
}

Inverted invert_all(const Painter& painter, const std::vector<Image>& pictures,
                    const InversionOptions& options,
                    const std::function<void(int64_t pictures_done, int64_t step)>& progress) {
  constexpr size_t at_a_time = 32;  // more only take more memory
  Inverted result;
  for (size_t first = 0; first < pictures.size(); first += at_a_time) {
    const size_t count = std::min(at_a_time, pictures.size() - first);
    const auto begin = pictures.begin() + static_cast<std::ptrdiff_t>(first);
    const std::vector<Image> part(begin, begin + static_cast<std::ptrdiff_t>(count));
    const std::vector<Latent> starts(count, Latent(static_cast<size_t>(painter.z_dim()), 0.0f));
    const auto report = [&](int64_t step, double) {
      if (progress) progress(static_cast<int64_t>(first), step);
    };
    for (Search& search :
         invert(painter.network(), to_tensor(part, painter.device()), starts, options, report)) {
      result.error += search.error / static_cast<double>(pictures.size());
      result.faces.push_back(std::move(search.z));
    }
  }
  return result;
}

Latent mean_difference(const std::vector<Latent>& with, const std::vector<Latent>& without) {
  check(!with.empty() && !without.empty(), "a direction needs pictures with the property and without it");
  const std::vector<double> a = mean_of(with), b = mean_of(without);
  Latent direction(a.size());
  for (size_t i = 0; i < a.size(); ++i) direction[i] = static_cast<float>(a[i] - b[i]);
  return direction;
}

Latent along(const Latent& face, const Latent& direction, double strength) {
  Latent moved = face;
  for (size_t i = 0; i < moved.size(); ++i) {
    moved[i] = static_cast<float>(moved[i] + strength * direction[i]);
    check(std::isfinite(moved[i]), "a direction of strength ", strength,
          " leads to numbers that are too large for single precision");
  }
  return moved;
}

}  // namespace duel::latent
