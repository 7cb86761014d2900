// `synthetic`, the default training data: portraits drawn by the program itself from known factors.
//
// A face is described by FaceFactors alone, and draw_face() turns such a description into a picture. So a
// tool can vary one factor and leave the others, or ask which factor a direction of the latent space
// controls.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "lib/data/dataset.h"

namespace duel {

enum class HairStyle { Bald, Buzz, SidePart, Quiff, Bob, Long, Wavy, Curly, Afro, Bun, Ponytail };
enum class HairColour {
  Black,
  DarkBrown,
  Brown,
  Chestnut,
  Auburn,
  Ginger,
  DarkBlond,
  Blond,
  Grey,
  White,
  Blue,
  Pink,
  Violet,
  Green
};
enum class EyeColour { DarkBrown, Brown, Hazel, Green, Blue, Grey };
enum class FacialHair { None, Stubble, Moustache, Goatee, Beard };
enum class Glasses { None, Round, Rectangular };
enum class Clothes { CrewNeck, VNeck, Collar };

/// All that is known of one portrait. The ranges are those of face_factors(); left, right, up and down are
/// the beholder's. The values that stand here are those of a mean face, looking straight ahead.
struct FaceFactors {
  float skin_tone = 0.3f;    ///< 0 (lightest) .. 1 (deepest)
  float skin_warmth = 0.0f;  ///< -1 (rosy) .. 1 (golden)
  float blush = 0.3f;        ///< 0 .. 1, redness of the cheeks
  float face_width = 1.0f;   ///< relative to the mean
  float jaw = 0.0f;          ///< -1 (pointed) .. 1 (square)

  EyeColour eye_colour = EyeColour::Brown;
  float eye_size = 1.0f;      ///< relative to the mean
  float eye_openness = 1.0f;  ///< height of the opening, relative to the mean
  float eye_spacing = 1.0f;   ///< distance between the eyes, relative to the mean
  float eye_slant = 0.0f;     ///< degrees, outer corners up
  float gaze = 0.0f;          ///< -1 (left) .. 1 (right), relative to the head

  float brow_height = 0.0f;     ///< -1 (low) .. 1 (raised)
  float brow_slant = 0.0f;      ///< degrees, outer ends up
  float brow_thickness = 1.0f;  ///< relative to the mean

  float nose_width = 1.0f;   ///< relative to the mean
  float nose_length = 1.0f;  ///< relative to the mean

  float mouth_width = 1.0f;   ///< relative to the mean
  float lip_fullness = 1.0f;  ///< relative to the mean
  float smile = 0.3f;         ///< -0.5 (corners down) .. 1 (broad smile)
  float mouth_open = 0.0f;    ///< 0 (closed) .. 1 (wide open, teeth visible)
  float makeup = 0.0f;        ///< 0 .. 1, colour of the lips and weight of the lashes

  HairStyle hair_style = HairStyle::SidePart;
  HairColour hair_colour = HairColour::Brown;
  float hair_volume = 1.0f;   ///< relative to the style's mean
  float hair_parting = 0.5f;  ///< -1 (left) .. 1 (right): side of the parting, the sweep and the ponytail
  FacialHair facial_hair = FacialHair::None;
  Glasses glasses = Glasses::None;

  float yaw = 0.0f;      ///< degrees, head turned to the right
  float pitch = 0.0f;    ///< degrees, head raised
  float roll = 0.0f;     ///< degrees, head tilted clockwise
  float zoom = 1.0f;     ///< size of the head, relative to the mean
  float shift_x = 0.0f;  ///< to the right, in widths of the picture
  float shift_y = 0.0f;  ///< down, in heights of the picture

  float light_azimuth = -30.0f;  ///< degrees, where the light comes from: -90 (left) .. 90 (right), 0 = front
  float light_elevation = 35.0f;  ///< degrees above the horizon
  float light_strength = 0.6f;    ///< 0 (even light) .. 1 (deep shade)

  float background_hue = 210.0f;       ///< degrees on the colour circle
  float background_lightness = 0.65f;  ///< 0 (dark) .. 1 (light)

  Clothes clothes = Clothes::CrewNeck;
  float clothes_hue = 220.0f;       ///< degrees on the colour circle
  float clothes_lightness = 0.45f;  ///< 0 (dark) .. 1 (light)
};

/// One factor as a number, whatever its type. A factor with `choices` takes the whole numbers 0 .. high, one
/// for each enumerator.
struct FaceFactor {
  const char* name;  ///< the member's name in FaceFactors
  float low, high;   ///< the allowed values, both ends included
  std::span<const char* const> choices;
  float (*get)(const FaceFactors&);
  void (*assign)(FaceFactors&, float);

  /// Whether it runs in a circle, degrees of which 360 are 0 again.
  bool is_angle() const { return choices.empty() && high - low == 360; }
  /// Throws Error if `value` is outside low .. high; a factor with choices takes the nearest whole number.
  void set(FaceFactors& face, float value) const;
};

/// The table of all factors, in the order of the members of FaceFactors.
std::span<const FaceFactor> face_factors();

/// Face `index` of the people that `seed` stands for: a pure function of both (Philox stream Synthetic +
/// index). Every factor varies broadly but naturally; about a fifth of the people wear glasses.
FaceFactors random_face(uint64_t seed, int64_t index);

/// Draws the portrait as bytes, (image_size, image_size, channels), into `pixels`: RGB, or luminance (Rec.
/// 601) where `channels` is 1. Resolution-independent: a small picture looks like a large one scaled down.
/// Throws Error if image_size is outside 16 .. 1024, channels is neither 1 nor 3 or a factor is out of its
/// range.
void draw_face(const FaceFactors& face, int64_t image_size, int64_t channels, uint8_t* pixels);

/// The checks that draw_face() makes of a picture's size and channels.
void check_face_picture(int64_t image_size, int64_t channels);

/// `count` portraits. Each is drawn when it is first read and kept as bytes, as far as the set fits 1 GiB;
/// those beyond are drawn at each read.
class SyntheticFaces final : public Dataset {
 public:
  /// Throws Error if count < 1, or as draw_face() does.
  SyntheticFaces(int64_t count, int64_t image_size, int64_t channels, uint64_t seed);

  int64_t size() const override { return count_; }
  int64_t image_size() const override { return image_size_; }
  int64_t channels() const override { return channels_; }
  /// Throws Error if `index` is outside 0 .. size()-1.
  void read(int64_t index, uint8_t* pixels) const override;
  std::string description() const override;

  /// What is drawn in picture `index`. Throws Error if `index` is outside 0 .. size()-1.
  FaceFactors factors(int64_t index) const;

 private:
  enum class State : uint8_t { Empty, Drawing, Ready };

  int64_t count_, image_size_, channels_;
  uint64_t seed_;
  int64_t kept_;                                 // pictures 0 .. kept_-1 have a place in store_
  std::unique_ptr<uint8_t[]> store_;             // (kept_, image_size_, image_size_, channels_)
  std::unique_ptr<std::atomic<State>[]> state_;  // one a kept picture
};

}  // namespace duel
