// Portraits: background, neck, shoulders, ears and the skin of the head.
#include "lib/data/synthetic_portrait.h"

namespace duel::synthetic {

namespace {

/// A rise or hollow of the face: amount * (1 - r^2)^2 inside its ellipse. Adds the slope of its surface.
void add_bump(Vec2& slope, Vec2 p, Vec2 centre, float rx, float ry, float amount) {
  const Vec2 d = p - centre;
  const float inside = 1.0f - square(d.x / rx) - square(d.y / ry);
  if (inside <= 0.0f) return;
  slope.x -= 4.0f * amount * inside * d.x / (rx * rx);
  slope.y -= 4.0f * amount * inside * d.y / (ry * ry);
}

Vec3 skin_normal(const Portrait& portrait, const Spot& spot) {
  const FaceFactors& f = portrait.factors;
  const Vec2 dome = {spot.head.x / portrait.half_width, spot.head.y / 0.75f};
  const float depth = std::sqrt(std::max(0.06f, 1.0f - 0.80f * dot(dome, dome)));
  const Vec2 p = spot.face;
  const float nose = 0.29f * f.nose_length;
  // The pairs, on the right half and mirrored: eye sockets, brow ridges, cheeks, wings of the nose.
  const Vec2 half = {std::fabs(p.x), p.y};
  Vec2 slope = {0.0f, 0.0f};
  add_bump(slope, half, {kEyeDistance * 0.95f, kEyeLine - 0.02f}, 0.20f, 0.15f, -0.040f);
  add_bump(slope, half, {0.16f, -0.15f}, 0.26f, 0.10f, 0.018f);
  add_bump(slope, half, {0.29f, 0.24f}, 0.22f, 0.20f, 0.040f + 0.030f * std::max(0.0f, f.smile));
  add_bump(slope, half, {0.075f * f.nose_width, nose - 0.03f}, 0.055f, 0.06f, 0.016f);
  if (p.x < 0.0f) slope.x = -slope.x;
  // Ridge and tip of the nose, lips, the hollow below them, chin.
  add_bump(slope, p, {0.0f, 0.08f}, 0.085f, 0.26f, 0.030f);
  add_bump(slope, p, {0.0f, nose - 0.06f}, 0.11f * f.nose_width, 0.11f, 0.055f);
  add_bump(slope, p, {0.0f, kMouthLine}, 0.28f, 0.14f, 0.020f);
  add_bump(slope, p, {0.0f, 0.56f}, 0.16f, 0.05f, -0.012f);
  add_bump(slope, p, {0.0f, 0.66f}, 0.17f, 0.12f, 0.030f);
  return {dome.x * 0.85f - slope.x * depth, dome.y * 0.75f - slope.y * depth, depth};
}

bool ears_covered(HairStyle style) {
  return style == HairStyle::Bob || style == HairStyle::Long || style == HairStyle::Wavy ||
         style == HairStyle::Curly || style == HairStyle::Afro;
}

void paint_ears(Canvas& canvas, const Portrait& portrait) {
  const float pixel = canvas.pixel();
  for (const float side : {-1.0f, 1.0f}) {
    // The ears stand behind the axis of the head: they turn against the face.
    const Vec2 centre = {side * portrait.half_width * 1.02f - 0.20f * portrait.turn.x,
                         0.07f + 0.2f * portrait.turn.y};
    canvas.paint([&](const Spot& spot, Rgb& colour) {
      const Vec2 p = spot.head - centre;
      if (std::fabs(p.x) > 0.2f || std::fabs(p.y) > 0.25f) return;
      const Vec2 leaning = {p.x - side * 0.12f * -p.y, p.y};
      const float outline = ellipse(leaning, 0.078f, 0.135f);
      Rgb ear =
          portrait.lit(portrait.skin * Rgb{1.0f, 0.93f, 0.91f}, {side * 0.6f + p.x * 3.0f, p.y * 3.0f, 0.6f});
      const float bowl = soft_spot(leaning - Vec2{-side * 0.005f, 0.0f}, 0.06f, 0.11f);
      ear = mix(ear, ear * Rgb{0.70f, 0.58f, 0.56f}, 0.9f * bowl);
      blend(colour, ear, coverage(outline, pixel));
    });
  }
}

}  // namespace

void paint_background(Canvas& canvas, const Portrait& portrait) {
  const FaceFactors& f = portrait.factors;
  const float lightness = 0.18f + 0.64f * f.background_lightness;
  const Rgb upper = from_hsl(f.background_hue, 0.30f, lightness + 0.06f);
  const Rgb lower = from_hsl(f.background_hue, 0.32f, lightness - 0.10f);
  canvas.paint([&](const Spot& spot, Rgb& colour) {
    const float halo = smoothstep(1.5f, 0.3f, length(spot.body));
    colour = mix(lower, upper, clamp01(0.5f - 0.45f * spot.body.y)) * (0.88f + 0.18f * halo);
  });
}

void paint_body(Canvas& canvas, const Portrait& portrait) {
  const FaceFactors& f = portrait.factors;
  const float pixel = canvas.pixel();
  const Rgb cloth = from_hsl(f.clothes_hue, 0.42f, 0.14f + 0.68f * f.clothes_lightness);
  const Rgb shirt = mix(cloth, {0.96f, 0.95f, 0.93f}, 0.8f);
  const float neck_width = 0.27f * f.face_width + 0.03f * f.jaw;
  canvas.paint([&](const Spot& spot, Rgb& colour) {
    if (spot.body.y < 0.3f) return;
    const Vec2 p = spot.body;
    const float neck = std::fabs(p.x) - neck_width - 0.5f * square(std::max(0.0f, p.y - 0.62f));
    if (neck < pixel) {
      Rgb skin = portrait.lit(portrait.skin * 0.97f, {p.x / neck_width * 0.9f, 0.15f, 0.75f});
      const float under_chin = smoothstep(0.20f, 0.0f, spot.outline);
      skin = skin * mix({1.0f, 1.0f, 1.0f}, {0.66f, 0.56f, 0.54f}, under_chin);
      blend(colour, skin, coverage(neck, pixel));
    }

    const float shoulders = ellipse(p - Vec2{0.0f, 1.42f}, 1.02f, 0.66f);
    if (shoulders > 0.03f + pixel) return;
    float neckline = ellipse(p - Vec2{0.0f, 0.66f}, 0.34f, 0.20f);
    if (f.clothes != Clothes::CrewNeck) neckline = (std::fabs(p.x) - 0.72f * (1.02f - p.y)) * 0.8f;
    Rgb worn = portrait.lit(cloth, {p.x * 0.9f, -0.55f + 0.5f * std::fabs(p.x), 0.8f});
    worn = worn * (1.0f - 0.18f * smoothstep(0.10f, 0.0f, neckline));
    const float garment = std::max(shoulders, -neckline);
    blend(colour, worn, coverage(garment, pixel));
    if (f.clothes == Clothes::Collar) {
      const float collar = std::max(std::max(shoulders - 0.03f, -neckline), neckline - 0.13f);
      const Rgb white = portrait.lit(shirt, {p.x * 1.5f, -0.3f, 0.8f});
      blend(colour, white, coverage(collar, pixel));
    }
  });
}

void paint_head(Canvas& canvas, const Portrait& portrait) {
  const FaceFactors& f = portrait.factors;
  const float pixel = canvas.pixel();
  if (!ears_covered(f.hair_style)) paint_ears(canvas, portrait);
  const Vec3 halfway = normalised({portrait.light.x, portrait.light.y, portrait.light.z + 1.0f});
  const Rgb flush = portrait.skin * Rgb{1.02f, 0.72f, 0.70f};
  canvas.paint([&](const Spot& spot, Rgb& colour) {
    const float outline = spot.outline;
    const float inside = coverage(outline, pixel);
    if (inside <= 0.0f) return;
    const Vec2 p = spot.face;
    const Vec2 half = {std::fabs(p.x), p.y};
    const float cheek = soft_spot(half - Vec2{0.30f, 0.26f}, 0.22f, 0.18f);
    Rgb skin = mix(portrait.skin, flush, (0.10f + 0.75f * f.blush) * cheek);
    const Vec3 normal = normalised(skin_normal(portrait, spot));
    skin = portrait.lit(skin, normal);
    const float hollow = soft_spot(half - Vec2{kEyeDistance * 0.85f, kEyeLine - 0.03f}, 0.22f, 0.15f);
    skin = skin * mix({1.0f, 1.0f, 1.0f}, {0.84f, 0.76f, 0.76f}, hollow);
    const float rim = smoothstep(-0.10f, 0.0f, outline);
    skin = skin * mix({1.0f, 1.0f, 1.0f}, {0.86f, 0.78f, 0.76f}, rim);
    const float gloss = square(square(square(std::max(0.0f, dot(normal, halfway)))));
    skin = skin + Rgb{1.0f, 0.96f, 0.92f} * (0.10f * (0.4f + 0.6f * f.light_strength) * gloss * gloss);
    blend(colour, skin, inside);
  });
}

}  // namespace duel::synthetic
