// Portraits: the hair.
//
// A haircut is a cap between two outlines: outwards the head's outline grown by the hair's volume, inwards
// the opening in which the face shows.
#include "lib/data/synthetic_portrait.h"
#include "lib/error.h"

namespace duel::synthetic {

namespace {

struct HairCut {
  float top, side;    // volume over the skull
  float hairline;     // where the forehead begins above the nose
  float arch;         // how much the hairline sinks towards the temples
  float opening;      // half width of the opening
  float front, back;  // how far down the hair falls beside the face, and behind it
  float flare;        // widening of the falling hair
  float wave, waves;  // amplitude and frequency of the outline's waves
  float sweep;        // slant of the hairline away from the parting
};

const HairCut& hair_cut(HairStyle style) {
  //                            top    side   line    arch   open   front  back   flare  wave   waves  sweep
  static constexpr HairCut kBuzz{0.025f, 0.015f, -0.42f, 0.50f, 0.49f, -0.06f, -1.0f, 0.0f, 0.0f, 0.0f, 0.0f};
  static constexpr HairCut kSidePart{0.12f, 0.05f, -0.37f, 0.30f, 0.485f, 0.06f,
                                     -1.0f, 0.0f,  0.0f,   0.0f,  0.28f};
  static constexpr HairCut kQuiff{0.20f, 0.03f, -0.40f, 0.10f, 0.49f, 0.03f,
                                  -1.0f, 0.0f,  0.012f, 9.0f,  0.10f};
  static constexpr HairCut kBob{0.12f, 0.11f, -0.17f, 0.10f, 0.445f, 0.52f, 0.56f, 0.10f, 0.0f, 0.0f, 0.0f};
  static constexpr HairCut kLong{0.11f, 0.09f, -0.46f, 0.95f, 0.45f, 1.3f, 1.4f, 0.06f, 0.0f, 0.0f, 0.0f};
  static constexpr HairCut kWavy{0.13f, 0.12f, -0.43f, 0.75f, 0.45f, 1.3f, 1.4f, 0.16f, 0.022f, 13.0f, 0.12f};
  static constexpr HairCut kCurly{0.18f, 0.17f, -0.34f, 0.35f, 0.45f, 0.42f,
                                  0.70f, 0.06f, 0.030f, 17.0f, 0.0f};
  static constexpr HairCut kAfro{0.26f, 0.24f, -0.38f, 0.30f, 0.47f, 0.12f, 0.34f, 0.0f, 0.014f, 26.0f, 0.0f};
  static constexpr HairCut kBun{0.045f, 0.025f, -0.42f, 0.42f, 0.50f, 0.00f, 0.1f, 0.0f, 0.0f, 0.0f, 0.0f};
  static constexpr HairCut kPonytail{0.06f, 0.03f, -0.40f, 0.35f, 0.49f, 0.02f,
                                     0.1f,  0.0f,  0.0f,   0.0f,  0.15f};
  switch (style) {
    case HairStyle::Buzz:
      return kBuzz;
    case HairStyle::SidePart:
      return kSidePart;
    case HairStyle::Quiff:
      return kQuiff;
    case HairStyle::Bob:
      return kBob;
    case HairStyle::Long:
      return kLong;
    case HairStyle::Wavy:
      return kWavy;
    case HairStyle::Curly:
      return kCurly;
    case HairStyle::Afro:
      return kAfro;
    case HairStyle::Bun:
      return kBun;
    case HairStyle::Ponytail:
      return kPonytail;
    case HairStyle::Bald:
      break;
  }
  fail("[synthetic] no haircut of style ", static_cast<int>(style));
}

/// Signed distance to the outer outline of the hair, falling to `bottom`.
float outer_outline(const Portrait& portrait, const HairCut& cut, Vec2 p, float bottom) {
  const float volume = portrait.factors.hair_volume;
  const float rx = portrait.half_width + cut.side * volume, ry = -kCrown + cut.top * volume;
  float distance;
  if (p.y < 0.0f) {
    distance = ellipse(p, rx, ry);
    if (cut.wave > 0.0f) distance += cut.wave * std::sin(cut.waves * 0.6f * std::atan2(p.x, -p.y) + 1.0f);
  } else {
    distance = std::fabs(p.x) - rx - cut.flare * std::min(p.y, 0.8f);
    if (cut.wave > 0.0f) distance += cut.wave * std::sin(cut.waves * p.y + (p.x > 0.0f ? 1.0f : 0.0f));
  }
  return smooth_max(distance, p.y - bottom, 0.18f);
}

/// Signed distance to the opening for the face; negative where the face shows.
float face_opening(const Portrait& portrait, const HairCut& cut, Vec2 p) {
  const FaceFactors& f = portrait.factors;
  const float parting = 0.22f * f.hair_parting;
  float line = cut.hairline + cut.arch * square(p.x - 0.4f * parting) * 1.6f;
  line -= cut.sweep * p.x * (f.hair_parting > 0.0f ? 1.0f : -1.0f);
  if (f.hair_style == HairStyle::Bob) line += 0.014f * std::sin(22.0f * p.x + 1.0f);
  if (f.hair_style == HairStyle::Curly) line += 0.025f * std::sin(15.0f * p.x);
  const float above = line - p.y;
  float beside = std::fabs(p.x) - cut.opening * f.face_width;
  if (cut.wave > 0.0f) beside += 0.6f * cut.wave * std::sin(cut.waves * p.y + 2.0f);
  return smooth_max(above * 0.9f, beside, 0.16f);
}

/// The colour of the hair: lit like a ball, with strands and a sheen across them.
Rgb hair_colour(const Portrait& portrait, const HairCut& cut, const Spot& spot, float pixel) {
  const FaceFactors& f = portrait.factors;
  const Vec2 p = spot.head;
  const Vec3 normal = {p.x * 1.15f, p.y * 0.85f - 0.1f, 0.65f};
  // Strands start at the parting on top of the head and hang straight further down.
  const float down = p.y + 0.80f;
  const float across =
      (p.x - 0.22f * f.hair_parting - 0.5f * spot.head.x * 0.0f) / (0.30f + clamp01(down) * 0.7f);
  const float bend = cut.wave * 14.0f * std::sin(cut.waves * 0.55f * p.y + 2.0f * p.x);
  const float at = across * 17.0f + bend;
  // A strand finer than the pixels shows as their mean.
  const float visible = clamp01(1.3f - pixel * 9.0f);
  const float strands = 0.55f * std::sin(at) + 0.45f * visible * std::sin(2.7f * at + 1.3f);
  const float sheen =
      smoothstep(0.24f, 0.0f, std::fabs(down - 0.36f - 0.10f * across * across + 0.02f * strands));
  Rgb hair = portrait.lit(portrait.hair, normal) * (1.0f + 0.13f * strands);
  const float gloss = sheen * (0.06f + 0.07f * f.light_strength) * (0.7f + 0.3f * strands);
  hair = hair + mix(Rgb{1.0f, 0.97f, 0.92f}, portrait.hair, 0.5f) * gloss;
  return hair;
}

}  // namespace

void paint_back_hair(Canvas& canvas, const Portrait& portrait) {
  const FaceFactors& f = portrait.factors;
  if (f.hair_style == HairStyle::Bald) return;
  const HairCut& cut = hair_cut(f.hair_style);
  const float pixel = canvas.pixel();
  const float side = f.hair_parting > 0.0f ? 1.0f : -1.0f;
  canvas.paint([&](const Spot& spot, Rgb& colour) {
    float shape = 9.0f;
    if (cut.back > 0.2f) shape = outer_outline(portrait, cut, spot.head, cut.back);
    if (f.hair_style == HairStyle::Bun) {
      shape = std::min(shape, length(spot.head - Vec2{0.0f, -0.76f}) - 0.20f * f.hair_volume);
    }
    if (f.hair_style == HairStyle::Ponytail) {
      const Vec2 root = {side * 0.46f, -0.25f}, tip = {side * 0.66f, 0.75f};
      const float along = along_segment(spot.head, root, tip);
      const Vec2 bow = mix(root, tip, along) + Vec2{side * 0.14f * along * (1.0f - along) * 4.0f, 0.0f};
      shape =
          std::min(shape, length(spot.head - bow) - 0.15f * f.hair_volume * (1.0f - 0.55f * along * along));
    }
    const float cover = coverage(shape, pixel);
    if (cover <= 0.0f) return;
    blend(colour, hair_colour(portrait, cut, spot, pixel) * 0.72f, cover);
  });
}

void paint_front_hair(Canvas& canvas, const Portrait& portrait) {
  const FaceFactors& f = portrait.factors;
  if (f.hair_style == HairStyle::Bald) return;
  const HairCut& cut = hair_cut(f.hair_style);
  const float pixel = canvas.pixel();
  const float density = f.hair_style == HairStyle::Buzz ? 0.85f : 1.0f;
  const float soft = f.hair_style == HairStyle::Buzz ? 0.05f : 0.0f;
  canvas.paint([&](const Spot& spot, Rgb& colour) {
    const float outer = outer_outline(portrait, cut, spot.head, cut.front);
    if (outer > 0.12f) return;
    const float opening = face_opening(portrait, cut, spot.face);
    // The hair throws a soft shade on the skin.
    const float shade = smoothstep(0.13f, 0.0f, -opening) * smoothstep(0.05f, -0.1f, outer);
    if (soft == 0.0f) colour = colour * mix({1.0f, 1.0f, 1.0f}, {0.74f, 0.66f, 0.64f}, 0.8f * shade);
    const float cover = density * coverage(outer, pixel) * coverage(-opening, pixel + soft);
    if (cover <= 0.0f) return;
    blend(colour, hair_colour(portrait, cut, spot, pixel), cover);
  });
}

}  // namespace duel::synthetic
