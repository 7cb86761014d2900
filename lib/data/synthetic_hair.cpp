// Portraits: the hair.
//
// A haircut is a cap between two outlines: outwards the head's outline grown by the hair's volume, inwards
// the opening in which the face shows.
#include "lib/data/synthetic_portrait.h"

namespace duel::synthetic {

namespace {

enum class Fall { Cap, Curtain, Ball };  // ends around the ears, hangs down, or stands off all around

/// One row of kHairCuts, below. Lengths in the units of Spot.
struct HairCut {
  Fall fall;
  float top, side;    // volume over the skull
  float front, back;  // how far down the hair goes beside the face, and behind it; back 0 if not at all
  float flare;        // widening of the falling hair, per length
  float hairline;     // where the forehead begins above the nose
  float arch, peak;   // how the hairline sinks towards the temples: with the square, or from a point
  float sweep;        // how much it slants away from the parting
  float opening;      // half width of the opening
  float wave, waves;  // height and number of the waves of outline and strands
};

using enum Fall;

// One row an enumerator of HairStyle; the first is not looked at.
// clang-format off
constexpr HairCut kHairCuts[] = {
  // fall         top   side  front   back  flare   line   arch   peak  sweep   open   wave  waves
  {Cap,       0.0,   0.0,   0.0,   0.0,   0.0,   0.0,   0.0,   0.0,   0.0,   0.0,   0.0,   0.0},  // Bald
  {Cap,     0.025, 0.015, -0.04,   0.0,   0.0, -0.42,   0.8,   0.0,   0.0,   0.5,   0.0,   0.0},  // Buzz
  {Cap,      0.12,  0.05,  0.05,   0.0,   0.0, -0.38,  0.45,   0.0,  0.22,  0.49,   0.0,   0.0},  // SidePart
  {Cap,      0.17, 0.025,   0.0,   0.0,   0.0,  -0.4,  0.35,   0.0,  0.06,   0.5,   0.0,   0.0},  // Quiff
  {Curtain,  0.12,   0.1,  0.52,  0.56,   0.1, -0.18,  0.15,   0.0,   0.0,  0.45,   0.0,   0.0},  // Bob
  {Curtain,   0.1,  0.07,   1.4,   1.4,  0.06, -0.52,   0.5,   0.5,   0.0,  0.46,   0.0,   0.0},  // Long
  {Curtain,  0.13,   0.1,   1.4,   1.4,  0.16, -0.46,   0.6,  0.25,   0.1,  0.46, 0.024,  12.0},  // Wavy
  {Ball,      0.2,  0.22,   0.5,  0.68,   0.0, -0.32,   0.5,   0.0,   0.0,  0.46, 0.045,  15.0},  // Curly
  {Ball,     0.26,  0.28,  0.28,  0.42,   0.0,  -0.4,   0.6,   0.0,   0.0,  0.49, 0.016,  30.0},  // Afro
  {Cap,     0.045, 0.025,   0.0,   0.0,   0.0, -0.43,   0.7,   0.0,   0.0,   0.5,   0.0,   0.0},  // Bun
  {Cap,      0.06,  0.03,  0.02,   0.0,   0.0, -0.41,   0.5,   0.0,  0.12, 0.495,   0.0,   0.0},  // Ponytail
};
// clang-format on

/// The hair of one portrait.
class Hair {
 public:
  Hair(const Portrait& portrait, float pixel)
      : portrait_(portrait),
        cut_(kHairCuts[static_cast<size_t>(portrait.factors.hair_style)]),
        volume_(portrait.factors.hair_volume),
        side_(portrait.factors.hair_parting > 0.0f ? 1.0f : -1.0f),
        lean_(std::clamp(2.5f * portrait.factors.hair_parting, -1.0f, 1.0f)),
        parting_(0.24f * portrait.factors.hair_parting),
        brushed_up_(portrait.factors.hair_style == HairStyle::Quiff),
        pixel_(pixel) {}

  const HairCut& cut() const { return cut_; }
  /// Signed distance to the outer outline of the hair that ends at the height `bottom`.
  float outline(Vec2 head, float bottom) const;
  /// Signed distance to the opening for the face: negative where the face shows.
  float opening(Vec2 face) const;
  /// Signed distance to bun or ponytail.
  float tied(Vec2 head) const;
  Rgb colour(Vec2 head) const;

 private:
  float strands(Vec2 head) const;
  float curls(Vec2 head) const;

  const Portrait& portrait_;
  const HairCut& cut_;
  float volume_;
  float side_;  // -1 or 1: the side of the parting
  float lean_;  // -1 .. 1: how much the hair is combed away from there
  float parting_;
  bool brushed_up_;
  float pixel_;
};

float Hair::outline(Vec2 head, float bottom) const {
  const float rx = portrait_.half_width + cut_.side * volume_, top = kCrown - cut_.top * volume_;
  Vec2 p = head;
  // Hair that is combed over stands higher on one side.
  if (cut_.sweep > 0.0f) p.x -= 0.5f * lean_ * cut_.sweep * cut_.top * volume_ * clamp01(-2.0f * p.y);
  float distance;
  if (cut_.fall == Fall::Ball) {
    const float middle = 0.5f * (top + cut_.back);
    distance = ellipse({p.x, p.y - middle}, rx, cut_.back - middle);
    const float curl = wave(0.5f * cut_.waves * std::atan2(p.x, p.y - middle) + 0.7f);
    distance -= cut_.wave * (std::fabs(curl) - 0.6f);
  } else if (p.y < 0.0f) {
    distance = ellipse(p, rx, -top);
  } else {
    distance = std::fabs(p.x) - rx - cut_.flare * std::min(p.y, 0.8f);
  }
  if (cut_.fall == Fall::Curtain && cut_.wave > 0.0f) {
    distance += cut_.wave * wave(cut_.waves * p.y + lean_ * p.x) * smoothstep(-0.7f, -0.3f, p.y);
  }
  return smooth_max(distance, p.y - bottom, 0.15f);
}

float Hair::opening(Vec2 face) const {
  const float from_parting = face.x - parting_;
  float line = cut_.hairline + cut_.arch * square(face.x);
  line += cut_.peak * std::sqrt(square(from_parting) + 0.002f) - cut_.sweep * face.x * lean_;
  if (portrait_.factors.hair_style == HairStyle::Bob) line += 0.012f * wave(22.0f * face.x + 1.0f);
  float beside = std::fabs(face.x) - cut_.opening * portrait_.factors.face_width;
  if (cut_.fall == Fall::Ball) {
    const float curl = 0.6f * cut_.wave * wave(cut_.waves * (face.x + 0.1f));
    line += curl;
    beside += 0.5f * cut_.wave * wave(cut_.waves * face.y);
  } else {
    beside += 0.7f * cut_.wave * wave(cut_.waves * face.y + 2.0f);
    if (cut_.fall == Fall::Curtain) beside += 0.14f * std::max(0.0f, face.y - 0.1f);
  }
  return smooth_max(0.9f * (line - face.y), beside, 0.24f);
}

float Hair::tied(Vec2 head) const {
  const HairStyle style = portrait_.factors.hair_style;
  if (style == HairStyle::Bun) return length(head - Vec2{0.0f, -0.74f}) - 0.20f * volume_;
  if (style == HairStyle::Ponytail) {
    const Vec2 root = {side_ * 0.44f, -0.25f}, tip = {side_ * 0.64f, 0.72f};
    const float along = along_segment(head, root, tip);
    const Vec2 spine = mix(root, tip, along) + Vec2{side_ * 0.60f * along * (1.0f - along), 0.0f};
    return length(head - spine) - 0.15f * volume_ * (1.0f - 0.6f * along * along);
  }
  return 9.0f;
}

/// Light and dark strands, -1 .. 1. They start at the parting and hang straight further down.
float Hair::strands(Vec2 head) const {
  float down = head.y + 0.80f, across = head.x - parting_;
  if (brushed_up_) {
    down = 0.15f - head.y;
    across = head.x + 0.3f * lean_;
  }
  float at = 17.0f * across / (0.30f + 0.7f * clamp01(down));
  if (cut_.wave > 0.0f) at += 14.0f * cut_.wave * wave(cut_.waves * 0.8f * head.y + 2.0f * head.x);
  // A strand finer than the pixels shows as their mean.
  at += 1.1f * wave(0.45f * at + 2.0f);
  const float fine = clamp01(1.3f - pixel_ * 16.0f);
  return 0.55f * wave(at) + 0.45f * fine * wave(2.7f * at + 1.3f);
}

/// Light and dark curls, -1 .. 1.
float Hair::curls(Vec2 head) const {
  const float wide = 0.9f * cut_.waves + 8.0f;
  const float x = wide * head.x, y = wide * head.y;
  const float visible = clamp01(1.4f - 0.5f * pixel_ * wide);
  return visible * wave(x + 1.3f * wave(0.7f * y)) * wave(y + 1.3f * wave(0.8f * x + 1.0f));
}

Rgb Hair::colour(Vec2 head) const {
  const float deep = portrait_.factors.light_strength;
  const Vec3 normal = {head.x * 1.15f, head.y * 0.85f - 0.1f, 0.65f};
  const bool curly = cut_.fall == Fall::Ball;
  const float texture = curly ? curls(head) : strands(head);
  const float down = head.y + 0.80f;
  const float across = head.x - 0.4f * portrait_.light.x;
  float sheen = smoothstep(0.24f, 0.0f, std::fabs(down - 0.34f - 0.25f * across * across + 0.03f * texture));
  if (curly) sheen = 0.6f * smoothstep(0.6f, 0.0f, down - 0.1f) * (0.5f + 0.5f * texture);
  const Rgb hair = portrait_.lit(portrait_.hair, normal) * (1.0f + (curly ? 0.20f : 0.13f) * texture);
  const float gloss = sheen * (0.06f + 0.07f * deep) * (0.7f + 0.3f * texture);
  return hair + mix(Rgb{1.0f, 0.97f, 0.92f}, portrait_.hair, 0.5f) * gloss;
}

}  // namespace

void paint_back_hair(Canvas& canvas, const Portrait& portrait) {
  if (portrait.factors.hair_style == HairStyle::Bald) return;
  const float pixel = canvas.pixel();
  const Hair hair(portrait, pixel);
  canvas.paint([&](const Spot& spot, Rgb& colour) {
    float shape = hair.tied(spot.head);
    if (hair.cut().back > 0.0f) shape = std::min(shape, hair.outline(spot.head, hair.cut().back));
    const float cover = coverage(shape, pixel);
    if (cover > 0.0f) blend(colour, hair.colour(spot.head) * 0.70f, cover);
  });
}

void paint_front_hair(Canvas& canvas, const Portrait& portrait) {
  const HairStyle style = portrait.factors.hair_style;
  if (style == HairStyle::Bald) return;
  const float pixel = canvas.pixel();
  const Hair hair(portrait, pixel);
  const bool cropped = style == HairStyle::Buzz;  // the skin shines through, and no edge throws a shade
  const float density = cropped ? 0.85f : 1.0f, soft = cropped ? 0.06f : 0.0f;
  canvas.paint([&](const Spot& spot, Rgb& colour) {
    const float outline = hair.outline(spot.head, hair.cut().front);
    if (outline > 0.12f) return;
    // On the far side of a turned head the opening would reach past the skin.
    const float past_skin = spot.outline + 0.01f - 2.0f * std::max(0.0f, spot.head.y);
    const float opening = smooth_max(hair.opening(spot.face), past_skin, 0.03f);
    const float shade = smoothstep(0.13f, 0.0f, -opening) * smoothstep(0.05f, -0.1f, outline);
    if (!cropped) colour = colour * mix({1.0f, 1.0f, 1.0f}, {0.78f, 0.70f, 0.68f}, 0.8f * shade);
    const float cover = density * coverage(outline, pixel) * coverage(-opening, pixel + soft);
    if (cover <= 0.0f) return;
    const float rim = 1.0f - 0.22f * smoothstep(-0.10f, 0.0f, outline);
    const float near_face = 1.0f - 0.12f * smoothstep(0.12f, 0.0f, opening);
    blend(colour, hair.colour(spot.head) * (rim * near_face), cover);
  });
}

}  // namespace duel::synthetic
