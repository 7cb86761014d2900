// Portraits: eyes, brows, nose, mouth, beard and glasses.
#include "lib/data/synthetic_portrait.h"

namespace duel::synthetic {

namespace {

/// A point as seen from the middle of one eye: x outwards, the eye's slant undone.
struct EyeFrame {
  EyeFrame(const FaceFactors& f, float side_of_face)
      : side(side_of_face),
        centre{side * kEyeDistance * f.eye_spacing, kEyeLine},
        sine(std::sin(f.eye_slant * 0.0174533f)),
        cosine(std::cos(f.eye_slant * 0.0174533f)) {}

  Vec2 local(Vec2 face) const {
    const Vec2 p = {(face.x - centre.x) * side, face.y - centre.y};
    return {p.x * cosine - p.y * sine, p.x * sine + p.y * cosine};
  }

  float side;
  Vec2 centre;
  float sine, cosine;
};

constexpr Rgb kWhite = {1.0f, 1.0f, 1.0f};

/// Iris, pupil and highlight on top of the white of the eye.
Rgb eye_ball(const Portrait& portrait, const EyeFrame& eye, Vec2 p, float upper_lid, float pixel) {
  const FaceFactors& f = portrait.factors;
  const float radius = 0.079f * f.eye_size;
  const Vec2 looking = {eye.side * f.gaze * 0.040f, -0.010f};
  const Vec2 q = p - looking;
  const float distance = length(q);
  Rgb ball = mix(Rgb{0.97f, 0.965f, 0.96f}, Rgb{0.80f, 0.77f, 0.78f}, square(p.x / 0.15f));
  const float glow = clamp01(0.5f + q.y / (1.6f * radius));
  Rgb iris = portrait.iris * mix(0.62f, 1.30f, glow);
  iris = iris * mix(1.0f, 0.55f, smoothstep(0.70f * radius, radius, distance));
  blend(ball, iris, coverage(distance - radius, pixel));
  blend(ball, {0.04f, 0.03f, 0.04f}, coverage(distance - 0.45f * radius, pixel));
  ball = ball * mix(0.60f, 1.0f, smoothstep(0.0f, 0.055f, p.y - upper_lid));
  const Vec2 glint = {eye.side * (portrait.light.x > 0.0f ? 0.38f : -0.38f) * radius, -0.36f * radius};
  blend(ball, kWhite, 0.95f * coverage(length(q - glint) - 0.30f * radius, pixel));
  return ball;
}

void paint_eye(Canvas& canvas, const Portrait& portrait, float side) {
  const FaceFactors& f = portrait.factors;
  const float pixel = canvas.pixel();
  const EyeFrame eye(f, side);
  const float width = 0.148f * f.eye_size;
  const float squeeze = 1.0f - 0.25f * std::max(0.0f, f.smile);
  const float upper_height = 0.090f * f.eye_size * f.eye_openness;
  const float lower_height = 0.062f * f.eye_size * (0.4f + 0.6f * f.eye_openness) * squeeze;
  const Rgb lash = mix(portrait.skin * 0.25f, {0.07f, 0.05f, 0.05f}, 0.6f + 0.4f * f.makeup);
  const float lash_width = 0.011f + 0.008f * f.makeup;
  canvas.paint_near(eye.centre, 0.22f, [&](const Spot& spot, Rgb& colour) {
    const Vec2 p = eye.local(spot.face);
    const float t = p.x / width;
    const float arch = 1.0f - t * t;
    const float upper = -upper_height * arch, lower = lower_height * arch;
    // Distance to the lids: the vertical gap over the steepness of the lid.
    const float steep_upper = 1.0f / std::sqrt(1.0f + square(2.0f * upper_height * t / width));
    const float steep_lower = 1.0f / std::sqrt(1.0f + square(2.0f * lower_height * t / width));
    if (f.makeup > 0.0f) {
      const float shadow = soft_spot(p - Vec2{0.02f, -0.075f}, 0.17f, 0.085f);
      blend(colour, colour * Rgb{0.72f, 0.58f, 0.66f}, 0.7f * f.makeup * shadow);
    }
    const float fold = p.y - (upper - 0.038f - 0.012f * arch);
    if (std::fabs(t) < 1.05f) {
      blend(colour, colour * Rgb{0.62f, 0.52f, 0.50f},
            0.7f * line_coverage(fold * steep_upper, 0.006f, pixel));
    }
    if (std::fabs(t) < 1.0f) {
      const float open = band_coverage((p.y - upper) * steep_upper, (lower - p.y) * steep_lower, pixel);
      blend(colour, eye_ball(portrait, eye, p, upper, pixel), open);
      const float edge = line_coverage((p.y - lower) * steep_lower, 0.005f, pixel);
      blend(colour, portrait.skin * Rgb{0.60f, 0.46f, 0.44f}, 0.6f * edge);
    }
    // Lashes: along the upper lid, growing outwards and a little past the corner.
    if (t > -1.0f && t < 1.18f) {
      const float lid = t < 1.0f ? upper : 0.25f * (1.0f - t) * width;
      const float thick =
          lash_width * (0.55f + 0.45f * clamp01(0.5f + 0.5f * t)) * smoothstep(1.2f, 0.95f, t);
      blend(colour, lash, line_coverage((p.y - lid) * steep_upper + 0.3f * thick, thick, pixel));
    }
  });
}

}  // namespace

void paint_eyes(Canvas& canvas, const Portrait& portrait) {
  for (const float side : {-1.0f, 1.0f}) paint_eye(canvas, portrait, side);
}

void paint_brows(Canvas& canvas, const Portrait& portrait) {
  const FaceFactors& f = portrait.factors;
  const float pixel = canvas.pixel();
  const Rgb brow = mix(portrait.beard * 0.85f, portrait.skin * 0.6f, 0.15f);
  for (const float side : {-1.0f, 1.0f}) {
    const Vec2 centre = {side * kEyeDistance * f.eye_spacing, kEyeLine - 0.19f - 0.030f * f.brow_height};
    const float slant = std::sin(f.brow_slant * 0.0174533f);
    canvas.paint_near(centre, 0.24f, [&](const Spot& spot, Rgb& colour) {
      const Vec2 p = {(spot.face.x - centre.x) * side, spot.face.y - centre.y};
      const float t = (p.x + 0.125f) / 0.30f;  // 0 at the inner, 1 at the outer end
      if (t < -0.1f || t > 1.1f) return;
      const float bend = (t - 0.60f) / (t < 0.60f ? 0.85f : 0.48f);
      const float arc = -0.045f * (1.0f - bend * bend) - slant * (p.x - 0.02f) + 0.012f;
      const float thick = 0.023f * f.brow_thickness * mix(1.0f, 0.35f, t * t);
      const float ends = smoothstep(-0.04f, 0.10f, t) * smoothstep(1.04f, 0.92f, t);
      blend(colour, brow, 0.92f * ends * line_coverage(p.y - arc, thick, pixel));
    });
  }
}

void paint_nose(Canvas& canvas, const Portrait& portrait) {
  const FaceFactors& f = portrait.factors;
  const float tip = 0.29f * f.nose_length;
  const Vec2 centre = {0.0f, tip - 0.08f};
  // The nose throws its shade away from the light.
  const float away = portrait.light.x > 0.0f ? -1.0f : 1.0f;
  const float slanting = clamp01(std::fabs(portrait.light.x) * 1.6f) * f.light_strength;
  canvas.paint_near(centre, 0.30f, [&](const Spot& spot, Rgb& colour) {
    const Vec2 p = spot.face - Vec2{0.0f, tip};
    const float flank = soft_spot(p - Vec2{away * 0.070f * f.nose_width, -0.09f}, 0.075f, 0.17f);
    colour = colour * mix(kWhite, {0.72f, 0.60f, 0.58f}, flank * slanting);
    const float under = soft_spot(p - Vec2{away * slanting * 0.03f, 0.010f}, 0.125f * f.nose_width, 0.045f);
    colour = colour * mix(kWhite, {0.70f, 0.56f, 0.54f}, 0.85f * under);
    const Vec2 nostril = {std::fabs(p.x) - 0.046f * f.nose_width, p.y + 0.006f};
    colour = colour * mix(kWhite, {0.35f, 0.22f, 0.22f}, 0.85f * soft_spot(nostril, 0.034f, 0.024f));
    const float shine = soft_spot(p - Vec2{-away * 0.012f, -0.065f}, 0.040f, 0.045f) +
                        0.5f * soft_spot(p - Vec2{-away * 0.012f, -0.19f}, 0.026f, 0.14f);
    colour = colour + Rgb{1.0f, 0.96f, 0.92f} * (0.13f * shine);
  });
}

void paint_mouth(Canvas& canvas, const Portrait& portrait) {
  const FaceFactors& f = portrait.factors;
  const float pixel = canvas.pixel();
  const float smiling = std::max(0.0f, f.smile);
  const float width = (0.195f + 0.050f * smiling) * f.mouth_width;
  const float curve = 0.105f * f.smile;
  const float gap = 0.115f * f.mouth_open;
  const float upper_lip = 0.050f * f.lip_fullness * (1.0f - 0.25f * smiling);
  const float lower_lip = 0.064f * f.lip_fullness * (1.0f - 0.25f * smiling);
  const Rgb upper_colour = portrait.lit(portrait.lips * 0.88f, {0.0f, 0.35f, 0.9f});
  const Rgb lower_colour = portrait.lit(portrait.lips * 1.04f, {0.0f, -0.25f, 0.9f});
  const Rgb inside = {0.30f, 0.08f, 0.09f};
  canvas.paint_near({0.0f, kMouthLine + 0.03f}, 0.30f, [&](const Spot& spot, Rgb& colour) {
    const Vec2 p = spot.face - Vec2{0.0f, kMouthLine};
    const float t = p.x / width;
    const float arch = 1.0f - t * t;
    const float line = curve * (0.45f - t * t);
    const float slope = 1.0f / std::sqrt(1.0f + square(2.0f * curve * t / width));
    // The shade under the lower lip and in the corners.
    const float below = soft_spot(p - Vec2{0.0f, line + gap + lower_lip + 0.030f}, 0.13f, 0.035f);
    colour = colour * mix(kWhite, {0.78f, 0.68f, 0.66f}, below);
    const float corner = soft_spot({std::fabs(p.x) - width, p.y + 0.55f * curve}, 0.045f, 0.045f);
    colour = colour * mix(kWhite, {0.66f, 0.52f, 0.50f}, 0.8f * corner);
    if (arch <= 0.0f) return;
    const float bow =
        arch * (0.80f + 0.30f * std::fabs(t)) - 0.22f * std::max(0.0f, 1.0f - square(t / 0.22f));
    const float upper_edge = line - 0.25f * gap * arch, lower_edge = line + 0.85f * gap * arch;
    const float top = upper_edge - upper_lip * bow,
                bottom = lower_edge + lower_lip * arch * (1.25f - 0.25f * arch);
    blend(colour, upper_colour, band_coverage((p.y - top) * slope, (line - p.y) * slope, pixel));
    Rgb lower = lower_colour;
    const float wet =
        soft_spot(p - Vec2{-0.02f * portrait.light.x, lower_edge + 0.45f * lower_lip}, 0.10f, 0.024f);
    lower = lower + kWhite * ((0.10f + 0.14f * f.makeup) * wet);
    blend(colour, lower, band_coverage((p.y - line) * slope, (bottom - p.y) * slope, pixel));
    const float open = band_coverage((p.y - upper_edge) * slope, (lower_edge - p.y) * slope, pixel);
    if (open > 0.0f) {
      Rgb cavity = mix(inside, Rgb{0.75f, 0.34f, 0.36f}, soft_spot(p - Vec2{0.0f, lower_edge}, 0.12f, 0.05f));
      const float teeth = upper_edge + std::min(0.055f, 0.72f * gap) * arch + 0.012f;
      const Rgb white = Rgb{0.97f, 0.95f, 0.92f} * (1.0f - 0.30f * t * t);
      blend(cavity, white, coverage((p.y - teeth) * slope, pixel));
      blend(colour, cavity, open);
    }
    const float seam =
        line_coverage((p.y - upper_edge) * slope, 0.009f, pixel) * smoothstep(0.0f, 0.2f, arch);
    blend(colour, portrait.lips * Rgb{0.42f, 0.30f, 0.30f}, 0.75f * seam);
  });
}

void paint_facial_hair(Canvas& canvas, const Portrait& portrait) {
  const FaceFactors& f = portrait.factors;
  if (f.facial_hair == FacialHair::None) return;
  const bool cheeks = f.facial_hair == FacialHair::Beard || f.facial_hair == FacialHair::Stubble;
  const bool chin = cheeks || f.facial_hair == FacialHair::Goatee;
  const bool stubble = f.facial_hair == FacialHair::Stubble;
  const float density = stubble ? 0.26f : 0.88f;
  const float pixel = canvas.pixel();
  const float soft = stubble ? 0.10f : 0.04f;
  const float smiling = std::max(0.0f, f.smile);
  const float width = (0.195f + 0.050f * smiling) * f.mouth_width;
  const Rgb hair = mix(portrait.beard, portrait.skin * 0.45f, stubble ? 0.5f : 0.15f);
  canvas.paint([&](const Spot& spot, Rgb& colour) {
    const float outline = spot.outline - (stubble ? 0.0f : 0.02f);
    if (outline > pixel || spot.face.y < -0.1f) return;
    const Vec2 p = spot.face;
    const Vec2 half = {std::fabs(p.x), p.y};
    const float droop = 0.10f * square(half.x / 0.2f);
    float shape = ellipse({half.x, p.y - kMouthLine + 0.088f - droop * 0.5f}, width * 1.12f, 0.048f);
    if (chin) {
      const float ring = std::max(ellipse(p - Vec2{0.0f, 0.58f}, 0.24f, 0.30f), 0.44f - p.y);
      shape = smooth_min(shape, ring, 0.06f);
    }
    if (cheeks) shape = std::min(shape, 0.38f - p.y - 0.75f * std::max(0.0f, half.x - 0.16f));
    // The lips stay free.
    const float lips = ellipse(p - Vec2{0.0f, kMouthLine + 0.022f + 0.05f * f.mouth_open}, width * 0.98f,
                               0.062f + 0.055f * f.mouth_open);
    shape = smooth_max(shape, -lips, 0.03f);
    const float cover = density * smoothstep(soft, -soft, shape) * coverage(outline, pixel);
    const Vec3 normal = {spot.head.x * 1.6f, (spot.head.y - 0.2f) * 1.0f, 0.8f};
    blend(colour, portrait.lit(hair, normal), cover);
  });
}

void paint_glasses(Canvas& canvas, const Portrait& portrait) {
  const FaceFactors& f = portrait.factors;
  if (f.glasses == Glasses::None) return;
  const bool round = f.glasses == Glasses::Round;
  const float pixel = canvas.pixel();
  const float middle = kEyeDistance * f.eye_spacing + 0.01f;
  // Horn on light skin, gold on dark skin: the frame must stand out.
  const Rgb horn =
      mix(Rgb{0.30f, 0.20f, 0.14f}, Rgb{0.85f, 0.70f, 0.42f}, smoothstep(0.35f, 0.6f, f.skin_tone));
  const Rgb frame = round ? horn : Rgb{0.09f, 0.09f, 0.11f};
  const float thick = round ? 0.013f : 0.018f;
  canvas.paint([&](const Spot& spot, Rgb& colour) {
    const Vec2 p = spot.face - Vec2{0.0f, kEyeLine + 0.015f};
    if (std::fabs(p.y) > 0.3f || spot.outline > 0.03f) return;
    const Vec2 q = {std::fabs(p.x) - middle, p.y};
    float lens;
    if (round) {
      lens = length(q) - 0.170f;
    } else {
      const Vec2 corner = {std::max(0.0f, std::fabs(q.x) - 0.115f), std::max(0.0f, std::fabs(q.y) - 0.075f)};
      lens = length(corner) - 0.055f;
    }
    const float shine = smoothstep(0.03f, 0.0f, std::fabs(q.x + 0.8f * q.y + 0.05f));
    blend(colour, kWhite, (0.05f + 0.12f * shine) * coverage(lens, pixel));
    float line = std::fabs(lens);
    if (std::fabs(p.x) < middle) line = std::min(line, std::max(std::fabs(q.y + 0.03f), -lens));
    if (std::fabs(p.x) > middle) line = std::min(line, std::max(std::fabs(q.y + 0.04f), -lens));
    blend(colour, frame, line_coverage(line, thick, pixel));
  });
}

}  // namespace duel::synthetic
