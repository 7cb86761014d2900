// The table of the factors of a portrait, and the people drawn from it at random.
#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "lib/data/synthetic.h"
#include "lib/error.h"
#include "lib/philox.h"

namespace duel {

namespace {

constexpr const char* kEyeColours[] = {"dark brown", "brown", "hazel", "green", "blue", "grey"};
constexpr const char* kHairStyles[] = {"bald", "buzz",  "side parting", "quiff", "bob",     "long",
                                       "wavy", "curly", "afro",         "bun",   "ponytail"};
constexpr const char* kHairColours[] = {"black",  "dark brown", "brown",  "chestnut", "auburn",
                                        "ginger", "dark blond", "blond",  "grey",     "white",
                                        "blue",   "pink",       "violet", "green"};
constexpr const char* kFacialHair[] = {"none", "stubble", "moustache", "goatee", "beard"};
constexpr const char* kGlasses[] = {"none", "round", "rectangular"};
constexpr const char* kClothes[] = {"crew neck", "V-neck", "collar"};

template <auto Member>
constexpr FaceFactor factor(const char* name, float low, float high) {
  return {name,
          low,
          high,
          {},
          [](const FaceFactors& face) { return face.*Member; },
          [](FaceFactors& face, float value) { face.*Member = value; }};
}

template <auto Member, size_t N>
constexpr FaceFactor choice(const char* name, const char* const (&labels)[N]) {
  using Enum = std::remove_reference_t<decltype(std::declval<FaceFactors>().*Member)>;
  return {name,
          0.0f,
          static_cast<float>(N - 1),
          labels,
          [](const FaceFactors& face) { return static_cast<float>(face.*Member); },
          [](FaceFactors& face, float value) { face.*Member = static_cast<Enum>(std::lround(value)); }};
}

using F = FaceFactors;

constexpr FaceFactor kFactors[] = {
    factor<&F::skin_tone>("skin_tone", 0.0f, 1.0f),
    factor<&F::skin_warmth>("skin_warmth", -1.0f, 1.0f),
    factor<&F::blush>("blush", 0.0f, 1.0f),
    factor<&F::face_width>("face_width", 0.9f, 1.1f),
    factor<&F::jaw>("jaw", -1.0f, 1.0f),
    choice<&F::eye_colour>("eye_colour", kEyeColours),
    factor<&F::eye_size>("eye_size", 0.85f, 1.15f),
    factor<&F::eye_openness>("eye_openness", 0.5f, 1.2f),
    factor<&F::eye_spacing>("eye_spacing", 0.92f, 1.08f),
    factor<&F::eye_slant>("eye_slant", -6.0f, 10.0f),
    factor<&F::gaze>("gaze", -1.0f, 1.0f),
    factor<&F::brow_height>("brow_height", -1.0f, 1.0f),
    factor<&F::brow_slant>("brow_slant", -10.0f, 10.0f),
    factor<&F::brow_thickness>("brow_thickness", 0.6f, 1.5f),
    factor<&F::nose_width>("nose_width", 0.8f, 1.25f),
    factor<&F::nose_length>("nose_length", 0.85f, 1.15f),
    factor<&F::mouth_width>("mouth_width", 0.85f, 1.15f),
    factor<&F::lip_fullness>("lip_fullness", 0.6f, 1.5f),
    factor<&F::smile>("smile", -0.5f, 1.0f),
    factor<&F::mouth_open>("mouth_open", 0.0f, 1.0f),
    factor<&F::makeup>("makeup", 0.0f, 1.0f),
    choice<&F::hair_style>("hair_style", kHairStyles),
    choice<&F::hair_colour>("hair_colour", kHairColours),
    factor<&F::hair_volume>("hair_volume", 0.7f, 1.3f),
    factor<&F::hair_parting>("hair_parting", -1.0f, 1.0f),
    choice<&F::facial_hair>("facial_hair", kFacialHair),
    choice<&F::glasses>("glasses", kGlasses),
    factor<&F::yaw>("yaw", -25.0f, 25.0f),
    factor<&F::pitch>("pitch", -12.0f, 12.0f),
    factor<&F::roll>("roll", -10.0f, 10.0f),
    factor<&F::zoom>("zoom", 0.92f, 1.08f),
    factor<&F::shift_x>("shift_x", -0.03f, 0.03f),
    factor<&F::shift_y>("shift_y", -0.03f, 0.03f),
    factor<&F::light_azimuth>("light_azimuth", -90.0f, 90.0f),
    factor<&F::light_elevation>("light_elevation", 0.0f, 70.0f),
    factor<&F::light_strength>("light_strength", 0.0f, 1.0f),
    factor<&F::background_hue>("background_hue", 0.0f, 360.0f),
    factor<&F::background_lightness>("background_lightness", 0.0f, 1.0f),
    choice<&F::clothes>("clothes", kClothes),
    factor<&F::clothes_hue>("clothes_hue", 0.0f, 360.0f),
    factor<&F::clothes_lightness>("clothes_lightness", 0.0f, 1.0f),
};

/// Draws from bounded distributions, so that every value is inside its factor's range.
class Chance {
 public:
  Chance(uint64_t seed, int64_t index)
      : walk_(seed, static_cast<uint64_t>(Stream::Synthetic) + static_cast<uint64_t>(index)) {}

  float uniform(float low, float high) { return walk_.uniform(low, high); }
  bool happens(float probability) { return walk_.uniform() < probability; }
  /// Bell-shaped on mean - reach .. mean + reach (the sum of three uniform numbers): deviation reach / 3.
  float bell(float mean, float reach) {
    const float sum = walk_.uniform() + walk_.uniform() + walk_.uniform();
    return mean + reach * (sum / 1.5f - 1.0f);
  }
  /// An enumerator of 0 .. N-1 with probability in proportion to its weight.
  template <class Enum, size_t N>
  Enum pick(const float (&weights)[N]) {
    float total = 0.0f;
    for (const float weight : weights) total += weight;
    float left = walk_.uniform() * total;
    size_t chosen = 0;
    while (chosen + 1 < N && left >= weights[chosen]) left -= weights[chosen++];
    return static_cast<Enum>(chosen);
  }

 private:
  PhiloxWalk walk_;
};

/// Hair and eye colours run together with the tone of the skin: dark hair everywhere, light hair and eyes
/// mostly on light skin.
void choose_colours(FaceFactors& face, Chance& chance) {
  const float tone = chance.uniform(0.0f, 1.0f);
  face.skin_tone = tone * (0.45f + 0.55f * tone);
  face.skin_warmth = chance.bell(0.0f, 1.0f);
  face.blush = chance.uniform(0.0f, 1.0f);
  const float fair = std::max(0.0f, 1.0f - face.skin_tone / 0.55f);

  const float eyes[] = {0.25f + face.skin_tone, 0.6f, 0.35f * fair, 0.45f * fair, 0.9f * fair, 0.3f * fair};
  face.eye_colour = chance.pick<EyeColour>(eyes);

  // Black, dark brown, brown, chestnut, auburn, ginger, dark blond, blond, grey, white, four dyes.
  const float black = 0.5f + 1.2f * face.skin_tone;
  const float hair[] = {black,       0.9f,        0.7f,        0.5f,  0.4f * fair + 0.1f,
                        0.6f * fair, 0.8f * fair, 1.1f * fair, 0.22f, 0.16f,
                        0.06f,       0.07f,       0.06f,       0.04f};
  face.hair_colour = chance.pick<HairColour>(hair);
}

/// Hair, beard and makeup run together as custom has it; `beardless` people wear longer hair.
void choose_hair(FaceFactors& face, bool beardless, Chance& chance) {
  // Bald, buzz, side parting, quiff, bob, long, wavy, curly, afro, bun, ponytail.
  const float long_hair[] = {0.0f, 0.02f, 0.08f, 0.04f, 1.0f, 1.3f, 1.2f, 0.6f, 0.3f, 0.7f, 0.8f};
  const float short_hair[] = {0.5f, 0.8f, 1.7f, 1.4f, 0.0f, 0.12f, 0.12f, 0.25f, 0.25f, 0.06f, 0.05f};
  face.hair_style = beardless ? chance.pick<HairStyle>(long_hair) : chance.pick<HairStyle>(short_hair);
  face.hair_volume = chance.bell(1.0f, 0.3f);
  face.hair_parting = chance.uniform(-1.0f, 1.0f);
  const float beards[] = {1.0f, 0.4f, 0.18f, 0.18f, 0.5f};
  face.facial_hair = beardless ? FacialHair::None : chance.pick<FacialHair>(beards);
  face.makeup = beardless ? chance.uniform(0.0f, 1.0f) : 0.0f;
  const float glasses[] = {0.8f, 0.1f, 0.1f};
  face.glasses = chance.pick<Glasses>(glasses);
}

void choose_features(FaceFactors& face, bool beardless, Chance& chance) {
  face.face_width = chance.bell(beardless ? 0.98f : 1.02f, 0.08f);
  face.jaw = chance.bell(beardless ? -0.3f : 0.3f, 0.7f);
  face.eye_size = chance.bell(beardless ? 1.03f : 0.97f, 0.12f);
  face.eye_openness = chance.bell(0.95f, 0.25f);
  face.eye_spacing = chance.bell(1.0f, 0.08f);
  face.eye_slant = chance.bell(2.0f, 8.0f);
  face.gaze = chance.bell(0.0f, 1.0f);
  face.brow_height = chance.bell(0.0f, 1.0f);
  face.brow_slant = chance.bell(0.0f, 10.0f);
  face.brow_thickness = chance.bell(beardless ? 0.9f : 1.2f, 0.3f);
  face.nose_width = chance.bell(1.0f, 0.2f);
  face.nose_length = chance.bell(1.0f, 0.15f);
  face.mouth_width = chance.bell(1.0f, 0.15f);
  face.lip_fullness = chance.bell(beardless ? 1.15f : 0.95f, 0.35f);
  face.smile = chance.uniform(-0.15f, 1.0f);
  // An open mouth is mostly a laughing one.
  if (chance.happens(0.15f + 0.4f * std::max(0.0f, face.smile))) face.mouth_open = chance.uniform(0.2f, 1.0f);
}

void choose_scene(FaceFactors& face, Chance& chance) {
  face.yaw = chance.bell(0.0f, 25.0f);
  face.pitch = chance.bell(0.0f, 12.0f);
  face.roll = chance.bell(0.0f, 10.0f);
  face.zoom = chance.bell(1.0f, 0.06f);
  face.shift_x = chance.bell(0.0f, 0.03f);
  face.shift_y = chance.bell(0.0f, 0.025f);
  face.light_azimuth = chance.uniform(-75.0f, 75.0f);
  face.light_elevation = chance.uniform(10.0f, 60.0f);
  face.light_strength = chance.bell(0.55f, 0.4f);
  face.background_hue = chance.uniform(0.0f, 360.0f);
  face.background_lightness = chance.uniform(0.25f, 1.0f);
  const float clothes[] = {0.45f, 0.25f, 0.3f};
  face.clothes = chance.pick<Clothes>(clothes);
  face.clothes_hue = chance.uniform(0.0f, 360.0f);
  face.clothes_lightness = chance.uniform(0.0f, 1.0f);
}

}  // namespace

void FaceFactor::set(FaceFactors& face, float value) const {
  check(value >= low && value <= high, "[synthetic] ", name, " = ", value, ": it goes from ", low, " to ",
        high);
  assign(face, value);
}

std::span<const FaceFactor> face_factors() { return kFactors; }

FaceFactors random_face(uint64_t seed, int64_t index) {
  Chance chance(seed, index);
  FaceFactors face;
  const bool beardless = chance.happens(0.5f);
  choose_colours(face, chance);
  choose_hair(face, beardless, chance);
  choose_features(face, beardless, chance);
  choose_scene(face, chance);
  return face;
}

}  // namespace duel
